package wire

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"callscreen/relay/call"
)

func TestACursorIsReadAsItIsWritten(t *testing.T) {
	for _, c := range []Cursor{{"E", 0}, {"", 41}, {"a-b", 1<<64 - 1}} {
		text, err := c.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got Cursor
		if err := got.UnmarshalText(text); err != nil || got != c {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
	}
}

func TestWhatIsNoCursorIsRefusedAndLeavesTheOldOne(t *testing.T) {
	long := string(make([]byte, 65))
	for _, text := range []string{"", "E", "E:", "E:-1", "E:1.5", "E: 1", "E:1:2", "E:18446744073709551616", long + ":1"} {
		c := Cursor{"old", 7}
		if c.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q was taken", text)
		}
		if c != (Cursor{"old", 7}) {
			t.Errorf("%q left %+v", text, c)
		}
	}
}

func TestRetrySaysWhichEndsMeanComeBack(t *testing.T) {
	for code, want := range map[int]bool{
		Shutdown: true, TooSlow: true, NotReady: true, websocket.CloseNormalClosure: true, websocket.CloseGoingAway: true,
		websocket.CloseAbnormalClosure: true, websocket.CloseInternalServerErr: true,
		BadToken: false, BadVersion: false, BadFrame: false, TooMany: false, websocket.ClosePolicyViolation: false,
	} {
		if Retry(code) != want {
			t.Errorf("Retry(%d) is %v", code, !want)
		}
	}
}

// send is what the reader makes of what the writer wrote.
func send[T any](t *testing.T, frame T) T {
	t.Helper()
	data, err := json.Marshal(frame)
	if err != nil {
		t.Fatal(err)
	}
	var got T
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return got
}

