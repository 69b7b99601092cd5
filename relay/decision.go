package relay

import (
	"context"
	"errors"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/journal"
)

const (
	// outcomeAfter is how long after the deadline an outcome may still be
	// recorded: every accepted decision ends by then.
	outcomeAfter = time.Second
	// appendWithin bounds one append; a console learns "unknown" within 3 s.
	appendWithin = 2500 * time.Millisecond
)

// decide is the way of a decision: claim by appending, wait while it can be taken
// back, then ask Graph, then record the outcome. Losing the append is losing the
// race. held is told when the waiting begins.
func (s *Server) decide(cmd call.Command, held func()) call.Answer {
	answer := call.Answer{Request: cmd.ID, Call: cmd.Call, Reason: cmd.Reason}
	defer s.carrying(cmd)()
	claim, seq, err := s.claim(cmd)
	if errors.Is(err, call.ErrRepeated) {
		return s.repeated(answer, cmd.Operator)
	}
	if err != nil {
		return refusal(answer, err)
	}
	if claim.Claim.Hold > 0 {
		held()
	}
	sent, seq, err := s.commit(claim, seq)
	c, _ := s.desk.look(cmd.Call)
	if errors.Is(err, call.ErrNotHeld) {
		return became(answer, cmd.Operator, c)
	}
	outcome := tooLate(c)
	if err == nil {
		outcome = s.askGraph(c, sent)
	}
	if !s.recordOutcome(c, outcome, claim.Claim, seq) {
		c, _ = s.desk.look(cmd.Call)
		return became(answer, cmd.Operator, c)
	}
	answer.Reply, answer.Words = outcome.Reply, outcome.Reply.Words
	answer.Verdict = verdictOf(outcome)
	if outcome.Reply.Words == tooSlow {
		answer.Verdict = call.WasTooLate
	}
	return answer
}

// verdictOf is what an outcome means to whoever decided.
func verdictOf(e call.Event) call.Verdict {
	switch e.Kind {
	case call.Rejected:
		return call.WasRejected
	case call.Refused:
		return call.WasRefused
	case call.Gone:
		if e.Reply.Probably {
			return call.WasRejected // and unconfirmed: the words say so
		}
		return call.WasGone
	case call.Unknown, call.Rang, call.Changed, call.Claimed, call.Withdrawn, call.Committed, call.Ended, call.Unconfirmed, call.Expired:
		return call.WasUnknown
	default:
		return call.WasUnknown
	}
}

// carrying notes that this relay carries a command out, and returns what ends
// that. A claim of ours that nobody carries out, because its reply was lost or
// its outcome could not be recorded, is like one of a relay that died.
func (s *Server) carrying(cmd call.Command) func() {
	key := [2]string{cmd.Operator, cmd.ID}
	s.mu.Lock()
	s.claims[key] = true
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		delete(s.claims, key)
		s.mu.Unlock()
		s.desk.reschedule(cmd.Call)
	}
}

func (s *Server) carried(c *call.Claim) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.Relay == s.id && s.claims[[2]string{c.Operator, c.Command}]
}

