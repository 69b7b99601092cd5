package journal

import (
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// keepMarks is how many answers of the leader are remembered: at one a second
// ten minutes, far longer than anything in the journal is urgent.
const keepMarks = 600

// clock tells how old a record is although no machine's time of day can be
// believed: not the writer's, not the server's, and not our own, which may be
// set while we run. What can be believed is our monotonic clock and the order of
// the stream. A record beyond the end that the leader told was appended after it
// was asked; one within that end, before it had answered. Between these bounds
// the server's time decides, less what its clock is ahead of ours.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration // the server's clock before ours
	marks []mark        // the oldest first
}

// mark is where the stream ended at some moment between asking and answer.
type mark struct {
	asked, told time.Time
	last        uint64
}

// heard takes in an answer of the leader, which had heard of a majority a while
// before: since then another may lead, and this one not know how the stream went on.
func (c *clock) heard(asked, told time.Time, before time.Duration, info *jetstream.StreamInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !info.TimeStamp.IsZero() {
		c.ahead = info.TimeStamp.Sub(asked.Round(0)) - told.Sub(asked)/2
	}
	if len(c.marks) == keepMarks {
		c.marks = append(c.marks[:0], c.marks[1:]...)
	}
	c.marks = append(c.marks, mark{asked.Add(-before), told, info.State.LastSeq})
}

// age is how long ago a record was appended that the server stored at its time.
func (c *clock) age(seq uint64, at, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := max(now.Round(0).Sub(at)+c.ahead, 0)
	for _, m := range slices.Backward(c.marks) {
		if m.last < seq {
			return min(age, now.Sub(m.asked))
		}
		age = max(age, now.Sub(m.told))
	}
	return age
}
