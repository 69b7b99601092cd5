package journal

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// proves O-06 for the journal's part: fifty clocks, one age.
func TestO06TheAgeOfARecordIsRightWhateverTheServersClockSays(t *testing.T) {
	began := time.Now()
	for i := -25; i < 25; i++ {
		skew := time.Duration(i) * 150 * time.Second
		at := func(d time.Duration) time.Time { return began.Add(d) }              // our clock
		server := func(d time.Duration) time.Time { return at(d + skew).Round(0) } // and the server's
		var c clock
		for s := range 60 { // every second it tells where the stream ends: a record in each
			asked := at(time.Duration(s) * time.Second)
			told := asked.Add(4 * time.Millisecond)
			c.heard(asked, told, 0, &jetstream.StreamInfo{
				TimeStamp: server(time.Duration(s)*time.Second + 2*time.Millisecond),
				State:     jetstream.StreamState{LastSeq: uint64(s)},
			})
		}
		for _, tc := range []struct {
			what       string
			seq        uint64
			stored, at time.Duration
		}{
			{"at once", 60, 59*time.Second + 300*time.Millisecond, 59*time.Second + 301*time.Millisecond},
			{"half a second late", 60, 59*time.Second + 300*time.Millisecond, 59*time.Second + 800*time.Millisecond},
			{"after a partition of twelve seconds", 47, 46*time.Second + 300*time.Millisecond, 59*time.Second + 10*time.Millisecond},
			{"at the start, long after", 1, 300 * time.Millisecond, 59*time.Second + 10*time.Millisecond},
		} {
			got := c.age(tc.seq, server(tc.stored), at(tc.at))
			if diff := (got - (tc.at - tc.stored)).Abs(); diff > 5*time.Millisecond {
				t.Errorf("skew %v, %s: age %v, want %v", skew, tc.what, got, tc.at-tc.stored)
			}
		}
	}
}

func TestO06AClockThatIsSetMovesAnAgeByNoMoreThanTheTimeBetweenTwoAnswers(t *testing.T) {
	began := time.Now()
	for _, jump := range []time.Duration{-time.Hour, -10 * time.Minute, 10 * time.Minute, time.Hour} {
		var c clock
		for s := range 10 {
			asked := began.Add(time.Duration(s) * time.Second)
			c.heard(asked, asked, 0, &jetstream.StreamInfo{TimeStamp: asked.Round(0), State: jetstream.StreamState{LastSeq: uint64(s)}})
		}
		now := began.Add(9*time.Second + 400*time.Millisecond)
		stored := now.Add(jump).Round(0) // a new leader, or ours was set
		if got := c.age(10, stored, now); got < 0 || got > 400*time.Millisecond {
			t.Errorf("jump %v: a record written after the last answer is %v old", jump, got)
		}
		if got := c.age(5, stored, now); got < 4400*time.Millisecond || got > 5400*time.Millisecond {
			t.Errorf("jump %v: a record written between the fifth answer and the sixth is %v old", jump, got)
		}
	}
}
