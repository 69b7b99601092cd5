package call

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestOnlyCallersWhoCanBeKnownAgainHaveAKey(t *testing.T) {
	for _, p := range []Party{
		{},
		{Kind: Phone},
		{Kind: Phone, Name: "Alice"},
		{Kind: Phone, ID: "anonymous"},
		{Kind: Phone, ID: "Restricted"},
		{Kind: Phone, ID: "sip:anonymous@anonymous.invalid"},
		{Kind: Guest},
		{Kind: Guest, ID: "Anonymous"},
		{Kind: Encrypted, ID: "77aa"},
		{Kind: UnknownParty, ID: "1"},
		{ID: "1"},
	} {
		if key, ok := CallerKeyOf(p); ok || key != (CallerKey{}) {
			t.Errorf("%+v can be known again", p)
		}
	}
	seen := map[CallerKey]Party{}
	for _, p := range []Party{
		{Kind: Phone, ID: "+1"}, {Kind: Phone, ID: "+11"}, {Kind: Guest, ID: "+1"}, {Kind: User, ID: "+1"}, {Kind: "usr", ID: "er+1"}, {Kind: "transferred", ID: "x"},
	} {
		key, ok := CallerKeyOf(p)
		if other, taken := seen[key]; taken || !ok {
			t.Errorf("%+v has the key of %+v", p, other)
		}
		seen[key] = p
		p.Name, p.Tenant, p.Altered = "Mallory", "contoso", true
		if again, _ := CallerKeyOf(p); again != key {
			t.Errorf("a name makes another caller of %+v", p)
		}
	}
}

func TestACallerKeyIsReadAsItIsWritten(t *testing.T) {
	key, _ := CallerKeyOf(Party{Kind: Phone, ID: "+1"})
	text, err := key.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var got CallerKey
	if err := got.UnmarshalText(text); err != nil || got != key {
		t.Errorf("%s is read as %x, %v", text, got, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("0", 23), strings.Repeat("0", 26), strings.Repeat("g", 24)} {
		if got.UnmarshalText([]byte(bad)) == nil || got != key {
			t.Errorf("%q is taken, or spoils what was there", bad)
		}
	}
}

// whoRang counts callers in the slowest way: it keeps every call of the day and
// who is said to be calling. It is the oracle of the record.
type whoRang struct {
	day   string
	calls map[string]CallerKey
	nth   map[string]int
}

func (w *whoRang) learn(b *Board, e Event, was Call, known bool) {
	if day := b.Tally().Day; day != w.day {
		*w = whoRang{day: day, calls: map[string]CallerKey{}, nth: map[string]int{}}
	}
	c, ok := b.Get(e.Call)
	if !ok || !c.Known() {
		return
	}
	id := e.Call.Key()
	key, has := CallerKeyOf(c.Caller)
	before, had := CallerKeyOf(was.Caller)
	switch rings := !known; {
	case !rings && (e.Kind != Changed || was.State == Over || had == has && before == key):
		return
	case !rings && c.RangAt.Format(time.DateOnly) < w.day:
		delete(w.calls, id)
		w.nth[id] = 0
		return
	}
	delete(w.calls, id)
	w.nth[id] = 0
	if !has {
		return
	}
	w.nth[id] = 1
	for _, other := range w.calls {
		if other == key {
			w.nth[id]++
		}
	}
	w.calls[id] = key
}

// countsCallers plays events, with a change of the board's record after each,
// and says where the board and the oracle part.
func countsCallers(events []Event, spoil func(*Board)) error {
	b, w := NewBoard(), whoRang{}
	for _, e := range events {
		var was Call
		c, known := b.Get(e.Call)
		if known {
			was = *c
		}
		b.Apply(e)
		spoil(b)
		w.learn(b, e, was, known)
		for id, nth := range w.nth {
			c, ok := b.Get(ID(id))
			if !ok {
				continue
			}
			if got, _, ok := b.Seen(c); got != nth || ok != (nth > 0) {
				return fmt.Errorf("after %s of %s: %s is call %d of its caller, by the oracle %d", e.Kind, e.Call, id, got, nth)
			}
		}
	}
	return nil
}

func TestTheRecordCountsEveryCallerRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyEvents(t)
		if err := countsCallers(events, func(*Board) {}); err != nil {
			t.Fatal(err)
		}
		// A board that is restored after every event counts the same.
		if err := countsCallers(events, func(b *Board) {
			*b = *Restore(b.Calls(), b.Tally(), b.Ledger(), b.Seq())
		}); err != nil {
			t.Fatalf("restored: %v", err)
		}
	})
}

