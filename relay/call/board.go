package call

import (
	"slices"
	"time"
)

const (
	// keepFor is how long an ended call stays known at least, so that a late
	// "created" cannot make it ring again from memory alone.
	keepFor = 10 * time.Minute
	// keepMost bounds the ended calls held in memory, whatever their age; the
	// journal remembers the rest.
	keepMost = 2000
	// keepLeast is how many ended calls stay for the list of recent decisions.
	keepLeast = 200
)

// Board is every call that matters now: the ones that ring or are being
// rejected, and the lately ended. It has one owner and no lock.
type Board struct {
	calls  map[string]*Call
	live   []*Call // not over, sorted by deadline, then id
	ended  []*Call // in the order they ended
	tally  Tally
	ledger ledger
	seq    uint64
}

// NewBoard is a board on which nothing has happened.
func NewBoard() *Board { return &Board{calls: map[string]*Call{}} }

// Restore builds a board from what [Board.Calls], [Board.Tally], [Board.Ledger]
// and [Board.Seq] said of another reader's board. The board keeps copies. The ended calls keep
// the order they come in; a call that comes twice counts once.
func Restore(calls []Call, t Tally, l Ledger, seq uint64) *Board {
	b := NewBoard()
	b.tally, b.ledger, b.seq = t.clone(), l.restore(), seq
	for _, c := range calls {
		key := c.ID.Key()
		if _, twice := b.calls[key]; twice {
			continue
		}
		kept := new(c)
		b.calls[key] = kept
		if c.State == Over {
			b.ended = append(b.ended, kept)
		} else {
			b.insertLive(kept)
		}
	}
	return b
}

// Seq is the journal sequence of the last event applied.
func (b *Board) Seq() uint64 { return b.seq }

// Get finds a call by its id, however that id is written. The call is the
// board's own and must not be changed.
func (b *Board) Get(id ID) (*Call, bool) {
	c, ok := b.calls[id.Key()]
	return c, ok
}

// Live is every call that is not over, the most urgent first. The slice is the
// board's own: valid until the next Apply, not to be changed.
func (b *Board) Live() []*Call { return b.live }

// Ended is the lately ended calls in the order they ended, the oldest first,
// under the rules of Live. Those that never rang here are among them: see
// [Call.Known].
func (b *Board) Ended() []*Call { return b.ended }

// Waiting counts the calls that wait for a decision.
func (b *Board) Waiting() int {
	n := 0
	for _, c := range b.live {
		if c.Waits() {
			n++
		}
	}
	return n
}

// Tally is the counts of the day of the last event.
func (b *Board) Tally() Tally { return b.tally.clone() }

// Calls copies every call the board holds, for a snapshot: live ones first,
// then the ended in their order.
func (b *Board) Calls() []Call {
	all := make([]Call, 0, len(b.calls))
	for _, c := range slices.Concat(b.live, b.ended) {
		all = append(all, *c)
	}
	return all
}

// Apply folds one event into the board. It refuses nothing: an event that makes
// no sense where the call stands changes nothing but the sequence.
func (b *Board) Apply(e Event) {
	b.seq = max(b.seq, e.Seq)
	c, ok := b.calls[e.Call.Key()]
	if !ok {
		c = b.begin(e)
		if c == nil {
			return
		}
	} else if c.State != Over || c.Ending == EndUnconfirmed {
		was, ending, caller := c.State, c.Ending, c.Caller
		c.apply(e)
		switch {
		case e.Kind == Changed && was != Over:
			b.renamed(c, caller)
		case was != Over && c.State == Over:
			b.finish(c, e.At)
		case c.Ending != ending:
			b.tally.recount(c, ending)
		}
	}
	c.Seq = max(c.Seq, e.Seq)
}

// begin makes the call that a first event tells of, or nothing.
func (b *Board) begin(e Event) *Call {
	switch e.Kind {
	case Rang:
		c := &Call{ID: e.Call, State: Ringing, Ring: e.Ring, Margin: e.Margin, RangAt: e.At}
		if e.Details != nil {
			c.Details = *e.Details
		}
		b.calls[c.ID.Key()] = c
		b.insertLive(c)
		b.today(e.At).Rang++
		b.ledger.ringing(c)
		return c
	case Ended:
		// The end was reported before the beginning: kept so that the
		// beginning, when it comes, does not ring.
		c := &Call{ID: e.Call, State: Over, Ending: EndHungUp, EndedAt: e.At, Result: e.Result}
		b.calls[c.ID.Key()] = c
		b.ended = append(b.ended, c)
		b.forget(e.At)
		return c
	case Changed, Claimed, Withdrawn, Committed, Rejected, Refused, Gone, Unknown, Unconfirmed, Expired:
		return nil
	default:
		return nil
	}
}

