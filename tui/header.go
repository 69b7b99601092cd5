package tui

import (
	"cmp"
	"strconv"
	"time"

	"callscreen/relay/call"
)

// head is the header line and, while the link is down, a line that says what
// that means. How the connection stands comes before anything else: a screen
// that looks alive and is not is worse than none.
func (m *Model) head(lines []string) []string {
	c := m.row()
	if m.geo.layout == compact {
		m.compactHead(c)
	} else {
		m.wideHead(c)
	}
	lines = append(lines, c.end())
	if m.geo.banner {
		lines = append(lines, m.banner())
	}
	return lines
}

const (
	// botCells is the room for the relay's name in the header.
	botCells = 24
	// graphCells is the room for why Graph cannot be reached.
	graphCells = 24
	// relayCells is the room for what else the relay wants operators to know.
	relayCells = 40
)

func (m *Model) wideHead(c *cells) {
	right := m.rightHead(true, true)
	bot := call.Width(tidy(m.bot(), botCells))
	if right.used()+15+bot > c.free { // the empty queue tells the notice, too
		right = m.rightHead(true, false)
	}
	if right.used()+15+bot > c.free {
		right = m.rightHead(false, false)
	}
	used := right.used()
	if used+1 > c.free {
		right = m.newPart()
		m.connection(right)
		used = min(right.used(), c.free-1)
	}
	c.pad(1)
	if room := c.free - used - 2; room >= 10 {
		c.put(m.paint.title, "callscreen", 10)
		if bot := tidy(m.bot(), botCells); room >= 14 && bot != "" {
			c.pad(2)
			c.put(style{}, bot, min(call.Width(bot), room-12))
		}
	}
	c.pad(c.free - used - 1)
	c.join(right)
}

// rightHead is the connection, what stands behind it, and the clock. How many
// others watch is the first thing to go where there is less room, after the notice.
func (m *Model) rightHead(others, notice bool) *cells {
	c := m.newPart()
	m.connection(c)
	if m.link.Up {
		m.company(c, others)
	}
	if notice && m.link.Up && m.link.Notice != "" {
		c.pad(3)
		c.add(m.paint.title, tidy(m.link.Notice, relayCells))
	}
	c.pad(3)
	c.add(m.paint.dim, m.clock())
	return c
}

func (m *Model) compactHead(c *cells) {
	right := m.newPart()
	switch n := m.board.Waiting(); {
	case n > 0 && m.queue.filter != "":
		right.add(m.paint.title, strconv.Itoa(m.queue.waiting())+" of "+strconv.Itoa(n)+" waiting")
	case n > 0:
		right.add(m.paint.title, strconv.Itoa(n)+" waiting")
	}
	if m.link.Up && m.width >= 38 {
		right.pad(2)
		right.add(m.paint.dim, m.clock())
	}
	left := m.newPart()
	m.connection(left)
	if m.link.Up && m.link.Graph != "" {
		left.pad(2)
		left.add(m.paint.bad, "graph!")
	}
	if left.used()+right.used()+1 > c.free {
		left = m.newPart()
		m.shortConnection(left)
	}
	if m.alert.muted && left.used()+right.used()+8 <= c.free {
		left.pad(2)
		left.add(m.paint.title, "muted")
	}
	if over := left.used() + right.used() + 1 - c.free; over > 0 {
		c.put(style{}, left.cut(c.free-right.used()-1), c.free-right.used()-1)
	} else {
		c.join(left)
	}
	c.pad(c.free - right.used())
	c.join(right)
}

// connection is the state of the link in one phrase.
func (m *Model) connection(c *cells) {
	l := &m.link
	switch {
	case !m.heard:
		c.add(m.paint.dim, m.glyph.lost+" connecting")
	case l.Up && m.trip.shown > 0:
		c.add(m.paint.good, m.glyph.live)
		c.add(style{}, " live "+ms(m.trip.shown))
	case l.Up:
		c.add(m.paint.good, m.glyph.live)
		c.add(style{}, " live")
	case l.Final:
		c.add(m.paint.bad, m.glyph.no+" REFUSED")
	case l.RetryAt.After(m.now):
		c.add(m.paint.bad, m.glyph.lost+" RECONNECTING")
		c.add(style{}, " try "+strconv.Itoa(max(l.Try, 1))+" in "+seconds(l.RetryAt.Sub(m.now)))
	default:
		c.add(m.paint.bad, m.glyph.lost+" RECONNECTING")
		c.add(style{}, " try "+strconv.Itoa(max(l.Try, 1))+" now")
	}
}

