package simulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Place lets a call ring: it sends the signed `created` and returns when the webhook has answered. The id
// comes back with an error too, once there is one. A *WebhookError says what the webhook answered when
// that was not 2xx; the call then rings on, unheard.
func (s *Simulator) Place(ctx context.Context, spec CallSpec) (string, error) {
	p, err := spec.plan()
	if err != nil {
		return "", fmt.Errorf("simulator: call: %w", err)
	}
	c, err := s.place(p)
	if err != nil {
		return "", err
	}
	return c.id, s.announce(ctx, c)
}

// ErrNoCall is returned for a call that is unknown or rings no more.
var ErrNoCall = errors.New("simulator: no such call, or it rings no more")

// HangUp lets the caller of a ringing call give up, and returns when the webhook has answered the
// `deleted`. Microsoft does not document what is sent then; this is what ending a direct call is reported
// to look like: state terminated, resultInfo 200/5002 or 487/0.
func (s *Simulator) HangUp(ctx context.Context, id string) error {
	s.mu.Lock()
	c := s.book.byID[foldID(id)]
	hung := c != nil && c.answerable() && c.endLocked(HungUp)
	s.mu.Unlock()
	if !hung {
		return ErrNoCall
	}
	s.log.Info("call ended", "call", c.id, "state", string(HungUp))
	return s.sayHungUp(ctx, c)
}

// place draws the next call and lets it ring; nothing is sent yet.
func (s *Simulator) place(p plan) (*call, error) {
	n, hits, err := s.nextCall()
	if err != nil {
		return nil, err
	}
	c := s.draw(p, n, hits)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	c.placed = time.Now()
	s.book.add(c)
	s.armed = slices.DeleteFunc(append(s.armed, c.brought...), func(f fault) bool { return f.left == 0 })
	s.work.Go(func() { s.watch(c) })
	return c, nil
}

// nextCall is the number of the next call, and the faults that the rules have for it.
func (s *Simulator) nextCall() (uint64, []fault, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, nil, ErrClosed
	}
	if s.webhook == "" {
		return 0, nil, errors.New("simulator: no webhook to ring at")
	}
	n := s.book.placed
	s.book.placed++
	luck := newDice(s.opts.Seed, "call fault", n)
	return n, slices.Concat(s.ruleFaults(onCall, luck, true), s.ruleFaults(onEnd, luck, true)), nil
}

// draw makes call n: a function of the plan, the seed, n and the faults that hit it.
func (s *Simulator) draw(p plan, n uint64, hits []fault) *call {
	d := func(purpose string) dice { return newDice(s.opts.Seed, purpose, n) }
	ids := d("ids")
	c := &call{
		n: n, id: ids.guid(), chain: ids.guid(), etag: ids.digits(4), kind: p.kind,
		appID: s.opts.AppID, tenant: s.opts.TenantID, subject: p.Subject, state: Ringing,
		over: make(chan struct{}), announced: make(chan struct{}), silent: make(chan struct{}),
		faulty: map[string]fault{},
	}
	if c.kind == nil {
		c.kind = drawKind(s.opts.Seed, n)
	}
	shaping := d("shape")
	if shaping.chance(0.25) {
		c.id = strings.ToUpper(strings.ReplaceAll(c.id, "-", ""))
	}
	c.shape = drawShape(shaping, c.id)
	c.ring = cmp.Or(p.Ring, s.opts.RingTimeout)
	if c.kind.brief {
		c.ring = min(c.ring, RecordingRing)
	}
	c.drawFate(p, slices.Concat(p.faults, hits), d("fate"))
	c.hangUp = s.scaled(c.hangUp)
	c.caller = s.cast(c.kind, p.CallSpec, d("caller"))
	return c
}

// drawFate decides what will go wrong with a call, and whether its caller waits.
func (c *call) drawFate(p plan, hits []fault, fate dice) {
	c.hangUp = p.HangUp
	if gives, when := fate.chance(p.hangUps), fate.between(2*time.Second, 9*time.Second); gives && c.hangUp == 0 {
		c.hangUp = when
	}
	for _, f := range hits {
		c.faultText = append(c.faultText, f.kind.name)
		switch f.kind.class {
		case onCall, onEnd:
			c.faulty[f.kind.name] = f
		case onReject, onDelay:
			c.faults = append(c.faults, f)
		case onToken, onKeys, onAnswer:
			c.brought = append(c.brought, f)
		}
	}
	if f, ok := c.faulty[faultHangup]; ok && p.HangUp == 0 {
		c.hangUp = f.arg
	}
	if _, ok := c.faulty[faultWrongTenant]; ok {
		c.tenant = foreignTenant(fate)
	}
}

func (s *Simulator) cast(k *kind, spec CallSpec, d dice) caller {
	name, number := k.drawName(d), d.number()
	if spec.Name != "" {
		name = spec.Name
	}
	if spec.Number != "" {
		number = spec.Number
	}
	return k.make(casting{d, s, name, number})
}

// watch ends a call when its ring time is over or its caller gives up.
func (s *Simulator) watch(c *call) {
	defer close(c.silent)
	ring := time.NewTimer(c.ring)
	defer ring.Stop()
	var hangUp <-chan time.Time
	if c.hangUp > 0 {
		timer := time.NewTimer(c.hangUp)
		defer timer.Stop()
		hangUp = timer.C
	}
	select {
	case <-c.over:
	case <-s.ctx.Done():
	case <-hangUp:
		if s.end(c, HungUp) {
			_ = s.sayHungUp(s.ctx, c) // post has logged it
		}
	case <-ring.C:
		if s.end(c, TimedOut) && s.opts.NotifyTimeout {
			_ = s.sayDeleted(s.ctx, c, &result{408, 10057, "The call was not answered in time. DiagCode: 408#10057.@"})
		}
	}
}

// answerable also looks at the clock: the timer of a busy machine may be late, the ring time is not.
// Simulator.mu is held.
func (c *call) answerable() bool { return c.state == Ringing && time.Since(c.placed) < c.ring }

// end takes a call out of ringing; it reports whether this was who did it.
func (s *Simulator) end(c *call, state State) bool {
	s.mu.Lock()
	ended := c.endLocked(state)
	s.mu.Unlock()
	if ended {
		s.log.Info("call ended", "call", c.id, "state", string(state))
	}
	return ended
}

// endLocked is end for whoever holds Simulator.mu.
func (c *call) endLocked(state State) bool {
	if c.state != Ringing {
		return false
	}
	c.state, c.endedAt = state, time.Now()
	close(c.over)
	return true
}
