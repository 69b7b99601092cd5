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

// lines is the rows of the queue as they are drawn, top down, without styles.
func (h *hands) lines() []string {
	var rows []string
	for i := h.m.geo.first; i < h.m.geo.first+h.m.geo.shown; i++ {
		rows = append(rows, own.ReplaceAllString(h.m.queueRow(i, h.m.geo.left), ""))
	}
	return rows
}

// over lets a call end without anybody's doing.
func (h *hands) over(n int) { h.tell(happened(n, time.Now(), call.Event{Kind: call.Ended})) }

func TestACallThatVanishedLeavesAGhostInItsPlace(t *testing.T) {
	proves(t, rules{noGhosts: true}, func(h *hands) string {
		h.ring(8, 10, 12)
		h.pass(time.Second)
		h.key("3")
		h.over(1)
		rows := h.lines()
		if len(rows) != 3 || !strings.Contains(rows[1], "✗ caller hung up") || !strings.HasPrefix(rows[2], " >") {
			return fmt.Sprintf("%q", rows)
		}
		return ""
	})
}

func TestNumbersAreForCallsThatCanBeDecidedOnly(t *testing.T) {
	proves(t, rules{numberAll: true}, func(h *hands) string {
		h.ring(8, 9, 10, 11, 12)
		h.pass(time.Second)
		h.over(1)
		h.tell(claimed(2, "ben", call.Busy, time.Now()))
		var numbers string
		for _, r := range h.lines() {
			numbers += r[2:3]
		}
		if numbers != "1  23" {
			return "numbers " + numbers
		}
		h.pass(armAfter)
		h.key("2", "b")
		return onlyDecided(h, 3)
	})
}

func TestAJumpToANumberThatAnEndedCallHadIsNotArmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(8, 9, 10)
		h.pass(time.Second)
		h.over(1) // 2 was meant, and 2 is the next call now
		h.pass(100 * time.Millisecond)
		h.key("2")
		h.pass(60 * time.Millisecond)
		h.key("b")
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
		h.key("9")
		if want := "There is no call 9."; h.m.note.text != want {
			t.Errorf("message %q, want %q", h.m.note.text, want)
		}
	})
}

// At forty calls a minute and more a ghost a second would stand on a small
// screen for good, and the calls below it would not.
func TestGhostsNeverPushALiveCallOffTheScreen(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {80, 24}, {40, 12}, {30, 6}} {
		proves(t, rules{keepGhosts: true}, func(h *hands) string {
			h.do(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			room := divide(size[0], size[1], 1000, 0, false).queue
			for n := range 2 * room {
				h.tell(stranger(rang(n, time.Duration(3+n)*time.Second/2, time.Now()), n/len(cast)))
			}
			h.pass(700 * time.Millisecond)
			for n := range room {
				h.over(n)
			}
			drawn, ghosts := h.m.geo.drawn, 0
			for _, r := range h.m.queue.rows {
				if r.ghost {
					ghosts++
				}
			}
			// The selected call's ghost stays: the operator looks at it.
			if want := max(room-2, 0); drawn < want || ghosts > 1 || h.m.queue.selected != id(0).Key() {
				return fmt.Sprintf("%v: %d live calls are drawn, want %d; %d ghosts; %s is selected", size, drawn, want, ghosts, h.m.queue.selected)
			}
			return ""
		})
	}
}

func TestGhostsHaveTheLinesThatAreFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(8, 9, 10, 11, 12, 13)
		h.pass(time.Second)
		for n := 1; n < 6; n++ {
			h.over(n)
		}
		if rows := h.lines(); len(rows) != 6 {
			t.Errorf("%q", rows)
		}
	})
}

func TestMovingByHandPassesGhosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(8, 9, 10, 11)
		h.pass(time.Second)
		h.key("2")
		for _, n := range []int{0, 2, 3} {
			h.over(n)
		}
		for _, k := range []string{"up", "down", "G", "g", "down", "up"} {
			h.key(k)
			if h.m.queue.selected != id(1).Key() {
				t.Fatalf("%s selects %s", k, h.m.queue.selected)
			}
		}
		h.over(1)
		h.key("g", "G", "up", "down") // nothing but ghosts
		if h.m.queue.selected != id(1).Key() {
			t.Errorf("%s is selected", h.m.queue.selected)
		}
	})
}

// Of two calls the one with the longer bar has more time, whatever it began with.
func TestAllBarsHaveOneScale(t *testing.T) {
	full := func(row string) int { return strings.Count(row, "█") }
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		invite := func(n int, left time.Duration, ring call.Millis) {
			at := time.Now().Add(left + 500*time.Millisecond - ring.Duration())
			h.tell(happened(n, at, call.Event{Kind: call.Rang, Details: &cast[0], Ring: ring, Margin: 500}))
		}
		invite(0, 4*time.Second, 5000)
		invite(1, 6*time.Second, 15000)
		rows := h.lines()
		if full(rows[0]) != 4 || full(rows[1]) != 6 {
			t.Errorf("the bars of 4 and 6 s: %q", rows)
		}
		invite(2, 20*time.Second, 30000)
		rows = h.lines()
		if full(rows[0]) != 2 || full(rows[1]) != 3 || full(rows[2]) != 10 {
			t.Errorf("beside a call of 30 s the bars of 4, 6 and 20 s: %q", rows)
		}
	})
}
