package call

import "time"

// Update is one thing a watcher of calls is told, in order. Exactly one field is set.
type Update struct {
	Board  *Board  // start from this; whatever was known before is void. Owned by the receiver.
	Event  *Event  // apply this to the board
	Answer *Answer // what became of one of the watcher's own commands
	Link   *Link   // how the link to the relay stands
}

// Verdict is what became of a command.
type Verdict string

// The verdicts.
const (
	WasRejected  Verdict = "rejected"     // Graph accepted it, or probably did: the reply says so
	WasRefused   Verdict = "refused"      // Graph did not take it
	WasGone      Verdict = "gone"         // the call is already gone
	WasUnknown   Verdict = "unknown"      // no answer; it may have worked
	WasTooLate   Verdict = "too_late"     // the time to decide was over; nothing was sent
	WasTaken     Verdict = "taken"        // another operator was faster
	NoSuchCall   Verdict = "no_such_call" // this relay never heard of it
	WasWithdrawn Verdict = "withdrawn"    // whoever decided took it back in time; nothing was sent
	NotSent      Verdict = "not_sent"     // the command never reached the relay, or the relay could not record it
)

// VerdictOn is what became of an operator's command that made a claim of this
// call, as far as the board knows.
func (c *Call) VerdictOn(operator, command string) Verdict {
	if c.tookBack(Command{ID: command, Operator: operator}) {
		return WasWithdrawn
	}
	return c.Verdict()
}

// Verdict is what became of the call's last claim, as far as the board knows;
// [WasUnknown] while that is under way.
func (c *Call) Verdict() Verdict {
	switch c.State {
	case InRejection:
		return WasRejected
	case Ringing:
		return WasRefused // it rings again
	case InClaim, InDoubt:
		return WasUnknown
	case Over:
	}
	switch c.Ending {
	case EndRejected, EndUnconfirmed:
		return WasRejected // unconfirmed: accepted, or gone on a second try, so that the first one did it
	case EndGone:
		return WasGone
	case EndHungUp, EndRefused:
		return WasRefused // a claim that Graph refused, then the call ended
	case EndTimedOut, EndUnknown:
		return WasUnknown
	default:
		return WasUnknown
	}
}

// Answer is the relay's answer to one command, given once its outcome is known.
type Answer struct {
	Request string  `json:"request_id"`
	Call    ID      `json:"call_id"`
	Verdict Verdict `json:"outcome"`
	Reason  Reason  `json:"reason,omitempty"` // the reason decided, by whoever decided
	By      string  `json:"by,omitempty"`     // who decided, when taken
	Ago     Millis  `json:"ago_ms,omitempty"` // how much earlier, when taken
	Reply   *Reply  `json:"reply,omitempty"`  // Graph's answer, where there was one
	Words   string  `json:"words,omitempty"`  // a sentence for the operator
}

// Link is how a console's connection to its relay stands.
type Link struct {
	Up        bool
	Operator  string        // who the relay says we are
	Role      Role          // what the relay lets us do; "" of a relay without roles: all
	Bot       string        // what the relay calls itself
	RoundTrip time.Duration // last measured; 0 before the first measurement
	Watching  int           // operators who could decide and whose screens are drawn, we included
	People    []Presence    // some of those connected, who looks at a call first. Never changed
	Graph     string        // "" when the relay can reject calls, else why not
	Notice    string        // what else of the relay operators should know, in a few words; mostly ""
	Try       int           // while down: which try comes next
	RetryAt   time.Time     // while down: when it comes
	LastHeard time.Time     // when the relay was last heard; zero if never
	Err       string        // while down: why, in words
	Final     bool          // no further try will be made: the token or version is refused
}
