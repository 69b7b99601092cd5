package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callscreen/relay/journal"
)

func TestRecordsComeBackInTheOrderOfTheirAppends(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		j := mustOpen(t, b.options(t))
		before := time.Now().Add(-time.Second)
		if seq := mustAppend(t, j, "a", "one", 0); seq != 1 {
			t.Fatalf("first sequence %d", seq)
		}
		mustAppend(t, j, "b", "two", 0)
		mustAppend(t, j, "a", "three", 1)
		got := take(t, j, 0, 3)
		wantRun(t, got, 1)
		if !slices.Equal(keys(got), []string{"a", "b", "a"}) {
			t.Errorf("keys %v", keys(got))
		}
		for i, want := range []string{"one", "two", "three"} {
			if string(got[i].Data) != want {
				t.Errorf("record %d: %q, want %q", i, got[i].Data, want)
			}
			if got[i].At.Before(before) || got[i].At.After(time.Now().Add(time.Second)) {
				t.Errorf("record %d was written at %v", i, got[i].At)
			}
		}
		if first, last, err := j.Head(t.Context()); err != nil || first != 1 || last != 3 {
			t.Errorf("head %d %d %v", first, last, err)
		}
	})
}

func TestAppendIsRefusedWhenTheKeyMovedOn(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		j := mustOpen(t, b.options(t))
		seq := mustAppend(t, j, "a", "rang", 0)
		other := mustAppend(t, j, "b", "rang", 0)
		for _, expected := range []uint64{0, other, seq + 100} {
			if _, err := j.Append(t.Context(), "a", []byte("x"), expected); !errors.Is(err, journal.ErrConflict) {
				t.Errorf("expecting %d: %v", expected, err)
			}
		}
		if _, err := j.Append(t.Context(), "new", []byte("x"), 7); !errors.Is(err, journal.ErrConflict) {
			t.Errorf("expecting 7 of a key without records: %v", err)
		}
		mustAppend(t, j, "a", "claimed", seq)
		if err := j.Healthy(); err != nil {
			t.Errorf("a refused append made the journal unhealthy: %v", err)
		}
	})
}

// proves O-01 for the store: one atomic compare-and-write.
func TestO01OfManyRacersForAKeyExactlyOneWins(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		j := mustOpen(t, b.options(t))
		const calls, racers = 250, 4
		won := race(t, calls, racers, func(key string, _ int) (bool, error) {
			_, err := j.Append(t.Context(), key, []byte("mine"), 0)
			if errors.Is(err, journal.ErrConflict) {
				return false, nil
			}
			return err == nil, err
		})
		for i, n := range won {
			if n != 1 {
				t.Errorf("call %d has %d winners", i, n)
			}
		}
		if _, last, err := j.Head(t.Context()); err != nil || last != calls {
			t.Errorf("%d records, want %d (%v)", last, calls, err)
		}
	})
}

// The twin of the race above without its defence: read, then write.
func TestARaceWithoutTheExpectedSequenceHasTwoWinners(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, journal.Options{Dir: t.TempDir() + "/j", NoSync: true})
	var free sync.WaitGroup
	free.Add(2)
	won := race(t, 1, 2, func(key string, _ int) (bool, error) {
		rec, _, err := j.Last(t.Context(), key)
		free.Done()
		free.Wait() // both have seen the key free
		if err != nil {
			return false, err
		}
		// The planted bug: a loser asks again and writes over the winner.
		for {
			_, err = j.Append(t.Context(), key, []byte("mine"), rec.Seq)
			if !errors.Is(err, journal.ErrConflict) {
				return err == nil, err
			}
			if rec, _, err = j.Last(t.Context(), key); err != nil {
				return false, err
			}
		}
	})
	if won[0] != 2 {
		t.Errorf("the planted bug gave %d winners: the race test could not notice it", won[0])
	}
}

func race(t *testing.T, calls, racers int, try func(key string, racer int) (bool, error)) []int32 {
	t.Helper()
	won := make([]atomic.Int32, calls)
	var all sync.WaitGroup
	for racer := range racers {
		all.Go(func() {
			for call := range calls {
				ok, err := try(fmt.Sprintf("call%d", call), racer)
				if err != nil {
					t.Errorf("call %d: %v", call, err)
					return
				}
				if ok {
					won[call].Add(1)
				}
			}
		})
	}
	all.Wait()
	out := make([]int32, calls)
	for i := range won {
		out[i] = won[i].Load()
	}
	return out
}

