package relay

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/journal"
)

func TestAVerifiedCallIsJournaledShownAndAnswered202(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	h.ring("A1")
	if got := h.records(); got != 1 {
		t.Errorf("the journal holds %d records when 202 is answered, want 1", got)
	}
	f := ana.until(call.Rang)
	if f.Call != "A1" || f.Details == nil || f.Details.Caller.Name != "Alice Meyer" {
		t.Errorf("the console heard %s", f.Raw)
	}
	if f.Remaining == nil || *f.Remaining < 14_000 || *f.Remaining > 15_000 {
		t.Errorf("remaining_ms = %v, want a little under 15000", f.Remaining)
	}
}

func TestP03RequestsThatAreNoNotificationAreRefusedByStatus(t *testing.T) {
	h := newHouse(t)
	header := func(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }
	for _, tt := range []struct {
		name   string
		body   string
		change func(*http.Request)
		want   int
	}{
		{"no token", created("A", "x"), func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		{"forged token", created("A", "x"), header("Authorization", "Bearer forged"), 401},
		{"text", created("A", "x"), header("Content-Type", "text/plain"), 415},
		{"latin1", created("A", "x"), header("Content-Type", "application/json; charset=latin1"), 415},
		{"zipped", created("A", "x"), header("Content-Encoding", "gzip"), 415},
		{"no JSON", "hello", nil, 400},
		{"broken JSON", `{"value":[`, nil, 400},
		{"two values", created("A", "x") + created("B", "x"), nil, 400},
		{"too large", `{"value":[` + strings.Repeat(" ", 300<<10) + `]}`, nil, 413},
		{"query", created("A", "x"), func(r *http.Request) { r.URL.RawQuery = "a=b" }, 400},
		{"GET", "", func(r *http.Request) { r.Method = http.MethodGet }, 405},
		{"other path", created("A", "x"), func(r *http.Request) { r.URL.Path = "/api/call" }, 404},
		{"double slash", created("A", "x"), func(r *http.Request) { r.URL.Path = "//api/calls" }, 404},
		{"dots", created("A", "x"), func(r *http.Request) { r.URL.Path = "/v1/../api/calls" }, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			change := tt.change
			if change == nil {
				change = func(*http.Request) {}
			}
			if got := h.post(tt.body, change); got != tt.want {
				t.Errorf("status %d, want %d", got, tt.want)
			}
		})
	}
	if got := h.records(); got != 0 {
		t.Errorf("refused requests left %d journal records", got)
	}
	for _, ok := range []string{"application/json", "Application/JSON; charset=UTF-8", "application/json;charset=utf-8"} {
		if got := h.post(`{"value":[{"changeType":"updated","resource":"/app/calls/X"}]}`, header("Content-Type", ok)); got != 202 {
			t.Errorf("content type %q: status %d, want 202", ok, got)
		}
	}
	if got := h.post(`{"value":[{"changeType":"updated","resource":"/app/calls/X"}]}`, func(r *http.Request) { r.Header.Del("Content-Type") }); got != 202 {
		t.Errorf("no content type: status %d, want 202", got)
	}
}

func TestP11TheLegacyBodyIsAnswered204AfterItsToken(t *testing.T) {
	h := newHouse(t)
	legacy := `{"id":"1","callState":"incoming","participants":[]}`
	if got := h.post(legacy); got != 204 {
		t.Errorf("status %d, want 204", got)
	}
	if got := h.post(""); got != 204 {
		t.Errorf("empty body: status %d, want 204", got)
	}
	if got := h.post(legacy, func(r *http.Request) { r.Header.Set("Authorization", "Bearer forged") }); got != 401 {
		t.Errorf("forged: status %d, want 401", got)
	}
	if got := h.records(); got != 0 {
		t.Errorf("%d journal records, want none", got)
	}
}

// readSpy notices whether anybody reads the body.
type readSpy struct {
	io.Reader
	read int
}

func (r *readSpy) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.read += n
	return n, err
}

