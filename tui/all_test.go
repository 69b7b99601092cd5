package tui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

// message is the line of answers, both lines where there are two.
func (h *hands) message() string {
	var lines []string
	for _, l := range h.m.message() {
		lines = append(lines, strings.TrimSpace(own.ReplaceAllString(l, "")))
	}
	return strings.Join(lines, " ")
}

func (h *hands) wantMessage(t *testing.T, want string) {
	t.Helper()
	if got := h.message(); got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

func TestAllShownCallsAreRejectedByThreeDifferentKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(8, 9, 10)
		h.pass(time.Second)
		h.key("A")
		h.wantMessage(t, "Reject the 3 calls shown? b busy, n none, f forbidden; any other key: no.")
		h.pass(100 * time.Millisecond)
		h.key("n")
		h.wantMessage(t, "Reject 3 calls as none? y rejects, any other key: no.")
		h.pass(500 * time.Millisecond)
		if wrong := onlyDecided(h); wrong != "" {
			t.Fatal(wrong)
		}
		h.key("y")
		if wrong := onlyDecided(h, 0, 1, 2); wrong != "" {
			t.Error(wrong)
		}
		for _, d := range h.decided() {
			if d.reason != call.None {
				t.Errorf("%s as %s", d.id, d.reason)
			}
		}
		h.wantMessage(t, "→ none sent for 3 calls")
		answer := func(n int, v call.Verdict) {
			h.tell(call.Update{Answer: &call.Answer{Request: request(n + 1), Call: id(n), Verdict: v}})
		}
		answer(0, call.WasRejected)
		h.wantMessage(t, "→ none for 3 calls: 1 accepted by Graph, 2 under way")
		answer(1, call.WasTaken)
		answer(1, call.WasTaken) // told twice, counted once
		answer(2, "news from 2031")
		h.wantMessage(t, "✗ none for 3 calls: 1 accepted by Graph, 1 decided by others before, 1 ended otherwise")
	})
}

func TestEveryAnswerButYRejectsNothing(t *testing.T) {
	for _, keys := range [][]string{
		{"A", "y"},
		{"A", "A"},
		{"A", "esc"},
		{"A", "b", "esc"},
		{"A", "b", "enter"},
		{"A", "b", "space"},
		{"A", "b", "A"},
		{"A", "b", "b"},
		{"A", "b", "n"},
		{"A", "b", "q", "y"},
		{"A", "b", "down", "y"},
		{"A", "b", "2", "y"},
		{"A", "b", "ctrl+l", "esc"},
		{"A", "f", "/", "y"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.ring(12, 13)
			h.pass(time.Second)
			for _, k := range keys {
				h.key(k)
				h.pass(600 * time.Millisecond)
			}
			if wrong := onlyDecided(h); wrong != "" {
				t.Errorf("%v: %s", keys, wrong)
			}
		})
	}
}

func TestAQuestionThatCannotHaveBeenReadIsNotAnswered(t *testing.T) {
	for _, gap := range []time.Duration{0, 20 * time.Millisecond, 150 * time.Millisecond} {
		proves(t, rules{noReading: true}, func(h *hands) string {
			h.ring(12, 13)
			h.pass(time.Second)
			for _, k := range []string{"A", "b", "y"} { // in one read, or by a slip
				h.key(k)
				h.pass(gap)
			}
			return onlyDecided(h)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12, 13)
		h.pass(time.Second)
		h.key("A", "b")
		h.pass(300 * time.Millisecond)
		h.key("y")
		h.wantMessage(t, "Read first. Reject 2 calls as busy? y rejects, any other key: no.")
		h.pass(100 * time.Millisecond)
		h.key("y")
		if wrong := onlyDecided(h, 0, 1); wrong != "" {
			t.Errorf("400 ms after the question: %s", wrong)
		}
	})
}

func TestOnlyTheCallsThatWereShownWhenItWasAskedAreRejected(t *testing.T) {
	proves(t, rules{noSet: true}, func(h *hands) string {
		h.ring(10, 12)
		h.pass(time.Second)
		h.key("A", "b")
		h.tell(rang(2, 14*time.Second, time.Now())) // comes between the question and the answer
		h.pass(time.Second)
		h.key("y")
		return onlyDecided(h, 0, 1)
	})
}

func TestACallThatIsDecidedMeanwhileAsksAnewAndIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(10, 12, 13)
		h.pass(time.Second)
		h.key("A", "b")
		h.pass(time.Second)
		h.tell(claimed(1, "ben", call.None, time.Now()))
		h.wantMessage(t, "Reject 2 calls as busy? y rejects, any other key: no.")
		h.pass(100 * time.Millisecond)
		h.key("y") // meant for three
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
		h.pass(400 * time.Millisecond)
		h.key("y")
		if wrong := onlyDecided(h, 0, 2); wrong != "" {
			t.Error(wrong)
		}
	})
}

