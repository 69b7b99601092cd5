package tui

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

// Storybook shows every state that the screen can have, one after the other, on
// a terminal of any size: the boards of the golden screens, played by a clock of
// their own that stands still once a board is shown. Nothing is connected; of o
// only what concerns the looks and the keys is used.
func Storybook(ctx context.Context, o Options, in io.Reader, out io.Writer, extra ...tea.ProgramOption) error {
	o.Bot, o.Hint, o.Link = "reception-bot", "", nil
	return finished(ctx, tea.NewProgram(&book{opt: o, dark: true}, programOptions(ctx, in, out, extra)...))
}

// book is the storybook's model: a screen, and below it a line of its own.
type book struct {
	opt           Options
	at            int // which board
	width, height int
	dark          bool // the terminal's background
	screen        *Model
}

func (b *book) Init() tea.Cmd { return tea.RequestBackgroundColor }

func (b *book) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		b.width, b.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		b.dark = msg.IsDark()
	case tea.KeyPressMsg:
		switch keyName(msg.Key(), b.opt.Term.Language) {
		case "n", "right", "down", "space", "enter":
			b.at = (b.at + 1) % len(boards)
		case "p", "left", "up", "backspace":
			b.at = (b.at + len(boards) - 1) % len(boards)
		case "t":
			b.opt.Theme = themes[(slices.Index(themes, b.opt.Theme)+1)%len(themes)]
		case "q", "esc", "ctrl+c":
			return b, tea.Quit
		case "ctrl+l":
			return b, tea.ClearScreen
		}
	default:
		return b, nil
	}
	b.screen = staged(b.opt, boards[b.at], b.width, b.height-1, b.dark)
	return b, nil
}

func (b *book) View() tea.View {
	if b.screen == nil {
		return tea.NewView("")
	}
	v := b.screen.View()
	c := newCells(b.width, &b.screen.glyph)
	c.add(b.screen.paint.mark, fmt.Sprintf(" %d of %d: %s ", b.at+1, len(boards), boards[b.at].name))
	c.add(b.screen.paint.dim, "  n next  p previous  t theme ("+b.screen.theme+")  q quit")
	v.Content = strings.TrimPrefix(v.Content+"\n"+c.end(), "\n")
	v.WindowTitle = windowTitle + " storybook"
	return v
}

// staged is a screen on which a board has been played.
func staged(o Options, b board, width, height int, dark bool) *Model {
	p := &player{now: time.Date(2026, time.May, 4, 14, 31, 58, 0, time.Local)}
	o.Link = p
	p.m = newModel(o, func() time.Time { return p.now })
	p.m.dark = dark
	p.m.repaint()
	p.m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	p.m.Update(news{updates: b.tell(p.now)})
	for _, s := range b.hand {
		p.pass(s.after)
		p.m.Update(keyNamed(s.key))
	}
	if b.then != nil {
		p.m.Update(news{updates: b.then(p.now)})
	}
	p.pass(b.wait)
	if b.frozen > 0 {
		p.now = p.now.Add(b.frozen) // no tick comes through
		p.m.Update(tickMsg{p.m.tickNumber})
		p.pass(100 * time.Millisecond)
	}
	return p.m
}

// player is the clock of a staged screen, and a link that leads nowhere.
type player struct {
	m    *Model
	now  time.Time
	sent int
}

// pass lets time pass, with the ticks that the screen asked for.
func (p *player) pass(d time.Duration) {
	end := p.now.Add(d)
	for !p.m.tickDue.IsZero() && !p.m.tickDue.After(end) {
		p.now = p.m.tickDue
		p.m.Update(tickMsg{p.m.tickNumber})
	}
	p.now = end
}

func (*player) Next(ctx context.Context) ([]call.Update, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (*player) Undo(call.ID, string) error { return nil }

func (p *player) Reject(call.ID, call.Reason) (string, error) {
	p.sent++
	return request(p.sent), nil
}

func (*player) Alive(int, call.ID) {}
func (*player) Reconnect()         {}

// request names the n-th decision of a canned board.
func request(n int) string { return "request-" + strconv.Itoa(n) }

// keyNamed is the message of a key, by the name that it has in a canned board.
func keyNamed(name string) tea.KeyPressMsg {
	special := map[string]tea.KeyPressMsg{
		"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown},
		"left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight}, "tab": {Code: tea.KeyTab},
		"space": {Code: tea.KeySpace, Text: " "}, "home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd},
		"pgup": {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown}, "backspace": {Code: tea.KeyBackspace},
	}
	if k, ok := special[name]; ok {
		return k
	}
	if c, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(c[0]), Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}
