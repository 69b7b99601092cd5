//go:build !windows

package e2e

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowLine is a TCP line to the relay on which the way to the console can be
// stopped, so that one operator presses before he hears that another has.
type slowLine struct {
	address string
	gate    chan struct{} // holds a token while the line is open
}

func newSlowLine(t *testing.T, relay string) *slowLine {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &slowLine{address: ln.Addr().String(), gate: make(chan struct{}, 1)}
	l.open()
	var lines sync.WaitGroup
	lines.Go(func() {
		for {
			console, err := ln.Accept()
			if err != nil {
				return
			}
			lines.Go(func() { l.join(t.Context(), console, relay) })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); lines.Wait() })
	return l
}

func (l *slowLine) open() { l.gate <- struct{}{} }
func (l *slowLine) stop() { <-l.gate }

// join connects a console, until one of the ends closes or ctx ends.
func (l *slowLine) join(ctx context.Context, console net.Conn, relay string) {
	defer func() { _ = console.Close() }()
	server, err := net.Dial("tcp", relay)
	if err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { _, _ = console.Close(), server.Close() })()
	var ways sync.WaitGroup
	ways.Go(func() { _, _ = io.Copy(server, console); _ = server.Close() })
	ways.Go(func() { l.hearsay(ctx, console, server); _ = console.Close() })
	ways.Wait()
}

// hearsay hands on what the relay says while the line is open.
func (l *slowLine) hearsay(ctx context.Context, console io.Writer, server io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := server.Read(buf)
		select {
		case <-l.gate:
			l.open()
		case <-ctx.Done():
			return
		}
		if _, lost := console.Write(buf[:n]); err != nil || lost != nil {
			return
		}
	}
}

// operator makes a token for a colleague.
func (r *reception) operator(name string) string {
	r.t.Helper()
	code, token, stderr := run(r.t, r.dir, "operator", "add", name)
	if code != 0 {
		r.t.Fatalf("operator add exits %d: %s", code, stderr)
	}
	return "CALLSCREEN_TOKEN=" + strings.TrimSpace(token)
}

// goesOn moves to the next call, at a hand's pace: nearer to a decision the key
// would count as part of the same burst.
func (e *terminal) goesOn() {
	e.t.Helper()
	time.Sleep(100 * time.Millisecond)
	e.press("u")
}

// Ana sits at a screen, Ben types at lines; both press for the same call.
func TestOfTwoConsolesOneWinsAndTheOtherHearsWhoWasFaster(t *testing.T) {
	t.Parallel()
	r := newReception(t)
	anaLine, benLine := newSlowLine(t, r.listen), newSlowLine(t, r.listen)
	r.ring("Alice Meyer", "Bob Stone", "Carla Diaz", "Dora Lang")

	console := command(r.dir, "console", "--relay", "http://"+anaLine.address)
	console.Env = append(console.Env, r.operator("ana"))
	ana := openCommand(t, console, 120, 40)
	ana.armed("Alice Meyer")
	ben := startTyped(t, r.dir, []string{r.operator("ben")}, "console", "--relay", "http://"+benLine.address, "--output", "plain")
	ben.hears("call 4 rings")

	anaLine.stop() // she does not hear of Ben's decision
	ben.types("n 1")
	ben.hears("call 1 ended, rejected as none by you")
	ana.press("b")
	ana.shows("busy sent")
	anaLine.open()
	ana.shows("ben was faster by")

	ana.goesOn()
	ana.armed("Bob Stone")
	benLine.stop() // he does not hear of Ana's
	ana.press("f")
	r.decided(ana, 2)
	ben.types("b 2")
	ben.hears("call 2, busy sent")
	benLine.open()
	ben.hears("call 2, ana was faster by ")

	// At the same moment: whoever it is, it is one.
	ana.goesOn()
	ana.armed("Carla Diaz")
	ben.types("n 3")
	ana.press("b")
	r.decided(ana, 3)
	ben.hears("call 3 ended, rejected as ")
	ana.armed("Dora Lang")
	got := r.decisions()
	if len(got) != 3 || !slices.Equal(got[:2], []string{"Alice Meyer none", "Bob Stone forbidden"}) {
		t.Errorf("Microsoft saw %q", got)
	}
	if third := got[2]; third != "Carla Diaz busy" && third != "Carla Diaz none" {
		t.Errorf("third, Microsoft saw %q", third)
	}
	ben.types("q")
	if code := ben.ends(); code != 0 {
		t.Errorf("ben's console ends with %d", code)
	}
}
