package tui

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/call/hostile"

	tea "charm.land/bubbletea/v2"
)

// crowd gives a screen on which n calls of one name wait.
func crowd(n int, name string) *hands {
	h := pick(rules{})
	updates := make([]call.Update, n)
	for i := range updates {
		d := call.Details{Caller: phone("+44 20 79460123", name), To: reception, Subject: name}
		if i%4 > 0 { // every fourth is of a flood
			d.Caller.ID += strconv.Itoa(i)
		}
		at := time.Now().Add(time.Duration(i) * time.Millisecond)
		updates[i] = happened(i, at, call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500})
	}
	h.tell(updates...)
	return h
}

// uncounted says which number of calls that wait is missing on a frame: of those
// that the list has no room for, or on a page of all of them.
func uncounted(m *Model) error {
	g, n := m.geo, m.board.Waiting()
	frame := own.ReplaceAllString(m.screen(), "")
	var want []string
	above, below := callsOf(m.queue.rows[:g.first]), callsOf(m.queue.rows[g.first+g.shown:])
	if got := callsOf(m.queue.rows); got < n {
		return fmt.Errorf("%d calls wait, the rows stand for %d", n, got)
	}
	switch {
	case n == 0:
	case g.layout == tiny:
		// In a window of two cells there is room for one digit and the sign that it was cut.
		if digits := strconv.Itoa(n); len(digits) < m.width {
			want = append(want, digits)
		}
	case m.page.hides():
		want = append(want, strconv.Itoa(n)+" ")
	case m.page.kind == pageDetails:
		want = append(want, "of "+strconv.Itoa(m.queue.waiting()))
	case g.layout == compact && strings.Contains(frame, strconv.Itoa(n)+" waiting"):
		// Where a message takes the line that counts the rest, the header has them all.
	default:
		if above > 0 {
			want = append(want, " "+strconv.Itoa(above)+" above")
		}
		if below > 0 {
			want = append(want, " "+strconv.Itoa(below)+" more")
		}
	}
	for _, s := range want {
		if !strings.Contains(frame, s) {
			return fmt.Errorf("%d calls wait, %d above and %d below the list; %q is not on the screen:\n%s", n, above, below, s, frame)
		}
	}
	return nil
}

// proves T-10: any size, any number of calls; never a panic, never a row too wide
// or too short, and a count of whatever is hidden.
func FuzzView(f *testing.F) {
	for i, name := range hostile.Names() {
		f.Add(1+i*7%400, 1+i*3%200, i%90, name, uint8(i))
	}
	for _, calls := range []int{0, 1, 9, 300, 2999} {
		for _, size := range [][2]int{{1, 1}, {2, 1}, {5, 3}, {29, 6}, {30, 5}, {30, 6}, {40, 12}, {60, 16}, {99, 24}, {100, 23}, {100, 24}, {400, 200}} {
			f.Add(size[0], size[1], calls, "Alice", uint8(calls))
		}
	}
	f.Fuzz(func(t *testing.T, w, h, calls int, name string, state uint8) {
		w, h, calls = 1+abs(w)%400, 1+abs(h)%200, abs(calls)%3000
		x := crowd(calls, name)
		x.m.glyph = newGlyphs(Charset(state & 1))
		x.m.page.kind = pageKind(state >> 1 % 6)
		if state&16 != 0 {
			x.tell(call.Update{Link: &call.Link{Err: name, Final: state&32 != 0}})
		}
		x.do(tea.WindowSizeMsg{Width: w, Height: h})
		if state&64 != 0 {
			x.key("G")
		}
		if state&128 != 0 {
			x.key("up", "up")
		}
		for _, check := range []func(*Model) error{plannedWidth, uncounted} {
			if err := check(x.m); err != nil {
				t.Fatalf("%dx%d, %d calls, %q, state %d: %v", w, h, calls, name, state, err)
			}
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

// The same at every size that is worth a layout of its own, and with the planted
// bug: a list that does not say that it goes on.
func TestT10WhateverTheSizeTheHiddenCallsAreCounted(t *testing.T) {
	for _, calls := range []int{1, 60, 2500} {
		synctest.Test(t, func(t *testing.T) {
			h := crowd(calls, "Alice Meyer")
			planted := 0
			for w := 1; w <= 400; w += 1 + w/24 {
				for height := 1; height <= 200; height += 1 + height/12 {
					h.m.page.kind = pageKind((w + height) % 6)
					h.do(tea.WindowSizeMsg{Width: w, Height: height})
					if err := plannedWidth(h.m); err != nil {
						t.Fatalf("%dx%d: %v", w, height, err)
					}
					if err := uncounted(h.m); err != nil {
						t.Fatalf("%dx%d, page %d: %v", w, height, h.m.page.kind, err)
					}
					if h.m.geo.more && h.m.page.kind == pageNone {
						h.m.geo.more = false
						if uncounted(h.m) != nil {
							planted++
						}
					}
				}
			}
			if calls >= 60 && planted < 100 {
				t.Errorf("a list that does not say that it goes on is noticed %d times", planted)
			}
		})
	}
}

// proves T-10: a window that is dragged about does no harm.
func TestT10AResizeStormIsSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.tell(fortyCalls(time.Now())...)
		for i := range 2000 {
			h.do(tea.WindowSizeMsg{Width: 1 + i*37%200, Height: 1 + i*13%60})
			if err := plannedWidth(h.m); err != nil {
				t.Fatalf("%dx%d: %v", h.m.width, h.m.height, err)
			}
		}
	})
}
