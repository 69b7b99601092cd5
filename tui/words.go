package tui

import (
	"cmp"
	"strconv"
	"strings"

	"callscreen/relay/call"
)

// standing is where a call stands that waits no more, in as few words as the
// room of so many cells asks for, after its sign.
func (m *Model) standing(r row, sign string, room int) string {
	room -= call.Width(sign) + 1
	s := m.stands(r, false)
	if call.Width(s) > room {
		s = m.stands(r, true)
	}
	if sign == "" {
		return s
	}
	return sign + " " + s
}

// stands is that without a sign; short is 11 cells, but for a long name.
func (m *Model) stands(r row, short bool) string {
	c, me := r.call, m.link.Operator
	switch c.State {
	case call.InClaim:
		switch s := by(c, me); {
		case c.Held != nil && short:
			return reasonWords(c) + " " + tenths(m.undoLeft(c)) + "s" + s
		case c.Held != nil && s == "":
			return reasonWords(c) + " " + tenths(m.undoLeft(c)) + "s " + m.keys.undo.Help().Key + " undo"
		case c.Held != nil:
			return reasonWords(c) + " " + tenths(m.undoLeft(c)) + "s undo" + s
		case short && s != "":
			return reasonWords(c) + s
		case short:
			return reasonWords(c) + "..."
		default:
			return reasonWords(c) + " claimed" + s
		}
	case call.InRejection:
		return m.accepting(c, short)
	case call.Over:
		return m.endWords(c, short)
	case call.InDoubt:
		return "no answer: try again"
	case call.Ringing:
	}
	a := m.asks[r.key()]
	switch {
	case r.ghost && short:
		return "gone there"
	case r.ghost:
		return "gone from the relay"
	case a.underWay():
		return string(a.reason) + " sent"
	case unsent(c.Reply):
		return "not sent"
	case c.Reply != nil:
		return "refused " + codeWords(c.Reply)
	default:
		return "rings"
	}
}

// accepting is "busy 212 ms ben".
func (m *Model) accepting(c *call.Call, short bool) string {
	me := m.link.Operator
	s := reasonWords(c) + took(c) + by(c, me)
	if short && call.Width(s) > shortCells {
		s = reasonWords(c) + by(c, me)
		if c.Claim != nil && c.Claim.Operator == call.Unattended && m.width < 80 {
			s = reasonWords(c) + " policy" // its name finds no room
		}
	}
	return s
}

// shortCells is the room for words in a row of the compact layout.
const shortCells = 11

// endWords is how a call ended, every ending apart, seen by this operator: his
// own key that came too late or second is an ending too, and the record, which
// is everybody's, does not know it.
func (m *Model) endWords(c *call.Call, short bool) string {
	missed := m.missed[c.ID.Key()]
	switch c.Ending {
	case call.EndRejected, call.EndUnconfirmed:
		switch {
		case missed == call.WasTaken && short:
			return decider(c, m.link.Operator) + " first"
		case missed == call.WasTaken:
			return decider(c, m.link.Operator) + " first: " + reasonWords(c)
		case c.Ending == call.EndRejected:
			return m.accepting(c, short)
		case short:
			return "unconf " + call.Cut(reasonWords(c), 4)
		default:
			return reasonWords(c) + ", unconfirmed" + by(c, m.link.Operator)
		}
	case call.EndTimedOut:
		if missed == call.WasTooLate {
			return "too late"
		}
		return "timed out"
	case call.EndRefused:
		switch {
		case unsent(c.Reply):
			return "never sent"
		case short && c.Reply != nil:
			return "refused " + strconv.Itoa(c.Reply.Status)
		default:
			return "refused " + codeWords(c.Reply)
		}
	case call.EndGone, call.EndHungUp, call.EndUnknown:
		return plainEnd(c.Ending, short)
	default:
		return plainEnd(c.Ending, short)
	}
}

// decider is who decided, which may be the same operator at another console.
func decider(c *call.Call, me string) string {
	return cmp.Or(strings.TrimPrefix(by(c, me), " "), "you")
}

