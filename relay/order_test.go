package relay

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"callscreen/graph"
	"callscreen/relay/journal"
)

// measured counts what a listener's connections read.
type measured struct {
	net.Listener
	read *atomic.Int64
}

func (m measured) Accept() (net.Conn, error) {
	c, err := m.Listener.Accept()
	return &measuredConn{c, m.read}, err
}

type measuredConn struct {
	net.Conn
	read *atomic.Int64
}

func (c *measuredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func TestP01OfAGibibyteOverARealSocketAlmostNothingIsRead(t *testing.T) {
	h := newHouse(t)
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var read atomic.Int64
	srv, done := h.server.httpServer(h.server.Handler()), make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(measured{ln, &read}) }()
	defer func() { _ = srv.Close(); <-done }()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for _, tt := range []struct {
		auth   string
		length int64
		want   int
	}{
		{"Bearer forged", -1, 401}, {"Bearer forged", 1 << 30, 401}, {genuine, -1, 413}, {genuine, 1 << 30, 413},
	} {
		read.Store(0)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+ln.Addr().String()+"/api/calls", io.LimitReader(neverending('x'), 1<<30))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = tt.length
		req.Header.Set("Authorization", tt.auth)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil { // else the relay closed while the client was still writing
			if resp.StatusCode != tt.want || !resp.Close {
				t.Errorf("%s, length %d: status %d, closed %v; want %d and closed", tt.auth, tt.length, resp.StatusCode, resp.Close, tt.want)
			}
			_ = resp.Body.Close()
		}
		if n := read.Load(); n > 1<<20 {
			t.Errorf("%s, length %d: %d bytes were read", tt.auth, tt.length, n)
		}
	}
	if after := heap(); after > before+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	if got := h.records(); got != 0 {
		t.Errorf("%d records", got)
	}
}

func TestP01TheCapIsASetting(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.MaxBody = 16 << 10 })
	pad := func(n int) string {
		body := created("A", "x")
		return body[:len(body)-1] + strings.Repeat(" ", n-len(body)) + "}"
	}
	if got := h.take(pad(16 << 10)); got != http.StatusAccepted {
		t.Errorf("a body of exactly the cap: status %d", got)
	}
	if got := h.take(pad(16<<10 + 1)); got != http.StatusRequestEntityTooLarge {
		t.Errorf("one byte more: status %d", got)
	}
}

func TestP01ABodyThatIsShorterThanItSaysIsNotTaken(t *testing.T) {
	h := newHouse(t)
	body := created("A", "x")
	text := "POST /api/calls HTTP/1.1\r\nHost: r\r\nAuthorization: " + genuine + "\r\nContent-Length: " + fmt.Sprint(len(body)+10) + "\r\n\r\n" + body
	if got := exchange(t, strings.TrimPrefix(h.url, "http://"), text); len(got) != 1 || got[0] != http.StatusBadRequest {
		t.Errorf("answered %v, want 400", got)
	}
	if got := h.records(); got != 0 {
		t.Errorf("%d records of half a body", got)
	}
}

