package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"callscreen/relay/journal"
)

const tenRecords = 10

// written makes a journal of ten records and gives its directory and the folder
// of the store's files. With index the store's own index is left in place, as
// after a clean end; without it the store must read the records again, as after
// a crash.
func written(t *testing.T, index bool) (dir, msgs string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "journal")
	j := mustOpen(t, journal.Options{Dir: dir})
	fill(t, j, 0, tenRecords)
	mustClose(t, j)
	msgs = filepath.Join(dir, "jetstream", "$G", "streams", journal.StreamName, "msgs")
	if !index {
		remove(t, filepath.Join(msgs, "index.db"))
	}
	return dir, msgs
}

// step is how many bytes lie between two tries: none with -long.
func step(quick int) int {
	if *long {
		return 1
	}
	return quick
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// readAll opens the journal and reads its ten records, and gives the error that
// stopped it.
func readAll(t *testing.T, dir string) error {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer mustClose(t, j)
	n := uint64(0)
	err = j.Follow(t.Context(), 0, func(r journal.Record) error {
		if n++; r.Seq != n || string(r.Data) != r.Key {
			t.Errorf("record %d came back as %d %q", n, r.Seq, r.Data)
		}
		if n == tenRecords {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func TestS04AFlippedBitIsNeverPassedOverInSilence(t *testing.T) {
	t.Parallel()
	for _, index := range []bool{true, false} {
		pristine, msgs := written(t, index)
		size := len(read(t, filepath.Join(msgs, "1.blk")))
		for at := 0; at < size; at += step(11) {
			dir := filepath.Join(t.TempDir(), "journal")
			if err := os.CopyFS(dir, os.DirFS(pristine)); err != nil {
				t.Fatal(err)
			}
			private(t, dir)
			block := filepath.Join(dir, "jetstream", "$G", "streams", journal.StreamName, "msgs", "1.blk")
			b := read(t, block)
			b[at] ^= 0x10
			write(t, block, b)
			if err := readAll(t, dir); !errors.Is(err, journal.ErrDamaged) {
				t.Errorf("index %v, byte %d of %d: %v", index, at, size, err)
			}
		}
	}
}

// private gives the folders of a copy the modes of the original, which CopyFS
// does not keep.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The twin of the test above without its defence: with the mark removed a
// damaged length looks like a torn record, and nobody is told.
func TestWithoutTheMarkADamagedLengthPassesInSilence(t *testing.T) {
	t.Parallel()
	dir, msgs := written(t, true)
	block := filepath.Join(msgs, "1.blk")
	b := read(t, block)
	b[0] ^= 0x10
	write(t, block, b)
	remove(t, filepath.Join(dir, "head"))
	j := mustOpen(t, journal.Options{Dir: dir})
	if _, last, err := j.Head(t.Context()); err != nil || last == tenRecords {
		t.Errorf("%d records (%v): the mark is not what notices the damage", last, err)
	}
}

func TestS04ARefusedJournalIsLeftAsItIsAndTheRefusalSaysWhereAndWhatToDo(t *testing.T) {
	t.Parallel()
	dir, msgs := written(t, false)
	block := filepath.Join(msgs, "1.blk")
	b := read(t, block)
	b[len(b)/2] ^= 0xff
	write(t, block, b[:600])
	err := readAll(t, dir)
	if !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), " of "+block) ||
		!strings.Contains(err.Error(), "restore "+dir+" from a copy") {
		t.Fatalf("got %v", err)
	}
	if after := read(t, block); len(after) != 600 {
		t.Errorf("the file of 600 bytes now has %d", len(after))
	}
}

func TestAnEndThatTheStoreLostIsNoticedByTheMark(t *testing.T) {
	t.Parallel()
	dir, msgs := written(t, true)
	remove(t, filepath.Join(msgs, "1.blk"))
	remove(t, filepath.Join(msgs, "index.db"))
	err := readAll(t, dir)
	if !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), "remove the file "+filepath.Join(dir, "head")) {
		t.Fatalf("got %v", err)
	}
	remove(t, filepath.Join(dir, "head"))
	j := mustOpen(t, journal.Options{Dir: dir})
	mustAppend(t, j, "later", "x", 0)
}

func TestS03ARecordTornByACrashIsCutOffAndTheRestStays(t *testing.T) {
	t.Parallel()
	dir, msgs := written(t, false)
	block, mark := filepath.Join(msgs, "1.blk"), filepath.Join(dir, "head")
	whole, end := len(read(t, block)), read(t, mark)
	j := mustOpen(t, journal.Options{Dir: dir})
	mustAppend(t, j, "k10", "never acknowledged", 0)
	mustClose(t, j)
	eleven := read(t, block)
	if len(eleven) <= whole {
		t.Fatalf("the eleventh record is not in the first block")
	}
	for cut := whole; cut < len(eleven); cut += step(5) {
		write(t, block, eleven[:cut])
		write(t, mark, end)
		_ = os.Remove(filepath.Join(msgs, "index.db"))
		if err := readAll(t, dir); err != nil {
			t.Errorf("cut after %d of %d bytes: %v", cut-whole, len(eleven)-whole, err)
		}
	}
}
