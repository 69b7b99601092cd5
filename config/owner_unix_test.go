//go:build unix

package config

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// mode is what Stat says of a file.
type mode struct {
	fs.FileInfo
	bits  fs.FileMode
	owner int
}

func (m mode) Mode() fs.FileMode { return m.bits }
func (m mode) Sys() any          { return &syscall.Stat_t{Uid: uint32(m.owner)} }

// proves K-02 for whatever holds a secret (client secret, certificate, token, a
// settings file with one in it, the TLS key): modes by owners, and what mends each.
func TestK02ModesAndOwnersOfAFileWithASecret(t *testing.T) {
	t.Parallel()
	me := os.Geteuid()
	chmod, chown := "run: chmod 600 'it'\\''s'", "run: chown "
	for _, row := range []struct {
		bits   fs.FileMode
		mine   string // what is said of my file and of root's
		theirs string // and of another user's
	}{
		{0o400, "", chown},
		{0o600, "", chown},
		{0o640, chmod, chmod},
		{0o644, chmod, chmod},
		{0o660, chmod, chmod},
		{0o666, chmod, chmod},
	} {
		for owner, want := range map[int]string{me: row.mine, 0: row.mine, me + 1: row.theirs} {
			for kind, judge := range map[string]func(fs.FileInfo) error{
				"a secret":      func(i fs.FileInfo) error { return judgePrivate("it's", i) },
				"settings file": func(i fs.FileInfo) error { return judgeConfigMode("it's", i, true) },
			} {
				err := judge(mode{bits: row.bits, owner: owner})
				if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%s, mode %04o, owner %d, me %d: %v, want %q", kind, row.bits, owner, me, err, want)
				}
			}
		}
	}
}

func TestK02AFileOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		owner, me int
		want      string
	}{
		{1000, 1000, ""},
		{0, 1000, ""},
		{0, 0, ""},
		{1001, 1000, "belongs to another user (id 1001): run: chown 1000 'f'"},
		{1000, 0, "belongs to another user (id 1000): run: chown 0 'f'"},
	} {
		err := judgeOwnerID("f", c.owner, c.me)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("owner %d, me %d: %v", c.owner, c.me, err)
		}
	}
}
