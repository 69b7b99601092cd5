package tui

import (
	"strconv"

	"callscreen/relay/call"
)

// recentTitle heads the list of decisions in the two-pane layout.
func (m *Model) recentTitle() string {
	c := m.row()
	c.pad(1)
	c.add(m.paint.title, m.belowTitle("RECENT DECISIONS"))
	if s := m.today(true); len(s)+2 < c.free {
		c.pad(c.free - len(s) - 1)
		c.add(m.paint.dim, s)
	}
	return c.end()
}

// today is the counts of the day, in many words or few.
func (m *Model) today(long bool) string {
	t := m.board.Tally()
	if t.Rang == 0 {
		return ""
	}
	n := strconv.Itoa
	if total := ended(t); !long && total > 0 {
		return n(t.Rang) + " today, " + share(t.Endings[call.EndRejected]+t.Endings[call.EndUnconfirmed], total) + " rejected"
	}
	if !long {
		return n(t.Rang) + " today"
	}
	return "today " + n(t.Rang) + "   busy " + n(t.Rejected[call.Busy]) + "  none " + n(t.Rejected[call.None]) +
		"  forbidden " + n(t.Rejected[call.Forbidden]) + "  timed out " + n(t.Endings[call.EndTimedOut])
}

// recent is the lately ended calls in exactly h lines, the last first. The
// lines are kept until the board or the size changes.
func (m *Model) recent(h int) []string {
	key := [4]int{m.rev, m.width, h, m.below.top}
	if m.cache.recentKey != key || m.cache.recent == nil {
		m.cache.recent, m.cache.recentKey = m.endedLines(m.below.top, h), key
	}
	return m.cache.recent
}

// endedKnown counts the calls that ended and of which more is known than that.
func (m *Model) endedKnown() int {
	n := 0
	for _, c := range m.board.Ended() {
		if c.Known() {
			n++
		}
	}
	return n
}

// endedLines is h lines of the ended calls, without the first so many.
func (m *Model) endedLines(skip, h int) []string {
	lines := make([]string, 0, h)
	ended := m.board.Ended()
	for i := len(ended) - 1; i >= 0 && len(lines) < h; i-- {
		switch {
		case !ended[i].Known():
		case skip > 0:
			skip--
		default:
			lines = append(lines, m.endedLine(ended[i]))
		}
	}
	if len(lines) == 0 && h > 0 {
		c := m.row()
		c.pad(1)
		c.add(m.paint.dim, "No call has ended yet.")
		lines = append(lines, c.end())
	}
	for len(lines) < h {
		lines = append(lines, m.blank(m.width))
	}
	return lines
}

// endedLine is when, how, how fast, by whom, and who called.
func (m *Model) endedLine(c *call.Call) string {
	l := m.row()
	if m.width < 80 { // by whom is among the short words, how fast is left out
		margin, words := 1, 16
		if m.geo.layout == compact {
			margin, words = 0, 14
		}
		l.pad(margin)
		l.put(m.paint.dim, c.EndedAt.Format("15:04"), 6)
		l.put(style{}, endSign(c, &m.glyph)+" "+m.endWords(c, true), words)
		l.pad(1)
		if m.geo.layout != compact {
			m.address(l, c.Caller)
			l.pad(1)
		}
		l.stranger(c.Caller.Display(), call.NameCells)
		return l.end()
	}
	l.pad(1)
	l.put(m.paint.dim, c.EndedAt.Format("15:04:05"), 9)
	l.put(style{}, endSign(c, &m.glyph)+" "+m.result(c), 19)
	took := ""
	if c.Reply != nil && c.Reply.Took > 0 {
		took = ms(c.Reply.Took.Duration())
	}
	l.pad(1)
	l.putRight(style{}, took, 7)
	l.pad(1)
	l.put(style{}, m.who(c), 8)
	l.pad(1)
	m.address(l, c.Caller)
	l.pad(1)
	l.stranger(c.Caller.Display(), call.NameCells)
	return l.end()
}

// result is how a call ended, for the list of decisions, which has columns of
// their own for who and how fast.
func (m *Model) result(c *call.Call) string {
	switch c.Ending {
	case call.EndRejected, call.EndUnconfirmed:
		switch {
		case m.missed[c.ID.Key()] == call.WasTaken:
			return reasonWords(c) + ", faster"
		case c.Ending == call.EndRejected:
			return reasonWords(c)
		case len(reasonWords(c)) > 4:
			return m.endWords(c, true)
		default:
			return reasonWords(c) + ", unconfirmed"
		}
	case call.EndGone, call.EndHungUp, call.EndTimedOut, call.EndRefused, call.EndUnknown:
		return m.endWords(c, false)
	default:
		return m.endWords(c, false)
	}
}

// who is the name in the column of the list of decisions.
func (m *Model) who(c *call.Call) string {
	switch {
	case c.Claim == nil && m.missed[c.ID.Key()] == call.WasTooLate, c.Claim != nil && c.Claim.Operator == m.link.Operator:
		return "you"
	case c.Claim == nil:
		return ""
	case c.Claim.Operator == call.Unattended:
		return "(policy)" // the whole name finds no room
	default:
		return tidy(c.Claim.Operator, operatorCells)
	}
}
