package client

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/memnet"
	"callscreen/relay/wire"
)

// The ways of the scripted relay with a decision.
const (
	claimTakes = 100 * time.Millisecond
	graphTakes = 200 * time.Millisecond
)

// scripted is a relay with a journal, that claims, asks Graph and answers, and
// gives one answer to one request id.
type scripted struct {
	mu      sync.Mutex
	events  []call.Event
	board   *call.Board
	sockets map[*socket]bool
	answers map[string]*outcome
	posts   int  // requests that went to Graph
	deaf    bool // loses what consoles send
	mute    bool // sends no results
}

type outcome struct {
	done   chan struct{}
	answer call.Answer
}

func newScripted(ids ...call.ID) *scripted {
	r := &scripted{board: call.NewBoard(), sockets: map[*socket]bool{}, answers: map[string]*outcome{}}
	for _, id := range ids {
		r.append(rang(0, id))
	}
	return r
}

func (r *scripted) append(e call.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Seq, e.At = uint64(len(r.events)+1), time.Now()
	r.events = append(r.events, e)
	r.board.Apply(e)
	for s := range r.sockets {
		_ = s.send(r.frame(e))
	}
}

func (r *scripted) frame(e call.Event) wire.Event {
	k, _ := r.board.Get(e.Call)
	return wire.NewEvent("E", e, k, time.Now())
}

// serve is the fake relay's script.
func (r *scripted) serve(s *socket) {
	r.greet(s)
	for f := range s.frames {
		if f.Kind == wire.KindReject && !r.deaf {
			go r.carryOut(s, f)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sockets, s)
}

func (r *scripted) greet(s *socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var from wire.Cursor
	if from.UnmarshalText([]byte(s.header.Get(wire.CursorHeader))) != nil {
		_ = s.welcome(r.board)
	} else {
		head := wire.Cursor{Epoch: "E", Seq: r.board.Seq()}
		_ = s.send(wire.Welcome{Kind: wire.KindWelcome, Cursor: head, Operator: "ana", Resumed: true})
		for _, e := range r.events[from.Seq:] {
			_ = s.send(r.frame(e))
		}
	}
	r.sockets[s] = true
}

func (r *scripted) carryOut(s *socket, f wire.FromConsole) {
	r.mu.Lock()
	once, ok := r.answers[f.Request]
	if !ok {
		once = &outcome{done: make(chan struct{})}
		r.answers[f.Request] = once
	}
	r.mu.Unlock()
	if !ok {
		once.answer = r.decide(f)
		close(once.done)
	}
	<-once.done // a twin waits for the first one's answer
	a := once.answer
	if !r.mute {
		_ = s.send(wire.Result{Kind: wire.KindResult, Answer: a})
	}
}

func (r *scripted) decide(f wire.FromConsole) call.Answer {
	time.Sleep(claimTakes)
	r.mu.Lock()
	e, err := r.board.Decide(call.Command{ID: f.Request, Call: f.Call, Reason: call.Reason(f.Reason), Operator: "ana"}, time.Now())
	r.mu.Unlock()
	if err != nil {
		return call.Answer{Request: f.Request, Call: f.Call, Verdict: call.WasTooLate}
	}
	r.append(e)
	r.mu.Lock()
	r.posts++
	r.mu.Unlock()
	time.Sleep(graphTakes)
	reply := &call.Reply{Status: 202}
	r.append(call.Event{Kind: call.Rejected, Call: f.Call, Reply: reply})
	r.append(call.Event{Kind: call.Ended, Call: f.Call})
	return call.Answer{Request: f.Request, Call: f.Call, Verdict: call.WasRejected, Reply: reply}
}

// hangUpAll ends every link, so that both sides notice.
func (r *scripted) hangUpAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sockets {
		s.hangUp(wire.Shutdown, "")
		_ = s.Close()
	}
}

