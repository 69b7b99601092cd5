package tui

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

// Update takes in one message. It does no I/O.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.now = m.wall()
	m.notice()
	cmd := m.handle(msg)
	return m, tea.Batch(cmd, m.settle())
}

// notice sees that the loop was held up: while something counts down a tick
// comes every 100 ms, unless the terminal does not take what is written to it.
func (m *Model) notice() {
	if !m.counting || m.guard.off.noFreeze {
		return
	}
	if gap := m.now.Sub(m.done); gap > frozenAfter {
		m.counting = false
		m.thaw("frozen", gap)
	}
}

func (m *Model) thaw(was string, gap time.Duration) {
	m.guard.thaw(m.now)
	m.asking, m.all = false, nil
	text := "The terminal was " + was + " for " + tenths(gap) + " s. Keys typed meanwhile were thrown away."
	if m.width < narrow {
		text = "The terminal was " + was + " " + tenths(gap) + " s. Keys were thrown away."
	}
	m.say(bad, text, "")
}

func (m *Model) handle(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case news:
		return m.learn(msg)
	case panicked:
		panic(string(msg))
	case tickMsg:
		m.ticked(msg)
	case beatMsg:
		m.alive()
		return beat()
	case tea.KeyPressMsg:
		return m.press(msg.Key())
	case tea.KeyReleaseMsg:
		m.guard.released(keyName(msg.Key(), m.opt.Term.Language))
	case tea.PasteMsg:
		m.paste(msg.Content)
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.FocusMsg:
		m.alert.focus = focused
		// What other programs or a terminal's own scrolling left on the screen
		// is not known to the renderer, which only sends what changed.
		return tea.ClearScreen
	case tea.BlurMsg:
		m.alert.focus = blurred
	case tea.ResumeMsg:
		if !m.suspended.IsZero() && !m.guard.off.noResume {
			m.thaw("suspended", m.now.Sub(m.suspended))
			m.suspended = time.Time{}
		}
	case tea.BackgroundColorMsg:
		m.dark = msg.IsDark()
		m.repaint()
	case tea.TerminalVersionMsg:
		m.alert.voice = voiceOf(msg.Name, m.opt.Term.Tmux)
	case fmt.Stringer:
		if answers(msg.String()) && m.alert.voice.canBeAsked() {
			m.alert.voice.notice = osc99
		}
	}
	return nil
}

// learn folds what the link delivered, and asks for more.
func (m *Model) learn(n news) tea.Cmd {
	for _, u := range n.updates {
		switch {
		case u.Board != nil:
			m.restart(u.Board)
		case u.Event != nil:
			m.apply(*u.Event)
		case u.Answer != nil:
			m.answered(*u.Answer)
		case u.Link != nil:
			m.linked(*u.Link)
		}
	}
	switch {
	case n.err == nil:
		return m.next()
	case m.ctx.Err() != nil || errors.Is(n.err, context.Canceled):
		return tea.Quit
	default:
		m.closed, m.heard = n.err.Error(), true
		m.link.Up, m.link.Final, m.link.Err = false, true, n.err.Error()
		return nil
	}
}

// restart takes a new board: calls it does not know any more leave a ghost, and
// no call on it is armed before the operator has had the time to see it.
func (m *Model) restart(b *call.Board) {
	old := m.board
	m.board = b
	m.changed()
	for _, c := range b.Live() {
		if _, known := old.Get(c.ID); !known {
			m.alert.rang(c)
		}
	}
	for _, c := range old.Live() {
		if kept, ok := b.Get(c.ID); !ok {
			m.queue.haunt(c, m.now)
		} else if kept.State == call.Over {
			m.queue.haunt(kept, m.now)
		}
	}
	if len(b.Live()) > 0 {
		m.drawnSoon = true
	}
	m.guard.selected(false, m.now)
}

// apply folds one event.
func (m *Model) apply(e call.Event) {
	before := call.State("")
	if c, ok := m.board.Get(e.Call); ok {
		before = c.State
	}
	m.board.Apply(e)
	m.changed()
	c, ok := m.board.Get(e.Call)
	if !ok {
		return
	}
	if before == "" && c.State != call.Over {
		m.drawnSoon = true
		m.alert.rang(c)
	}
	if before != "" && before != call.Over && c.State == call.Over {
		m.queue.haunt(c, m.now)
	}
	if before != call.Over && c.State == call.Over && m.below.top > 0 {
		m.below.top++ // what is being read stays where it is
	}
	m.progress(e, c)
}

