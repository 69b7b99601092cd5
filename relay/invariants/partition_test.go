package invariants

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"callscreen/relay/call"
)

// cable is a way between two servers that can be cut.
type cable struct {
	ln net.Listener
	to string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func newCable(t *testing.T, port int) *cable {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{ln: ln, to: fmt.Sprintf("127.0.0.1:%d", port)}
	go c.serve()
	t.Cleanup(func() { _ = ln.Close(); c.pull(true) })
	return c
}

func (c *cable) serve() {
	for {
		near, err := c.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.to)
		if err != nil || !c.admit(near, far) {
			_ = near.Close()
			continue
		}
		for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
			go func() {
				_, _ = io.Copy(way[0], way[1])
				_ = way[0].Close()
			}()
		}
	}
}

func (c *cable) admit(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conns...)
	if c.cut {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
	return !c.cut
}

// pull cuts the cable, or joins it again.
func (c *cable) pull(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

// eventually waits for something that other processes decide.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// sit runs a console at one relay.
func (w *world) sit(t *testing.T, n int, name string, at *process) *console {
	t.Helper()
	c := newConsoleAt(t, w, n, name, at.dial)
	c.idle = true
	var sitting sync.WaitGroup
	sitting.Go(func() { _ = c.link.Run(w.ctx) })
	sitting.Go(func() { c.watch(w.ctx) })
	t.Cleanup(sitting.Wait)
	eventually(t, name+"'s link is up", func() bool { return c.looks(func() bool { return c.up }) })
	return c
}

// looks asks something about a console under its lock.
func (c *console) looks(holds func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return holds()
}

// state is where a call stands on a console.
func (c *console) state(id call.ID) (s call.State) {
	c.looks(func() bool {
		if k, ok := c.board.Get(id); ok {
			s = k.State
		}
		return true
	})
	return s
}

// decides presses a key and waits for what became of it.
func (c *console) decides(t *testing.T, id call.ID) (a call.Answer) {
	t.Helper()
	c.press(id, call.Busy)
	eventually(t, "an answer about "+string(id), func() bool {
		return c.looks(func() bool {
			for _, p := range c.pressed {
				if p.id == id && len(p.answers) > 0 {
					a = p.answers[0]
					return true
				}
			}
			return false
		})
	})
	return a
}

func TestN05TheMinoritySideOfAPartitionRefusesClaimsAndSaysSo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes real time, and processes")
	}
	t.Parallel()        // it mostly waits
	var lonely []*cable // whatever joins the first server to the others
	servers := startCluster(t, func(from, to, port int) int {
		c := newCable(t, port)
		if from == 0 || to == 0 {
			lonely = append(lonely, c)
		}
		return portOf(t, c.ln)
	})
	w := newWorld(t, 1, bugs{})
	w.quiet.Store(true)
	w.ctx = t.Context()
	minority, majority := openJournal(t, servers[0]), openJournal(t, servers[1:]...)
	w.startOn(t, 0, minority)
	w.startOn(t, 1, majority)
	t.Cleanup(func() { // before the journals are closed
		for _, p := range w.running[:2] {
			p.end()
		}
		w.tasks.Wait()
	})
	ana, ben := w.sit(t, 0, "ana", w.running[0]), w.sit(t, 1, "ben", w.running[1])
	ring := func(at int, id call.ID) int {
		w.graph.rings(id)
		return w.postTo(w.running[at], created(id, "Alice Meyer"), genuine)
	}
	if status := ring(1, "A"); status != 202 {
		t.Fatalf("before the partition: status %d", status)
	}
	eventually(t, "both see the call", func() bool { return ana.state("A") == call.Ringing && ben.state("A") == call.Ringing })

	for _, c := range lonely {
		c.pull(true)
	}
	eventually(t, "the minority's console says so", func() bool {
		return ana.looks(func() bool { return strings.Contains(ana.trouble, "journal cannot be written") })
	})
	eventually(t, "the majority has a leader", func() bool { return ring(1, "B") == 202 })
	eventually(t, "the majority's console sees the call", func() bool { return ben.state("B") == call.Ringing })
	if a := ben.decides(t, "B"); a.Verdict != call.WasRejected {
		t.Errorf("on the majority's side: %+v", a)
	}
	before := len(w.graph.requests("A"))
	if a := ana.decides(t, "A"); a.Verdict != call.WasUnknown && a.Verdict != call.NotSent && a.Verdict != call.WasTooLate {
		t.Errorf("on the minority's side: %+v", a)
	}
	if n := len(w.graph.requests("A")); n != before {
		t.Errorf("%d requests left the minority's side", n-before)
	}
	if status := ring(0, "C"); status != 503 {
		t.Errorf("a notification on the minority's side is answered %d, want 503", status)
	}

	for _, c := range lonely {
		c.pull(false)
	}
	eventually(t, "the minority catches up", func() bool {
		return ana.state("B") != "" && ana.looks(func() bool { return ana.trouble == "" })
	})
	eventually(t, "and screens calls again", func() bool { return ring(0, "D") == 202 })
	eventually(t, "the call is there", func() bool { return ana.state("D") == call.Ringing })
	if a := ana.decides(t, "D"); a.Verdict != call.WasRejected {
		t.Errorf("after the partition: %+v", a)
	}
}
