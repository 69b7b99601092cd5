package client

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// holding is a scripted relay that holds every decision until it is taken back.
type holding struct {
	*scripted
	most, open int // decisions with the relay that are neither held nor answered
}

func (r *holding) serve(s *socket) {
	r.greet(s)
	for f := range s.frames {
		switch {
		case r.deaf:
		case f.Kind == wire.KindReject:
			go r.claim(s, f)
		case f.Kind == wire.KindUndo:
			r.takeBack(s, f)
		}
	}
}

func (r *holding) claim(s *socket, f wire.FromConsole) {
	r.mu.Lock()
	r.open++
	r.most = max(r.most, r.open)
	r.mu.Unlock()
	time.Sleep(claimTakes)
	r.mu.Lock()
	r.open--
	e, err := r.board.Decide(call.Command{ID: f.Request, Call: f.Call, Reason: call.Reason(f.Reason), Operator: "ana", Hold: 5 * time.Second}, time.Now())
	r.mu.Unlock()
	if err != nil {
		_ = s.send(wire.Result{Kind: wire.KindResult, Answer: call.Answer{Request: f.Request, Call: f.Call, Verdict: call.NotSent, Words: err.Error()}})
		return
	}
	r.append(e)
}

func (r *holding) takeBack(s *socket, f wire.FromConsole) {
	r.mu.Lock()
	e, err := r.board.TakeBack(call.Command{ID: f.Request, Call: f.Call, Operator: "ana"}, time.Now())
	r.mu.Unlock()
	if err == nil {
		r.append(e)
		_ = s.send(wire.Result{Kind: wire.KindResult, Answer: call.Answer{Request: f.Request, Call: f.Call, Verdict: call.WasWithdrawn}})
	}
}

func isEvent(k call.EventKind) func(call.Update) bool {
	return func(u call.Update) bool { return u.Event != nil && u.Event.Kind == k }
}

func TestUndoTakesAHeldDecisionBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &holding{scripted: newScripted("a")}
		c, _ := inMemory(t, &fakeRelay{script: r.serve})
		next(t, c, isUp)
		request := press(t, c, "a")
		next(t, c, isEvent(call.Claimed))
		if err := c.Undo("a", request); err != nil {
			t.Fatal(err)
		}
		next(t, c, isEvent(call.Withdrawn))
		if a := answered(t, c, request); a.Verdict != call.WasWithdrawn {
			t.Errorf("the answer is %+v", a)
		}
	})
}

func TestUndoO07OfflineIsRefusedAndNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &holding{scripted: newScripted("a")}
		f := &fakeRelay{script: r.serve}
		c, n := inMemory(t, f)
		next(t, c, isUp)
		request := press(t, c, "a")
		next(t, c, isEvent(call.Claimed))
		n.Reachable(false)
		r.hangUpAll()
		synctest.Wait()
		if err := c.Undo("a", request); !errors.Is(err, ErrOffline) {
			t.Errorf("offline: %v", err)
		}
		n.Reachable(true)
		next(t, c, isUp)
		time.Sleep(time.Second)
		if k, _ := r.board.Get("a"); k.Held == nil {
			t.Error("a take-back that was refused has arrived")
		}
	})
}

// The operator took it back at another console while this one was away.
func TestUndoO04AfterABreakTheJournalTellsThatADecisionWasTakenBack(t *testing.T) {
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
		claim := &call.Claim{Operator: "ana", Reason: call.Busy, Command: request, Hold: 3000}
		r.append(call.Event{Kind: call.Claimed, Call: "a", Claim: claim})
		r.append(call.Event{Kind: call.Withdrawn, Call: "a", Claim: claim})
		r.deaf = false
		n.Reachable(true)
		if a := answered(t, c, request); a.Verdict != call.WasWithdrawn {
			t.Errorf("the answer is %+v", a)
		}
		if rejects, _ := f.sent(); len(rejects) != 1 {
			t.Errorf("the decision was sent %d times", len(rejects))
		}
	})
}

