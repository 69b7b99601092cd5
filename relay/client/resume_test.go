package client

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// ledger is a relay's journal for tests: events to be resumed from.
type ledger struct {
	mu     sync.Mutex
	events []call.Event // sequence n stands at n-1
	breaks int
	rnd    *rand.Rand
	most   int
}

// serve sends what a console has missed and breaks the link somewhere in it.
// Now and then it cannot resume, and now and then it repeats what was seen.
func (l *ledger) serve(s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var from wire.Cursor
	resumes := from.UnmarshalText([]byte(s.header.Get(wire.CursorHeader))) == nil
	at := int(from.Seq)
	if !resumes || l.rnd.IntN(50) == 0 {
		at = min(at+l.rnd.IntN(3), len(l.events))
		if s.welcome(board(l.events[:at]...)) != nil {
			return
		}
	} else {
		w := wire.Welcome{Kind: wire.KindWelcome, Cursor: wire.Cursor{Epoch: "E", Seq: uint64(len(l.events))}, Resumed: true}
		if s.send(w) != nil {
			return
		}
		at = max(at-l.rnd.IntN(3), 0) // a careless relay repeats itself
	}
	left := l.rnd.IntN(12)
	for ; at < len(l.events) && (left > 0 || l.breaks >= l.most); at, left = at+1, left-1 {
		e := l.events[at]
		if s.send(wire.NewEvent("E", e, nil, time.Now())) != nil {
			return
		}
	}
	if l.breaks < l.most {
		l.breaks++
		if l.rnd.IntN(2) == 0 {
			s.hangUp(wire.Shutdown, "")
		}
		return // and the socket is closed
	}
	l.mu.Unlock()
	s.stay()
	l.mu.Lock()
}

// flaw finds the first gap or double in what a reader was told.
func flaw(updates []call.Update) string {
	at := uint64(0)
	for i, u := range updates {
		switch {
		case u.Board != nil && u.Board.Seq() < at:
			return fmt.Sprintf("update %d: a board goes back from %d to %d", i, at, u.Board.Seq())
		case u.Board != nil:
			at = u.Board.Seq()
		case u.Event != nil && u.Event.Seq != at+1:
			return fmt.Sprintf("update %d: event %d follows %d", i, u.Event.Seq, at)
		case u.Event != nil:
			at++
		}
	}
	return ""
}

func story(n int) []call.Event {
	events := make([]call.Event, 0, n)
	for i := range n {
		id := call.ID(fmt.Sprintf("call-%d", i/2))
		e := rang(uint64(i+1), id)
		if i%2 == 1 {
			e = call.Event{Seq: uint64(i + 1), At: time.Now(), Kind: call.Ended, Call: id}
		}
		events = append(events, e)
	}
	return events
}

func TestC10AThousandForcedBreaksLoseNothingAndDoubleNothing(t *testing.T) {
	l := &ledger{events: story(8000), rnd: rand.New(rand.NewPCG(1, 2)), most: 1000}
	f := &fakeRelay{script: l.serve}
	c := onSockets(t, f)
	last := uint64(len(l.events))
	updates := next(t, c, func(u call.Update) bool {
		return u.Event != nil && u.Event.Seq == last || u.Board != nil && u.Board.Seq() == last
	})
	if found := flaw(updates); found != "" {
		t.Error(found)
	}
	read := call.NewBoard()
	for _, u := range updates {
		switch {
		case u.Board != nil:
			read = u.Board
		case u.Event != nil:
			read.Apply(*u.Event)
		}
	}
	if got, want := sketch(read), sketch(board(l.events...)); got != want {
		t.Errorf("the reader's board is\n%.300s\nthe journal's\n%.300s", got, want)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.breaks != 1000 {
		t.Errorf("the link broke %d times", l.breaks)
	}
}

// sketch draws what counts of a board.
func sketch(b *call.Board) string {
	var lines []string
	for _, k := range b.Calls() {
		lines = append(lines, fmt.Sprintf("%s %s %s", k.ID, k.State, k.Ending))
	}
	slices.Sort(lines)
	return fmt.Sprintf("at %d\n%s", b.Seq(), strings.Join(lines, "\n"))
}

// The planted bugs: the check above must see them.
func TestC10TheCheckForGapsAndDoublesSeesThem(t *testing.T) {
	var good []call.Update
	for i := range uint64(5) {
		good = append(good, call.Update{Event: &call.Event{Seq: i + 1}})
	}
	if found := flaw(good); found != "" {
		t.Errorf("in a good story it finds %q", found)
	}
	if flaw(slices.Delete(slices.Clone(good), 2, 3)) == "" {
		t.Error("a gap is not seen")
	}
	if flaw(slices.Insert(slices.Clone(good), 2, good[2])) == "" {
		t.Error("a double is not seen")
	}
	if flaw(append(slices.Clone(good), call.Update{Board: call.NewBoard()})) == "" {
		t.Error("a board that goes back is not seen")
	}
}

func TestC10AnotherJournalBringsAFreshBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		f := &fakeRelay{script: func(s *socket) {
			tries++
			switch tries {
			case 1:
				_ = s.welcome(board(rang(7, "old")))
			case 2:
				// It says that it resumes, from a journal that is another one.
				_ = s.send(wire.Welcome{Kind: wire.KindWelcome, Cursor: wire.Cursor{Epoch: "other", Seq: 9}, Resumed: true})
				s.stay()
			default:
				_ = s.welcome(board(rang(1, "new")))
				s.stay()
			}
		}}
		c, _ := inMemory(t, f)
		updates := next(t, c, func(u call.Update) bool { return u.Board != nil && u.Board.Seq() == 1 })
		i := slices.IndexFunc(updates, func(u call.Update) bool { return u.Board != nil && u.Board.Seq() == 1 })
		if _, ok := updates[i].Board.Get("new"); !ok {
			t.Error("the fresh board lacks its call")
		}
		cursors := []string{}
		for _, h := range f.asked() {
			cursors = append(cursors, h.Get(wire.CursorHeader))
		}
		if want := []string{"", "E:7", ""}; !slices.Equal(cursors, want) {
			t.Errorf("the cursors were %q, want %q", cursors, want)
		}
	})
}

