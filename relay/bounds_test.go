package relay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener in memory, so that sixty seconds of slow clients take no
// time at all. It knows how many connections the server holds.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	open   atomic.Int64
	most   atomic.Int64
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		p.most.Store(max(p.most.Load(), p.open.Add(1)))
		return &counted{Conn: c, gone: sync.OnceFunc(func() { p.open.Add(-1) })}, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

type counted struct {
	net.Conn
	gone func()
}

func (c *counted) Close() error { c.gone(); return c.Conn.Close() }

// noJournal is for requests that never come so far.
type noJournal struct{ Journal }

func (noJournal) Epoch() string  { return "none" }
func (noJournal) Healthy() error { return nil }

// inMemory serves a relay without a journal on pipes, inside a synctest bubble.
func inMemory(t *testing.T, adjust func(*http.Server)) (*Server, *pipes) {
	t.Helper()
	s := New(Options{
		Journal: noJournal{}, Auth: &gate{}, Tokens: warmTokens{}, Logger: slog.New(slog.DiscardHandler),
		WebhookPath: "/api/calls", RingTimeout: 15 * time.Second,
	})
	s.desk.open()
	srv, ln := s.httpServer(s.Handler()), newPipes()
	if adjust != nil {
		adjust(srv)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return s, ln
}

const empty = "POST /api/calls HTTP/1.1\r\nHost: relay\r\nAuthorization: " + genuine + "\r\nContent-Length: 0\r\n\r\n"

// postEmpty posts an empty body, which is answered 204 and needs no journal.
func postEmpty(conn net.Conn) (int, error) {
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, empty); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// slowClients are what they send at once, and then a byte a second.
var slowClients = []string{
	"",
	"POST /api/calls HTTP/1.1\r\nHost: relay\r\nX-Slow: ",
	"POST /api/calls HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer forged\r\nContent-Length: 1000\r\n\r\n",
	"POST /api/calls HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer forged\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n",
}

// stolen has a genuine token, and is slow with the body.
const stolen = "POST /api/calls HTTP/1.1\r\nHost: relay\r\nAuthorization: " + genuine + "\r\nContent-Length: 1000\r\n\r\n"

// dawdle is one slow client; it returns how long the server put up with it.
func dawdle(conn net.Conn, first string) time.Duration {
	began, over := time.Now(), make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.Copy(io.Discard, conn)
	}()
	_, err := io.WriteString(conn, first)
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-over:
			tick.Stop()
			_ = conn.Close()
			return time.Since(began)
		case <-tick.C:
			if err == nil {
				_, err = io.WriteString(conn, "x")
			}
		}
	}
}

func TestP02SlowClientsAreClosedAndKeepNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ln := inMemory(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		var closed, late atomic.Int64
		for i := range 2000 {
			first := slowClients[i%len(slowClients)]
			if i%20 == 0 {
				first = stolen
			}
			wg.Go(func() {
				for ctx.Err() == nil {
					if dawdle(ln.dial(), first) > 6*time.Second {
						late.Add(1)
					}
					closed.Add(1)
					time.Sleep(time.Second)
				}
			})
		}
		posts := 0
		for ctx.Err() == nil {
			time.Sleep(97 * time.Millisecond)
			began := time.Now()
			if status, err := postEmpty(ln.dial()); status != http.StatusNoContent || time.Since(began) > 250*time.Millisecond {
				t.Errorf("a genuine post: %d, %v after %s", status, err, time.Since(began))
			}
			posts++
		}
		wg.Wait()
		t.Logf("%d slow connections closed, %d genuine posts, at most %d connections", closed.Load(), posts, ln.most.Load())
		if late.Load() > 0 || closed.Load() < 2000 || posts < 500 {
			t.Errorf("%d of %d slow connections lived longer than 6 s; %d posts", late.Load(), closed.Load(), posts)
		}
		if most := ln.most.Load(); most != connectionsAtOnce+1 { // the newest and, for a moment, the one that makes room for it
			t.Errorf("at most %d connections at once, want %d and the newest", most, connectionsAtOnce)
		}
	})
}

// TestP02WithoutItsBoundsTheServerHoldsEveryone is the planted bug.
func TestP02WithoutItsBoundsTheServerHoldsEveryone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ln := inMemory(t, func(srv *http.Server) {
			srv.ConnState, srv.ReadHeaderTimeout, srv.ReadTimeout = nil, 0, 0
		})
		for range connectionsAtOnce + 200 {
			conn := ln.dial()
			defer func() { _ = conn.Close() }()
		}
		time.Sleep(time.Minute)
		if n := ln.open.Load(); n != connectionsAtOnce+200 {
			t.Errorf("%d connections are held without bounds: the test above cannot fail", n)
		}
	})
}