func TestP01TheTokenIsJudgedBeforeTheBodyIsRead(t *testing.T) {
	h := newHouse(t)
	for _, tt := range []struct {
		auth string
		want int
		most int
	}{{"Bearer forged", 401, 0}, {genuine, 413, 1 << 20}} {
		spy := &readSpy{Reader: io.LimitReader(neverending('x'), 1<<30)}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://relay/api/calls", spy)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = -1
		r.Header.Set("Authorization", tt.auth)
		w := &answer{header: http.Header{}}
		h.server.Handler().ServeHTTP(w, r)
		if w.status != tt.want {
			t.Errorf("%s: status %d, want %d", tt.auth, w.status, tt.want)
		}
		if spy.read > tt.most {
			t.Errorf("%s: %d bytes of the body were read", tt.auth, spy.read)
		}
	}
}

type neverending byte

func (b neverending) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// answer is a plain http.ResponseWriter.
type answer struct {
	header http.Header
	status int
	body   strings.Builder
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

func TestP14APanicIsAnAnswer500AndTheNextRequestWorks(t *testing.T) {
	h := newHouse(t)
	set := func(on bool) {
		h.gate.mu.Lock()
		defer h.gate.mu.Unlock()
		h.gate.panics = on
	}
	set(true)
	if got := h.post(created("A", "x")); got != 500 {
		t.Errorf("status %d, want 500", got)
	}
	set(false)
	h.ring("A")
}

func TestWithoutKeysTheWebhookAnswers503AndTheRelayIsNotReady(t *testing.T) {
	h := newHouse(t)
	h.gate.mu.Lock()
	h.gate.noKeys = true
	h.gate.mu.Unlock()
	if got := h.post(created("A", "x")); got != 503 {
		t.Errorf("status %d, want 503", got)
	}
	if h.server.Ready() == nil {
		t.Error("the relay says it is ready")
	}
	if got := h.records(); got != 0 {
		t.Errorf("%d journal records, want none", got)
	}
}

func TestW16TheSameNotificationAThousandTimesIsOneCall(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	for i := range 1000 {
		id := "0f3c2a5e-aaaa-bbbb-cccc-0123456789ab"
		if i%2 == 1 {
			id = "0F3C2A5EAAAABBBBCCCC0123456789AB" // the other way Graph writes it
		}
		h.ring(id)
	}
	if got := h.records(); got != 1 {
		t.Errorf("%d journal records, want 1", got)
	}
	h.ring("B")
	if f := ana.until(call.Rang); f.Call != "0f3c2a5e-aaaa-bbbb-cccc-0123456789ab" {
		t.Errorf("first call shown is %s", f.Call)
	}
	if f := ana.next(); f.Call != "B" {
		t.Errorf("second frame is %s, want the other call", f.Raw)
	}
}

func TestP10AnEndBeforeTheBeginningKeepsTheCallFromRinging(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	h.post(deleted("A"))
	h.ring("A")
	h.ring("B")
	for {
		f := ana.next()
		if f.Event == call.Rang {
			if f.Call != "B" {
				t.Errorf("%s rang after its end", f.Call)
			}
			return
		}
	}
}

func TestP10OnlyADeletedCallEndsACall(t *testing.T) {
	h := newHouse(t)
	h.ring("A")
	for _, sub := range []string{"operations/1", "participants", "participants/2", "audioRoutingGroups/3"} {
		body := `{"value":[{"changeType":"deleted","resourceUrl":"/communications/calls/A/` + sub + `"}]}`
		if got := h.post(body); got != 202 {
			t.Errorf("%s: status %d, want 202", sub, got)
		}
	}
	h.ring("B") // whatever came before it is on the board when this is
	h.await("B rings", func() bool { _, ok := h.server.Look("B"); return ok })
	if c, ok := h.server.Look("A"); !ok || c.State != call.Ringing {
		t.Errorf("the call is %+v, want ringing", c.State)
	}
	h.post(deleted("A"))
	h.await("the call is over", func() bool { c, _ := h.server.Look("A"); return c.Ending == call.EndHungUp })
}

func TestP10EveryOrderOfNotificationsEndsOnTheSameBoard(t *testing.T) {
	h := newHouse(t)
	parts := []func(id string) string{
		func(id string) string { return created(id, "Alice") },
		func(id string) string { return strings.Replace(created(id, "Alice"), "created", "updated", 1) },
		deleted,
	}
	for n, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		id := string(rune('A' + n))
		for _, i := range order {
			if got := h.post(parts[i](id)); got != 202 {
				t.Fatalf("order %v: status %d", order, got)
			}
		}
		h.await("the end", func() bool { c, ok := h.server.Look(call.ID(id)); return ok && c.State == call.Over })
		if c, _ := h.server.Look(call.ID(id)); c.Ending != call.EndHungUp {
			t.Errorf("order %v: ending %s", order, c.Ending)
		}
	}
}

