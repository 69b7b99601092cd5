package tui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

// said is the message line and the rest of the frame, without styles.
func said(h *hands) (message, frame string) {
	frame = own.ReplaceAllString(h.m.screen(), "")
	lines := strings.Split(frame, "\n")
	return strings.TrimSpace(lines[len(lines)-2]), frame
}

func TestADecisionShowsItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.tell(rang(1, 9*time.Second, time.Now()))
		h.pass(time.Second)
		step := func(want string, inFrame ...string) {
			t.Helper()
			message, frame := said(h)
			if message != want {
				t.Errorf("message %q, want %q", message, want)
			}
			for _, s := range inFrame {
				if !strings.Contains(frame, s) {
					t.Errorf("the screen lacks %q:\n%s", s, frame)
				}
			}
		}
		h.key("b")
		step("→ busy sent  Alice Meyer", "SENT  waiting for the relay", "→ busy ")
		now := time.Now()
		h.tell(happened(1, now, call.Event{Kind: call.Claimed, Claim: &call.Claim{Operator: me, Reason: call.Busy, Command: request(1), After: 4100}}))
		step("→ busy claimed, asking Graph  Alice Meyer", "→ busy claimed", "DECIDED  waiting for Graph")
		reply := call.Reply{Status: 202, Took: 212, Tries: 1}
		h.tell(replied(1, call.Rejected, reply, now), call.Update{Answer: &call.Answer{
			Request: request(1), Call: id(1), Verdict: call.WasRejected, Reason: call.Busy, Reply: &reply,
		}})
		step("✓ busy: Graph 202 in 212 ms  Alice Meyer", "✓ busy 212 ms", "way: busy ▸ claimed at 4.1 s", "▸ Graph 202 in 212 ms")
		h.tell(happened(1, now, call.Event{Kind: call.Ended}))
		step("✓ busy: Graph 202 in 212 ms, ended  Alice Meyer", "OVER  this call is over", "nothing is left to decide", "▸ Graph 202 in 212 ms ▸ ended")
	})
}

func TestEveryOutcomeIsToldApart(t *testing.T) {
	reply := func(status int, code, words string) *call.Reply {
		return &call.Reply{Status: status, Code: code, Words: words, Took: 90}
	}
	for _, c := range []struct {
		answer call.Answer
		want   string
	}{
		{call.Answer{Verdict: call.WasRejected, Reply: &call.Reply{Status: 202, Took: 212, Tries: 2}}, "✓ busy: Graph 202 in 212 ms, 2 tries  Alice Meyer"},
		{call.Answer{Verdict: call.WasRefused, Reply: reply(403, "7504", "Graph refused with 403 7504: the app may not reject")}, "✗ busy refused: Graph refused with 403 7504: the app may not reject  Alice Meyer"},
		{call.Answer{Verdict: call.WasRefused, Reply: reply(403, "7504", "")}, "✗ busy refused: 403 7504  Alice Meyer"},
		{call.Answer{Verdict: call.WasRefused, Reply: reply(0, "", "no token for Graph")}, "✗ busy not sent: no token for Graph  Alice Meyer"},
		{call.Answer{Verdict: call.WasRejected, Reply: &call.Reply{Status: 404, Probably: true}}, "✓ busy, unconfirmed: the first try got no clear answer, and now the call is gone  Alice Meyer"},
		{call.Answer{Verdict: call.WasGone, Reply: reply(404, "8522", "no such call")}, "✗ already gone: busy came too late: no such call  Alice Meyer"},
		{call.Answer{Verdict: call.WasUnknown}, "? busy sent, outcome unknown. It may be tried again  Alice Meyer"},
		{call.Answer{Verdict: call.WasTooLate}, "✗ too late: nothing was sent  Alice Meyer"},
		{call.Answer{Verdict: call.WasTaken, By: "ben", Ago: 312, Reason: call.Forbidden}, "✗ ben was faster by 312 ms: forbidden  Alice Meyer"},
		{call.Answer{Verdict: call.NoSuchCall}, "✗ the relay knows no such call  Alice Meyer"},
		{call.Answer{Verdict: call.NotSent, Words: "the journal cannot be written"}, "✗ not sent: the journal cannot be written  Alice Meyer"},
		{call.Answer{Verdict: "news from 2031"}, "✗ news from 2…  Alice Meyer"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.tell(rang(1, 12*time.Second, time.Now()))
			h.pass(time.Second)
			h.key("b")
			c.answer.Request, c.answer.Call = request(1), id(1)
			h.tell(call.Update{Answer: &c.answer})
			got, _ := said(h)
			if got != c.want {
				t.Errorf("%s:\n%q, want\n%q", c.answer.Verdict, got, c.want)
			}
			h.pass(time.Second)
			h.key("n")
			if len(h.decided()) != 2 {
				t.Errorf("%s: the call rings on and cannot be decided again", c.answer.Verdict)
			}
		})
	}
}

func TestADecisionUnderWayIsNotSentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12)
		h.pass(time.Second)
		h.key("b")
		h.pass(time.Second)
		h.key("n")
		h.pass(time.Second)
		h.key("b")
		if wrong := onlyDecided(h, 0); wrong != "" {
			t.Error(wrong)
		}
	})
}

// The link answers each decision exactly once, and may send it again itself when
// it is back: a second key meanwhile would be a second decision about one call.
func TestALostLinkDoesNotForgetWhatWasSent(t *testing.T) {
	proves(t, rules{forgetful: true}, func(h *hands) string {
		h.ring(12)
		h.pass(time.Second)
		h.key("b")
		h.tell(call.Update{Link: &call.Link{Try: 1, Operator: me}})
		h.pass(time.Second)
		_, frame := said(h)
		for _, want := range []string{"? busy ", "SENT  sent, no answer yet", "do nothing: your busy is under way"} {
			if !strings.Contains(frame, want) {
				return "while the link is down the screen lacks " + want + "\n" + frame
			}
		}
		h.tell(live())
		h.key("n")
		h.pass(time.Second)
		return onlyDecided(h, 0)
	})
}

func TestAfterALostLinkTheRowTellsWhatBecameOfADecision(t *testing.T) {
	reply := call.Reply{Status: 202, Took: 212, Tries: 1}
	mine := call.Claim{Operator: me, Reason: call.Busy, Command: request(1), After: 2000}
	answer := func(v call.Verdict, by string) call.Update {
		return call.Update{Answer: &call.Answer{Request: request(1), Call: id(0), Verdict: v, By: by, Reason: call.Busy}}
	}
	for name, c := range map[string]struct {
		news func(now time.Time) []call.Update
		row  string
		keys int // decisions that are sent when the operator presses again
	}{
		"it arrived: the events that were missed": {func(now time.Time) []call.Update {
			return []call.Update{
				happened(0, now, call.Event{Kind: call.Claimed, Claim: &mine}), replied(0, call.Rejected, reply, now), answer(call.WasRejected, ""),
			}
		}, "✓ busy 212 ms", 1},
		"it arrived: a fresh board": {func(now time.Time) []call.Update {
			b := call.NewBoard()
			for _, u := range []call.Update{rang(0, 10*time.Second, now), happened(0, now, call.Event{Kind: call.Claimed, Claim: &mine}), replied(0, call.Rejected, reply, now)} {
				b.Apply(*u.Event)
			}
			return []call.Update{{Board: b}, answer(call.WasRejected, "")}
		}, "✓ busy 212 ms", 1},
		"a colleague was faster": {func(now time.Time) []call.Update {
			return []call.Update{claimed(0, "ben", call.None, now), answer(call.WasTaken, "ben")}
		}, "→ none claimed ben", 1},
		"it never left": {func(time.Time) []call.Update { return []call.Update{answer(call.NotSent, "")} }, "✗ not sent", 2},
		"it ended meanwhile": {func(now time.Time) []call.Update {
			return []call.Update{happened(0, now, call.Event{Kind: call.Ended}), answer(call.WasGone, "")}
		}, "✗ caller hung up", 1},
		"the relay forgot it": {func(time.Time) []call.Update {
			return []call.Update{{Board: call.NewBoard()}, answer(call.WasUnknown, "")}
		}, "✗ gone from the relay", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := pick(rules{})
				h.ring(12)
				h.pass(time.Second)
				h.key("b")
				h.tell(call.Update{Link: &call.Link{Try: 1, Operator: me}})
				h.pass(800 * time.Millisecond)
				h.tell(append([]call.Update{live()}, c.news(time.Now())...)...)
				if _, frame := said(h); !strings.Contains(frame, c.row) {
					t.Errorf("the row lacks %q:\n%s", c.row, frame)
				}
				h.pass(600 * time.Millisecond)
				h.key("n")
				if len(h.decided()) != c.keys {
					t.Errorf("decisions %v", h.decided())
				}
			})
		})
	}
}

