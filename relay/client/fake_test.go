package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/relay/call"
	"callscreen/relay/memnet"
	"callscreen/relay/wire"
)

const theToken = "canary-4f1d0c7a9b"

// fakeRelay is a relay by script: it does with each console what the test says.
type fakeRelay struct {
	script func(s *socket)
	answer func(w http.ResponseWriter, r *http.Request) bool // instead of the handshake; nil or false goes on

	mu      sync.Mutex
	headers []http.Header
	urls    []string
	rejects []wire.FromConsole
	alive   []wire.FromConsole
}

// socket is the relay's end of one console.
type socket struct {
	*websocket.Conn
	relay  *fakeRelay
	header http.Header
	frames chan wire.FromConsole // closed when the console is gone
	gone   error                 // why, after frames is closed
	writes sync.Mutex
}

func (f *fakeRelay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.headers = append(f.headers, r.Header.Clone())
	f.urls = append(f.urls, r.URL.String())
	f.mu.Unlock()
	if f.answer != nil && f.answer(w, r) {
		return
	}
	up := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	s := &socket{Conn: conn, relay: f, header: r.Header, frames: make(chan wire.FromConsole, 1024)}
	var reader sync.WaitGroup
	reader.Go(s.read)
	f.script(s)
	_ = conn.Close()
	reader.Wait()
}

func (s *socket) read() {
	defer close(s.frames)
	for {
		_, data, err := s.ReadMessage()
		if err != nil {
			s.gone = err
			return
		}
		var f wire.FromConsole
		if json.Unmarshal(data, &f) != nil {
			continue
		}
		s.relay.mu.Lock()
		if f.Kind == wire.KindReject {
			s.relay.rejects = append(s.relay.rejects, f)
		} else {
			s.relay.alive = append(s.relay.alive, f)
		}
		s.relay.mu.Unlock()
		s.frames <- f
	}
}

func (s *socket) send(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.writes.Lock()
	defer s.writes.Unlock()
	return s.WriteMessage(websocket.TextMessage, data)
}

// welcome sends a board that stands at a sequence.
func (s *socket) welcome(b *call.Board) error {
	return s.send(wire.Welcome{
		Kind: wire.KindWelcome, Cursor: wire.Cursor{Epoch: "E", Seq: b.Seq()}, Operator: "ana", Bot: "reception", Company: wire.Company{Watching: 1},
		Board: wire.NewBoard(b.Calls(), b.Tally(), b.Ledger(), time.Now()),
	})
}

// stay keeps the link until the console leaves.
func (s *socket) stay() {
	for open := true; open; {
		_, open = <-s.frames
	}
}

func (s *socket) hangUp(code int, text string) {
	_ = s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(time.Second))
}

func (f *fakeRelay) sent() (rejects, alive []wire.FromConsole) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]wire.FromConsole(nil), f.rejects...), append([]wire.FromConsole(nil), f.alive...)
}

// asked is the headers of every request so far.
func (f *fakeRelay) asked() []http.Header {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]http.Header(nil), f.headers...)
}

func options(url string) Options {
	return Options{URL: url, Token: func() (string, error) { return theToken, nil }, UserAgent: "callscreen/test"}
}

// onSockets serves a fake relay on a real socket and runs a client against it
// until the test ends.
func onSockets(t *testing.T, f *fakeRelay) *console {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	c, err := New(options(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	c.pause = func(int) time.Duration { return 0 }
	start(t, c)
	return &console{Client: c}
}

// inMemory does the same in the virtual time of the test's bubble. settings are
// made before the client starts.
func inMemory(t *testing.T, f *fakeRelay, settings ...func(c *Client)) (*console, *memnet.Net) {
	t.Helper()
	n := memnet.New()
	server := &http.Server{Handler: f, ReadHeaderTimeout: time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(n) })
	o := options("http://127.0.0.1:1")
	o.Dial = n.Dial
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range settings {
		set(c)
	}
	t.Cleanup(func() { _ = server.Close(); n.Kill(); serving.Wait() })
	start(t, c)
	return &console{Client: c}, n
}

func start(t *testing.T, c *Client) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
}

// console is a client with a reader that reads no further than it wants.
type console struct {
	*Client
	held []call.Update
}

// next reads updates up to the first that satisfies want, which is the last it returns.
func next(t *testing.T, c *console, want func(call.Update) bool) []call.Update {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var read []call.Update
	for {
		for i, u := range c.held {
			read = append(read, u)
			if want(u) {
				c.held = c.held[i+1:]
				return read
			}
		}
		var err error
		if c.held, err = c.Next(ctx); err != nil {
			t.Fatalf("nothing more comes (%v) after %d updates", err, len(read))
		}
	}
}

func isUp(u call.Update) bool     { return u.Link != nil && u.Link.Up }
func isDown(u call.Update) bool   { return u.Link != nil && !u.Link.Up && u.Link.Err != "" }
func isAnswer(u call.Update) bool { return u.Answer != nil }

// rang is a call that began to ring now.
func rang(seq uint64, id call.ID) call.Event {
	return call.Event{
		Seq: seq, At: time.Now(), Kind: call.Rang, Call: id, Ring: 15000, Margin: 500,
		Details: &call.Details{Caller: call.Party{Kind: call.Phone, Name: "Alice Meyer", ID: "+442079460123"}},
	}
}

func board(events ...call.Event) *call.Board {
	b := call.NewBoard()
	for _, e := range events {
		b.Apply(e)
	}
	return b
}
