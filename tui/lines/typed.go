package lines

import (
	"strconv"
	"strings"

	"callscreen/relay/call"
)

const help = `type b, n or f and the number of a call to reject it as busy, none or forbidden, such as b 3
where the relay waits before it sends, type z to take your last decision back, or z and a number
type d and a number for the details of a call, l for the calls that wait, q to quit
do nothing and a call rings on until Graph ends it`

// typed carries out one typed line and reports whether it was the last.
func (t *teller) typed(line string) (quit bool) {
	word, number := split(line)
	switch word {
	case "":
		// Enter alone never decides.
	case "q", "quit":
		return true
	case "?", "h", "help":
		for row := range strings.SplitSeq(help, "\n") {
			t.say("%s", row)
		}
	case "l", "list":
		t.list()
	case "b", "busy":
		t.decide(call.Busy, number)
	case "n", "none":
		t.decide(call.None, number)
	case "f", "forbidden":
		t.decide(call.Forbidden, number)
	case "z", "undo":
		t.undo(number)
	case "d", "details":
		t.details(number)
	default:
		t.say("%q is not understood, ? explains the keys", name(strings.TrimSpace(line)))
	}
	return false
}

// split takes a line apart; "b3" is as good as "b 3".
func split(line string) (word, number string) {
	fields := strings.Fields(strings.ToLower(line))
	switch {
	case len(fields) == 0:
		return "", ""
	case len(fields) == 1:
		word = strings.TrimRight(fields[0], "0123456789")
		return word, fields[0][len(word):]
	case len(fields) == 2 && fields[1] != "":
		return fields[0], fields[1]
	default:
		return "?!", "" // no such word: more was typed than any asks for
	}
}

// find looks a number up, or says why there is no such call.
func (t *teller) find(word, number string) (*call.Call, int, bool) {
	n, err := strconv.Atoi(number)
	if number == "" || err != nil {
		t.say("which call? type %s and its number, such as %s 3", word, word)
		return nil, 0, false
	}
	id, ok := t.ids[n]
	if !ok {
		t.say("there is no call %d", n)
		return nil, 0, false
	}
	c, ok := t.board.Get(id)
	if !ok {
		t.say("call %d is over", n)
	}
	return c, n, ok
}

func (t *teller) decide(reason call.Reason, number string) {
	c, n, ok := t.find(string(reason)[:1], number)
	if !ok {
		return
	}
	for _, d := range t.asked {
		if d.call.Key() == c.ID.Key() {
			t.say("call %d, your %s is under way", n, d.reason)
			return
		}
	}
	request, err := t.link.Reject(c.ID, reason)
	if err != nil {
		t.say("call %d, %s", n, text(err.Error()))
		return
	}
	t.asked[request] = decision{call: c.ID, reason: reason}
	delete(t.missed, c.ID.Key())
	t.say("call %d, %s sent", n, reason)
}

// undo takes a decision back: that of the call with a number, else the last one.
func (t *teller) undo(number string) {
	if t.board == nil {
		t.say("not connected yet, nothing is decided here")
		return
	}
	c := t.held()
	if number != "" {
		var ok bool
		if c, _, ok = t.find("z", number); !ok {
			return
		}
	}
	switch {
	case c == nil:
		t.say("there is no decision of yours to take back, what was sent stays sent")
	case c.Held == nil && c.State != call.InClaim && c.State != call.InRejection:
		t.say("call %d, there is nothing to take back", t.number(c.ID))
	case t.who(c) != "you":
		t.say("call %d, only %s can take that back", t.number(c.ID), t.who(c))
	case c.Held == nil:
		t.say("call %d, %s is sent already and can no longer be taken back", t.number(c.ID), what(c))
	default:
		if err := t.link.Undo(c.ID, c.Claim.Command); err != nil {
			t.say("call %d, %s, your %s stands", t.number(c.ID), text(err.Error()), what(c))
		}
	}
}

// held is the last decision of this operator that can still be taken back.
func (t *teller) held() (last *call.Call) {
	for _, c := range t.board.Live() {
		if c.Held != nil && t.who(c) == "you" && (last == nil || c.ClaimedAt.After(last.ClaimedAt)) {
			last = c
		}
	}
	return last
}

func (t *teller) list() {
	if t.board == nil {
		t.say("not connected yet, which calls wait is not known")
		return
	}
	t.say("%s", calls(t.board.Waiting()))
	for _, c := range t.board.Live() {
		t.stands(c)
	}
}

// details tells all that is known about a call, a line each, our words first.
func (t *teller) details(number string) {
	c, n, ok := t.find("d", number)
	if !ok {
		return
	}
	d := details(c.Details)
	t.say("call %d comes from %s: %s", n, origin(c.Caller), d.Caller.Display())
	if s := t.seen(c); s != "" {
		t.say("%s", s)
	}
	for _, p := range d.To {
		t.say("to %s: %s", origin(p), p.Display())
	}
	for _, v := range d.Via {
		if v.Original != nil {
			t.say("%s from %s: %s", v.Kind, origin(*v.Original), v.Original.Display())
		}
	}
	if p := d.OnBehalfOf; p != nil {
		t.say("on behalf of %s: %s", origin(*p), p.Display())
	}
	if p := d.Transferor; p != nil {
		t.say("transferred by %s: %s", origin(*p), p.Display())
	}
	if d.Group {
		t.say("it is an invitation to a group call")
	}
	if d.Subject != "" {
		t.say("subject: %s", d.Subject)
	}
	t.say("identifier %s", name(string(c.ID)))
}
