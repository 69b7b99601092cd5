package relay

import (
	"context"
	"time"

	"callscreen/relay/call"
)

// OnCall is asked about every call that rings at this relay; package oncall runs
// a command for it.
type OnCall interface {
	// Decide returns what it says of a call, "" for nothing. It returns before the
	// call's usable time is over, or soon after ctx has ended.
	Decide(ctx context.Context, c call.Call) call.Reason
}

// ask asks about a call that this relay recorded, and nobody waits for it. Its
// decision is a command like an operator's: whoever claims first has the call. Of
// several relays on one journal only the one that recorded the call asks.
func (s *Server) ask(id call.ID, seq uint64) {
	if s.opts.OnCall == nil || !s.begin(&s.work) {
		return
	}
	go func() {
		defer s.work.Done()
		ctx, cancel := context.WithTimeout(s.base, s.opts.RingTimeout)
		defer cancel()
		go func() {
			select {
			case <-s.leaving: // nobody waits for a command on the way down
				cancel()
			case <-ctx.Done():
			}
		}()
		if s.desk.await(ctx, seq) != nil {
			return
		}
		c, ok := s.desk.look(id)
		if !ok || !c.Waits() {
			return
		}
		if reason := s.opts.OnCall.Decide(ctx, c); reason != "" {
			s.heedAdvice(c, reason)
		}
	}()
}

// heedAdvice decides as on-call said: at once, or, where the unattended policy is
// to ask it, when nobody is watching.
func (s *Server) heedAdvice(c call.Call, reason call.Reason) {
	if s.opts.Unattended != AskRun {
		s.decideOnce(call.Command{ID: newID(), Call: c.ID, Reason: reason, Operator: call.OnCall, Relay: s.id}, func() {})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for key, a := range s.advice {
		if !now.Before(a.until) {
			delete(s.advice, key)
		}
	}
	s.advice[c.ID.Key()] = advice{reason, c.Usable()}
	select {
	case s.advised <- struct{}{}:
	default: // the watch is awake and will look
	}
}

// advice is what on-call said of a call that still rings.
type advice struct {
	reason call.Reason
	until  time.Time
}
