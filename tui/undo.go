package tui

import (
	"slices"
	"time"

	"callscreen/relay/call"
)

// A relay may hold a decision before it is sent (setting undo). While it does,
// the key z takes it back: always the operator's last decision that is still held,
// whichever call is selected, because the hand that was wrong was wrong a moment
// ago. Where that was one of many at once, all of these that are still held are
// taken back. What the journal says is what holds, not the countdown: a decision
// can be taken back until its commit is recorded.

// takeBack takes back the last decision, or says why not.
func (m *Model) takeBack(isRepeat bool) {
	if isRepeat || m.geo.layout == tiny || m.watchesOnly() {
		return
	}
	last := m.regrettable()
	switch {
	case len(last) == 0:
		m.say(plain, m.whyNotBack(), "")
		return
	case !m.link.Up && !m.guard.off.noOffline:
		m.say(bad, "Not sent: no link to the relay. The decision stands.", "")
		return
	}
	for _, a := range last {
		if err := m.opt.Link.Undo(a.id, a.request); err != nil {
			m.say(bad, "Not sent: "+err.Error()+". The decision stands.", "")
			return
		}
		a.undone = true
	}
	if len(last) > 1 {
		m.say(plain, m.glyph.to+" taking back "+count(len(last), "decision", "decisions"), "")
	} else {
		m.say(plain, m.glyph.to+" taking "+string(last[0].reason)+" back", m.callerOf(last[0].id))
	}
}

// regrettable is the last of the operator's decisions that are held, or not yet
// claimed, with those that were made in one with it.
func (m *Model) regrettable() []*ask {
	var all []*ask
	for _, c := range m.board.Live() {
		a := m.asks[c.ID.Key()]
		switch {
		case m.holds(c):
			if a == nil || a.request != c.Claim.Command { // made at another console of his
				a = &ask{id: c.ID, request: c.Claim.Command, reason: c.Claim.Reason, at: c.ClaimedAt}
			}
			all = append(all, a)
		case c.Waits() && a.underWay():
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return nil
	}
	last := slices.MaxFunc(all, func(x, y *ask) int { return x.at.Compare(y.at) })
	if last.all == nil {
		return []*ask{last}
	}
	return slices.DeleteFunc(all, func(a *ask) bool { return a.all != last.all })
}

// holds reports whether a call is held for this operator.
func (m *Model) holds(c *call.Call) bool { return c.Held != nil && c.Claim.Operator == m.link.Operator }

// undoLeft is how long a decision is still meant to be held.
func (m *Model) undoLeft(c *call.Call) time.Duration { return max(c.HeldUntil().Sub(m.now), 0) }

// whyNotBack is why no decision can be taken back.
func (m *Model) whyNotBack() string {
	if r, _, ok := m.queue.current(); ok && r.call.Held != nil {
		return "Only" + by(r.call, m.link.Operator) + " can take that back."
	}
	for _, c := range m.board.Live() {
		if (c.State == call.InClaim || c.State == call.InRejection) && c.Claim.Operator == m.link.Operator {
			return "Sent already: it can no longer be taken back."
		}
	}
	return "There is nothing to take back: what was sent stays sent."
}

func (m *Model) callerOf(id call.ID) string {
	if c, ok := m.board.Get(id); ok {
		return c.Caller.Display()
	}
	return ""
}

// withdrawn tells that somebody took a decision back. The call may be decided
// again, so it calls for the operator as it did when it began to ring.
func (m *Model) withdrawn(e call.Event, c *call.Call) {
	if e.Claim == nil || !c.Waits() {
		return
	}
	delete(m.missed, c.ID.Key()) // nobody was faster after all
	m.alert.rang(c)
	if a := m.asks[c.ID.Key()]; a != nil && a.request == e.Claim.Command {
		return // our own answer says so
	}
	was := call.Call{Claim: e.Claim}
	m.say(plain, reasonWords(&was)+" by "+decider(&was, m.link.Operator)+" taken back, the call rings on", c.Caller.Display())
}

// undoHint is how a held decision is taken back, and until when.
func (m *Model) undoHint(c *call.Call) string {
	return m.keys.undo.Help().Key + " takes it back within " + tenths(m.undoLeft(c)) + " s"
}
