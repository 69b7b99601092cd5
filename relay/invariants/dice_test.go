package invariants

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// dice are one actor's chance. Each actor has its own, so that what one does
// does not depend on how often another threw.
type dice struct {
	quiet *atomic.Bool // faults are over

	mu  sync.Mutex
	rng *rand.Rand
}

func (w *world) dice(actor uint64) *dice {
	return &dice{quiet: &w.quiet, rng: rand.New(rand.NewPCG(w.seed, actor))}
}

// fault is true in so many of a thousand cases, as long as faults happen at all.
func (d *dice) fault(permille int) bool { return d.chance(permille) && !d.quiet.Load() }

func (d *dice) chance(permille int) bool { return d.n(1000) < permille }

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}

// between is a span of time, in whole milliseconds.
func (d *dice) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.n(int((most-least)/time.Millisecond)+1))*time.Millisecond
}
