//go:build unix

package config

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// judgeOwner refuses a file of somebody else: its owner can change it whatever
// its mode. Root's files are fine, as a system's own settings are.
func judgeOwner(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return judgeOwnerID(path, int(stat.Uid), os.Geteuid())
}

func judgeOwnerID(path string, owner, me int) error {
	if owner == me || owner == 0 {
		return nil
	}
	return fmt.Errorf("%s belongs to another user (id %d): run: chown %d %s", path, owner, me, shellQuote(path))
}
