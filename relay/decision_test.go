package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/wire"
)

func TestADecisionShowsItsWayAndSendsOneRequest(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	h.ring("A1-b2")
	ana.until(call.Rang)
	ana.press("q1", "A1-b2", call.Busy)
	if f := ana.until(call.Claimed); f.Claim.Operator != "ana" || f.Claim.Reason != call.Busy {
		t.Errorf("claimed by %+v", f.Claim)
	}
	var rejected, answered bool
	for !rejected || !answered {
		switch f := ana.next(); {
		case f.Event == call.Rejected:
			rejected = true
			if f.Reply.Status != 202 || f.Reply.Request != "r-1" {
				t.Errorf("reply %+v", f.Reply)
			}
		case f.Kind == wireResult:
			answered = true
			if f.Request != "q1" || f.Verdict != call.WasRejected {
				t.Errorf("result %s", f.Raw)
			}
		}
	}
	h.post(deleted("A1-b2"))
	ana.until(call.Ended)
	c, _ := h.server.Look("A1-b2")
	want := graph.Rejection{CallID: "A1-b2", Tenant: tenant, Reason: "busy", SendBefore: c.Usable()}
	if got := h.graph.requests(); len(got) != 1 || got[0] != want {
		t.Errorf("requests %+v, want one %+v", got, want)
	}
	if c.Ending != call.EndRejected {
		t.Errorf("ending %s, want rejected", c.Ending)
	}
}

// Two consoles on real sockets press for each of 1,000 calls the moment they see
// it: one is told "yours", the other by whom it was taken, and one request leaves.
func TestO01TwoConsolesPressAtOnceAndOneWinsEachCall(t *testing.T) {
	const calls = 1000
	h := newHouse(t, unlimited)
	ana, _ := h.sitDown("ana")
	ben, _ := h.sitDown("ben")
	answers := make(chan frame, 2)
	var both sync.WaitGroup
	for _, c := range []*console{ana, ben} {
		both.Go(func() {
			for range calls {
				id := string(c.until(call.Rang).Call)
				c.press(id, id, call.Busy)
				answers <- c.result(id)
			}
		})
	}
	wins := map[call.Verdict]int{}
	for i := range calls {
		h.ring(fmt.Sprintf("c%d", i))
		a, b := <-answers, <-answers
		if a.Verdict == call.WasTaken {
			a, b = b, a
		}
		wins[a.Verdict]++
		if a.Call != b.Call || a.Verdict != call.WasRejected || b.Verdict != call.WasTaken || b.By != "ana" && b.By != "ben" {
			t.Errorf("call %d: %s and %s", i, a.Raw, b.Raw)
		}
	}
	both.Wait()
	if got := len(h.graph.requests()); got != calls || wins[call.WasRejected] != calls {
		t.Errorf("%d requests and %v for %d calls", got, wins, calls)
	}
}

func TestO01TwoOperatorsDecideFourCallsAtOnceAndOneWinsEach(t *testing.T) {
	h := newHouse(t)
	for _, fault := range race(h, 300) {
		t.Error(fault)
	}
	if got := len(h.graph.requests()); got != 300 {
		t.Errorf("%d requests to Graph for 300 calls", got)
	}
}

// blind is a journal that forgets to compare: the planted bug of the race.
type blind struct{ Journal }

func (b blind) Append(ctx context.Context, key string, data []byte, _ uint64) (uint64, error) {
	for {
		last, _, err := b.Last(ctx, key)
		if err != nil {
			return 0, err
		}
		if seq, err := b.Journal.Append(ctx, key, data, last.Seq); err == nil {
			return seq, nil
		}
	}
}

func TestO01WithoutTheComparisonTheRaceHasTwoWinners(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Journal = blind{o.Journal} })
	if faults := race(h, 200); len(faults) == 0 {
		t.Error("the planted bug was not seen")
	}
	if got := len(h.graph.requests()); got <= 200 {
		t.Errorf("%d requests for 200 calls: the planted bug sent nothing twice", got)
	}
}

const wireResult = "result"

