// Package call holds the rules of screening: what can happen to a call, how a
// board of calls follows from what happened, and whether an operator may still
// decide. It is pure: no I/O, no goroutine, no lock and no clock. Events come
// in, a board comes out; a command and a time come in, a claim or a refusal
// comes out. Relay and console run the very same [Board.Apply], so two readers
// of one journal cannot disagree.
//
// The states of a call:
//
//	ringing ──claimed──▶ claimed ──rejected──▶ rejected ──ended──▶ ended (rejected)
//	   │                    │                      └─unconfirmed─▶ ended (unconfirmed)
//	   │                    ├─refused──▶ ringing again, if time is left
//	   │                    ├─unknown──▶ unknown: no answer, or the relay died;
//	   │                    │            may be claimed again while time is left
//	   │                    ├─gone─────▶ ended (gone): Graph knows no such call any more
//	   │                    │            and, where the claim is held for its operator first:
//	   │                    ├─withdrawn▶ what it was before the claim; may be claimed again
//	   │                    ├─committed▶ claimed, and the request leaves
//	   │                    └─ended────▶ ended, as if there had been no claim: nothing was sent
//	   ├─ended──────────────▶ ended (hung up): the caller gave up, or it ended elsewhere
//	   └─expired────────────▶ ended (timed out, or refused): nothing more can be sent
//
// A claim may be held ([Claim.Hold]): whoever made it can take it back until it is
// committed. Withdrawn and committed are both appended on the claim's own last
// event, so that one of them wins and no relay needs to ask another; a request
// leaves for a held claim only after its committed is in the journal.
//
// Facts are in the past tense ([Rang], [Claimed]); wishes are imperative
// ([Reject]). Applying never refuses a fact, because it is in the journal
// already; only [Board.Decide] refuses.
package call

import (
	"errors"
	"strings"
	"time"
)

// ID is a call's identifier as Microsoft Graph sent it. It is opaque, but its
// alphabet is checked ([ParseID]) because it is placed in a URL.
type ID string

// maxID is the longest identifier accepted, in bytes.
const maxID = 64

// ErrID says that a text cannot be the identifier of a call.
var ErrID = errors.New("a call id has 1 to 64 letters, digits and dashes")

// ParseID checks that s can be the identifier of a call.
func ParseID(s string) (ID, error) {
	if s == "" || len(s) > maxID {
		return "", ErrID
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '-':
		default:
			return "", ErrID
		}
	}
	if ID(s).Key() == "" {
		return "", ErrID
	}
	return ID(s), nil
}

// Key is what tells calls apart: Graph writes one identifier with and without
// dashes, in upper and in lower case.
func (id ID) Key() string {
	return strings.ReplaceAll(strings.ToLower(string(id)), "-", "")
}

// Reason is why a call is rejected (Graph v1.0, enum rejectReason).
type Reason string

// The reasons that Graph accepts, spelt as they are sent.
const (
	Busy      Reason = "busy"
	None      Reason = "none"
	Forbidden Reason = "forbidden"
)

// ErrReason says that a text is no reason for a rejection.
var ErrReason = errors.New("a reason is one of busy, none and forbidden")

// ParseReason accepts a reason in any letter case, as Graph's own pages spell
// it both ways.
func ParseReason(s string) (Reason, error) {
	switch r := Reason(strings.ToLower(s)); r {
	case Busy, None, Forbidden:
		return r, nil
	default:
		return "", ErrReason
	}
}

// State is where a call stands.
type State string

// The states; see the drawing in the package comment.
const (
	Ringing     State = "ringing"
	InClaim     State = "claimed"
	InRejection State = "rejected"
	InDoubt     State = "unknown"
	Over        State = "ended"
)

// Ending is how a call that is [Over] ended. Every ending is told apart.
type Ending string

