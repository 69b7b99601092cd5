package journal_test

import (
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"callscreen/relay/journal"
)

func TestS07TheOldestRecordsGoWhenTheJournalIsFull(t *testing.T) {
	t.Parallel()
	o := journal.Options{Dir: t.TempDir() + "/j", MaxBytes: 200 << 10}
	j := mustOpen(t, o)
	big := string(make([]byte, 10<<10))
	for range 100 {
		mustAppend(t, j, "a", big, last(t, j, "a"))
	}
	first, end, err := j.Head(t.Context())
	if err != nil || end != 100 || first < 75 {
		t.Fatalf("records %d to %d are left of 1000 KiB in 200 KiB (%v)", first, end, err)
	}
	mustClose(t, j)
	j = mustOpen(t, o) // and what went is not taken for damage
	wantRun(t, take(t, j, 0, int(end-first+1)), first)
}

func TestS07RecordsExpireWithAge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/j"
	j := mustOpen(t, journal.Options{Dir: dir})
	fill(t, j, 0, 3)
	mustClose(t, j)
	// The limit of an existing journal follows the options; waiting for the
	// server's own clock is the only way to see it expire.
	j = mustOpen(t, journal.Options{Dir: dir, MaxAge: 200 * time.Millisecond})
	expired := func() bool {
		first, last, err := j.Head(t.Context())
		return err == nil && first == 4 && last == 3
	}
	for deadline := time.Now().Add(15 * time.Second); !expired(); {
		if time.Now().After(deadline) {
			t.Fatal("records older than the limit are still there")
		}
		<-time.After(20 * time.Millisecond)
	}
	mustClose(t, j)
	j = mustOpen(t, journal.Options{Dir: dir}) // what went is not taken for damage
	if seq := mustAppend(t, j, "k0", "k0", 0); seq != 4 {
		t.Errorf("a sequence was used twice: %d", seq)
	}
}

var long = flag.Bool("long", false, "a million records, a cut and a flipped bit at every byte")

// The journal of a house that never rests stays at its size on the disk, and what
// is left is the newest, without a hole.
func TestS07AJournalOfManyRecordsIsBounded(t *testing.T) {
	t.Parallel()
	records, limit := 60_000, int64(8<<20)
	if *long {
		records, limit = 1_000_000, 256<<20
	}
	dir := t.TempDir() + "/j"
	o := journal.Options{Dir: dir, MaxBytes: limit, NoSync: true}
	j := mustOpen(t, o)
	data := make([]byte, 400) // as long as a typical event
	for i := range records {
		if _, err := j.Append(t.Context(), fmt.Sprintf("k%d", i), data, 0); err != nil {
			t.Fatal(err)
		}
	}
	first, end, err := j.Head(t.Context())
	if err != nil || end != uint64(records) || first < 2 {
		t.Fatalf("records %d to %d are left (%v): nothing was forgotten", first, end, err)
	}
	mustClose(t, j)
	// A file goes as a whole, once all of its records may: one of at most 8 MiB is
	// half forgotten. The rest is the store's index.
	if size := sizeOf(t, dir); size > limit+limit/20+9<<20 {
		t.Errorf("%d records take %d bytes on the disk, the limit is %d", records, size, limit)
	}
	j = mustOpen(t, o)
	wantRun(t, take(t, j, 0, int(end-first+1)), first)
}

func sizeOf(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func last(t testing.TB, j *journal.Journal, key string) uint64 {
	t.Helper()
	rec, _, err := j.Last(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Seq
}
