package client

import (
	"time"

	"golang.org/x/time/rate"

	"callscreen/relay/wire"
)

// pace keeps this link below what its relay allows, which hangs up for good on
// whoever sends more. Frames that a slow way held up arrive all at once. So a
// decision counts when the relay is known to have it, and until then there must
// be room for it on top: the relay has counted it before, and is never stricter.
type pace struct{ rejects, undos *rate.Limiter }

func newPace() pace {
	return pace{
		rejects: below(wire.DecisionsPerSecond, wire.DecisionsAtOnce),
		undos:   below(wire.UndosPerSecond, wire.UndosAtOnce*3/4), // a quarter for those held up on the way
	}
}

// below is less than is allowed by a twentieth, because two clocks differ.
func below(perSecond, atOnce int) *rate.Limiter {
	const share = 0.95
	return rate.NewLimiter(rate.Limit(share*float64(perSecond)), int(share*float64(atOnce)))
}

// until is how long it takes until so many may be sent; 0 when they may now.
func until(l *rate.Limiter, n int, now time.Time) time.Duration {
	missing := float64(n) - l.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing/float64(l.Limit())*float64(time.Second)) + time.Millisecond
}
