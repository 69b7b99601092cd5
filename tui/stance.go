package tui

import (
	"strings"

	"callscreen/relay/call"
)

// state is the lower half of the card.
func (m *Model) state(r row, w int) []string {
	lines := []string{m.leftLine(r, w)}
	if s := m.stance(); s == armed || s == notArmed || s == watching {
		lines = append(lines, m.keysLine(w))
	}
	lines = append(lines, m.wrapped(m.paint.title, m.stateWord()+"  ", m.stateWords(r), w)...)
	lines = append(lines, m.wrapped(m.paint.dim, "do nothing: ", m.nothing(r), w)...)
	if s := m.wayOf(r); s != "" {
		lines = append(lines, m.wrapped(m.paint.dim, "way: ", unbroken(s, m.glyph.sep, w-4), w)...)
	}
	return lines
}

// shortLines is how many lines shortState has.
const shortLines = 3

// shortState is the same in three lines: the way of a decision, once there is
// one, is of more use than what happens without.
func (m *Model) shortState(r row, w int) []string {
	c := newCells(w, &m.glyph)
	c.pad(2)
	c.put(m.paint.title, m.stateWord(), labelCells)
	c.add(style{}, m.stateWords(r))
	lines := []string{m.leftLine(r, w), c.end()}
	c = newCells(w, &m.glyph)
	c.pad(2)
	if s := m.wayOf(r); s != "" {
		c.put(m.paint.dim, "way", labelCells)
		c.add(style{}, s)
	} else {
		c.put(m.paint.dim, "do nothing", labelCells)
		c.add(style{}, m.nothing(r))
	}
	return append(lines, c.end())
}

func (m *Model) wayOf(r row) string {
	return way(r, m.asks[r.key()], m.link.Operator, m.glyph.sep)
}

// leftLine is the time that is really usable.
func (m *Model) leftLine(r row, w int) string {
	c := newCells(w, &m.glyph)
	c.pad(2)
	if r.call.Held != nil {
		left := m.undoLeft(r.call)
		c.put(m.paint.dim, "held", labelCells)
		c.put(style{}, tenths(left)+" s", 8)
		c.bar(style{}, left, r.call.Claim.Hold.Duration(), min(c.free-2, 40))
		return c.end()
	}
	if !r.waits() {
		c.put(m.paint.dim, "now", labelCells)
		c.add(style{}, m.standing(r, endSign(r.call, &m.glyph), c.free))
		return c.end()
	}
	left := m.usable(r.call)
	st, _ := m.urgency(left)
	c.put(m.paint.dim, "left", labelCells)
	c.put(st, tenths(left)+" s", 8)
	c.bar(st, left, m.scale, min(c.free-2, 40))
	return c.end()
}

func (m *Model) keysLine(w int) string {
	c := newCells(w, &m.glyph)
	c.pad(2)
	if m.observes() {
		c.add(style{}, ErrWatching.Error())
		return c.end()
	}
	left, _ := m.keys.brief()
	for i, b := range left[:3] {
		c.pad(min(i, 1) * 2)
		c.add(m.paint.keyName, "["+b.Help().Key+"]")
		c.pad(1)
		c.add(style{}, b.Help().Desc)
	}
	return c.end()
}

// stance is whether a key would decide now.
type stance int

const (
	noCall stance = iota
	over
	decided
	sent
	offline
	tooLate
	notArmed
	armed
	watching
	held
)

func (m *Model) stance() stance {
	r, _, ok := m.queue.current()
	if !ok {
		return noCall
	}
	a := m.asks[r.key()]
	switch {
	case r.ghost:
		return over
	case r.call.Held != nil:
		return held
	case !r.call.Waits():
		return decided
	case a.underWay():
		return sent
	case !m.link.Up:
		return offline
	case m.usable(r.call) <= 0:
		return tooLate
	case m.observes():
		return watching
	case m.guard.armed:
		return armed
	default:
		return notArmed
	}
}

// stateWord is the stance as one sees it from afar.
func (m *Model) stateWord() string {
	return [...]string{"", "OVER", "DECIDED", "SENT", "KEYS OFF", "TOO LATE", "NOT ARMED", "ARMED", "WATCHING", "HELD"}[m.stance()]
}

// stateWords is what the stance means.
func (m *Model) stateWords(r row) string {
	switch m.stance() {
	case noCall:
		return ""
	case over:
		return "this call is over"
	case decided:
		if r.call.State == call.InRejection {
			return "Graph accepted it, the end comes next" + decidedBy(r.call, m.link.Operator)
		}
		return "waiting for Graph" + decidedBy(r.call, m.link.Operator)
	case sent:
		if !m.link.Up {
			return "sent, no answer yet: told when the link is back"
		}
		return "waiting for the relay"
	case offline:
		return "no link to the relay"
	case tooLate:
		return "a decision would no longer arrive"
	case notArmed:
		return "it came under the keys just now"
	case armed:
		return "a key decides at once"
	case watching:
		return "others decide about this call"
	case held:
		if m.holds(r.call) {
			return "not sent yet: " + m.keys.undo.Help().Key + " takes it back"
		}
		return "not sent yet:" + by(r.call, m.link.Operator) + " may take it back"
	default:
		return ""
	}
}

// nothing is what happens without a key: it has to be on the card, because it
// is what most operators get wrong about a countdown.
func (m *Model) nothing(r row) string {
	switch {
	case m.stance() == held:
		return reasonWords(r.call) + " is sent in " + tenths(m.undoLeft(r.call)) + " s"
	case !r.waits():
		return "nothing is left to decide"
	case m.stance() == sent:
		return "your " + string(m.asks[r.key()].reason) + " is under way"
	default:
		return "the call rings on until Graph ends it"
	}
}

// atZero is the same where there is hardly room.
func (m *Model) atZero() string {
	switch m.stance() {
	case offline, tooLate, notArmed, armed, watching:
		return "at 0 it rings on"
	case held:
		return "at 0 it is sent"
	case noCall, over, decided, sent:
	}
	return ""
}

// wrapped writes a label and a sentence, over as many lines as it takes.
func (m *Model) wrapped(st style, label, s string, w int) []string {
	var lines []string
	c := newCells(w, &m.glyph)
	c.pad(2)
	c.add(st, label)
	blank := true
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }) {
		n := call.Width(word)
		if !blank && n+1 > c.free {
			lines = append(lines, c.end())
			c = newCells(w, &m.glyph)
			c.pad(4)
			blank = true
		}
		if !blank {
			c.pad(1)
		}
		c.add(style{}, strings.ReplaceAll(word, glue, " "))
		blank = false
	}
	return append(lines, c.end())
}

// glue joins words that stay in one line; it is drawn as a blank.
const glue = "\u00a0"

// unbroken glues the words of each step of a way together, so that a line ends
// between steps; not those of a step that is longer than a line.
func unbroken(s, sep string, w int) string {
	steps := strings.Split(s, " "+sep+" ")
	for i, step := range steps {
		if i > 0 {
			step = sep + glue + step
		}
		if call.Width(step) <= w {
			step = strings.ReplaceAll(step, " ", glue)
		}
		steps[i] = step
	}
	return strings.Join(steps, " ")
}
