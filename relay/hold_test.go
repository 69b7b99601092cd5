package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/journal"
	"callscreen/relay/wire"
)

// forLong is a hold that no test waits out.
const forLong = 12 * time.Second

func undoWithin(d time.Duration) settle { return func(o *Options) { o.Undo = d } }

// undo takes the decision of a request back.
func (c *console) undo(request, id string) {
	c.t.Helper()
	c.send(wire.FromConsole{Kind: wire.KindUndo, Request: request, Call: call.ID(id)})
}

func (h *house) wantRequests(n int) {
	h.t.Helper()
	if got := h.graph.requests(); len(got) != n {
		h.t.Errorf("%d requests to Graph, want %d: %+v", len(got), n, got)
	}
}

func TestUndoADecisionTakenBackRingsOnForEverybodyAndMayBeDecidedAgain(t *testing.T) {
	h := newHouse(t, undoWithin(forLong))
	ana, _ := h.sitDown("ana")
	ben, _ := h.sitDown("ben")
	h.ring("A")
	ana.until(call.Rang)
	ana.press("q1", "A", call.Busy)
	for _, c := range []*console{ana, ben} {
		f := c.until(call.Claimed)
		if f.Claim.Operator != "ana" || f.Claim.Hold <= 0 || f.Claim.Hold > call.ToMillis(forLong) {
			t.Errorf("the claim that everybody sees: %+v", f.Claim)
		}
	}
	ana.undo("q1", "A")
	if f := ben.until(call.Withdrawn); f.Claim.Operator != "ana" || f.Claim.Command != "q1" || f.Remaining == nil {
		t.Errorf("taken back: %s", f.Raw)
	}
	if f := ana.result("q1"); f.Verdict != call.WasWithdrawn {
		t.Errorf("the decision's result: %s", f.Raw)
	}
	h.wantRequests(0)
	// The same command again is the same command still.
	ana.press("q1", "A", call.Busy)
	if f := ana.result("q1"); f.Verdict != call.WasWithdrawn {
		t.Errorf("repeated: %s", f.Raw)
	}
	if a := h.decide("ben", "A", call.None); a.Verdict != call.WasRejected {
		t.Errorf("ben's decision: %+v, want rejected", a)
	}
	if got := h.graph.requests(); len(got) != 1 || got[0].Reason != "none" {
		t.Errorf("requests %+v, want ben's alone", got)
	}
	// What ana took back is not what became of ben's.
	h.post(deleted("A"))
	h.await("over", func() bool { c, _ := h.server.Look("A"); return c.State == call.Over })
	if c, _ := h.server.Look("A"); c.Claim.Operator != "ben" || c.Ending != call.EndRejected {
		t.Errorf("ended %s by %+v", c.Ending, c.Claim)
	}
}

func TestUndoTheRequestLeavesAfterTheHoldAndItsCommit(t *testing.T) {
	const hold = 250 * time.Millisecond
	h := newHouse(t, undoWithin(hold))
	ana, _ := h.sitDown("ana")
	var recorded bool
	h.graph.answer = func(context.Context, graph.Rejection) (graph.Receipt, error) {
		last, _, err := h.server.opts.Journal.Last(context.Background(), "a")
		recorded = err == nil && strings.Contains(string(last.Data), `"event":"committed"`)
		return graph.Receipt{Status: 202}, nil
	}
	h.ring("A")
	ana.until(call.Rang)
	pressed := time.Now()
	ana.press("q1", "A", call.Busy)
	ana.until(call.Claimed)
	ana.until(call.Committed)
	if d := time.Since(pressed); d < hold {
		t.Errorf("committed after %v, want not before the hold of %v is over", d, hold)
	}
	f := ana.until(call.Rejected)
	if f.Reply.Took >= call.ToMillis(hold) {
		t.Errorf("Graph took %d ms: the hold is none of Graph's time", f.Reply.Took)
	}
	if f := ana.result("q1"); f.Verdict != call.WasRejected {
		t.Errorf("result %s", f.Raw)
	}
	if h.wantRequests(1); !recorded {
		t.Error("the request left before its commit was recorded")
	}
	// Too late now, and without effect.
	ana.undo("q1", "A")
	h.post(deleted("A"))
	if f := ana.next(); f.Event != call.Ended {
		t.Errorf("after a late undo: %s", f.Raw)
	}
}

