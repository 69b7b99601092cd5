package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/journal"
	"callscreen/relay/operator"
	"callscreen/relay/wire"
)

const (
	genuine = "Bearer genuine"
	tenant  = "11111111-2222-3333-4444-555555555555"
)

// gate stands for Microsoft's signature check, which has its own tests: one
// token is genuine, all others are not.
type gate struct {
	mu     sync.Mutex
	noKeys bool
	panics bool
}

func (g *gate) Authenticate(_ context.Context, h http.Header) (graph.Sender, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.panics:
		panic("planted")
	case g.noKeys:
		return graph.Sender{}, graph.ErrNoKeys
	case h.Get("Authorization") != genuine:
		return graph.Sender{}, &graph.TokenError{Reason: "signature"}
	}
	return graph.Sender{Tenant: tenant}, nil
}

func (g *gate) Ready() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.noKeys {
		return graph.ErrNoKeys
	}
	return nil
}

// graphDouble records the rejections that would leave and answers as told.
type graphDouble struct {
	mu     sync.Mutex
	sent   []graph.Rejection
	answer func(ctx context.Context, r graph.Rejection) (graph.Receipt, error)
}

func (g *graphDouble) Reject(ctx context.Context, r graph.Rejection) (graph.Receipt, error) {
	g.mu.Lock()
	g.sent = append(g.sent, r)
	answer := g.answer
	g.mu.Unlock()
	if answer != nil {
		return answer(ctx, r)
	}
	return graph.Receipt{Status: http.StatusAccepted, RequestID: "r-1", Attempts: 1}, nil
}

func (g *graphDouble) requests() []graph.Rejection {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]graph.Rejection(nil), g.sent...)
}

type warmTokens struct{}

func (warmTokens) Warm(string)  {}
func (warmTokens) Ready() error { return nil }

// house is one running relay with its journal on disk.
type house struct {
	t         testing.TB
	dir       string
	url       string
	server    *Server
	gate      *gate
	graph     *graphDouble
	operators *operator.Store
	tokens    map[string]string
	stop      func()
}

// settle adjusts the options of a house before it is built.
type settle func(*Options)

// unlimited lets a console or a script send as fast as it can.
func unlimited(o *Options) { o.Limits.Frames, o.Limits.AtOnce = 1_000_000, 1_000_000 }

func newHouse(t testing.TB, adjust ...settle) *house {
	t.Helper()
	return reopen(t, t.TempDir(), adjust...)
}

