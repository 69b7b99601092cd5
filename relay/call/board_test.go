package call

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMemoryStaysBoundedAndTheTallyAddsUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		every time.Duration
		held  int
	}{
		{"a flood", 0, keepMost},
		{"ten a second", 100 * time.Millisecond, keepMost},
		{"one a second", 800 * time.Millisecond, int(keepFor/(800*time.Millisecond)) + 1}, // 80 ms short of a day
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const calls = 100_000
			midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
			b, most := NewBoard(), 0
			for i := range calls {
				at := midnight.Add(time.Duration(i) * c.every)
				oneCall(b, ID(fmt.Sprint("call-", i)), at, i%5)
				most = max(most, len(b.Ended()))
			}
			if most > keepMost || len(b.Ended()) > c.held || len(b.Ended()) < keepLeast {
				t.Errorf("%d ended calls held, %d at most; want up to %d", len(b.Ended()), most, c.held)
			}
			if err := consistent(b); err != nil {
				t.Error(err)
			}
			want := Tally{
				Day: "2026-11-23", Rang: calls,
				Rejected: map[Reason]int{Busy: 2 * calls / 5},
				Endings: map[Ending]int{
					EndRejected: calls / 5, EndUnconfirmed: calls / 5, EndHungUp: calls / 5,
					EndTimedOut: calls / 5, EndGone: calls / 5,
				},
			}
			if diff := cmp.Diff(want, b.Tally()); diff != "" {
				t.Errorf("tally (-want +got):\n%s", diff)
			}
		})
	}
}

// oneCall rings and ends, in one of five ways, at one moment.
func oneCall(b *Board, id ID, at time.Time, way int) {
	say := func(kinds ...EventKind) {
		for _, k := range kinds {
			b.Apply(Event{
				Seq: b.Seq() + 1, Kind: k, Call: id, At: at, Ring: 15000, Margin: 500,
				Claim: &Claim{Operator: "ana", Reason: Busy},
			})
		}
	}
	say(Rang)
	switch way {
	case 0:
		say(Claimed, Rejected, Ended)
	case 1:
		say(Claimed, Rejected, Unconfirmed)
	case 2:
		say(Ended)
	case 3:
		say(Expired)
	default:
		say(Claimed, Gone)
	}
}

func TestP10ATombstoneOutlivesTheLateNotification(t *testing.T) {
	b := NewBoard()
	b.Apply(Event{Seq: 1, Kind: Ended, Call: "early", At: begin})
	for i := range keepMost - 1 { // as many others as memory has room for
		oneCall(b, ID(fmt.Sprint("call-", i)), begin.Add(keepFor-time.Millisecond), 2)
	}
	b.Apply(Event{Seq: b.Seq() + 1, Kind: Rang, Call: "early", At: begin.Add(keepFor - time.Millisecond), Ring: 15000})
	if n := len(b.Live()); n != 0 {
		t.Fatalf("%d calls ring", n)
	}
	oneCall(b, "last", begin.Add(keepFor), 2)
	if _, held := b.Get("early"); held {
		t.Error("held although it is neither recent nor young")
	}
}

func TestRestoredTallyGoesOnCounting(t *testing.T) {
	// The wire leaves empty maps out: a day on which nothing was rejected yet.
	raw, err := json.Marshal(Tally{Day: "2026-11-23", Rang: 1, Endings: map[Ending]int{EndTimedOut: 1}, Rejected: map[Reason]int{}})
	if err != nil {
		t.Fatal(err)
	}
	var tally Tally
	if err := json.Unmarshal(raw, &tally); err != nil {
		t.Fatal(err)
	}
	b := Restore(nil, tally, Ledger{}, 7)
	oneCall(b, "a", begin, 0)
	want := Tally{
		Day: "2026-11-23", Rang: 2, Rejected: map[Reason]int{Busy: 1},
		Endings: map[Ending]int{EndTimedOut: 1, EndRejected: 1},
	}
	if diff := cmp.Diff(want, b.Tally()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTallyOfANewDayIsNotLostToALateEvent(t *testing.T) {
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	b := NewBoard()
	oneCall(b, "yesterday", midnight.Add(-time.Minute), 1) // ended unconfirmed
	oneCall(b, "a", midnight, 1)
	oneCall(b, "b", midnight.Add(-time.Millisecond), 3) // journaled after "a", happened before
	b.Apply(Event{Kind: Ended, Call: "yesterday", At: midnight.Add(time.Second)})
	want := Tally{
		Day: "2026-11-24", Rang: 2, Rejected: map[Reason]int{Busy: 1},
		Endings: map[Ending]int{EndUnconfirmed: 1, EndTimedOut: 1},
	}
	if diff := cmp.Diff(want, b.Tally()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c, _ := b.Get("yesterday")
	if c.Ending != EndRejected {
		t.Errorf("yesterday's call ended %s", c.Ending)
	}
}

func TestACallThatComesTwiceInASnapshotCountsOnce(t *testing.T) {
	first := Call{ID: "aa", State: Ringing, RangAt: begin, Ring: 15000}
	twice := Call{ID: "A-A", State: Over, Ending: EndGone, EndedAt: begin}
	b := Restore([]Call{first, twice, first}, Tally{}, Ledger{}, 1)
	if err := consistent(b); err != nil || len(b.Calls()) != 1 {
		t.Errorf("%d calls, %v", len(b.Calls()), err)
	}
}

func TestSnapshotsShareNothingThatChanges(t *testing.T) {
	b := ringing()
	oneCall(b, "before", begin, 0)
	calls, tally := b.Calls(), b.Tally()
	copied := Restore(calls, tally, b.Ledger(), b.Seq())
	oneCall(b, "a", begin.Add(time.Second), 0)
	if c, _ := copied.Get("a"); c.State != Ringing || calls[0].State != Ringing {
		t.Errorf("the snapshot changed with its source: %s, %s", c.State, calls[0].State)
	}
	want := Tally{Day: "2026-11-23", Rang: 2, Rejected: map[Reason]int{Busy: 1}, Endings: map[Ending]int{EndRejected: 1}}
	if diff := cmp.Diff(want, tally); diff != "" {
		t.Errorf("the tally handed out changed with its source:\n%s", diff)
	}
	tally.Rejected[Busy], tally.Endings[EndGone] = 7, 7
	if diff := cmp.Diff(want, copied.Tally()); diff != "" {
		t.Errorf("the restored tally changed with what it was made of:\n%s", diff)
	}
}
