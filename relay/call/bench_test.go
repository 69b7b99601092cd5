package call

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// BenchmarkApply is a whole call of four events on a board with ten others
// ringing and the full number of ended ones.
func BenchmarkApply(b *testing.B) {
	board := NewBoard()
	for i := range keepMost {
		oneCall(board, ID(fmt.Sprint("old-", i)), begin, i%5)
	}
	for i := range 10 {
		board.Apply(Event{Kind: Rang, Call: ID(fmt.Sprint("ringing-", i)), At: begin, Ring: 15000})
	}
	names := make([]ID, 2*keepMost) // used again once forgotten
	for i := range names {
		names[i] = ID(fmt.Sprintf("57dab8b1-894c-409a-b240-%012x", i))
	}
	claim, reply := &Claim{Operator: "ana", Reason: Busy}, &Reply{Status: 202}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		id := names[n%len(names)]
		n++
		at := begin.Add(time.Duration(n) * time.Microsecond)
		board.Apply(Event{Kind: Rang, Call: id, At: at, Ring: 15000, Margin: 500})
		board.Apply(Event{Kind: Claimed, Call: id, At: at, Claim: claim})
		board.Apply(Event{Kind: Rejected, Call: id, At: at, Reply: reply})
		board.Apply(Event{Kind: Ended, Call: id, At: at})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(4*n), "ns/event")
}

func BenchmarkDecide(b *testing.B) {
	board := ringing()
	cmd := Command{ID: "k", Call: "a", Reason: Busy, Operator: "ana", Relay: "r1"}
	now := begin.Add(time.Second)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := board.Decide(cmd, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClean(b *testing.B) {
	for name, text := range map[string]string{
		"plain":   "Alice Meyer",
		"Han":     "山田太郎 株式会社",
		"hostile": "\x1b]0;pwned\a\u202eAlice\u0301\u200b",
		"10kB":    strings.Repeat("山\u0301 ", 1700),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Clean(text, NameCells)
			}
		})
	}
}
