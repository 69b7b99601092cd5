package call

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// kinds is every kind of event, and one that only a newer relay knows.
var kinds = []EventKind{
	Rang, Changed, Claimed, Withdrawn, Committed, Rejected, Refused, Gone, Unknown, Ended, Unconfirmed, Expired, "transferred", "",
}

// anyEvents draws events in any order, sense or none: few calls, so that they
// meet; contents often missing, as a damaged record would have it. Times go up
// by little, and sometimes back, as they do when several clocks wrote them.
func anyEvents(t *rapid.T) []Event {
	at := begin.Add(rapid.SampledFrom([]time.Duration{0, 9 * time.Second, 12*time.Hour + 5*time.Second}).Draw(t, "begin"))
	var events []Event
	for i := range rapid.IntRange(0, 60).Draw(t, "events") {
		at = at.Add(time.Duration(rapid.IntRange(-300, 4000).Draw(t, "step")) * time.Millisecond)
		events = append(events, anyEvent(t, uint64(i)+1, at))
	}
	return events
}

func anyEvent(t *rapid.T, seq uint64, at time.Time) Event {
	e := Event{
		Seq: seq, At: at,
		Kind: rapid.SampledFrom(kinds).Draw(t, "kind"),
		Call: rapid.SampledFrom([]ID{"a", "A", "b-b", "BB", "c", "d"}).Draw(t, "call"),
	}
	if rapid.IntRange(0, 9).Draw(t, "bare") == 0 {
		return e
	}
	e.Details = &Details{Caller: Party{
		Name: "caller " + strconv.FormatUint(seq, 10),
		Kind: rapid.SampledFrom([]PartyKind{Phone, Phone, Guest, Encrypted, ""}).Draw(t, "kind of caller"),
		ID:   rapid.SampledFrom([]string{"+1", "+1", "+2", "anonymous", ""}).Draw(t, "caller"),
	}}
	e.Ring = Millis(rapid.SampledFrom([]int64{-1, 0, 5000, 15000, 15000}).Draw(t, "ring"))
	e.Margin = 500
	e.Claim = &Claim{
		Operator: rapid.SampledFrom([]string{"ana", "ben"}).Draw(t, "operator"),
		Reason:   rapid.SampledFrom([]Reason{Busy, None, Forbidden}).Draw(t, "reason"),
		Command:  rapid.SampledFrom([]string{"", "k1", "k1", "k2"}).Draw(t, "command"),
		Hold:     Millis(rapid.SampledFrom([]int64{-1, 0, 2000, 2000}).Draw(t, "hold")),
	}
	e.Reply = &Reply{Status: int(seq), Probably: rapid.Bool().Draw(t, "probably")}
	e.Result = &Code{Code: int(seq)}
	return e
}

func replay(events []Event) *Board {
	b := NewBoard()
	for _, e := range events {
		b.Apply(e)
	}
	return b
}

// mustEqual compares all that a board holds, down to the order of its lists.
func mustEqual(t *rapid.T, what string, want, got *Board) {
	t.Helper()
	diff := gocmp.Diff(want, got, gocmp.AllowUnexported(Board{}, ledger{}, callers{}, pace{}), cmpopts.EquateEmpty())
	if diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func TestReplayEqualsLive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyEvents(t)
		mustEqual(t, "two readers of one journal", replay(events), replay(events))

		cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
		first := replay(events[:cut])
		late := Restore(first.Calls(), first.Tally(), first.Ledger(), first.Seq())
		mustEqual(t, "restored", first, late)
		for _, e := range events[cut:] {
			late.Apply(e)
		}
		mustEqual(t, "a reader that came in the middle", replay(events), late)
		mustEqual(t, "the source of the snapshot", replay(events[:cut]), first)
	})
}

func TestBoardIsConsistentAfterEveryEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBoard()
		for _, e := range anyEvents(t) {
			b.Apply(e)
			if err := consistent(b); err != nil {
				t.Fatalf("after %s of %s: %v", e.Kind, e.Call, err)
			}
			if c, ok := b.Get(e.Call); ok && c.Seq != e.Seq {
				t.Fatalf("after %s of %s: the next append would build on %d, the last event is %d", e.Kind, e.Call, c.Seq, e.Seq)
			}
		}
	})
}

