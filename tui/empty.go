package tui

import (
	"strconv"
	"time"
)

// empty says what is going on while the queue is empty.
func (m *Model) empty(lines []string, w int) []string {
	say := func(st style, sign, s string) {
		c := newCells(w, &m.glyph)
		c.pad(m.indent() - 1)
		if sign != "" {
			c.add(st, sign)
			c.pad(1)
		} else {
			c.pad(2)
		}
		c.add(style{}, s)
		lines = append(lines, c.end())
	}
	if m.geo.layout != compact {
		lines = append(lines, m.blank(w))
	}
	bot := tidy(m.bot(), botCells)
	if bot == "" {
		bot = "the bot"
	}
	switch {
	case m.queue.filter != "" && m.geo.layout == compact:
		say(style{}, "", "No call matches the filter.")
		say(style{}, "", m.keys.back.Help().Key+" shows all.")
	case m.queue.filter != "":
		say(style{}, "", "No call matches the filter. "+m.keys.back.Help().Key+" shows all.")
	case !m.heard:
		say(m.paint.dim, m.glyph.lost, "Connecting to the relay.")
	case m.link.Final:
		lines = append(lines, m.wrapped(m.paint.bad, m.glyph.no+" ",
			"Refused: "+tidy(m.link.Err, wordsCells)+". Mend that and start the console again.", w)...)
	case !m.link.Up:
		say(m.paint.bad, m.glyph.lost, "Not connected: calls may ring unseen.")
	case m.width < narrow:
		say(m.paint.good, m.glyph.live, "Connected. No call waits.")
		say(style{}, "", m.invitation(m.deciding()+" decide."))
		m.sayLast(say)
		m.sayNotice(say)
	case m.geo.layout == compact:
		say(m.paint.good, m.glyph.live, "Connected. Waiting for calls.")
		say(style{}, "", m.invitation("Press "+m.deciding()+" when a call comes in."))
		m.sayLast(say)
		m.sayNotice(say)
		if free := m.geo.queue - len(lines); free > 1 && m.endedKnown() > 0 {
			lines = append(lines, m.rule("RECENT", ""))
			lines = append(lines, m.endedLines(0, free-1)...)
		}
	default:
		say(m.paint.good, m.glyph.live, "Connected. Waiting for calls to "+bot+".")
		m.sayLast(say)
		say(style{}, "", m.invitation("Press "+m.deciding()+" here when a call comes in.")+" "+m.keys.help.Help().Key+" for help.")
		m.sayNotice(say)
	}
	return lines
}

// sayNotice is what else the relay wants operators to know. The header has no room
// for it everywhere.
func (m *Model) sayNotice(say func(st style, sign, s string)) {
	if m.link.Notice != "" {
		say(m.paint.title, "!", tidy(m.link.Notice, relayCells))
	}
}

// sayLast is when the last call came, and how the day has been.
func (m *Model) sayLast(say func(st style, sign, s string)) {
	at := m.lastCall()
	if at.IsZero() {
		return
	}
	s := "Last call " + at.Format("15:04:05") + "."
	if today := m.today(false); today != "" && m.width >= narrow {
		s += "  " + today + "."
		if m.geo.layout == compact {
			s = "Last " + at.Format("15:04") + ", " + today + "."
		}
	}
	say(style{}, "", s)
}

// deciding is the keys that decide: "b, n or f".
func (m *Model) deciding() string {
	return m.keys.busy.Help().Key + ", " + m.keys.none.Help().Key + " or " + m.keys.forbidden.Help().Key
}

// lastCall is when the last call rang that the board still knows.
func (m *Model) lastCall() time.Time {
	var at time.Time
	for _, c := range m.board.Ended() {
		if c.RangAt.After(at) {
			at = c.RangAt
		}
	}
	return at
}

func (m *Model) incoming() string {
	s := "INCOMING " + strconv.Itoa(m.board.Waiting())
	if m.queue.filter != "" {
		s += ", " + count(m.queue.waiting(), "passes", "pass") + " the filter"
	}
	return s
}

const byTime = "sorted by time left"

func (m *Model) queueTitle(w int) string {
	c := newCells(w, &m.glyph)
	c.pad(1)
	c.add(m.paint.title, m.incoming())
	if m.queue.filter == "" {
		c.pad(3)
		c.add(m.paint.dim, byTime)
	} else {
		c.pad(1)
		c.stranger(m.queue.filter, filterCells)
	}
	return c.end()
}
