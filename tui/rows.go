package tui

import (
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"

	"github.com/charmbracelet/x/ansi"
)

const (
	// nowUnder and soonUnder are when a call is marked !! and !.
	nowUnder  = 5 * time.Second
	soonUnder = 10 * time.Second
	// addressCells holds the longest number there is (ITU-T E.164) and its blanks.
	addressCells = 17
)

// tail is the part of a row that does not count down.
type tail struct {
	call  *call.Call
	seq   uint64
	width int
	text  string
}

// queueRows is the queue in exactly h lines of w cells.
func (m *Model) queueRows(w, h int) []string {
	lines := make([]string, 0, h)
	g := &m.geo
	if len(m.queue.rows) == 0 {
		lines = m.empty(lines, w)
	}
	for i := g.first; i < g.first+g.shown; i++ {
		lines = append(lines, m.queueRow(i, w))
	}
	if g.more && len(lines) < h {
		lines = append(lines, m.hidden(w))
	}
	for len(lines) < h {
		lines = append(lines, m.blank(w))
	}
	return lines[:h]
}

// hidden counts the rows that are not shown, and the time of the next of them.
func (m *Model) hidden(w int) string {
	above := m.queue.rows[:m.geo.first]
	below := m.queue.rows[m.geo.first+m.geo.shown:]
	dots := strings.Repeat(".", 3)
	if m.glyph.more == "…" {
		dots = "…"
	}
	text := dots
	if len(above) > 0 {
		text += " " + strconv.Itoa(callsOf(above)) + " above,"
	}
	if len(below) > 0 || len(above) == 0 {
		text += " " + strconv.Itoa(callsOf(below)) + " more,"
	}
	least, found := m.soonest(above)
	if l, more := m.soonest(below); more && (!found || l < least) {
		least, found = l, true
	}
	switch {
	case found && m.width < narrow:
		text += " " + tenths(least) + " s"
	case found:
		text += " next " + tenths(least) + " s"
	default:
		text = strings.TrimSuffix(text, ",")
	}
	c := newCells(w, &m.glyph)
	c.pad(m.indent())
	c.add(m.paint.title, text)
	return c.end()
}

// callsOf counts the calls that rows stand for.
func callsOf(rows []row) (n int) {
	for _, r := range rows {
		n += 1 + r.folded
	}
	return n
}

// indent is where the text of a row begins, after mark and number.
func (m *Model) indent() int {
	if m.geo.layout == compact {
		return 1
	}
	return 4
}

func (m *Model) barCells() int {
	switch {
	case m.geo.layout == compact:
		return 5
	case m.geo.layout == wide && m.width >= 110:
		return 16
	default:
		return 10
	}
}

// queueRow is one row: mark, number, urgency, seconds, bar, address, name.
func (m *Model) queueRow(i, w int) string {
	r := m.queue.rows[i]
	c := newCells(w, &m.glyph)
	selected := r.key() == m.queue.selected
	st, mark := style{}, " "
	if selected {
		st, mark = m.paint.mark, ">"
	}
	if m.meant(r.call.ID) {
		mark = "*"
	}
	if m.geo.layout == compact {
		c.raw(st, mark, 1)
	} else {
		number := " "
		if 0 < r.number && r.number <= jumps {
			number = "123456789"[r.number-1 : r.number]
		}
		c.pad(1)
		c.raw(st, mark+number, 2)
		c.pad(1)
	}
	if r.waits() {
		m.countdown(c, r)
	} else {
		m.outcome(c, r)
	}
	c.pad(1)
	if m.geo.layout != compact {
		c.pad(1)
	}
	if r.folded > 0 {
		c.add(m.paint.title, m.glyph.times+strconv.Itoa(1+r.folded))
		c.pad(1)
	}
	c.raw(style{}, m.tail(r, c.free), c.free)
	return c.end()
}

// countdown is the part of a row that changes ten times a second.
func (m *Model) countdown(c *cells, r row) {
	left := m.usable(r.call)
	st, urgency := m.urgency(left)
	c.put(st, urgency, 2)
	if m.geo.layout != compact {
		c.pad(1)
	}
	c.putRight(st, secondsLeft(left), 5)
	c.pad(1)
	w := m.barCells()
	if words := m.insteadOfBar(r, left); words != "" {
		c.put(m.paint.title, words, w)
		return
	}
	c.bar(st, left, m.scale, w)
}

