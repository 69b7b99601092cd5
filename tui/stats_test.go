package tui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

func TestASparklineShowsOneCallInAQuietHour(t *testing.T) {
	unicode, ascii := newGlyphs(Unicode), newGlyphs(ASCIIFrame)
	for _, c := range []struct {
		n           []int
		want, plain string
	}{
		{nil, "", ""},
		{[]int{0, 0}, "▁▁", "__"},
		{[]int{0, 1, 0}, "▁█▁", "_#_"},
		{[]int{0, 1, 2, 3, 4, 5, 6, 7}, "▁▂▃▄▅▆▇█", "_.:-=+*#"},
		{[]int{1, 1000, 500}, "▂█▅", ".#="},
		{[]int{-5, 3}, "▁█", "_#"},
	} {
		if got := unicode.spark(c.n); got != c.want {
			t.Errorf("%v: %s, want %s", c.n, got, c.want)
		}
		if got := ascii.spark(c.n); got != c.plain {
			t.Errorf("%v: %s, want %s", c.n, got, c.plain)
		}
	}
}

func TestSharesAreRoundedToWholePerCent(t *testing.T) {
	for _, c := range []struct {
		part, of int
		want     string
	}{{0, 7, "0 %"}, {7, 7, "100 %"}, {1, 3, "33 %"}, {2, 3, "67 %"}, {1, 200, "1 %"}, {1, 201, "0 %"}} {
		if got := share(c.part, c.of); got != c.want {
			t.Errorf("%d of %d is %s, want %s", c.part, c.of, got, c.want)
		}
	}
}

func TestTheStatisticsLineFollowsTheBoardAndTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(12*time.Hour + 30*time.Second) // bubbles begin at midnight, with which the day does
		h := pick(rules{})
		line := func() string {
			_, frame := said(h)
			lines := strings.Split(frame, "\n")
			return strings.TrimSpace(lines[len(lines)-3])
		}
		want := func(what, want string) {
			t.Helper()
			if got := line(); got != want {
				t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
			}
		}
		want("at first", "no statistics before the relay is heard")
		h.ring(14, 14)
		none := strings.Repeat("▁", call.PaceMinutes-1)
		want("two calls ring", "calls/min "+none+"█   no call has ended today")
		now := time.Now()
		h.tell(claimed(0, me, call.Busy, now), replied(0, call.Rejected, call.Reply{Status: 202}, now), happened(0, now, call.Event{Kind: call.Ended}))
		want("one is over", "calls/min "+none+"█   median decision 4.1 s   p95 4.1 s   rejected 100 %   timed out 0 %")
		h.tell(happened(1, now, call.Event{Kind: call.Expired}))
		h.pass(time.Minute)
		h.do(beatMsg{}) // nothing counts down; the beat finds that a minute has passed
		want("a minute later", "calls/min "+none[:len(none)-len("▁")]+"█▁   median decision 4.1 s   p95 4.1 s   rejected 50 %   timed out 50 %")
		h.tell(call.Update{Board: call.NewBoard()})
		want("a new board", "calls/min "+none+"▁   no call has ended today")
		h.do(tea.WindowSizeMsg{Width: 100, Height: 30})
		if got := line(); !strings.HasPrefix(got, "calls/min") || len([]rune(h.m.statsLine())) < 100 {
			t.Errorf("at 100x30: %q", got)
		}
		h.do(tea.WindowSizeMsg{Width: 100, Height: 29})
		if got := line(); strings.Contains(got, "calls/min") {
			t.Errorf("at 100x29 it takes a line of the calls: %q", got)
		}
	})
}

// TestTheStatisticsAreMadeOncePerEvent: a frame in which only seconds went by
// counts and sorts nothing.
func TestTheStatisticsAreMadeOncePerEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.tell(dayCalls(time.Now())...)
		h.m.screen()
		mark := "a line that was kept"
		h.m.cache.stats.line = mark
		for range 5 {
			h.pass(100 * time.Millisecond)
			if !strings.Contains(h.m.screen(), mark) {
				t.Fatal("a tick makes the line anew")
			}
		}
		h.tell(rang(90, 14*time.Second, time.Now()))
		if strings.Contains(h.m.screen(), mark) {
			t.Error("an event does not")
		}
		h.m.cache.stats.line = mark
		h.m.repaint()
		if strings.Contains(h.m.screen(), mark) {
			t.Error("another theme keeps the colours of the old one")
		}
	})
}

func TestTheStatisticsPageAddsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		b := dayBoard(time.Now())
		h.tell(call.Update{Board: b})
		h.key("s")
		_, frame := said(h)
		s, tally := b.Stats(), b.Tally()
		total := 0
		for _, o := range s.Operators {
			total += o.Decided
			if !strings.Contains(frame, o.Name) {
				t.Errorf("%s is missing", o.Name)
			}
		}
		if total != s.Of || total == 0 || ended(tally) != tally.Rang {
			t.Errorf("%d decisions by operators, %d in all; %d of %d calls ended", total, s.Of, ended(tally), tally.Rang)
		}
		for _, want := range []string{"STATISTICS", "exact, of 44 decisions", "61 calls rang, 61 are over", "SECONDS LEFT"} {
			if !strings.Contains(frame, want) {
				t.Errorf("the page lacks %q:\n%s", want, frame)
			}
		}
		h.key("b")
		if got, _ := said(h); got != "Nothing sent: close this page first (esc)." {
			t.Errorf("a key that decides, on a page that hides the call: %q", got)
		}
	})
}

func TestManyOperatorsAndOddNamesStayInTheirColumns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range [][2]int{{120, 40}, {80, 24}, {40, 12}, {30, 6}} {
			h := pick(rules{})
			h.do(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			for i, name := range []string{"山田太郎 株式会社", "\x1b]0;x\a", "", strings.Repeat("w", 300), "אבג"} {
				h.tell(rang(i, 14*time.Second, time.Now()), claimed(i, name, "later", time.Now()), happened(i, time.Now(), call.Event{Kind: call.Gone}))
			}
			h.key("s")
			for i, l := range strings.Split(h.m.screen(), "\n") {
				if w := call.Width(own.ReplaceAllString(l, "")); w != size[0] {
					t.Errorf("%v: line %d is %d cells wide: %q", size, i, w, l)
				}
			}
		}
	})
}
