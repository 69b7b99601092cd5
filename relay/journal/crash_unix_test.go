//go:build unix

package journal_test

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"callscreen/relay/journal"
)

// limitFileSize makes every write beyond 200 kB of a file fail, as a full disk
// does.
func limitFileSize() {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 200_000, Max: 200_000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
}

func TestS05AFullDiskFailsTheAppendAndLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	_, lines := startChild(t, "full disk", dir)
	acked, failure := uint64(0), ""
	for lines.Scan() {
		if failure = lines.Text(); strings.HasPrefix(failure, "failed: ") {
			break
		}
		acked = number(t, failure)
	}
	if acked < 100 || !strings.HasPrefix(failure, "failed: journal: append to ") || !strings.Contains(failure, "healthy: false") {
		t.Fatalf("after %d records the child said %q", acked, failure)
	}
	t.Logf("after %d records: %s", acked, failure)
	for lines.Scan() { // its end releases the lock
		t.Logf("also: %s", lines.Text())
	}
	j := mustOpen(t, journal.Options{Dir: dir})
	if _, end, err := j.Head(t.Context()); err != nil || end < acked {
		t.Fatalf("%d records acknowledged, %d found (%v)", acked, end, err)
	}
	wantRun(t, take(t, j, 0, int(acked)), 1)
}

func TestS06TheDirectoryIsPrivateWhateverTheUmask(t *testing.T) {
	old := syscall.Umask(0) // not parallel: the mask is the process's
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "deep", "journal")
	j := mustOpen(t, journal.Options{Dir: dir})
	fill(t, j, 0, 3)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestS06ADirectoryOpenToOthersIsRefusedWithTheCommandThatMendsIt(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o701, 0o710, 0o750, 0o755, 0o770, 0o777} {
		dir := filepath.Join(t.TempDir(), "it's here")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := journal.Open(t.Context(), journal.Options{Dir: dir})
		want := "chmod 700 '" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}

func TestS06ALinkOrAFileInPlaceOfTheDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	folder := filepath.Join(base, "real")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(base, "link")
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	inner := filepath.Join(base, "inner")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(folder, filepath.Join(inner, "jetstream")); err != nil {
		t.Fatal(err)
	}
	lock := filepath.Join(base, "lock")
	if err := os.Mkdir(lock, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, filepath.Join(lock, "lock")); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		link: "symbolic link", file: "not a directory", inner: "symbolic link", lock: "lock: open",
	} {
		if _, err := journal.Open(t.Context(), journal.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", filepath.Base(dir), err)
		}
	}
	if b, err := os.ReadFile(file); err != nil || len(b) != 0 {
		t.Errorf("a file outside was written through a link: %q %v", b, err)
	}
}
