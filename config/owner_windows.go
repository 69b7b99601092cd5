package config

import "io/fs"

// judgeOwner leaves it to Windows' access lists.
func judgeOwner(string, fs.FileInfo) error { return nil }