// trip is the round trip as it is shown. It is measured every few seconds, and an
// idle screen sends the terminal no more than a minute's change: it is only news
// while it takes time off a call.
type trip struct {
	shown  time.Duration
	minute time.Time
}

func (t *trip) show(l call.Link, counting bool, now time.Time) {
	if minute := now.Truncate(time.Minute); counting || !l.Up || t.shown == 0 || !minute.Equal(t.minute) {
		t.shown, t.minute = l.RoundTrip, minute
	}
}

// shortConnection is the same in one word, and "graph!" where that is down.
func (m *Model) shortConnection(c *cells) {
	switch {
	case m.link.Up && m.link.Graph != "":
		c.add(m.paint.bad, m.glyph.live+" graph!")
	case m.link.Up:
		c.add(m.paint.good, m.glyph.live)
		c.add(style{}, " live")
	case m.heard && !m.link.Final:
		c.add(m.paint.bad, m.glyph.lost+" RECONNECTING")
	default:
		m.connection(c)
	}
}

// company is what else stands behind a live link: the relay, Graph, and whoever
// else is watching.
func (m *Model) company(c *cells, all bool) {
	if m.width >= 100 {
		c.pad(3)
		c.add(m.paint.dim, "relay ok")
	}
	c.pad(3)
	if m.link.Graph != "" {
		c.add(m.paint.bad, "graph: "+cmp.Or(tidy(m.link.Graph, graphCells), "not ok"))
	} else {
		c.add(m.paint.dim, "graph ok")
	}
	if m.alert.muted {
		c.pad(3)
		c.add(m.paint.title, "muted")
	}
	if me := tidy(m.link.Operator, operatorCells); me != "" {
		c.pad(3)
		c.add(style{}, me)
		if m.observes() && m.geo.layout == wide {
			c.add(style{}, " (observer)")
		}
		m.others(c, all)
	}
}

// others is how many watch beside us. An observer is no help to anybody, and is
// told when nobody is.
func (m *Model) others(c *cells, all bool) {
	others := m.link.Watching
	if !m.observes() {
		others--
	}
	switch {
	case others > 0:
		c.add(m.paint.dim, " +"+strconv.Itoa(others))
		if all {
			c.add(m.paint.dim, " watching")
		}
	case m.observes():
		c.pad(2)
		c.add(m.paint.bad, "nobody watching")
	}
}

// onIt is who else has the selected call selected, "" if nobody, or if nothing is
// left to decide about it.
func (m *Model) onIt() string {
	if r, _, ok := m.queue.current(); !ok || !r.waits() {
		return ""
	}
	id, names := m.selected(), []string(nil)
	for _, p := range m.link.People {
		if id != "" && p.Watches() && p.Name != m.link.Operator && p.Call.Key() == id.Key() {
			names = append(names, tidy(p.Name, operatorCells))
		}
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0] + " is on it"
	default:
		return names[0] + " +" + strconv.Itoa(len(names)-1) + " are on it"
	}
}

// banner says what a lost link means for the calls on the screen.
func (m *Model) banner() string {
	c := m.row()
	switch {
	case m.geo.layout == compact:
		c.add(m.paint.bad, "! Keys off: calls ring on.")
	case m.link.Final:
		c.add(m.paint.bad, " ! Keys are off: calls ring on. No further try will be made.")
	case m.link.LastHeard.IsZero():
		c.add(m.paint.bad, " ! Never connected. Keys are off: calls ring on.")
	default:
		c.add(m.paint.bad, " ! Last heard "+m.ago(m.link.LastHeard)+". Keys are off: calls ring on.")
	}
	c.pad(2)
	if !m.link.Final && bindingWidth(m.keys.reconnect) <= c.free {
		m.binding(c, m.keys.reconnect)
		c.pad(2)
	}
	why := tidy(m.link.Err, wordsCells)
	if m.link.Final && len(m.queue.rows) == 0 || call.Width(why) > c.free && c.free < graphCells {
		why = "" // the empty queue tells it in full, or the message did
	}
	c.add(m.paint.dim, why)
	return c.end()
}

func (m *Model) bot() string { return cmp.Or(m.link.Bot, m.opt.Bot) }

// newPart is a piece of a row whose width is known only when it is done.
func (m *Model) newPart() *cells { return newCells(m.width, &m.glyph) }