func TestAQuestionWhoseCallsChangeAllTheTimeCanBeAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(13, 13, 13, 13, 13, 13, 13, 13, 13, 13)
		h.pass(time.Second)
		h.key("A", "b")
		for n := range 7 {
			h.pass(220 * time.Millisecond)
			h.tell(claimed(n, "ben", call.None, time.Now()))
		}
		h.key("y")
		if wrong := onlyDecided(h, 7, 8, 9); wrong != "" {
			t.Errorf("1.5 s after the question: %s", wrong)
		}
	})
}

func TestWhenNoneOfTheCallsIsLeftTheQuestionGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(10)
		h.pass(time.Second)
		h.key("A", "b")
		h.tell(rang(1, 14*time.Second, time.Now()), claimed(0, "ben", call.None, time.Now()))
		h.wantMessage(t, "Nothing was rejected: none of these calls can be decided any more.")
		h.pass(time.Second)
		h.key("y")
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
	})
}

func TestRejectingAllRespectsTheFilterAndTheEdgeOfTheScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(10, 10.5, 11, 12, 13)
		h.key("/", "a", "l", "i", "c", "e", "enter")
		h.pass(time.Second)
		h.key("A", "b")
		h.wantMessage(t, "Reject 1 call as busy? y rejects, any other key: no. 4 more calls wait and stay.")
		h.pass(time.Second)
		h.key("y")
		if wrong := onlyDecided(h, 1); wrong != "" {
			t.Error(wrong)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.do(tea.WindowSizeMsg{Width: 40, Height: 12})
		for i := range 30 {
			h.tell(rang(i, 13*time.Second+time.Duration(i)*time.Millisecond, time.Now()))
		}
		h.pass(500 * time.Millisecond)
		shown := h.m.geo.shown
		h.key("A")
		h.wantMessage(t, "Reject the 4 calls shown? b, n or f as reason, else no")
		h.key("b")
		h.pass(500 * time.Millisecond)
		h.key("y")
		if n := len(h.decided()); n != shown || n != 4 {
			t.Errorf("%d calls on the screen, %d rejected", shown, n)
		}
	})
}

func TestThereAreTimesWhenAllShownCallsCannotBeRejected(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(h *hands)
		want   string
	}{
		{"no link", func(h *hands) { h.tell(call.Update{Link: &call.Link{Try: 2}}) }, "! Not sent: no link to the relay. The calls ring on."},
		{"help", func(h *hands) { h.key("?") }, "Nothing sent: close this page first (esc)."},
		{"details", func(h *hands) { h.key("enter") }, "Nothing sent: close this page first (esc)."},
		{"decided", func(h *hands) { h.key("b") }, "No call that is shown can be decided."},
		{"observer", func(h *hands) { h.m.opt.Watch = true }, "Watching only: decides nothing."},
		{"frozen", func(h *hands) { h.m.guard.thaw(h.m.now) }, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.ring(12)
			h.pass(time.Second)
			c.before(h)
			before := len(h.decided())
			h.key("A")
			h.wantMessage(t, c.want)
			if h.m.all != nil || len(h.decided()) != before {
				t.Errorf("%s: it asks, or decides", c.name)
			}
		})
	}
}

func TestAnOpenQuestionGoesWithTheLinkAndWithAFrozenTerminal(t *testing.T) {
	for name, happens := range map[string]func(h *hands){
		"link":   func(h *hands) { h.tell(call.Update{Link: &call.Link{Try: 1}}); h.tell(live()) },
		"frozen": func(h *hands) { time.Sleep(3 * time.Second); h.do(tickMsg{h.m.tickNumber}) },
		"tiny": func(h *hands) {
			h.do(tea.WindowSizeMsg{Width: 20, Height: 4})
			h.do(tea.WindowSizeMsg{Width: 120, Height: 40})
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.ring(12)
			h.pass(time.Second)
			h.key("A", "b")
			h.pass(time.Second)
			happens(h)
			h.pass(time.Second)
			h.key("y")
			if wrong := onlyDecided(h); wrong != "" {
				t.Errorf("%s: %s", name, wrong)
			}
		})
	}
}

func TestAHeldReasonKeyDecidesNothingWhenTheQuestionIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12)
		h.pass(time.Second)
		h.key("A", "b")
		h.pass(500 * time.Millisecond)
		h.key("b")
		h.tell(claimed(0, "ben", call.None, time.Now()), rang(1, 14*time.Second, time.Now()))
		for range 60 {
			h.pass(30 * time.Millisecond)
			h.key("b")
		}
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
	})
}

func TestWhatTheLinkDoesNotTakeIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12, 13)
		h.pass(time.Second)
		h.key("A", "f")
		h.pass(time.Second)
		h.link.offline = true
		h.key("y")
		h.wantMessage(t, "✗ forbidden for 2 calls: 2 not sent (no connection)")
	})
}

func TestAPasteAnswersNoQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12)
		h.pass(time.Second)
		h.do(tea.PasteMsg{Content: "Aby"})
		h.pass(time.Second)
		h.key("A", "b")
		h.pass(time.Second)
		h.do(tea.PasteMsg{Content: "y"})
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
	})
}
