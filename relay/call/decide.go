package call

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Command is an operator's wish to reject one call.
type Command struct {
	ID       string // chosen by the operator's console; a repeated one is the same command
	Call     ID
	Reason   Reason
	Operator string
	Relay    string // the running relay that would carry it out
	// Left is what was left of the call where the key was pressed, at that moment;
	// 0 when that is not told.
	Left time.Duration
	// Hold is how long whoever decides wants to be able to take it back; 0 for a
	// script, which never will.
	Hold time.Duration
}

// StaleAfter is how late after its key a decision may come. Where the link or
// the relay stood still for longer, the operator has seen that and been told
// that calls ring on.
const StaleAfter = 3 * time.Second

const (
	// HoldRoom is kept free between the end of a hold and the end of the usable
	// time: for recording the commit, for a second try of the request, and because
	// a notification may have been on its way for longer than the margin foresees.
	HoldRoom = time.Second
	// TakeBacks is how often one call may be taken back: later claims are not held.
	// It bounds what a call remembers.
	TakeBacks = 8
)

// Why a command is refused. Losing, too late and gone are answers, not failures.
var (
	ErrNoSuchCall = errors.New("no such call")
	ErrGone       = errors.New("the call is already gone")
	ErrTooLate    = errors.New("too late: the time to decide is over")
	ErrStale      = errors.New("the decision arrived seconds after its key; nothing was sent")
	// ErrRepeated: this very command is the call's claim already, perhaps from
	// before its relay was restarted, or was one that was taken back. It is never
	// carried out again; the call tells what became of it.
	ErrRepeated = errors.New("this command was carried out already")
	// ErrNotHeld: no claim by this command stands: it was never made, was taken back
	// already, or came to nothing.
	ErrNotHeld = errors.New("there is nothing to take back")
	ErrSent    = errors.New("sent already: it can no longer be taken back")
)

// TakenError is the answer to whoever was not first.
type TakenError struct {
	Claim Claim
	Ago   time.Duration // how much faster the other one was
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("taken: %s decided %s %d ms earlier", e.Claim.Operator, e.Claim.Reason, e.Ago.Milliseconds())
}

// Decide judges a command at a moment: it returns the [Claimed] event to append,
// conditional on the call's last sequence, or why there is nothing to decide.
// Only whoever appends that event has won.
func (b *Board) Decide(cmd Command, now time.Time) (Event, error) {
	c, ok := b.Get(cmd.Call)
	if !ok || !c.Known() {
		return Event{}, ErrNoSuchCall
	}
	if c.Claim.By(cmd) || c.tookBack(cmd) {
		return Event{}, ErrRepeated
	}
	switch c.State {
	case InClaim, InRejection:
		return Event{}, c.taken(now)
	case Over:
		return Event{}, c.overError(now)
	case Ringing, InDoubt:
	}
	switch left := c.Deadline().Sub(now); {
	case !now.Before(c.Usable()):
		return Event{}, ErrTooLate
	case cmd.Left-left > StaleAfter:
		return Event{}, ErrStale
	}
	return Event{
		Kind: Claimed, Call: c.ID, At: now,
		Claim: &Claim{
			Operator: cmd.Operator, Reason: cmd.Reason, Command: cmd.ID, Relay: cmd.Relay,
			After: ToMillis(now.Sub(c.RangAt)), Hold: c.hold(cmd.Hold, now),
		},
	}, nil
}

// hold is how long a claim made now is held: as long as is wished, but so that
// its request still leaves in the usable time.
func (c *Call) hold(wished time.Duration, now time.Time) Millis {
	if len(c.Withdrawn) >= TakeBacks {
		return 0
	}
	return ToMillis(max(min(wished, c.Usable().Sub(now)-HoldRoom), 0))
}

// By reports whether a command made the claim.
func (c *Claim) By(cmd Command) bool {
	return cmd.ID != "" && c.Is(&Claim{Operator: cmd.Operator, Command: cmd.ID})
}

func (c *Call) tookBack(cmd Command) bool {
	return slices.ContainsFunc(c.Withdrawn, func(w Claim) bool { return w.By(cmd) })
}

// TakeBack judges whether the decision that a command made can be taken back: it
// returns the [Withdrawn] event to append, conditional on the call's last
// sequence, or why not. Only whoever made the decision can, and only until it is
// committed. Of the command its ID, Call and Operator count.
func (b *Board) TakeBack(cmd Command, now time.Time) (Event, error) {
	c, ok := b.Get(cmd.Call)
	switch {
	case !ok || !c.Known():
		return Event{}, ErrNoSuchCall
	case !c.Claim.By(cmd), c.Waits():
		return Event{}, ErrNotHeld
	case c.Held == nil:
		return Event{}, ErrSent
	}
	return Event{Kind: Withdrawn, Call: c.ID, At: now, Claim: c.Claim}, nil
}

// Commit judges whether the request of a claim may leave: it returns the
// [Committed] event to append first, conditional on the call's last sequence.
// done says that one is in the journal already. [ErrNotHeld] says that the claim
// is no more: it was taken back, or the call is over.
func (b *Board) Commit(id ID, claim *Claim, now time.Time) (e Event, done bool, err error) {
	c, ok := b.Get(id)
	switch {
	case !ok || c.State != InClaim || !c.Claim.Is(claim):
		return Event{}, false, ErrNotHeld
	case !now.Before(c.Usable()):
		return Event{}, false, ErrTooLate
	}
	return Event{Kind: Committed, Call: c.ID, At: now, Claim: c.Claim}, c.Held == nil, nil
}

func (c *Call) taken(now time.Time) error {
	if c.Claim == nil {
		return ErrGone
	}
	return &TakenError{Claim: *c.Claim, Ago: max(now.Sub(c.ClaimedAt), 0)}
}

func (c *Call) overError(now time.Time) error {
	switch c.Ending {
	case EndRejected, EndUnconfirmed:
		return c.taken(now)
	case EndTimedOut, EndRefused:
		return ErrTooLate
	case EndGone, EndHungUp, EndUnknown:
		return ErrGone
	default:
		return ErrGone
	}
}