func press(t *testing.T, c *console, id call.ID) string {
	t.Helper()
	request, err := c.Reject(id, call.Busy)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// answered reads on to the answer of a request, and makes sure it is the only one.
func answered(t *testing.T, c *console, request string) call.Answer {
	t.Helper()
	updates := next(t, c, func(u call.Update) bool { return isAnswer(u) && u.Answer.Request == request })
	a := *updates[len(updates)-1].Answer
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, open := c.pending[request]; open {
		t.Error("the decision is answered and still open")
	}
	return a
}

// O-07: cut at every 50 ms of a decision, aloud or in silence. There is exactly
// one answer, it is true, and at most one request goes to Graph.
func TestO07WhereverTheLinkBreaksADecisionIsAnsweredOnceAndTruly(t *testing.T) {
	breaks := map[string]func(r *scripted, n *memnet.Net){
		"closed":           func(r *scripted, _ *memnet.Net) { r.hangUpAll() },
		"cut both ways":    func(_ *scripted, n *memnet.Net) { n.Cut(true, true) },
		"cut to the relay": func(_ *scripted, n *memnet.Net) { n.Cut(true, false) },
		"cut to us":        func(_ *scripted, n *memnet.Net) { n.Cut(false, true) },
	}
	for name, interrupt := range breaks {
		for after := -50 * time.Millisecond; after <= 500*time.Millisecond; after += 50 * time.Millisecond {
			t.Run(fmt.Sprintf("%s after %v", name, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newScripted("a")
					c, n := inMemory(t, &fakeRelay{script: r.serve})
					next(t, c, func(u call.Update) bool { return u.Board != nil })
					deadline := time.Now().Add(15 * time.Second)
					time.Sleep(50 * time.Millisecond)
					if after < 0 && name != "closed" {
						interrupt(r, n)
					}
					request := press(t, c, "a")
					if after >= 0 || name == "closed" {
						time.Sleep(max(after, 0))
						interrupt(r, n)
					}
					a := answered(t, c, request)
					if late := time.Since(deadline); late > graceAfter {
						t.Errorf("answered %v after the deadline", late)
					}
					r.mu.Lock()
					defer r.mu.Unlock()
					if a.Verdict != call.WasRejected || r.posts != 1 {
						t.Errorf("the answer is %s (%s), %d requests went to Graph", a.Verdict, a.Words, r.posts)
					}
				})
			})
		}
	}
}

func TestO07AKeyPressedOfflineIsRefusedAndNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScripted("a")
		f := &fakeRelay{script: r.serve}
		c, n := inMemory(t, f)
		if _, err := c.Reject("a", call.Busy); !errors.Is(err, ErrOffline) {
			t.Errorf("before the first link: %v", err)
		}
		next(t, c, isUp)
		n.Reachable(false)
		r.hangUpAll()
		next(t, c, isDown)
		if _, err := c.Reject("a", call.Busy); !errors.Is(err, ErrOffline) {
			t.Errorf("while the link is down: %v", err)
		}
		n.Reachable(true)
		next(t, c, isUp)
		time.Sleep(20 * time.Second)
		if rejects, _ := f.sent(); len(rejects) != 0 {
			t.Errorf("sent later: %+v", rejects)
		}
	})
}

// Between the end of a link and the news of it, too.
func TestO07ADecisionPressedWhileTheLinkEndsIsNotKeptForTheNextOne(t *testing.T) {
	c, err := New(options("http://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	c.board, c.link.Up = call.NewBoard(), true
	before, err := c.Reject("a", call.Busy)
	if err != nil {
		t.Fatal(err)
	}
	c.broken()
	if _, err := c.Reject("a", call.Busy); !errors.Is(err, ErrOffline) {
		t.Errorf("Reject says %v", err)
	}
	updates, err := c.Next(t.Context())
	if err != nil || len(updates) != 1 || updates[0].Answer.Request != before || updates[0].Answer.Verdict != call.NotSent {
		t.Errorf("the one before: %+v, %v", updates, err)
	}
	if _, _, waits := c.takeWish(time.Now()); waits {
		t.Error("something waits for the next link")
	}
}

func TestO07WithoutALinkByTheDeadlineTheAnswerIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScripted("a")
		r.deaf = true
		c, n := inMemory(t, &fakeRelay{script: r.serve})
		next(t, c, func(u call.Update) bool { return u.Board != nil })
		began := time.Now()
		request := press(t, c, "a")
		synctest.Wait()
		n.Reachable(false)
		r.hangUpAll()
		a := answered(t, c, request)
		if took := time.Since(began); a.Verdict != call.WasUnknown || took != 16*time.Second {
			t.Errorf("after %v: %+v", took, a)
		}
	})
}