// race lets two operators press for the same calls at the same time. What is
// wrong is where a call has not one who is told "yours" and one who is told whose.
func race(h *house, calls int) (wrong []string) {
	for i := range calls {
		h.ring(fmt.Sprintf("c%d", i))
	}
	last := call.ID(fmt.Sprintf("c%d", calls-1))
	h.await("all ring", func() bool { _, ok := h.server.Look(last); return ok })
	verdicts := make([]sync.Map, 2)
	var wg sync.WaitGroup
	for n, name := range []string{"ana", "ben"} {
		wg.Go(func() {
			work := make(chan int)
			var inner sync.WaitGroup
			for range 4 {
				inner.Go(func() {
					for i := range work {
						cmd := call.Command{
							ID: fmt.Sprint(name, i), Call: call.ID(fmt.Sprintf("c%d", i)), Reason: call.Busy,
							Operator: name, Relay: h.server.id,
						}
						verdicts[n].Store(i, h.decideOnce(cmd))
					}
				})
			}
			for i := range calls {
				work <- i
			}
			close(work)
			inner.Wait()
		})
	}
	wg.Wait()
	for i := range calls {
		won := 0
		for n := range verdicts {
			v, _ := verdicts[n].Load(i)
			switch a := v.(call.Answer); {
			case a.Verdict == call.WasRejected:
				won++
			case a.Verdict != call.WasTaken || a.By != []string{"ben", "ana"}[n]:
				wrong = append(wrong, fmt.Sprintf("call %d: the loser is told %+v", i, a))
			}
		}
		if won != 1 {
			wrong = append(wrong, fmt.Sprintf("call %d has %d winners", i, won))
		}
	}
	return wrong
}

func TestO02ARefusedAppendIsNoProofOfALostRace(t *testing.T) {
	early := &faulty{}
	h := newHouse(t, func(o *Options) { early.Journal = o.Journal; o.Journal = early })
	h.ring("A")
	h.await("A rings", func() bool { _, ok := h.server.Look("A"); return ok })
	early.mu.Lock()
	early.refuse = 2
	early.mu.Unlock()
	a := h.decide("ana", "A", call.Busy)
	if a.Verdict != call.WasRejected {
		t.Errorf("answer %+v, want rejected: nobody else decided", a)
	}
}

func TestO03ALostReplyOfTheJournalIsReadBack(t *testing.T) {
	lossy := &faulty{}
	h := newHouse(t, func(o *Options) { lossy.Journal = o.Journal; o.Journal = lossy })
	h.ring("A")
	h.await("A rings", func() bool { _, ok := h.server.Look("A"); return ok })
	lossy.mu.Lock()
	lossy.loseReply = true
	lossy.mu.Unlock()
	if a := h.decide("ana", "A", call.Busy); a.Verdict != call.WasRejected {
		t.Errorf("answer %+v, want rejected", a)
	}
	if got := len(h.graph.requests()); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
}

// decide runs one operator's command.
func (h *house) decide(operator, id string, reason call.Reason) call.Answer {
	h.t.Helper()
	cmd, err := h.server.command(newID(), id, string(reason), operator)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.decideOnce(cmd)
}

func TestADecisionThatCannotBeRecordedSendsNothing(t *testing.T) {
	sick := &faulty{}
	h := newHouse(t, func(o *Options) { sick.Journal = o.Journal; o.Journal = sick })
	h.ring("A")
	h.await("A rings", func() bool { _, ok := h.server.Look("A"); return ok })
	sick.fail(errors.New("no space left on device"))
	if a := h.decide("ana", "A", call.Busy); a.Verdict != call.NotSent {
		t.Errorf("answer %+v, want not_sent", a)
	}
	sick.fail(nil)
	if got := len(h.graph.requests()); got != 0 {
		t.Errorf("%d requests left, want none", got)
	}
}

func TestC12TheSameCommandAHundredTimesIsOneRequestAndOneAnswer(t *testing.T) {
	h := newHouse(t, unlimited)
	ana, _ := h.sitDown("ana")
	h.ring("A")
	ana.until(call.Rang)
	for range 16 {
		ana.press("same", "A", call.Busy)
	}
	for range 16 {
		if f := ana.result("same"); f.Verdict != call.WasRejected {
			t.Fatalf("result %s", f.Raw)
		}
	}
	for range 100 {
		ana.press("same", "A", call.Busy)
		if f := ana.result("same"); f.Verdict != call.WasRejected {
			t.Fatalf("result %s", f.Raw)
		}
	}
	if got := len(h.graph.requests()); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
}

