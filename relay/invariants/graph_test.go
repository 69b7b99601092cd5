package invariants

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
)

const ringTime = 15 * time.Second

// microsoft is Graph's side of every call, and what relays asked of it.
type microsoft struct {
	w *world

	mu    sync.Mutex
	calls map[string]*ringing
	asked []request

	// Of a scene, which sets them before it begins.
	takes          time.Duration // each answer, besides its way
	refuses        error         // the first so many requests are answered with this
	refusals       int
	underWay, most int // requests, now and ever
}

type ringing struct {
	from     time.Time // before the notification leaves: no relay's deadline is earlier
	over     bool
	accepted bool // by a rejection
}

// request is a rejection that left a relay.
type request struct {
	key string
	at  time.Time
}

func (m *microsoft) rings(id call.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[id.Key()] = &ringing{from: time.Now()}
}

func (m *microsoft) hangUp(id call.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[id.Key()].over = true
}

// reject judges a rejection that arrived.
func (m *microsoft) reject(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.calls[call.ID(id).Key()]
	again := c != nil && c.accepted && m.w.store.bugs.generous
	if c == nil || c.over && !again || time.Since(c.from) >= ringTime {
		return &graph.GoneError{Status: 404, Code: "8522"}
	}
	c.over, c.accepted = true, true
	m.w.later(20*time.Millisecond, 400*time.Millisecond, func() { m.w.notify(deleted(call.ID(id))) })
	return nil
}

func (m *microsoft) note(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, request{call.ID(id).Key(), time.Now()})
	m.underWay++
	m.most = max(m.most, m.underWay)
}

func (m *microsoft) answered() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.underWay--
}

// refusal is what Graph says instead of judging a request, if anything.
func (m *microsoft) refusal() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refusals == 0 {
		return nil
	}
	m.refusals--
	return m.refuses
}

// requests is what left for one call so far.
func (m *microsoft) requests(id call.ID) (sent []request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.asked {
		if r.key == id.Key() {
			sent = append(sent, r)
		}
	}
	return sent
}

// all is every request so far, and how many were under way at once at most.
func (m *microsoft) all() (asked []request, most int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked), m.most
}

// of is how a call stands here.
func (m *microsoft) of(id call.ID) ringing {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.calls[id.Key()]
}

// refuse makes Graph refuse so many requests from now on.
func (m *microsoft) refuse(err error, times int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuses, m.refusals = err, times
}

// outward is one running relay's way to Graph.
type outward struct {
	*dice
	graph *microsoft
	dead  <-chan struct{}
}

func (o *outward) Reject(ctx context.Context, r graph.Rejection) (graph.Receipt, error) {
	o.graph.note(r.CallID)
	defer o.graph.answered()
	if !o.way(ctx) {
		return graph.Receipt{Attempts: 1}, &graph.UnreachableError{Ambiguous: true, Err: errors.New("lost on the way")}
	}
	if o.fault(60) {
		return graph.Receipt{Attempts: 1}, &graph.RefusedError{Status: 403, Code: "7504"}
	}
	rest(ctx, o.dead, o.graph.takes)
	if err := o.graph.refusal(); err != nil {
		return graph.Receipt{Attempts: 1}, err
	}
	err := o.graph.reject(r.CallID)
	if !o.way(ctx) {
		return graph.Receipt{Attempts: 1}, &graph.UnreachableError{Ambiguous: true, Err: errors.New("the answer was lost")}
	}
	return graph.Receipt{Status: 202, Attempts: 1}, err
}

func (o *outward) way(ctx context.Context) bool {
	rest(ctx, o.dead, o.between(2*time.Millisecond, 120*time.Millisecond))
	if !closed(o.dead) && ctx.Err() == nil && !o.fault(60) {
		return true
	}
	rest(ctx, nil, 3*time.Second)
	return false
}