func TestO03ARelayThatNeverAnswersIsUnknownAndALateAnswerIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScripted("a")
		r.deaf = true
		c, _ := inMemory(t, &fakeRelay{script: r.serve})
		next(t, c, func(u call.Update) bool { return u.Board != nil })
		request := press(t, c, "a")
		if a := answered(t, c, request); a.Verdict != call.WasUnknown {
			t.Errorf("the answer is %+v", a)
		}
		r.mu.Lock()
		for s := range r.sockets {
			_ = s.send(wire.Result{Kind: wire.KindResult, Answer: call.Answer{Request: request, Verdict: call.WasRejected}})
		}
		r.mu.Unlock()
		r.append(rang(0, "b"))
		for _, u := range next(t, c, func(u call.Update) bool { return u.Event != nil && u.Event.Call == "b" }) {
			if u.Answer != nil {
				t.Errorf("a second answer: %+v", u.Answer)
			}
		}
	})
}

func TestO03AResultThatGotLostIsReadOffTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScripted("a")
		r.mute = true
		c, _ := inMemory(t, &fakeRelay{script: r.serve})
		next(t, c, func(u call.Update) bool { return u.Board != nil })
		if a := answered(t, c, press(t, c, "a")); a.Verdict != call.WasRejected {
			t.Errorf("the answer is %+v", a)
		}
	})
}

// What the journal says after a break, and what the client makes of it.
func TestO04AfterABreakTheJournalTellsWhatBecameOfADecision(t *testing.T) {
	claim := func(command, operator string) call.Event {
		return call.Event{Kind: call.Claimed, Call: "a", Claim: &call.Claim{Operator: operator, Reason: call.None, Command: command}}
	}
	ev := func(k call.EventKind, status int) call.Event {
		e := call.Event{Kind: k, Call: "a"}
		if status != 0 {
			e.Reply = &call.Reply{Status: status, Words: "words"}
		}
		return e
	}
	cases := map[string]struct {
		missed  func(request string) []call.Event
		verdict call.Verdict
		resent  int
	}{
		"no trace of it": {func(string) []call.Event { return nil }, call.WasRejected, 1},
		"accepted":       {func(q string) []call.Event { return []call.Event{claim(q, "ana"), ev(call.Rejected, 202)} }, call.WasRejected, 0},
		"accepted, over": {func(q string) []call.Event {
			return []call.Event{claim(q, "ana"), ev(call.Rejected, 202), ev(call.Ended, 0)}
		}, call.WasRejected, 0},
		"refused": {func(q string) []call.Event { return []call.Event{claim(q, "ana"), ev(call.Refused, 403)} }, call.WasRefused, 0},
		"gone":    {func(q string) []call.Event { return []call.Event{claim(q, "ana"), ev(call.Gone, 404)} }, call.WasGone, 0},
		"in doubt, not sent again": {func(q string) []call.Event {
			return []call.Event{claim(q, "ana"), ev(call.Unknown, 0)}
		}, call.WasUnknown, 0},
		"taken":               {func(string) []call.Event { return []call.Event{claim("x", "ben"), ev(call.Rejected, 202)} }, call.WasTaken, 0},
		"in doubt, another's": {func(string) []call.Event { return []call.Event{claim("x", "ben"), ev(call.Unknown, 0)} }, call.WasTaken, 0},
		"hung up":             {func(string) []call.Event { return []call.Event{ev(call.Ended, 0)} }, call.WasGone, 0},
		"timed out":           {func(string) []call.Event { return []call.Event{ev(call.Expired, 0)} }, call.WasTooLate, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newScripted("a")
				r.deaf = true
				f := &fakeRelay{script: r.serve}
				c, n := inMemory(t, f)
				next(t, c, func(u call.Update) bool { return u.Board != nil })
				request := press(t, c, "a")
				synctest.Wait()
				n.Reachable(false)
				r.hangUpAll()
				synctest.Wait()
				for _, e := range tc.missed(request) {
					r.append(e)
				}
				r.deaf = false
				n.Reachable(true)
				a := answered(t, c, request)
				rejects, _ := f.sent()
				if a.Verdict != tc.verdict || len(rejects) != 1+tc.resent {
					t.Errorf("the answer is %+v, sent %d times", a, len(rejects))
				}
				for _, again := range rejects {
					if !reflect.DeepEqual(again, rejects[0]) {
						t.Errorf("sent again as %+v, first as %+v", again, rejects[0])
					}
				}
				if tc.verdict == call.WasTaken && (a.By != "ben" || a.Reason != call.None) {
					t.Errorf("who was faster is not said: %+v", a)
				}
			})
		})
	}
}