// apply moves one call that is not over along the arrows of the package comment.
func (c *Call) apply(e Event) {
	switch e.Kind {
	case Rang:
		// The first receipt keeps the deadline and the details.
	case Changed:
		if e.Details != nil && c.State != Over {
			c.Details = *e.Details
		}
	case Claimed:
		if c.Waits() && e.Claim != nil {
			c.claim(e)
		}
	case Withdrawn:
		if c.Held != nil && c.Claim.Is(e.Claim) {
			taken := append(slices.Clip(c.Withdrawn), *c.Claim) // clipped: a snapshot shares what is there
			c.Withdrawn = taken[max(len(taken)-TakeBacks, 0):]
			c.giveBack()
		}
	case Committed:
		if c.Claim.Is(e.Claim) {
			c.Held = nil
		}
	case Rejected, Refused, Gone, Unknown:
		if c.State == InClaim || c.State == InDoubt {
			c.reply(e)
		}
	case Ended:
		c.reported(e)
	case Unconfirmed:
		if c.State == InRejection {
			c.end(EndUnconfirmed, e.At)
		}
	case Expired:
		c.expire(e.At)
	}
}

func (c *Call) claim(e Event) {
	if e.Claim.Hold > 0 {
		c.Held = &Standing{c.State, c.Claim, c.Reply}
	}
	c.State, c.Claim, c.ClaimedAt, c.Reply = InClaim, e.Claim, e.At, nil
	c.Tries++
}

// giveBack makes a call what it was before a claim for which nothing was sent,
// and which counts for none.
func (c *Call) giveBack() {
	c.State, c.Claim, c.Reply, c.Held, c.ClaimedAt = c.Held.State, c.Held.Claim, c.Held.Reply, nil, time.Time{}
	c.Tries--
	if c.Claim != nil {
		c.ClaimedAt = c.RangAt.Add(c.Claim.After.Duration())
	}
}

// reply takes in what became of the claim's request.
func (c *Call) reply(e Event) {
	c.Reply, c.Held = e.Reply, nil
	switch e.Kind {
	case Rejected:
		c.State = InRejection
		if c.Closing {
			c.end(EndRejected, e.At)
		}
	case Refused:
		c.State = Ringing
		if c.Closing {
			c.end(EndHungUp, e.At)
		}
	case Gone:
		ending := EndGone
		if e.Reply != nil && e.Reply.Probably {
			ending = EndUnconfirmed
		}
		c.end(ending, e.At)
	case Unknown:
		c.State = InDoubt
		if c.Closing {
			c.end(EndUnknown, e.At)
		}
	case Rang, Changed, Claimed, Withdrawn, Committed, Ended, Unconfirmed, Expired:
	}
}

// reported takes in Graph's report that the call is over.
func (c *Call) reported(e Event) {
	c.Result = e.Result
	if c.Held != nil {
		c.giveBack()
	}
	switch c.State {
	case Ringing:
		c.end(EndHungUp, e.At)
	case InClaim:
		c.Closing = true
	case InRejection:
		c.end(EndRejected, e.At)
	case InDoubt:
		c.end(EndUnknown, e.At)
	case Over:
		if c.Ending == EndUnconfirmed {
			c.Ending = EndRejected // the confirmation came after all
		}
	}
}

func (c *Call) expire(at time.Time) {
	switch c.State {
	case Ringing:
		if c.Reply != nil {
			c.end(EndRefused, at)
		} else {
			c.end(EndTimedOut, at)
		}
	case InDoubt:
		c.end(EndUnknown, at)
	case InClaim, InRejection, Over:
		// The claim's own answer decides.
	}
}

func (c *Call) end(how Ending, at time.Time) {
	c.State, c.Ending, c.EndedAt = Over, how, at
}

// finish moves a call that just ended from the live ones to the ended.
func (b *Board) finish(c *Call, at time.Time) {
	b.live = slices.DeleteFunc(b.live, func(x *Call) bool { return x == c })
	b.ended = append(b.ended, c)
	b.today(at).count(c)
	b.ledger.over(c)
	b.forget(at)
}

// today is the tally of the day of a moment. With a new day the ledger begins
// anew as well.
func (b *Board) today(at time.Time) *Tally {
	if b.tally.on(at) {
		b.ledger.newDay()
	}
	return &b.tally
}

// renamed tells the ledger that a refresh may have named another caller. A call
// of the day before is no call of today.
func (b *Board) renamed(c *Call, was Party) {
	if c.RangAt.Format(time.DateOnly) < b.tally.Day {
		c.Nth = 0
		return
	}
	b.ledger.renamed(c, was)
}

// forget drops the oldest ended calls once they are neither recent nor within
// the time in which a late notification could make them ring again.
func (b *Board) forget(now time.Time) {
	drop := 0
	for drop < len(b.ended)-keepLeast {
		if len(b.ended)-drop <= keepMost && now.Sub(b.ended[drop].EndedAt) < keepFor {
			break
		}
		delete(b.calls, b.ended[drop].ID.Key())
		drop++
	}
	clear(b.ended[:drop]) // not moved down: the next growth leaves these behind
	b.ended = b.ended[drop:]
}

func (b *Board) insertLive(c *Call) {
	i, _ := slices.BinarySearchFunc(b.live, c, func(x, y *Call) int {
		if d := x.Deadline().Compare(y.Deadline()); d != 0 {
			return d
		}
		if x.ID < y.ID {
			return -1
		}
		return 1
	})
	b.live = slices.Insert(b.live, i, c)
}
