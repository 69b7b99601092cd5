package call

import "time"

// EventKind names what happened.
type EventKind string

// Everything that can happen to a call. A reader carries kinds it does not know
// along: an older console must survive a newer relay.
const (
	Rang        EventKind = "rang"        // Graph told of an incoming call
	Changed     EventKind = "changed"     // Graph refreshed the details; never the deadline
	Claimed     EventKind = "claimed"     // an operator decided, first
	Withdrawn   EventKind = "withdrawn"   // whoever decided took it back in time; nothing was sent
	Committed   EventKind = "committed"   // the time to take it back is over; the request leaves
	Rejected    EventKind = "rejected"    // Graph accepted the rejection (2xx)
	Refused     EventKind = "refused"     // Graph did not take the rejection, or nothing was sent; nothing changed
	Gone        EventKind = "gone"        // Graph knows no such call any more
	Unknown     EventKind = "unknown"     // the request may have arrived, no answer did; or its relay died after the claim, or its commit
	Ended       EventKind = "ended"       // Graph reported the end of the call
	Unconfirmed EventKind = "unconfirmed" // accepted, but the end was not reported in time
	Expired     EventKind = "expired"     // the deadline passed without a decision
)

// Event is one fact about one call, the only thing that flows through the whole
// house: webhook, journal, board, WebSocket, screen. The journal and the wire
// each add the time in their own way, so Seq and At have no place in the JSON.
type Event struct {
	Seq  uint64    `json:"-"` // journal sequence; 0 while not yet appended
	At   time.Time `json:"-"` // when it happened; for Rang the first byte of the notification
	Kind EventKind `json:"event"`
	Call ID        `json:"call_id"`

	Details *Details `json:"details,omitempty"`   // Rang, Changed
	Ring    Millis   `json:"ring_ms,omitempty"`   // Rang
	Margin  Millis   `json:"margin_ms,omitempty"` // Rang
	Claim   *Claim   `json:"claim,omitempty"`     // Claimed; Withdrawn, Committed: the one it was
	Reply   *Reply   `json:"reply,omitempty"`     // Rejected, Refused, Gone, Unknown
	Result  *Code    `json:"result,omitempty"`    // Ended, where Graph sent codes
}

// Claim is an operator's decision that came first.
type Claim struct {
	Operator string `json:"operator"`
	Reason   Reason `json:"reason"`
	Command  string `json:"request_id,omitempty"` // the operator's own id of the command
	Relay    string `json:"relay,omitempty"`      // which running relay carries it out
	After    Millis `json:"after_ms"`             // from the ring to the decision
	Hold     Millis `json:"hold_ms,omitempty"`    // from the decision until the request leaves; meanwhile it can be taken back
}

// Is reports whether two claims are one and the same: made by one command of one operator.
func (c *Claim) Is(other *Claim) bool {
	return c != nil && other != nil && c.Operator == other.Operator && c.Command == other.Command
}

// Reply is what became of the request that carried a claim to Graph.
type Reply struct {
	Status   int    `json:"status,omitempty"`     // HTTP status; 0 without an answer
	Code     string `json:"code,omitempty"`       // Graph's own code, such as 7504 or 8522
	Words    string `json:"words,omitempty"`      // what it means and what to do, in our own words
	Request  string `json:"request_id,omitempty"` // Graph's request-id, for a support case
	Took     Millis `json:"took_ms"`              // from the claim, where it was held from its commit, to the answer
	Tries    int    `json:"tries,omitempty"`      // requests sent
	Probably bool   `json:"probably,omitempty"`   // Gone on a retry: the first request probably did it
}

// Code is Graph's verdict on an ended call (Graph v1.0, resultInfo). Its message
// is left out on purpose: it carries changing diagnostics, not facts.
type Code struct {
	Code    int `json:"code"`
	Subcode int `json:"subcode"`
}
