package tui

import (
	"strconv"
	"strings"

	"callscreen/relay/call"
)

// field is one line of the card: what it is, and what is said. Facts are ours
// or checked; other texts were chosen by strangers and end their line.
type field struct {
	label string
	fact  string
	text  string
}

// fields is everything that is known of a call, what matters first.
func fields(c *call.Call) []field {
	d := &c.Details
	f := []field{{label: "From", text: d.Caller.Display()}}
	if d.Caller.Altered {
		f = append(f, field{label: "Altered", fact: "deceiving characters were taken out"})
	}
	f = append(f, identity(d.Caller))
	if d.Caller.Kind == call.Encrypted {
		// Any Calls.* permission will do; this one does nothing else that is of
		// use to a bot that only rejects.
		f = append(f, field{label: "Hidden", fact: "grant the bot Calls.Initiate.All"})
	}
	if d.Recording {
		f = append(f, field{label: "Recording", fact: "a compliance recording invite: " + seconds(c.Ring.Duration())})
	}
	for _, p := range d.To {
		f = append(f, field{label: "To", text: p.Display()})
	}
	for _, v := range d.Via {
		f = append(f, route(v)...)
	}
	if d.OnBehalfOf != nil {
		f = append(f, field{label: "On behalf", text: d.OnBehalfOf.Display()})
	}
	if d.Transferor != nil {
		f = append(f, field{label: "Moved by", text: d.Transferor.Display()})
	}
	f = append(f, field{label: "Call", fact: kindOf(d)})
	if d.Subject != "" {
		f = append(f, field{label: "Subject", text: d.Subject})
	}
	if d.Caller.Tenant != "" {
		f = append(f, field{label: "Tenant", text: d.Caller.Tenant})
	}
	if d.Tenant != "" && d.Tenant != d.Caller.Tenant {
		f = append(f, field{label: "Answers in", text: d.Tenant})
	}
	f = append(f, field{label: "Arrived", fact: c.RangAt.Format("15:04:05")})
	if d.Chain != "" {
		f = append(f, field{label: "Chain", text: d.Chain})
	}
	f = append(f, field{label: "Call id", fact: tidy(string(c.ID), call.NameCells)})
	if c.Reply != nil && c.Reply.Request != "" { // what Microsoft's support asks for
		f = append(f, field{label: "Request id", fact: tidy(c.Reply.Request, call.NameCells)})
	}
	return f
}

// kindOf is "direct, audio": one to one or not, and what media are asked for.
func kindOf(d *call.Details) string {
	s := "direct"
	if d.Group {
		s = "group call"
	}
	for _, m := range d.Media {
		if m == "videoBasedScreenSharing" {
			m = "screen" // of Graph's modalities the one that is too long for a column
		}
		s += ", " + tidy(ascii(m), operatorCells)
	}
	return s
}

// identity is the number or identifier, with its kind before it: the kind is
// always shown, and the text of strangers comes last.
func identity(p call.Party) field {
	kind := "(" + ascii(p.Kind.Words()) + ")"
	switch {
	case p.Kind != call.Phone:
		return field{label: "Id", fact: kind, text: p.ID}
	case p.ID == "":
		return field{label: "Number", fact: "anonymous  " + kind}
	case isNumber(p.ID):
		return field{label: "Number", fact: p.ID + "  " + kind}
	default:
		return field{label: "Number", fact: kind, text: p.ID}
	}
}

// addressed is the number or the end of the identifier, and what kind it is of.
func addressed(p call.Party) string {
	s, kind := address(p), ascii(p.Kind.Words())
	if s == kind {
		return s
	}
	return strings.TrimSuffix(s, " "+kind) + " (" + kind + ")"
}

func route(v call.Via) []field {
	verb := tidy(ascii(v.Kind), operatorCells)
	var f []field
	if v.Original != nil {
		f = append(f, field{label: "Via", fact: verb + " by", text: v.Original.Display()})
	}
	if v.Final != nil {
		f = append(f, field{label: "Via", fact: verb + " to", text: v.Final.Display()})
	}
	if f == nil {
		f = append(f, field{label: "Via", fact: verb})
	}
	return f
}

const labelCells = 11

func (m *Model) field(f field, w int) string {
	c := newCells(w, &m.glyph)
	c.pad(2)
	c.put(m.paint.dim, f.label, labelCells)
	if f.fact != "" {
		c.add(style{}, f.fact)
		c.pad(1)
	}
	c.stranger(f.text, call.TextCells)
	return c.end()
}

