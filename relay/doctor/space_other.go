//go:build !linux && !darwin

package doctor

// freeSpace is not told here.
func freeSpace(string) (bytes int64, ok bool) { return 0, false }
