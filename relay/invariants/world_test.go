package invariants

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callscreen/graph"
	"callscreen/relay"
	"callscreen/relay/call"
	"callscreen/relay/memnet"
)

const (
	relays   = 3
	calls    = 30
	faulty   = 30 * time.Second // how long calls come and faults happen
	settling = 25 * time.Second // how long the run goes on without faults
)

// undos is how long decisions are held, a run each.
var undos = [...]time.Duration{0, time.Second, 4 * time.Second}

// Secrets that must not be found anywhere (I6).
const (
	genuine  = "canary-of-microsoft"
	operator = "canary-of-operator-"
)

// world is one run.
type world struct {
	t      testing.TB
	seed   uint64
	quiet  atomic.Bool
	store  *store // of a run in memory
	graph  *microsoft
	policy relay.Policy
	onCall relay.OnCall
	gone   atomic.Bool // nobody is at any screen
	log    lockedBuffer

	chance *dice // of the run itself
	ctx    context.Context
	tasks  sync.WaitGroup // whatever the run started by itself

	mu       sync.Mutex
	running  [relays]*process
	lives    uint64
	answered map[string]bool // calls whose notification was answered 202
	forged   []call.ID
	faults   map[string]int // what went wrong on purpose, to see that it did
}

func newWorld(t testing.TB, seed uint64, b bugs) *world {
	t.Helper()
	w := &world{t: t, seed: seed, store: newStore(b), answered: map[string]bool{}, faults: map[string]int{}}
	w.graph = &microsoft{w: w, calls: map[string]*ringing{}}
	w.chance = w.dice(0)
	return w
}

// process is one running relay.
type process struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	dead chan struct{} // closed: killed
	end  context.CancelFunc
	over chan struct{} // closed when it has ended

	// Of a run in memory.
	link *link
	net  *memnet.Net
}

// start runs a relay in a place whose last one is gone, in memory.
func (w *world) start(place int) {
	p := &process{net: memnet.New(), dead: make(chan struct{})}
	p.dial = p.net.Dial
	p.link = &link{dice: w.dice(w.born()), store: w.store, dead: p.dead}
	w.run(place, p, p.link, p.net)
}

// born numbers what comes to life during a run.
func (w *world) born() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lives++
	return 1000 + w.lives
}

// run is a relay on a journal and a listener, until it is told to end.
func (w *world) run(place int, p *process, j relay.Journal, ln net.Listener) {
	o := relay.Options{
		Journal: j, Auth: gate{}, Tokens: warm{}, Operators: names{},
		Graph:  &outward{dice: w.dice(w.born()), graph: w.graph, dead: p.dead},
		Logger: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),

		WebhookPath: "/api/calls", Bot: "reception", RingTimeout: ringTime, RejectMargin: 500 * time.Millisecond, Shared: true,
		Undo: undos[w.seed%uint64(len(undos))], Unattended: w.policy, OnCall: w.onCall,
	}
	if g, ok := j.(relay.Gossip); ok {
		o.Gossip = g
	}
	server := relay.New(o)
	ctx, end := context.WithCancel(context.WithoutCancel(w.ctx))
	p.end, p.over = end, make(chan struct{})
	w.tasks.Go(func() {
		defer close(p.over)
		if err := server.Run(ctx, ln); err != nil && !closed(p.dead) {
			w.t.Errorf("seed %d: a relay ended: %v", w.seed, err)
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[place] = p
}

// kill is kill -9: from one moment to the next nothing goes in or out.
func (p *process) kill() {
	close(p.dead)
	p.net.Kill()
	p.end()
}

// any is one of the relays, as a load balancer would choose.
func (w *world) any() *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running[w.chance.n(relays)]
}

// dial lets a console reach whichever relay.
func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return w.any().dial(ctx, network, addr)
}

// later does something once, after a while, unless the run is over by then.
func (w *world) later(least, most time.Duration, do func()) {
	wait := w.chance.between(least, most)
	w.tasks.Go(func() {
		if rest(w.ctx, nil, wait); w.ctx.Err() == nil {
			do()
		}
	})
}

// notify posts a notification to one relay, and reports whether it was taken.
func (w *world) notify(body string) bool { return w.post(body, genuine) == http.StatusAccepted }

func (w *world) post(body, token string) int { return w.postTo(w.any(), body, token) }

