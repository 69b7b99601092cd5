package tui

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

// Whatever hands and callers do in whatever order: a decision is about the call
// that was selected and waited when the key came, with the link up and some time
// left, or one of those that an open question has named long enough; no call is
// decided twice without an answer between; no two decisions come out of one
// burst; and every frame is as wide as planned.
func FuzzHands(f *testing.F) {
	f.Add([]byte("rrrr~~~~b~~e~~n"))
	f.Add([]byte("rr~~~~bbbbbjjnnnf"))
	f.Add([]byte("r~~~~!b~~~~b?bxq~yR/bnf"))
	f.Add([]byte("rrr2b1n3fdub~~~~~~~~~~~b~~bSb"))
	f.Add([]byte("rrr~~~~~~Ab~~r~~e~~~~y~a~~An~y~~~~~y"))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) <= 200 {
			synctest.Test(t, func(t *testing.T) { playScript(t, script) })
		}
	})
}

// The same with three hundred shifts of an operator in a hurry.
func TestNoSequenceOfKeysAndEventsBreaksTheRules(t *testing.T) {
	const letters = "rrrrrr~~~~~~~~~~~~~bbbbbnnnffAAsyyjjjkk123gGuueEcz!++*aSwdp/\rRq?y\x1b\x1b"
	synctest.Test(t, func(t *testing.T) {
		dice := rand.New(rand.NewPCG(7, 11))
		decisions := 0
		for range 300 {
			script := make([]byte, 80)
			for i := range script {
				script[i] = letters[dice.IntN(len(letters))]
			}
			decisions += playScript(t, script)
		}
		if decisions < 100 {
			t.Errorf("only %d decisions: the scripts prove little", decisions)
		}
	})
}

// playScript plays a script and returns how many decisions came of it.
func playScript(t *testing.T, script []byte) int {
	t.Helper()
	h := pick(rules{})
	asked := map[call.ID]bool{}
	calls, last := 0, time.Time{}
	for i, c := range script {
		selected, before := h.m.queue.selected, len(h.decided())
		r, _, ok := h.m.queue.current()
		waited := ok && r.waits()
		question := h.m.all
		calls = h.fuzzStep(c, calls, asked)
		sent := h.decided()[before:]
		if question != nil && (c == 'y' || c == 'Y') && len(sent) > 0 {
			if err := h.answered(question, sent, asked); err != nil {
				t.Fatalf("%q: %v", script, err)
			}
			last = time.Now()
			continue
		}
		if len(sent) > 1 {
			t.Fatalf("%q: one key, %d decisions", script, len(sent))
		}
		for _, d := range sent {
			switch {
			case d.id.Key() != selected:
				t.Fatalf("%q: %s was selected, %s is decided", script, selected, d.id)
			case !waited || !h.m.link.Up || h.m.usable(r.call) <= 0:
				t.Fatalf("%q: decided about a call that cannot be", script)
			case asked[d.id]:
				t.Fatalf("%q: decided twice", script)
			case time.Since(last) < burstGap:
				t.Fatalf("%q: two decisions in a burst", script)
			}
			asked[d.id], last = true, time.Now()
		}
		if i%8 != 0 {
			continue
		}
		if err := plannedWidth(h.m); err != nil {
			t.Fatalf("%q: %v", script, err)
		}
	}
	return len(h.decided())
}

// answered says what is wrong with the decisions that came of an open question.
func (h *hands) answered(q *bulk, sent []sentReject, asked map[call.ID]bool) error {
	if stood := time.Since(q.guard.since); stood < armAfter || q.reason == "" || !h.m.link.Up {
		return fmt.Errorf("a question of %v is answered, reason %q, link %v", stood, q.reason, h.m.link.Up)
	}
	for _, d := range sent {
		c, ok := h.m.board.Get(d.id)
		switch {
		case !slices.Contains(q.ids, d.id) || d.reason != q.reason:
			return fmt.Errorf("%s is decided as %s, asked was %v as %s", d.id, d.reason, q.ids, q.reason)
		case !ok || !c.Waits() || h.m.usable(c) <= 0 || asked[d.id]:
			return fmt.Errorf("decided about %s, which cannot be", d.id)
		}
		asked[d.id] = true
	}
	return nil
}

// fuzzStep does what one byte stands for: something that happens, or a key.
func (h *hands) fuzzStep(c byte, calls int, asked map[call.ID]bool) int {
	now := time.Now()
	n := max(calls-1-int(c>>5), 0)
	switch c {
	case 'r':
		h.tell(rang(calls, time.Duration(2+calls*7%13)*time.Second, now))
		calls++
	case 'e', 'E', '%':
		h.tell(happened(n, now, call.Event{Kind: call.Ended}))
	case 'c':
		h.tell(claimed(n, "ben", call.Busy, now))
	case 'z', 'Z':
		h.tell(replied(n, call.Refused, call.Reply{Status: 429}, now))
	case '!':
		h.tell(call.Update{Link: &call.Link{Try: 1, RetryAt: now.Add(time.Second)}})
		clear(asked) // whoever lost the link may press again when it is back
	case '+':
		h.tell(live())
	case '*':
		h.tell(call.Update{Board: history(now)})
		clear(asked)
	case 'a':
		for id := range asked {
			h.tell(call.Update{Answer: &call.Answer{Request: request(len(h.decided())), Call: id, Verdict: call.WasUnknown}})
		}
		clear(asked)
	case 'S':
		time.Sleep(3 * time.Second)
	case 'w', 'W':
		h.do(tea.WindowSizeMsg{Width: 120 - 3*int(c)%110, Height: 40 - calls%38})
	case 'd':
		h.do(tea.KeyReleaseMsg{Code: 'b', Text: "b"})
	case 'p':
		h.do(tea.PasteMsg{Content: "bnf"})
	case '~':
		h.pass(110 * time.Millisecond)
	case '\r':
		h.key("enter")
	case 0x1b:
		h.key("esc")
	case 0x08:
		h.key("backspace")
	default:
		if ' ' <= c && c <= '~' {
			h.key(string(rune(c)))
		}
	}
	return calls
}