func TestUndoOnlyWhoDecidedCanFromAnyConsole(t *testing.T) {
	h := newHouse(t, undoWithin(forLong))
	ana, _ := h.sitDown("ana")
	ben, _ := h.sitDown("ben")
	other, _ := h.sitDown("ana")
	h.ring("A")
	ana.until(call.Rang)
	ana.press("q1", "A", call.Busy)
	ana.until(call.Claimed)
	for _, c := range []*console{ben, other} {
		c.until(call.Claimed)
	}
	ben.undo("q1", "A")
	ben.press("b1", "A", call.None)
	if f := ben.result("b1"); f.Verdict != call.WasTaken || f.By != "ana" {
		t.Errorf("ben, after his try to take it back: %s", f.Raw)
	}
	if c, _ := h.server.Look("A"); c.Held == nil {
		t.Error("ben took ana's decision back")
	}
	other.undo("q1", "A")
	if f := ana.result("q1"); f.Verdict != call.WasWithdrawn {
		t.Errorf("taken back at another console of hers: %s", f.Raw)
	}
	h.wantRequests(0)
}

func TestUndoThatOvertakesItsDecisionWaitsForTheClaim(t *testing.T) {
	h := newHouse(t, undoWithin(forLong), unlimited)
	ana, _ := h.sitDown("ana")
	for i := range 50 {
		id := fmt.Sprint("c", i)
		h.ring(id)
		ana.until(call.Rang)
		ana.press(id, id, call.Busy)
		ana.undo(id, id)
		if f := ana.result(id); f.Verdict != call.WasWithdrawn {
			t.Fatalf("two keys in one moment: %s", f.Raw)
		}
	}
	h.wantRequests(0)
}

func TestUndoHeldDecisionsDoNotCountAsUnderWay(t *testing.T) {
	const calls = 48 // more than may be under way
	h := newHouse(t, undoWithin(forLong), func(o *Options) { o.Limits.Frames = 1_000_000 })
	ana, _ := h.sitDown("ana")
	for i := range calls {
		h.ring(fmt.Sprint("c", i))
	}
	for i := range calls { // one after the other: the limit is of those not yet claimed
		id := fmt.Sprint("c", i)
		ana.press(id, id, call.Busy)
		ana.until(call.Claimed)
	}
	for i := range calls {
		id := fmt.Sprint("c", i)
		ana.undo(id, id)
		if f := ana.result(id); f.Verdict != call.WasWithdrawn {
			t.Fatalf("%s: %s", id, f.Raw)
		}
	}
	h.wantRequests(0)
}

func TestUndoScriptsAreNotHeld(t *testing.T) {
	h := newHouse(t, undoWithin(forLong))
	h.rings("A")
	ana, _ := h.sitDown("ana")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/v1/calls/A/reject", bytes.NewReader([]byte(`{"reason":"busy"}`)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token("ben"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var a call.Answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || a.Verdict != call.WasRejected {
		t.Errorf("%+v, %v; want rejected", a, err)
	}
	if f := ana.until(call.Claimed); f.Claim.Hold != 0 {
		t.Errorf("a script's decision is held for %d ms", f.Claim.Hold)
	}
}

func TestUndoI3TheHoldShrinksSoThatTheRequestLeavesInTime(t *testing.T) {
	h := newHouse(t, undoWithin(forLong), func(o *Options) {
		o.RingTimeout, o.RejectMargin = 3*time.Second, 500*time.Millisecond
	})
	ana, _ := h.sitDown("ana")
	h.ring("A")
	ana.until(call.Rang)
	ana.press("q1", "A", call.Busy)
	if f := ana.until(call.Claimed); f.Claim.Hold <= 0 || f.Claim.Hold.Duration() > 2500*time.Millisecond-call.HoldRoom {
		t.Errorf("held for %d ms of the 2500 that are usable", f.Claim.Hold)
	}
	if f := ana.result("q1"); f.Verdict != call.WasRejected {
		t.Errorf("result %s", f.Raw)
	}
	h.wantRequests(1)
}

func TestUndoThereIsNoHoldWithoutTimeForIt(t *testing.T) {
	h := newHouse(t, undoWithin(forLong), func(o *Options) {
		o.RingTimeout, o.RejectMargin = 15*time.Second, 15*time.Second-call.HoldRoom
	})
	ana, _ := h.sitDown("ana")
	h.ring("A")
	ana.until(call.Rang)
	ana.press("q1", "A", call.Busy)
	if f := ana.until(call.Claimed); f.Claim.Hold != 0 {
		t.Errorf("held for %d ms", f.Claim.Hold)
	}
	if f := ana.result("q1"); f.Verdict != call.WasRejected {
		t.Errorf("result %s", f.Raw)
	}
}

