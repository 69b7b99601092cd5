package invariants

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/client"
	"callscreen/relay/wire"
)

// console is one operator at one console: the real client, the real fold, and a
// hand that presses keys.
type console struct {
	w        *world
	operator string
	link     *client.Client
	chance   *dice

	idle bool // presses no key by itself

	mu      sync.Mutex
	board   *call.Board
	up      bool
	trouble string // what the relay says of itself
	wrong   []string
	pressed map[string]*press // by request
}

type press struct {
	id      call.ID
	at      time.Time
	answers []call.Answer
	told    time.Time
}

func newConsole(t testing.TB, w *world, n int, operatorName string) *console {
	t.Helper()
	return newConsoleAt(t, w, n, operatorName, w.dial)
}

func newConsoleAt(t testing.TB, w *world, n int, operatorName string, dial func(context.Context, string, string) (net.Conn, error)) *console {
	t.Helper()
	c := &console{w: w, operator: operatorName, chance: w.dice(uint64(100 + n)), board: call.NewBoard(), pressed: map[string]*press{}}
	var err error
	c.link, err = client.New(client.Options{
		URL: "http://127.0.0.1:1", Dial: dial,
		Token: func() (string, error) { return operator + operatorName, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// watch reads until the run is over.
func (c *console) watch(ctx context.Context) {
	for {
		updates, err := c.link.Next(ctx)
		if err != nil {
			return
		}
		for _, u := range updates {
			c.take(u)
		}
	}
}

// sit has the screen say that it is drawn, as long as somebody is at it.
func (c *console) sit(ctx context.Context) {
	for ctx.Err() == nil {
		if !c.w.gone.Load() {
			c.link.Alive(1, "")
		}
		rest(ctx, nil, wire.AliveEvery)
	}
}

func (c *console) take(u call.Update) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case u.Link != nil:
		c.up, c.trouble = u.Link.Up, u.Link.Graph
	case u.Board != nil:
		c.board = u.Board
		for _, k := range c.board.Live() {
			c.consider(k.ID)
		}
	case u.Event != nil:
		if want := c.board.Seq() + 1; u.Event.Seq != want {
			c.wrong = append(c.wrong, fmt.Sprintf("I4: after record %d came %d", want-1, u.Event.Seq))
		}
		c.board.Apply(*u.Event)
		switch u.Event.Kind {
		case call.Rang, call.Refused, call.Unknown, call.Withdrawn:
			c.consider(u.Event.Call)
		case call.Claimed, call.Committed:
			c.regret(u.Event)
		case call.Changed, call.Rejected, call.Gone, call.Ended, call.Unconfirmed, call.Expired:
		}
	case u.Answer != nil:
		p := c.pressed[u.Answer.Request]
		if p == nil {
			c.wrong = append(c.wrong, fmt.Sprintf("I2: an answer to no decision: %+v", *u.Answer))
			return
		}
		p.answers, p.told = append(p.answers, *u.Answer), time.Now()
	}
}

// consider lets the operator press a key about a call, sooner or later or never.
// It does not look whether that still makes sense: operators do not either.
func (c *console) consider(id call.ID) {
	if c.idle || c.w.gone.Load() || !c.chance.chance(600) {
		return
	}
	most := ringTime + 500*time.Millisecond
	if c.chance.chance(400) {
		most = 300 * time.Millisecond // everybody at once
	}
	wait := c.chance.between(50*time.Millisecond, most)
	reason := []call.Reason{call.Busy, call.None, call.Forbidden}[c.chance.n(3)]
	c.w.tasks.Go(func() {
		if rest(c.w.ctx, nil, wait); c.w.ctx.Err() == nil {
			c.press(id, reason)
		}
	})
}

func (c *console) press(id call.ID, reason call.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	request, err := c.link.Reject(id, reason)
	if err != nil {
		c.w.happened("pressed without a link")
		return // said at once: nothing was sent
	}
	c.pressed[request] = &press{id: id, at: time.Now()}
}

// regret lets an operator take back a decision that was made at any console of
// his or, for what is never to work, at somebody else's; in its time or after it.
func (c *console) regret(e *call.Event) {
	if c.idle || !c.chance.chance(300) || e.Claim == nil {
		return
	}
	id, request := e.Call, e.Claim.Command
	wait := c.chance.between(0, e.Claim.Hold.Duration()+200*time.Millisecond)
	if c.chance.chance(400) {
		wait = e.Claim.Hold.Duration() // with the request
	}
	c.w.tasks.Go(func() {
		if rest(c.w.ctx, nil, wait); c.w.ctx.Err() == nil {
			_ = c.link.Undo(id, request) // without a link: said at once, and the decision stands
		}
	})
}
