package tui

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
)

// proves P-13 for the screen: a thousand calls of one caller in a second, and one
// of somebody else, whose time ends last.
func TestP13BehindAFloodOfOneCallerEverybodyElseIsSeen(t *testing.T) {
	proves(t, rules{noFold: true}, func(h *hands) string {
		now := time.Now()
		u := make([]call.Update, 0, 1001)
		for i := range 1000 {
			one := rang(i, time.Duration(12000+i)*time.Millisecond, now)
			one.Event.Details = &call.Details{Caller: phone("+1 425 5550142", "Loan Offer 24")}
			u = append(u, one)
		}
		other := rang(1000, 14*time.Second, now)
		other.Event.Details = &call.Details{Caller: phone("+44 20 79460123", "Alice Meyer")}
		h.tell(append(u, other)...)
		h.pass(500 * time.Millisecond)
		shown := func(id call.ID) bool {
			rows := h.m.queue.rows[h.m.geo.first : h.m.geo.first+h.m.geo.shown]
			return slices.ContainsFunc(rows, func(r row) bool { return r.call.ID == id })
		}
		if _ = h.m.View(); !shown(id(1000)) {
			return "the other caller is not on the screen"
		}
		if n := h.m.queue.waiting(); n != 1001 {
			return fmt.Sprintf("%d calls are counted", n)
		}
		h.key("b")
		if d := h.decided(); len(d) != 1 || d[0].id != id(0) {
			return fmt.Sprintf("decided: %v", d)
		}
		h.outcome(call.Reply{Status: 202, Took: 100})
		h.pass(2 * time.Second)
		if r, _, ok := h.m.queue.current(); !ok || r.call.ID != id(1) || r.folded != 998 {
			return fmt.Sprintf("then the next of the flood stands for %d more: %v", r.folded, r.call.ID)
		}
		if i := h.m.queue.numbered(2); i < 0 || h.m.queue.rows[i].call.ID != id(1000) {
			return "the other caller has lost his number"
		}
		return ""
	})
}

func TestLegsOfOneConversationAndCallsThatWereAskedForAreNotFolded(t *testing.T) {
	calls := func(n int) (q queue) {
		for i := range n {
			u := rang(i, time.Duration(5+i)*time.Second, time.Now())
			c := &call.Call{ID: u.Event.Call, State: call.Ringing, Details: call.Details{Caller: phone("+1 425 5550142", "Kay Tan")}}
			q.rows = append(q.rows, row{call: c, id: c.ID.Key()})
		}
		return q
	}
	for name, tc := range map[string]struct {
		calls   int
		prepare func(q *queue)
		rows    int
	}{
		"three of one caller":   {3, func(*queue) {}, 3},
		"four":                  {4, func(*queue) {}, 1},
		"the selected one":      {6, func(q *queue) { q.selected = id(3).Key() }, 2},
		"the first is selected": {6, func(q *queue) { q.selected = id(0).Key() }, 1},
		"under a filter":        {6, func(q *queue) { q.filter = "425" }, 6},
		"legs of one conversation": {6, func(q *queue) {
			for _, r := range q.rows[:2] {
				r.call.Chain = "2a9e"
			}
		}, 3},
		"nobody knows who": {6, func(q *queue) {
			for _, r := range q.rows {
				r.call.Caller = call.Party{Kind: call.Phone}
			}
		}, 6},
		"decided ones": {6, func(q *queue) {
			for _, r := range q.rows[:3] {
				r.call.State = call.InClaim
			}
		}, 6},
	} {
		q := calls(tc.calls)
		tc.prepare(&q)
		q.fold()
		if len(q.rows) != tc.rows || callsOf(q.rows) != tc.calls {
			t.Errorf("%s: %d rows for %d of %d calls, want %d rows", name, len(q.rows), callsOf(q.rows), tc.calls, tc.rows)
		}
	}
}

// Of four calls of one caller two have rows. The decision about the second is not
// claimed yet when the selection leaves it.
func TestADecisionUnderWayKeepsItsRowAndIsNotForgottenByTheFold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		flood := func(calls ...int) {
			for _, i := range calls {
				u := rang(i, time.Duration(10+i)*time.Second, time.Now())
				u.Event.Details = &call.Details{Caller: phone("+1 425 5550142", "Loan Offer 24")}
				h.tell(u)
			}
		}
		row := func(n int) bool {
			return slices.ContainsFunc(h.m.queue.rows, func(r row) bool { return r.call.ID == id(n) })
		}
		flood(0, 1)
		h.pass(time.Second)
		h.key("2")
		flood(2, 3, 4, 5)
		h.pass(time.Second)
		h.key("b", "u")
		flood(6)
		if h.m.queue.selected == id(1).Key() || !row(1) || row(3) {
			t.Fatalf("%s is selected of %d rows", h.m.queue.selected, len(h.m.queue.rows))
		}
		h.key("z")
		h.wantTakenBack(t, request(1))
		h.wantMessage(t, "→ taking busy back  Loan Offer 24")
		c := h.claims(1, me, request(1), 3*time.Second)
		h.becomes(1, call.Withdrawn, c)
		h.tell(call.Update{Answer: &call.Answer{Request: request(1), Call: id(1), Verdict: call.WasWithdrawn}})
		if row(1) || len(h.m.asks) != 0 {
			t.Errorf("answered, it has a row: %v; %d decisions are remembered", row(1), len(h.m.asks))
		}
	})
}

func TestADecisionUnderWayWithoutARowIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(9, 10)
		h.pass(time.Second)
		h.key("A", "b")
		h.pass(time.Second)
		h.key("y")
		h.over(0)
		h.pass(2 * ghostFor) // its ghost is gone, too, when the answer comes
		for n := range 2 {
			h.tell(call.Update{Answer: &call.Answer{Request: request(n + 1), Call: id(n), Verdict: call.WasGone}})
		}
		h.wantMessage(t, "✗ busy for 2 calls: 2 already gone")
	})
}
