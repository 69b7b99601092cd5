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

func TestTheOtherPaneScrollsTheDecisionsWhileKeysStillDecideAboutTheCallInSight(t *testing.T) {
	for _, size := range [][2]int{{120, 24}, {80, 24}} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.do(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			h.tell(call.Update{Board: dayBoard(time.Now())})
			h.ring(12, 13)
			h.pass(time.Second)
			n, room := h.m.endedKnown(), h.m.geo.recent
			h.key("tab")
			see := func(top int) {
				t.Helper()
				want := fmt.Sprintf("%d-%d of %d", top+1, top+room, n)
				if _, frame := said(h); !strings.Contains(frame, want) {
					t.Errorf("%v: the screen lacks %q:\n%s", size, want, frame)
				}
			}
			see(0)
			for _, k := range []struct {
				key string
				top int
			}{{"down", 1}, {"j", 2}, {"up", 1}, {"pgdown", 1 + room}, {"pgup", 1}, {"G", n - room}, {"down", n - room}, {"g", 0}, {"up", 0}, {"down", 1}} {
				h.key(k.key)
				see(k.top)
			}
			if h.m.queue.selected != id(0).Key() {
				t.Error("the selection moved")
			}
			h.tell(happened(1, time.Now(), call.Event{Kind: call.Ended}))
			n++
			see(2) // what was read stays
			h.pass(time.Second)
			h.key("b")
			if wrong := onlyDecided(h, 0); wrong != "" {
				t.Error(wrong)
			}
			h.key("esc")
			if _, frame := said(h); strings.Contains(frame, "of "+fmt.Sprint(n)) || h.m.below.open {
				t.Error("esc does not lead back")
			}
			h.key("tab", "tab")
			if h.m.below.open {
				t.Error("tab does not lead back")
			}
			h.key("tab", "1")
			if h.m.below.open {
				t.Error("a number does not lead back")
			}
		})
	}
}

func TestWhereTheDecisionsHaveNoPaneTheyHaveAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.do(tea.WindowSizeMsg{Width: 40, Height: 12})
		h.ring(12)
		h.key("tab")
		if h.m.page.kind != pageRecent {
			t.Errorf("page %d", h.m.page.kind)
		}
		h.key("tab")
		if h.m.page.kind != pageNone {
			t.Errorf("page %d", h.m.page.kind)
		}
	})
}
