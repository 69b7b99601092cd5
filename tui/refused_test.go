package tui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

func TestKeysTypedIntoAFrozenTerminalAreThrownAway(t *testing.T) {
	proves(t, rules{noFreeze: true}, func(h *hands) string {
		h.ring(14, 14.5)
		h.pass(time.Second)
		time.Sleep(6200 * time.Millisecond) // no tick comes through
		for range 10 {
			h.key("b")
			time.Sleep(time.Millisecond)
		}
		if want := "The terminal was frozen for 6.2 s. Keys typed meanwhile were thrown away."; h.m.note.text != want && len(h.decided()) == 0 {
			return "message: " + h.m.note.text
		}
		return onlyDecided(h)
	})
}

func TestKeysCountAgainSoonAfterATerminalThawed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(14)
		h.pass(time.Second)
		time.Sleep(2 * time.Second)
		h.do(tickMsg{h.m.tickNumber})
		h.pass(399 * time.Millisecond)
		h.key("b")
		if wrong := onlyDecided(h); wrong != "" {
			t.Errorf("399 ms after: %s", wrong)
		}
		h.pass(500 * time.Millisecond)
		h.key("n")
		if wrong := onlyDecided(h, 0); wrong != "" {
			t.Errorf("0.9 s after: %s", wrong)
		}
	})
}

func TestAStreamOfStaleKeysIsThrownAwayHoweverLongItTakesToRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(14)
		h.pass(time.Second)
		time.Sleep(2 * time.Second)
		for range 100 {
			h.key("b", "n", "f")
			h.pass(10 * time.Millisecond)
		}
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
	})
}

func TestAQuietScreenIsNotTakenForAFrozenOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.pass(5 * time.Second)
		time.Sleep(time.Hour) // nothing waits: no tick is due
		h.ring(14)
		h.pass(500 * time.Millisecond)
		h.key("b")
		if wrong := onlyDecided(h, 0); wrong != "" {
			t.Error(wrong)
		}
	})
}

// A suspend that is shorter than what counts as frozen is one all the same: the
// shell had the keys.
func TestKeysAfterASuspendAreThrownAway(t *testing.T) {
	for _, span := range []time.Duration{500 * time.Millisecond, 3 * time.Second} {
		proves(t, rules{noResume: true, noFreeze: true}, func(h *hands) string {
			h.ring(14)
			h.pass(time.Second)
			h.key("ctrl+z")
			time.Sleep(span)
			h.do(tea.SuspendMsg{}) // both come after the shell's fg
			h.do(tea.ResumeMsg{})
			h.key("b")
			want := "The terminal was suspended for " + tenths(span) + " s. Keys typed meanwhile were thrown away."
			if h.m.note.text != want && len(h.decided()) == 0 {
				return "message: " + h.m.note.text
			}
			return onlyDecided(h)
		})
	}
}

func TestKeysTypedOfflineAreNotSentThenOrLater(t *testing.T) {
	proves(t, rules{noOffline: true}, func(h *hands) string {
		h.ring(14)
		h.pass(time.Second)
		h.tell(call.Update{Link: &call.Link{Try: 1}})
		h.key("b")
		if len(h.decided()) == 0 && !strings.HasPrefix(h.m.note.text, "Not sent") {
			return "message: " + h.m.note.text
		}
		h.pass(time.Second)
		h.tell(live())
		h.pass(2 * time.Second)
		return onlyDecided(h)
	})
}

func TestALinkThatRefusesToSendIsSaidSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(14)
		h.pass(time.Second)
		h.link.offline = true
		h.key("b")
		if want := "Not sent: no connection. The call rings on."; h.m.note.text != want {
			t.Errorf("message: %q", h.m.note.text)
		}
		h.link.offline = false
		h.pass(time.Second)
		h.key("b")
		if wrong := onlyDecided(h, 0); wrong != "" {
			t.Errorf("pressed again: %s", wrong)
		}
	})
}

func TestKeysInTheFilterDecideNothing(t *testing.T) {
	proves(t, rules{noTyping: true}, func(h *hands) string {
		h.ring(12, 13, 14)
		h.pass(time.Second)
		h.key("/")
		h.pass(time.Second)
		for _, k := range []string{"b", "n", "f", "A", "b", "y"} {
			h.key(k)
			h.pass(time.Second)
		}
		return onlyDecided(h)
	})
}

func TestKeysInTheFilterAreText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12, 13, 14)
		h.pass(time.Second)
		h.key("/", "b", "n", "f", "q", "G", "1", "space", "y")
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
		if h.m.queue.filter != "bnfqG1 y" {
			t.Errorf("filter %q", h.m.queue.filter)
		}
		h.do(tea.PasteMsg{Content: "\x1b[2Jb\u202e"})
		if h.m.queue.filter != "bnfqG1 y\ufffd[2Jb" {
			t.Errorf("filter after a paste %q", h.m.queue.filter)
		}
		h.key("ctrl+u", "a", "l", "i", "x", "backspace", "enter")
		if h.m.typing || len(h.m.queue.rows) != 1 || h.m.queue.rows[0].call.ID != id(1) {
			t.Errorf("filter %q shows %d rows", h.m.queue.filter, len(h.m.queue.rows))
		}
		h.pass(time.Second)
		h.key("n")
		if wrong := onlyDecided(h, 1); wrong != "" {
			t.Errorf("after the filter: %s", wrong)
		}
		h.key("esc")
		if h.m.queue.filter != "" || len(h.m.queue.rows) != 3 {
			t.Error("esc did not show all calls again")
		}
	})
}

func TestNoKeyDecidesWhileAPageHidesTheCall(t *testing.T) {
	for _, page := range []string{"?", "R", "L"} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.ring(14)
			h.pass(time.Second)
			h.key(page)
			h.pass(time.Second)
			h.key("b")
			if wrong := onlyDecided(h); wrong != "" {
				t.Errorf("%s: %s", page, wrong)
			}
			if !strings.Contains(h.m.note.text, "close this page") {
				t.Errorf("%s: message %q", page, h.m.note.text)
			}
		})
	}
}

func TestNothingIsSentAboutACallThatCannotBeSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(14)
		h.pass(time.Second)
		h.do(tea.WindowSizeMsg{Width: 26, Height: 5})
		h.key("b")
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
	})
}

func TestNothingIsSentWhenItCannotArriveInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(3)
		h.pass(2990 * time.Millisecond) // 10 ms are left, the way takes 18
		h.key("b")
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
		if !strings.HasPrefix(h.m.note.text, "Too late") {
			t.Errorf("message %q", h.m.note.text)
		}
	})
}

func TestTheTimeShownIsTheUsableTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		now := time.Now()
		h.tell(happened(0, now, call.Event{Kind: call.Rang, Details: &cast[0], Ring: 15000, Margin: 500}))
		if got, want := h.m.usable(h.m.queue.rows[0].call), 14*time.Second+482*time.Millisecond; got != want {
			t.Errorf("usable %v, want %v", got, want)
		}
		if s := tenths(14*time.Second + 482*time.Millisecond); s != "14.4" {
			t.Errorf("shown as %s: never more than is left", s)
		}
	})
}
