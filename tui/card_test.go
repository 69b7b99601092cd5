package tui

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

func TestTheDetailsHaveTheRequestThatMicrosoftsSupportAsksFor(t *testing.T) {
	want := field{label: "Request id", fact: "0388b0d5-a877-4f90-ab58-e0ef0fd6c0a7"}
	answered := &call.Call{ID: "A", Reply: &call.Reply{Status: 403, Request: want.fact}}
	if got := fields(answered); !slices.Contains(got, want) {
		t.Errorf("%+v", got)
	}
	for _, silent := range []*call.Reply{nil, {Status: 502}} {
		for _, f := range fields(&call.Call{ID: "A", Reply: silent}) {
			if f.label == want.label {
				t.Errorf("%+v: %+v", silent, f)
			}
		}
	}
}

func TestNobodyIsOnACallThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(9)
		h.tell(call.Update{Link: &call.Link{
			Up: true, Operator: me, Watching: 2, People: []call.Presence{{Name: "ben", Alive: true, Decides: true, Call: id(0)}},
		}})
		h.pass(500 * time.Millisecond)
		if got := h.m.onIt(); got != "ben is on it" {
			t.Errorf("while it rings: %q", got)
		}
		h.tell(claimed(0, "ben", call.Busy, time.Now()), replied(0, call.Rejected, call.Reply{Status: 202}, time.Now()),
			happened(0, time.Now(), call.Event{Kind: call.Ended}))
		if got := h.m.onIt(); got != "" {
			t.Errorf("over: %q", got)
		}
	})
}

func TestEveryFieldHasARankAndTheCallerComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.do(tea.WindowSizeMsg{Width: 80, Height: 24})
		for n := range cast {
			h.tell(rang(n, 9*time.Second, time.Now()))
			h.tell(claimed(n, me, call.Busy, time.Now()), replied(n, call.Rejected, call.Reply{Status: 202, Request: "0388b0d5"}, time.Now()))
			c, _ := h.m.board.Get(id(n))
			for _, f := range h.m.fields(c, 80) {
				if !slices.Contains(ranks, f.label) && f.label != "Number" && f.label != "Id" {
					t.Errorf("%q has no rank", f.label)
				}
			}
			if first := h.m.gist(c)[0].label; first != "From" {
				t.Errorf("the card of %s begins with %q", c.Caller.Display(), first)
			}
		}
	})
}
