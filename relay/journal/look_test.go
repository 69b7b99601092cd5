package journal

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// stamps is every path below a directory with what would show a change.
func stamps(t *testing.T, dir string) map[string]time.Time {
	t.Helper()
	all := map[string]time.Time{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all[path] = info.ModTime()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLookSeesHowAJournalStandsAndChangesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	if c, err := Look(dir); err != nil || c != (Condition{}) {
		t.Errorf("no journal: %+v, %v", c, err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("Look made the directory: %v", err)
	}

	j, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), "a", []byte("record"), 0); err != nil {
		t.Fatal(err)
	}
	c, err := Look(dir)
	if err != nil || !c.Exists || !c.Held || runtime.GOOS != "windows" && c.Holder != os.Getpid() {
		t.Errorf("open: %+v, %v", c, err)
	}
	if _, err := j.Append(t.Context(), "b", []byte("record"), 0); err != nil {
		t.Errorf("after a look: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}

	before := stamps(t, dir)
	c, err = Look(dir)
	if err != nil || !c.Exists || c.Held || c.Bytes == 0 {
		t.Errorf("closed: %+v, %v", c, err)
	}
	if after := stamps(t, dir); !maps.Equal(before, after) {
		t.Errorf("a look changed the directory from %v to %v", before, after)
	}
	again, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatalf("after a look: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestLookFindsWhatOpenWouldRefuse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := j.Append(t.Context(), "k", make([]byte, 1000), 0); err != nil && !errors.Is(err, ErrConflict) {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	blocks, err := blockFiles(dir)
	if err != nil || len(blocks) == 0 {
		t.Fatalf("%v, %v", blocks, err)
	}
	raw, err := os.ReadFile(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[2] = 0xff // the first record's length
	if err := os.WriteFile(blocks[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Look(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Look(dir); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("open to others: %v", err)
	}
}
