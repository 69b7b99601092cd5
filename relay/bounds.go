package relay

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// connectionsAtOnce bounds the HTTP connections. Consoles' sockets leave the
	// HTTP server at their upgrade and do not count.
	connectionsAtOnce = 1024
	// webhooksAtOnce bounds the notifications under way: a body and an append each.
	webhooksAtOnce = 256
	// webhooksWaiting may stand in line behind them for turnWithin: a burst of
	// calls is taken in a moment, and nobody knows whether Graph posts again what
	// was refused.
	webhooksWaiting = 1024
	turnWithin      = time.Second
	// readWithin bounds the reading of a request, its body included.
	readWithin = 5 * time.Second
)

// lingerAtLeast is how long a connection is let be after its answer: the server
// still writes it. Then it only waits half a second for a client to read.
const lingerAtLeast = 100 * time.Millisecond

// connections bounds how many connections an HTTP server holds (P-02). When one
// more comes, the one that has waited longest without a request is closed for
// it, first among those that never sent one: a slow client costs a place until
// somebody needs it, and never keeps a genuine one out. Last go those that were
// answered and linger, which a flood of refusals leaves by the hundred.
// Connections with a request under way are let be; their waits have bounds of
// their own.
type connections struct {
	most int

	mu                    sync.Mutex
	open                  map[net.Conn]*list.Element // in the list it waits in; nil while a request is under way
	fresh, idle, answered list.List                  // of waiting, the longest waiting first
}

type waiting struct {
	conn  net.Conn
	since time.Time
}

func newConnections(most int) *connections {
	return &connections{most: most, open: map[net.Conn]*list.Element{}}
}

// track is the server's ConnState hook.
func (c *connections) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := c.open[conn]
	if at != nil { // of the lists only the one it is in lets it go
		c.fresh.Remove(at)
		c.idle.Remove(at)
		c.answered.Remove(at)
	}
	switch state {
	case http.StateNew:
		if len(c.open) >= c.most && !c.makeRoom() {
			hangUp(conn)
			return
		}
		c.open[conn] = c.fresh.PushBack(waiting{conn, time.Now()})
	case http.StateActive:
		if known { // else it was closed to make room as its request arrived
			c.open[conn] = nil
		}
	case http.StateIdle:
		if known {
			c.open[conn] = c.idle.PushBack(waiting{conn, time.Now()})
		}
	case http.StateHijacked, http.StateClosed:
		delete(c.open, conn)
	}
}

// makeRoom closes one waiting connection, if there is one.
func (c *connections) makeRoom() bool {
	for _, list := range []*list.List{&c.fresh, &c.idle, &c.answered} {
		at := list.Front()
		if at == nil {
			continue
		}
		w, ok := at.Value.(waiting)
		if !ok || list == &c.answered && time.Since(w.since) < lingerAtLeast {
			continue
		}
		list.Remove(at)
		delete(c.open, w.conn)
		hangUp(w.conn)
		return true
	}
	return false
}

// connKey is where a request's context has its connection.
type connKey struct{}

func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// answering notes when a request has been answered. Under HTTP/2 others may be
// under way on the same connection.
func (c *connections) answering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok && r.ProtoMajor == 1 {
			defer c.linger(conn)
		}
		next.ServeHTTP(w, r)
	})
}

func (c *connections) linger(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, known := c.open[conn]; known && at == nil { // else it is a console's by now, or gone
		c.open[conn] = c.answered.PushBack(waiting{conn, time.Now()})
	}
}

// hangUp closes a socket without TLS's goodbye, for which a client that does not
// read could make us wait. The server's own close follows.
func hangUp(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	_ = conn.Close()
}

// turns lets a bounded number of requests work at once, and a bounded number
// wait for that, for a bounded time.
type turns struct {
	working, waiting chan struct{}
}

func newTurns(working, waiting int) turns {
	return turns{make(chan struct{}, working), make(chan struct{}, waiting)}
}

// take waits for a turn and reports whether it came; whoever got it owes leave.
func (t turns) take(ctx context.Context) bool {
	select {
	case t.working <- struct{}{}:
		return true
	default:
	}
	select {
	case t.waiting <- struct{}{}:
	default:
		return false
	}
	defer func() { <-t.waiting }()
	ctx, cancel := context.WithTimeout(ctx, turnWithin)
	defer cancel()
	select {
	case t.working <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t turns) leave() { <-t.working }
