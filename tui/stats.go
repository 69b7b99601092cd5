package tui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"
)

// statsCache is what the statistics were made of, so that frames in which
// nothing but countdowns changed make nothing anew.
type statsCache struct {
	rev   int
	board *call.Board // a new board starts its own count of changes
	stats call.Stats

	line    string
	lineRev int
	width   int
	pace    [call.PaceMinutes]int
}

// stats is how decisions went today, counted once for every change of the board.
func (m *Model) stats() *call.Stats {
	c := &m.cache.stats
	if c.board != m.board || c.rev != m.rev {
		c.board, c.rev, c.stats = m.board, m.rev, m.board.Stats()
		c.line = ""
	}
	return &c.stats
}

// statsLine is the pace of the last half hour, the time to decide and the share
// of the endings that matter, in one line.
func (m *Model) statsLine() string {
	stats, c := m.stats(), &m.cache.stats
	pace := m.board.Pace(m.now)
	if c.line == "" || c.lineRev != m.rev || c.width != m.width || c.pace != pace {
		c.line, c.lineRev, c.width, c.pace = m.newStatsLine(stats, pace[:]), m.rev, m.width, pace
	}
	return c.line
}

func (m *Model) newStatsLine(s *call.Stats, pace []int) string {
	if m.rev == 0 {
		return m.wrapped(m.paint.dim, "no statistics before the relay is heard", "", m.width)[0]
	}
	right := m.newPart()
	item := func(label, value string) {
		right.pad(3)
		right.add(m.paint.dim, label+" ")
		right.add(style{}, value)
	}
	if s.Of > 0 {
		item("median decision", tenths(s.Median)+" s")
		item("p95", tenths(s.P95)+" s")
	}
	t := m.board.Tally()
	if total := ended(t); total > 0 {
		item("rejected", share(t.Endings[call.EndRejected]+t.Endings[call.EndUnconfirmed], total))
		item("timed out", share(t.Endings[call.EndTimedOut], total))
	} else {
		right.pad(3)
		right.add(m.paint.dim, "no call has ended today")
	}
	c := m.row()
	c.pad(1)
	c.add(m.paint.dim, "calls/min ")
	n := max(min(c.free-right.used()-1, len(pace)), 0)
	c.raw(m.paint.calm, m.glyph.spark(pace[len(pace)-n:]), n)
	c.join(right)
	return c.end()
}

// ended is how many calls ended today.
func ended(t call.Tally) (n int) {
	for _, k := range t.Endings {
		n += k
	}
	return n
}

// share is a part in whole per cent.
func share(part, of int) string { return strconv.Itoa((200*part+of)/(2*of)) + " %" }

// spark draws numbers as columns of eighths, one cell each. The lowest is kept
// for nothing, so that one call in a quiet hour is seen.
func (g *glyphs) spark(n []int) string {
	columns := []rune("▁▂▃▄▅▆▇█")
	if g.part == nil {
		columns = []rune("_.:-=+*#")
	}
	most, steps := max(slices.Max(append(n, 1)), 1), len(columns)-1
	var s strings.Builder
	for _, v := range n {
		s.WriteRune(columns[(max(v, 0)*steps+most-1)/most])
	}
	return s.String()
}

// statsPage is all of it.
func (m *Model) statsPage() []string {
	if m.rev == 0 {
		return m.wrapped(style{}, "", "There are no statistics before the relay is heard.", m.width)
	}
	lines := m.statsCalls()
	s := m.stats()
	if s.Of == 0 {
		return append(lines, m.wrapped(style{}, "", "Nobody has decided about a call today that is over by now.", m.width)...)
	}
	lines = append(lines, m.blank(m.width))
	lines = append(lines, m.statsOperators(s)...)
	lines = append(lines, m.blank(m.width))
	return append(lines, m.statsLeft(s)...)
}

// statsCalls is the day in numbers.
func (m *Model) statsCalls() []string {
	t, s := m.board.Tally(), m.stats()
	pace := m.board.Pace(m.now)
	line := func(label string) *cells {
		c := m.row()
		c.pad(2)
		c.put(m.paint.dim, label, labelCells)
		return c
	}
	today := line("today")
	today.add(style{}, count(t.Rang, "call rang", "calls rang")+", "+count(ended(t), "is over", "are over"))
	perMinute := line("calls/min")
	n := min(perMinute.free, len(pace))
	perMinute.raw(m.paint.calm, m.glyph.spark(pace[len(pace)-n:]), n)
	perMinute.pad(2)
	perMinute.add(m.paint.dim, "most "+strconv.Itoa(slices.Max(pace[:]))+" in the last "+strconv.Itoa(len(pace))+" minutes")
	lines := []string{today.end(), perMinute.end()}
	if ended(t) > 0 {
		lines = append(lines, m.statsEndings(t)...)
	}
	if s.Of > 0 {
		c := line("to decide")
		c.add(style{}, "median "+tenths(s.Median)+" s   p95 "+tenths(s.P95)+" s")
		if of := ofDecisions(s.Of); c.free < len(of)+3 {
			lines = append(lines, c.end())
			c = line("")
			c.add(m.paint.dim, of)
		} else {
			c.pad(3)
			c.add(m.paint.dim, of)
		}
		lines = append(lines, c.end())
	}
	return lines
}

