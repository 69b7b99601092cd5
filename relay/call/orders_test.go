package call

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// notice is one of Graph's notifications as the relay reads it: a call rings,
// is refreshed while it rings, or is over.
type notice string

// appended is what the relay journals for a notification, seeing its board:
// a call rings once, a refresh of an unknown ringing call makes it ring, an
// ended call is not refreshed, an end is told once. "" is nothing.
func appended(n notice, c *Call) EventKind {
	switch {
	case n == "ended" && (c == nil || c.State != Over):
		return Ended
	case n == "created" && c == nil, n == "changed" && c == nil:
		return Rang
	case n == "changed" && c.State != Over:
		return Changed
	default:
		return ""
	}
}

// everything is a careless relay that journals whatever comes.
func everything(n notice, _ *Call) EventKind {
	return map[notice]EventKind{"created": Rang, "changed": Changed, "ended": Ended}[n]
}

// outcome is what an operator can see of a board in the end. Whether the call
// is listed by name and counted depends on whether it ever rang here, which the
// order decides; nothing else may depend on it.
type outcome struct {
	Live, Waiting, Ended int
	State                State
	Ending               Ending
	Decision             string
}

func play(order []notice, relay func(notice, *Call) EventKind) (outcome, *Board) {
	b := NewBoard()
	for i, n := range order {
		var known *Call
		if c, ok := b.Get("1907-ABCD"); ok {
			known = c
		}
		kind := relay(n, known)
		if kind == "" {
			continue
		}
		b.Apply(Event{
			Seq: uint64(i) + 1, At: begin.Add(time.Duration(i) * time.Second),
			Kind: kind, Call: "1907abcd", Ring: 15000, Margin: 500, Details: &Details{Subject: string(n)},
		})
	}
	o := outcome{Live: len(b.Live()), Waiting: b.Waiting(), Ended: len(b.Ended())}
	if c, ok := b.Get("1907abcd"); ok {
		o.State, o.Ending = c.State, c.Ending
	}
	_, err := b.Decide(Command{Call: "1907abcd", Operator: "ana", Reason: Busy}, begin.Add(7*time.Second))
	if err == nil {
		o.Decision = "claimed"
	}
	return o, b
}

func TestP10AllOrdersOfSixNotificationsEndAlike(t *testing.T) {
	want := outcome{Ended: 1, State: Over, Ending: EndHungUp}
	six := []notice{"created", "created", "changed", "ended", "ended", "changed"}
	orders := 0
	permute(six, func(order []notice) {
		orders++
		for name, relay := range map[string]func(notice, *Call) EventKind{"relay": appended, "careless relay": everything} {
			got, b := play(order, relay)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %v:\n%s", name, order, diff)
			}
			c, _ := b.Get("1907abcd")
			firstEnd := slices.Index(order, notice("ended"))
			rang := firstEnd > 0 && relayRang(name, order[:firstEnd])
			if c.Known() != rang {
				t.Errorf("%s, %v: known %v, rang before its end: %v", name, order, c.Known(), rang)
			}
			counted := Tally{Day: "2026-11-23"}
			if rang {
				counted.Rang, counted.Endings = 1, map[Ending]int{EndHungUp: 1}
			}
			if tally := b.Tally(); tally.Rang != counted.Rang || !cmp.Equal(tally.Endings, counted.Endings) {
				t.Errorf("%s, %v: counted %+v", name, order, tally)
			}
		}
	})
	if orders != 720 {
		t.Fatalf("%d orders", orders)
	}
}

// relayRang says whether one of the notifications before the end makes it ring.
func relayRang(relay string, before []notice) bool {
	return slices.Contains(before, "created") || relay == "relay" && slices.Contains(before, "changed")
}

// TestP10WithoutTombstonesOrdersDiffer is the planted bug: a board that forgets
// a call whose end came first lets it ring afterwards.
func TestP10WithoutTombstonesOrdersDiffer(t *testing.T) {
	forgetful := func(n notice, c *Call) EventKind {
		if n == "ended" && c == nil {
			return ""
		}
		return everything(n, c)
	}
	good, _ := play([]notice{"created", "ended"}, forgetful)
	bad, _ := play([]notice{"ended", "created"}, forgetful)
	if good == bad || bad.Decision != "claimed" {
		t.Errorf("a dead call was not seen ringing: %+v", bad)
	}
}

func permute(list []notice, visit func([]notice)) {
	var walk func(int)
	walk = func(n int) {
		if n == 1 {
			visit(list)
			return
		}
		for i := range n {
			walk(n - 1)
			j := 0
			if n%2 == 0 {
				j = i
			}
			list[j], list[n-1] = list[n-1], list[j]
		}
	}
	walk(len(list))
}

func TestPermuteVisitsEveryOrderOnce(t *testing.T) {
	seen := map[string]bool{}
	permute([]notice{"a", "b", "c", "d", "e", "f"}, func(o []notice) {
		var b strings.Builder
		for _, n := range o {
			b.WriteString(string(n))
		}
		seen[b.String()] = true
	})
	if len(seen) != 720 {
		t.Errorf("%d orders", len(seen))
	}
}
