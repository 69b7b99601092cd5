package call

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func ringing() *Board {
	return replay([]Event{{Seq: 1, Kind: Rang, Call: "a", At: begin, Ring: 15000, Margin: 500}})
}

func TestO05DecisionsEndExactlyAtTheMargin(t *testing.T) {
	b := ringing()
	c, _ := b.Get("a")
	if got := c.Deadline(); !got.Equal(begin.Add(15 * time.Second)) {
		t.Fatalf("deadline %v", got)
	}
	edge := begin.Add(14500 * time.Millisecond)
	judge := func(d time.Duration) {
		t.Helper()
		e, err := b.Decide(Command{ID: "k", Call: "A", Reason: None, Operator: "ana", Relay: "r1"}, edge.Add(d))
		if d >= 0 {
			if !errors.Is(err, ErrTooLate) || !cmp.Equal(e, Event{}) {
				t.Errorf("%v after the edge: %v, %v; want too late", d, e.Kind, err)
			}
			return
		}
		want := Event{Kind: Claimed, Call: "a", At: edge.Add(d), Claim: &Claim{
			Operator: "ana", Reason: None, Command: "k", Relay: "r1", After: ToMillis(14500*time.Millisecond + d),
		}}
		if diff := cmp.Diff(want, e); diff != "" || err != nil {
			t.Errorf("%v after the edge: %v\n%s", d, err, diff)
		}
	}
	for d := -600 * time.Millisecond; d <= 200*time.Millisecond; d += 10 * time.Millisecond {
		judge(d)                              // around the end of decisions
		judge(d + 500*time.Millisecond)       // around Graph's own deadline
		judge(d - 5*time.Millisecond)         // between the steps
		judge(d/100 + time.Nanosecond)        // ever nearer
		judge(-(d / 1000) - time.Duration(1)) // from the other side
	}
}

func TestDecideClaimsOnlyACallThatWaits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := replay(anyEvents(t))
		now := begin.Add(time.Duration(rapid.IntRange(-1000, 240_000).Draw(t, "now")) * time.Millisecond)
		before := Restore(b.Calls(), b.Tally(), b.Ledger(), b.Seq())
		for _, id := range []ID{"a", "B-B", "c", "d", "nobody"} {
			c, known := b.Get(id)
			e, err := b.Decide(Command{Call: id, Reason: Busy, Operator: "cem"}, now)
			may := known && c.Waits() && now.Before(c.Usable())
			if may != (err == nil) {
				t.Fatalf("%s: decided %v although it may be decided: %v", id, err, may)
			}
			if err != nil {
				if !cmp.Equal(e, Event{}) {
					t.Fatalf("%s: refused with %v and an event", id, err)
				}
				continue
			}
			if e.Kind != Claimed || e.Call != c.ID || !e.At.Equal(now) || e.Claim.Operator != "cem" {
				t.Fatalf("%s: claimed by %+v", id, e)
			}
			after := Restore(b.Calls(), b.Tally(), b.Ledger(), b.Seq())
			after.Apply(e)
			won, _ := after.Get(id)
			if won.State != InClaim || won.Claim != e.Claim || won.Reply != nil || !won.ClaimedAt.Equal(now) {
				t.Fatalf("%s: the claim was made and the call is %+v", id, won)
			}
			if _, err := after.Decide(Command{Call: id}, now); !isTaken(err) {
				t.Fatalf("%s: a second claim got %v", id, err)
			}
		}
		if diff := cmp.Diff(before, b, cmp.AllowUnexported(Board{}, ledger{}, callers{}, pace{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("judging changed the board:\n%s", diff)
		}
	})
}

func isTaken(err error) bool {
	_, ok := errors.AsType[*TakenError](err)
	return ok
}

func TestO01TheLoserLearnsWhoWasFasterAndByHowMuch(t *testing.T) {
	b := ringing()
	won, err := b.Decide(Command{ID: "k1", Call: "a", Reason: Forbidden, Operator: "ana"}, begin.Add(3*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	b.Apply(won)
	_, err = b.Decide(Command{ID: "k2", Call: "a", Reason: Busy, Operator: "ben"}, begin.Add(3207*time.Millisecond))
	want := &TakenError{Claim: *won.Claim, Ago: 207 * time.Millisecond}
	if got, _ := errors.AsType[*TakenError](err); !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", err, want)
	}
	if got := err.Error(); got != "taken: ana decided forbidden 207 ms earlier" {
		t.Errorf("in words: %q", got)
	}
}

func TestEveryEndingHasItsRefusal(t *testing.T) {
	for ending, want := range map[Ending]error{
		EndGone: ErrGone, EndHungUp: ErrGone, EndUnknown: ErrGone,
		EndTimedOut: ErrTooLate, EndRefused: ErrTooLate,
		EndRejected: &TakenError{}, EndUnconfirmed: &TakenError{},
		"ending of a newer relay": ErrGone,
	} {
		c := Call{ID: "a", State: Over, Ending: ending, RangAt: begin, Ring: 15000, Claim: &Claim{Operator: "ana"}}
		_, err := Restore([]Call{c}, Tally{}, Ledger{}, 1).Decide(Command{Call: "a"}, begin.Add(time.Second))
		if isTaken(want) != isTaken(err) || !isTaken(want) && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", ending, err, want)
		}
		c.Claim = nil // as a damaged snapshot would have it
		if _, err := Restore([]Call{c}, Tally{}, Ledger{}, 1).Decide(Command{Call: "a"}, begin); err == nil {
			t.Errorf("%s without a claim: decided", ending)
		}
	}
}
