package tui

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"
)

// ask is a decision that was sent to the relay.
type ask struct {
	id      call.ID
	request string
	reason  call.Reason
	at      time.Time
	undone  bool         // its take-back was sent
	answer  *call.Answer // nil until the relay told the outcome
	all     *campaign    // the decision about many calls that this one is part of
}

// underWay reports whether there is a decision whose outcome is not known yet.
func (a *ask) underWay() bool { return a != nil && a.answer == nil }

// decide sends a decision about the selected call, or says why not.
func (m *Model) decide(reason call.Reason, keyName string, isRepeat bool) {
	judged := m.guard.judge(decisionKey(named(keyName)), isRepeat, m.now)
	r, _, ok := m.queue.current()
	switch {
	case judged == repeated:
	case m.watchesOnly():
	case !m.link.Up && !m.guard.off.noOffline:
		m.say(bad, "Not sent: no link to the relay. The calls ring on.", "")
	case m.geo.layout == tiny:
	case m.page.hides():
		m.say(plain, "Nothing sent: close this page first ("+m.keys.back.Help().Key+").", "")
	case !ok:
		m.say(plain, "No call is selected.", "")
	case m.settled(r):
	case judged == tapped:
		m.say(plain, "Nothing sent: the same key again within 0.7 s counts as held down.", "")
	case judged == inBurst:
		m.say(plain, "Nothing sent: this key came together with the last decision.", "")
	case judged == unarmed:
		m.say(plain, "Nothing sent: this call came under the key a moment ago. Press again.", "")
	case m.usable(r.call) <= 0:
		m.miss(r.call.ID, call.WasTooLate)
		m.say(bad, "Too late: nothing was sent, the call rings on.", r.call.Caller.Display())
	default:
		m.send(r.call, reason)
	}
}

// decisionKey is a key as the guard tells it from others: a capital is the same key.
func decisionKey(name named) string { return strings.ToLower(string(name)) }

// settled says so when there is nothing left to decide about a call.
func (m *Model) settled(r row) bool {
	a := m.asks[r.key()]
	switch {
	case a.underWay() && r.waits():
		// Sent, and not yet answered: pressing again changes nothing.
	case r.waits():
		return false
	case a != nil:
		// The outcome is on the message line and in the row already.
	default:
		m.say(plain, "Nothing sent: "+m.whyNot(r)+".", "")
	}
	return true
}

// whyNot is why nothing is left to decide about a call, and where to go.
func (m *Model) whyNot(r row) string {
	c, me := r.call, m.link.Operator
	if c.Claim != nil && c.Claim.Operator != me && c.State != call.Over {
		return decider(c, me) + " was faster: " + reasonWords(c)
	}
	return "that call is over (" + m.stands(r, false) + "). " + m.keys.urgent.Help().Key + " for the most urgent"
}

func (m *Model) send(c *call.Call, reason call.Reason) {
	if _, err := m.transmit(c, reason); err != nil {
		m.say(bad, "Not sent: "+err.Error()+". The call rings on.", c.Caller.Display())
		return
	}
	m.guard.decided(m.now)
	m.say(plain, m.glyph.to+" "+string(reason)+" sent", c.Caller.Display())
}

// transmit hands a decision to the link and keeps it until its outcome is known.
func (m *Model) transmit(c *call.Call, reason call.Reason) (*ask, error) {
	request, err := m.opt.Link.Reject(c.ID, reason)
	if err != nil {
		return nil, err
	}
	a := &ask{id: c.ID, request: request, reason: reason, at: m.now}
	m.asks[c.ID.Key()] = a
	m.queue.stale = true
	delete(m.missed, c.ID.Key())
	return a, nil
}

// progress tells how a decision of ours goes on.
func (m *Model) progress(e call.Event, c *call.Call) {
	if e.Kind == call.Withdrawn {
		m.withdrawn(e, c)
	}
	a := m.asks[c.ID.Key()]
	if a == nil {
		return
	}
	if a.all != nil {
		m.progressOfAll(e, a) // of many decisions only the sum is told
		return
	}
	name := c.Caller.Display()
	switch e.Kind {
	case call.Claimed:
		switch {
		case !ours(c, a):
		case c.Held != nil && !a.undone:
			m.say(plain, m.glyph.to+" "+string(a.reason)+" claimed, "+m.undoHint(c), name)
		case a.undone && c.Held == nil:
			m.say(bad, "Not taken back: "+string(a.reason)+" is sent at once", name)
		case !a.undone:
			m.say(plain, m.glyph.to+" "+string(a.reason)+" claimed, asking Graph", name)
		}
	case call.Committed:
		switch {
		case !ours(c, a):
		case a.undone:
			m.say(bad, "Too late to take it back: "+string(a.reason)+" is sent already", name)
		default:
			m.say(plain, m.glyph.to+" "+string(a.reason)+" sent, asking Graph", name)
		}
	case call.Rejected:
		if ours(c, a) && e.Reply != nil {
			m.say(good, m.glyph.ok+" "+accepted(a.reason, e.Reply), name)
		}
	case call.Ended:
		if ours(c, a) && c.Ending == call.EndRejected && c.Reply != nil {
			m.say(good, m.glyph.ok+" "+accepted(a.reason, c.Reply)+", ended", name)
		}
	case call.Rang, call.Changed, call.Withdrawn, call.Refused, call.Gone, call.Unknown, call.Unconfirmed, call.Expired:
		// The relay's answer says these better.
	}
}

