// Package tui is the operator's screen: who calls, how much time is left, and
// three keys. It folds what its [Link] delivers into a board of its own, with the
// same [call.Board.Apply] as the relay, and draws that board. It knows nothing of
// sockets, files or the environment; the only thing that waits is one pending
// command that asks the link for news.
//
// # When a key is a decision
//
// A key that decides cannot be taken back, so the rules are strict:
//
//   - It decides about the call that is selected, never about a row. The list
//     re-sorts, the selection stays.
//   - A call that selected itself is armed after 400 ms without keys, at the
//     latest after 1.5 s. One that was moved to by hand is armed at once.
//   - The same key within 700 ms is the same press, held down. Keys that arrive
//     in one read decide once at most, and never about the next call.
//   - A paste never decides, nor do space, enter and esc.
//   - After a terminal that was frozen or suspended, keys typed meanwhile are
//     thrown away, and the screen says so.
//   - Without a link nothing is sent, then or later: the screen says "not sent".
//
// # Time
//
// Deadlines are on this process's monotonic clock, and the countdown is the
// deadline less now, never a sum of ticks. What is shown is usable time: the
// margin for the relay's request and the measured round trip to the relay are
// taken off, half of it for the news that came late and half for the key that
// has to travel. One tick serves all countdowns, and there is none while nothing
// waits; the beat that tells the relay "somebody can see this" draws nothing.
package tui

import (
	"context"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

// Link is the console's end of the wire, as the screen needs it.
type Link interface {
	// Next blocks until something is new. An error means that ctx is done or
	// the link is closed for good.
	Next(ctx context.Context) ([]call.Update, error)
	// Reject asks the relay to reject a call and names the request; it never
	// blocks. An error means that nothing was sent.
	Reject(id call.ID, reason call.Reason) (request string, err error)
	// Alive tells the relay that the screen is being drawn and how many calls
	// are on it. It never blocks.
	Alive(drawn int)
	// Reconnect makes the next try now. It never blocks.
	Reconnect()
}

// Options say how the screen looks and what it is connected to. Only Link is
// required.
type Options struct {
	Link    Link
	Bot     string          // what the relay is called until it says so itself
	Theme   string          // auto (or empty: by the terminal's background), dark, light, mono
	ASCII   bool            // draw with ASCII characters only
	Log     func() []string // the last lines of the log for the log page; nil: no such page
	Version string          // shown in the help
}

// Model is the whole screen. Its parts are plain structs; only the event loop
// touches any of it.
type Model struct {
	opt   Options
	ctx   context.Context // ends the pending Next
	keys  keyMap
	paint palette
	glyph glyphs

	// What the relay told.
	board  *call.Board
	link   call.Link
	heard  bool // the link reported at least once
	closed string
	rev    int // counts the changes of the board

	// What the operator sees and does.
	queue   queue
	guard   guard
	asks    map[string]*ask // decisions sent, by call
	note    note
	page    page
	typing  bool // the filter is being typed
	asking  bool // "quit?" is open
	pressed time.Time

	// The frame.
	width, height int
	geo           geometry
	top           int // first row shown
	cache         cache

	// The clock.
	now        time.Time // of the last message
	done       time.Time // when the last message had been dealt with
	tickDue    time.Time // zero: no tick is under way
	tickNumber int
	counting   bool // something counted down when the last message had been dealt with
	suspended  time.Time
	drawnSoon  bool // new calls: tell the relay after the next frame
}

// New is a screen that has heard nothing yet.
func New(o Options) *Model {
	m := &Model{
		opt: o, ctx: context.Background(), board: call.NewBoard(), asks: map[string]*ask{},
		glyph: newGlyphs(o.ASCII), paint: newPalette(o.Theme, true), now: time.Now(),
	}
	m.keys = newKeyMap(m.glyph.arrows, o.Log != nil)
	return m
}

// Init asks for news, starts the beat, and asks the terminal what its background is.
func (m *Model) Init() tea.Cmd {
	cmds := []tea.Cmd{m.next(), beat()}
	if m.opt.Theme == "" || m.opt.Theme == "auto" {
		cmds = append(cmds, tea.RequestBackgroundColor)
	}
	return tea.Batch(cmds...)
}

// news is what the link delivered.
type news struct {
	updates []call.Update
	err     error
}

// next waits for news beside the event loop.
func (m *Model) next() tea.Cmd {
	link, ctx := m.opt.Link, m.ctx
	return func() tea.Msg {
		updates, err := link.Next(ctx)
		return news{updates, err}
	}
}

const (
	// aliveEvery is how often the relay hears that the screen is being drawn.
	aliveEvery = 2 * time.Second
	// tickEvery is the pace of the countdowns.
	tickEvery = 100 * time.Millisecond
)

type beatMsg struct{}

func beat() tea.Cmd {
	return tea.Tick(aliveEvery, func(time.Time) tea.Msg { return beatMsg{} })
}

// tickMsg carries its number: when a nearer tick was needed, the older is void.
type tickMsg struct{ number int }

// usable is how long a key press about c can still count.
func (m *Model) usable(c *call.Call) time.Duration {
	return c.Usable().Sub(m.now) - min(m.link.RoundTrip, maxRoundTrip)
}

// decidable reports whether a key about the row would still arrive in time and
// has not been pressed yet.
func (m *Model) decidable(r row) bool {
	if !r.waits() || m.usable(r.call) <= 0 {
		return false
	}
	if len(m.asks) == 0 {
		return true // the usual case, asked of every row of every frame
	}
	a := m.asks[r.key()]
	return a == nil || a.answer != nil
}

// maxRoundTrip bounds what one bad measurement can take off.
const maxRoundTrip = 2 * time.Second