func TestADecidedCallKeepsItsRowAndTheSelectionForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(8, 10, 12)
		h.pass(time.Second)
		h.key("b")
		h.outcome(call.Reply{Status: 202, Took: 212})
		h.tell(happened(0, time.Now(), call.Event{Kind: call.Ended}))
		if r, i, ok := h.m.queue.current(); !ok || i != 0 || !r.ghost || len(h.m.queue.rows) != 3 {
			t.Fatalf("row %d, ghost %v, %d rows", i, r.ghost, len(h.m.queue.rows))
		}
		h.pass(900 * time.Millisecond)
		h.key("b") // the finger again
		h.pass(800 * time.Millisecond)
		if h.m.queue.selected != id(0).Key() {
			t.Error("the selection left the ghost while keys came")
		}
		h.pass(300 * time.Millisecond)
		if h.m.queue.selected != id(1).Key() || h.m.guard.armed {
			t.Errorf("after a second of quiet: %s, armed %v", h.m.queue.selected, h.m.guard.armed)
		}
		h.pass(time.Second)
		if len(h.m.queue.rows) != 2 || !h.m.guard.armed {
			t.Errorf("%d rows, armed %v", len(h.m.queue.rows), h.m.guard.armed)
		}
		if wrong := onlyDecided(h, 0); wrong != "" {
			t.Error(wrong)
		}
	})
}

func TestAVanishedCallLeavesAGhostAndAKeyAboutItSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(8, 10)
		h.pass(time.Second)
		h.tell(happened(0, time.Now(), call.Event{Kind: call.Ended}))
		h.pass(300 * time.Millisecond)
		h.key("b")
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
		if got, _ := said(h); got != "Nothing sent: that call is over (caller hung up). u for the most urgent." {
			t.Errorf("message %q", got)
		}
	})
}

func TestTheLastGhostGoesAndTheScreenFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(8)
		h.pass(time.Second)
		h.tell(happened(0, time.Now(), call.Event{Kind: call.Ended}))
		h.pass(2 * time.Second)
		if len(h.m.queue.rows) != 0 || h.m.queue.selected != "" {
			t.Errorf("%d rows, selected %q", len(h.m.queue.rows), h.m.queue.selected)
		}
		h.pass(10 * time.Second)
		if !h.m.tickDue.IsZero() {
			t.Error("a tick is due though nothing waits")
		}
	})
}

func TestABoardFromTheRelayReplacesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(8, 10)
		h.pass(time.Second)
		b := call.NewBoard()
		b.Apply(*rang(1, 9*time.Second, time.Now()).Event)
		h.tell(call.Update{Board: b})
		if h.m.guard.armed {
			t.Error("a call on a new board is armed before anybody saw it")
		}
		_, frame := said(h)
		if !strings.Contains(frame, "✗ gone from the relay") {
			t.Errorf("the lost call has no ghost:\n%s", frame)
		}
		h.pass(3 * time.Second)
		h.key("b")
		if wrong := onlyDecided(h, 1); wrong != "" {
			t.Error(wrong)
		}
		// The lost call comes back: its ghost must not stand beside it.
		h.tell(rang(0, 9*time.Second, time.Now()))
		if len(h.m.queue.rows) != 2 {
			t.Errorf("%d rows", len(h.m.queue.rows))
		}
	})
}

func TestALinkClosedForGoodIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		if cmd := h.do(news{err: errors.New("the token was revoked")}); quits(cmd) {
			t.Error("the screen left, and nobody knows why")
		}
		_, frame := said(h)
		for _, want := range []string{"✗ REFUSED", "the token was revoked", "No further try"} {
			if !strings.Contains(frame, want) {
				t.Errorf("the screen lacks %q", want)
			}
		}
	})
}

// quits runs a command and reports whether it ends the program.
func quits(cmd tea.Cmd) bool {
	if cmd == nil {
		return false
	}
	switch msg := cmd().(type) {
	case tea.QuitMsg:
		return true
	case tea.BatchMsg:
		return slices.ContainsFunc(msg, quits)
	}
	return false
}