func TestUndoOfADecisionThatStillWaitsHereSendsNeither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScripted("a")
		r.deaf = true
		f := &fakeRelay{script: r.serve}
		c, _ := inMemory(t, f)
		next(t, c, isUp)
		for range maxAsked {
			press(t, c, "a")
		}
		last := press(t, c, "a")
		synctest.Wait()
		if err := c.Undo("a", last); err != nil {
			t.Fatal(err)
		}
		if a := answered(t, c, last); a.Verdict != call.WasWithdrawn {
			t.Errorf("the answer is %+v", a)
		}
		if rejects, others := f.sent(); len(rejects) != maxAsked || slices.ContainsFunc(others, func(f wire.FromConsole) bool { return f.Kind == wire.KindUndo }) {
			t.Errorf("sent %d decisions and %+v", len(rejects), others)
		}
	})
}

// A take-back of a decision that waits to be written again follows it: before it,
// the relay would have found nothing to take back.
func TestUndoO04ADecisionThatIsSentAgainIsFollowedByItsTakeBack(t *testing.T) {
	for _, settled := range []bool{true, false} { // what was missed is read, or still to come
		c, err := New(options("http://127.0.0.1:1"))
		if err != nil {
			t.Fatal(err)
		}
		c.board, c.link.Up = board(rang(1, "a")), true
		request, err := c.Reject("a", call.Busy)
		if err != nil {
			t.Fatal(err)
		}
		take := func() (kinds []wire.Kind) {
			for {
				f, _, ok := c.takeWish(time.Now())
				if !ok {
					return kinds
				}
				kinds = append(kinds, f.Kind)
			}
		}
		take()
		c.broken()
		c.link.Up = true
		if settled {
			c.settle(time.Now())
		}
		if err := c.Undo("a", request); err != nil {
			t.Fatal(err)
		}
		if !settled {
			c.settle(time.Now())
		}
		kinds := take()
		if n := slices.Index(kinds, wire.KindReject); n < 0 || kinds[len(kinds)-1] != wire.KindUndo {
			t.Errorf("settled %v: written again were %v", settled, kinds)
		}
	}
}

// As many calls as may be rejected at once do not wait for each other's hold.
func TestUndoHeldDecisionsLeaveRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := newPace().rejects.Burst()
		var ids []call.ID
		for i := range calls {
			ids = append(ids, call.ID("c"+string(rune('a'+i/26))+string(rune('a'+i%26))))
		}
		r := &holding{scripted: newScripted(ids...)}
		c, _ := inMemory(t, &fakeRelay{script: r.serve})
		next(t, c, func(u call.Update) bool { return u.Board != nil })
		for _, id := range ids {
			press(t, c, id)
		}
		began := time.Now()
		for range calls {
			next(t, c, isEvent(call.Claimed))
		}
		if d := time.Since(began); d > 3*claimTakes {
			t.Errorf("the last was claimed after %v", d)
		}
		if r.most != maxAsked {
			t.Errorf("%d were with the relay at once, want %d", r.most, maxAsked)
		}
	})
}

// Whoever reads that the call rings on may decide anew at once, although the
// relay's own answer is still to come.
func TestUndoATakeBackIsAnsweredWithItsEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScripted("a")
		r.deaf = true // it never answers
		c, _ := inMemory(t, &fakeRelay{script: r.serve})
		next(t, c, func(u call.Update) bool { return u.Board != nil })
		request := press(t, c, "a")
		claim := &call.Claim{Operator: "ana", Reason: call.Busy, Command: request, Hold: 3000}
		r.append(call.Event{Kind: call.Claimed, Call: "a", Claim: claim})
		began := time.Now()
		r.append(call.Event{Kind: call.Withdrawn, Call: "a", Claim: claim})
		if a := answered(t, c, request); a.Verdict != call.WasWithdrawn || time.Since(began) > 0 {
			t.Errorf("after %v the answer is %+v", time.Since(began), a)
		}
	})
}