func TestP12SecretsInsidePayloadsGoNowhere(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	canary := "CANARY" + strings.Repeat("x", 20)
	h.post(`{"value":[{"changeType":"created","resourceUrl":"/communications/calls/A","resourceData":{"state":"incoming",` +
		`"replacesContext":"` + canary + `","recordingAccessToken":"` + canary + `","unknown":"` + canary + `",` +
		`"meetingInfo":{"@odata.type":"#microsoft.graph.tokenMeetingInfo","token":"` + canary + `","passcode":"` + canary + `"}}}]}`)
	if f := ana.until(call.Rang); strings.Contains(string(f.Raw), canary) {
		t.Errorf("the console was sent %s", f.Raw)
	}
	r, _, err := h.server.opts.Journal.Last(t.Context(), call.ID("A").Key())
	if err != nil || strings.Contains(string(r.Data), canary) {
		t.Errorf("the journal holds %s, %v", r.Data, err)
	}
}

func TestARecordingInviteRingsFiveSeconds(t *testing.T) {
	s := &Server{opts: Options{RingTimeout: 15 * time.Second, RejectMargin: 500 * time.Millisecond}}
	n := graph.Notification{Change: graph.Created, CallID: "A", Call: &graph.Call{State: "incoming", Recording: true}}
	e, ok := s.factOf(n, graph.Sender{Tenant: tenant}, nil, time.Now())
	if !ok || e.Ring != 5000 || e.Details.Tenant != tenant {
		t.Errorf("factOf = %+v, %v; want a ring of 5 s for the token's tenant", e, ok)
	}
}

func TestS05WhatCannotBeRecordedIsAnswered503AndNever202(t *testing.T) {
	sick := &faulty{}
	h := newHouse(t, func(o *Options) { sick.Journal = o.Journal; o.Journal = sick })
	for _, err := range []error{syscall.ENOSPC, journal.ErrUnknown, context.DeadlineExceeded} {
		sick.fail(err)
		if got := h.post(created("A", "x")); got != 503 {
			t.Errorf("%v: status %d, want 503", err, got)
		}
		sick.fail(nil)
	}
	if got := h.records(); got != 0 {
		t.Errorf("%d journal records, want none", got)
	}
	h.ring("A")
}

// faulty is a journal whose appends fail on demand.
type faulty struct {
	Journal
	mu        sync.Mutex
	err       error
	loseReply bool // the append arrives, its answer does not
	after     func()
	refuse    int // so many appends are refused although nobody was faster
	unhealthy error
}

func (f *faulty) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *faulty) Append(ctx context.Context, key string, data []byte, expected uint64) (uint64, error) {
	f.mu.Lock()
	err, lose, refuse, after := f.err, f.loseReply, f.refuse > 0, f.after
	f.loseReply = false
	if lose {
		f.after = nil
	}
	if refuse {
		f.refuse--
	}
	f.mu.Unlock()
	switch {
	case err != nil:
		return 0, err
	case refuse:
		return 0, journal.ErrConflict
	}
	seq, err := f.Journal.Append(ctx, key, data, expected)
	if lose && err == nil {
		if after != nil {
			after()
		}
		return 0, journal.ErrUnknown
	}
	return seq, err
}

func (f *faulty) Healthy() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unhealthy != nil {
		return f.unhealthy
	}
	return f.Journal.Healthy()
}
