package invariants

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"callscreen/relay/call"
	"callscreen/relay/journal"
	"callscreen/relay/memnet"
)

// The same invariants in real time: three relays of this process on three NATS
// servers, each a process of its own that is killed or stands still.

var clusterFor = flag.Duration("cluster", 10*time.Second, "how long the cluster run lasts; the long set is -cluster 5m")

const (
	natsOptions  = "CALLSCREEN_TEST_NATS" // in the environment: be a NATS server instead of a test
	troubleEvery = 5 * time.Second
	knownWithin  = 3 * time.Second
)

func TestMain(m *testing.M) {
	if raw := os.Getenv(natsOptions); raw != "" {
		os.Exit(beServer(raw))
	}
	os.Exit(m.Run())
}

// seatOf is where one server of the cluster is, and keeps its records.
type seatOf struct {
	Name, Dir     string
	Client, Route int
	Routes        []int // where it finds all three
}

// beServer is the life of one NATS server: until its standard input ends.
func beServer(raw string) int {
	var s seatOf
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	o := &server.Options{
		ServerName: s.Name, Host: "127.0.0.1", Port: s.Client, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: s.Dir, SyncAlways: true,
		// Nobody listens where it says that it is: the servers find each other by the
		// configured ways alone, which a test can cut.
		Cluster: server.ClusterOpts{Name: "trial", Host: "127.0.0.1", Port: s.Route, NoAdvertise: true, Advertise: "127.0.0.1:1"},
	}
	for _, port := range s.Routes {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
	}
	srv, err := server.NewServer(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	srv.Start()
	_, _ = io.Copy(io.Discard, os.Stdin)
	srv.Shutdown()
	return 0
}

// natsServer is one of the three processes.
type natsServer struct {
	seat  seatOf
	cmd   *exec.Cmd
	stdin io.Closer
}

// startCluster starts three servers. through lays the way from one to another's
// route port; nil is the straight way.
func startCluster(t *testing.T, through func(from, to, port int) int) []*natsServer {
	t.Helper()
	ports := freePorts(t, 6)
	var all []*natsServer
	for i := range 3 {
		s := &natsServer{seat: seatOf{Name: fmt.Sprint("n", i), Dir: t.TempDir(), Client: ports[i], Route: ports[3+i]}}
		for to, port := range ports[3:] {
			if through != nil && to != i {
				port = through(i, to, port)
			}
			s.seat.Routes = append(s.seat.Routes, port)
		}
		s.start(t)
		t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
		all = append(all, s)
	}
	return all
}

func (s *natsServer) start(t *testing.T) {
	t.Helper()
	raw, err := json.Marshal(s.seat)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.CommandContext(context.Background(), self)
	s.cmd.Env, s.cmd.Stderr = append(os.Environ(), natsOptions+"="+string(raw)), os.Stderr
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// restart is kill -9, and a new start after a while.
func (s *natsServer) restart(t *testing.T, after time.Duration) {
	t.Helper()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	time.Sleep(after)
	s.start(t)
}

func (s *natsServer) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.seat.Client) }

func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		port, err := memnet.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	return ports
}

func portOf(t *testing.T, ln net.Listener) int {
	t.Helper()
	addr, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal(ln.Addr())
	}
	return addr.Port
}

// openJournal waits for a cluster that is just coming up.
func openJournal(t *testing.T, servers ...*natsServer) *journal.Journal {
	t.Helper()
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.url())
	}
	var err error
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		var j *journal.Journal
		if j, err = journal.Open(t.Context(), journal.Options{URL: strings.Join(urls, ","), Replicas: 3}); err == nil {
			t.Cleanup(func() { _ = j.Close() })
			return j
		}
	}
	t.Fatalf("the cluster did not come up: %v", err)
	return nil
}

// startOn runs a relay on a real port.
func (w *world) startOn(t *testing.T, place int, j *journal.Journal) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{dead: make(chan struct{})}
	p.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, ln.Addr().String())
	}
	w.run(place, p, j, ln)
}

