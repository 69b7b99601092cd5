package tui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// cache is the panes that stay as they are while calls count down.
type cache struct {
	recent    []string
	recentKey [4]int
	tails     map[string]tail
	facts     facts
	gist      gist
	still     still
	stats     statsCache
}

// View draws the board as it was when the last message had been dealt with.
func (m *Model) View() tea.View {
	v := tea.NewView(m.screen())
	v.AltScreen, v.ReportFocus = true, true
	v.WindowTitle = cmp.Or(m.alert.title, windowTitle)
	v.ProgressBar = m.alert.bar
	v.KeyboardEnhancements.ReportEventTypes = true
	v.KeyboardEnhancements.ReportAlternateKeys = true
	return v
}

// screen is the frame: exactly height lines, each exactly width cells.
func (m *Model) screen() string {
	if m.width <= 0 || m.height <= 0 {
		return ""
	}
	lines := make([]string, 0, m.height)
	switch {
	case m.geo.layout == tiny:
		lines = m.tiny(lines)
	case m.page.kind != pageNone:
		lines = m.pageView(lines)
	case m.geo.layout == wide:
		lines = m.wide(lines)
	case m.geo.layout == stacked:
		lines = m.stacked(lines)
	default:
		lines = m.compact(lines)
	}
	for len(lines) < m.height {
		lines = append(lines, m.blank(m.width))
	}
	return strings.Join(lines[:m.height], "\n")
}

func (m *Model) row() *cells { return newCells(m.width, &m.glyph) }

// blank is an empty row.
func (m *Model) blank(w int) string {
	if w <= len(blanks) {
		return blanks[:max(w, 0)]
	}
	return strings.Repeat(" ", w)
}

func (m *Model) rule(title, right string) string {
	return rule(&m.paint, &m.glyph, m.width, title, right)
}

// tiny still counts: a window that was made small by accident must not hide
// that calls wait, nor that nobody would know it.
func (m *Model) tiny(lines []string) []string {
	text := []string{"callscreen needs 30x6", "now " + strconv.Itoa(m.width) + "x" + strconv.Itoa(m.height)}
	if call.Width(text[0]) > m.width {
		text[0] = "needs 30x6"
	}
	if n := m.board.Waiting(); n > 0 {
		waits := strconv.Itoa(n) + " waiting, " + tenths(m.soonestOfAll()) + " s"
		if m.height == 1 {
			text[0] = waits
		}
		text[1] += "  " + waits
		if call.Width(text[1]) > m.width {
			text[1] = waits
		}
	}
	for _, s := range text[:min(len(text), m.height)] {
		c := m.row()
		c.add(style{}, s)
		lines = append(lines, c.end())
	}
	if !m.link.Up && m.height > len(text) {
		c := m.row()
		m.shortConnection(c)
		lines = append(lines, c.end())
	}
	return lines
}

// wide is queue and card side by side, the decisions below.
func (m *Model) wide(lines []string) []string {
	g := &m.geo
	lines = m.head(lines)
	lines = append(lines, m.stillLines().up)
	left := append([]string{m.queueTitle(g.left)}, m.queueRows(g.left, g.queue)...)
	card := m.card(m.width-g.left-1, g.card) // before its title, which counts what it left out
	right := append([]string{m.cardTitle(m.width - g.left - 1)}, card...)
	wall := m.paint.dim.pre + m.glyph.wall + m.paint.dim.post
	for i := range g.top {
		lines = append(lines, left[i]+wall+right[i])
	}
	lines = append(lines, m.stillLines().down, m.recentTitle())
	lines = append(lines, m.recent(g.recent)...)
	lines = append(lines, m.stillLines().rule)
	if g.stats {
		lines = append(lines, m.statsLine())
	}
	return m.foot(lines)
}

// still is the lines that only change with the size and with who looks.
type still struct {
	width, left int
	layout      layout
	observes    bool
	holds       bool // a decision can be taken back

	up, down, rule, help string
}

// stillLines makes those lines, or takes the ones that were made.
func (m *Model) stillLines() *still {
	s, g := &m.cache.still, &m.geo
	holds := g.layout != compact && slices.ContainsFunc(m.board.Live(), m.holds)
	if s.width != m.width || s.left != g.left || s.layout != g.layout || s.observes != m.observes() || s.holds != holds || s.help == "" {
		*s = still{width: m.width, left: g.left, layout: g.layout, observes: m.observes(), holds: holds}
		s.rule, s.help = m.rule("", ""), m.helpLine(holds)
		if g.layout == wide {
			s.up, s.down = m.joint(m.glyph.up), m.joint(m.glyph.down)
		}
	}
	return s
}

// joint is the rule above or below the wall between the panes.
func (m *Model) joint(tee string) string {
	c := m.row()
	c.raw(m.paint.dim, strings.Repeat(m.glyph.rule, m.geo.left)+tee+
		strings.Repeat(m.glyph.rule, m.width-m.geo.left-1), m.width)
	return c.end()
}

func (m *Model) stacked(lines []string) []string {
	g := &m.geo
	lines = m.head(lines)
	lines = append(lines, m.rule(m.incoming(), byTime))
	lines = append(lines, m.queueRows(m.width, g.queue)...)
	card := m.card(m.width, g.card) // before its title, which counts what it left out
	position := m.position()
	if s := m.onIt(); s != "" {
		position += "  " + s
	}
	lines = append(lines, m.rule(position, m.untold()))
	lines = append(lines, card...)
	if g.recent > 0 {
		lines = append(lines, m.rule(m.belowTitle("RECENT"), m.today(false)))
		lines = append(lines, m.recent(g.recent)...)
	}
	return m.foot(append(lines, m.stillLines().rule))
}

