package tui

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/vt"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // golden screens show times of day
	os.Exit(m.Run())
}

// script is a link that delivers what a test tells it to.
type script struct {
	news chan []call.Update

	mu      sync.Mutex
	rejects []sentReject
	undos   []string // requests
	alive   []int
	looked  call.ID // the call that was selected, as it was said last
	redials int
	offline bool
	closed  error
}

type sentReject struct {
	id     call.ID
	reason call.Reason
}

func newScript() *script { return &script{news: make(chan []call.Update, 1000)} }

func (s *script) Next(ctx context.Context) ([]call.Update, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case u, ok := <-s.news:
		if !ok {
			return nil, s.closed
		}
		return u, nil
	}
}

func (s *script) Reject(id call.ID, reason call.Reason) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offline {
		return "", errors.New("no connection")
	}
	s.rejects = append(s.rejects, sentReject{id, reason})
	return request(len(s.rejects)), nil
}

func (s *script) Undo(_ call.ID, request string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offline {
		return errors.New("no connection")
	}
	s.undos = append(s.undos, request)
	return nil
}

// takenBack is the requests that were to be taken back.
func (s *script) takenBack() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.undos)
}

func (s *script) Alive(drawn int, selected call.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alive = append(s.alive, drawn)
	s.looked = selected
}

// signs is what was said of life since the last time it was asked.
func (s *script) signs() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := s.alive
	s.alive = nil
	return said
}

// decided is the decisions that were sent.
func (s *script) decided() []sentReject {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rejects)
}

func (s *script) Reconnect() { s.redials++ }

// crlf gives the emulator what a terminal in raw mode gets: without a terminal
// on its input the renderer moves down with a bare line feed.
type crlf struct {
	mu    sync.Mutex
	em    *vt.Emulator
	bytes bytes.Buffer
}

func (w *crlf) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes.Write(p)
	if _, err := w.em.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (w *crlf) written() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes.Len()
}

// stage is a real program on an emulated terminal, in virtual time.
type stage struct {
	t    *testing.T
	p    *tea.Program
	m    *Model
	link *script
	out  *crlf
}

// frozen stands for a terminal that stops taking bytes.
type frozen struct{ span time.Duration }

// perform runs a program in a bubble and lets play act on it.
func perform(t *testing.T, w, h int, o Options, profile colorprofile.Profile, play func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(14*time.Hour + 31*time.Minute + 58*time.Second) // bubbles begin at midnight
		ctx, cancel := context.WithCancel(t.Context())
		link := newScript()
		o.Link = link
		s := &stage{t: t, m: New(o), link: link, out: &crlf{em: vt.NewEmulator(w, h)}}
		// The event loop of a program whose terminal takes no bytes hangs in a
		// lock, on which virtual time cannot pass; it hangs here instead.
		freeze := func(_ tea.Model, msg tea.Msg) tea.Msg {
			if f, ok := msg.(frozen); ok {
				time.Sleep(f.span)
				return nil
			}
			return msg
		}
		s.p = newProgram(ctx, s.m, nil, s.out, tea.WithInput(nil), tea.WithWindowSize(w, h), tea.WithColorProfile(profile),
			tea.WithEnvironment([]string{"TERM=xterm-256color"}), tea.WithFilter(freeze))
		var running sync.WaitGroup
		running.Go(func() {
			if _, err := s.p.Run(); err != nil && ctx.Err() == nil {
				t.Errorf("program: %v", err)
			}
		})
		defer func() {
			cancel()
			running.Wait()
			time.Sleep(10 * time.Second) // timers of the program outlive it
		}()
		s.rest(100 * time.Millisecond)
		play(s)
	})
}

// rest lets time pass, and then everything settle.
func (s *stage) rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *stage) tell(u ...call.Update) {
	s.link.news <- u
	synctest.Wait()
}

func (s *stage) key(name string) {
	s.p.Send(press(name))
	synctest.Wait()
}

// press is the message of a key.
func press(name string) tea.KeyPressMsg { return keyNamed(name) }

// screen is the text on the terminal, without the blanks at the ends of lines.
func (s *stage) screen() string {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	lines := strings.Split(s.out.em.String(), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \r")
	}
	return strings.Join(lines, "\n") + "\n"
}

// show plays a canned board.
func (s *stage) show(b board) {
	s.tell(b.tell(time.Now())...)
	for _, k := range b.hand {
		s.rest(k.after)
		s.key(k.key)
	}
	if b.then != nil {
		s.tell(b.then(time.Now())...)
	}
	s.rest(b.wait + 50*time.Millisecond)
	if b.frozen > 0 {
		s.p.Send(frozen{b.frozen})
		s.rest(b.frozen + 150*time.Millisecond)
	}
}
