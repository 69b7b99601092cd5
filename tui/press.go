package tui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// againWithin is how soon ctrl+c must come again to quit.
const againWithin = 2 * time.Second

// filterCells is the longest filter.
const filterCells = 32

// press does what a key asks for.
func (m *Model) press(k tea.Key) tea.Cmd {
	if onlyModifier(k) || m.guard.muted(m.now) {
		return nil
	}
	name := named(keyName(k, m.opt.Term.Language))
	m.guard.arm(m.now) // before this key starts a new wait
	defer m.guard.touched(m.now)
	switch {
	case name.is(m.keys.interrupt):
		return m.interrupt(k.IsRepeat)
	case name.is(m.keys.redraw) && k.Text == "":
		return tea.ClearScreen // also in the filter and before a question, which it does not answer
	case m.asking:
		m.asking = false
		if name.is(m.keys.yes) {
			return tea.Quit
		}
		m.say(plain, "Not quitting.", "")
		return nil
	case m.all != nil:
		m.answerAll(name, k.IsRepeat)
		return nil
	case m.typing && !m.guard.off.noTyping:
		m.typeFilter(name, k)
		return nil
	}
	return m.act(name, k)
}

// interrupt quits when ctrl+c comes twice; a held one comes once.
func (m *Model) interrupt(isRepeat bool) tea.Cmd {
	if isRepeat {
		return nil
	}
	if !m.pressed.IsZero() && m.now.Sub(m.pressed) < againWithin {
		return tea.Quit
	}
	m.pressed = m.now
	m.say(plain, "ctrl+c again to quit."+m.ringOn(), "")
	return nil
}

// ringOn says what quitting does to the calls that wait.
func (m *Model) ringOn() string {
	n := m.board.Waiting()
	if n == 0 {
		return ""
	}
	return " " + count(n, "call waits and rings", "calls wait and ring") + " on."
}

func (m *Model) act(name named, k tea.Key) tea.Cmd {
	switch {
	case name.is(m.keys.busy):
		m.decide(call.Busy, string(name), k.IsRepeat)
	case name.is(m.keys.none):
		m.decide(call.None, string(name), k.IsRepeat)
	case name.is(m.keys.forbidden):
		m.decide(call.Forbidden, string(name), k.IsRepeat)
	case name.is(m.keys.all):
		m.askAll(k.IsRepeat)
	case name.is(m.keys.undo):
		m.takeBack(k.IsRepeat)
	case name.is(m.keys.quit):
		return m.quit(k.IsRepeat)
	case name.is(m.keys.redraw):
		return tea.ClearScreen
	case name.is(m.keys.suspend):
		m.suspended = m.now
		return tea.Suspend
	case name.is(m.keys.reconnect):
		m.reconnect()
	case name.is(m.keys.mute):
		m.mute()
	case name.is(m.keys.theme):
		return m.nextTheme()
	case name.is(m.keys.copyNumber):
		return m.copyNumber()
	case name.is(m.keys.copyID):
		return m.copyID()
	default:
		m.look(name)
	}
	return nil
}

// look is the keys that only change what is seen.
func (m *Model) look(name named) {
	switch {
	case name.is(m.keys.details):
		m.open(pageDetails)
	case name.is(m.keys.recent):
		m.open(pageRecent)
	case name.is(m.keys.stats):
		m.open(pageStats)
	case name.is(m.keys.help):
		m.open(pageHelp)
	case name.is(m.keys.log):
		m.open(pageLog)
	case name.is(m.keys.back):
		m.back()
	case name.is(m.keys.pane):
		m.otherPane()
	case name.is(m.keys.filter):
		m.page.kind, m.typing = pageNone, true
	case m.page.scroll(&m.keys, name, m.geo.body):
	case m.below.open && m.scrollBelow(name):
	default:
		m.move(name)
	}
}

// open shows a page, or closes it when it is open.
func (m *Model) open(kind pageKind) {
	if m.page.kind == kind {
		kind = pageNone
	}
	m.page = page{kind: kind}
}

func (m *Model) back() {
	switch {
	case m.page.kind != pageNone:
		m.page = page{}
	case m.below.open:
		m.below = lower{}
	case m.queue.filter != "":
		m.queue.setFilter("")
		m.say(plain, "All calls are shown.", "")
	default:
		m.note = note{}
	}
}