func TestC08AReaderThatFellBehindGetsABoardAndThenWhatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := story(3 * maxBehind)
		more := make(chan struct{})
		f := &fakeRelay{script: func(s *socket) {
			_ = s.welcome(call.NewBoard())
			for _, e := range events {
				_ = s.send(wire.NewEvent("E", e, nil, time.Now()))
			}
			for got := range s.frames {
				if got.Kind == wire.KindReject {
					_ = s.send(wire.Result{Kind: wire.KindResult, Answer: call.Answer{Request: got.Request, Call: got.Call, Verdict: call.WasGone}})
				}
				if got.Kind == wire.KindAlive {
					break
				}
			}
			<-more
			_ = s.send(wire.NewEvent("E", rang(uint64(len(events)+1), "last"), nil, time.Now()))
			s.stay()
		}}
		c, _ := inMemory(t, f)
		time.Sleep(3 * time.Second) // nobody reads
		request, err := c.Reject("call-1", call.Busy)
		if err != nil {
			t.Fatal(err)
		}
		c.Alive(0, "")
		time.Sleep(3 * time.Second)

		updates, err := c.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if updates[0].Board == nil || updates[0].Board.Seq() != uint64(len(events)) {
			t.Fatalf("it begins with %+v", updates[0])
		}
		if got, want := sketch(updates[0].Board), sketch(board(events...)); got != want {
			t.Error("the board is not what the events add up to")
		}
		i := slices.IndexFunc(updates, isAnswer)
		if i < 0 || updates[i].Answer.Request != request {
			t.Error("the answer was lost with the events")
		}
		if last := updates[len(updates)-1]; !isUp(last) || len(updates) > 4 {
			t.Errorf("%d updates waited, the last is %+v", len(updates), last)
		}
		updates[0].Board.Apply(call.Event{Seq: 1 << 40}) // it is the reader's own
		close(more)
		updates = next(t, c, func(u call.Update) bool { return u.Event != nil })
		if e := updates[len(updates)-1].Event; e.Call != "last" {
			t.Errorf("then came %+v", e)
		}
	})
}

func TestC14UnknownKindsOfFramesAndEventsAreCarriedAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRelay{script: func(s *socket) {
			_ = s.send(map[string]any{"kind": "weather", "sun": true}) // even before the welcome
			_ = s.welcome(call.NewBoard())
			_ = s.send(map[string]any{"kind": "weather", "cursor": 7})
			_ = s.send(map[string]any{"kind": "event", "cursor": "E:1", "event": "whispered", "call_id": "a", "age_ms": 0, "new": []int{1}})
			s.stay()
		}}
		c, _ := inMemory(t, f)
		updates := next(t, c, func(u call.Update) bool { return u.Event != nil })
		if e := updates[len(updates)-1].Event; e.Kind != "whispered" || e.Seq != 1 {
			t.Errorf("the unknown event is %+v", e)
		}
		if slices.ContainsFunc(updates, isDown) {
			t.Error("an unknown kind broke the link")
		}
	})
}

func TestWhatIsNoFrameBreaksTheLinkAndTheClientComesBack(t *testing.T) {
	for name, raw := range map[string]string{
		"no json": "{", "event before the welcome": `{"kind":"event","cursor":"E:1","event":"rang","call_id":"a"}`,
		"a cursor of another kind": `{"kind":"welcome","cursor":7}`, "no board": `{"kind":"welcome","cursor":"E:1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				f := &fakeRelay{script: func(s *socket) {
					if tries++; tries == 1 {
						_ = s.WriteMessage(1, []byte(raw))
					} else {
						_ = s.welcome(call.NewBoard())
					}
					s.stay()
				}}
				c, _ := inMemory(t, f)
				next(t, c, isUp)
				if tries != 2 {
					t.Errorf("it was up at try %d", tries)
				}
			})
		})
	}
}

func TestTheCursorHeaderIsLeftOutBeforeTheFirstBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRelay{answer: func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}}
		c, _ := inMemory(t, f)
		next(t, c, isDown)
		if _, has := f.asked()[0][wire.CursorHeader]; has {
			t.Error("there was a cursor without a board")
		}
	})
}