func TestP02TheLongestWaitingMakesRoomAndNobodyAtWork(t *testing.T) {
	c := newConnections(3)
	var open []*mortal
	arrive := func(state ...http.ConnState) *mortal {
		m := &mortal{}
		open = append(open, m)
		for _, s := range append([]http.ConnState{http.StateNew}, state...) {
			c.track(m, s)
		}
		return m
	}
	idle := arrive(http.StateActive, http.StateIdle)
	fresh, atWork := arrive(), arrive(http.StateActive)
	second := arrive()
	if !fresh.closed || idle.closed || atWork.closed || second.closed {
		t.Fatalf("the one that never sent a request goes first: %+v", open)
	}
	c.track(second, http.StateActive)
	third := arrive(http.StateActive)
	if !idle.closed || atWork.closed || second.closed || third.closed {
		t.Fatalf("then the idle one: %+v", open)
	}
	if fourth := arrive(); !fourth.closed || atWork.closed || second.closed || third.closed {
		t.Fatalf("and when all are at work the newest: %+v", open)
	}
	c.track(atWork, http.StateHijacked) // a console: it does not count
	if fifth := arrive(); fifth.closed {
		t.Error("a place is free and was not given")
	}
	for _, m := range open { // also those that were closed already
		c.track(m, http.StateClosed)
	}
	if len(c.open) != 0 || c.fresh.Len() != 0 || c.idle.Len() != 0 || c.answered.Len() != 0 {
		t.Errorf("left over: %d, %d fresh, %d idle, %d answered", len(c.open), c.fresh.Len(), c.idle.Len(), c.answered.Len())
	}
}

func TestP02AnAnsweredConnectionThatLingersMakesRoomOnceItsAnswerIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConnections(2)
		lingers, atWork, newest := &mortal{}, &mortal{}, &mortal{}
		for _, m := range []*mortal{lingers, atWork} {
			c.track(m, http.StateNew)
			c.track(m, http.StateActive)
		}
		c.linger(lingers)
		if c.track(newest, http.StateNew); !newest.closed || lingers.closed {
			t.Errorf("while its answer is written: %+v", lingers)
		}
		time.Sleep(lingerAtLeast)
		newest = &mortal{}
		if c.track(newest, http.StateNew); newest.closed || !lingers.closed || atWork.closed {
			t.Errorf("after that: %+v %+v %+v", lingers, atWork, newest)
		}
		c.linger(lingers) // gone already
		if c.answered.Len() != 0 {
			t.Error("a connection that is gone lingers")
		}
	})
}

// mortal is a connection that can only be closed.
type mortal struct {
	net.Conn
	closed bool
}

func (m *mortal) Close() error { m.closed = true; return nil }

func TestP02OverRealSocketsTheOldestMakesRoomAtOnce(t *testing.T) {
	h := newHouse(t)
	dialer, address := net.Dialer{}, strings.TrimPrefix(h.url, "http://")
	silent := make([]net.Conn, 0, connectionsAtOnce+20)
	for range cap(silent) {
		conn, err := dialer.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		silent = append(silent, conn)
	}
	h.ring("A")
	began := time.Now()
	if err := silent[0].SetReadDeadline(began.Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := silent[0].Read(make([]byte, 1)); errors.Is(err, context.DeadlineExceeded) || err == nil {
		t.Errorf("the oldest silent connection is still open: %v", err)
	}
}

func TestP02NotificationsBeyondWhatCanBeTakenWaitAMomentInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(2, 3)
		ctx := t.Context()
		for range 2 {
			if !turns.take(ctx) {
				t.Fatal("no turn although one is free")
			}
		}
		var got, refused atomic.Int32
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if turns.take(ctx) {
					got.Add(1)
				} else {
					refused.Add(1)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if turns.take(ctx) || time.Since(began) > 0 {
			t.Errorf("a sixth waits %s in a line of three", time.Since(began))
		}
		turns.leave()
		synctest.Wait()
		if got.Load() != 1 {
			t.Errorf("%d got the free turn", got.Load())
		}
		wg.Wait()
		if refused.Load() != 2 || time.Since(began) != turnWithin {
			t.Errorf("%d were refused after %s, want 2 after %s", refused.Load(), time.Since(began), turnWithin)
		}
	})
}

func TestP02ARelayThatIsBusyAnswers503AndTakesTheNextOne(t *testing.T) {
	h := newHouse(t)
	h.server.turns = newTurns(1, 0)
	if !h.server.turns.take(t.Context()) {
		t.Fatal("no turn")
	}
	if got := h.post(created("A", "x")); got != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", got)
	}
	if got := h.records(); got != 0 {
		t.Errorf("%d records of what was not taken", got)
	}
	h.server.turns.leave()
	h.ring("A")
	if n := h.metric(fmt.Sprintf("callscreen_webhook_requests_total{refused=%q,status=%q}", "busy", "503")); n != 1 {
		t.Errorf("counted %v times", n)
	}
}
