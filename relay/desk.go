package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/journal"
	"callscreen/relay/wire"
)

// keepRecent is how many events stay encoded in memory so that a console that
// was away shortly is sent what it missed and not a whole board.
const keepRecent = 1024

// desk owns the board. Exactly one goroutine, the journal's follower, changes
// it ([desk.take]); everybody else looks under the lock. A new console gets its
// snapshot and its seat in one step under that lock, so that no event falls
// between the two and none comes twice.
type desk struct {
	epoch  string
	limits Limits
	log    *slog.Logger
	due    func(c *call.Call) (e call.Event, at time.Time, ok bool) // what happens to a call by itself
	notice func() string                                            // see Options
	wake   chan struct{}                                            // holds one: something is due earlier than was known

	mu      sync.Mutex
	board   *call.Board
	seq     uint64 // last journal sequence taken, also of records that are not ours
	changed chan struct{}
	recent  []call.Event
	seats   map[*seat]struct{}
	next    time.Time    // when the sweep looks again
	live    bool         // the journal is read and the relay not going down: seats may be taken
	trouble string       // why calls cannot be screened, as the consoles show it
	company wire.Company // who is connected, as the consoles know it
	told    []byte       // the status that the consoles know
	ignored uint64       // records that are not ours, or mean nothing

	// Who is watching; see attended.
	watched  time.Time // when a screen was last drawn here at which somebody could decide
	doubted  time.Time // when it was last in doubt who is watching
	others   map[string]elsewhere
	echoed   time.Time // when we last heard ourselves among the relays
	rumoured string    // what we told the others last, and when
	spoke    time.Time
}

func newDesk(epoch string, limits Limits, log *slog.Logger, due func(*call.Call) (call.Event, time.Time, bool)) *desk {
	return &desk{
		epoch: epoch, limits: limits, log: log, due: due, wake: make(chan struct{}, 1), board: call.NewBoard(),
		notice:  func() string { return "" },
		changed: make(chan struct{}), seats: map[*seat]struct{}{},
		others: map[string]elsewhere{},
	}
}

// take folds one record into the board and hands it to every console.
func (d *desk) take(r journal.Record) error {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Key != "" { // else somebody else's record on our stream, which the journal has reported
		d.fold(r, now)
	} else {
		d.ignored++
	}
	d.seq = r.Seq
	close(d.changed)
	d.changed = make(chan struct{})
	return nil
}

func (d *desk) fold(r journal.Record, now time.Time) {
	e, err := decode(r, now)
	if err != nil {
		// A record is checked like any outside input: others may write to a
		// shared stream. It means nothing here, but it stands in its call's way:
		// the next append builds on it.
		d.ignored++
		d.log.Warn("a journal record was passed over", "seq", r.Seq, "err", err)
		d.board.Apply(call.Event{Seq: r.Seq, Call: call.ID(r.Key)})
		return
	}
	d.board.Apply(e)
	d.schedule(e.Call)
	d.remember(e)
	d.broadcastEvent(e, now)
}

// schedule wakes the sweep when the call that just changed is due before
// everything else. Looking at that one call is enough, so an event costs the
// same whether two calls ring or two thousand.
func (d *desk) schedule(id call.ID) {
	c, ok := d.board.Get(id)
	if !ok {
		return
	}
	_, at, ok := d.due(c)
	if !ok || !at.Before(d.next) {
		return
	}
	d.next = at
	select {
	case d.wake <- struct{}{}:
	default: // it is awake already and will look
	}
}

// agenda is what is due by a moment, conditional on the sequence in each, and
// when the next thing is.
func (d *desk) agenda(now time.Time) (due []dueEvent, next time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = now.Add(time.Hour)
	for _, c := range d.board.Live() {
		e, at, ok := d.due(c)
		switch {
		case !ok:
		case at.After(now):
			d.next = minTime(d.next, at)
		default:
			e.At, e.Call = now, c.ID
			due = append(due, dueEvent{e, c.Seq})
		}
	}
	if len(due) > 0 {
		// Recorded or not, each is looked at again: done, it is gone by then.
		d.next = minTime(d.next, now.Add(sweepAgain))
	}
	return due, d.next
}

type dueEvent struct {
	event    call.Event
	expected uint64
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (d *desk) remember(e call.Event) {
	if len(d.recent) == keepRecent {
		d.recent = slices.Delete(d.recent, 0, keepRecent/4)
	}
	d.recent = append(d.recent, e)
}

func (d *desk) broadcastEvent(e call.Event, now time.Time) {
	if len(d.seats) == 0 {
		return
	}
	d.broadcast(d.eventFrame(e, now))
}

// eventFrame needs the lock: what is left of a call is read off the board.
func (d *desk) eventFrame(e call.Event, now time.Time) []byte {
	c, _ := d.board.Get(e.Call)
	return d.frame(wire.NewEvent(d.epoch, e, c, now))
}

// frame encodes one of this package's own frames, which cannot fail.
func (d *desk) frame(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		d.log.Error("a frame could not be encoded", "err", err)
	}
	return raw
}

func (d *desk) broadcast(frame []byte) {
	for s := range d.seats {
		s.offer(frame)
	}
}

// open lets consoles in: the journal has been read to its end.
func (d *desk) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.live, d.doubted = true, time.Now() // who was watching before we came?
	d.echoed = d.doubted
}