func TestN02OnThreeServersThatDieAndStandStillThereAreNeverTwoWinners(t *testing.T) {
	if testing.Short() {
		t.Skip("takes real time, and processes")
	}
	t.Parallel() // it mostly waits
	servers := startCluster(t, nil)
	w := newWorld(t, *first, bugs{})
	w.quiet.Store(true) // nothing is made up here: the servers are the trouble
	ctx, end := context.WithCancel(t.Context())
	w.ctx = ctx
	journals := make([]*journal.Journal, relays)
	for place := range relays {
		journals[place] = openJournal(t, servers...)
		w.startOn(t, place, journals[place])
	}
	var consoles []*console
	var sitting sync.WaitGroup
	for n, name := range []string{"ana", "ben", "cleo", "ana", "ben", "cleo"} {
		c := newConsole(t, w, n, name)
		consoles = append(consoles, c)
		sitting.Go(func() { _ = c.link.Run(ctx) })
		sitting.Go(func() { c.watch(ctx) })
	}
	w.disturb(t, servers)
	settle(t, w, journals[0], consoles)

	records := w.everything(t, journals[0])
	for _, c := range consoles {
		c.mu.Lock()
	}
	for _, s := range w.check(records, consoles) {
		t.Error(s)
	}
	w.checkKnown(t, consoles)
	for _, c := range consoles {
		c.mu.Unlock()
	}
	end()
	sitting.Wait()
	for _, p := range w.running {
		p.end()
	}
	w.tasks.Wait()
}

// disturb lets calls come all the time, and one server die or stand still every
// five seconds.
func (w *world) disturb(t *testing.T, servers []*natsServer) {
	t.Helper()
	over := time.Now().Add(*clusterFor)
	w.tasks.Go(func() {
		for n := 0; time.Now().Before(over); n++ {
			w.tasks.Go(func() { w.place(n) })
			time.Sleep(w.chance.between(50*time.Millisecond, 350*time.Millisecond))
		}
	})
	for time.Now().Before(over) {
		time.Sleep(min(troubleEvery, time.Until(over)))
		s := servers[w.chance.n(len(servers))]
		if w.chance.chance(500) || !s.pause(w.chance.between(500*time.Millisecond, 3*time.Second)) {
			s.restart(t, w.chance.between(200*time.Millisecond, 2*time.Second))
		}
	}
}

// settle waits until nothing happens any more: every call is over and every
// console has read to the end.
func settle(t *testing.T, w *world, j *journal.Journal, consoles []*console) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error("it does not come to rest")
			return
		}
		_, last, err := j.Head(t.Context())
		if err != nil {
			continue
		}
		rested := 0
		for _, c := range consoles {
			c.mu.Lock()
			open := slices.ContainsFunc(openPresses(c), func(p *press) bool { return len(p.answers) == 0 })
			if c.board.Seq() == last && len(c.board.Live()) == 0 && !open && time.Since(w.lastRing()) > ringTime+2*time.Second {
				rested++
			}
			c.mu.Unlock()
		}
		if rested == len(consoles) {
			return
		}
	}
}

func openPresses(c *console) (all []*press) {
	for _, p := range c.pressed {
		all = append(all, p)
	}
	return all
}

// lastRing is when the newest call began.
func (w *world) lastRing() (at time.Time) {
	w.graph.mu.Lock()
	defer w.graph.mu.Unlock()
	for _, c := range w.graph.calls {
		if c.from.After(at) {
			at = c.from
		}
	}
	return at
}

// everything is the journal's records.
func (w *world) everything(t *testing.T, j *journal.Journal) (all []journal.Record) {
	t.Helper()
	_, last, err := j.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	if err := j.Follow(t.Context(), 0, func(r journal.Record) error {
		if all = append(all, r); r.Seq == last {
			return enough
		}
		return nil
	}); !errors.Is(err, enough) {
		t.Fatal(err)
	}
	return all
}

// checkKnown reports how soon operators knew what became of their decisions. The
// long set holds it against N-02; the quick set is too short for shares, and
// shares its machine.
func (w *world) checkKnown(t *testing.T, consoles []*console) {
	t.Helper()
	n, soon, unknown := 0, 0, 0
	var longest time.Duration
	for _, c := range consoles {
		for _, p := range c.pressed {
			if len(p.answers) == 0 {
				continue
			}
			took := p.told.Sub(p.at)
			longest = max(longest, took)
			n++
			switch {
			case took > knownWithin:
			case p.answers[0].Verdict == call.WasUnknown:
				unknown++
			default:
				soon++
			}
		}
	}
	t.Logf("%d decisions: %d known and %d unknown within %v, the longest took %v", n, soon, unknown, knownWithin, longest)
	if *clusterFor >= time.Minute && soon*100 < n*98 {
		t.Errorf("only %d of %d decisions were known within %v", soon, n, knownWithin)
	}
}
