package tui

import "time"

// layout is how the screen is divided.
type layout int

const (
	tiny    layout = iota // under 30x6: says what it needs and counts calls
	compact               // one column, two lines about the call
	stacked               // queue, card and decisions one below the other
	wide                  // queue and card side by side, decisions below
)

// narrow is below which width sentences have to be shorter.
const narrow = 38

// geometry is how many lines and columns each part has.
type geometry struct {
	layout layout
	banner bool // a line that says the screen may be old
	stats  bool // a line of statistics above the message line
	body   int  // lines of the part between the header and the message line
	left   int  // wide: columns of the queue
	top    int  // wide: lines of queue and card
	queue  int  // lines for rows, without the title
	card   int  // lines of the card, without the title
	recent int  // lines for decisions, without the title; 0: no such part
	drawn  int  // waiting calls on the screen
	first  int  // the rows shown
	shown  int
	more   bool // the last line of the queue counts what is not shown
}

// divide gives every part its lines. The queue has what it needs first, then
// the card, then the decisions; but a part does not shrink below its usual size
// without need, so that little moves when calls come and go. facts is how many
// lines the card would like to have.
func divide(w, h, rows, facts int, banner bool) geometry {
	g := geometry{banner: banner}
	lost := 0
	if banner {
		lost = 1
	}
	switch {
	case w < 30 || h < 6:
		return geometry{layout: tiny}
	case w >= 100 && h >= 24:
		g.layout = wide
		g.left = min(w*57/100, 100)
		g.body = h - 5 - lost
		free := h - 7 - lost // less rules, titles, header, message and help
		if g.stats = h >= 30; g.stats {
			free--
		}
		g.top = min(max(rows+1, free*3/5), free-3)
		g.queue, g.card, g.recent = g.top-1, g.top-1, free-g.top
	case w >= 60 && h >= 16:
		g.layout = stacked
		g.body = h - 5 - lost
		free := h - 6 - lost
		g.card = 4
		if free >= 17 {
			g.card = 7
			if rows > free-g.card {
				g.card = 6 // the line of who is called goes to a call that waits
			}
		}
		usual := max((free-g.card)/2, 1)
		g.queue = min(max(rows, usual), free-g.card)
		if spare := free - g.card - g.queue - 1 - decisionsLeft; spare > 0 && g.card == 7 {
			g.card += min(max(facts-g.card, 0), spare)
		}
		if rest := free - g.card - g.queue; rest >= 2 {
			g.recent = rest - 1
		} else {
			g.queue += rest
		}
	default:
		g.layout = compact
		g.body = h - 4 - lost
		free := h - 3 - lost
		switch {
		case rows == 0: // nothing is selected: the decisions have the room
		case free >= 8:
			g.card = compactCardLines
			g.card += max(min(facts-g.card, free-g.card-rows), 0)
		case free >= 3:
			g.card = 1
		}
		g.queue = free - g.card
	}
	return g
}

// compactCardLines is a rule that says whether keys count, number, name, a rule.
const compactCardLines = 4

// decisionsLeft is how many decisions stay in sight beside a card that needs room.
const decisionsLeft = 3

// measure divides the screen and scrolls the queue so that the selected call is
// on it.
func (m *Model) measure() {
	banner := m.heard && !m.link.Up
	m.geo = divide(m.width, m.height, len(m.queue.rows), m.cardNeeds(), banner)
	if over := len(m.queue.rows) - m.geo.queue; over > 0 && m.queue.thin(over) {
		m.queue.sync(m.board, m.now)
		m.geo = divide(m.width, m.height, len(m.queue.rows), m.cardNeeds(), banner)
	}
	rows, g := len(m.queue.rows), &m.geo
	if g.recent == 0 {
		m.below = lower{}
	} else if m.below.open {
		m.below.top = min(m.below.top, max(m.endedKnown()-g.recent, 0))
	}
	g.shown = min(rows, g.queue)
	if rows > g.queue {
		g.more, g.shown = true, max(g.queue-1, 0)
	}
	if i := m.queue.find(m.queue.selected); i >= 0 {
		m.top = min(max(m.top, i-g.shown+1), i)
	}
	m.top = max(min(m.top, rows-g.shown), 0)
	g.first = m.top
	if g.layout == tiny || m.page.hides() || m.page.kind == pageDetails {
		return
	}
	for _, r := range m.queue.rows[g.first : g.first+g.shown] {
		if r.waits() {
			g.drawn++
		}
	}
}

// soonest is the least time left of the calls in some rows that can still be
// decided, and whether there is any. The rows are sorted by deadline, so that
// all but the first few need not be asked.
func (m *Model) soonest(rows []row) (least time.Duration, found bool) {
	for _, r := range rows {
		if !m.decidable(r) {
			continue
		}
		left := m.usable(r.call)
		if found && left-m.margin > least {
			break // no margin makes up for its deadline, nor for those that follow
		}
		if !found || left < least {
			least, found = left, true
		}
	}
	return least, found
}

// soonestOfAll is the least time left of all calls, those that the filter hides
// among them.
func (m *Model) soonestOfAll() time.Duration {
	least, found := time.Duration(0), false
	for _, c := range m.board.Live() {
		if !m.decidable(row{call: c}) {
			continue
		}
		if left := m.usable(c); !found || left < least {
			least, found = left, true
		}
	}
	return least
}