// passedOver counts the records that are not ours or mean nothing.
func (d *desk) passedOver() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ignored
}

func (d *desk) ready() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.live
}

// look copies a call off the board.
func (d *desk) look(id call.ID) (call.Call, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.board.Get(id)
	if !ok {
		return call.Call{}, false
	}
	return *c, true
}

// judge asks the rules about a call and says which sequence their event builds on.
func (d *desk) judge(id call.ID, rule func(*call.Board) (call.Event, error)) (e call.Event, expected uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, err = rule(d.board); err != nil {
		return e, 0, err
	}
	c, _ := d.board.Get(id)
	return e, c.Seq, nil
}

func (d *desk) decide(cmd call.Command, now time.Time) (e call.Event, expected uint64, err error) {
	return d.judge(cmd.Call, func(b *call.Board) (call.Event, error) {
		e, err := b.Decide(cmd, now)
		if c, ok := b.Get(cmd.Call); ok && err == nil && cmd.Operator == call.Unattended && decidedByPolicy(c, now) {
			return e, errApplied
		}
		return e, err
	})
}

func (d *desk) takeBack(cmd call.Command, now time.Time) (e call.Event, expected uint64, err error) {
	return d.judge(cmd.Call, func(b *call.Board) (call.Event, error) { return b.TakeBack(cmd, now) })
}

// commit says done when the commit of the claim is recorded already; e then is a copy of it.
func (d *desk) commit(claim call.Event, now time.Time) (e call.Event, expected uint64, done bool, err error) {
	e, expected, err = d.judge(claim.Call, func(b *call.Board) (e call.Event, err error) {
		e, done, err = b.Commit(claim.Call, claim.Claim, now)
		return e, err
	})
	return e, expected, done, err
}

// news returns the channel that closes at the next change. Ask for it before
// looking, and no change is missed.
func (d *desk) news() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// await returns once the board holds a sequence of the journal.
func (d *desk) await(ctx context.Context, seq uint64) error {
	for {
		d.mu.Lock()
		at, changed := d.seq, d.changed
		d.mu.Unlock()
		if at >= seq {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// sit gives a console its seat and puts the welcome, and what it missed, into
// its queue first. It reports false, and hangs up, when there is no seat.
func (d *desk) sit(s *seat, from *wire.Cursor) bool {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.live {
		s.hangUp(wire.NotReady, "it reads its journal, or goes down; come back")
		return false
	}
	if why := d.full(s); why != "" {
		s.hangUp(wire.Full, why)
		return false
	}
	d.seats[s] = struct{}{}
	w := wire.Welcome{
		Kind: wire.KindWelcome, Cursor: wire.Cursor{Epoch: d.epoch, Seq: d.seq},
		Operator: s.operator.Name, Role: s.operator.Role, Bot: s.bot, Company: d.company, Graph: d.trouble, Notice: d.notice(),
	}
	missed, resumed := d.since(from)
	if resumed {
		w.Resumed = true
	} else {
		w.Board = wire.NewBoard(d.board.Calls(), d.board.Tally(), d.board.Ledger(), now)
	}
	s.first = append(s.first, d.frame(w))
	for _, e := range missed {
		s.first = append(s.first, d.eventFrame(e, now))
	}
	return true
}

// since finds what a console with a cursor has missed; ok is false when memory
// does not reach back so far, or the cursor belongs to another journal.
func (d *desk) since(from *wire.Cursor) (missed []call.Event, ok bool) {
	if from == nil || from.Epoch != d.epoch || from.Seq > d.seq {
		return nil, false
	}
	if from.Seq == d.seq {
		return nil, true
	}
	i, _ := slices.BinarySearchFunc(d.recent, from.Seq+1, func(e call.Event, seq uint64) int {
		return int(e.Seq) - int(seq) //nolint:gosec // sequences of one stream are far below 2^63
	})
	if i == 0 && (len(d.recent) == 0 || d.recent[0].Seq != from.Seq+1) {
		return nil, false
	}
	return d.recent[i:], true
}

// leave gives the seat up.
func (d *desk) leave(s *seat) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.seats, s)
}

// tell sends the consoles what their headers show, if it has changed. Called on
// a beat and not at each arrival, so that a thousand consoles that come back at
// once are a few frames and not a million.
func (d *desk) tell(trouble string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trouble, d.company = trouble, gathered(d.everybody(time.Now()))
	now := d.frame(wire.Status{Kind: wire.KindStatus, Company: d.company, Graph: trouble, Notice: d.notice()})
	if !bytes.Equal(now, d.told) {
		d.told = now
		d.broadcast(now)
	}
}

// knows reports whether the consoles were told of a trouble, or that there is none.
func (d *desk) knows(trouble string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trouble == trouble
}

// seated is every console, for a look at its operator.
func (d *desk) seated() []*seat {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.seats))
}

// cutOff closes the sockets of consoles that do not take their goodbye.
func (d *desk) cutOff() {
	for _, s := range d.seated() {
		_ = s.conn.Close()
	}
}

// reschedule looks at one call again, whose due time changed without an event.
func (d *desk) reschedule(id call.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.schedule(id)
}

// waiting counts the calls that wait for a decision.
func (d *desk) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.board.Waiting()
}

// dismiss tells every console why the relay hangs up, and seats no more.
func (d *desk) dismiss(code int, why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.live = false
	for s := range d.seats {
		s.hangUp(code, why)
	}
}
