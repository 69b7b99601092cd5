package tui

import (
	"slices"
	"strconv"

	"callscreen/relay/call"
)

// pageKind is what stands in the place of queue and card.
type pageKind int

const (
	pageNone pageKind = iota
	pageDetails
	pageHelp
	pageRecent
	pageStats
	pageLog
)

// page is what is open, and how far it is scrolled.
type page struct {
	kind pageKind
	top  int
	most int // the furthest it can be scrolled, as of the last frame
}

// hides reports whether the selected call cannot be seen, so that no key may
// decide about it.
func (p page) hides() bool { return p.kind != pageNone && p.kind != pageDetails }

// scroll moves the page and reports whether the key meant that. Beside the
// details the arrow keys still choose a call.
func (p *page) scroll(k *keyMap, name named, body int) bool {
	if p.kind == pageNone {
		return false
	}
	top := p.top
	switch {
	case name.is(k.pageUp):
		top -= max(body-1, 1)
	case name.is(k.pageDown):
		top += max(body-1, 1)
	case !p.hides():
		return false
	case name.is(k.up):
		top--
	case name.is(k.down):
		top++
	case name.is(k.first):
		top = 0
	case name.is(k.last):
		top = p.most
	}
	p.top = max(min(top, p.most), 0)
	return true
}

func (m *Model) pageView(lines []string) []string {
	lines = m.head(lines)
	title, body := m.pageBody()
	lines = append(lines, m.rule(title, m.pageEnd(call.Width(title))))
	m.page.most = max(len(body)-m.geo.body, 0)
	top := min(m.page.top, m.page.most)
	body = body[top:]
	for i := range m.geo.body {
		if i < len(body) {
			lines = append(lines, body[i])
		} else {
			lines = append(lines, m.blank(m.width))
		}
	}
	if m.geo.layout != compact {
		lines = append(lines, m.rule("", ""))
	}
	return m.foot(lines)
}

// pageEnd is how a page is closed, and how many calls wait behind it where the
// header does not say so already.
func (m *Model) pageEnd(title int) string {
	closes := m.keys.back.Help().Key + " closes"
	n := m.board.Waiting()
	if n == 0 || !m.page.hides() {
		return closes
	}
	least := m.soonestOfAll()
	wait := count(n, "call waits", "calls wait")
	switch long := wait + ", " + tenths(least) + " s   " + closes; {
	case title+call.Width(long)+7 <= m.width:
		return long
	case m.geo.layout != compact:
		return wait + "   " + closes
	default:
		return closes
	}
}

func (m *Model) pageBody() (string, []string) {
	switch m.page.kind {
	case pageHelp:
		return "KEYS", m.helpPage()
	case pageRecent:
		n := m.endedKnown()
		return "RECENT DECISIONS " + strconv.Itoa(n), m.endedLines(0, max(n, 1))
	case pageStats:
		return "STATISTICS", m.statsPage()
	case pageLog:
		return "LOG", m.logPage()
	case pageDetails:
		return m.position(), m.detailsPage()
	case pageNone:
	}
	return "", nil
}

// helpPage is made from the key map.
func (m *Model) helpPage() []string {
	var lines []string
	for _, g := range m.keys.groups() {
		c := m.row()
		c.pad(1)
		c.put(m.paint.title, g.title, 15)
		if m.geo.layout == compact {
			lines = append(lines, c.end())
			c = m.row()
			c.pad(3)
		}
		for _, b := range g.keys {
			if !b.Enabled() {
				continue
			}
			if bindingWidth(b) > c.free {
				lines = append(lines, c.end())
				c = m.row()
				c.pad(m.helpIndent())
			}
			m.binding(c, b)
			c.pad(3)
		}
		lines = append(lines, c.end())
	}
	notes := []string{
		"",
		"A key decides about the selected call (>), and only when it is ARMED: a call that came under the keys by itself arms after 0.4 s without keys.",
		"The same key within 0.7 s counts as held down and decides nothing.",
		"The time shown is what is usable: Graph's deadline less the relay's margin and the way there and back.",
	}
	if m.observes() {
		notes = append([]string{"", "This console is watching only: it decides nothing, whatever key is pressed. Others decide at theirs."}, notes...)
	}
	if m.opt.Version != "" {
		notes = append(notes, "", "callscreen "+tidy(m.opt.Version, call.NameCells))
	}
	for _, s := range notes {
		lines = append(lines, m.wrapped(style{}, "", s, m.width)...)
	}
	return lines
}

func (m *Model) helpIndent() int {
	if m.geo.layout == compact {
		return 3
	}
	return 16
}

// detailsPage is the card with room for all of it.
func (m *Model) detailsPage() []string {
	r, _, ok := m.queue.current()
	if !ok {
		return m.wrapped(style{}, "", "No call is selected.", m.width)
	}
	state := m.state(r, m.width)
	above := len(state)
	if m.geo.body <= above {
		above = 1 // who calls comes before what the keys do
	}
	lines := slices.Clone(state[:above])
	if above > 1 {
		lines = append(lines, m.blank(m.width))
	}
	for _, f := range m.fields(r.call, m.width) {
		lines = append(lines, m.fieldLines(f)...)
	}
	return append(lines, state[above:]...)
}
