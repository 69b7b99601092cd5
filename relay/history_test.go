package relay

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/history"
	"callscreen/relay/journal"
	"callscreen/relay/memnet"
	"callscreen/relay/operator"
)

// askHistory asks as an operator; the caller closes the body.
func (h *house) askHistory(name, query string) *http.Response {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.url+"/v1/history"+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if name != "" {
		req.Header.Set("Authorization", "Bearer "+h.token(name))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp
}

// history is the rows that a query finds.
func (h *house) history(query string) (rows []history.Row) {
	h.t.Helper()
	resp := h.askHistory("ana", query)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		body, _ := io.ReadAll(resp.Body)
		h.t.Fatalf("history%s: status %d, %s: %s", query, resp.StatusCode, resp.Header.Get("Content-Type"), body)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		var r history.Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			h.t.Fatalf("%s: %v", lines.Text(), err)
		}
		rows = append(rows, r)
	}
	if err := lines.Err(); err != nil {
		h.t.Fatal(err)
	}
	return rows
}

func TestHistoryTellsWhatWasDecidedFromTheJournalAlone(t *testing.T) {
	before := time.Now().Add(-time.Second)
	h := newHouse(t)
	for _, id := range []string{"A-1", "B-2", "C-3", "D-4"} {
		h.rings(call.ID(id))
	}
	h.decide("ana", "A-1", call.Busy)
	h.post(deleted("A-1"))
	h.graph.mu.Lock()
	h.graph.answer = func(context.Context, graph.Rejection) (graph.Receipt, error) {
		return graph.Receipt{}, &graph.GoneError{Status: 404, Code: "8522", RequestID: "r-gone"}
	}
	h.graph.mu.Unlock()
	h.decide("ben", "B-2", call.None)
	h.post(deleted("C-3"))
	h.await("C is over", func() bool { c, _ := h.server.Look("C-3"); return c.State == call.Over })
	h.await("A is over", func() bool { c, _ := h.server.Look("A-1"); return c.State == call.Over })
	h.stop()

	h = reopen(t, h.dir) // nothing of it is in memory but what the journal told
	got := h.history("")
	if len(got) != 4 {
		t.Fatalf("rows %+v", got)
	}
	a, b, c, d := got[0], got[1], got[2], got[3]
	if a.Call != "A-1" || a.Ending != call.EndRejected || a.Reason != call.Busy || a.By != "ana" || a.Status != 202 || a.Request != "r-1" || a.Relay == "" ||
		a.Caller.Name != "Alice Meyer" || a.To.Name != "Reception bot" || a.RangAt.Before(before) || a.Ended.Before(a.RangAt) {
		t.Errorf("the rejected one: %+v", a)
	}
	if b.Call != "B-2" || b.Ending != call.EndGone || b.By != "ben" || b.Status != 404 || b.Code != "8522" || b.Request != "r-gone" {
		t.Errorf("the one that was gone: %+v", b)
	}
	if c.Call != "C-3" || c.Ending != call.EndHungUp || c.By != "" {
		t.Errorf("the one that hung up: %+v", c)
	}
	if d.Call != "D-4" || d.State != call.Ringing || d.Ending != "" {
		t.Errorf("the one that rings: %+v", d)
	}
	for query, want := range map[string]int{
		"?operator=BEN": 1, "?ending=hung_up&ending=gone": 2, "?limit=1": 1, "?operator=nobody": 0,
		"?since=" + d.RangAt.Format(time.RFC3339Nano): 1, "?until=" + d.RangAt.Format(time.RFC3339Nano): 3,
		"?since=2090-01-01T00:00:00Z": 0, "?since=1000-01-01T00:00:00Z": 4,
	} {
		if got := h.history(query); len(got) != want {
			t.Errorf("%s: %d rows, want %d", query, len(got), want)
		}
	}
	if got := h.history("?limit=1"); got[0].Call != "D-4" {
		t.Errorf("the newest one is %s", got[0].Call)
	}
}

func TestHistoryIsForOperatorsAndObserversAndNobodyElse(t *testing.T) {
	h := newHouse(t)
	h.token("owen")
	h.become("owen", operator.Grant{Role: call.Observing})
	for _, tc := range []struct {
		name, query string
		status      int
		detail      string
	}{
		{"owen", "", 200, ""},
		{"", "", 401, "token is missing"},
		{"", "?since=nonsense", 401, "token is missing"}, // nobody is told more without a token
		{"ana", "?token=" + h.token("ana"), 400, "a token goes into the Authorization header"},
		{"ana", "?since=yesterday", 400, "write a time as 2026-03-31T14:00:00Z"},
		{"ana", "?ending=lost", 400, "an ending is one of rejected,"},
		{"ana", "?limit=100000", 400, "at most 10000 rows"},
		{"ana", "?since=%zz", 400, "The query is not one of a URL."},
		{"ana", "?since=2026-03-31T14:00:00Z;until=x", 400, "The query is not one of a URL."},
	} {
		resp := h.askHistory(tc.name, tc.query)
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != tc.status || !strings.Contains(string(body), tc.detail) || strings.Contains(string(body), "cs_") {
			t.Errorf("%s%s: %d %s %v", tc.name, tc.query, resp.StatusCode, body, err)
		}
		if tc.status != 200 && resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s", tc.query, resp.Header.Get("Content-Type"))
		}
	}
}

