package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/journal"
	"callscreen/relay/wire"
)

func (h *house) rings(id call.ID) {
	h.t.Helper()
	h.ring(string(id))
	h.await("the call rings", func() bool { c, ok := h.server.Look(id); return ok && c.State == call.Ringing })
}

func TestO03AClaimWhoseReplyIsLostAndThatIsFollowedByAnotherRecordIsCarriedOut(t *testing.T) {
	lossy := &faulty{}
	h := newHouse(t, func(o *Options) { lossy.Journal = o.Journal; o.Journal = lossy })
	h.rings("A")
	lossy.mu.Lock()
	lossy.loseReply = true
	lossy.after = func() { h.post(strings.Replace(created("A", "Alice the Second"), "created", "updated", 1)) }
	lossy.mu.Unlock()
	if a := h.decide("ana", "A", call.Busy); a.Verdict != call.WasRejected {
		t.Errorf("answer %+v, want rejected", a)
	}
	if got := len(h.graph.requests()); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
}

func TestO03AClaimOfOursThatNobodyCarriesOutIsUnknownAtOnce(t *testing.T) {
	h := newHouse(t)
	h.rings("A")
	// As after a lost reply and an unreadable journal: the claim is recorded, and
	// whoever made it has given up.
	cmd, err := h.server.command("q", "A", "busy", "ana")
	if err != nil {
		t.Fatal(err)
	}
	e, expected, err := h.server.desk.decide(cmd, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.server.append(t.Context(), e, expected); err != nil {
		t.Fatal(err)
	}
	h.await("unknown", func() bool { c, _ := h.server.Look("A"); return c.State == call.InDoubt })
	if a := h.decide("ben", "A", call.None); a.Verdict != call.WasRejected {
		t.Errorf("another operator's try: %+v, want rejected", a)
	}
}

// hanging is a journal whose appends do not come back by themselves.
type hanging struct {
	Journal
	on chan struct{} // closed: appends hang
}

func (g hanging) Append(ctx context.Context, key string, data []byte, expected uint64) (uint64, error) {
	select {
	case <-g.on:
		<-ctx.Done()
		return 0, journal.ErrUnknown
	default:
		return g.Journal.Append(ctx, key, data, expected)
	}
}

func TestO03AJournalThatHangsIsUnknownWithinThreeSeconds(t *testing.T) {
	on := make(chan struct{})
	h := newHouse(t, func(o *Options) { o.Journal = hanging{o.Journal, on} })
	h.rings("A")
	close(on)
	began := time.Now()
	if a := h.decide("ana", "A", call.Busy); a.Verdict != call.WasUnknown {
		t.Errorf("answer %+v, want unknown", a)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the answer took %v", took)
	}
	if got := len(h.graph.requests()); got != 0 {
		t.Errorf("%d requests, want none", got)
	}
}

func TestI2WithAJournalThatHangsTheAnswerComesASecondAfterTheDeadline(t *testing.T) {
	on := make(chan struct{})
	h := newHouse(t, func(o *Options) {
		o.Journal = hanging{o.Journal, on}
		o.RingTimeout, o.RejectMargin = time.Second, 100*time.Millisecond
	})
	h.graph.answer = func(context.Context, graph.Rejection) (graph.Receipt, error) {
		close(on)
		return graph.Receipt{Status: 202}, nil
	}
	h.rings("A")
	c, _ := h.server.Look("A")
	h.decide("ana", "A", call.Busy)
	if late := time.Since(c.Deadline().Add(outcomeAfter)); late > 200*time.Millisecond {
		t.Errorf("the answer came %v after a second after the deadline", late)
	}
}

func TestN06ARecordThatIsNoneOfOursDoesNotStandInItsCallsWay(t *testing.T) {
	h := newHouse(t)
	h.rings("A")
	c, _ := h.server.Look("A")
	for _, foreign := range []string{"not JSON", `{"event":"rang","call_id":"../x"}`, `{"event":"rang","call_id":"B"}`} {
		seq, err := h.server.opts.Journal.Append(t.Context(), call.ID("A").Key(), []byte(foreign), c.Seq)
		if err != nil {
			t.Fatal(err)
		}
		h.await("it is passed over", func() bool { now, _ := h.server.Look("A"); return now.Seq == seq })
		c.Seq = seq
	}
	if _, ok := h.server.Look("B"); ok {
		t.Error("a record under another call's key rang")
	}
	if _, metrics := get(t, h.url+"/metrics"); !strings.Contains(metrics, "\ncallscreen_journal_ignored_total 3\n") {
		t.Error("the three are not counted")
	}
	if a := h.decide("ana", "A", call.Busy); a.Verdict != call.WasRejected {
		t.Errorf("answer %+v, want rejected", a)
	}
}

func TestO06ARelayWhoseClockIsWrongMovesNoDeadlineOfTheOthers(t *testing.T) {
	now := time.Now()
	for i := -25; i < 25; i++ {
		skew := time.Duration(i) * 150 * time.Second
		e := call.Event{Kind: call.Rang, Call: "A", At: time.Now().Add(-200 * time.Millisecond), Ring: 15_000}
		data, err := encode(e)
		if err != nil {
			t.Fatal(err)
		}
		var rec map[string]any
		if err := json.Unmarshal(data, &rec); err != nil {
			t.Fatal(err)
		}
		rec["at"] = e.At.Add(skew) // as the other relay's clock has it
		if data, err = json.Marshal(rec); err != nil {
			t.Fatal(err)
		}
		got, err := decode(journal.Record{Seq: 1, Key: "a", Data: data, Age: 4 * time.Second}, now)
		if err != nil {
			t.Fatal(err)
		}
		if age := now.Sub(got.At); age < 4200*time.Millisecond || age > 4450*time.Millisecond {
			t.Errorf("skew %v: an event of 0.2 s before a record of 4 s ago is %v old", skew, age)
		}
	}
}

func TestN06WhatARecordSaysItWaitedIsBelievedWithinBounds(t *testing.T) {
	now := time.Now()
	for _, tc := range []struct {
		kind         call.EventKind
		ring, waited int64 // in milliseconds
		age          time.Duration
	}{
		{call.Rang, 15_000, -1_000_000, 0},
		{call.Rang, 15_000, 9_800, 9_800 * time.Millisecond}, // its turn, a new key and a slow body
		{call.Rang, 15_000, 1_000_000, 15 * time.Second},     // then it is over, and nothing else is
		{call.Rang, 5_000, 9_800, 5 * time.Second},
		{call.Rang, -15_000, 1_000_000, 0},
		{call.Rang, 9e15, 9e15, 0}, // more than a duration can be
		{call.Rang, math.MaxInt64 / 1_000_000, math.MaxInt64 / 1_000_000, 5 * time.Minute},
		{call.Ended, 0, 9_800, 9_800 * time.Millisecond},
		{call.Ended, 0, 1_000_000, takenWithin},
		{call.Ended, 0, -1, 0},
	} {
		data := fmt.Sprintf(`{"event":%q,"call_id":"A","ring_ms":%d,"waited_ms":%d}`, tc.kind, tc.ring, tc.waited)
		e, err := decode(journal.Record{Seq: 1, Key: "a", Data: []byte(data)}, now)
		if err != nil {
			t.Fatal(err)
		}
		if age := now.Sub(e.At); age != tc.age {
			t.Errorf("%s: the event is %v old, want %v", data, age, tc.age)
		}
	}
}

func TestTwoRelaysOnOneJournalRaceForEveryCallAndOneWins(t *testing.T) {
	one := newHouse(t, func(o *Options) { o.Shared = true })
	two := &house{t: t, dir: t.TempDir(), gate: &gate{}, graph: &graphDouble{}, operators: one.operators, tokens: one.tokens}
	two.run(one.server.opts.Journal, func(o *Options) { o.Shared = true })
	const calls = 100
	for i := range calls {
		id := call.ID(fmt.Sprintf("c%d", i))
		[]*house{one, two}[i%2].ring(string(id))
		for _, h := range []*house{one, two} {
			h.await("the call rings", func() bool { _, ok := h.server.Look(id); return ok })
		}
		answers := make(chan call.Answer, 2)
		go func() { answers <- one.decide("ana", string(id), call.Busy) }()
		go func() { answers <- two.decide("ben", string(id), call.None) }()
		a, b := <-answers, <-answers
		if a.Verdict == call.WasTaken {
			a, b = b, a
		}
		if a.Verdict != call.WasRejected || b.Verdict != call.WasTaken {
			t.Errorf("%s: %+v and %+v", id, a, b)
		}
	}
	if got := len(one.graph.requests()) + len(two.graph.requests()); got != calls {
		t.Errorf("%d requests for %d calls", got, calls)
	}
}

func TestTheSameRequestIDForAnotherDecisionIsNoDecision(t *testing.T) {
	h := newHouse(t)
	h.rings("A")
	h.rings("B")
	cmd, err := h.server.command("1", "A", "busy", "ana")
	if err != nil {
		t.Fatal(err)
	}
	h.decideOnce(cmd)
	cmd.Call = "B"
	if a := h.decideOnce(cmd); a.Verdict != call.NotSent || a.Call != "B" || a.Words == "" {
		t.Errorf("answer %+v, want not_sent about B", a)
	}
	if c, _ := h.server.Look("B"); c.State != call.Ringing {
		t.Errorf("B is %s", c.State)
	}
}

func TestStoredAnswersAreBounded(t *testing.T) {
	a := &answers{kept: map[[2]string]*pending{}}
	now := time.Now()
	for i := range 3 * answersMost {
		p, _ := a.claim(call.Command{ID: fmt.Sprint(i), Operator: "ana"}, now)
		a.settle(p, call.Answer{}, now)
	}
	if len(a.kept) > answersMost || len(a.order) > answersMost {
		t.Errorf("%d answers are kept", len(a.kept))
	}
	a.claim(call.Command{ID: "later", Operator: "ana"}, now.Add(answersKept))
	if len(a.kept) != 1 || len(a.order) != 0 {
		t.Errorf("%d answers outlast their time", len(a.kept)-1)
	}
}

// An answer that is still owed outlasts any number of others: without it the
// command would be carried out a second time when it is sent again.
func TestO07ACommandUnderWayIsNeverForgotten(t *testing.T) {
	a := &answers{kept: map[[2]string]*pending{}}
	now := time.Now()
	slow := call.Command{ID: "slow", Operator: "ana"}
	a.claim(slow, now)
	for i := range answersMost + 1 {
		p, _ := a.claim(call.Command{ID: fmt.Sprint(i), Operator: "ben"}, now)
		a.settle(p, call.Answer{}, now)
	}
	if _, first := a.claim(slow, now.Add(2*answersKept)); first {
		t.Error("a command under way is carried out again")
	}
}

func TestAFloodOfRefusalsIsAFewLinesOfLog(t *testing.T) {
	var log bytes.Buffer
	h := newHouse(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for range 500 {
		h.post("{}", func(r *http.Request) { r.Header.Set("Authorization", "Bearer forged") })
	}
	h.stop()
	if n := strings.Count(log.String(), "webhook refused"); n == 0 || n > 10 {
		t.Errorf("%d lines of log for 500 refusals", n)
	}
	if strings.Contains(log.String(), "forged") {
		t.Error("the log holds the token")
	}
}

func TestC13ARevokedOperatorIsHungUpOnWithinTwoSeconds(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	if err := h.operators.Revoke("ana"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if code := ana.closeCode(); code != wire.BadToken {
		t.Errorf("close code %d, want %d", code, wire.BadToken)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestW16AReplayedRefreshIsJournaledOnce(t *testing.T) {
	h := newHouse(t)
	h.rings("A")
	update := strings.Replace(created("A", "Alice the Second"), "created", "updated", 1)
	for range 50 {
		h.post(update)
		h.await("the new name", func() bool { c, _ := h.server.Look("A"); return c.Caller.Name == "Alice the Second" })
	}
	if got := h.records(); got != 2 {
		t.Errorf("%d records, want the ring and one refresh", got)
	}
	// What a later notification does not say stays.
	h.post(`{"value":[{"changeType":"updated","resourceUrl":"/communications/calls/A","resourceData":{"state":"incoming","subject":"Hello","source":{"identity":{}}}}]}`)
	h.await("the subject", func() bool { c, _ := h.server.Look("A"); return c.Subject == "Hello" })
	if c, _ := h.server.Look("A"); c.Caller.Name != "Alice the Second" || len(c.To) != 1 || c.Tenant != tenant {
		t.Errorf("the refresh took away what was known: %+v", c.Details)
	}
}

func TestK05NothingBeginsOnceTheRelayGoesDown(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	asked, answer := make(chan struct{}), make(chan struct{})
	h.graph.answer = func(context.Context, graph.Rejection) (graph.Receipt, error) {
		close(asked)
		<-answer
		return graph.Receipt{Status: 202}, nil
	}
	h.rings("A")
	h.rings("B")
	ana.press("a", "A", call.Busy)
	<-asked
	stopped := make(chan struct{})
	go func() { h.stop(); close(stopped) }()
	h.await("going down", h.server.goingDown)
	for i := range 20 {
		ana.press(fmt.Sprint("b", i), "B", call.Busy)
	}
	if f := ana.result("b0"); f.Verdict != call.NotSent {
		t.Errorf("a decision after the end began: %s", f.Raw)
	}
	close(answer)
	<-stopped
	if got := len(h.graph.requests()); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
	if n := len(h.server.desk.seated()); n != 0 {
		t.Errorf("%d consoles are seated after the end", n)
	}
	if h.server.desk.sit(newSeat(nil, call.Operator{Name: "late"}, "", ""), nil) {
		t.Error("a console sat down after the end")
	}
}

func TestS05ConsolesAreToldThatTheJournalCannotBeWritten(t *testing.T) {
	sick := &faulty{}
	h := newHouse(t, func(o *Options) { sick.Journal = o.Journal; o.Journal = sick })
	ana, _ := h.sitDown("ana")
	sick.mu.Lock()
	sick.unhealthy = errors.New("no space left on device")
	sick.mu.Unlock()
	for {
		f, err := ana.read()
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind != wire.KindStatus {
			continue
		}
		var status wire.Status
		if err := json.Unmarshal(f.Raw, &status); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(status.Graph, "journal") {
			return
		}
	}
}

// refusing is a journal that refuses an append although nobody else wrote.
type refusing struct {
	Journal
	left atomic.Int32
}

func (r *refusing) Append(ctx context.Context, key string, data []byte, expected uint64) (uint64, error) {
	if r.left.Add(-1) >= 0 {
		return 0, journal.ErrConflict
	}
	return r.Journal.Append(ctx, key, data, expected)
}

func TestI4ARefusalThatNobodysRecordExplainsLosesNoCall(t *testing.T) {
	r := &refusing{}
	r.left.Store(3)
	h := newHouse(t, func(o *Options) { r.Journal = o.Journal; o.Journal = r })
	h.rings("A") // answered 202: it must be in the journal
}
