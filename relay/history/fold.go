package history

import (
	"time"

	"callscreen/relay/call"
)

// Settled is how long after its ring nothing more happens to a call: the longest
// ring is two minutes, and a late confirmation of its end comes within seconds.
const Settled = 5 * time.Minute

// Fold makes rows of events. Rows come in the order in which calls rang, each as
// soon as nothing more can happen to it; the calls that rang since the oldest one
// that is still open, at most [Settled] ago, are held.
type Fold struct {
	q     Query
	emit  func(Row) error
	board *call.Board
	calls map[string]*held // of those in order
	order []*held          // in the order they rang
	last  []Row            // with a limit: the newest, a ring of them once it is full
	next  int              // where in it the next one goes
}

// held is a call whose row is not written yet.
type held struct {
	key  string
	call call.Call
	over bool
}

// NewFold gives the rows of a query to emit. An error of emit ends the fold.
func NewFold(q Query, emit func(Row) error) *Fold {
	return &Fold{q: q, emit: emit, board: call.NewBoard(), calls: map[string]*held{}}
}

// Take folds an event, which happened at its time, in the order of the journal.
func (f *Fold) Take(e call.Event) error {
	f.board.Apply(e)
	key := e.Call.Key()
	h := f.calls[key]
	if h == nil && e.Kind == call.Rang {
		h = &held{key: key}
		f.calls[key], f.order = h, append(f.order, h)
	}
	if c, ok := f.board.Get(e.Call); ok && h != nil {
		h.call = *c
		h.over = c.State == call.Over && c.Ending != call.EndUnconfirmed // that may yet be confirmed
	}
	return f.release(func(h *held) bool { return h.over || e.At.Sub(h.call.RangAt) > Settled })
}

// Past tells whether everything that was asked for has been taken, once an event
// of a time was.
func (f *Fold) Past(at time.Time) bool {
	return !f.q.Until.IsZero() && at.Sub(f.q.Until) > Settled
}

// End writes what is left: calls as they stand, and the newest rows of a query
// with a limit.
func (f *Fold) End() error {
	if err := f.release(func(*held) bool { return true }); err != nil {
		return err
	}
	for i := range f.last {
		if err := f.emit(f.last[(f.next+i)%len(f.last)]); err != nil {
			return err
		}
	}
	f.last = nil
	return nil
}

// release writes the rows of the calls that rang first, as long as they are done.
func (f *Fold) release(done func(*held) bool) error {
	for len(f.order) > 0 && done(f.order[0]) {
		h := f.order[0]
		f.order[0] = nil
		f.order = f.order[1:]
		delete(f.calls, h.key)
		if err := f.write(&h.call); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fold) write(c *call.Call) error {
	switch {
	case !f.q.wants(c):
		return nil
	case f.q.Limit == 0:
		return f.emit(rowOf(c))
	case len(f.last) < f.q.Limit:
		f.last = append(f.last, rowOf(c))
	default:
		f.last[f.next] = rowOf(c)
		f.next = (f.next + 1) % len(f.last)
	}
	return nil
}
