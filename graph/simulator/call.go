package simulator

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// State is where a call is in its life.
type State string

// A call rings, and then one of the others for good.
const (
	Ringing  State = "ringing"
	Rejected State = "rejected"  // a reject was accepted
	HungUp   State = "hung up"   // the caller gave up
	TimedOut State = "timed out" // the ring time is over
	Gone     State = "gone"      // ended elsewhere, by the fault of that name
)

// CallSpec says what a call shall be like. Whatever is empty is drawn by the seed.
type CallSpec struct {
	// Kind is one of Kinds. Empty with a Number means phone, with a Name user, else it is drawn.
	Kind string
	// Name is what the caller is called, in any text at all; only for kinds that have a name.
	Name string
	// Number is the caller's telephone number, for kinds that have one.
	Number string
	// Subject is the call's subject; most calls have none.
	Subject string
	// HangUp is when the caller gives up, after the call was placed and at the simulator's speed; 0 means
	// that he waits.
	HangUp time.Duration
	// Ring is how long it rings; 0 means Options.RingTimeout.
	Ring time.Duration
	// Fault is a list of faults, such as "legacy, error-503*2"; see FaultNames.
	Fault string

	hangUps float64 // the share of callers who give up by themselves, for Traffic
}

const maxText = 64 << 10

// plan is a CallSpec that was found good.
type plan struct {
	CallSpec
	kind   *kind // nil: drawn
	faults []fault
}

func (spec CallSpec) plan() (plan, error) {
	p := plan{CallSpec: spec}
	var err error
	switch {
	case spec.Kind != "":
		if p.kind, err = kindNamed(spec.Kind); err != nil {
			return p, err
		}
	case spec.Number != "":
		p.kind, _ = kindNamed("phone")
	case spec.Name != "":
		p.kind, _ = kindNamed("user")
	}
	if p.faults, err = parseFaults(spec.Fault); err != nil {
		return p, err
	}
	return p, p.check()
}

func (p plan) check() error {
	switch {
	case p.Name != "" && !p.kind.named:
		return fmt.Errorf("a caller of kind %q has no name", p.kind.name)
	case p.Number != "" && !p.kind.numbered:
		return fmt.Errorf("a caller of kind %q has no number", p.kind.name)
	case len(p.Name)+len(p.Number)+len(p.Subject) > maxText:
		return fmt.Errorf("name, number and subject have more than %d bytes", maxText)
	case !utf8.ValidString(p.Name + p.Number + p.Subject):
		return errors.New("name, number or subject is not UTF-8")
	case p.HangUp < 0 || p.Ring < 0:
		return errors.New("a duration is negative")
	}
	return nil
}

// call is one call. What is drawn or wished stands still from the start; the rest is guarded by
// Simulator.mu.
type call struct {
	n           uint64
	id          string // as on the wire
	kind        *kind
	caller      caller
	subject     string
	tenant      string
	appID       string
	chain, etag string
	shape       shape
	ring        time.Duration
	hangUp      time.Duration    // scaled; 0: never
	faulty      map[string]fault // what is wrong with its notifications, by name
	brought     []fault          // what it does to services that know no calls
	faultText   []string

	placed    time.Time
	over      chan struct{} // closed when it stops ringing
	announced chan struct{} // closed when `created` was answered, or will not be
	silent    chan struct{} // closed when watch has ended: over, and a hang-up said

	state         State
	faults        []fault // what will be wrong with its rejects
	endedAt       time.Time
	webhookStatus int
	attempts      uint64 // rejects so far
}

// fold is how ids are compared: GUIDs come with and without dashes, in either case.
func foldID(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }

// maxCalls is how many calls are remembered; beyond it the oldest ended ones are forgotten.
const maxCalls = 10_000

// callBook is the calls placed so far. Guarded by Simulator.mu.
type callBook struct {
	placed uint64
	byID   map[string]*call
	order  []*call
}

func (b *callBook) add(c *call) {
	if b.byID == nil {
		b.byID = map[string]*call{}
	}
	b.byID[foldID(c.id)] = c
	b.order = append(b.order, c)
	for len(b.order) > maxCalls && b.order[0].state != Ringing {
		delete(b.byID, foldID(b.order[0].id))
		b.order = b.order[1:]
	}
}

// CallStatus is what became of a call.
type CallStatus struct {
	ID            string    `json:"id"`
	Kind          string    `json:"kind"`
	Name          string    `json:"name,omitempty"` // hostile for kind hostile
	Number        string    `json:"number,omitempty"`
	State         State     `json:"state"`
	PlacedAt      time.Time `json:"placed_at"`
	EndedAt       time.Time `json:"ended_at,omitzero"`
	RemainingMS   int64     `json:"remaining_ms"`   // of the ring time; 0 when it rings no more
	WebhookStatus int       `json:"webhook_status"` // of `created`; 0: not sent, or no answer
	Rejects       int       `json:"rejects"`        // requests seen, whatever became of them
	Faults        []string  `json:"faults,omitempty"`
}

// Calls are the calls placed so far, oldest first; of a great many the oldest are forgotten.
func (s *Simulator) Calls() []CallStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]CallStatus, 0, len(s.book.order))
	for _, c := range s.book.order {
		list = append(list, c.status())
	}
	return list
}

func (c *call) status() CallStatus {
	st := CallStatus{
		ID: c.id, Kind: c.kind.name, Name: c.caller.label, Number: c.caller.number, State: c.state,
		PlacedAt: c.placed, EndedAt: c.endedAt, WebhookStatus: c.webhookStatus,
		Rejects: int(c.attempts), Faults: c.faultText, //nolint:gosec // far below 1<<63
	}
	if c.state == Ringing {
		st.RemainingMS = max(0, (c.ring - time.Since(c.placed)).Milliseconds())
	}
	return st
}
