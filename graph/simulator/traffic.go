package simulator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// Traffic is a stream of calls as on a busy day.
type Traffic struct {
	// PerMinute is the mean rate, before Options.Speed; 0 means 12. Calls come at irregular times.
	PerMinute float64
	// Calls ends the stream after so many; 0 means never.
	Calls int
	// HangUps is the share of callers who give up before the ring time is over; 0 means 0.15, a negative
	// share nobody.
	HangUps float64
	// Kinds limits the kinds of callers; empty means all, each once a round.
	Kinds []string
}

const (
	defaultRate    = 12.0
	defaultHangUps = 0.15
	maxRate        = 60_000.0
	maxPlacing     = 256 // calls whose webhook has yet to answer; beyond it the stream waits
)

func (t Traffic) complete() (Traffic, error) {
	if t.PerMinute == 0 {
		t.PerMinute = defaultRate
	}
	if !(t.PerMinute > 0 && t.PerMinute <= maxRate) {
		return t, fmt.Errorf("simulator: traffic: %v calls a minute is not between 0 and %v", t.PerMinute, maxRate)
	}
	if math.IsNaN(t.HangUps) || t.HangUps > 1 {
		return t, fmt.Errorf("simulator: traffic: a share of %v hangs up", t.HangUps)
	}
	if t.HangUps == 0 {
		t.HangUps = defaultHangUps
	}
	if t.Calls < 0 {
		return t, fmt.Errorf("simulator: traffic: %d calls", t.Calls)
	}
	for _, name := range t.Kinds {
		if _, err := kindNamed(name); err != nil {
			return t, fmt.Errorf("simulator: traffic: %w", err)
		}
	}
	return t, nil
}

// Traffic places calls until ctx ends, the first one at once. It returns nil then, and ErrClosed when the
// simulator ended first. A webhook that does not answer is logged and does not stop the stream: a relay
// may start later than its callers.
func (s *Simulator) Traffic(ctx context.Context, t Traffic) error {
	t, err := t.complete()
	if err != nil {
		return err
	}
	placing := make(chan struct{}, maxPlacing)
	var work sync.WaitGroup
	defer work.Wait()
	for i := 0; t.Calls == 0 || i < t.Calls; i++ {
		if i > 0 && !s.sleep(ctx, s.gap(t, i)) {
			break
		}
		select {
		case placing <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		// Drawn here and not in the goroutine: the order of calls is part of what a seed promises.
		p, err := CallSpec{Kind: s.trafficKind(t, i), hangUps: t.HangUps}.plan()
		if err != nil {
			return err
		}
		c, err := s.place(p)
		if err != nil {
			return err
		}
		work.Go(func() {
			defer func() { <-placing }()
			if err := s.announce(ctx, c); err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
				s.log.Warn("call not heard", "call", c.id, "error", err)
			}
		})
	}
	if ctx.Err() == nil && s.ctx.Err() != nil {
		return ErrClosed
	}
	return nil
}

// gap is the pause before call i: exponential as with callers who do not know each other, at most four
// times the mean so that nobody stares at an empty screen.
func (s *Simulator) gap(t Traffic, i int) time.Duration {
	mean := float64(time.Minute) / t.PerMinute
	drawn := newDice(s.opts.Seed, "gap", uint64(i)).ExpFloat64() //nolint:gosec // counts up from 0
	return s.scaled(time.Duration(mean * min(drawn, 4)))
}

func (s *Simulator) trafficKind(t Traffic, i int) string {
	if len(t.Kinds) == 0 {
		return ""
	}
	return pick(newDice(s.opts.Seed, "traffic kind", uint64(i)), t.Kinds) //nolint:gosec // counts up from 0
}