// torn is a journal that cannot be read beyond a record, for whoever begins to
// read once there is one.
type torn struct {
	Journal
	at *atomic.Uint64
}

func (j torn) Follow(ctx context.Context, after uint64, fn func(journal.Record) error) error {
	at := j.at.Load()
	return j.Journal.Follow(ctx, after, func(r journal.Record) error {
		if at > 0 && r.Seq >= at {
			return journal.ErrDamaged
		}
		return fn(r)
	})
}

func TestAHistoryThatBreaksOffDoesNotLookWhole(t *testing.T) {
	var at atomic.Uint64
	h := newHouse(t, func(o *Options) { o.Journal = torn{o.Journal, &at} })
	for i := range 300 {
		h.ring(fmt.Sprint("c", i))
	}
	read := func() (int, string, error) {
		resp := h.askHistory("ana", "")
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
	at.Store(290) // nothing was sent yet, for all calls ring: an answer that says so
	if status, body, err := read(); status != http.StatusServiceUnavailable || err != nil || !strings.Contains(body, "The history cannot be read now") {
		t.Errorf("%d %s %v", status, body, err)
	}
	for i := range 300 {
		h.post(deleted(fmt.Sprint("c", i)))
	}
	at.Store(595) // much was sent: the connection is broken off
	if status, body, err := read(); status != http.StatusOK || !errors.Is(err, io.ErrUnexpectedEOF) || strings.Count(body, "\n") < 100 {
		t.Errorf("%d, %d bytes, %v", status, len(body), err)
	}
	at.Store(0)
	if status, body, err := read(); status != http.StatusOK || err != nil || strings.Count(body, "\n") != 300 {
		t.Errorf("whole: %d, %d bytes, %v", status, len(body), err)
	}
}

// unhurried is a journal that takes a second for each of its records, of which none
// is a call's.
type unhurried struct{ noJournal }

const unhurriedRecords = 60

func (unhurried) Head(context.Context) (first, last uint64, err error) {
	return 1, unhurriedRecords, nil
}

func (unhurried) Before(context.Context, time.Time) (uint64, error) { return 0, nil }

func (unhurried) Follow(_ context.Context, after uint64, fn func(journal.Record) error) error {
	for seq := after + 1; ; seq++ {
		time.Sleep(time.Second)
		if err := fn(journal.Record{Seq: seq, Data: []byte("{}"), At: time.Now()}); err != nil {
			return err
		}
	}
}

// Over HTTP/2 the bound of an answer ends it even if nobody is slow to take it in.
func TestAHistoryThatIsLongInReadingIsWholeOverEitherHTTP(t *testing.T) {
	for _, two := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2: ", two), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) { longHistory(t, dir, two) })
		})
	}
}

func longHistory(t *testing.T, dir string, two bool) {
	t.Helper()
	store, err := operator.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := store.Add("ana", operator.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{
		Journal: unhurried{}, Auth: &gate{}, Tokens: warmTokens{}, Operators: store, Logger: slog.New(slog.DiscardHandler),
		WebhookPath: "/api/calls", RingTimeout: 15 * time.Second,
	})
	var spoken http.Protocols
	spoken.SetHTTP1(!two)
	spoken.SetUnencryptedHTTP2(two)
	srv, ln := s.httpServer(s.Handler()), memnet.New()
	srv.Protocols = &spoken
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(ln)
	}()
	client := &http.Client{Transport: &http.Transport{DialContext: ln.Dial, Protocols: &spoken}}
	defer func() {
		client.CloseIdleConnections()
		_ = srv.Close()
		<-served
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1"+historyPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("after %v: %v", time.Since(began), err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || len(body) != 0 || (resp.ProtoMajor == 2) != two || time.Since(began) < unhurriedRecords*time.Second {
		t.Errorf("%s %d %q %v after %v", resp.Proto, resp.StatusCode, body, err, time.Since(began))
	}
}

func TestTwoHistoriesAtOnceAndTheNextIsToldToWait(t *testing.T) {
	h := newHouse(t)
	for range historiesAtOnce {
		h.server.histories <- struct{}{}
	}
	resp := h.askHistory("ana", "")
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "Others are reading the history") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	<-h.server.histories
	h.history("")
	if len(h.server.histories) != historiesAtOnce-1 {
		t.Errorf("%d are counted as reading", len(h.server.histories))
	}
}
