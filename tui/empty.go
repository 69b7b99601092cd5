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
		say(m.paint.bad, m.glyph.no, "No further try will be made.")
		lines = append(lines, m.wrapped(style{}, "", tidy(m.link.Err, wordsCells), w)...)
	case !m.link.Up:
		say(m.paint.bad, m.glyph.lost, "Not connected: calls may ring unseen.")
	case m.width < narrow:
		say(m.paint.good, m.glyph.live, "Connected. No call waits.")
		say(style{}, "", m.invitation(m.deciding()+" decide."))
	case m.geo.layout == compact:
		say(m.paint.good, m.glyph.live, "Connected. Waiting for calls.")
		say(style{}, "", m.invitation("Press "+m.deciding()+" when a call comes in."))
	default:
		say(m.paint.good, m.glyph.live, "Connected. Waiting for calls to "+bot+".")
		if at := m.lastCall(); !at.IsZero() {
			say(style{}, "", "Last call "+at.Format("15:04:05")+".")
		}
		say(style{}, "", m.invitation("Press "+m.deciding()+" here when a call comes in.")+" "+m.keys.help.Help().Key+" for help.")
	}
	return lines
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
		s += ", " + strconv.Itoa(m.queue.waiting()) + " pass the filter"
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
