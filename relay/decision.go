package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/journal"
)

const (
	// answersKept is how long a repeated command gets the stored answer.
	answersKept = 5 * time.Minute
	// claimTries bounds how often a claim is built anew because something else
	// happened to the call at the same moment.
	claimTries = 16
	// outcomeAfter is how long after the deadline an outcome may still be
	// recorded: every accepted decision ends by then.
	outcomeAfter = time.Second
	// appendWithin bounds one append; a console learns "unknown" within 3 s.
	appendWithin = 2500 * time.Millisecond
)

// answers remembers what became of each operator's commands, so that one sent
// twice is carried out once.
type answers struct {
	mu   sync.Mutex
	kept map[[2]string]*pending
}

type pending struct {
	done   chan struct{} // closed when answer is there
	answer call.Answer
	until  time.Time
}

// claim returns the entry of a command and whether the caller is the first,
// who owes the answer.
func (a *answers) claim(operator, request string, now time.Time) (p *pending, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := [2]string{operator, request}
	if p, ok := a.kept[key]; ok && now.Before(p.until) {
		return p, false
	}
	for k, p := range a.kept {
		if !now.Before(p.until) {
			delete(a.kept, k)
		}
	}
	p = &pending{done: make(chan struct{}), until: now.Add(answersKept)}
	a.kept[key] = p
	return p, true
}

// decideOnce carries a command out, or waits for the answer of its twin.
func (s *Server) decideOnce(cmd call.Command) call.Answer {
	p, first := s.answers.claim(cmd.Operator, cmd.ID, time.Now())
	if first {
		p.answer = s.decide(cmd)
		s.metrics.decisions.WithLabelValues(string(p.answer.Verdict)).Inc()
		close(p.done)
	}
	<-p.done
	return p.answer
}

// decide is the way of a decision: claim by appending, then ask Graph, then
// record the outcome. Losing the append is losing the race.
func (s *Server) decide(cmd call.Command) call.Answer {
	answer := call.Answer{Request: cmd.ID, Call: cmd.Call, Reason: cmd.Reason}
	claim, seq, err := s.claim(cmd)
	if errors.Is(err, call.ErrRepeated) {
		return s.repeated(answer)
	}
	if err != nil {
		return refusal(answer, err)
	}
	c, _ := s.desk.look(cmd.Call)
	if !time.Now().Before(c.Usable()) {
		// The disk or the cluster took the time that was left. The claim stands in
		// the journal, so its outcome does too: nothing was sent.
		late := call.Event{Kind: call.Refused, Call: c.ID, At: time.Now(), Reply: &call.Reply{Words: tooSlow}}
		s.recordOutcome(c, late, seq)
		answer.Verdict, answer.Words = call.WasTooLate, tooSlow
		return answer
	}
	outcome := s.askGraph(c, claim)
	s.recordOutcome(c, outcome, seq)
	answer.Reply = outcome.Reply
	answer.Words = outcome.Reply.Words
	answer.Verdict = verdictOf(outcome.Kind)
	return answer
}

const tooSlow = "too late: recording the decision took the time that was left; nothing was sent"

