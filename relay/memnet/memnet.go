// Package memnet is networks for tests: one in memory for tests in virtual time,
// and ports of the real one. Real sockets do not work in a bubble of
// testing/synctest. Unlike net.Pipe it buffers, as a
// socket does: two ends that both answer a ping do not wait for each other. A cut
// swallows everything in silence, as a pulled cable does.
package memnet

import (
	"bytes"
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// Net is one server's address: a listener, and a dialer that reaches it.
type Net struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu   sync.Mutex
	ends []*conn
	open bool
}

// New is a network whose server can be reached.
func New() *Net {
	return &Net{conns: make(chan net.Conn), done: make(chan struct{}), open: true}
}

// Dial connects to whoever accepts; where the server cannot be reached it waits
// until ctx ends. Network and address are not looked at.
func (n *Net) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	toServer, toClient := newHalf(), newHalf()
	ours, theirs := &conn{in: toClient, out: toServer}, &conn{in: toServer, out: toClient}
	select {
	case <-n.done:
		return nil, net.ErrClosed
	default:
	}
	if !n.admit(ours) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	select {
	case n.conns <- theirs:
		return ours, nil
	case <-n.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// admit notes a connection before its server sees it, so that none escapes a cut.
func (n *Net) admit(c *conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open {
		n.ends = append(n.ends, c)
	}
	return n.open
}

// Cut pulls the cable of every connection there is: from the console, from the
// relay, or both.
func (n *Net) Cut(fromConsole, fromRelay bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.ends {
		if fromConsole {
			c.out.swallow()
		}
		if fromRelay {
			c.in.swallow()
		}
	}
}

// Reachable says whether new connections can be made.
func (n *Net) Reachable(open bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open = open
}

// Accept waits for the next connection.
func (n *Net) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

// Close ends the listener; connections live on.
func (n *Net) Close() error {
	n.once.Do(func() { close(n.done) })
	return nil
}

// Kill ends the listener and every connection, as when the server's process dies.
func (n *Net) Kill() {
	_ = n.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open = false
	for _, c := range n.ends {
		c.in.change(func() { c.in.closed = true })
		c.out.change(func() { c.out.closed = true })
	}
}

// Addr is a loopback address that nothing listens on.
func (n *Net) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "mem" }
func (addr) String() string  { return "127.0.0.1:1" }

// half is one direction.
type half struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	closed  bool
	dropped bool
	due     time.Time // the reader's deadline
	moved   chan struct{}
}

func newHalf() *half { return &half{moved: make(chan struct{})} }

func (h *half) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.moved)
	h.moved = make(chan struct{})
}

func (h *half) swallow() { h.change(func() { h.dropped = true }) }

func (h *half) read(p []byte) (int, error) {
	for {
		h.mu.Lock()
		n, closed, due, moved := 0, h.closed, h.due, h.moved
		if h.buf.Len() > 0 {
			n, _ = h.buf.Read(p)
		}
		h.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case closed:
			return 0, net.ErrClosed
		case due.IsZero():
			<-moved
			continue
		case !time.Now().Before(due):
			return 0, os.ErrDeadlineExceeded
		}
		timer := time.NewTimer(time.Until(due))
		select {
		case <-moved:
		case <-timer.C:
		}
		timer.Stop()
	}
}

type conn struct{ in, out *half }

func (c *conn) Read(p []byte) (int, error) { return c.in.read(p) }

func (c *conn) Write(p []byte) (int, error) {
	var err error
	c.out.change(func() {
		switch {
		case c.out.closed:
			err = net.ErrClosed
		case !c.out.dropped:
			c.out.buf.Write(p)
		}
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close tells the other end only if the cable is whole.
func (c *conn) Close() error {
	c.in.change(func() { c.in.closed = true })
	c.out.change(func() { c.out.closed = c.out.closed || !c.out.dropped })
	return nil
}

func (c *conn) LocalAddr() net.Addr              { return addr{} }
func (c *conn) RemoteAddr() net.Addr             { return addr{} }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
func (c *conn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.change(func() { c.in.due = t })
	return nil
}
