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

// heavy is a call of which everything is known that can be.
func heavy() call.Details {
	party := func(kind call.PartyKind, name string) *call.Party {
		return &call.Party{Kind: kind, ID: "77aa", Name: name}
	}
	return call.Details{
		Caller: call.Party{Kind: call.ApplicationInstance, ID: "5f0d7c3e-1b1a-4c39-9c55-2f6b3a90c4a1", Name: "Lab phone", Tenant: "fabrikam", Altered: true},
		To:     []call.Party{{Kind: call.Application, Name: "Reception bot"}, {Kind: call.User, Name: "Second desk"}},
		Media:  []string{"audio", "video"}, Subject: "Delivery 4711", Group: true, Recording: true, Chain: "2a9e", Tenant: "contoso",
		Via:        []call.Via{{Kind: "forwarded", Original: party(call.User, "Carl Roth")}, {Kind: "lookup", Final: party(call.User, "Dora Lang")}},
		OnBehalfOf: party(call.User, "Front office"), Transferor: party(call.User, "Gina Park"),
	}
}

// weights is what of it a decision may hang on; the rest is for the details.
var weights = []string{
	"Lab phone", "c4a1", "resource account", "deceiving characters", "recording invite", "Reception bot", "Second desk", "forwarded by", "Carl Roth",
	"lookup to", "Dora Lang", "Front office", "Gina Park", "group call", "audio, video", "Delivery 4711", "fabrikam", "2nd call today", "busy by ben",
}

// everything is the frame, and then the details, page by page.
func everything(h *hands) (frame, details string) {
	_, frame = said(h)
	h.key("enter")
	for range 60 {
		_, page := said(h)
		details += page
		h.key("pgdown")
	}
	h.key("esc")
	return frame, details
}

func TestEveryFactOfACallIsAtHandAtEverySize(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {100, 24}, {80, 24}, {60, 16}, {40, 12}, {30, 6}} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(12 * time.Hour)
			h := pick(rules{})
			h.do(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			d := heavy()
			ring := func(n int) {
				h.tell(happened(n, time.Now(), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
			}
			ring(1)
			h.tell(claimed(1, "ben", call.Busy, time.Now()), replied(1, call.Rejected, call.Reply{Status: 202}, time.Now()))
			h.tell(happened(1, time.Now(), call.Event{Kind: call.Ended}))
			h.pass(3 * time.Second)
			ring(2)
			frame, details := everything(h)
			missing := 0
			for _, fact := range weights {
				if !strings.Contains(flat(details), flat(fact)) {
					t.Errorf("%v: the details lack %q:\n%s", size, fact, details)
				}
				if !strings.Contains(flat(frame), flat(fact)) {
					missing++
				}
			}
			switch {
			case size == [2]int{120, 40} && missing > 0:
				t.Errorf("%v: the screen lacks %d facts:\n%s", size, missing, frame)
			case size[0] >= 60 && missing > 0 && !strings.Contains(frame, "enter: "):
				t.Errorf("%v: nothing says that %d facts are left out:\n%s", size, missing, frame)
			case size[0] >= 40 && (!strings.Contains(frame, "c4a1 (resource account)") && !strings.Contains(frame, "(resource account)") || !strings.Contains(frame, "Lab phone")):
				t.Errorf("%v: the screen does not say who calls:\n%s", size, frame)
			}
		})
	}
}

// flat is a text without what laying it out puts between its words.
func flat(s string) string {
	s = strings.NewReplacer("│", " ", "\n", " ").Replace(s)
	return strings.Join(strings.Fields(s), "")
}

func TestAHiddenCallerComesWithThePermissionThatWouldShowIt(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {80, 24}, {40, 12}} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.do(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			d := call.Details{Caller: call.Party{Kind: call.Encrypted, ID: "29:opaque"}, To: reception}
			h.tell(happened(1, time.Now(), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
			if _, frame := said(h); !strings.Contains(frame, "grant the bot Calls.Initiate.All") {
				t.Errorf("%v:\n%s", size, frame)
			}
		})
	}
}

func TestACardThatNeedsRoomTakesItFromDecisionsAndFromNoCall(t *testing.T) {
	for facts := range 20 {
		for rows := range 20 {
			with, without := divide(80, 24, rows, facts, false), divide(80, 24, rows, 0, false)
			if with.queue < min(rows, without.queue) || with.card < without.card || with.recent < min(without.recent, decisionsLeft) {
				t.Errorf("%d rows, %d facts: %+v, without facts %+v", rows, facts, with, without)
			}
			narrow := divide(40, 12, rows, facts, false)
			if rows > 0 && narrow.queue < min(rows, 5) {
				t.Errorf("40x12, %d rows, %d facts: %+v", rows, facts, narrow)
			}
		}
	}
}

func TestAWayEndsItsLinesBetweenSteps(t *testing.T) {
	for w := 20; w < 60; w++ {
		m := New(Options{})
		s := unbroken("busy ▸ claimed at 11.8 s ▸ Graph 202 in 212 ms ▸ ended", "▸", w-4)
		lines := m.wrapped(style{}, "way: ", s, w)
		for i, l := range lines[1:] {
			if !strings.HasPrefix(l, "    ▸ ") && w > 28 {
				t.Errorf("%d cells, line %d: %q", w, i+1, l)
			}
		}
		if got := flat(strings.Join(lines, "\n")); got != flat("way: busy ▸ claimed at 11.8 s ▸ Graph 202 in 212 ms ▸ ended") {
			t.Errorf("%d cells: %s", w, got)
		}
	}
	if got := fmt.Sprint(strings.Count(unbroken("one two three four", "▸", 5), glue)); got != "0" {
		t.Errorf("a step longer than a line has %s glued words", got)
	}
}
