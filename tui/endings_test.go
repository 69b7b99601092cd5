package tui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

// ways is every way in which a call can end for the operator at the screen. The
// caller, the reason and the spans are the same in all, so that nothing but the
// ending can make two of them look different.
var ways = map[string]func(h *hands){
	"rejected":    func(h *hands) { h.key("b"); h.claim(me); h.reply(call.Rejected, 202, ""); h.over(0) },
	"unconfirmed": func(h *hands) { h.key("b"); h.claim(me); h.reply(call.Rejected, 202, ""); h.is(call.Unconfirmed) },
	"refused":     func(h *hands) { h.key("b"); h.claim(me); h.reply(call.Refused, 403, "7504"); h.is(call.Expired) },
	"never sent":  func(h *hands) { h.key("b"); h.claim(me); h.reply(call.Refused, 0, ""); h.is(call.Expired) },
	"gone":        func(h *hands) { h.key("b"); h.claim(me); h.reply(call.Gone, 404, "8522") },
	"too late":    func(h *hands) { h.key("b"); h.answer(call.WasTooLate); h.is(call.Expired) },
	"taken": func(h *hands) {
		h.key("b")
		h.claim("ben")
		h.answer(call.WasTaken)
		h.reply(call.Rejected, 202, "")
		h.over(0)
	},
	"a colleague's": func(h *hands) { h.claim("ben"); h.reply(call.Rejected, 202, ""); h.over(0) },
	"the policy's":  func(h *hands) { h.claim(call.Unattended); h.reply(call.Rejected, 202, ""); h.over(0) },
	"hung up":       func(h *hands) { h.over(0) },
	"timed out":     func(h *hands) { h.is(call.Expired) },
	"unknown":       func(h *hands) { h.key("b"); h.claim(me); h.reply(call.Unknown, 0, ""); h.over(0) },
}

func (h *hands) is(k call.EventKind) { h.tell(happened(0, time.Now(), call.Event{Kind: k})) }

func (h *hands) claim(who string) {
	command := "other"
	if who == me {
		command = request(1)
	}
	h.tell(happened(0, time.Now(), call.Event{Kind: call.Claimed, Claim: &call.Claim{
		Operator: who, Reason: call.Busy, Command: command, After: 2000,
	}}))
}

func (h *hands) reply(k call.EventKind, status int, code string) {
	h.tell(replied(0, k, call.Reply{Status: status, Code: code, Took: 90}, time.Now()))
}

func (h *hands) answer(v call.Verdict) {
	h.tell(call.Update{Answer: &call.Answer{Request: request(1), Call: id(0), Verdict: v, By: "ben", Ago: 90, Reason: call.Busy}})
}

// What is compared has no colours: only signs and words can tell endings apart.
func TestEveryEndingLooksDifferentInTheListAndAmongTheDecisions(t *testing.T) {
	for _, charset := range []Charset{Unicode, ASCIIFrame, ASCIIOnly} {
		for _, size := range [][2]int{{120, 40}, {100, 24}, {80, 24}, {60, 16}, {40, 12}, {30, 6}} {
			rows, decisions := map[string]string{}, map[string]string{}
			for name, end := range ways {
				synctest.Test(t, func(t *testing.T) {
					h := pick(rules{})
					h.m.glyph = newGlyphs(charset)
					h.do(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
					h.ring(12)
					h.pass(time.Second)
					end(h)
					row := before(own.ReplaceAllString(h.m.queueRow(0, size[0]), ""), "Unknown")
					rows[name] = unlike(t, rows, name, row)
					line := own.ReplaceAllString(h.m.endedLine(h.m.board.Ended()[0]), "")
					decisions[name] = unlike(t, decisions, name, before(line, "Unknown"))
					for _, s := range []string{row, line} {
						if strings.Contains(before(before(s, "+49"), "Unknown"), h.m.glyph.more) {
							t.Errorf("%v: %s is cut: %q", size, name, s)
						}
					}
				})
			}
		}
	}
}

// before is a text up to a word.
func before(s, word string) string {
	s, _, _ = strings.Cut(s, word)
	return s
}

// unlike says which other ending looks the same, and returns what it was given.
func unlike(t *testing.T, seen map[string]string, name, text string) string {
	t.Helper()
	for other, s := range seen {
		if s == text {
			t.Errorf("%s looks like %s: %q", name, other, text)
		}
	}
	return text
}

func TestALookAlikeEndingIsNoticed(t *testing.T) {
	var ours testing.T
	unlike(&ours, map[string]string{"gone": "✗ over"}, "hung up", "✗ over")
	if !ours.Failed() {
		t.Error("two endings look the same and the check notices nothing")
	}
}