// usualRing is what a full bar means at least. It means the longest ring time
// there is, so that of two bars the longer one always has more time.
const usualRing = 15 * time.Second

func (m *Model) urgency(left time.Duration) (style, string) {
	switch {
	case left < nowUnder:
		return m.paint.now, "!!"
	case left < soonUnder:
		return m.paint.soon, "!"
	default:
		return m.paint.calm, ""
	}
}

// secondsLeft is "6.9s", and "140s" where the tenths have no room.
func secondsLeft(left time.Duration) string {
	if left >= 100*time.Second {
		return strconv.FormatInt(int64(min(left/time.Second, 9999)), 10) + "s"
	}
	return tenths(left) + "s"
}

// insteadOfBar tells what matters more than how long the bar is.
func (m *Model) insteadOfBar(r row, left time.Duration) string {
	a, narrow := m.asks[r.key()], m.barCells() < 8
	switch {
	case a.underWay() && !m.link.Up && narrow:
		return "sent?"
	case a.underWay() && !m.link.Up:
		return "? " + string(a.reason)
	case a.underWay() && narrow:
		return "sent"
	case a.underWay():
		return m.glyph.to + " " + string(a.reason)
	case left <= 0 && narrow:
		return "late"
	case left <= 0:
		return "too late"
	case narrow && r.call.State == call.InDoubt:
		return "? try"
	case r.call.State == call.InDoubt:
		return "? retry"
	case narrow && r.call.Reply != nil && !unsent(r.call.Reply):
		return m.glyph.no + " " + strconv.Itoa(r.call.Reply.Status)
	case narrow && (r.call.Reply != nil || unheard(a)):
		return m.glyph.no + " try"
	case r.call.Reply != nil:
		return m.glyph.no + " refused"
	case unheard(a):
		return m.glyph.no + " not sent"
	default:
		return ""
	}
}

// unheard reports a decision that came to nothing although the call rings on.
func unheard(a *ask) bool {
	if a == nil || a.answer == nil {
		return false
	}
	return a.answer.Verdict == call.NotSent || a.answer.Verdict == call.NoSuchCall
}

// outcome is where a call stands that waits no more, in the room of the countdown.
func (m *Model) outcome(c *cells, r row) {
	w := 2 + 5 + 1 + m.barCells()
	if m.geo.layout != compact {
		w++
	}
	sign := endSign(r.call, &m.glyph)
	st := m.paint.dim
	switch {
	case r.ghost && r.call.State != call.Over:
		sign = m.glyph.no
	case sign == m.glyph.ok:
		st = m.paint.good
	}
	c.put(st, m.standing(r, sign, w), w)
}

// tail is address and name, which only change with the call.
func (m *Model) tail(r row, w int) string {
	p := r.call
	if m.cache.tails == nil {
		m.cache.tails = map[string]tail{}
	}
	key := r.key()
	if t, ok := m.cache.tails[key]; ok && t.call == p && t.seq == p.Seq && t.width == w {
		return t.text
	}
	if len(m.cache.tails) > 4*max(m.height, 64) {
		clear(m.cache.tails)
	}
	c := newCells(w, &m.glyph)
	if m.geo.layout != compact {
		m.address(c, p.Caller)
		c.pad(1)
	}
	name, _ := call.Clean(p.Caller.Display(), min(call.NameCells, c.free))
	if m.geo.layout == wide && ansi.StringWidth(name) != ansi.StringWidthWc(name) {
		// Terminals disagree about this name, and the wall stands to its right.
		c.add(m.paint.dim, "(name in the card)")
	} else {
		c.add(style{}, name)
	}
	t := tail{p, p.Seq, w, c.end()}
	m.cache.tails[key] = t
	return t.text
}

// address is the trusted column beside the name.
func (m *Model) address(c *cells, p call.Party) {
	c.put(style{}, address(p), addressCells)
}

// address is a number, or the end of an identifier and what kind it is of. It
// is ASCII but for the "…" of [call.Party.Address]: a column has others to its
// right, which an odd character could push.
func address(p call.Party) string {
	rest, cut := strings.CutPrefix(p.Address(), "…")
	rest, long := strings.CutSuffix(rest, "…")
	rest = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, rest)
	if cut {
		return "…" + rest + " " + ascii(p.Kind.Words())
	}
	if long {
		return rest + "…"
	}
	return rest
}

// ascii keeps what an enum of Graph's can contain.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}