func TestUndoTheCallerHangsUpDuringTheHoldAndNothingIsSent(t *testing.T) {
	h := newHouse(t, undoWithin(forLong))
	ana, _ := h.sitDown("ana")
	h.ring("A")
	ana.until(call.Rang)
	ana.press("q1", "A", call.Busy)
	ana.until(call.Claimed)
	h.post(deleted("A"))
	if f := ana.result("q1"); f.Verdict != call.WasGone || !strings.Contains(string(f.Raw), goneFirst) {
		t.Errorf("result %s", f.Raw)
	}
	c, _ := h.server.Look("A")
	if c.Ending != call.EndHungUp || c.Claim != nil {
		t.Errorf("ended %s, claim %+v", c.Ending, c.Claim)
	}
	h.wantRequests(0)
}

func TestUndoO07TheLinkIsLostDuringTheHoldAndTheDecisionStands(t *testing.T) {
	h := newHouse(t, undoWithin(300*time.Millisecond))
	ana, _ := h.sitDown("ana")
	h.ring("A")
	ana.until(call.Rang)
	ana.press("q1", "A", call.Busy)
	ana.until(call.Claimed)
	_ = ana.conn.Close()
	h.await("rejected", func() bool { c, _ := h.server.Look("A"); return c.State == call.InRejection })
	h.wantRequests(1)
}

func TestUndoK05GoingDownCarriesOutWhatIsHeldAtOnce(t *testing.T) {
	h := newHouse(t, undoWithin(forLong))
	ana, _ := h.sitDown("ana")
	h.ring("A")
	ana.until(call.Rang)
	ana.press("q1", "A", call.Busy)
	ana.until(call.Claimed)
	begun := time.Now()
	stopped := make(chan struct{})
	go func() { h.stop(); close(stopped) }()
	if f := ana.result("q1"); f.Verdict != call.WasRejected {
		t.Errorf("result %s", f.Raw)
	}
	if code := ana.closeCode(); code != wire.Shutdown {
		t.Errorf("close code %d, want %d", code, wire.Shutdown)
	}
	<-stopped
	if d := time.Since(begun); d > finishWithin {
		t.Errorf("going down took %v", d)
	}
	h.wantRequests(1)
}

func TestUndoO04ARelayThatDiesDuringTheHoldHasSentNothing(t *testing.T) {
	dir := t.TempDir()
	h := reopen(t, dir, undoWithin(forLong))
	h.rings("A")
	cmd, err := h.server.command("q", "A", "busy", "ana")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Hold = forLong
	ended := h.server.carrying(cmd) // so that the claim is not given up before the relay dies
	if _, _, err := h.server.claim(cmd); err != nil {
		t.Fatal(err)
	}
	h.await("held", func() bool { c, _ := h.server.Look("A"); return c.Held != nil })
	h.stop()
	ended()

	again := reopen(t, dir, undoWithin(forLong))
	again.await("not sent", func() bool { c, _ := again.server.Look("A"); return c.State == call.Ringing && c.Reply != nil })
	if c, _ := again.server.Look("A"); c.Reply.Status != 0 || !strings.Contains(c.Reply.Words, "nothing was sent") {
		t.Errorf("reply %+v", c.Reply)
	}
	if err := again.server.takeBack(cmd); !errors.Is(err, call.ErrNotHeld) {
		t.Errorf("taken back after the relay's death: %v", err)
	}
	if a := again.decideOnce(cmd); a.Verdict != call.WasRefused || a.Reply == nil || a.Reply.Status != 0 {
		t.Errorf("the same command again: %+v, want refused without Graph", a)
	}
	again.wantRequests(0)
	if a := again.decide("ben", "A", call.None); a.Verdict != call.WasRejected {
		t.Errorf("ben's decision: %+v, want rejected", a)
	}
}

func TestUndoAnotherRelayFreesTheCallOfOneThatDiedDuringTheHold(t *testing.T) {
	one := newHouse(t, func(o *Options) { o.Shared = true })
	one.rings("A")
	cmd := call.Command{ID: "q", Call: "A", Reason: call.Busy, Operator: "ana", Relay: "a relay that is no more", Hold: 100 * time.Millisecond}
	if _, _, err := one.server.claim(cmd); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	one.await("not sent", func() bool { c, _ := one.server.Look("A"); return c.State == call.Ringing && c.Reply != nil })
	if d := time.Since(begun); d < commitWithin {
		t.Errorf("given up after %v: a relay at work may still need its time to commit", d)
	}
	if a := one.decide("ben", "A", call.None); a.Verdict != call.WasRejected {
		t.Errorf("ben's decision: %+v, want rejected", a)
	}
}

