package tui

import (
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

// hands drives a model without a program, message by message, in virtual time.
type hands struct {
	m    *Model
	link *script
}

// pick hands a model with a size and a live link to a check.
func pick(off rules) *hands {
	link := newScript()
	h := &hands{m: New(Options{Link: link, Bot: "reception-bot"}), link: link}
	h.m.guard.off, h.m.queue.off = off, off
	h.do(tea.WindowSizeMsg{Width: 120, Height: 40})
	h.tell(live())
	return h
}

func (h *hands) do(msg tea.Msg) tea.Cmd {
	_, cmd := h.m.Update(msg)
	return cmd
}

func (h *hands) tell(u ...call.Update) { h.do(news{updates: u}) }

func (h *hands) key(names ...string) {
	for _, n := range names {
		h.do(press(n))
	}
}

// pass lets time pass, with the ticks that the model asked for.
func (h *hands) pass(d time.Duration) {
	end := time.Now().Add(d)
	for !h.m.tickDue.IsZero() && !h.m.tickDue.After(end) {
		time.Sleep(max(time.Until(h.m.tickDue), 0))
		h.do(tickMsg{h.m.tickNumber})
	}
	time.Sleep(time.Until(end))
}

// hold keeps b down: the first repeat comes after 500 ms, then 33 a second.
func (h *hands) hold(d time.Duration) {
	h.key("b")
	h.pass(500 * time.Millisecond)
	for end := time.Now().Add(d - 500*time.Millisecond); time.Now().Before(end); h.pass(30 * time.Millisecond) {
		h.key("b")
	}
}

// ring lets calls come in with some seconds left.
func (h *hands) ring(left ...float64) {
	for i, s := range left {
		h.tell(rang(i, time.Duration(s*float64(time.Second)), time.Now()))
	}
}

func (h *hands) decided() []sentReject { return h.link.decided() }

// outcome is what the relay and Graph make of the first decision.
func (h *hands) outcome(r call.Reply) {
	now := time.Now()
	h.tell(happened(0, now, call.Event{Kind: call.Claimed, Claim: &call.Claim{
		Operator: me, Reason: call.Busy, Command: request(1), After: 2000,
	}}))
	kind, verdict := call.Rejected, call.WasRejected
	if r.Status >= 300 {
		kind, verdict = call.Refused, call.WasRefused
	}
	h.tell(replied(0, kind, r, now), call.Update{Answer: &call.Answer{
		Request: request(1), Call: id(0), Verdict: verdict, Reason: call.Busy, Reply: &r,
	}})
}

// proves checks that something holds with every rule on, and that the check
// notices when the rule is off.
func proves(t *testing.T, without rules, check func(h *hands) (wrong string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if wrong := check(pick(rules{})); wrong != "" {
			t.Errorf("with the rule: %s", wrong)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if wrong := check(pick(without)); wrong == "" {
			t.Error("without the rule the check notices nothing")
		}
	})
}
