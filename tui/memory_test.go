package tui

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

// heap is the memory that is in use, without what could be collected.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// A shift of a hundred thousand calls, each of a caller of its own, with every
// ending and a hand that decides about some: what the screen holds after ten
// thousand it holds to the end.
func TestMemoryDoesNotGrowOver100000Calls(t *testing.T) {
	now := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
	link := newScript()
	m := newModel(Options{Link: link}, func() time.Time { return now })
	m.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	m.Update(news{updates: []call.Update{live()}})
	before := heap()
	var after []int64
	n := 0
	for _, calls := range []int{1_000, 10_000, 100_000} {
		for ; n < calls; n++ {
			now = now.Add(400 * time.Millisecond)
			shift(m, n, now)
			if n%50 == 0 {
				_ = m.View()
				link.rejects, link.alive = nil, nil // the test's own memory
			}
		}
		after = append(after, heap()-before)
	}
	t.Logf("after 1,000, 10,000 and 100,000 calls: %d, %d and %d kB", after[0]>>10, after[1]>>10, after[2]>>10)
	const bound = 8 << 20
	if grown := after[2] - after[1]; grown > 256<<10 || after[2] > bound {
		t.Errorf("from 10,000 to 100,000 calls the screen grew by %d kB to %d kB", grown>>10, after[2]>>10)
	}
	if calls := m.board.Tally().Rang; calls != n {
		t.Errorf("%d of %d calls were seen", calls, n)
	}
	runtime.KeepAlive(m)
	runtime.KeepAlive(link)
}

// shift is one call, and the end of the one twenty calls before it.
func shift(m *Model, n int, now time.Time) {
	d := call.Details{Caller: phone(fmt.Sprintf("+1425%07d", n), fmt.Sprintf("Caller %d", n)), To: reception, Chain: fmt.Sprint(n / 3), Subject: "Delivery"}
	updates := []call.Update{happened(n, now, call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500})}
	if old := n - 20; old >= 0 {
		switch old % 4 {
		case 0:
			updates = append(updates, claimed(old, me, call.Busy, now), replied(old, call.Rejected, call.Reply{Status: 202, Took: 210}, now))
		case 1:
			updates = append(updates, happened(old, now, call.Event{Kind: call.Expired}))
		case 2:
			updates = append(updates, claimed(old, fmt.Sprintf("operator %d", old), call.None, now), replied(old, call.Unknown, call.Reply{}, now))
		}
		updates = append(updates, happened(old, now, call.Event{Kind: call.Ended}))
	}
	m.Update(news{updates: updates})
	if n%7 == 0 {
		m.Update(press("g"))
		m.Update(press("b"))
	}
}