// move selects another call.
func (m *Model) move(name named) {
	n := len(m.queue.rows)
	if n == 0 {
		return
	}
	_, at, _ := m.queue.current()
	switch {
	case name.is(m.keys.up):
		at = m.queue.past(at, -1)
	case name.is(m.keys.down):
		at = m.queue.past(at, +1)
	case name.is(m.keys.first):
		at = m.queue.past(-1, +1)
	case name.is(m.keys.last):
		at = m.queue.past(n, -1)
	case name.is(m.keys.urgent):
		at = max(slices.IndexFunc(m.queue.rows, m.decidable), 0)
	case name.is(m.keys.jump):
		m.jump(int(name[0] - '0'))
		return
	default:
		return
	}
	if at >= 0 {
		m.take(at, true)
	}
}

// jump selects a call by its number. When the numbers changed a moment ago, the
// finger may have meant the call that had this number before: such a jump arms
// only like a selection that made itself.
func (m *Model) jump(n int) {
	i := m.queue.numbered(n)
	if i < 0 {
		m.say(plain, "There is no call "+strconv.Itoa(n)+".", "")
		return
	}
	m.take(i, m.now.Sub(m.queue.moved) >= armAfter)
}

func (m *Model) take(i int, byHand bool) {
	m.queue.choose(i)
	m.guard.selected(byHand, m.now)
}

// typeFilter takes keys as text: none of them decides.
func (m *Model) typeFilter(name named, k tea.Key) {
	switch {
	case name.is(m.keys.filterEnter):
		m.typing = false
	case name.is(m.keys.filterDrop):
		m.typing = false
		m.queue.setFilter("")
	case name.is(m.keys.filterUp):
		m.queue.setFilter("")
	case k.Code == tea.KeyBackspace:
		m.queue.setFilter(ansi.Truncate(m.queue.filter, max(call.Width(m.queue.filter)-1, 0), ""))
	case k.Text != "":
		m.addFilter(k.Text)
	}
}

// addFilter appends text to the filter. The blank at its end is kept, which
// cleaning alone would take off: somebody may be about to type the next word.
func (m *Model) addFilter(s string) {
	clean, _ := call.Clean(m.queue.filter+s, filterCells)
	if strings.HasSuffix(s, " ") && clean != "" {
		clean += " "
	}
	m.queue.setFilter(clean)
}

// paste takes text into the filter, and nowhere else.
func (m *Model) paste(s string) {
	switch {
	case m.guard.muted(m.now):
	case m.guard.off.pasteTypes:
		for _, r := range s {
			m.press(tea.Key{Text: string(r), Code: r})
		}
	case m.typing:
		m.addFilter(s)
	default:
		m.say(plain, "A paste decides nothing.", "")
	}
}

func (m *Model) quit(isRepeat bool) tea.Cmd {
	if m.board.Waiting() == 0 {
		return tea.Quit
	}
	if !isRepeat {
		m.asking = true
	}
	return nil
}

func (m *Model) reconnect() {
	switch {
	case m.link.Up:
		m.say(plain, "The link is up.", "")
	case m.link.Final:
		m.say(bad, "No further try can help: "+m.link.Err, "")
	default:
		m.opt.Link.Reconnect()
		m.say(plain, "Trying now.", "")
	}
}

// copyNumber puts the caller's number on the clipboard, if it is one: a text of
// strangers that somebody will paste into a shell has to be digits.
func (m *Model) copyNumber() tea.Cmd {
	r, _, ok := m.queue.current()
	if !ok {
		m.say(plain, "No call is selected.", "")
		return nil
	}
	p := r.call.Caller
	if p.Kind != call.Phone || !isNumber(p.ID) {
		m.say(plain, "This caller has no number to copy.", "")
		return nil
	}
	m.say(good, "Copied "+p.ID+" (where the terminal allows it).", "")
	return tea.SetClipboard(p.ID)
}

func isNumber(s string) bool {
	digits := len(squeeze(s))
	return digits >= 2 && len(s) <= 40 && strings.Trim(s, "+0123456789 ()-") == ""
}

func (m *Model) copyID() tea.Cmd {
	r, _, ok := m.queue.current()
	if !ok {
		m.say(plain, "No call is selected.", "")
		return nil
	}
	id, err := call.ParseID(string(r.call.ID))
	if err != nil {
		m.say(bad, "Not copied: "+err.Error()+".", "")
		return nil
	}
	m.say(good, "Copied "+string(id)+" (where the terminal allows it).", "")
	return tea.SetClipboard(string(id))
}
