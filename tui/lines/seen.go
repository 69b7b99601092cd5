package lines

import (
	"strconv"

	"callscreen/relay/call"
)

// seen is what the record of the day knows of a call's caller, by number or
// identifier; nothing of who cannot be known again.
func (t *teller) seen(c *call.Call) string {
	nth, last, ok := t.board.Seen(c)
	switch {
	case !ok:
		return ""
	case last.At.IsZero() && nth == 1:
		return "this caller rang for the first time today"
	}
	s := "this caller rang " + times(nth) + " today"
	if !last.At.IsZero() {
		s += ", last at " + last.At.Format("15:04") + ", " + t.fared(last)
	}
	return s
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

// fared is how an earlier call of the caller ended.
func (t *teller) fared(v call.Visit) string {
	decided := name(string(v.Reason)) + " by " + t.operator(v.By)
	switch v.Ending {
	case call.EndRejected, call.EndUnconfirmed:
		return decided
	case call.EndGone:
		return "gone before " + decided
	case call.EndHungUp:
		return "hung up"
	case call.EndTimedOut:
		return "timed out"
	case call.EndRefused:
		return decided + " was refused by Graph"
	case call.EndUnknown:
		return decided + " with unknown outcome"
	default:
		return name(string(v.Ending))
	}
}