func TestAClaimStillUnderWayIsAnsweredWhenItsOutcomeComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScripted("a")
		r.deaf = true
		c, _ := inMemory(t, &fakeRelay{script: r.serve})
		next(t, c, func(u call.Update) bool { return u.Board != nil })
		request := press(t, c, "a")
		synctest.Wait()
		r.hangUpAll()
		synctest.Wait()
		r.append(call.Event{Kind: call.Claimed, Call: "a", Claim: &call.Claim{Operator: "ana", Reason: call.Busy, Command: request}})
		next(t, c, isUp)
		time.Sleep(time.Second)
		r.append(call.Event{Kind: call.Rejected, Call: "a", Reply: &call.Reply{Status: 202}})
		if a := answered(t, c, request); a.Verdict != call.WasRejected || a.Reply == nil || a.Reply.Status != 202 {
			t.Errorf("the answer is %+v", a)
		}
	})
}

func TestManyDecisionsAtOnceAreNeverMoreThanTheRelayBears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var open, most int
		f := &fakeRelay{script: func(s *socket) {
			_ = s.welcome(call.NewBoard())
			var answering sync.WaitGroup
			for got := range s.frames {
				if got.Kind != wire.KindReject {
					continue
				}
				mu.Lock()
				open++
				most = max(most, open)
				mu.Unlock()
				answering.Go(func() {
					time.Sleep(200 * time.Millisecond)
					mu.Lock()
					open--
					mu.Unlock()
					_ = s.send(wire.Result{Kind: wire.KindResult, Answer: call.Answer{Request: got.Request, Verdict: call.NoSuchCall}})
				})
			}
			answering.Wait()
		}}
		c, _ := inMemory(t, f)
		next(t, c, isUp)
		for range maxOpen {
			press(t, c, "a")
		}
		if _, err := c.Reject("a", call.Busy); !errors.Is(err, ErrOffline) {
			t.Errorf("decision %d: %v", maxOpen+1, err)
		}
		for range maxOpen {
			next(t, c, isAnswer)
		}
		if most != maxAsked {
			t.Errorf("%d were with the relay at once", most)
		}
		press(t, c, "a")
		next(t, c, isAnswer)
	})
}

func TestDecisionsStillQueuedWhenTheLinkBreaksAreNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScripted("a")
		r.deaf = true
		f := &fakeRelay{script: r.serve}
		c, n := inMemory(t, f)
		next(t, c, isUp)
		for range maxAsked + 3 {
			press(t, c, "a")
		}
		synctest.Wait()
		n.Reachable(false)
		r.hangUpAll()
		for range 3 {
			updates := next(t, c, isAnswer)
			if a := updates[len(updates)-1].Answer; a.Verdict != call.NotSent {
				t.Errorf("the answer is %+v", a)
			}
		}
		rejects, _ := f.sent()
		if len(rejects) != maxAsked {
			t.Errorf("%d were sent", len(rejects))
		}
	})
}