func TestLastIsTheNewestRecordOfItsKey(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		j := mustOpen(t, b.options(t))
		if _, found, err := j.Last(t.Context(), "a"); found || err != nil {
			t.Fatalf("a key without records: %v %v", found, err)
		}
		first := mustAppend(t, j, "a", "rang", 0)
		second := mustAppend(t, j, "a", "claimed", first)
		mustAppend(t, j, "b", "rang", 0)
		rec, found, err := j.Last(t.Context(), "a")
		if err != nil || !found || rec.Seq != second || rec.Key != "a" || string(rec.Data) != "claimed" {
			t.Errorf("got %+v %v %v", rec, found, err)
		}
		if time.Since(rec.At).Abs() > time.Minute {
			t.Errorf("written at %v", rec.At)
		}
	})
}

func TestBeforeFindsThePlaceOfATime(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		j := mustOpen(t, b.options(t))
		before := func(at time.Time) uint64 {
			t.Helper()
			seq, err := j.Before(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			return seq
		}
		for _, at := range []time.Time{{}, time.Now(), time.Now().Add(time.Hour)} {
			if seq := before(at); seq != 0 {
				t.Errorf("in an empty journal, %v: %d", at, seq)
			}
		}
		fill(t, j, 0, 5)
		for _, r := range take(t, j, 0, 5) {
			if seq := before(r.At); seq != r.Seq-1 {
				t.Errorf("before record %d came %d", r.Seq, seq)
			}
			if seq := before(r.At.Add(time.Nanosecond)); seq != r.Seq {
				t.Errorf("a moment after record %d it is %d", r.Seq, seq)
			}
		}
		for at, want := range map[time.Time]uint64{
			{}: 0, time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC): 0, time.Now().Add(-time.Hour): 0,
			time.Now().Add(time.Hour): 5, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC): 5,
		} {
			if seq := before(at); seq != want {
				t.Errorf("before %v: %d, want %d", at, seq, want)
			}
		}
		mustClose(t, j)
		if _, err := j.Before(t.Context(), time.Now()); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("on a closed journal: %v", err)
		}
	})
}

func TestReopeningResumesSequenceAndEpoch(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		o := b.options(t)
		j := mustOpen(t, o)
		epoch := j.Epoch()
		fill(t, j, 0, 5)
		mustClose(t, j)

		again := mustOpen(t, o)
		if again.Epoch() != epoch || epoch == "" {
			t.Errorf("epoch %q became %q", epoch, again.Epoch())
		}
		if seq := mustAppend(t, again, "k5", "k5", 0); seq != 6 {
			t.Errorf("the next sequence is %d, want 6", seq)
		}
		if _, err := again.Append(t.Context(), "k0", []byte("x"), 0); !errors.Is(err, journal.ErrConflict) {
			t.Errorf("the key's last sequence is forgotten: %v", err)
		}
		wantRun(t, take(t, again, 0, 6), 1)
	})
}

func TestAWipedJournalHasANewEpoch(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		o := b.options(t)
		j := mustOpen(t, o)
		fill(t, j, 0, 3)
		old := journal.Cursor{Epoch: j.Epoch(), Seq: 3}
		mustClose(t, j)

		fresh := mustOpen(t, b.wipe(t, o))
		if fresh.Epoch() == old.Epoch {
			t.Errorf("the epoch %q survived the wipe", old.Epoch)
		}
		err := fresh.Follow(t.Context(), old.Seq, func(journal.Record) error { return nil })
		if !errors.Is(err, journal.ErrAhead) {
			t.Errorf("following from a position beyond the end: %v", err)
		}
	})
}

func TestAFollowerSeesTheSeamBetweenOldAndNewExactlyOnce(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		j := mustOpen(t, b.options(t))
		fill(t, j, 0, 300)
		var writer sync.WaitGroup
		writer.Go(func() {
			for i := 300; i < 600; i++ {
				if _, err := j.Append(t.Context(), fmt.Sprintf("k%d", i), []byte("x"), 0); err != nil {
					t.Error(err)
					return
				}
			}
		})
		var followers sync.WaitGroup
		for _, after := range []uint64{0, 150, 299, 300} {
			followers.Go(func() { wantRun(t, take(t, j, after, 600-int(after)), after+1) })
		}
		followers.Wait()
		writer.Wait()
	})
}

