package tui

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

func TestAKeyDecidesAboutTheCallAndNotAboutItsRow(t *testing.T) {
	proves(t, rules{decideByRow: true}, func(h *hands) string {
		h.ring(6, 9, 12)
		h.key("2")
		// A recording invite has five seconds and goes to the top; all rows move.
		h.tell(rang(50, 3*time.Second, time.Now()))
		h.pass(600 * time.Millisecond)
		h.key("b")
		return onlyDecided(h, 1)
	})
}

func onlyDecided(h *hands, calls ...int) string {
	if len(h.decided()) != len(calls) {
		return fmt.Sprintf("decisions: %v", h.decided())
	}
	for i, n := range calls {
		if h.decided()[i].id != id(n) {
			return fmt.Sprintf("decided about %s, not about %s", h.decided()[i].id, id(n))
		}
	}
	return ""
}

func TestTheSelectionStaysWhileTheListReSorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(10)
		for n := range 8 {
			h.tell(rang(60+n, time.Duration(2+n)*time.Second, time.Now()))
			h.pass(50 * time.Millisecond)
			if h.m.queue.selected != id(0).Key() {
				t.Fatalf("after %d more calls %s is selected", n+1, h.m.queue.selected)
			}
		}
	})
}

func TestACallThatSelectedItselfIsArmedOnlyAfterQuiet(t *testing.T) {
	proves(t, rules{noArming: true}, func(h *hands) string {
		h.ring(9)
		h.pass(300 * time.Millisecond)
		h.key("b") // meant for the call before, or for another window
		if wrong := onlyDecided(h); wrong != "" {
			return wrong
		}
		h.pass(time.Second)
		h.key("n")
		return onlyDecided(h, 0)
	})
}

func TestArmingNeedsFourHundredMillisecondsAndWaitsAtMostFifteenHundred(t *testing.T) {
	for _, after := range []time.Duration{350, 399, 400, 450} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.ring(9)
			h.pass(after * time.Millisecond)
			h.key("b")
			if got, want := len(h.decided()), map[bool]int{true: 1}[after >= 400]; got != want {
				t.Errorf("after %d ms: %d decisions, want %d", after, got, want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(9)
		for range 4 { // keys all the time, none of them quiet for long
			h.pass(370 * time.Millisecond)
			h.key("x")
		}
		h.key("b")
		if got := onlyDecided(h); got != "" {
			t.Errorf("after 1.48 s: %s", got)
		}
		h.pass(20 * time.Millisecond)
		h.key("n")
		if got := onlyDecided(h, 0); got != "" {
			t.Errorf("after 1.5 s: %s", got)
		}
	})
}

func TestMovingByHandArmsAtOnce(t *testing.T) {
	for _, move := range []string{"down", "j", "2", "G"} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.ring(6, 9)
			h.pass(600 * time.Millisecond)
			h.key(move)
			h.pass(60 * time.Millisecond)
			h.key("b")
			if wrong := onlyDecided(h, 1); wrong != "" {
				t.Errorf("%s: %s", move, wrong)
			}
		})
	}
}

func TestAJumpToANumberThatJustChangedItsCallIsNotArmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(6, 9, 12)
		h.pass(600 * time.Millisecond)
		h.tell(rang(50, 3*time.Second, time.Now())) // everybody's number changes
		h.pass(100 * time.Millisecond)
		h.key("2")
		h.pass(60 * time.Millisecond)
		h.key("b")
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
		if !strings.Contains(h.m.note.text, "Nothing sent") {
			t.Errorf("message: %q", h.m.note.text)
		}
	})
}

func TestAHeldKeyDecidesOnce(t *testing.T) {
	// The call it decided about comes back, refused, and its selection is armed
	// again long before the finger is lifted. (Repeats that come fast enough are
	// also a burst, so both rules have to be off for the check to fail.)
	proves(t, rules{noHeld: true, noBurst: true}, func(h *hands) string {
		h.ring(14)
		h.pass(time.Second)
		h.key("b")
		h.outcome(call.Reply{Status: 429, Took: 20})
		for range 100 {
			h.pass(30 * time.Millisecond)
			h.key("b")
		}
		return onlyDecided(h, 0)
	})
}

func TestAKeyHeldSinceBeforeTheCallCameDecidesNothing(t *testing.T) {
	proves(t, rules{noHeld: true}, func(h *hands) string {
		h.key("b")
		h.pass(500 * time.Millisecond)
		h.ring(14)
		for range 100 {
			h.pass(30 * time.Millisecond)
			h.key("b")
		}
		return onlyDecided(h)
	})
}

func TestAKeyHeldForTwoSecondsDecidesOnceAndAnotherOneAfterASecondAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(13, 14)
		h.pass(time.Second)
		h.hold(2 * time.Second)
		if wrong := onlyDecided(h, 0); wrong != "" {
			t.Error(wrong)
		}
		h.outcome(call.Reply{Status: 202, Took: 212})
		h.pass(1100 * time.Millisecond)
		h.pass(500 * time.Millisecond)
		h.key("n")
		if wrong := onlyDecided(h, 0, 1); wrong != "" {
			t.Error(wrong)
		}
	})
}

func TestAReportedRepeatNeverDecidesAndAReleaseEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(13, 14)
		h.pass(time.Second)
		h.do(tea.KeyPressMsg{Code: 'b', Text: "b", IsRepeat: true})
		if wrong := onlyDecided(h); wrong != "" {
			t.Errorf("a repeat: %s", wrong)
		}
		h.do(tea.KeyReleaseMsg{Code: 'b', Text: "b"})
		h.pass(100 * time.Millisecond)
		h.key("b")
		if wrong := onlyDecided(h, 0); wrong != "" {
			t.Errorf("after the release: %s", wrong)
		}
		h.do(tea.KeyReleaseMsg{Code: 'b', Text: "b"})
		h.pass(100 * time.Millisecond)
		h.key("down")
		h.pass(100 * time.Millisecond)
		h.key("b")
		if wrong := onlyDecided(h, 0, 1); wrong != "" {
			t.Errorf("the next press: %s", wrong)
		}
	})
}

func TestKeysOfOneReadDecideOnceAndNeverAboutTheNextCall(t *testing.T) {
	proves(t, rules{noBurst: true}, func(h *hands) string {
		h.ring(12, 13, 14)
		h.pass(time.Second)
		h.key("b", "down", "n", "down", "f")
		return onlyDecided(h, 0)
	})
	for _, keys := range []string{"bbbbbbbb", "bnf", "bn", "bjn", "b2n3f", "bGf"} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.ring(12, 13, 14)
			h.pass(time.Second)
			h.key(strings.Split(keys, "")...)
			if wrong := onlyDecided(h, 0); wrong != "" {
				t.Errorf("%s: %s", keys, wrong)
			}
		})
	}
}

func TestAPasteDecidesNothing(t *testing.T) {
	proves(t, rules{pasteTypes: true}, func(h *hands) string {
		h.ring(12)
		h.pass(time.Second)
		h.do(tea.PasteStartMsg{})
		h.do(tea.PasteMsg{Content: "bnfbnf"})
		h.do(tea.PasteEndMsg{})
		h.do(tea.PasteMsg{Content: "b"})
		return onlyDecided(h)
	})
}

func TestSpaceEnterAndEscDecideNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(14)
		h.pass(time.Second)
		for _, k := range []string{"space", "enter", "esc", "enter", "enter", "space", "esc", "esc"} {
			h.key(k)
			h.pass(200 * time.Millisecond)
		}
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
	})
}