// repeated answers a command that is in the journal already, by what became of
// it: this relay from before a restart, or another one, carries it out.
func (s *Server) repeated(a call.Answer, operator string) call.Answer {
	for {
		changed := s.desk.news()
		c, ok := s.desk.look(a.Call)
		left := time.Until(c.Deadline().Add(outcomeAfter))
		now := became(a, operator, c)
		if !ok || c.State != call.InClaim || now.Verdict == call.WasWithdrawn || left <= 0 {
			return now
		}
		timer := time.NewTimer(left)
		select {
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

const tooSlow = "too late: recording the decision took the time that was left; nothing was sent"

// errNotRecorded says that a decision could not be made durable: nothing was sent.
var errNotRecorded = errors.New("the relay could not record the decision; nothing was sent")

// errClaimUnknown says that the journal did not say whether the claim was recorded.
var errClaimUnknown = errors.New("the relay's journal did not answer in time; nothing was sent to Graph")

// claim appends the decision, conditional on nothing else having happened to
// the call. A refused append is no proof of a lost race, and a lost reply no
// proof that nothing was written: the journal is read back until the board shows
// what happened, and the command is judged anew. The whole takes at most
// appendWithin: then the operator is told that it is unknown.
func (s *Server) claim(cmd call.Command) (call.Event, uint64, error) {
	ctx, cancel := context.WithTimeout(s.base, appendWithin)
	defer cancel()
	for try := 0; ctx.Err() == nil; try++ {
		e, expected, err := s.desk.decide(cmd, time.Now())
		if err != nil {
			return s.ours(cmd, err)
		}
		seq, err := s.append(ctx, e, expected)
		if err == nil {
			return e, seq, nil
		}
		if !errors.Is(err, journal.ErrConflict) && !errors.Is(err, journal.ErrUnknown) {
			s.hush.warn("claim", "a decision could not be recorded", "err", err)
			return e, 0, errNotRecorded
		}
		if _, err := s.catchUp(ctx, cmd.Call); err != nil {
			s.hush.warn("read back", "the journal could not be read back", "err", err)
			return e, 0, errClaimUnknown
		}
		pause(ctx, try)
	}
	return call.Event{}, 0, errClaimUnknown
}

// ours turns "repeated" into success where the claim on the board is this very
// command's, appended a moment ago by an append whose reply was lost. It may
// have been taken back since, and the call be another command's.
func (s *Server) ours(cmd call.Command, err error) (call.Event, uint64, error) {
	c, ok := s.desk.look(cmd.Call)
	if ok && errors.Is(err, call.ErrRepeated) && c.State == call.InClaim && c.Claim.By(cmd) && c.Claim.Relay == cmd.Relay && s.carried(c.Claim) {
		return call.Event{Kind: call.Claimed, Call: c.ID, At: c.ClaimedAt, Claim: c.Claim}, c.Seq, nil
	}
	return call.Event{}, 0, err
}

// pause lets a call that changes quickly, or a cluster whose replicas are
// behind, settle before the next try: not at all at first, then longer.
func pause(ctx context.Context, try int) {
	timer := time.NewTimer(min(time.Duration(try)*5*time.Millisecond, 50*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// catchUp waits until the board holds what the journal's leader has of a call,
// and reports whether that is anything at all.
func (s *Server) catchUp(ctx context.Context, id call.ID) (written bool, err error) {
	last, ok, err := s.opts.Journal.Last(ctx, id.Key())
	if err != nil || !ok {
		return false, err
	}
	return true, s.desk.await(ctx, last.Seq)
}

// append makes an event durable.
func (s *Server) append(ctx context.Context, e call.Event, expected uint64) (uint64, error) {
	raw, err := encode(e)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, appendWithin)
	defer cancel()
	return s.opts.Journal.Append(ctx, e.Call.Key(), raw, expected)
}

// askGraph sends the rejection. No request leaves when the usable time is over,
// and none is waited for beyond the deadline. When recording the claim took the
// time that was left, on a slow disk or cluster, nothing is sent at all.
func (s *Server) askGraph(c call.Call, claim call.Event) call.Event {
	if !time.Now().Before(c.Usable()) {
		return tooLate(c)
	}
	ctx, cancel := context.WithDeadline(s.base, c.Deadline())
	defer cancel()
	begun := time.Now()
	receipt, err := s.opts.Graph.Reject(ctx, graph.Rejection{
		CallID: string(c.ID), Tenant: c.Tenant, Reason: string(claim.Claim.Reason), SendBefore: c.Usable(),
	})
	s.metrics.rejectSeconds.Observe(time.Since(begun).Seconds())
	return outcomeOf(c, receipt, err, claim.At)
}

// tooLate is the outcome of a claim whose time passed before its request could leave.
func tooLate(c call.Call) call.Event {
	return call.Event{Kind: call.Refused, Call: c.ID, At: time.Now(), Reply: &call.Reply{Words: tooSlow}}
}

// recordOutcome makes the outcome of a claim durable, whatever else happened to
// the call meanwhile, and returns when the board shows it, so that an operator's
// answer never overtakes the events that led to it. It gives up a second after
// the deadline; the sweep then says that the outcome is unknown. It reports false
// when the call is no longer of that claim: it was taken back, and may be
// somebody else's by now, whose claim must not get this outcome.
func (s *Server) recordOutcome(c call.Call, e call.Event, claim *call.Claim, expected uint64) bool {
	ctx, cancel := context.WithDeadline(s.base, c.Deadline().Add(outcomeAfter))
	defer cancel()
	for try := 0; ctx.Err() == nil; try++ {
		seq, err := s.append(ctx, e, expected)
		if err == nil {
			_ = s.desk.await(ctx, seq) // a board that is late does not undo what is recorded
			return true
		}
		if _, err := s.catchUp(ctx, c.ID); err == nil {
			now, _ := s.desk.look(c.ID)
			if now.Reply != nil && *now.Reply == *e.Reply {
				return true // the append arrived although its reply was lost
			}
			if !now.Claim.Is(claim) {
				return false
			}
			expected = now.Seq
		}
		if !errors.Is(err, journal.ErrConflict) {
			s.hush.warn("outcome", "an outcome is not recorded yet", "event", e.Kind, "err", err)
		}
		pause(ctx, try)
	}
	s.log.Error("an outcome could not be recorded", "event", e.Kind)
	return true
}

// refusal turns the rules' errors into an answer with a sentence.
func refusal(a call.Answer, err error) call.Answer {
	a.Words = err.Error()
	var taken *call.TakenError
	switch {
	case errors.As(err, &taken):
		a.Verdict, a.By, a.Reason, a.Ago = call.WasTaken, taken.Claim.Operator, taken.Claim.Reason, call.ToMillis(taken.Ago)
	case errors.Is(err, call.ErrTooLate):
		a.Verdict = call.WasTooLate
	case errors.Is(err, call.ErrGone):
		a.Verdict = call.WasGone
	case errors.Is(err, call.ErrNoSuchCall):
		a.Verdict = call.NoSuchCall
	case errors.Is(err, errClaimUnknown):
		a.Verdict = call.WasUnknown
	default:
		a.Verdict = call.NotSent
	}
	return a
}