// The endings.
const (
	EndRejected    Ending = "rejected"    // Graph accepted the rejection and confirmed the end
	EndUnconfirmed Ending = "unconfirmed" // Graph accepted it, the confirmation never came
	EndGone        Ending = "gone"        // Graph had no such call any more when asked to reject it
	EndHungUp      Ending = "hung_up"     // the caller gave up, or the call ended elsewhere
	EndTimedOut    Ending = "timed_out"   // nobody decided in time, nothing was sent
	EndRefused     Ending = "refused"     // Graph refused the rejection and no later try succeeded
	EndUnknown     Ending = "unknown"     // a rejection was sent, its outcome never became known
)

// Millis is a span of time in whole milliseconds, the unit of the journal and of the wire.
type Millis int64

// ToMillis rounds towards zero.
func ToMillis(d time.Duration) Millis { return Millis(d / time.Millisecond) }

// Duration is the span in Go's own unit.
func (m Millis) Duration() time.Duration { return time.Duration(m) * time.Millisecond }

// Call is one ringing, decided or ended call as the board knows it.
type Call struct {
	ID      ID     `json:"call_id"`
	State   State  `json:"state"`
	Ending  Ending `json:"ending,omitempty"`
	Details        // who calls, cleaned when it entered the house

	Ring   Millis `json:"ring_ms"`             // the time Graph gives from the first byte of the notification
	Margin Millis `json:"margin_ms"`           // how much earlier decisions end, so that the request still arrives
	Claim  *Claim `json:"claim,omitempty"`     // the last claim: whoever decided, or tried to
	Tries  int    `json:"tries,omitempty"`     // claims so far, without those that were taken back
	Reply  *Reply `json:"reply,omitempty"`     // Graph's answer to the last claim
	Result *Code  `json:"result,omitempty"`    // Graph's codes for the end, where it sent any
	Nth    int    `json:"nth_today,omitempty"` // the how-manieth call of its caller today; 0 where that cannot be known

	// Held is set while the claim can be taken back, and is what the call is then again.
	Held *Standing `json:"held,omitempty"`
	// Withdrawn is the claims that were taken back, the oldest first: none of
	// these commands is ever carried out. Shared between copies; never changed in place.
	Withdrawn []Claim `json:"withdrawn,omitempty"`

	// Closing says that Graph reported the end while a claim was in flight:
	// the claim's own answer then tells which ending it is.
	Closing bool `json:"closing,omitempty"`

	// Times of this process: on the wire they travel as spans, in the journal
	// with their event. They carry a monotonic reading wherever the reader
	// anchored them.
	RangAt    time.Time `json:"-"`
	ClaimedAt time.Time `json:"-"`
	EndedAt   time.Time `json:"-"`

	// Seq is the journal sequence of the call's last event: the next append
	// for this call is conditional on it.
	Seq uint64 `json:"-"`
}

// Standing is where a call stood before a claim that is held.
type Standing struct {
	State State  `json:"state"` // Ringing or InDoubt
	Claim *Claim `json:"claim,omitempty"`
	Reply *Reply `json:"reply,omitempty"`
}

// Deadline is when Graph stops waiting (Graph v1.0, call: reject: 15 seconds).
func (c *Call) Deadline() time.Time { return c.RangAt.Add(c.Ring.Duration()) }

// Usable is when decisions end: the deadline less the margin for the request's way.
func (c *Call) Usable() time.Time { return c.Deadline().Add(-c.Margin.Duration()) }

// HeldUntil is when a claim that is held is meant to be committed. Until the
// journal says that it is, it can still be taken back.
func (c *Call) HeldUntil() time.Time {
	if c.Claim == nil {
		return c.ClaimedAt
	}
	return c.ClaimedAt.Add(c.Claim.Hold.Duration())
}

// Waits reports whether the call waits for a decision: it rings, or what became
// of an earlier claim is unknown.
func (c *Call) Waits() bool { return c.State == Ringing || c.State == InDoubt }

// Known reports whether the call ever rang here. A call whose end was reported
// before its beginning is kept only so that it cannot ring afterwards.
func (c *Call) Known() bool { return !c.RangAt.IsZero() }
