package relay

import (
	"context"
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
)

// attend applies the unattended policy: at once to a call that rings while nobody
// is watching, and to all that ring when the last one has gone. Several relays on
// one journal all try, and one append wins, as with operators.
func (s *Server) attend(ctx context.Context) error {
	tried := map[string]time.Time{} // when each call was, by its key
	for last := time.Now(); ctx.Err() == nil; {
		news, now := s.desk.news(), time.Now()
		if now.Sub(last) > stalledAfter {
			s.desk.doubt(now) // what the consoles said meanwhile is not read yet
		}
		last = now
		wait := s.attended(now).Sub(now)
		if wait <= 0 {
			s.leave(now, tried)
			wait = attendEvery
		}
		timer := time.NewTimer(min(wait, attendEvery))
		select {
		case <-news:
		case <-s.advised:
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

// leave leaves every call that rings to the policy.
func (s *Server) leave(now time.Time, tried map[string]time.Time) {
	for key, at := range tried {
		if now.Sub(at) >= policyAgain {
			delete(tried, key)
		}
	}
	for _, id := range s.desk.unattended(now) {
		reason, ok := s.verdict(id)
		if _, again := tried[id.Key()]; !ok || again || !s.begin(&s.work) {
			continue
		}
		tried[id.Key()] = now
		go func() {
			defer s.work.Done()
			s.decideOnce(call.Command{ID: newID(), Call: id, Reason: reason, Operator: call.Unattended, Relay: s.id}, func() {})
		}()
	}
}

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

// unattended is the calls that ring and were not decided by the policy already:
// one that Graph would not let it reject is left to ring on.
func (d *desk) unattended(now time.Time) (ids []call.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.board.Live() {
		if c.State == call.Ringing && now.Before(c.Usable()) && (c.Claim == nil || c.Claim.Operator != call.Unattended) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