func TestEveryAnswerOfGraphIsAnEventOfItsOwn(t *testing.T) {
	for _, tt := range []struct {
		err     error
		event   call.EventKind
		verdict call.Verdict
		status  int
		code    string
	}{
		{nil, call.Rejected, call.WasRejected, 202, ""},
		{&graph.GoneError{Status: 404, Code: "8522"}, call.Gone, call.WasGone, 404, "8522"},
		{&graph.GoneError{Status: 404, Code: "8522", Probably: true}, call.Gone, call.WasRejected, 404, "8522"},
		{&graph.RefusedError{Status: 403, Code: "7504"}, call.Refused, call.WasRefused, 403, "7504"},
		{&graph.ThrottledError{RetryAfter: time.Hour, HadRetryAfter: true}, call.Refused, call.WasRefused, 429, ""},
		{&graph.UnauthorizedError{Status: 401}, call.Refused, call.WasRefused, 401, ""},
		{&graph.UnreachableError{}, call.Refused, call.WasRefused, 0, ""},
		{&graph.UnreachableError{Ambiguous: true, Status: 502}, call.Unknown, call.WasUnknown, 502, ""},
		{errors.New("never sent"), call.Refused, call.WasRefused, 0, ""},
	} {
		var receipt graph.Receipt
		if tt.err == nil {
			receipt.Status = http.StatusAccepted
		}
		e := outcomeOf(call.Call{ID: "A"}, receipt, tt.err, time.Now())
		if e.Kind != tt.event || e.Reply.Status != tt.status || e.Reply.Code != tt.code || verdictOf(e) != tt.verdict {
			t.Errorf("%v: %s %+v", tt.err, e.Kind, e.Reply)
		}
		if (tt.err != nil) != (e.Reply.Words != "") {
			t.Errorf("%v: words %q", tt.err, e.Reply.Words)
		}
	}
}

func TestARefusedCallRingsOnAndMayBeDecidedAgain(t *testing.T) {
	h := newHouse(t)
	first := true
	h.graph.answer = func(context.Context, graph.Rejection) (graph.Receipt, error) {
		if first {
			first = false
			return graph.Receipt{}, &graph.RefusedError{Status: 403, Code: "7504"}
		}
		return graph.Receipt{Status: 202}, nil
	}
	h.ring("A")
	h.await("A rings", func() bool { _, ok := h.server.Look("A"); return ok })
	if a := h.decide("ana", "A", call.Busy); a.Verdict != call.WasRefused || a.Words == "" {
		t.Errorf("first answer %+v", a)
	}
	h.await("rings again", func() bool { c, _ := h.server.Look("A"); return c.State == call.Ringing && c.Tries == 1 })
	if a := h.decide("ben", "A", call.None); a.Verdict != call.WasRejected {
		t.Errorf("second answer %+v", a)
	}
}

func TestTheEndOfTheCallMayComeBeforeGraphsAnswer(t *testing.T) {
	h := newHouse(t)
	h.graph.answer = func(context.Context, graph.Rejection) (graph.Receipt, error) {
		h.post(deleted("A"))
		return graph.Receipt{Status: 202}, nil
	}
	h.ring("A")
	h.await("A rings", func() bool { _, ok := h.server.Look("A"); return ok })
	if a := h.decide("ana", "A", call.Busy); a.Verdict != call.WasRejected {
		t.Errorf("answer %+v", a)
	}
	h.await("ended as rejected", func() bool { c, _ := h.server.Look("A"); return c.Ending == call.EndRejected })
}

