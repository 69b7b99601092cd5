package relay

import (
	"context"
	"errors"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/journal"
)

const (
	// confirmWithin is how long after Graph's 202 its report of the end may take.
	confirmWithin = 5 * time.Second
	// sweepAgain is the pause after the journal refused to record what is due.
	sweepAgain = 250 * time.Millisecond
	// commitWithin is how long after the end of a hold another relay's commit may
	// come: the longest append, and some for the way.
	commitWithin = appendWithin + 500*time.Millisecond
)

// sweep records what follows from time alone: a call nobody decided expires, a
// rejection without confirmation ends unconfirmed, a claim whose relay died
// becomes unknown, or refused while it was held. Several relays on one journal all try; one append wins and
// the others' are refused, which is as it should be.
func (s *Server) sweep(ctx context.Context) error {
	for {
		due, next := s.desk.agenda(time.Now())
		for _, d := range due {
			if _, err := s.append(ctx, d.event, d.expected); err != nil && !errors.Is(err, journal.ErrConflict) {
				s.hush.warn("sweep", "what is due could not be recorded", "event", d.event.Kind, "err", err)
				break // the journal is in trouble: the rest is as due in a moment
			}
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-s.desk.wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// due is what happens to a call by itself, and when.
func (s *Server) due(c *call.Call) (e call.Event, at time.Time, ok bool) {
	switch c.State {
	case call.Ringing, call.InDoubt:
		return call.Event{Kind: call.Expired}, c.Deadline(), true
	case call.InRejection:
		at = c.HeldUntil().Add(confirmWithin)
		if c.Reply != nil {
			at = at.Add(c.Reply.Took.Duration())
		}
		return call.Event{Kind: call.Unconfirmed}, at, true
	case call.InClaim:
		return s.abandoned(c)
	case call.Over:
		return e, at, false
	default:
		return e, at, false
	}
}

// abandoned is when a claim's outcome will not come any more: at once, when it
// is ours and nobody carries it out, or when the journal is this relay's alone
// and the claim is left from before a crash. On a shared journal another relay
// may be at work until its time for recording the outcome is over; but one that
// has not committed a held claim by the end of its hold has sent nothing, and
// cannot send anything once that is recorded.
func (s *Server) abandoned(c *call.Call) (e call.Event, at time.Time, ok bool) {
	e = call.Event{Kind: call.Unknown, Reply: &call.Reply{
		Words: "the relay that sent the rejection stopped before Graph's answer was recorded",
	}}
	if c.Held != nil {
		e.Kind, e.Reply.Words = call.Refused, "the relay stopped while the decision could be taken back; nothing was sent"
	}
	if c.Claim == nil || c.Claim.Relay == s.id && !s.carried(c.Claim) || c.Claim.Relay != s.id && !s.opts.Shared {
		return e, c.ClaimedAt, true
	}
	at = c.Deadline().Add(outcomeAfter + sweepAgain)
	if c.Held != nil {
		at = minTime(at, c.HeldUntil().Add(commitWithin))
	}
	return e, at, true
}
