package tui

import (
	"slices"
	"strconv"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

const (
	// bellEvery is how often the bell rings at most. Calls that come meanwhile
	// share the next one.
	bellEvery = 2 * time.Second
	// signsEvery is how often title and progress bar change at most; a little
	// under the second, so that a late tick does not swallow a number.
	signsEvery = 900 * time.Millisecond
	// awayAfter is how long no key may come before the operator counts as away
	// at a terminal that never reports its focus: tmux does not by default.
	awayAfter = 30 * time.Second
	// noticeCells is the room for a caller's name in a notice.
	noticeCells = 40
)

// focus is what the terminal told of the operator's eyes.
type focus int

const (
	focusUnknown focus = iota
	focused
	blurred
)

// alert calls an operator who looks elsewhere: bell and notice once for each
// call, a count in the window's title, the most urgent call's time as the
// terminal's progress bar. All of it ends when somebody decides, or looks.
type alert struct {
	off   alertRules
	voice voice
	muted bool // no bell and no notice; title and bar make no noise and stay
	focus focus
	begun time.Time

	due   []call.ID // rang and have not been told
	shown []call.ID // the notice on the desktop is about these
	rung  time.Time

	title   string // empty: nothing waits that anybody has to be called for
	bar     *tea.ProgressBar
	signsAt time.Time
}

// alertRules switches single rules off. Only tests do, to see their checks fail.
type alertRules struct {
	rawText, noPause, whenFocused, noStop bool
}

// rang notes that a call has begun to ring.
func (a *alert) rang(c *call.Call) {
	if c.Waits() {
		a.due = append(a.due, c.ID)
	}
}

// away reports whether the operator has to be called at all.
func (m *Model) away() bool {
	a := &m.alert
	if a.off.whenFocused {
		return true
	}
	if a.focus != focusUnknown {
		return a.focus == blurred
	}
	last := a.begun
	if m.guard.lastKey.After(last) {
		last = m.guard.lastKey
	}
	return m.now.Sub(last) >= awayAfter
}

// attend brings bell, notice, title and bar into line with what waits.
func (m *Model) attend() tea.Cmd {
	a := &m.alert
	away := m.away()
	m.signs(away)
	over := func(id call.ID) bool {
		c, ok := m.board.Get(id)
		return !a.off.noStop && (!ok || !m.decidable(row{call: c}))
	}
	a.due = slices.DeleteFunc(a.due, over)
	said := ""
	if len(a.shown) > 0 && (!away || !slices.ContainsFunc(a.shown, func(id call.ID) bool { return !over(id) })) {
		said, a.shown = a.voice.hush(), nil
	}
	switch {
	case !away || a.muted:
		a.due = nil
	case len(a.due) > 0 && (m.now.Sub(a.rung) >= bellEvery || a.off.noPause):
		said += a.voice.say(m.noticeText(len(a.due)))
		a.rung, a.shown, a.due = m.now, a.due, nil
	}
	if said == "" {
		return nil
	}
	return tea.Raw(said)
}

// noticeText is how many calls there are to tell of, how long the most urgent of
// them waits, and who calls: ours first, the text of strangers last.
func (m *Model) noticeText(n int) string {
	s := count(n, "call rings", "calls ring")
	live := m.board.Live()
	i := slices.IndexFunc(live, func(c *call.Call) bool { return slices.Contains(m.alert.due, c.ID) })
	if i < 0 {
		return s
	}
	c := live[i]
	s += ", " + seconds(m.usable(c)) + ": "
	name := c.Caller.Display()
	if !m.alert.off.rawText {
		name = harmless(name, noticeCells)
	}
	s += harmless(address(c.Caller), call.NameCells) + " " + name
	if m.glyph.only {
		s = onlyASCII(s)
	}
	return s
}

// signs is the window's title and the progress bar.
func (m *Model) signs(away bool) {
	a := &m.alert
	n := 0
	if away {
		n = m.board.Waiting()
	}
	if n == 0 {
		a.title, a.bar, a.signsAt = "", nil, time.Time{}
		return
	}
	title, bar := "("+strconv.Itoa(n)+") ", (*tea.ProgressBar)(nil)
	if i := slices.IndexFunc(m.board.Live(), func(c *call.Call) bool { return m.decidable(row{call: c}) }); i >= 0 {
		c := m.board.Live()[i]
		left := m.usable(c)
		title += strconv.FormatInt(int64(left/time.Second), 10) + "s "
		bar = tea.NewProgressBar(tea.ProgressBarDefault, percent(left, m.scale))
		if left < nowUnder {
			bar.State = tea.ProgressBarError
		}
	}
	if m.now.Sub(a.signsAt) < signsEvery {
		return
	}
	if title += windowTitle; title != a.title {
		a.title, a.signsAt = title, m.now
		if a.voice.bar {
			a.bar = bar
		}
	}
}

// windowTitle is what the window is called while there is nothing to tell.
const windowTitle = "callscreen"

func percent(part, whole time.Duration) int {
	if whole <= 0 {
		return 0
	}
	return int(max(min(part, whole), 0) * 100 / whole)
}

// mute switches bell and notice off and on.
func (m *Model) mute() {
	m.alert.muted = !m.alert.muted
	if m.alert.muted {
		m.say(plain, "Muted: no bell and no notices.", "")
	} else {
		m.say(plain, "Bell and notices are on, while you look elsewhere.", "")
	}
}