func TestTimeEndsWhatNobodyDecides(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.RingTimeout, o.RejectMargin = 400*time.Millisecond, 100*time.Millisecond })
	ana, _ := h.sitDown("ana")
	rang := time.Now()
	h.ring("A")
	ana.until(call.Expired)
	if late := time.Since(rang); late < 350*time.Millisecond {
		t.Errorf("expired after %v, want not before the deadline", late)
	}
	c, _ := h.server.Look("A")
	if c.Ending != call.EndTimedOut {
		t.Errorf("ending %s", c.Ending)
	}
	if a := h.decide("ana", "A", call.Busy); a.Verdict != call.WasTooLate {
		t.Errorf("answer %+v, want too_late", a)
	}
	if got := len(h.graph.requests()); got != 0 {
		t.Errorf("%d requests left after the deadline", got)
	}
}

func TestO05WithinTheMarginTheAnswerIsTooLate(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.RejectMargin = 15 * time.Second })
	h.ring("A")
	h.await("A rings", func() bool { _, ok := h.server.Look("A"); return ok })
	if a := h.decide("ana", "A", call.Busy); a.Verdict != call.WasTooLate {
		t.Errorf("answer %+v, want too_late", a)
	}
	if got := len(h.graph.requests()); got != 0 {
		t.Errorf("%d requests left within the margin", got)
	}
}

func TestADecisionThatComesLongAfterItsKeyIsNotCarriedOut(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	h.ring("A")
	left := *ana.until(call.Rang).Remaining
	press := func(request string, left call.Millis) frame {
		ana.send(wire.FromConsole{Kind: wire.KindReject, Request: request, Call: "A", Reason: "busy", Remaining: &left})
		return ana.result(request)
	}
	// The relay slept while the key was pressed: on the console's clock much more was left.
	if f := press("old", left+call.ToMillis(call.StaleAfter)+100); f.Verdict != call.NotSent {
		t.Errorf("a stale decision: %s", f.Raw)
	}
	if got := len(h.graph.requests()); got != 0 {
		t.Errorf("%d requests left for a stale decision", got)
	}
	if f := press("new", left); f.Verdict != call.WasRejected {
		t.Errorf("a fresh decision: %s", f.Raw)
	}
}

// slow is a journal whose next append takes its time.
type slow struct {
	Journal
	wait chan time.Duration
}

func (s slow) Append(ctx context.Context, key string, data []byte, expected uint64) (uint64, error) {
	select {
	case d := <-s.wait:
		time.Sleep(d)
	default:
	}
	return s.Journal.Append(ctx, key, data, expected)
}

func TestI3ADecisionThatWasRecordedTooLateSendsNothing(t *testing.T) {
	wait := make(chan time.Duration, 1)
	h := newHouse(t, func(o *Options) {
		o.Journal = slow{o.Journal, wait}
		o.RingTimeout, o.RejectMargin = time.Second, 700*time.Millisecond
	})
	h.ring("A")
	h.await("A rings", func() bool { _, ok := h.server.Look("A"); return ok })
	wait <- 400 * time.Millisecond
	if a := h.decide("ana", "A", call.Busy); a.Verdict != call.WasTooLate {
		t.Errorf("answer %+v, want too_late", a)
	}
	if got := len(h.graph.requests()); got != 0 {
		t.Errorf("%d requests left within the margin", got)
	}
	h.await("the end", func() bool { c, _ := h.server.Look("A"); return c.Ending == call.EndRefused })
}

func TestO04AClaimWhoseRelayDiedIsUnknownAndMayBeClaimedAgain(t *testing.T) {
	dir := t.TempDir()
	h := reopen(t, dir)
	h.ring("A")
	h.ring("B")
	h.await("both ring", func() bool { _, ok := h.server.Look("B"); return ok })
	// The claim is recorded and the relay dies before Graph is asked.
	cmd, err := h.server.command("q", "A", "busy", "ana")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.server.claim(cmd); err != nil {
		t.Fatal(err)
	}
	before, _ := h.server.Look("B")
	h.stop()

	again := reopen(t, dir)
	again.await("unknown", func() bool { c, _ := again.server.Look("A"); return c.State == call.InDoubt })
	after, _ := again.server.Look("B")
	if d := after.Deadline().Sub(before.Deadline()); d.Abs() > 20*time.Millisecond {
		t.Errorf("the deadline of a ringing call moved by %v over a restart", d)
	}
	if a := again.decideOnce(cmd); a.Verdict != call.WasUnknown {
		t.Errorf("the same command after the restart: %+v, want unknown", a)
	}
	if got := len(again.graph.requests()); got != 0 {
		t.Fatalf("%d requests were sent again in silence", got)
	}
	if a := again.decide("ben", "A", call.None); a.Verdict != call.WasRejected {
		t.Errorf("answer %+v, want rejected", a)
	}
}