// mute is a journal that writes take-backs and loses its reply to them.
type mute struct{ Journal }

func (m mute) Append(ctx context.Context, key string, data []byte, expected uint64) (uint64, error) {
	seq, err := m.Journal.Append(ctx, key, data, expected)
	if err == nil && bytes.Contains(data, []byte(`"event":"withdrawn"`)) {
		err = journal.ErrUnknown
	}
	return seq, err
}

func TestUndoO03ATakeBackWhoseReplyIsLostIsDone(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Journal = mute{o.Journal} })
	h.rings("A")
	cmd, err := h.server.command("q", "A", "busy", "ana")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Hold = forLong
	answer := make(chan call.Answer, 1)
	go func() { answer <- h.decideOnce(cmd) }()
	h.await("held", func() bool { c, _ := h.server.Look("A"); return c.Held != nil })
	if err := h.server.takeBack(cmd); err != nil {
		t.Errorf("taken back: %v", err)
	}
	if a := <-answer; a.Verdict != call.WasWithdrawn {
		t.Errorf("answer %+v, want withdrawn", a)
	}
	other := cmd
	other.Operator = "ben"
	if err := h.server.takeBack(other); !errors.Is(err, call.ErrNotHeld) {
		t.Errorf("by somebody else: %v", err)
	}
	h.wantRequests(0)
}

func TestUndoWithoutARecordedCommitNothingLeaves(t *testing.T) {
	sick := &faulty{}
	h := newHouse(t, undoWithin(100*time.Millisecond), func(o *Options) {
		sick.Journal = o.Journal
		o.Journal, o.RingTimeout, o.RejectMargin = sick, 4*time.Second, time.Second
	})
	ana, _ := h.sitDown("ana")
	h.ring("A")
	ana.until(call.Rang)
	ana.press("q1", "A", call.Busy)
	ana.until(call.Claimed)
	sick.fail(errors.New("no space left on device"))
	c, _ := h.server.Look("A")
	time.AfterFunc(time.Until(c.Usable())+50*time.Millisecond, func() { sick.fail(nil) })
	if f := ana.result("q1"); f.Verdict != call.WasTooLate {
		t.Errorf("result %s", f.Raw)
	}
	h.wantRequests(0)
	if c, _ := h.server.Look("A"); c.State != call.Ringing || c.Reply.Words != tooSlow {
		t.Errorf("%s, %+v", c.State, c.Reply)
	}
}

// referee is a journal in which a take-back and a commit of one claim always
// meet: both are judged on the same board before the first is appended.
// deaf is a planted bug, a relay that does not wait for its commit: the journal
// says yes and records none.
type referee struct {
	Journal
	first call.EventKind
	deaf  bool

	mu    sync.Mutex
	duels map[string]*duel // by call
}

type duel struct{ second, done chan struct{} } // closed: the second has come, the first is appended

func newReferee(j Journal, first call.EventKind) *referee {
	return &referee{Journal: j, first: first, duels: map[string]*duel{}}
}

func (r *referee) duel(key string) *duel {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.duels[key] == nil {
		r.duels[key] = &duel{make(chan struct{}), make(chan struct{})}
	}
	return r.duels[key]
}

func (r *referee) Append(ctx context.Context, key string, data []byte, expected uint64) (uint64, error) {
	is := func(k call.EventKind) bool { return bytes.Contains(data, fmt.Appendf(nil, `"event":%q`, k)) }
	if !is(call.Withdrawn) && !is(call.Committed) {
		return r.Journal.Append(ctx, key, data, expected)
	}
	d := r.duel(key)
	if is(r.first) {
		<-d.second
		defer close(d.done)
	} else {
		close(d.second)
		<-d.done
	}
	if r.deaf && is(call.Committed) {
		return expected, nil
	}
	return r.Journal.Append(ctx, key, data, expected)
}

