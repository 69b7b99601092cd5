package call

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// decided rings and ends a call that an operator decided some time after the ring.
func decided(b *Board, n int, who string, at time.Time, after Millis) {
	id := ID(fmt.Sprint("call-", n))
	b.Apply(Event{Kind: Rang, Call: id, At: at, Ring: 15000, Margin: 500})
	b.Apply(Event{Kind: Claimed, Call: id, At: at, Claim: &Claim{Operator: who, Reason: Busy, After: after}})
	b.Apply(Event{Kind: Rejected, Call: id, At: at, Reply: &Reply{Status: 202}})
	b.Apply(Event{Kind: Ended, Call: id, At: at})
}

// wantPercentile finds it without sorting: the least value that enough others
// do not exceed.
func wantPercentile(all []Millis, percent int) time.Duration {
	least := Millis(math.MaxInt64)
	for _, v := range all {
		below := 0
		for _, w := range all {
			if w <= v {
				below++
			}
		}
		if below*100 >= percent*len(all) {
			least = min(least, v)
		}
	}
	if len(all) == 0 {
		return 0
	}
	return least.Duration()
}

func TestPercentilesAreExactOnTheDecisionsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBoard()
		var all []Millis
		n := rapid.SampledFrom([]int{0, 1, 2, 3, 19, 20, 21, 100, DecisionsKept, DecisionsKept + 7}).Draw(t, "decisions")
		by := map[string][]Millis{}
		for i := range n {
			who, after := fmt.Sprint("operator ", i%3), Millis(rapid.IntRange(0, 15_000).Draw(t, "after"))
			decided(b, i, who, begin, after)
			all = append(all, after)
		}
		all = all[max(len(all)-DecisionsKept, 0):]
		for i, v := range all {
			who := fmt.Sprint("operator ", (i+n-len(all))%3)
			by[who] = append(by[who], v)
		}
		s := b.Stats()
		if s.Of != len(all) || s.Median != wantPercentile(all, 50) || s.P95 != wantPercentile(all, 95) {
			t.Fatalf("of %d: median %v, p95 %v; want %d, %v, %v", s.Of, s.Median, s.P95, len(all), wantPercentile(all, 50), wantPercentile(all, 95))
		}
		total, left := 0, 0
		for _, o := range s.Operators {
			total += o.Decided
			if his := by[o.Name]; o.Of != len(his) || o.Median != wantPercentile(his, 50) {
				t.Fatalf("%s: of %d median %v, want %d, %v", o.Name, o.Of, o.Median, len(his), wantPercentile(his, 50))
			}
		}
		for _, k := range s.Left {
			left += k
		}
		if total != n || left != n {
			t.Fatalf("%d decisions by operators, %d in the histogram, want %d", total, left, n)
		}
	})
}

func TestSecondsLeftFallIntoTheirColumn(t *testing.T) {
	for after, column := range map[Millis]int{
		0: 14, 500: 14, 501: 13, 13_499: 1, 13_500: 1, 13_501: 0, 14_499: 0, 14_500: 0, 15_000: 0, 1 << 40: 0, -1000: 15, -1 << 40: 15,
	} {
		b := NewBoard()
		decided(b, 0, "ana", begin, after)
		var want [LeftSeconds]int
		want[column] = 1
		if got := b.Stats().Left; got != want {
			t.Errorf("decided after %d ms: %v", after, got)
		}
	}
}

func TestOperatorsAreBoundedAndNoDecisionIsLost(t *testing.T) {
	b := NewBoard()
	for i := range 3 * operatorsKept {
		decided(b, i, fmt.Sprint("operator ", i), begin, 1000)
	}
	s := b.Stats()
	if len(s.Operators) != operatorsKept+1 || s.Operators[0].Name != "" || s.Operators[0].Decided != 2*operatorsKept || s.Operators[0].Of != 2*operatorsKept {
		t.Errorf("%d operators, the first %+v", len(s.Operators), s.Operators[0])
	}
}

func TestRingsAreCountedByTheMinuteInWhateverOrderTheyCome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := begin.Truncate(time.Minute)
		b := NewBoard()
		b.Apply(Event{Kind: Rang, Call: "first", At: start.Add(5 * time.Second)})
		offsets := rapid.SliceOfN(rapid.IntRange(-20*60, 100*60), 0, 30).Draw(t, "seconds")
		now := start.Add(time.Duration(rapid.IntRange(0, 110*60).Draw(t, "now")) * time.Second)
		newest := start
		want := [PaceMinutes]int{}
		count := func(at time.Time) {
			age := int(now.Truncate(time.Minute).Sub(at.Truncate(time.Minute)) / time.Minute)
			if age >= 0 && age < PaceMinutes {
				want[PaceMinutes-1-age]++
			}
		}
		count(start)
		for i, s := range offsets {
			at := start.Add(time.Duration(s) * time.Second)
			if at.After(now) {
				continue
			}
			b.Apply(Event{Kind: Rang, Call: ID(fmt.Sprint("call-", i)), At: at})
			if at.After(newest) {
				newest = at
			}
			if newest.Truncate(time.Minute).Sub(at.Truncate(time.Minute)) < PaceMinutes*time.Minute {
				count(at)
			}
		}
		got := b.Pace(now)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
		restored := Restore(b.Calls(), b.Tally(), b.Ledger(), b.Seq())
		if restored.Pace(now) != got {
			t.Fatal("restored, the pace is another")
		}
	})
}

func TestABoardThatNeverRangHasNoPace(t *testing.T) {
	if got := NewBoard().Pace(begin); got != ([PaceMinutes]int{}) {
		t.Errorf("%v", got)
	}
}

func TestLedgersHandedOutShareNothingThatChanges(t *testing.T) {
	b := NewBoard()
	decided(b, 0, "ana", begin, 1000)
	l := b.Ledger()
	copied := Restore(nil, b.Tally(), l, 1)
	before := copied.Ledger()
	l.Decisions[0].After, l.Operators[0].Busy, l.Rings[0], l.Left[3] = 7, 7, 7, 7
	decided(b, 1, "ana", begin, 2000)
	if diff := cmp.Diff(before, copied.Ledger()); diff != "" {
		t.Errorf("a restored ledger changed with its source:\n%s", diff)
	}
	if n := len(b.Ledger().Decisions); n != 2 {
		t.Errorf("%d decisions", n)
	}
	if !slices.Equal(b.Ledger().Rings[:1], []int{2}) {
		t.Errorf("rings %v", b.Ledger().Rings[:1])
	}
}

// BenchmarkStats is what the statistics cost for every event.
func BenchmarkStats(b *testing.B) {
	board := NewBoard()
	for i := range DecisionsKept {
		decided(board, i, fmt.Sprint("operator ", i%5), begin, Millis(i*7919%14_000))
	}
	b.ReportAllocs()
	for b.Loop() {
		board.Stats()
	}
}

// BenchmarkLedger is what they cost for every console that connects.
func BenchmarkLedger(b *testing.B) {
	board := NewBoard()
	for i := range 3 * callersKept {
		board.Apply(Event{
			Kind: Rang, Call: ID(fmt.Sprint("call-", i)), At: begin, Ring: 15000,
			Details: &Details{Caller: Party{Kind: Phone, ID: fmt.Sprint("+", i)}},
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		board.Ledger()
	}
}