func TestK05GoingDownFinishesTheDecisionUnderWay(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	asked, answer := make(chan struct{}), make(chan struct{})
	h.graph.answer = func(context.Context, graph.Rejection) (graph.Receipt, error) {
		close(asked)
		<-answer
		return graph.Receipt{Status: 202}, nil
	}
	h.ring("A")
	ana.until(call.Rang)
	ana.press("q", "A", call.Busy)
	<-asked
	stopped := make(chan struct{})
	go func() { h.stop(); close(stopped) }()
	h.await("going down", func() bool { return h.server.goingDown() })
	close(answer)
	ana.until(call.Rejected)
	if code := ana.closeCode(); code != 4000 {
		t.Errorf("close code %d, want 4000 (come back)", code)
	}
	<-stopped
}

func TestScriptsDecideByPlainHTTP(t *testing.T) {
	h := newHouse(t)
	h.ring("A")
	h.await("A rings", func() bool { _, ok := h.server.Look("A"); return ok })
	post := func(id, body, token string) (int, call.Answer) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/v1/calls/"+id+"/reject", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var a call.Answer
		_ = json.NewDecoder(resp.Body).Decode(&a)
		return resp.StatusCode, a
	}
	if status, _ := post("A", `{"reason":"busy"}`, "wrong"); status != 401 {
		t.Errorf("wrong token: status %d", status)
	}
	for _, bad := range []string{``, `{}`, `{"reason":"rude"}`, `[`} {
		if status, _ := post("A", bad, h.token("ana")); status != 400 {
			t.Errorf("body %q: status %d, want 400", bad, status)
		}
	}
	if status, _ := post("A%2f..", `{"reason":"busy"}`, h.token("ana")); status == 200 {
		t.Errorf("odd id: status %d", status)
	}
	if status, a := post("A", `{"reason":"busy"}`, h.token("ana")); status != 200 || a.Verdict != call.WasRejected {
		t.Errorf("status %d, %+v", status, a)
	}
	if _, a := post("A", `{"reason":"none"}`, h.token("ben")); a.Verdict != call.WasTaken || a.By != "ana" {
		t.Errorf("second: %+v, want taken by ana", a)
	}
	if _, a := post("Z", `{"reason":"none"}`, h.token("ben")); a.Verdict != call.NoSuchCall {
		t.Errorf("unknown call: %+v", a)
	}
}

func TestC12ACommandRepeatedAtARestartedRelayIsAnsweredByWhatBecameOfIt(t *testing.T) {
	for name, tt := range map[string]struct {
		answer error
		want   call.Verdict
	}{
		"rejected": {nil, call.WasRejected},
		"gone":     {&graph.GoneError{Status: 404}, call.WasGone},
		"probably": {&graph.GoneError{Status: 404, Probably: true}, call.WasRejected},
		"refused":  {&graph.RefusedError{Status: 403}, call.WasRefused},
		"unknown":  {&graph.UnreachableError{Ambiguous: true}, call.WasUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h := reopen(t, dir)
			h.graph.answer = func(context.Context, graph.Rejection) (graph.Receipt, error) { return graph.Receipt{}, tt.answer }
			h.ring("A")
			h.await("A rings", func() bool { _, ok := h.server.Look("A"); return ok })
			cmd, err := h.server.command("q", "A", "busy", "ana")
			if err != nil {
				t.Fatal(err)
			}
			if a := h.decideOnce(cmd); a.Verdict != tt.want {
				t.Errorf("first: %+v, want %s", a, tt.want)
			}
			h.stop()
			again := reopen(t, dir)
			if a := again.decideOnce(cmd); a.Verdict != tt.want {
				t.Errorf("repeated: %+v, want %s", a, tt.want)
			}
			if got := len(again.graph.requests()); got != 0 {
				t.Errorf("%d requests were sent again", got)
			}
		})
	}
}
