package client

import (
	"bytes"
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// memNet is a network in memory for tests in virtual time. Unlike net.Pipe it
// buffers, as a socket does: two ends that both answer a ping do not wait for
// each other. A cut swallows everything in silence, as a pulled cable does.
type memNet struct {
	conns chan net.Conn
	done  chan struct{}

	mu   sync.Mutex
	ends []*memConn
	open bool
}

func newMemNet() *memNet {
	return &memNet{conns: make(chan net.Conn), done: make(chan struct{}), open: true}
}

func (n *memNet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.mu.Lock()
	open := n.open
	n.mu.Unlock()
	if !open {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	toServer, toClient := newHalf(), newHalf()
	ours, theirs := &memConn{in: toClient, out: toServer}, &memConn{in: toServer, out: toClient}
	select {
	case n.conns <- theirs:
	case <-n.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	n.ends = append(n.ends, ours)
	n.mu.Unlock()
	return ours, nil
}

// cut pulls the cable of every connection there is: from the console, from the
// relay, or both.
func (n *memNet) cut(fromConsole, fromRelay bool) {
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

// reachable says whether new connections can be made.
func (n *memNet) reachable(open bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open = open
}

func (n *memNet) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *memNet) Close() error {
	select {
	case <-n.done:
	default:
		close(n.done)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.ends {
		c.in.change(func() { c.in.closed = true })
		c.out.change(func() { c.out.closed = true })
	}
	return nil
}

func (n *memNet) Addr() net.Addr { return memAddr{} }

type memAddr struct{}

func (memAddr) Network() string { return "mem" }
func (memAddr) String() string  { return "127.0.0.1:1" }

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

type memConn struct{ in, out *half }

func (c *memConn) Read(p []byte) (int, error) { return c.in.read(p) }

func (c *memConn) Write(p []byte) (int, error) {
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
func (c *memConn) Close() error {
	c.in.change(func() { c.in.closed = true })
	c.out.change(func() { c.out.closed = c.out.closed || !c.out.dropped })
	return nil
}

func (c *memConn) LocalAddr() net.Addr              { return memAddr{} }
func (c *memConn) RemoteAddr() net.Addr             { return memAddr{} }
func (c *memConn) SetWriteDeadline(time.Time) error { return nil }
func (c *memConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *memConn) SetReadDeadline(t time.Time) error {
	c.in.change(func() { c.in.due = t })
	return nil
}

func TestTheNetworkOfTheTestsSwallowsAfterACut(t *testing.T) {
	n := newMemNet()
	go func() {
		c, err := n.Accept()
		if err == nil {
			_, _ = c.Write([]byte("a"))
		}
	}()
	c, err := n.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4)
	if got, err := c.Read(p); got != 1 || err != nil {
		t.Fatalf("read %d, %v", got, err)
	}
	n.cut(true, true)
	if _, err := c.Write([]byte("b")); err != nil {
		t.Errorf("a cut is noticed by the writer: %v", err)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := c.Read(p); err == nil {
		t.Error("something came through the cut")
	}
}
