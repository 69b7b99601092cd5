package relay

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

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

func TestBodiesThatAreNoNotificationsAreRefusedByStatus(t *testing.T) {
	h := newHouse(t)
	for _, tt := range []struct {
		name   string
		body   string
		change func(*http.Request)
		want   int
	}{
		{"no token", created("A", "x"), func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		{"forged token", created("A", "x"), func(r *http.Request) { r.Header.Set("Authorization", "Bearer forged") }, 401},
		{"no JSON", "hello", nil, 400},
		{"broken JSON", `{"value":[`, nil, 400},
		{"two values", created("A", "x") + created("B", "x"), nil, 400},
		{"too large", `{"value":[` + strings.Repeat(" ", 300<<10) + `]}`, nil, 413},
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
}

func TestP11TheLegacyBodyIsAnswered204AfterItsToken(t *testing.T) {
	h := newHouse(t)
	const legacy = `{"id":"1","callState":"incoming","participants":[]}`
	for _, tt := range []struct {
		body, token string
		want        int
	}{{legacy, genuine, 204}, {"", genuine, 204}, {legacy, "Bearer forged", 401}, {"", "Bearer forged", 401}} {
		if got := h.post(tt.body, func(r *http.Request) { r.Header.Set("Authorization", tt.token) }); got != tt.want {
			t.Errorf("%q with %s: status %d, want %d", tt.body, tt.token, got, tt.want)
		}
	}
	if got := h.records(); got != 0 {
		t.Errorf("%d journal records, want none", got)
	}
	if n := h.meant("legacy"); n != 2 {
		t.Errorf("%v legacy bodies were counted, want 2", n)
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