func (m *Model) changed() {
	m.rev++
	m.queue.stale = true
	m.scale, m.margin = usualRing, 0
	for _, c := range m.board.Live() {
		m.scale, m.margin = max(m.scale, c.Ring.Duration()), max(m.margin, c.Margin.Duration())
	}
}

// linked takes in how the link stands.
func (m *Model) linked(l call.Link) {
	if m.link.Up && !l.Up && m.heard {
		m.say(bad, "The link to the relay is lost"+because(call.Answer{Words: l.Err})+".", "")
		// What was sent keeps its mark: the link answers each decision once, when
		// it is back or when the call is over, and may send the same one again.
		if m.guard.off.forgetful {
			maps.DeleteFunc(m.asks, func(_ string, a *ask) bool { return a.answer == nil })
		}
	}
	if !m.link.Up && l.Up && m.heard {
		m.say(good, "Connected.", "")
	}
	if m.link.Operator != l.Operator {
		m.cache = cache{} // what stands for us is called "you" in what was kept
	}
	back := !m.link.Up && l.Up
	m.link, m.heard = l, true
	if back {
		m.alive() // at once: this relay may not know that we are here
	}
}

// ticked is called at the pace of the countdowns.
func (m *Model) ticked(t tickMsg) {
	if t.number != m.tickNumber {
		return
	}
	m.tickDue = time.Time{}
	if m.drawnSoon {
		// This tick comes after the frame that drew the new calls: a terminal
		// that takes no bytes would have held it up.
		m.alive()
	}
}

func (m *Model) alive() {
	m.drawnSoon = false
	m.shown = m.selected()
	m.opt.Link.Alive(m.geo.drawn, m.shown)
}

// settle brings everything that follows from the message and the time into line,
// and orders the next tick.
func (m *Model) settle() tea.Cmd {
	m.queue.sync(m.board, m.now)
	if m.queue.follow(m.guard.lastKey, m.now, m.decidable) {
		m.guard.selected(false, m.now)
	}
	m.queue.sync(m.board, m.now)
	if m.queue.selected != "" {
		m.guard.arm(m.now)
	}
	for key, a := range m.asks {
		// What is not answered can still be taken back, and counts in a sum.
		if _, ok := m.board.Get(a.id); !ok || !a.underWay() && m.queue.find(key) < 0 && m.queue.filter == "" {
			delete(m.asks, key)
		}
	}
	m.note.expire(m.now)
	m.hint.expire(m.now)
	if id := m.selected(); id != "" && id != m.shown {
		m.drawnSoon = true // others are told at which call we look
	}
	m.measure()
	m.keepAll()
	cmd := tea.Batch(m.order(), m.attend())
	m.counting = m.moving()
	m.trip.show(m.link, m.counting, m.now)
	m.done = m.wall()
	return cmd
}

// moving reports whether something on the screen counts down.
func (m *Model) moving() bool {
	for _, c := range m.board.Live() {
		if c.Waits() && m.now.Before(c.Deadline()) || c.Held != nil && m.now.Before(c.HeldUntil()) {
			return true
		}
	}
	return m.drawnSoon
}

// order asks for the next tick if one is needed and none comes early enough.
func (m *Model) order() tea.Cmd {
	at := m.nextChange()
	if at.IsZero() {
		m.tickDue = time.Time{}
		m.tickNumber++
		return nil
	}
	if !m.tickDue.IsZero() && !at.Before(m.tickDue) {
		return nil
	}
	m.tickDue = at
	m.tickNumber++
	number := m.tickNumber
	return tea.Tick(max(at.Sub(m.now), time.Millisecond), func(time.Time) tea.Msg { return tickMsg{number} })
}

// nextChange is when the screen next has to change by itself; zero when never.
func (m *Model) nextChange() time.Time {
	if m.moving() {
		return m.now.Add(tickEvery)
	}
	var at time.Time
	sooner := func(t time.Time) {
		if t.After(m.now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	sooner(m.note.until)
	sooner(m.hint.until)
	for _, g := range m.queue.ghosts {
		sooner(g.until)
	}
	if !m.queue.left.IsZero() && m.queue.selected != "" {
		sooner(m.queue.restsUntil(m.guard.lastKey))
	}
	if !m.pressed.IsZero() {
		sooner(m.pressed.Add(againWithin))
	}
	if m.heard && !m.link.Up && !m.link.Final {
		sooner(m.now.Truncate(time.Second).Add(time.Second)) // "in 4 s", "15 s ago"
	}
	return at
}