func ours(c *call.Call, a *ask) bool { return c.Claim != nil && c.Claim.Command == a.request }

// answered tells the outcome of a decision of ours.
func (m *Model) answered(a call.Answer) {
	name, reason := "", a.Reason
	if asked := m.asks[a.Call.Key()]; asked != nil && asked.request == a.Request {
		first := asked.answer == nil
		asked.answer, reason = new(a), asked.reason
		m.queue.stale = true
		if asked.all != nil {
			if first {
				asked.all.count(a.Verdict)
				m.sayCampaign(asked.all)
			}
			return
		}
	}
	m.miss(a.Call, a.Verdict)
	c, ok := m.board.Get(a.Call)
	if ok {
		name = c.Caller.Display()
	}
	kind, sign := bad, m.glyph.no
	text := answerWords(a, reason)
	switch a.Verdict {
	case call.WasRejected:
		kind, sign = good, m.glyph.ok
		if ok && c.State == call.Over && c.Ending == call.EndRejected {
			text += ", ended"
		}
	case call.WasUnknown:
		sign = "?"
	case call.WasWithdrawn:
		kind, sign = plain, m.glyph.to
	case call.WasRefused, call.WasGone, call.WasTooLate, call.WasTaken, call.NoSuchCall, call.NotSent:
	}
	m.say(kind, sign+" "+text, name)
}

// missesKept bounds what is remembered of decisions that came to nothing.
const missesKept = 500

// miss remembers that a key about a call came too late, or second: in the lists
// that is an ending of its own.
func (m *Model) miss(id call.ID, v call.Verdict) {
	if v != call.WasTooLate && v != call.WasTaken {
		return
	}
	if len(m.missed) >= missesKept {
		maps.DeleteFunc(m.missed, func(key string, _ call.Verdict) bool {
			_, ok := m.board.Get(call.ID(key))
			return !ok
		})
	}
	m.missed[id.Key()] = v
	m.rev++
}

// answerWords is an outcome as a sentence; the caller's name follows it.
func answerWords(a call.Answer, reason call.Reason) string {
	switch a.Verdict {
	case call.WasRejected:
		return accepted(reason, a.Reply)
	case call.WasRefused:
		if unsent(a.Reply) {
			return string(reason) + " not sent" + because(a)
		}
		return string(reason) + " refused" + because(a)
	case call.WasGone:
		return "already gone: " + string(reason) + " came too late" + because(a)
	case call.WasUnknown:
		return string(reason) + " sent, outcome unknown" + because(a) + ". It may be tried again"
	case call.WasTooLate:
		return "too late: nothing was sent"
	case call.WasTaken:
		return tidy(a.By, operatorCells) + " was faster by " + ms(a.Ago.Duration()) + ": " + string(a.Reason)
	case call.WasWithdrawn:
		return string(reason) + " taken back: nothing was sent, the call rings on"
	case call.NoSuchCall:
		return "the relay knows no such call"
	case call.NotSent:
		return "not sent" + because(a)
	default:
		return tidy(string(a.Verdict), operatorCells) + because(a)
	}
}

// unsent reports a refusal without Graph: there was no token, say, and nothing left.
func unsent(r *call.Reply) bool { return r != nil && r.Status == 0 }

// accepted is "busy: Graph 202 in 212 ms".
func accepted(reason call.Reason, r *call.Reply) string {
	switch {
	case r == nil:
		return string(reason) + ": accepted by Graph"
	case r.Probably:
		return string(reason) + ", unconfirmed: the first try got no clear answer, and now the call is gone"
	}
	s := string(reason) + ": Graph " + strconv.Itoa(r.Status) + " in " + ms(r.Took.Duration())
	if r.Tries > 1 {
		s += ", " + strconv.Itoa(r.Tries) + " tries"
	}
	return s
}

// because is Graph's status and code, and what they mean.
func because(a call.Answer) string {
	var s string
	if a.Reply != nil {
		s = replyWords(a.Reply)
	} else {
		s = tidy(a.Words, wordsCells)
	}
	if s == "" {
		return ""
	}
	return ": " + s
}

// replyWords is the sentence about an answer, which names status and code itself,
// or else these.
func replyWords(r *call.Reply) string {
	if words := tidy(r.Words, wordsCells); words != "" {
		return words
	}
	var parts []string
	if r.Status != 0 {
		parts = append(parts, strconv.Itoa(r.Status))
	}
	if code := tidy(r.Code, operatorCells); code != "" {
		parts = append(parts, code)
	}
	return strings.Join(parts, " ")
}

const (
	// operatorCells is the room for a colleague's name or a code.
	operatorCells = 12
	// wordsCells is the room for a sentence about Graph's answer.
	wordsCells = 200
)

// tidy cleans a text that is not a caller's but came over the wire all the same.
func tidy(s string, cells int) string {
	s, _ = call.Clean(s, cells)
	return s
}