// plainEnd is an ending about which there is no more to say.
func plainEnd(e call.Ending, short bool) string {
	long, brief := tidy(strings.ToLower(string(e)), operatorCells), ""
	switch e {
	case call.EndGone:
		long, brief = "already gone", "gone"
	case call.EndHungUp:
		long, brief = "caller hung up", "hung up"
	case call.EndUnknown:
		long, brief = "outcome unknown", "unknown"
	case call.EndRejected:
		long = "ended"
	case call.EndUnconfirmed:
		long = "end not confirmed"
	case call.EndTimedOut:
		long = "timed out"
	case call.EndRefused:
		long = "refused"
	}
	if short && brief != "" {
		return brief
	}
	return long
}

// endSign tells at a glance whether the call was rejected, without colour.
func endSign(c *call.Call, g *glyphs) string {
	switch c.State {
	case call.InClaim:
		return g.to
	case call.InRejection:
		return g.ok
	case call.Ringing, call.InDoubt:
		return "?"
	case call.Over:
	}
	switch c.Ending {
	case call.EndRejected, call.EndUnconfirmed:
		return g.ok
	case call.EndUnknown:
		return "?"
	case call.EndGone, call.EndHungUp, call.EndTimedOut, call.EndRefused:
		return g.no
	default:
		return g.no
	}
}

func reasonWords(c *call.Call) string {
	if c.Claim == nil {
		return "rejected"
	}
	return tidy(string(c.Claim.Reason), operatorCells)
}

func took(c *call.Call) string {
	if c.Reply == nil {
		return ""
	}
	return " " + ms(c.Reply.Took.Duration())
}

// by names a colleague; the operator knows his own decisions.
func by(c *call.Call, me string) string {
	if c.Claim == nil || c.Claim.Operator == me {
		return ""
	}
	return " " + tidy(c.Claim.Operator, operatorCells)
}

// decidedBy is the same at the end of a sentence.
func decidedBy(c *call.Call, me string) string {
	if s := by(c, me); s != "" {
		return ", decided by" + s
	}
	return ""
}

func codeWords(r *call.Reply) string {
	if r == nil {
		return "by Graph"
	}
	if code := tidy(r.Code, operatorCells); code != "" {
		return code
	}
	return replyWords(&call.Reply{Status: r.Status})
}

// way is how a decision went, step by step; empty when there was none.
func way(r row, a *ask, me, sep string) string {
	c := r.call
	if c.Claim == nil {
		if a == nil && len(c.Withdrawn) > 0 {
			last := call.Call{Claim: &c.Withdrawn[len(c.Withdrawn)-1]}
			return reasonWords(&last) + " by " + decider(&last, me) + " " + sep + " taken back"
		}
		if a == nil {
			return ""
		}
		if a.answer == nil {
			return string(a.reason) + " sent " + sep + " no answer yet"
		}
		return answerWords(*a.answer, a.reason)
	}
	s := reasonWords(c)
	if who := by(c, me); who != "" {
		s += " by" + who
	}
	s += " " + sep + " claimed at " + tenths(c.Claim.After.Duration()) + " s"
	switch {
	case unsent(c.Reply) && c.Verdict() == call.WasRefused:
		s += " " + sep + " nothing sent: " + tidy(c.Reply.Words, wordsCells)
	case c.Reply != nil && c.Reply.Status >= 300 && c.Reply.Words != "":
		s += " " + sep + " " + tidy(c.Reply.Words, wordsCells) + ", after " + ms(c.Reply.Took.Duration())
	case c.Reply != nil:
		s += " " + sep + " Graph " + outcome(c.Reply)
	}
	if c.State == call.Over {
		s += " " + sep + " " + plainEnd(c.Ending, false)
	}
	return s
}

func outcome(r *call.Reply) string {
	if r.Status == 0 {
		return "gave no answer"
	}
	return codeOnly(r) + " in " + ms(r.Took.Duration())
}

func codeOnly(r *call.Reply) string {
	return replyWords(&call.Reply{Status: r.Status, Code: r.Code})
}