func TestP03NothingButAPlainPostIsTaken(t *testing.T) {
	h := newHouse(t)
	header := func(k string, v ...string) func(*http.Request) { return func(r *http.Request) { r.Header[k] = v } }
	target := func(target string) func(*http.Request) {
		return func(r *http.Request) { *r = *httptest.NewRequestWithContext(r.Context(), r.Method, target, r.Body) }
	}
	method := func(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }
	rows := []struct {
		name   string
		change func(*http.Request)
		want   int
	}{
		{"as it should be", func(*http.Request) {}, 202},
		{"GET", method("GET"), 405},
		{"HEAD", method("HEAD"), 405},
		{"PUT", method("PUT"), 405},
		{"PATCH", method("PATCH"), 405},
		{"DELETE", method("DELETE"), 405},
		{"OPTIONS", method("OPTIONS"), 405},
		{"TRACE", method("TRACE"), 405},
		{"a method of its own", method("NOTIFY"), 405},
		{"a method in lower case", method("post"), 405},
		{"another path", target("/api/call"), 404},
		{"a longer path", target("/api/calls/x"), 404},
		{"a slash behind", target("/api/calls/"), 404},
		{"upper case", target("/API/calls"), 404},
		{"two slashes", target("//api/calls"), 404},
		{"dots", target("/x/../api/calls"), 404},
		{"escapes", target("/api%2Fcalls"), 404},
		{"a parameter", target("/api/calls;x=1"), 404},
		{"the root", target("/"), 404},
		{"a query", target("/api/calls?a=b"), 400},
		{"an empty query", target("/api/calls?"), 400},
		{"a query that says nothing", target("/api/calls?&"), 400},
		{"text", header("Content-Type", "text/plain"), 415},
		{"a form", header("Content-Type", "application/x-www-form-urlencoded"), 415},
		{"another JSON", header("Content-Type", "application/vnd.api+json"), 415},
		{"JSON text", header("Content-Type", "text/json"), 415},
		{"latin1", header("Content-Type", "application/json; charset=latin1"), 415},
		{"UTF-16", header("Content-Type", "application/json; charset=utf-16"), 415},
		{"UTF-7", header("Content-Type", "application/json;charset=UTF-7"), 415},
		{"no type in it", header("Content-Type", ""), 415},
		{"a bad type", header("Content-Type", "application/json; charset"), 415},
		{"two types", header("Content-Type", "application/json", "application/json"), 415},
		{"a list of types", header("Content-Type", "application/json, text/plain"), 415},
		{"two charsets", header("Content-Type", "application/json; charset=utf-8; charset=utf-16"), 415},
		{"JSON", header("Content-Type", "application/json"), 202},
		{"in capitals", header("Content-Type", "Application/JSON; Charset=UTF-8"), 202},
		{"quoted", header("Content-Type", `application/json; charset="utf-8"`), 202},
		{"and more", header("Content-Type", "application/json; odata.metadata=minimal"), 202},
		{"gzip", header("Content-Encoding", "gzip"), 415},
		{"deflate", header("Content-Encoding", "deflate"), 415},
		{"br", header("Content-Encoding", "br"), 415},
		{"zstd", header("Content-Encoding", "zstd"), 415},
		{"x-gzip", header("Content-Encoding", "x-gzip"), 415},
		{"identity", header("Content-Encoding", "identity"), 415},
		{"nothing, said", header("Content-Encoding", ""), 415},
		{"nothing, then gzip", header("Content-Encoding", "", "gzip"), 415},
		{"gzip twice", header("Content-Encoding", "gzip, gzip"), 415},
	}
	for i, tt := range rows {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/calls", strings.NewReader(created(fmt.Sprintf("row-%d", i), "x")))
		tt.change(r)
		r.Header.Set("Authorization", genuine)
		w := httptest.NewRecorder()
		h.server.Handler().ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, w.Code, tt.want)
		}
		if closed := w.Header().Get("Connection") == "close"; !closed {
			t.Errorf("%s: the connection is kept", tt.name)
		}
	}
	taken := uint64(0)
	for _, tt := range rows {
		if tt.want == http.StatusAccepted {
			taken++
		}
	}
	if got := h.records(); got != taken || len(rows) < 25 {
		t.Errorf("%d records, want %d; %d rows", got, taken, len(rows))
	}
}