// ofDecisions says what the percentiles are of, and that they are no estimate.
func ofDecisions(n int) string {
	if n >= call.DecisionsKept {
		return "exact, of the last " + strconv.Itoa(n) + " decisions"
	}
	return "exact, of " + count(n, "decision", "decisions")
}

// statsEndings is the share of every ending that occurred, as many in a line as fit.
func (m *Model) statsEndings(t call.Tally) []string {
	total := ended(t)
	var lines []string
	c := m.row()
	c.pad(2)
	c.put(m.paint.dim, "endings", labelCells)
	for _, e := range []struct {
		ending call.Ending
		words  string
	}{
		{call.EndRejected, "rejected"},
		{call.EndUnconfirmed, "rejected, unconfirmed"},
		{call.EndTimedOut, "timed out"},
		{call.EndHungUp, "hung up"},
		{call.EndGone, "already gone"},
		{call.EndRefused, "refused by Graph"},
		{call.EndUnknown, "outcome unknown"},
	} {
		if t.Endings[e.ending] == 0 {
			continue
		}
		s := e.words + " " + share(t.Endings[e.ending], total)
		if len(s) > c.free {
			lines = append(lines, c.end())
			c = m.row()
			c.pad(2 + labelCells)
		}
		c.add(style{}, s)
		c.pad(3)
	}
	return append(lines, c.end())
}

// statsOperators is a row for everybody who decided. Where there is little room
// the reasons are left out.
func (m *Model) statsOperators(s *call.Stats) []string {
	type column struct {
		title string
		value func(o call.OperatorStats) string
	}
	n := strconv.Itoa
	columns := []column{
		{"decided", func(o call.OperatorStats) string { return n(o.Decided) }},
		{"busy", func(o call.OperatorStats) string { return n(o.Busy) }},
		{"none", func(o call.OperatorStats) string { return n(o.None) }},
		{"forbidden", func(o call.OperatorStats) string { return n(o.Forbidden) }},
		{"failed", func(o call.OperatorStats) string { return n(o.Failed) }},
		{"median", func(o call.OperatorStats) string {
			if o.Of == 0 {
				return "-"
			}
			return tenths(o.Median) + " s"
		}},
	}
	if m.geo.layout == compact {
		columns = []column{columns[0], columns[5]}
	}
	c := m.row()
	c.pad(2)
	c.put(m.paint.title, "OPERATOR", operatorCells+2)
	for _, k := range columns {
		c.putRight(m.paint.dim, k.title, 10)
	}
	lines := []string{c.end()}
	for _, o := range s.Operators {
		c := m.row()
		c.pad(2)
		name := tidy(o.Name, operatorCells)
		if o.Name == "" {
			name = "all others"
		}
		c.put(style{}, name, operatorCells+2)
		for _, k := range columns {
			c.putRight(style{}, k.value(o), 10)
		}
		lines = append(lines, c.end())
	}
	return lines
}

// statsLeft is how many seconds were left when somebody decided: a team that
// lives in the lowest rows loses calls to the network.
func (m *Model) statsLeft(s *call.Stats) []string {
	c := m.row()
	c.pad(2)
	c.add(m.paint.title, "SECONDS LEFT")
	c.add(m.paint.dim, " at the decision, of all decisions today")
	lines := []string{c.end()}
	last := 0
	for i, k := range s.Left {
		if k > 0 {
			last = i
		}
	}
	most := slices.Max(s.Left[:])
	for i, k := range s.Left[:last+1] {
		c := m.row()
		c.pad(2)
		label := n2(i) + " to " + n2(i+1)
		if i == call.LeftSeconds-1 {
			label = n2(i) + " and more"
		}
		c.put(m.paint.dim, label, labelCells)
		w := max(min(c.free-8, 50), 0)
		c.bar(m.paint.calm, time.Duration(k), time.Duration(most), w)
		c.pad(1)
		c.add(style{}, strconv.Itoa(k))
		lines = append(lines, c.end())
	}
	return lines
}

// n2 is a number in two places.
func n2(n int) string {
	s := strconv.Itoa(n)
	if n < 10 {
		return " " + s
	}
	return s
}
