package tui

import (
	"slices"

	"callscreen/relay/call"
)

// extras is what the compact card shows of a call beside number and name, where
// the queue leaves it lines. The details have the rest.
func (m *Model) extras(c *call.Call) []field {
	var f []field
	for _, one := range m.gist(c)[1:] {
		if one.label != "Related" && !slices.Contains(incidental, one.label) {
			f = append(f, one)
		}
	}
	return f
}

// compactCard is number and name, each on a line of its own, and as much else as
// the rest of h lines hold. What they do not hold is in a word behind the number.
func (m *Model) compactCard(h int) []string {
	r, _, ok := m.queue.current()
	if !ok {
		return []string{m.blank(m.width), m.blank(m.width)}
	}
	p, extras := r.call.Caller, m.extras(r.call)
	shown := min(len(extras), h-2)
	first, second := m.row(), m.row()
	first.add(style{}, addressed(p))
	for _, f := range extras[shown:] {
		if s := m.inAWord(r.call, f.label); s != "" {
			first.add(style{}, " "+s)
		}
	}
	second.stranger(p.Display(), call.NameCells)
	lines := []string{first.end(), second.end()}
	for _, f := range extras[:shown] {
		l := m.row()
		if f.fact == "" {
			l.add(m.paint.dim, f.label+" ")
		} else {
			l.add(style{}, f.fact+" ")
		}
		l.stranger(f.text, call.TextCells)
		lines = append(lines, l.end())
	}
	return lines
}

// inAWord is a field where there is no line for it.
func (m *Model) inAWord(c *call.Call, label string) string {
	switch label {
	case seenLabel:
		if nth, _, ok := m.board.Seen(c); ok && nth > 1 {
			return ordinal(nth) + " today"
		}
	case "Via":
		return "fwd"
	case "On behalf":
		return "on behalf"
	case "Moved by":
		return "moved"
	case "Recording":
		return "recording"
	case "Call":
		if c.Group {
			return "group"
		}
	}
	return ""
}