// takeBackRace decides calls and takes each back; a referee sees to it that the two meet.
// It returns how many calls were sent, were taken back, and were both or neither.
func takeBackRace(t *testing.T, j func(Journal) Journal) (sent, back, wrong int) {
	t.Helper()
	const calls, hold = 12, 60 * time.Millisecond
	h := newHouse(t, func(o *Options) { o.Journal = j(o.Journal) })
	asked := map[string]bool{}
	var all sync.WaitGroup
	answers := make([]call.Answer, calls)
	for i := range calls {
		id := fmt.Sprint("c", i)
		h.rings(call.ID(id))
		cmd, err := h.server.command("q"+id, id, "busy", "ana")
		if err != nil {
			t.Fatal(err)
		}
		cmd.Hold = hold
		all.Go(func() { answers[i] = h.decideOnce(cmd) })
		h.await("held", func() bool { c, _ := h.server.Look(cmd.Call); return c.Held != nil })
		all.Go(func() { _ = h.server.takeBack(cmd) })
	}
	all.Wait()
	for _, r := range h.graph.requests() {
		asked[r.CallID] = true
	}
	for i, a := range answers {
		taken := a.Verdict == call.WasWithdrawn
		if c, _ := h.server.Look(a.Call); len(c.Withdrawn) > 0 {
			taken = true // what the board shows to everybody
		}
		switch s := asked[fmt.Sprint("c", i)]; {
		case s == taken:
			wrong++
		case s:
			sent++
		default:
			back++
		}
	}
	return sent, back, wrong
}

func TestUndoATakeBackAndTheRequestRaceAndExactlyOneWins(t *testing.T) {
	for _, first := range []call.EventKind{call.Withdrawn, call.Committed} {
		t.Run(string(first)+" first", func(t *testing.T) {
			sent, back, wrong := takeBackRace(t, func(j Journal) Journal {
				return newReferee(j, first)
			})
			want := [3]int{0, 12, 0}
			if first == call.Committed {
				want = [3]int{12, 0, 0}
			}
			if got := [3]int{sent, back, wrong}; got != want {
				t.Errorf("sent, taken back, both or neither: %v; want %v", got, want)
			}
		})
	}
}

// The planted bugs: a journal that does not compare records the take-back and
// lets the commit pass; a relay that does not wait for its commit sends what is
// taken back.
func TestUndoWithoutTheComparisonOrTheCommitBothWin(t *testing.T) {
	for name, j := range map[string]func(Journal) Journal{
		"the appends are not conditional": func(j Journal) Journal {
			return newReferee(blind{j}, call.Withdrawn)
		},
		"the request does not wait for its commit": func(j Journal) Journal {
			r := newReferee(j, call.Withdrawn)
			r.deaf = true
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, wrong := takeBackRace(t, j); wrong == 0 {
				t.Error("the planted bug was not seen")
			}
		})
	}
}

func TestUndoAtAnotherRelayMeetsTheRequestInTheJournal(t *testing.T) {
	const calls, hold = 40, 250 * time.Millisecond
	one := newHouse(t, func(o *Options) { o.Shared = true })
	two := &house{t: t, gate: &gate{}, graph: &graphDouble{}, operators: one.operators, tokens: map[string]string{}}
	two.run(one.server.opts.Journal, func(o *Options) { o.Shared = true })
	var all sync.WaitGroup
	answers, errs := make([]call.Answer, calls), make([]error, calls)
	for i := range calls {
		id := fmt.Sprint("c", i)
		one.rings(call.ID(id))
		cmd, err := one.server.command("q"+id, id, "busy", "ana")
		if err != nil {
			t.Fatal(err)
		}
		cmd.Hold = hold
		all.Go(func() { answers[i] = one.decideOnce(cmd) })
		two.await("held at the other relay", func() bool { c, _ := two.server.Look(cmd.Call); return c.Held != nil })
		c, _ := two.server.Look(cmd.Call)
		// From well before the end of the hold to after it.
		all.Go(func() {
			time.Sleep(time.Until(c.HeldUntil()) + time.Duration(i-30)*6*time.Millisecond)
			errs[i] = two.server.takeBack(cmd)
		})
	}
	all.Wait()
	sent, back := 0, 0
	for i, a := range answers {
		switch {
		case errs[i] == nil && a.Verdict == call.WasWithdrawn:
			back++
		case errors.Is(errs[i], call.ErrSent) && a.Verdict == call.WasRejected:
			sent++
		default:
			t.Errorf("call %d: the take-back says %v, the decision %+v", i, errs[i], a)
		}
	}
	if n := len(one.graph.requests()); n != sent || len(two.graph.requests()) != 0 {
		t.Errorf("%d requests for %d decisions that stood", n, sent)
	}
	if sent == 0 || back == 0 {
		t.Errorf("%d sent and %d taken back: the two never met", sent, back)
	}
}
