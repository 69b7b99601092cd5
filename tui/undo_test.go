package tui

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
)

// claims is a decision by whoever about a call that the relay holds.
func (h *hands) claims(n int, who, request string, hold time.Duration) call.Claim {
	c := call.Claim{Operator: who, Reason: call.Busy, Command: request, After: 2000, Hold: call.ToMillis(hold)}
	h.tell(happened(n, time.Now(), call.Event{Kind: call.Claimed, Claim: &c}))
	return c
}

func (h *hands) becomes(n int, k call.EventKind, c call.Claim) {
	h.tell(happened(n, time.Now(), call.Event{Kind: k, Claim: &c}))
}

func (h *hands) wantTakenBack(t *testing.T, want ...string) {
	t.Helper()
	got := h.link.takenBack()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("taken back: %v, want %v", got, want)
	}
}

func TestUndoTakesTheLastDecisionBackWhicheverCallIsSelected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12, 13, 14)
		h.pass(time.Second)
		h.key("b")
		c := h.claims(0, me, request(1), 3*time.Second)
		h.wantMessage(t, "→ busy claimed, z takes it back within 3.0 s  Unknown caller")
		h.key("3")
		h.pass(time.Second)
		h.key("z")
		h.wantTakenBack(t, request(1))
		h.wantMessage(t, "→ taking busy back  Unknown caller")
		h.becomes(0, call.Withdrawn, c)
		h.tell(call.Update{Answer: &call.Answer{Request: request(1), Call: id(0), Verdict: call.WasWithdrawn}})
		h.wantMessage(t, "→ busy taken back: nothing was sent, the call rings on  Unknown caller")
		h.key("1")
		h.pass(time.Second)
		h.key("n")
		if d := h.decided(); len(d) != 2 || d[1] != (sentReject{id(0), call.None}) {
			t.Errorf("decided again: %+v", d)
		}
	})
}

func TestUndoWorksBeforeTheClaimIsHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12)
		h.pass(time.Second)
		h.key("b", "z")
		h.wantTakenBack(t, request(1))
		// A relay that holds nothing has sent it by then.
		h.claims(0, me, request(1), 0)
		h.wantMessage(t, "! Not taken back: busy is sent at once  Unknown caller")
	})
}

func TestUndoThatComesTooLateSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12, 13)
		h.pass(time.Second)
		h.key("z")
		h.wantMessage(t, "There is nothing to take back: what was sent stays sent.")
		h.key("b")
		c := h.claims(0, me, request(1), 3*time.Second)
		h.pass(3 * time.Second)
		h.key("z") // on its way when the request leaves
		h.becomes(0, call.Committed, c)
		h.wantMessage(t, "! Too late to take it back: busy is sent already  Unknown caller")
		h.key("z")
		h.wantMessage(t, "Sent already: it can no longer be taken back.")
		h.wantTakenBack(t, request(1))
	})
}

func TestUndoIsForWhoDecidedAtWhicheverConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12, 13)
		h.pass(time.Second)
		ben := h.claims(0, "ben", "bens", 3*time.Second)
		h.key("z")
		h.wantMessage(t, "Only ben can take that back.")
		h.becomes(0, call.Withdrawn, ben)
		h.wantMessage(t, "busy by ben taken back, the call rings on  Unknown caller")
		mine := h.claims(1, me, "pressed elsewhere", 3*time.Second)
		h.key("z")
		h.wantTakenBack(t, "pressed elsewhere")
		h.becomes(1, call.Withdrawn, mine)
		h.wantMessage(t, "busy by you taken back, the call rings on  Alice Meyer")
	})
}

func TestUndoTakesBackAllThatWasRejectedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(9, 10, 11, 12)
		h.pass(time.Second)
		h.m.take(3, true)
		h.key("n")
		h.claims(3, me, request(1), 5*time.Second) // a decision of its own
		h.pass(time.Second)
		h.key("A", "b")
		h.pass(time.Second)
		h.key("y")
		h.claims(0, me, request(2), 5*time.Second)
		h.wantMessage(t, "→ busy sent for 3 calls, z takes all back")
		c := h.claims(1, me, request(3), 5*time.Second)
		h.becomes(1, call.Committed, c) // no longer to be had
		h.key("z")
		h.wantTakenBack(t, request(2), request(4))
		h.wantMessage(t, "→ taking back 2 decisions")
		for n, v := range map[int]call.Verdict{0: call.WasWithdrawn, 1: call.WasRejected, 2: call.WasWithdrawn} {
			h.tell(call.Update{Answer: &call.Answer{Request: request(n + 2), Call: id(n), Verdict: v}})
		}
		h.wantMessage(t, "→ busy for 3 calls: 1 accepted by Graph, 2 taken back")
	})
}

func TestUndoWithoutALinkIsNotSent(t *testing.T) {
	proves(t, rules{noOffline: true}, func(h *hands) string {
		h.ring(12)
		h.pass(time.Second)
		h.key("b")
		h.claims(0, me, request(1), 3*time.Second)
		h.tell(call.Update{Link: &call.Link{Operator: me, Try: 2}})
		h.key("z")
		if got := h.link.takenBack(); len(got) > 0 {
			return "sent " + strings.Join(got, " ")
		}
		if got := h.message(); got != "! Not sent: no link to the relay. The decision stands." {
			return "message " + got
		}
		return ""
	})
}

func TestUndoIsNothingForAnObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.m.opt.Watch = true
		h.ring(12)
		h.claims(0, me, "pressed elsewhere", 3*time.Second)
		h.key("z")
		h.wantTakenBack(t)
		h.wantMessage(t, "Watching only: decides nothing.")
		if err := Observe(h.link).Undo(id(0), "q"); err == nil {
			t.Error("an observer's link takes back")
		}
	})
}

func TestUndoTheHeldTimeCountsDownAlsoWhenNothingElseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12)
		h.pass(time.Second)
		h.key("b")
		h.claims(0, me, request(1), 2*time.Second)
		for _, want := range []string{"busy 2.0s z undo", "busy 1.5s z undo", "busy 1.0s z undo", "busy 0.5s z undo", "busy 0.0s z undo"} {
			if got := own.ReplaceAllString(h.m.screen(), ""); !strings.Contains(got, want) {
				t.Errorf("not on the screen: %q", want)
			}
			h.pass(500 * time.Millisecond)
		}
		if h.m.moving() {
			t.Error("the screen ticks on although nothing counts down")
		}
	})
}

// A colleague's decision was told as faster; when it is taken back, nobody was.
func TestUndoOfAColleagueLeavesNothingOfALostRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(12)
		h.pass(time.Second)
		h.key("n")
		ben := h.claims(0, "ben", "bens", 3*time.Second)
		h.tell(call.Update{Answer: &call.Answer{Request: request(1), Call: id(0), Verdict: call.WasTaken, By: "ben", Reason: call.Busy}})
		h.becomes(0, call.Withdrawn, ben)
		h.pass(time.Second)
		h.key("b")
		mine := call.Claim{Operator: me, Reason: call.Busy, Command: request(2), After: 4000}
		now := time.Now()
		h.tell(happened(0, now, call.Event{Kind: call.Claimed, Claim: &mine}),
			replied(0, call.Rejected, call.Reply{Status: 202, Took: 90}, now), happened(0, now, call.Event{Kind: call.Ended}))
		c, _ := h.m.board.Get(id(0))
		if got := h.m.endWords(c, false); got != "busy 90 ms" {
			t.Errorf("told as %q", got)
		}
	})
}