// The example of the package comment, as bytes: other languages rely on it.
func TestAnEventFrameLooksAsThePageSays(t *testing.T) {
	now := time.Now()
	e := call.Event{
		Seq: 42, At: now.Add(-3 * time.Millisecond), Kind: call.Rang, Call: "a", Ring: 15000, Margin: 500,
		Details: &call.Details{Caller: call.Party{Kind: call.Phone, Name: "Alice", ID: "+44"}},
	}
	b := call.NewBoard()
	b.Apply(e)
	c, _ := b.Get("a")
	data, err := json.Marshal(NewEvent("E", e, c, now))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"event","cursor":"E:42","age_ms":3,"remaining_ms":14997,"event":"rang","call_id":"a",` +
		`"details":{"caller":{"kind":"phone","name":"Alice","id":"+44"}},"ring_ms":15000,"margin_ms":500}`
	if string(data) != want {
		t.Errorf("the frame is\n%s\nwant\n%s", data, want)
	}
}

// O-06: the two clocks share nothing but the length of a second.
func TestO06DeadlinesSurviveClocksThatDiffer(t *testing.T) {
	relay := time.Now()
	console := relay.Add(600*time.Second + 250*time.Microsecond)
	e := call.Event{Seq: 1, At: relay.Add(-4 * time.Second), Kind: call.Rang, Call: "a", Ring: 15000, Margin: 500}
	b := call.NewBoard()
	b.Apply(e)
	c, _ := b.Get("a")

	fact := send(t, NewEvent("E", e, c, relay)).Fact(console)
	if left := fact.At.Add(fact.Ring.Duration()).Sub(console); left != 11*time.Second {
		t.Errorf("an event leaves %v", left)
	}
	restored := send(t, NewBoard(b.Calls(), b.Tally(), b.Ledger(), relay)).Restore(1, console)
	k, ok := restored.Get("a")
	if !ok {
		t.Fatal("the call is gone")
	}
	if left := k.Deadline().Sub(console); left != 11*time.Second {
		t.Errorf("a board leaves %v", left)
	}
}

func TestABoardIsRestoredAsItWas(t *testing.T) {
	now := time.Now()
	b := call.NewBoard()
	at := func(ms int) time.Time { return now.Add(time.Duration(ms-10000) * time.Millisecond) }
	details := &call.Details{Caller: call.Party{Kind: call.User, Name: "山田", ID: "x"}, To: []call.Party{{Kind: call.Application}}, Via: []call.Via{{Kind: "forwarded", Original: &call.Party{Name: "Carl"}}}}
	for i, e := range []call.Event{
		{At: at(0), Kind: call.Rang, Call: "a", Ring: 15000, Margin: 500, Details: details},
		{At: at(1000), Kind: call.Claimed, Call: "a", Claim: &call.Claim{Operator: "ana", Reason: call.Busy, Command: "q"}},
		{At: at(1200), Kind: call.Rejected, Call: "a", Reply: &call.Reply{Status: 202}},
		{At: at(1300), Kind: call.Ended, Call: "a", Result: &call.Code{Code: 1, Subcode: 2}},
		{At: at(2000), Kind: call.Rang, Call: "b", Ring: 15000, Margin: 500},
		{At: at(3000), Kind: call.Claimed, Call: "b", Claim: &call.Claim{Operator: "ben", Reason: call.None}},
		{At: at(4000), Kind: call.Ended, Call: "b"},
		{At: at(5000), Kind: call.Ended, Call: "early"},
		{At: at(6000), Kind: call.Rang, Call: "c", Ring: 15000, Margin: 500},
	} {
		e.Seq = uint64(i + 1)
		b.Apply(e)
	}
	got := send(t, NewBoard(b.Calls(), b.Tally(), b.Ledger(), now)).Restore(b.Seq(), now)
	want := b.Calls()
	for i := range want {
		want[i].Seq = 0 // for the journal's writer alone; it does not travel
	}
	near := cmp.Comparer(func(x, y time.Time) bool { return x.Sub(y).Abs() < 2*time.Millisecond })
	if diff := cmp.Diff(want, got.Calls(), near); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(b.Tally(), got.Tally()); diff != "" {
		t.Error(diff)
	}
	if ledger := b.Ledger(); len(ledger.Recent) != 1 || len(ledger.Decisions) != 1 || len(ledger.Rings) == 0 || ledger.Minute.IsZero() {
		t.Errorf("too little is sent to show anything: %+v", ledger)
	}
	if diff := cmp.Diff(b.Ledger(), got.Ledger(), near); diff != "" {
		t.Error(diff)
	}
	if got.Pace(now) != b.Pace(now) {
		t.Errorf("the pace is %v, was %v", got.Pace(now), b.Pace(now))
	}
	if got.Seq() != b.Seq() {
		t.Errorf("it stands at %d", got.Seq())
	}
}

// The record of the day crosses to a console whose clock is another: "last" is a
// span, and a minute began as long ago there as here.
func TestO06TheRecordOfTheDaySurvivesClocksThatDiffer(t *testing.T) {
	relay := time.Date(2026, 11, 23, 12, 0, 7, 250_000_000, time.Local)
	console := relay.Add(-97*time.Minute - 13*time.Second)
	b := call.NewBoard()
	alice := &call.Details{Caller: call.Party{Kind: call.Phone, ID: "+44"}}
	for i, ago := range []time.Duration{25 * time.Minute, 10 * time.Second} {
		id := call.ID(string(rune('a' + i)))
		b.Apply(call.Event{At: relay.Add(-ago), Kind: call.Rang, Call: id, Ring: 15000, Details: alice})
		if i == 0 {
			b.Apply(call.Event{At: relay.Add(-ago), Kind: call.Ended, Call: id})
		}
	}
	got := send(t, NewBoard(b.Calls(), b.Tally(), b.Ledger(), relay)).Restore(1, console)
	c, _ := got.Get("b")
	nth, last, ok := got.Seen(c)
	if !ok || nth != 2 || console.Sub(last.At) != 25*time.Minute || last.Ending != call.EndHungUp {
		t.Errorf("call %d, last %v ago, %s", nth, console.Sub(last.At), last.Ending)
	}
	if got.Pace(console) != b.Pace(relay) {
		t.Errorf("the pace is %v, was %v", got.Pace(console), b.Pace(relay))
	}
}

func TestABoardOfARelayWithoutALedgerIsRead(t *testing.T) {
	var b Board
	if err := json.Unmarshal([]byte(`{"calls":[],"tally":{"rang":1}}`), &b); err != nil {
		t.Fatal(err)
	}
	got := b.Restore(1, time.Now())
	if diff := cmp.Diff(call.Ledger{Recent: []call.Caller{}, Older: []call.Caller{}}, got.Ledger()); diff != "" {
		t.Error(diff)
	}
}

// FuzzFrame reads any bytes as every frame there is (C-06): no panic, and what
// was read is written and read again without change.
func FuzzFrame(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"welcome","cursor":"E:41","operator":"ana","watching":2,"board":{"calls":[{"call_id":"a","state":"ringing","caller":{"kind":"phone"},"ring_ms":15000,"margin_ms":500,"rang_ago_ms":3,"remaining_ms":14997}],"tally":{"rang":1}}}`,
		`{"kind":"welcome","cursor":"E:1","board":{"calls":[],"tally":{},"ledger":{"recent":[{"key":"00112233445566778899aabb","rang":2,"last":{"ending":"rejected","by":"ana"},"last_ago_ms":5}],"minute_ago_ms":9,"rings":[1,2],"decisions":[{"by":"ana","after_ms":4100}],"left":[0,1],"operators":[{"name":"ana","decided":1}]}}}`,
		`{"kind":"welcome","cursor":"E:0","resumed":true,"board":null}`,
		`{"kind":"event","cursor":"E:42","age_ms":3,"remaining_ms":14497,"event":"rang","call_id":"a","ring_ms":15000}`,
		`{"kind":"event","cursor":"E:43","age_ms":-9223372036854775808,"event":"claimed","call_id":"a","claim":{"operator":"x","reason":"busy"}}`,
		`{"kind":"result","request_id":"q","call_id":"a","outcome":"gone","reply":{"status":404}}`,
		`{"kind":"status","watching":-1,"graph":"\u001b"}`,
		`{"kind":"reject","request_id":"q","call_id":"../x","reason":"busy","reason":"none"}`,
		`{"kind":"alive","drawn":1e3}`, `{"kind":7}`, `[]`, `null`, "\xff", `{"board":{"calls":[{},{},{"state":"ended"}]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		now := time.Now()
		var w Welcome
		if json.Unmarshal(data, &w) == nil {
			steady(t, w)
			if w.Board != nil {
				b := w.Board.Restore(w.Cursor.Seq, now)
				for _, c := range b.Calls() {
					b.Apply(call.Event{Kind: call.Ended, Call: c.ID, At: now})
				}
				NewBoard(b.Calls(), b.Tally(), b.Ledger(), now)
			}
		}
		var e Event
		if json.Unmarshal(data, &e) == nil {
			steady(t, e)
			b := call.NewBoard()
			b.Apply(e.Fact(now))
			b.Apply(e.Fact(now))
			c, _ := b.Get(e.Call)
			NewEvent("E", e.Fact(now), c, now)
		}
		var r Result
		if json.Unmarshal(data, &r) == nil {
			steady(t, r)
		}
		var s Status
		if json.Unmarshal(data, &s) == nil {
			steady(t, s)
		}
		var from FromConsole
		if json.Unmarshal(data, &from) == nil {
			steady(t, from)
		}
	})
}

// steady writes a frame, reads it and writes it again: nothing may change.
func steady[T any](t *testing.T, frame T) {
	t.Helper()
	once, err := json.Marshal(frame)
	if err != nil {
		t.Fatalf("a frame that was read cannot be written: %v", err)
	}
	var again T
	if err := json.Unmarshal(once, &again); err != nil {
		t.Fatalf("%s cannot be read again: %v", once, err)
	}
	twice, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if string(once) != string(twice) {
		t.Errorf("it changes:\n%s\n%s", once, twice)
	}
}
