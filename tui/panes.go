package tui

import "strconv"

// lower is the pane of recent decisions, once the keys that move scroll it. The
// keys that decide go on to decide about the selected call, which stays in sight.
type lower struct {
	open bool
	top  int // how many of the newest are scrolled away
}

// otherPane gives the keys that move to the other pane. Where the decisions have
// no pane they have a page.
func (m *Model) otherPane() {
	switch {
	case m.page.kind != pageNone:
		m.page = page{}
	case m.geo.recent == 0:
		m.open(pageRecent)
	default:
		m.below = lower{open: !m.below.open}
	}
}

// scrollBelow scrolls the decisions and reports whether the key meant that. One
// that names a call leads back to the calls.
func (m *Model) scrollBelow(name named) bool {
	k, h := &m.keys, m.geo.recent
	most := max(m.endedKnown()-h, 0)
	top := m.below.top
	switch {
	case name.is(k.up):
		top--
	case name.is(k.down):
		top++
	case name.is(k.pageUp):
		top -= h
	case name.is(k.pageDown):
		top += h
	case name.is(k.first):
		top = 0
	case name.is(k.last):
		top = most
	default:
		if name.is(k.jump) || name.is(k.urgent) {
			m.below = lower{}
		}
		return false
	}
	m.below.top = max(min(top, most), 0)
	return true
}

// belowTitle is the title of the decisions: with the mark of what is chosen and
// what is shown of how many, once the keys scroll them.
func (m *Model) belowTitle(s string) string {
	if !m.below.open {
		return s
	}
	n := m.endedKnown()
	if n == 0 {
		return ">" + s
	}
	last := min(m.below.top+m.geo.recent, n)
	return ">" + s + " " + strconv.Itoa(m.below.top+1) + "-" + strconv.Itoa(last) + " of " + strconv.Itoa(n)
}