// fieldLines is a field with all of its fact and text, on as many lines as it takes.
func (m *Model) fieldLines(f field) []string {
	text, _ := call.Clean(f.text, call.TextCells)
	whole := m.width - 2 - labelCells
	var lines []string
	for f.fact != "" && call.Width(f.fact) > whole {
		part, _ := call.Split(f.fact, whole)
		if blank := strings.LastIndexByte(part, ' '); blank > 0 {
			part = part[:blank]
		}
		if part == "" {
			break // no line holds it: the field shows that it was cut
		}
		lines = append(lines, m.field(field{f.label, part, ""}, m.width))
		f.label, f.fact = "", strings.TrimPrefix(strings.TrimPrefix(f.fact, part), " ")
	}
	room := whole
	if f.fact != "" {
		room -= call.Width(f.fact) + 1
	}
	if text != "" && room < min(whole, call.Width(text), 8) {
		lines = append(lines, m.field(field{f.label, f.fact, ""}, m.width))
		f.label, f.fact, room = "", "", whole
	}
	for {
		var part string
		if part, text = call.Split(text, room); part == "" {
			part, text = text, "" // no line holds it: the field shows that it was cut
		}
		lines = append(lines, m.field(field{f.label, f.fact, part}, m.width))
		if text == "" {
			return lines
		}
		f.label, f.fact, room = "", "", whole
	}
}

// position is "CALL 2 of 5", "CALL" of one that has no number any more, and
// "KEYS" where none is selected and the card tells what the keys do.
func (m *Model) position() string {
	r, _, ok := m.queue.current()
	switch {
	case !ok:
		return "KEYS"
	case r.number > 0:
		return "CALL " + strconv.Itoa(r.number) + " of " + strconv.Itoa(m.queue.waiting())
	default:
		return "CALL"
	}
}

// untold is how many lines the card that was just made has no room for, and
// which key shows them.
func (m *Model) untold() string {
	if _, _, ok := m.queue.current(); !ok || m.cache.facts.untold == 0 {
		return ""
	}
	return m.keys.details.Help().Key + ": " + strconv.Itoa(m.cache.facts.untold) + " more"
}

func (m *Model) cardTitle(w int) string {
	c := newCells(w, &m.glyph)
	c.pad(2)
	c.add(m.paint.title, m.position())
	if s := m.onIt(); s != "" && call.Width(s)+2 < c.free {
		c.pad(2)
		c.add(m.paint.dim, s)
	}
	if s := m.untold(); s != "" && len(s)+2 < c.free {
		c.pad(c.free - len(s) - 1)
		c.add(m.paint.dim, s)
	}
	return c.end()
}

// card is everything about the selected call in exactly h lines: who calls, how
// much time is left, whether keys count, and what happens without one.
func (m *Model) card(w, h int) []string {
	lines := make([]string, 0, h)
	if r, _, ok := m.queue.current(); ok {
		state := m.shortState(r, w)
		if h >= fullCard {
			state = m.state(r, w)
		}
		lines = append(lines, m.facts(r.call, w, max(h-len(state), 1))...)
		if h >= fullCard && len(lines)+len(state) < h {
			lines = append(lines, m.blank(w))
		}
		lines = append(lines, state...)
	} else {
		lines = m.legend(lines, w)
	}
	for len(lines) < h {
		lines = append(lines, m.blank(w))
	}
	return lines[:h]
}

// fullCard is from how many lines on the card says in full how the keys stand.
const fullCard = 12

// facts is the upper part of the card, which stays as it is while the call
// counts down.
type facts struct {
	of                      *call.Call
	rev, order, width, room int
	lines                   []string
	untold                  int
}

// facts makes the upper part of the card, or takes the one that was made.
func (m *Model) facts(c *call.Call, w, room int) []string {
	f := &m.cache.facts
	if f.of == c && f.rev == m.rev && f.order == m.queue.order && f.width == w && f.room == room {
		return f.lines
	}
	*f = facts{of: c, rev: m.rev, order: m.queue.order, width: w, room: room}
	all := m.fields(c, w)
	if len(all) > room || m.geo.layout == stacked {
		all = condensed(all, c, w)
	}
	shown := min(len(all), room)
	f.untold = weighty(all[shown:])
	for _, one := range all[:shown] {
		f.lines = append(f.lines, m.field(one, w))
	}
	return f.lines
}

// legend is what the keys do, where no call is selected.
func (m *Model) legend(lines []string, w int) []string {
	if m.observes() {
		return append(lines, m.wrapped(style{}, "", "Watching only: decides nothing. Others decide at their consoles.", w)...)
	}
	for _, f := range []field{
		{label: m.keys.busy.Help().Key, fact: "busy: says the line is busy"},
		{label: m.keys.none.Help().Key, fact: "none: gives no reason"},
		{label: m.keys.forbidden.Help().Key, fact: "forbidden: says not allowed"},
		{label: "do nothing", fact: "the call rings on"},
	} {
		lines = append(lines, m.field(f, w))
	}
	return lines
}