func TestAFollowerThatResumesAcrossAReopenSeesAll(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		o := b.options(t)
		j := mustOpen(t, o)
		fill(t, j, 0, 20)
		seen := take(t, j, 0, 15)
		mustClose(t, j)
		j = mustOpen(t, o)
		fill(t, j, 20, 40)
		seen = append(seen, take(t, j, 15, 25)...)
		wantRun(t, seen, 1)
		if len(seen) != 40 {
			t.Errorf("%d records", len(seen))
		}
	})
}

func TestFollowEndsWithTheReasonItWasGiven(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		j := mustOpen(t, b.options(t))
		fill(t, j, 0, 1)

		reason := errors.New("console left")
		ctx, cancel := context.WithCancelCause(t.Context())
		err := j.Follow(ctx, 0, func(journal.Record) error { cancel(reason); return nil })
		if !errors.Is(err, reason) {
			t.Errorf("after its context ended: %v", err)
		}

		ended := make(chan error, 1)
		waiting := make(chan struct{})
		go func() {
			ended <- j.Follow(t.Context(), 0, func(journal.Record) error { close(waiting); return nil })
		}()
		<-waiting
		mustClose(t, j)
		if err := <-ended; !errors.Is(err, journal.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if err := j.Follow(t.Context(), 0, nil); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("on a closed journal: %v", err)
		}
	})
}

func TestAClosedJournalSaysSo(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		t.Helper()
		j := mustOpen(t, b.options(t))
		if err := j.Healthy(); err != nil {
			t.Fatalf("open and unhealthy: %v", err)
		}
		mustClose(t, j)
		mustClose(t, j)
		_, appendErr := j.Append(t.Context(), "a", nil, 0)
		_, _, lastErr := j.Last(t.Context(), "a")
		_, _, headErr := j.Head(t.Context())
		for name, err := range map[string]error{"append": appendErr, "last": lastErr, "head": headErr, "healthy": j.Healthy()} {
			if !errors.Is(err, journal.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestOnlyHarmlessKeysAndRecordsOfBoundedSizeAreTaken(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, journal.Options{Dir: t.TempDir() + "/j"})
	for _, key := range []string{"", "A", "a.b", "a*", ">", "a b", "a-b", "ä", "a\n", strings.Repeat("a", 65)} {
		if _, err := j.Append(t.Context(), key, nil, 0); err == nil || !strings.Contains(err.Error(), "is no key") {
			t.Errorf("append to %q: %v", key, err)
		}
		if _, _, err := j.Last(t.Context(), key); err == nil {
			t.Errorf("last of %q: no error", key)
		}
	}
	if _, err := j.Append(t.Context(), "a", make([]byte, journal.MaxRecord+1), 0); err == nil {
		t.Error("a record over the limit was taken")
	}
	longest := strings.Repeat("z", 64)
	mustAppend(t, j, longest, string(make([]byte, journal.MaxRecord)), 0)
	if got := take(t, j, 0, 1); len(got[0].Data) != journal.MaxRecord || got[0].Key != longest {
		t.Errorf("the largest record came back with %d bytes under %q", len(got[0].Data), got[0].Key)
	}
	if err := j.Healthy(); err != nil {
		t.Errorf("refused arguments made the journal unhealthy: %v", err)
	}
}

func TestAnAppendWhoseContextHasEndedIsNotUnknown(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, journal.Options{Dir: t.TempDir() + "/j"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Append(ctx, "a", nil, 0); !errors.Is(err, context.Canceled) || errors.Is(err, journal.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if _, last, err := j.Head(t.Context()); err != nil || last != 0 {
		t.Errorf("something was written: %d %v", last, err)
	}
}

func TestTheDescriptionNamesTheDurability(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    journal.Options
		want string
	}{
		"embedded": {journal.Options{Dir: t.TempDir() + "/j"}, "embedded, 1 replica, synced before acknowledged"},
		"unsynced": {journal.Options{Dir: t.TempDir() + "/j", NoSync: true}, "NOT synced"},
		"external": {journal.Options{URL: startServer(t, t.TempDir(), 0).ClientURL()}, "external, 1 replica, sync unknown"},
	} {
		if got := mustOpen(t, c.o).Describe(); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestOpenNamesWhatIsMissingOrImpossible(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    journal.Options
		want string
	}{
		"nothing":  {journal.Options{}, "neither a directory nor a server"},
		"negative": {journal.Options{Dir: "x", MaxAge: -1}, "cannot be negative"},
	} {
		if _, err := journal.Open(t.Context(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