func (w *world) postTo(to *process, body, token string) int {
	transport := &http.Transport{DialContext: to.dial, DisableKeepAlives: true}
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:1/api/calls", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// placeAll lets all calls come while things go wrong.
func (w *world) placeAll() {
	for n := range calls {
		w.later(0, faulty-ringTime/2, func() { w.place(n) })
	}
}

// lunch takes everybody from the screens at once, for a while.
func (w *world) lunch() {
	chance := w.dice(50)
	w.tasks.Go(func() {
		rest(w.ctx, nil, chance.between(0, faulty/2))
		w.gone.Store(true)
		w.happened("everybody away")
		rest(w.ctx, nil, chance.between(8*time.Second, faulty/2))
		w.gone.Store(false)
	})
}

// place lets somebody call, with all that can happen to a call.
func (w *world) place(n int) {
	id := call.ID(fmt.Sprintf("C%d-a", n))
	over := w.chance.chance(60)
	if over { // the end is reported first, or instead; and may take seconds, which are not the ring's
		w.notify(deleted(id))
	}
	w.graph.rings(id)
	if over {
		w.graph.hangUp(id)
	}
	copies := 1
	if w.chance.chance(150) {
		copies = 3
	}
	for range copies {
		w.later(0, 5*time.Millisecond, func() {
			if w.notify(created(id, "Alice Meyer")) {
				w.mu.Lock()
				w.answered[id.Key()] = true
				w.mu.Unlock()
			}
		})
	}
	if w.chance.chance(150) {
		w.later(100*time.Millisecond, ringTime, func() {
			w.graph.hangUp(id)
			w.notify(deleted(id))
		})
	}
	if w.chance.chance(200) {
		forged := call.ID(fmt.Sprintf("F%d", n))
		w.mu.Lock()
		w.forged = append(w.forged, forged)
		w.mu.Unlock()
		if status := w.post(created(forged, "Mallory"), "forged"); status == http.StatusAccepted {
			w.t.Errorf("seed %d: I5: a forged notification was answered 202", w.seed)
		}
	}
}

// trouble is one thing that goes wrong.
func (w *world) trouble() {
	place := w.chance.n(relays)
	w.mu.Lock()
	p := w.running[place]
	w.mu.Unlock()
	switch w.chance.n(5) {
	case 0:
		w.happened("killed")
		p.kill()
		rest(w.ctx, nil, w.chance.between(50*time.Millisecond, 2*time.Second))
		w.start(place)
	case 1:
		w.happened("told to end")
		p.end()
		<-p.over
		w.start(place)
	case 2:
		w.happened("apart from the journal")
		p.link.apart.Store(true)
		w.later(200*time.Millisecond, 4*time.Second, func() { p.link.apart.Store(false) })
	case 3:
		w.happened("cables cut")
		p.net.Cut(true, true)
	case 4:
		w.happened("cables cut one way")
		p.net.Cut(w.chance.chance(500), true)
	}
}

func (w *world) happened(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[what]++
}

// gate, warm and names are the relay's other parts, which have their own tests.
type gate struct{}

func (gate) Authenticate(_ context.Context, h http.Header) (graph.Sender, error) {
	if h.Get("Authorization") != "Bearer "+genuine {
		return graph.Sender{}, &graph.TokenError{Reason: "signature"}
	}
	return graph.Sender{Tenant: "11111111-2222-3333-4444-555555555555"}, nil
}
func (gate) Ready() error { return nil }

type warm struct{}

func (warm) Warm(string)  {}
func (warm) Ready() error { return nil }

type names struct{}

const observing = "eva" // who only sees

func (names) Authenticate(token string) (call.Operator, bool, error) {
	name, ok := strings.CutPrefix(token, operator)
	role := call.Deciding
	if name == observing {
		role = call.Observing
	}
	return call.Operator{Name: name, Role: role}, ok, nil
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func created(id call.ID, name string) string {
	raw, err := json.Marshal(name)
	if err != nil {
		panic(err) // a string
	}
	return fmt.Sprintf(`{"value":[{"changeType":"created","resourceUrl":"/communications/calls/%s","resourceData":{`+
		`"@odata.type":"#microsoft.graph.call","state":"incoming","direction":"incoming",`+
		`"source":{"identity":{"user":{"id":"u-1","displayName":%s}}}}}]}`, id, raw)
}

func deleted(id call.ID) string {
	return fmt.Sprintf(`{"value":[{"changeType":"deleted","resourceUrl":"/communications/calls/%s"}]}`, id)
}
