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
//   - Rejecting all shown calls takes three different keys, and decides about the
//     calls that were on the screen when it was asked, no others.
//   - An observer's screen decides nothing.
//
// # Time
//
// Deadlines are on this process's monotonic clock, and the countdown is the
// deadline less now, never a sum of ticks. What is shown is usable time: the
// margin for the relay's request and the measured round trip to the relay are
// taken off, half of it for the news that came late and half for the key that
// has to travel. One tick serves all countdowns, and there is none while nothing
// waits; the beat that tells the relay "somebody can see this" draws nothing.
//
// # An operator who looks elsewhere
//
// While the window has no focus (where focus is never reported: after 30 s
// without a key) a call that comes rings the bell and shows a desktop notice,
// once, and the window's title and the terminal's progress bar count down. All
// of it ends when somebody decides, or when the operator comes back.
package tui

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
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
	// Undo asks the relay to take back a decision of this operator, by the
	// request of its claim; it never blocks. An error means that nothing was sent.
	Undo(id call.ID, request string) error
	// Alive tells the relay that the screen is being drawn, how many calls are on
	// it, and which of them is selected, "" for none. It never blocks.
	Alive(drawn int, selected call.ID)
	// Reconnect makes the next try now. It never blocks.
	Reconnect()
}

// Options say how the screen looks and what it is connected to. Only Link is
// required.
type Options struct {
	Link    Link
	Bot     string           // what the relay is called until it says so itself
	Theme   string           // auto (or empty: by the terminal's background), dark, light, contrast, mono
	Charset Charset          // which characters may be drawn
	Mute    bool             // no bell and no desktop notices
	Watch   bool             // sees everything, decides nothing; see also [Observe]
	Keys    Keys             // keys that were bound anew
	Term    Terminal         // what is known of the terminal
	Log     func() []LogLine // what the log page shows beside the messages; nil: these alone
	Version string           // shown in the help
	Hint    string           // shown on the message line at the start
}

// Model is the whole screen. Its parts are plain structs; only the event loop
// touches any of it.
type Model struct {
	opt   Options
	ctx   context.Context // ends the pending Next
	keys  keyMap
	paint palette
	glyph glyphs
	colours

	// What the relay told.
	board  *call.Board
	link   call.Link
	heard  bool // the link reported at least once
	trip   trip
	closed string
	rev    int // counts the changes of the board

	// What the operator sees and does.
	queue   queue
	guard   guard
	asks    map[string]*ask         // decisions sent, by call
	missed  map[string]call.Verdict // keys that came too late or second, by call
	note    note
	said    Log  // all notes
	hint    note // shown while there is no other
	alert   alert
	page    page
	below   lower
	typing  bool  // the filter is being typed
	asking  bool  // "quit?" is open
	all     *bulk // "reject all?" is open
	pressed time.Time

	// The frame.
	width, height int
	geo           geometry
	top           int           // first row shown
	scale         time.Duration // what a full bar means
	margin        time.Duration // the longest of the calls that are not over
	cache         cache

	// The clock.
	wall       func() time.Time // [time.Now]; the storybook has one that stands still
	now        time.Time        // of the last message
	done       time.Time        // when the last message had been dealt with
	tickDue    time.Time        // zero: no tick is under way
	tickNumber int
	counting   bool // something counted down when the last message had been dealt with
	suspended  time.Time
	drawnSoon  bool    // new calls: tell the relay after the next frame
	shown      call.ID // the selected call that the relay was told of
}

// New is a screen that has heard nothing yet.
func New(o Options) *Model { return newModel(o, time.Now) }

func newModel(o Options, clock func() time.Time) *Model {
	m := &Model{
		wall: clock, now: clock(),
		opt: o, ctx: context.Background(), board: call.NewBoard(), asks: map[string]*ask{}, missed: map[string]call.Verdict{},
		scale: usualRing, glyph: newGlyphs(o.Charset), colours: colours{theme: cmp.Or(o.Theme, themes[0]), dark: true},
	}
	m.queue.asks = m.asks
	m.paint = newPalette(m.theme, m.dark)
	m.alert = alert{voice: voiceOf(o.Term.Name, o.Term.Tmux), muted: o.Mute, begun: m.now}
	m.keys = newKeyMap(m.glyph.arrows)
	m.keys.rebind(o.Keys)
	if o.Hint != "" {
		m.hint = note{text: o.Hint, until: m.now.Add(hintFor)}
	}
	return m
}

// Init asks for news, starts the beat, and asks the terminal what its background is.
func (m *Model) Init() tea.Cmd {
	cmds := []tea.Cmd{m.next(), beat(), tea.RequestTerminalVersion, m.askBackground()}
	if m.alert.voice.canBeAsked() {
		cmds = append(cmds, tea.Raw(m.alert.voice.asks()))
	}
	return tea.Batch(cmds...)
}

// news is what the link delivered.
type news struct {
	updates []call.Update
	err     error
}

// panicked is a panic beside the event loop, carried into it: there it is told
// after the terminal was restored, here it would be told on a screen about to go.
type panicked string

// next waits for news beside the event loop.
func (m *Model) next() tea.Cmd {
	link, ctx := m.opt.Link, m.ctx
	return func() (msg tea.Msg) {
		defer func() {
			if r := recover(); r != nil {
				msg = panicked(fmt.Sprintf("%v\n%s", r, debug.Stack()))
			}
		}()
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
	return !m.asks[r.key()].underWay()
}

// maxRoundTrip bounds what one bad measurement can take off.
const maxRoundTrip = 2 * time.Second