// reopen runs a relay on the journal in a directory.
func reopen(t testing.TB, dir string, adjust ...settle) *house {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: dir + "/journal"})
	if err != nil {
		t.Fatal(err)
	}
	store, err := operator.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, dir: dir, gate: &gate{}, graph: &graphDouble{}, operators: store, tokens: map[string]string{}}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	h.run(j, adjust...)
	stop := h.stop
	h.stop = sync.OnceFunc(func() {
		stop()
		if err := j.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return h
}

// run serves a relay on a journal until the house is stopped.
func (h *house) run(j Journal, adjust ...settle) {
	h.t.Helper()
	t := h.t
	o := Options{
		Journal: j, Auth: h.gate, Graph: h.graph, Tokens: warmTokens{}, Operators: h.operators,
		Logger: slog.New(slog.DiscardHandler), WebhookPath: "/api/calls", Bot: "reception",
		RingTimeout: 15 * time.Second, RejectMargin: 500 * time.Millisecond,
	}
	for _, a := range adjust {
		a(&o)
	}
	h.server = New(o)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.url = "http://" + ln.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- h.server.Run(ctx, ln) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(h.stop)
	h.await("ready", func() bool { return h.server.Ready() == nil })
}

// await looks until something holds; a deadline makes it a failure.
func (h *house) await(what string, holds func() bool) {
	h.t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(end) {
			h.t.Fatalf("never: %s", what)
		}
		select {
		case <-h.server.desk.news():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// token makes an operator where there is none yet.
func (h *house) token(name string) string {
	h.t.Helper()
	if h.tokens[name] == "" {
		token, err := h.operators.Add(name, operator.Grant{})
		if err != nil {
			h.t.Fatal(err)
		}
		h.tokens[name] = token
	}
	return h.tokens[name]
}

// post sends a body to the webhook as Graph would, and returns the status.
func (h *house) post(body string, change ...func(*http.Request)) int {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.url+"/api/calls", bytes.NewReader([]byte(body)))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", genuine)
	req.Header.Set("Content-Type", "application/json")
	for _, c := range change {
		c(req)
	}
	return h.do(req).StatusCode
}

func (h *house) do(req *http.Request) *http.Response {
	h.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

// ring makes a call ring.
func (h *house) ring(id string) {
	h.t.Helper()
	if status := h.post(created(id, "Alice Meyer")); status != http.StatusAccepted {
		h.t.Fatalf("created %s: status %d, want 202", id, status)
	}
}

func created(id, name string) string {
	raw, err := json.Marshal(name)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"value":[{"changeType":"created","resourceUrl":"/communications/calls/%s","resourceData":{`+
		`"@odata.type":"#microsoft.graph.call","state":"incoming","direction":"incoming",`+
		`"source":{"identity":{"user":{"id":"u-1","displayName":%s}}},`+
		`"targets":[{"identity":{"application":{"id":"b-1","displayName":"Reception bot"}}}]}}]}`, id, raw)
}

func deleted(id string) string {
	return fmt.Sprintf(`{"value":[{"changeType":"deleted","resourceUrl":"/communications/calls/%s","resourceData":{"@odata.type":"#microsoft.graph.call"}}]}`, id)
}

// console is one operator's end of the stream, frame by frame.
type console struct {
	t    testing.TB
	conn *websocket.Conn
}

// frame is any frame from the relay, as far as the tests look.
type frame struct {
	Kind      wire.Kind       `json:"kind"`
	Cursor    wire.Cursor     `json:"cursor"`
	Resumed   bool            `json:"resumed"`
	Board     *wire.Board     `json:"board"`
	Watching  int             `json:"watching"`
	Notice    string          `json:"notice"`
	Event     call.EventKind  `json:"event"`
	Call      call.ID         `json:"call_id"`
	Remaining *call.Millis    `json:"remaining_ms"`
	Details   *call.Details   `json:"details"`
	Claim     *call.Claim     `json:"claim"`
	Reply     *call.Reply     `json:"reply"`
	Request   string          `json:"request_id"`
	Verdict   call.Verdict    `json:"outcome"`
	By        string          `json:"by"`
	Raw       json.RawMessage `json:"-"`
}

// sitDown opens a console and returns it with its welcome.
func (h *house) sitDown(operator string, cursor ...wire.Cursor) (*console, frame) {
	h.t.Helper()
	header := http.Header{"Authorization": {"Bearer " + h.token(operator)}}
	for _, c := range cursor {
		header.Set(wire.CursorHeader, c.String())
	}
	conn, resp, err := h.dial(header, wire.Subprotocol)
	if err != nil {
		h.t.Fatalf("dial: %v (%v)", err, resp)
	}
	c := &console{t: h.t, conn: conn}
	h.t.Cleanup(func() { _ = conn.Close() })
	welcome := c.next()
	if welcome.Kind != wire.KindWelcome {
		h.t.Fatalf("first frame is %q, want welcome", welcome.Kind)
	}
	return c, welcome
}

func (h *house) dial(header http.Header, protocols ...string) (*websocket.Conn, *http.Response, error) {
	h.t.Helper()
	d := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: 5 * time.Second}
	conn, resp, err := d.DialContext(h.t.Context(), "ws"+h.url[len("http"):]+"/v1/stream", header)
	if resp != nil {
		_ = resp.Body.Close()
	}
	return conn, resp, err
}

// read returns the next frame, or why the socket ended.
func (c *console) read() (frame, error) {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return frame{}, err
	}
	_, raw, err := c.conn.ReadMessage()
	if err != nil {
		return frame{}, err
	}
	var f frame
	if err := json.Unmarshal(raw, &f); err != nil {
		c.t.Fatalf("frame %s: %v", raw, err)
	}
	f.Raw = raw
	return f, nil
}

// next is the next frame that is no status.
func (c *console) next() frame {
	c.t.Helper()
	for {
		f, err := c.read()
		if err != nil {
			c.t.Fatalf("read: %v", err)
		}
		if f.Kind != wire.KindStatus {
			return f
		}
	}
}

// until reads on to an event of a kind.
func (c *console) until(kind call.EventKind) frame {
	c.t.Helper()
	for {
		if f := c.next(); f.Event == kind {
			return f
		}
	}
}

// result reads on to the answer to a command.
func (c *console) result(request string) frame {
	c.t.Helper()
	for {
		if f := c.next(); f.Kind == wire.KindResult && f.Request == request {
			return f
		}
	}
}

func (c *console) press(request, id string, reason call.Reason) {
	c.t.Helper()
	c.send(wire.FromConsole{Kind: wire.KindReject, Request: request, Call: call.ID(id), Reason: string(reason)})
}

func (c *console) send(f wire.FromConsole) {
	c.t.Helper()
	if err := c.conn.WriteJSON(f); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// decideOnce carries out a command that came on no console's socket.
func (h *house) decideOnce(cmd call.Command) call.Answer { return h.server.decideOnce(cmd, func() {}) }

// records is how many records the journal holds.
func (h *house) records() uint64 {
	h.t.Helper()
	_, last, err := h.server.opts.Journal.Head(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return last
}
