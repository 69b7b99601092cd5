package tui

import (
	"callscreen/relay/call"
)

// rowWords is where a call stands that waits no more, in as few words as a
// column holds. sign stands before it; without one it is left out.
func rowWords(r row, a *ask, me, sign string) string {
	return signed(sign, stateWords(r, a, me))
}

func signed(sign, s string) string {
	if sign == "" {
		return s
	}
	return sign + " " + s
}

func stateWords(r row, a *ask, me string) string {
	c := r.call
	switch c.State {
	case call.InClaim:
		return reasonWords(c) + " claimed" + by(c, me)
	case call.InRejection:
		return reasonWords(c) + took(c) + by(c, me)
	case call.Over:
		return endWords(c, a, me)
	case call.InDoubt:
		return "no answer: try again"
	case call.Ringing:
	}
	switch {
	case r.ghost:
		return "gone from the relay"
	case a != nil && a.answer == nil:
		return string(a.reason) + " sent"
	case unsent(c.Reply):
		return "not sent"
	case c.Reply != nil:
		return "refused " + codeWords(c.Reply)
	default:
		return "rings"
	}
}

func endWords(c *call.Call, a *ask, me string) string {
	switch c.Ending {
	case call.EndRejected:
		return reasonWords(c) + took(c) + by(c, me)
	case call.EndUnconfirmed:
		return reasonWords(c) + ", unconfirmed" + by(c, me)
	case call.EndGone:
		return "already gone"
	case call.EndHungUp:
		return "caller hung up"
	case call.EndTimedOut:
		if a != nil {
			return "too late"
		}
		return "timed out"
	case call.EndRefused:
		if unsent(c.Reply) {
			return "never sent"
		}
		return "refused " + codeWords(c.Reply)
	case call.EndUnknown:
		return "outcome unknown"
	default:
		return tidy(string(c.Ending), operatorCells)
	}
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

// who is the name in the column of the list of decisions.
func who(c *call.Call, me string) string {
	switch {
	case c.Claim == nil:
		return ""
	case c.Claim.Operator == me:
		return "you"
	default:
		return tidy(c.Claim.Operator, operatorCells)
	}
}

// way is how a decision went, step by step; empty when there was none.
func way(r row, a *ask, me, sep string) string {
	c := r.call
	if c.Claim == nil {
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
		s += " " + sep + " " + overWords(c)
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

func overWords(c *call.Call) string {
	switch c.Ending {
	case call.EndRejected:
		return "ended"
	case call.EndUnconfirmed:
		return "end not confirmed"
	case call.EndGone, call.EndHungUp, call.EndTimedOut, call.EndRefused, call.EndUnknown:
		return endWords(c, nil, "")
	default:
		return endWords(c, nil, "")
	}
}