// repeated answers a command that is in the journal already, by what became of
// it: this relay from before a restart, or another one, carries it out.
func (s *Server) repeated(a call.Answer) call.Answer {
	for {
		changed := s.desk.news()
		c, ok := s.desk.look(a.Call)
		left := time.Until(c.Deadline().Add(outcomeAfter))
		if !ok || c.State != call.InClaim || left <= 0 {
			a.Verdict, a.Reply = carriedOut(c), c.Reply
			return a
		}
		timer := time.NewTimer(left)
		select {
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// carriedOut is what became of a call's last claim.
func carriedOut(c call.Call) call.Verdict {
	switch {
	case c.State == call.InRejection, c.Ending == call.EndRejected, c.Ending == call.EndUnconfirmed:
		return call.WasRejected
	case c.Ending == call.EndGone:
		return call.WasGone
	case c.State == call.InClaim, c.State == call.InDoubt, c.Ending == call.EndUnknown:
		return call.WasUnknown
	default:
		return call.WasRefused // it rang on afterwards, however it ended
	}
}

func verdictOf(k call.EventKind) call.Verdict {
	switch k {
	case call.Rejected:
		return call.WasRejected
	case call.Refused:
		return call.WasRefused
	case call.Gone:
		return call.WasGone
	case call.Unknown, call.Rang, call.Changed, call.Claimed, call.Ended, call.Unconfirmed, call.Expired:
		return call.WasUnknown
	default:
		return call.WasUnknown
	}
}

// errNotRecorded says that a decision could not be made durable: nothing was sent.
var errNotRecorded = errors.New("the relay could not record the decision; nothing was sent")

// errClaimUnknown says that the journal did not say whether the claim was recorded.
var errClaimUnknown = errors.New("the relay's journal did not answer in time; nothing was sent to Graph")

// claim appends the decision, conditional on nothing else having happened to
// the call. A refused append is no proof of a lost race: the journal is read
// back until the board shows what happened, and the command is judged anew.
func (s *Server) claim(cmd call.Command) (call.Event, uint64, error) {
	for range claimTries {
		e, expected, err := s.desk.decide(cmd, time.Now())
		if err != nil {
			return e, 0, err
		}
		seq, err := s.append(e, expected)
		if err == nil {
			return e, seq, nil
		}
		if !errors.Is(err, journal.ErrConflict) && !errors.Is(err, journal.ErrUnknown) {
			s.log.Error("a decision could not be recorded", "err", err)
			return e, 0, errNotRecorded
		}
		last, err := s.catchUp(cmd.Call)
		if err != nil {
			s.log.Error("the journal could not be read back", "err", err)
			return e, 0, errClaimUnknown
		}
		if ours(last, cmd) {
			// The append arrived although its answer was lost.
			return e, last.Seq, nil
		}
	}
	return call.Event{}, 0, errNotRecorded
}

// catchUp reads a call's last record from the journal's leader and waits until
// the board holds it.
func (s *Server) catchUp(id call.ID) (journal.Record, error) {
	ctx, cancel := context.WithTimeout(context.Background(), appendWithin)
	defer cancel()
	last, ok, err := s.opts.Journal.Last(ctx, id.Key())
	if err != nil || !ok {
		return last, err
	}
	return last, s.desk.await(ctx, last.Seq)
}

// ours reports whether a record is the claim of this very command.
func ours(r journal.Record, cmd call.Command) bool {
	if r.Seq == 0 {
		return false
	}
	e, err := decode(r, time.Now())
	return err == nil && e.Kind == call.Claimed && e.Claim != nil &&
		e.Claim.Command == cmd.ID && e.Claim.Operator == cmd.Operator && e.Claim.Relay == cmd.Relay
}

// append makes an event durable.
func (s *Server) append(e call.Event, expected uint64) (uint64, error) {
	raw, err := encode(e)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), appendWithin)
	defer cancel()
	return s.opts.Journal.Append(ctx, e.Call.Key(), raw, expected)
}

// askGraph sends the rejection. The context ends with the call: no request
// leaves after the margin, none is waited for beyond the deadline.
func (s *Server) askGraph(c call.Call, claim call.Event) call.Event {
	ctx, cancel := detached(s.base, c.Deadline())
	defer cancel()
	begun := time.Now()
	receipt, err := s.opts.Graph.Reject(ctx, graph.Rejection{
		CallID: string(c.ID), Tenant: c.Tenant, Reason: string(claim.Claim.Reason),
	})
	s.metrics.rejectSeconds.Observe(time.Since(begun).Seconds())
	return outcomeOf(c, receipt, err, claim.At)
}

// recordOutcome makes the outcome durable, whatever else happened to the call
// meanwhile, and returns when the board shows it, so that an operator's answer
// never overtakes the events that led to it. It tries until a second after the
// deadline.
func (s *Server) recordOutcome(c call.Call, e call.Event, expected uint64) {
	ctx, cancel := detached(s.base, c.Deadline().Add(outcomeAfter))
	defer cancel()
	for {
		seq, err := s.append(e, expected)
		if err == nil {
			_ = s.desk.await(ctx, seq) // a board that is late does not undo what is recorded
			return
		}
		if last, lost := s.catchUp(c.ID); lost == nil {
			if sameOutcome(last, e) {
				return
			}
			expected = last.Seq
			if errors.Is(err, journal.ErrConflict) {
				continue
			}
		}
		s.log.Warn("an outcome is not recorded yet", "event", e.Kind, "err", err)
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			s.log.Error("an outcome could not be recorded", "event", e.Kind, "err", err)
			return
		}
	}
}

func sameOutcome(r journal.Record, e call.Event) bool {
	have, err := decode(r, time.Now())
	return err == nil && have.Kind == e.Kind && have.Reply != nil && e.Reply != nil && *have.Reply == *e.Reply
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
