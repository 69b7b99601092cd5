package relay

import (
	"context"
	"errors"
	"net/http"
	"time"

	"callscreen/relay/call"
)

// Policy is what becomes of a call that rings while nobody is watching: one of
// the reasons of [call.Reason], as which it is rejected, or one of these.
type Policy string

// The policies that are no reason.
const (
	LetRing Policy = "ring" // nothing: it rings on until Graph ends it
	AskRun  Policy = "run"  // what [Options.OnCall] says
)

const (
	// stalledAfter is how late the watch over the watchers may come before it was
	// not the consoles that stood still, but this process.
	stalledAfter = 3 * time.Second
	// attendEvery is the longest pause of that watch.
	attendEvery = time.Second
	// policyAgain is when a call is judged again that still rings although the policy
	// was applied: longer than recording a claim may take.
	policyAgain = appendWithin + 500*time.Millisecond
	// policyAtOnce bounds the calls that one relay rejects by the policy at once: a
	// thousand that ring at night are not a thousand requests in one moment.
	policyAtOnce = 16
	// throttledFor is how long the policy lets Graph be that asked for fewer requests.
	throttledFor = time.Second
)

// attendance is what the watch over the watchers has begun.
type attendance struct {
	*Server
	tried    map[string]time.Time // when each call was left to the policy, by its key
	underWay int
	over     chan call.Answer // of those under way; has room for all of them
	calm     time.Time        // until then nothing more is begun
}

// attend applies the unattended policy: at once to a call that rings while nobody
// is watching, and to all that ring when the last one has gone. Several relays on
// one journal all try, and one append wins, as with operators.
func (s *Server) attend(ctx context.Context) error {
	a := attendance{Server: s, tried: map[string]time.Time{}, over: make(chan call.Answer, policyAtOnce)}
	for last := time.Now(); ctx.Err() == nil; {
		news, now := s.desk.news(), time.Now()
		if now.Sub(last) > stalledAfter {
			s.desk.doubt(now) // what the consoles said meanwhile is not read yet
		}
		last = now
		wait := s.attended(now).Sub(now)
		if wait <= 0 {
			a.leave(now)
			wait = attendEvery
		}
		timer := time.NewTimer(min(wait, attendEvery))
		select {
		case <-news:
		case <-s.advised:
		case answer := <-a.over:
			a.note(answer, time.Now())
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return nil
}

// attended is until when the policy waits: see the desk's. Where the relay is in
// trouble, or does not hear the others, nothing is known and nothing is done.
func (s *Server) attended(now time.Time) time.Time {
	deaf := s.opts.Gossip != nil && s.desk.deaf(now)
	if deaf {
		s.hush.warn("deaf", "the other relays cannot be heard: the unattended policy is not applied")
	}
	if deaf || s.trouble() != "" {
		s.desk.doubt(now)
	}
	return s.desk.attended(now)
}

// leave leaves the calls that ring to the policy, those first that ring the
// shortest. Those for which there is no room ring on meanwhile, and anybody may
// decide about them.
func (a *attendance) leave(now time.Time) {
	if a.underWay == policyAtOnce || now.Before(a.calm) {
		return
	}
	for key, at := range a.tried {
		if now.Sub(at) >= policyAgain {
			delete(a.tried, key)
		}
	}
	for _, id := range a.desk.unattended(now) {
		reason, ok := a.verdict(id)
		if _, again := a.tried[id.Key()]; !ok || again || !a.begin(&a.work) {
			continue
		}
		a.tried[id.Key()] = now
		a.underWay++
		go func() {
			defer a.work.Done()
			a.over <- a.decideOnce(call.Command{ID: newID(), Call: id, Reason: reason, Operator: call.Unattended, Relay: a.id}, func() {})
		}()
		if a.underWay == policyAtOnce {
			return
		}
	}
}

// note makes room for the next call. What Graph answered is on the board, which
// tells from now on whether the call is left to the policy again.
func (a *attendance) note(answer call.Answer, now time.Time) {
	a.underWay--
	if answer.Reply != nil {
		delete(a.tried, answer.Call.Key())
	}
	if throttled(answer.Reply) {
		a.calm = now.Add(throttledFor)
	}
}

func throttled(r *call.Reply) bool { return r != nil && r.Status == http.StatusTooManyRequests }

// verdict is what the policy says of a call; ok is false while it says nothing.
func (s *Server) verdict(id call.ID) (reason call.Reason, ok bool) {
	if s.opts.Unattended == AskRun {
		s.mu.Lock()
		defer s.mu.Unlock()
		a, ok := s.advice[id.Key()]
		return a.reason, ok
	}
	reason, err := call.ParseReason(string(s.opts.Unattended))
	return reason, err == nil
}

// errApplied ends a try of the policy: another relay was faster, and has its answer already.
var errApplied = errors.New("the policy was applied to this call already")

// unattended is the calls that ring and were not decided by the policy already:
// one that Graph would not let it reject is left to ring on, unless Graph had only
// too much to do a moment ago. The one that rings the shortest comes first.
func (d *desk) unattended(now time.Time) (ids []call.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.board.Live() {
		if c.State == call.Ringing && now.Before(c.Usable()) && !decidedByPolicy(c, now) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func decidedByPolicy(c *call.Call, now time.Time) bool {
	if c.Claim == nil || c.Claim.Operator != call.Unattended {
		return false
	}
	return !throttled(c.Reply) || now.Before(c.ClaimedAt.Add(c.Reply.Took.Duration()+throttledFor))
}
