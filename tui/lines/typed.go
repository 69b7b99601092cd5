package lines

import (
	"strconv"
	"strings"

	"callscreen/relay/call"
)

// typed carries out one typed line and reports whether it was the last.
func (t *teller) typed(line string) (quit bool) {
	word, number := split(line)
	if word == "" {
		return false // enter alone never decides
	}
	switch action := t.words.action(word); action {
	case "quit":
		return true
	case "help":
		for row := range strings.SplitSeq(t.words.help(), "\n") {
			t.say("%s", row)
		}
	case "list":
		t.list()
	case "busy":
		t.decide(call.Busy, number)
	case "none":
		t.decide(call.None, number)
	case "forbidden":
		t.decide(call.Forbidden, number)
	case "undo":
		t.undo(number)
	case "details":
		t.details(number)
	default:
		t.say("%q is not understood, %s explains the keys", name(strings.TrimSpace(line)), t.words.shown["help"])
	}
	return false
}

// split takes a line apart; "b3" is as good as "b 3".
func split(line string) (word, number string) {
	fields := strings.Fields(line)
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
	c, n, ok := t.find(t.words.shown[string(reason)], number)
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
		if c, _, ok = t.find(t.words.shown["undo"], number); !ok {
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
	c, n, ok := t.find(t.words.shown["details"], number)
	if !ok {
		return
	}
	d := details(c.Details)
	t.say("call %d comes from %s: %s", n, origin(c.Caller), d.Caller.Display())
	if d.Caller.Kind == call.Encrypted {
		t.say("to see such callers, grant the bot Calls.Initiate.All")
	}
	if d.Caller.Tenant != "" {
		t.say("of tenant: %s", d.Caller.Tenant)
	}
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
		if v.Final != nil {
			t.say("%s to %s: %s", v.Kind, origin(*v.Final), v.Final.Display())
		}
	}
	if p := d.OnBehalfOf; p != nil {
		t.say("on behalf of %s: %s", origin(*p), p.Display())
	}
	if p := d.Transferor; p != nil {
		t.say("transferred by %s: %s", origin(*p), p.Display())
	}
	t.say("%s", invited(d))
	if d.Subject != "" {
		t.say("subject: %s", d.Subject)
	}
	t.say("identifier %s", name(string(c.ID)))
}
