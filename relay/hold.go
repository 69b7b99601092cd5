package relay

import (
	"context"
	"errors"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/journal"
)

// This file is the time between a decision and its request, in which the
// operator can take the decision back (setting undo). The take-back and the
// request never ask each other, nor need they meet in one relay: each must append
// its event on the claim's last one, and only one of the two appends is accepted.
// So no request leaves after a recorded take-back, and nobody is told "taken
// back" of a request that left.
//
// What ends a hold early: the call's end, after which nothing is sent, and this
// relay's going down, because the operator has decided and the decision is
// carried out. A link that breaks ends nothing. A relay that dies leaves a claim
// for which nothing was sent, and the call rings on.

// commit returns when the request of a claim may leave: at once, or after the
// hold and once that is recorded. What it returns is the event that the request
// follows from. [call.ErrNotHeld] says that the claim is no more, any other error
// that its time passed before the commit was recorded; either way nothing may be sent.
func (s *Server) commit(claim call.Event, seq uint64) (call.Event, uint64, error) {
	if claim.Claim.Hold <= 0 {
		return claim, seq, nil
	}
	c, _ := s.desk.look(claim.Call)
	ctx, cancel := context.WithDeadline(s.base, c.Usable())
	defer cancel()
	if err := s.desk.await(ctx, seq); err != nil {
		return claim, seq, err
	}
	s.waitOut(claim)
	for try := 0; ctx.Err() == nil; try++ {
		e, expected, done, err := s.desk.commit(claim, time.Now())
		if err != nil || done {
			return e, expected, err
		}
		seq, err := s.append(ctx, e, expected)
		if err == nil {
			return e, seq, nil
		}
		if !errors.Is(err, journal.ErrConflict) {
			s.hush.warn("commit", "the end of a hold is not recorded yet", "err", err)
		}
		_, _ = s.catchUp(ctx, claim.Call) // unread, the next append is refused like this one
		pause(ctx, try)
	}
	return claim, seq, context.Cause(ctx)
}

// waitOut returns when the hold of a claim is over, or there is none any more.
func (s *Server) waitOut(claim call.Event) {
	timer := time.NewTimer(time.Until(claim.At.Add(claim.Claim.Hold.Duration())))
	defer timer.Stop()
	for {
		changed := s.desk.news()
		if c, _ := s.desk.look(claim.Call); c.Held == nil || !c.Claim.Is(claim.Claim) {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		case <-s.leaving:
			return
		}
	}
}

// undo carries out a console's wish to take a decision back. It has no answer of
// its own: the decision's answer tells.
func (s *Server) undo(cmd call.Command) {
	if err := s.takeBack(cmd); err != nil {
		s.hush.warn("undo", "a decision was not taken back", "call", cmd.Call, "operator", cmd.Operator, "err", err)
	}
}

// takeBack records that a decision is taken back. A wish that overtook its
// decision, because both keys came in one moment, waits for the claim.
func (s *Server) takeBack(cmd call.Command) error {
	ctx, cancel := context.WithTimeout(s.base, appendWithin)
	defer cancel()
	for try := 0; ctx.Err() == nil; try++ {
		changed := s.desk.news()
		e, expected, err := s.desk.takeBack(cmd, time.Now())
		if errors.Is(err, call.ErrNotHeld) {
			if c, _ := s.desk.look(cmd.Call); c.VerdictOn(cmd.Operator, cmd.ID) == call.WasWithdrawn {
				return nil // it was taken back already, perhaps by an append of ours whose reply was lost
			}
			if answered, open := s.answers.open(cmd); open {
				select {
				case <-changed:
				case <-answered:
				case <-ctx.Done():
				}
				continue
			}
		}
		if err != nil {
			return err
		}
		if _, err = s.append(ctx, e, expected); err == nil {
			return nil
		}
		if !errors.Is(err, journal.ErrConflict) && !errors.Is(err, journal.ErrUnknown) {
			return err
		}
		if _, err := s.catchUp(ctx, cmd.Call); err != nil {
			return err
		}
		pause(ctx, try)
	}
	return context.Cause(ctx)
}

const (
	takenBack = "taken back in time; nothing was sent"
	goneFirst = "the call was over before the decision left; nothing was sent"
)

// became answers a command that made a claim by where the call now stands.
func became(a call.Answer, operator string, c call.Call) call.Answer {
	a.Verdict = c.VerdictOn(operator, a.Request)
	switch ours := c.Claim.By(call.Command{ID: a.Request, Operator: operator}); {
	case a.Verdict == call.WasWithdrawn:
		a.Words = takenBack
	case !ours && c.State == call.Over:
		a.Verdict, a.Words = call.WasGone, goneFirst
	case !ours:
		a.Verdict = call.WasUnknown // it was in doubt, and was claimed again meanwhile
	case c.Reply != nil:
		a.Reply, a.Words = c.Reply, c.Reply.Words
	}
	return a
}