// consistent says what a board may never be.
func consistent(b *Board) error {
	if len(b.live)+len(b.ended) != len(b.calls) {
		return fmt.Errorf("%d live and %d ended calls, %d in all", len(b.live), len(b.ended), len(b.calls))
	}
	if !slices.IsSortedFunc(b.live, func(x, y *Call) int {
		return cmp.Or(x.Deadline().Compare(y.Deadline()), cmp.Compare(x.ID, y.ID))
	}) {
		return fmt.Errorf("live calls are not sorted: %v", ids(b.live))
	}
	waiting := 0
	for _, c := range slices.Concat(b.live, b.ended) {
		over := slices.Contains(b.ended, c)
		switch kept, ok := b.Get(c.ID); {
		case !ok || kept != c:
			return fmt.Errorf("%s is listed and not the call of that id", c.ID)
		case over != (c.State == Over), over != (c.Ending != ""), over == c.EndedAt.IsZero():
			return fmt.Errorf("%s is %q, ending %q, at %v; listed as ended: %v", c.ID, c.State, c.Ending, c.EndedAt, over)
		case !over && !c.Known():
			return fmt.Errorf("%s is live and never rang", c.ID)
		case c.State == InClaim && c.Claim == nil, c.State == InRejection && c.Claim == nil, c.State == InDoubt && c.Claim == nil:
			return fmt.Errorf("%s is %s by nobody", c.ID, c.State)
		case c.Held != nil && c.State != InClaim, c.Held != nil && c.Held.State != Ringing && c.Held.State != InDoubt:
			return fmt.Errorf("%s is %s and can be taken back to %+v", c.ID, c.State, c.Held)
		case c.Held != nil && c.Closing:
			return fmt.Errorf("%s is held although its end is reported", c.ID)
		case len(c.Withdrawn) > TakeBacks:
			return fmt.Errorf("%s remembers %d claims that were taken back", c.ID, len(c.Withdrawn))
		case c.Closing && c.State != InClaim && !over:
			return fmt.Errorf("%s is %s although its end is reported", c.ID, c.State)
		}
		if c.Waits() {
			waiting++
		}
	}
	if waiting != b.Waiting() {
		return fmt.Errorf("%d calls wait, Waiting says %d", waiting, b.Waiting())
	}
	return nil
}

func ids(calls []*Call) (list []ID) {
	for _, c := range calls {
		list = append(list, c.ID)
	}
	return list
}

// TestConsistencyCheckSeesABrokenBoard is the twin of the test above: boards
// broken on purpose must not pass.
func TestConsistencyCheckSeesABrokenBoard(t *testing.T) {
	for name, spoil := range map[string]func(*Board){
		"unsorted":            func(b *Board) { slices.Reverse(b.live) },
		"lost":                func(b *Board) { b.live = b.live[:1] },
		"ended but listed":    func(b *Board) { b.live[0].State = Over },
		"claimed by nobody":   func(b *Board) { b.live[0].State = InClaim },
		"held and rings":      func(b *Board) { b.live[0].Held = &Standing{State: Ringing} },
		"end without an end":  func(b *Board) { b.ended[0].Ending = "" },
		"forgotten, not gone": func(b *Board) { delete(b.calls, "c") },
	} {
		b := replay([]Event{
			{Kind: Rang, Call: "a", At: begin, Ring: 15000},
			{Kind: Rang, Call: "b", At: begin, Ring: 16000},
			{Kind: Rang, Call: "c", At: begin, Ring: 17000},
			{Kind: Ended, Call: "c", At: begin},
		})
		if err := consistent(b); err != nil {
			t.Fatalf("before: %v", err)
		}
		spoil(b)
		if consistent(b) == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// FuzzApply reads events off bytes, three each: kind, call, and time with contents.
func FuzzApply(f *testing.F) {
	f.Add([]byte{0, 0, 10, 2, 0, 20, 3, 0, 21, 7, 0, 22})
	f.Add([]byte{7, 1, 0, 0, 1, 0, 2, 1, 3})
	f.Add([]byte{0, 0, 1, 2, 0, 128, 8, 0, 2, 9, 0, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, twin := NewBoard(), NewBoard()
		for i := 0; i+2 < len(raw); i += 3 {
			e := eventOf(raw[i], raw[i+1], raw[i+2], uint64(i)+1)
			b.Apply(e)
			twin.Apply(e)
			twin = Restore(twin.Calls(), twin.Tally(), twin.Ledger(), twin.Seq())
			if err := consistent(b); err != nil {
				t.Fatalf("after %s of %s: %v", e.Kind, e.Call, err)
			}
		}
		if diff := gocmp.Diff(b, twin, gocmp.AllowUnexported(Board{}, ledger{}, callers{}, pace{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("restored after every event (-live +restored):\n%s", diff)
		}
	})
}

func eventOf(kind, id, rest byte, seq uint64) Event {
	e := Event{
		Seq: seq, Kind: kinds[int(kind)%len(kinds)], Call: ID(strconv.Itoa(int(id % 8))),
		At: begin.Add(time.Duration(int8(rest)) * time.Second), Ring: Millis(rest) * 100,
	}
	if rest%4 != 0 {
		e.Details, e.Claim, e.Reply = &Details{Caller: Party{Kind: Phone, ID: strconv.Itoa(int(rest % 3))}}, &Claim{Operator: "ana", Reason: Busy, Hold: Millis(rest % 3)}, &Reply{Probably: rest%8 == 1}
	}
	return e
}