func TestP03NotAByteIsUnpacked(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.Copy(z, io.LimitReader(neverending(' '), 64<<20)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	for _, encoding := range []string{"gzip", ""} {
		spy := &readSpy{Reader: bytes.NewReader(bomb.Bytes())}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/calls", spy)
		r.Header.Set("Authorization", genuine)
		want := http.StatusBadRequest
		if encoding != "" {
			r.Header.Set("Content-Encoding", encoding)
			want = http.StatusUnsupportedMediaType
		}
		w := httptest.NewRecorder()
		h.server.Handler().ServeHTTP(w, r)
		if w.Code != want || encoding != "" && spy.read > 0 {
			t.Errorf("%q: status %d after %d bytes", encoding, w.Code, spy.read)
		}
	}
}

// TestP06NothingOfARefusedRequestIsReadOrLogged has a canary in every part of
// requests that are refused at every step, and looks for it in the log.
func TestP06NothingOfARefusedRequestIsReadOrLogged(t *testing.T) {
	log := &lockedBuffer{}
	h := newHouse(t, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.MaxBody = 16 << 10
	})
	const secret = "CANARYxxxxxxxx"
	for _, tt := range []struct {
		name, body string
		change     func(*http.Request)
		want       int
		unread     bool
	}{
		{"a bad token", created("A", secret), func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }, 401, true},
		{"no token", created("A", secret), func(r *http.Request) { r.Header.Del("Authorization") }, 401, true},
		{"a query", created("A", secret), func(r *http.Request) { r.URL.RawQuery = secret }, 400, true},
		{"a type", created("A", secret), func(r *http.Request) { r.Header.Set("Content-Type", secret) }, 415, true},
		{"an encoding", created("A", secret), func(r *http.Request) { r.Header.Set("Content-Encoding", secret) }, 415, true},
		{"a path", created("A", secret), func(r *http.Request) { r.URL.Path = "/" + secret }, 404, true},
		{"a length", created("A", secret), func(r *http.Request) { r.ContentLength = 1 << 30 }, 413, true},
		{"a size", `{"x":"` + strings.Repeat(secret, 4<<10) + `"}`, func(r *http.Request) { r.ContentLength = -1 }, 413, false},
		{"no JSON", secret, nil, 400, false},
		{"half of JSON", created("A", secret)[:150], nil, 400, false},
		{"a member twice", `{"value":"` + secret + `","Value":"` + secret + `"}`, nil, 400, false},
		{"no notification", `{"` + secret + `":"` + secret + `"}`, nil, 202, false},
		{"an odd change", `{"changeType":"` + secret + `","resourceUrl":"/` + secret + `/calls/` + secret + `"}`, nil, 202, false},
		{"an odd id", `{"changeType":"created","resourceUrl":"/app/calls/` + secret + `%"}`, nil, 202, false},
	} {
		spy := &readSpy{Reader: strings.NewReader(tt.body)}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/calls", spy)
		r.ContentLength = int64(len(tt.body))
		r.Header.Set("Authorization", genuine)
		r.Header.Set("User-Agent", secret)
		if tt.change != nil {
			tt.change(r)
		}
		w := httptest.NewRecorder()
		h.server.Handler().ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, w.Code, tt.want)
		}
		if tt.unread && spy.read > 0 {
			t.Errorf("%s: %d bytes of the body were read", tt.name, spy.read)
		}
		if strings.Contains(w.Body.String(), "CANARY") {
			t.Errorf("%s: the answer repeats it: %s", tt.name, w.Body)
		}
	}
	page := h.page("/metrics")
	h.stop()
	for place, text := range map[string]string{"log": log.String(), "metrics": page} {
		if i := strings.Index(text, "CANARY"); i >= 0 {
			t.Errorf("the %s holds %.200q", place, text[max(0, i-100):])
		}
	}
	if strings.Count(log.String(), "webhook refused") < 5 {
		t.Errorf("the log tells nothing, so this test proves nothing:\n%s", log)
	}
}

// fragile panics on demand at each place where a notification passes.
type fragile struct {
	Journal
	Tokens
	at atomic.Value
}

func (f *fragile) strike(stage string) {
	if f.at.Load() == stage {
		panic("planted at " + stage)
	}
}

func (f *fragile) Warm(string)  { f.strike("warm") }
func (f *fragile) Ready() error { return nil }

func (f *fragile) Append(ctx context.Context, key string, data []byte, expected uint64) (uint64, error) {
	f.strike("append")
	seq, err := f.Journal.Append(ctx, key, data, expected)
	f.strike("recorded")
	return seq, err
}

func (f *fragile) Last(ctx context.Context, key string) (journal.Record, bool, error) {
	f.strike("read back")
	return f.Journal.Last(ctx, key)
}

func (f *fragile) Authenticate(ctx context.Context, header http.Header) (graph.Sender, error) {
	f.strike("token")
	return (&gate{}).Authenticate(ctx, header)
}

func (f *fragile) Read([]byte) (int, error) { panic("planted at body") }

func TestP14APanicAtAnyStageIsAnAnswer500AndTheNextRequestWorks(t *testing.T) {
	f := &fragile{}
	h := newHouse(t, func(o *Options) {
		f.Journal = o.Journal
		o.Journal, o.Tokens, o.Auth = f, f, f
	})
	for i, stage := range []string{"token", "warm", "append", "recorded", "body"} {
		id := fmt.Sprintf("poison-%d", i)
		for copies := range 3 { // a second copy is no worse than the first
			f.at.Store(stage)
			if stage == "body" {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/calls", f)
				r.Header.Set("Authorization", genuine)
				w := httptest.NewRecorder()
				h.server.Handler().ServeHTTP(w, r)
				if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "planted") {
					t.Errorf("%s: %d %s", stage, w.Code, w.Body)
				}
			} else if got := h.post(created(id, "x")); got != http.StatusInternalServerError && (stage != "recorded" || copies == 0) {
				t.Errorf("%s, copy %d: status %d, want 500", stage, copies, got)
			}
			f.at.Store("")
			h.ring(fmt.Sprintf("good-%d-%d", i, copies))
		}
	}
	if n := h.metric("callscreen_panics_total"); n < 13 {
		t.Errorf("%v panics were counted", n)
	}
	if n := len(h.server.turns.working); n != 0 {
		t.Errorf("%d turns were not given back", n)
	}
}