func (m *Model) compact(lines []string) []string {
	g := &m.geo
	lines = m.head(lines)
	lines = append(lines, m.queueRows(m.width, g.queue)...)
	if g.card > 0 {
		lines = append(lines, m.rule(m.stateWord(), m.atZero()))
	}
	if g.card > 1 {
		lines = append(lines, m.compactCard(g.card-2)...)
		lines = append(lines, m.stillLines().rule)
	}
	return m.foot(lines)
}

// foot is the message line and the help line. A message that needs a second
// line takes the one above: a rule, or the statistics.
func (m *Model) foot(lines []string) []string {
	text := m.message()
	if len(text) > 1 && len(lines) > 2 {
		lines = append(lines[:len(lines)-1], text[:2]...)
	} else {
		lines = append(lines, text[0])
	}
	return append(lines, m.stillLines().help)
}

// message is the line of answers: to a question, to the filter, to the last key.
func (m *Model) message() []string {
	switch {
	case m.asking:
		return m.told(m.paint.warn, "Quit?"+m.ringOn()+" "+m.keys.yes.Help().Key+" quits, any other key stays.", "")
	case m.all != nil:
		return m.allLines()
	case m.typing:
		c := m.row()
		c.add(m.paint.title, " filter: ")
		c.stranger(m.queue.filter, filterCells)
		c.add(m.paint.mark, " ")
		hint := "  " + m.keys.filterEnter.Help().Key + " keeps, " + m.keys.filterDrop.Help().Key + " drops it"
		if m.geo.layout != compact {
			hint = "  keys are text:" + hint[1:]
		}
		if call.Width(hint) <= c.free {
			c.add(m.paint.dim, hint)
		}
		return []string{c.end()}
	}
	if m.note.text == "" {
		return m.told(style{}, m.hint.text, "")
	}
	st, sign := style{}, ""
	switch m.note.tone {
	case good:
		st = m.paint.good
	case bad:
		st = m.paint.bad
		if !strings.HasPrefix(m.note.text, m.glyph.no) && !strings.HasPrefix(m.note.text, "?") {
			sign = "! "
		}
	case plain:
	}
	return m.told(st, sign+m.note.text, m.note.name)
}

// told is a sentence of ours in one line or two, and a caller's name at its end.
func (m *Model) told(st style, s, name string) []string {
	margin := 1
	if m.geo.layout == compact {
		margin = 0
	}
	var lines []string
	c := m.row()
	c.pad(margin)
	if room := c.free; call.Width(s) > room {
		cut := strings.LastIndexByte(ansi.Truncate(s, room, ""), ' ')
		if cut > 0 {
			c.add(st, s[:cut])
			lines = append(lines, c.end())
			c = m.row()
			c.pad(margin)
			s = s[cut+1:]
		}
	}
	c.add(st, s)
	if name != "" {
		if len(lines) == 0 && c.free < min(call.Width(name)+2, 12) {
			lines = append(lines, c.end())
			c = m.row()
			c.pad(margin)
		} else {
			c.pad(min(2, m.width-c.free))
		}
		c.stranger(name, call.NameCells)
	}
	return append(lines, c.end())
}

// helpLine is as much of the key map as fits, what decides first.
func (m *Model) helpLine(holds bool) string {
	left, right := m.keys.brief()
	switch m.geo.layout {
	case compact:
		right = right[1:2]
	case stacked:
		right = right[1:]
	case tiny, wide:
	}
	tail := -2
	for _, b := range right {
		tail += 2 + bindingWidth(b)
	}
	c := m.row()
	if m.geo.layout != compact {
		c.pad(1)
	} else {
		left[2].SetHelp(left[2].Help().Key, "forbid") // so that all three fit into 30 cells
	}
	if m.observes() {
		c.add(m.paint.title, "watching only")
		c.pad(2)
		left = left[3:]
	}
	if holds {
		left = append([]key.Binding{m.keys.undo}, left...)
	}
	for i, b := range left {
		gap := min(2*i, 2)
		if m.geo.layout == compact {
			gap = min(i, 1)
		}
		if c.free < gap+bindingWidth(b)+2+tail {
			break
		}
		c.pad(gap)
		m.binding(c, b)
	}
	c.pad(c.free - tail)
	for i, b := range right {
		c.pad(min(i, 1) * 2)
		m.binding(c, b)
	}
	return c.end()
}

func bindingWidth(b key.Binding) int {
	return call.Width(b.Help().Key) + 1 + call.Width(b.Help().Desc)
}

func (m *Model) binding(c *cells, b key.Binding) {
	c.add(m.paint.keyName, b.Help().Key)
	c.pad(1)
	c.add(m.paint.dim, b.Help().Desc)
}

// clock shows seconds only while something moves anyway: an idle screen sends
// the terminal no more than a minute's change.
func (m *Model) clock() string {
	if m.moving() {
		return m.now.Format("15:04:05")
	}
	return m.now.Format("15:04   ")
}

// ago is a time as the operator thinks of it.
func (m *Model) ago(t time.Time) string { return seconds(m.now.Sub(t)) + " ago" }
