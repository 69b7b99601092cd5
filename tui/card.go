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
	if d.Recording {
		f = append(f, field{label: "Recording", fact: "a compliance recording invite: " + seconds(c.Ring.Duration())})
	}
	for _, p := range d.To {
		f = append(f, field{label: "To", text: p.Display()})
	}
	for _, v := range d.Via {
		f = append(f, route(v)...)
	}
	if d.Subject != "" {
		f = append(f, field{label: "Subject", text: d.Subject})
	}
	if d.OnBehalfOf != nil {
		f = append(f, field{label: "On behalf", text: d.OnBehalfOf.Display()})
	}
	if d.Transferor != nil {
		f = append(f, field{label: "Moved by", text: d.Transferor.Display()})
	}
	if d.Group {
		f = append(f, field{label: "Group", fact: "an invitation to a group call or meeting"})
	}
	if len(d.Media) > 0 {
		f = append(f, field{label: "Media", text: strings.Join(d.Media, ", ")})
	}
	f = append(f, field{label: "Arrived", fact: c.RangAt.Format("15:04:05")})
	if d.Caller.Tenant != "" {
		f = append(f, field{label: "Tenant", text: d.Caller.Tenant})
	}
	if d.Tenant != "" && d.Tenant != d.Caller.Tenant {
		f = append(f, field{label: "Answers in", text: d.Tenant})
	}
	if d.Chain != "" {
		f = append(f, field{label: "Chain", text: d.Chain})
	}
	return append(f, field{label: "Call id", fact: tidy(string(c.ID), call.NameCells)})
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

// fieldLines is a field with all of its text, on as many lines as it takes.
func (m *Model) fieldLines(f field) []string {
	text, _ := call.Clean(f.text, call.TextCells)
	whole := m.width - 2 - labelCells
	room := whole
	if f.fact != "" {
		room -= call.Width(f.fact) + 1
	}
	var lines []string
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

// position is "CALL 2 of 5", or "CALL" of one that has no number any more.
func (m *Model) position() string {
	if r, _, ok := m.queue.current(); ok && r.number > 0 {
		return "CALL " + strconv.Itoa(r.number) + " of " + strconv.Itoa(m.queue.waiting())
	}
	return "CALL"
}

func (m *Model) cardTitle(w int) string {
	c := newCells(w, &m.glyph)
	c.pad(2)
	c.add(m.paint.title, m.position())
	return c.end()
}

// card is everything about the selected call in exactly h lines: who calls, how
// much time is left, whether keys count, and what happens without one.
func (m *Model) card(w, h int) []string {
	lines := make([]string, 0, h)
	if r, _, ok := m.queue.current(); ok {
		state := m.state(r, w)
		if h < 12 {
			state = m.shortState(r, w)
		}
		all := m.fields(r.call, w)
		room := max(h-len(state), 1)
		if m.geo.layout == stacked {
			all = condensed(all, r.call, room)
		} else if len(all) < room {
			state = append([]string{m.blank(w)}, state...)
		}
		for _, f := range all[:min(len(all), room)] {
			lines = append(lines, m.field(f, w))
		}
		lines = append(lines, state...)
	}
	for len(lines) < h {
		lines = append(lines, m.blank(w))
	}
	return lines[:h]
}

// condensed puts who and where from into one line where lines are few.
func condensed(all []field, c *call.Call, room int) []field {
	from := field{label: "From", fact: address(c.Caller), text: c.Caller.Display()}
	if c.Caller.Kind == call.Phone {
		from.fact += " (phone)"
	}
	from.fact += " "
	short := []field{from}
	for _, f := range all[1:] {
		if len(short) < room && f.label == seenLabel {
			short = append(short, f) // before all that may take several lines
		}
	}
	for _, f := range all[1:] {
		if len(short) < room && f.label != "Number" && f.label != "Id" && f.label != seenLabel {
			short = append(short, f)
		}
	}
	return short
}
