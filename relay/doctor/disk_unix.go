//go:build unix

package doctor

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// ownedByOthers tells whether somebody else owns a file, and who.
func ownedByOthers(info fs.FileInfo) (uid int, others bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), int(stat.Uid) != os.Geteuid()
}

// quoted makes a path safe to paste into a shell.
func quoted(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }
