package call

import (
	"errors"
	"fmt"
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
}

// StaleAfter is how late after its key a decision may come. Where the link or
// the relay stood still for longer, the operator has seen that and been told
// that calls ring on.
const StaleAfter = 3 * time.Second

// Why a command is refused. Losing, too late and gone are answers, not failures.
var (
	ErrNoSuchCall = errors.New("no such call")
	ErrGone       = errors.New("the call is already gone")
	ErrTooLate    = errors.New("too late: the time to decide is over")
	ErrStale      = errors.New("the decision arrived seconds after its key; nothing was sent")
	// ErrRepeated: this very command is the call's claim already, perhaps from
	// before its relay was restarted. It is never carried out again; the call
	// tells what became of it.
	ErrRepeated = errors.New("this command was carried out already")
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
	if c.Claim != nil && c.Claim.Command == cmd.ID && c.Claim.Operator == cmd.Operator && cmd.ID != "" {
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
			After: ToMillis(now.Sub(c.RangAt)),
		},
	}, nil
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
