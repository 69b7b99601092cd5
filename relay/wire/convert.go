package wire

import (
	"time"

	"callscreen/relay/call"
)

// NewEvent writes an event for a console at a moment; c is the call after the
// event, or nil when the board does not know it.
func NewEvent(epoch string, e call.Event, c *call.Call, now time.Time) Event {
	f := Event{
		Kind: KindEvent, Cursor: Cursor{epoch, e.Seq}, Event: e,
		Age: call.ToMillis(max(now.Sub(e.At), 0)),
	}
	if c != nil && c.Waits() {
		f.Remaining = remaining(c, now)
	}
	return f
}

// Fact is the event with its times on the reader's own clock.
func (f Event) Fact(now time.Time) call.Event {
	e := f.Event
	e.Seq, e.At = f.Cursor.Seq, now.Add(-f.Age.Duration())
	if e.Kind == call.Rang && f.Remaining != nil {
		// What is left counts, not how long ago it rang: the deadline on the
		// screen is the relay's deadline.
		e.At = now.Add(f.Remaining.Duration() - e.Ring.Duration())
	}
	return e
}

// NewBoard writes a board at a moment.
func NewBoard(calls []call.Call, tally call.Tally, ledger call.Ledger, now time.Time) *Board {
	b := &Board{Calls: make([]Call, 0, len(calls)), Tally: tally, Ledger: newLedger(ledger, now)}
	for _, c := range calls {
		f := Call{
			Call: c, RangAgo: ago(c.RangAt, now), ClaimedAgo: ago(c.ClaimedAt, now), EndedAgo: ago(c.EndedAt, now),
		}
		if c.Waits() {
			f.Remaining = remaining(&c, now)
		}
		b.Calls = append(b.Calls, f)
	}
	return b
}

// Restore is the board with its times on the reader's own clock.
func (b *Board) Restore(seq uint64, now time.Time) *call.Board {
	calls := make([]call.Call, 0, len(b.Calls))
	for _, f := range b.Calls {
		c := f.Call
		c.RangAt, c.ClaimedAt, c.EndedAt = at(f.RangAgo, now), at(f.ClaimedAgo, now), at(f.EndedAgo, now)
		if f.Remaining != nil {
			c.RangAt = now.Add(f.Remaining.Duration() - c.Ring.Duration())
		}
		calls = append(calls, c)
	}
	return call.Restore(calls, b.Tally, b.Ledger.restore(now), seq)
}

func newLedger(l call.Ledger, now time.Time) *Ledger {
	return &Ledger{
		Ledger: l, Recent: newCallers(l.Recent, now), Older: newCallers(l.Older, now), MinuteAgo: ago(l.Minute, now),
	}
}

func newCallers(all []call.Caller, now time.Time) []Caller {
	list := make([]Caller, 0, len(all))
	for _, c := range all {
		list = append(list, Caller{c, ago(c.Last.At, now)})
	}
	return list
}

func (l *Ledger) restore(now time.Time) call.Ledger {
	if l == nil {
		return call.Ledger{}
	}
	r := l.Ledger
	r.Recent, r.Older, r.Minute = callers(l.Recent, now), callers(l.Older, now), at(l.MinuteAgo, now)
	return r
}

func callers(list []Caller, now time.Time) []call.Caller {
	all := make([]call.Caller, 0, len(list))
	for _, c := range list {
		c.Last.At = at(c.LastAgo, now)
		all = append(all, c.Caller)
	}
	return all
}

func remaining(c *call.Call, now time.Time) *call.Millis {
	return new(call.ToMillis(max(c.Deadline().Sub(now), 0)))
}

// ago is nil for a time that is not set.
func ago(t, now time.Time) *call.Millis {
	if t.IsZero() {
		return nil
	}
	return new(call.ToMillis(max(now.Sub(t), 0)))
}

func at(m *call.Millis, now time.Time) time.Time {
	if m == nil {
		return time.Time{}
	}
	return now.Add(-m.Duration())
}
