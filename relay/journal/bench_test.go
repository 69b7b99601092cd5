package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"callscreen/relay/journal"
)

// event is as long as a typical event.
var event = make([]byte, 400)

func benchModes(b *testing.B, run func(b *testing.B, j *journal.Journal)) {
	b.Helper()
	for _, mode := range []struct {
		name   string
		noSync bool
	}{{"synced", false}, {"unsynced", true}} {
		b.Run(mode.name, func(b *testing.B) {
			run(b, mustOpen(b, journal.Options{Dir: b.TempDir() + "/j", NoSync: mode.noSync}))
		})
	}
}

// BenchmarkAppend is one writer's append, from call to acknowledgement.
func BenchmarkAppend(b *testing.B) {
	benchModes(b, func(b *testing.B, j *journal.Journal) {
		b.Helper()
		i := 0
		for b.Loop() {
			if _, err := j.Append(b.Context(), fmt.Sprintf("k%d", i), event, 0); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}

// BenchmarkAppendToFollow is the way of one event: appended, acknowledged,
// delivered to the follower.
func BenchmarkAppendToFollow(b *testing.B) {
	benchModes(b, func(b *testing.B, j *journal.Journal) {
		b.Helper()
		ctx, cancel := context.WithCancel(b.Context())
		got, done := make(chan time.Time, 1), make(chan error, 1)
		go func() {
			done <- j.Follow(ctx, 0, func(journal.Record) error { got <- time.Now(); return nil })
		}()
		var took []time.Duration
		i := 0
		for b.Loop() {
			start := time.Now()
			if _, err := j.Append(ctx, fmt.Sprintf("k%d", i), event, 0); err != nil {
				b.Fatal(err)
			}
			took = append(took, (<-got).Sub(start))
			i++
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			b.Errorf("the follower ended with %v", err)
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	})
}

// BenchmarkOpen is the start of a relay on a journal of a thousand records.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir() + "/j"
	j := mustOpen(b, journal.Options{Dir: dir, NoSync: true})
	for i := range 1000 {
		if _, err := j.Append(b.Context(), fmt.Sprintf("k%d", i), event, 0); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		j, err := journal.Open(b.Context(), journal.Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
