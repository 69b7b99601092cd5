package tui

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

func TestNoBytesGoToTheTerminalWhileNothingWaits(t *testing.T) {
	perform(t, 120, 40, Options{}, colorprofile.TrueColor, func(s *stage) {
		s.tell(live(), call.Update{Board: history(time.Now())})
		s.rest(50 * time.Second) // past the full minute, whose change the clock shows
		before := s.out.written()
		for ms := range time.Duration(8) {
			s.rest(time.Second)
			l := live()
			l.Link.RoundTrip = (18 + ms) * time.Millisecond // measured anew, and no news while nothing waits
			s.tell(l)
		}
		if n := s.out.written() - before; n != 0 {
			s.t.Errorf("%d bytes in eight idle seconds", n)
		}
		s.rest(60 * time.Second)
		// The renderer sends rows with wide characters again with every change.
		if n := s.out.written() - before; n == 0 || n > 500 {
			s.t.Errorf("%d bytes for a new minute: %q", n, s.out.bytes.Bytes()[before:])
		}
	})
}

func TestTheRelayHearsFromTheLoopThatDraws(t *testing.T) {
	perform(t, 80, 24, Options{}, colorprofile.TrueColor, func(s *stage) {
		s.tell(live())
		s.rest(6 * time.Second)
		if n := len(s.link.signs()); n < 3 || n > 4 {
			s.t.Errorf("%d signs of life in six seconds", n)
		}
		s.tell(fortyCalls(time.Now())...)
		s.rest(150 * time.Millisecond)
		if got := s.link.signs(); len(got) == 0 || got[0] != 11 {
			s.t.Errorf("after new calls: %v, want 11 calls drawn", got)
		}
		s.key("?")
		s.rest(3 * time.Second)
		if got := s.link.signs(); len(got) == 0 || got[0] != 0 {
			s.t.Errorf("behind the help: %v, want none drawn", got)
		}
		s.key("esc")
		s.p.Send(frozen{5 * time.Second})
		s.rest(4900 * time.Millisecond)
		if got := s.link.signs(); len(got) != 0 {
			s.t.Errorf("a frozen screen says that it is alive: %v", got)
		}
	})
}

func TestOneTickServesAllCountdowns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(14, 14, 14, 14, 14, 14)
		frames := 0
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); frames++ {
			h.pass(time.Until(h.m.tickDue))
		}
		if frames < 45 || frames > 55 {
			t.Errorf("%d ticks in five seconds", frames)
		}
	})
}

func TestACountdownIsExactWhateverBecameOfItsTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{noFreeze: true})
		h.ring(14)
		time.Sleep(7 * time.Second) // as if seventy ticks were lost
		h.do(tickMsg{h.m.tickNumber})
		if got, want := h.m.usable(h.m.queue.rows[0].call), 7*time.Second-18*time.Millisecond; got != want {
			t.Errorf("%v left, want %v", got, want)
		}
	})
}

func TestRunEndsWithoutAnErrorWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- Run(ctx, Options{Link: newScript()}, nil, io.Discard, tea.WithInput(nil), tea.WithWindowSize(80, 24))
		}()
		time.Sleep(time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
	})
}

func TestRunEndsWithoutAnErrorWhenTheOperatorQuits(t *testing.T) {
	perform(t, 80, 24, Options{}, colorprofile.TrueColor, func(s *stage) {
		s.key("q")
		s.p.Wait()
	})
}

func TestThePaletteFollowsTheBackgroundOnlyWhenItShould(t *testing.T) {
	for _, theme := range []string{"auto", "dark", "light", "mono"} {
		m := New(Options{Theme: theme})
		before := m.paint
		m.handle(tea.BackgroundColorMsg{Color: lightGrey{}})
		if changed := m.paint != before; changed != (theme == "auto") {
			t.Errorf("%s: changed %v", theme, changed)
		}
	}
	if mono := newPalette("mono", true); mono.calm != (style{}) {
		t.Error("mono has colours")
	}
}

type lightGrey struct{}

func (lightGrey) RGBA() (r, g, b, a uint32) { return 0xeeee, 0xeeee, 0xeeee, 0xffff }
