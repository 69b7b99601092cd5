package journal_test

// limitFileSize has no counterpart on Windows; the test that uses it is for
// Unix only.
func limitFileSize() {}
