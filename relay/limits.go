package relay

import (
	"cmp"
	"errors"

	"golang.org/x/time/rate"

	"callscreen/relay/wire"
)

// Limits are what consoles may cost. What a person at a screen does stays far
// below; beyond is a program in a loop or an attack, and the others must not
// notice it.
type Limits struct {
	Consoles    int // sockets in all; 0 = 2,000
	PerOperator int // sockets of one operator; 0 = 5
	// Frames is how many decisions a second one console may send, and once more
	// how many of all other frames; 0 = [wire.DecisionsPerSecond]. AtOnce is how many
	// of them may come at once, and how many decisions may be under way, each of which
	// may wait for Graph for as long as a call rings; 0 = [wire.DecisionsAtOnce]. Of
	// take-backs there may be more by as much as the wire says.
	Frames, AtOnce int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Consoles: cmp.Or(l.Consoles, 2000), PerOperator: cmp.Or(l.PerOperator, 5),
		Frames: cmp.Or(l.Frames, wire.DecisionsPerSecond), AtOnce: cmp.Or(l.AtOnce, wire.DecisionsAtOnce),
	}
}

// allowance is what one console may send of one sort.
func (l Limits) allowance() *rate.Limiter { return rate.NewLimiter(rate.Limit(l.Frames), l.AtOnce) }

// lane is what one console may send of what is carried out, and how much of that
// may be under way.
type lane struct {
	*rate.Limiter
	busy chan struct{}
}

func (l Limits) decisions() lane { return lane{l.allowance(), make(chan struct{}, l.AtOnce)} }

// undos is apart from the decisions, and wider: all that is held can be taken back
// at once, although it was decided just now.
func (l Limits) undos() lane {
	l.Frames *= wire.UndosPerSecond / wire.DecisionsPerSecond
	l.AtOnce *= wire.UndosAtOnce / wire.DecisionsAtOnce
	return l.decisions()
}

// errTooMany ends the reading of a console that sends too much.
var errTooMany = errors.New("too many frames")

// spend takes one frame off a console's allowance, or gives the seat up.
func (s *seat) spend(from *rate.Limiter) error {
	if from.Allow() {
		return nil
	}
	s.hangUp(wire.TooMany, "more frames than a console can mean")
	return errTooMany
}

// full says why a console finds no seat; "" when there is one. The caller holds mu.
func (d *desk) full(newcomer *seat) string {
	all, his := 0, 0
	for s := range d.seats {
		switch {
		case s.givenUp(): // it says goodbye and is nobody's any more
		case s.operator.Name == newcomer.operator.Name:
			his++
			all++
		default:
			all++
		}
	}
	switch {
	case all >= d.limits.Consoles:
		return "this relay has as many consoles as it takes; come back when one has left"
	case his >= d.limits.PerOperator:
		return "this operator has as many consoles as one may have: close another one"
	default:
		return ""
	}
}
