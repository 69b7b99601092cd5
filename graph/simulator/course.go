package simulator

import "context"

// Course is which calls a simulator places by itself.
type Course struct {
	// PerMinute is the mean rate of traffic; 0 places none.
	PerMinute float64
	// Script is placed instead of traffic, once; nil means traffic.
	Script *Scenario
}

// Follow places the calls of a course until ctx ends. What a webhook refuses is
// logged and does not end it.
func (s *Simulator) Follow(ctx context.Context, c Course) error {
	switch {
	case c.Script != nil:
		_ = s.Play(ctx, *c.Script) // each refusal is in the log by itself
	case c.PerMinute > 0:
		return s.Traffic(ctx, Traffic{PerMinute: c.PerMinute})
	}
	<-ctx.Done()
	return nil
}