// TestTheOracleSeesARecordThatIsLost is the planted bug: a snapshot without the
// ledger, and a ledger that outlives its day.
func TestTheOracleSeesARecordThatIsLost(t *testing.T) {
	alice := &Details{Caller: Party{Kind: Phone, ID: "+1"}}
	rang := func(id ID, at time.Duration) Event {
		return Event{Kind: Rang, Call: id, At: begin.Add(at), Ring: 15000, Details: alice}
	}
	if err := countsCallers([]Event{rang("a", 0), rang("b", time.Second)}, func(b *Board) {
		*b = *Restore(b.Calls(), b.Tally(), Ledger{}, b.Seq())
	}); err == nil {
		t.Error("a snapshot without the ledger is not noticed")
	}
	var kept callers
	if err := countsCallers([]Event{rang("a", 0), rang("b", time.Second), rang("c", 13*time.Hour), rang("d", 14*time.Hour)}, func(b *Board) {
		if len(b.ledger.callers.recent) > 0 && kept.recent == nil {
			kept = b.ledger.callers
		}
		b.ledger.callers = kept
	}); err == nil {
		t.Error("a ledger that outlives its day is not noticed")
	}
}

func TestP10ATombstoneIsNoVisit(t *testing.T) {
	alice := &Details{Caller: Party{Kind: Phone, ID: "+1"}}
	b := replay([]Event{
		{Kind: Ended, Call: "early", At: begin, Details: alice},
		{Kind: Rang, Call: "early", At: begin, Ring: 15000, Details: alice},
		{Kind: Rang, Call: "a", At: begin.Add(time.Second), Ring: 15000, Details: alice},
	})
	early, _ := b.Get("early")
	if _, _, ok := b.Seen(early); ok {
		t.Error("a call that never rang was seen")
	}
	a, _ := b.Get("a")
	if nth, last, ok := b.Seen(a); nth != 1 || !last.At.IsZero() || !ok {
		t.Errorf("the first call is call %d, after %+v", nth, last)
	}
	b.Apply(Event{Kind: Ended, Call: "a", At: begin.Add(2 * time.Second)})
	if nth, last, _ := b.Seen(a); nth != 1 || !last.At.IsZero() {
		t.Errorf("a call that is over comes after itself: call %d, %+v", nth, last)
	}
}

func TestTheRecordOfCallersIsBoundedAndKeepsTheLatest(t *testing.T) {
	b := NewBoard()
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	rings := func(i int, from string) int {
		b.Apply(Event{
			Kind: Rang, Call: ID(fmt.Sprint("call-", i)), At: midnight.Add(time.Duration(i) * 100 * time.Millisecond), Ring: 15000,
			Details: &Details{Caller: Party{Kind: Phone, ID: from}},
		})
		b.Apply(Event{Kind: Ended, Call: ID(fmt.Sprint("call-", i)), At: midnight.Add(time.Duration(i) * 100 * time.Millisecond)})
		c, _ := b.Get(ID(fmt.Sprint("call-", i)))
		nth, _, _ := b.Seen(c)
		return nth
	}
	most, regular := 0, 0
	for i := range 100_000 {
		from := fmt.Sprint("+", i)
		if i%callersKept == 0 {
			regular++
			if nth := rings(i, "+regular 1"); nth != regular {
				t.Fatalf("who calls every %d calls is forgotten: call %d, want %d", callersKept, nth, regular)
			}
			continue
		}
		rings(i, from)
		most = max(most, len(b.ledger.callers.recent)+len(b.ledger.callers.older))
	}
	if most > 2*callersKept || most < 2*callersKept-1 {
		t.Errorf("%d callers held, want up to %d", most, 2*callersKept)
	}
	l := b.Ledger()
	if n := len(l.Recent) + len(l.Older); n > 2*callersKept || n < callersKept {
		t.Errorf("%d callers in the snapshot", n)
	}
	// A snapshot of somebody else's making holds no more than ours.
	l.Recent = append(l.Recent, append(l.Older, l.Recent...)...)
	l.Older = l.Recent
	l.Left, l.Rings = make([]int, 1000), make([]int, 1000)
	l.Decisions, l.Operators = make([]Decision, 10_000), make([]OperatorDay, 10_000)
	for i := range l.Operators {
		l.Operators[i].Name = fmt.Sprint(i)
	}
	r := Restore(nil, Tally{}, l, 1).ledger
	if len(r.callers.recent) > callersKept || len(r.callers.older) > callersKept || len(r.decisions) > DecisionsKept || len(r.operators) > operatorsKept+1 {
		t.Errorf("restored %d and %d callers, %d decisions, %d operators", len(r.callers.recent), len(r.callers.older), len(r.decisions), len(r.operators))
	}
}
