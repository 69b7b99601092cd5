// Package wire is the frames between a relay and its consoles. This page is
// meant to be enough to write a console in another language.
//
// A console opens a WebSocket to
//
//	GET /v1/stream
//	Authorization: Bearer <operator token>
//	Sec-WebSocket-Protocol: callscreen.v1
//
// and may add Callscreen-Cursor: <epoch>:<seq>, the last cursor it has seen, to
// be sent only what happened since. The token travels in the header and nowhere
// else; a request with an Origin header is refused. Off loopback the link is TLS.
//
// Every frame is one JSON object in one text message, at most 16 KiB from
// console to relay, and carries "kind". Unknown kinds and unknown members are
// ignored. Spans of time are whole milliseconds; no time of day is ever sent,
// because two machines' clocks differ.
//
// From the relay:
//
//	{"kind":"welcome","cursor":"E:41","operator":"ana","role":"operator","bot":"reception","watching":2,"connected":2,
//	 "people":[{"name":"ben","alive":true,"decides":true,"call_id":"..."},...],"resumed":false,
//	 "board":{"calls":[CALL...],"tally":{...},"ledger":{...}}}
//	{"kind":"event","cursor":"E:42","age_ms":3,"remaining_ms":14497,"event":"rang","call_id":"...",...}
//	{"kind":"result","request_id":"...","call_id":"...","outcome":"rejected",...}
//	{"kind":"status","watching":2,"connected":2,"people":[...],"graph":""}
//
// The ledger is what the day's record knows besides the calls: callers by a
// digest of kind and identifier, rings by the minute, decisions. A reader that
// shows none of it may ignore it.
//
// A welcome is the first frame. It brings the whole board, or, where the cursor
// could be resumed ("resumed":true), no board, and the missed events follow.
// Its cursor is where the journal ends: a console that resumed knows by it when
// it has read what it missed, and moves its own cursor only with the events.
// An epoch other than the console's own always brings a fresh board: that
// journal is another one. An event's remaining_ms is what was left of the call
// when the frame was written; it is absent for a call that waits no more.
// A status comes when something in it changes, once a second at most.
//
// "connected" counts the operators who have a console at this relay, or at another
// on the same journal, and "people" names at most [MaxPeople] of them: who looks at
// a call first, and at which. "alive" says that a screen was drawn in the last six
// seconds; without it the console is connected, but its screen stands still, or it
// has none. "watching" counts those of them who are alive and may decide. With 0
// nobody is watching, and the relay's unattended policy is applied.
//
// "notice" is a standing weakness of the set-up in a few words, such as "journal:
// sync unknown"; calls can be screened all the same. Absent where there is none.
//
// The role is "operator" or "observer": an observer is sent everything, and every
// decision of his is answered "not_sent". A relay of before there were roles
// leaves it out and means "operator".
//
// From the console:
//
//	{"kind":"reject","request_id":"...","call_id":"...","reason":"busy","remaining_ms":9120}
//	{"kind":"undo","request_id":"...","call_id":"..."}
//	{"kind":"alive","drawn":3,"call_id":"..."}
//
// remaining_ms is what was left of the call on the console's own clock when the
// key was pressed. A relay that was asleep, or a link that stood still, delivers
// a decision late: one that comes more than [call.StaleAfter] after its key is not
// carried out, because the operator has seen the link go and been told that
// calls ring on. Without it the decision counts as fresh.
//
// A relay may hold a decision so that it can be taken back. Its event "claimed"
// then says for how long, {"claim":{"operator":"ana","reason":"busy",
// "request_id":"...","hold_ms":3000,...}}, counted from the event like age_ms, and
// the request leaves with the event "committed". Until then "undo" takes the
// decision with that request_id back, from any console of the operator who made
// it: the event "withdrawn" follows, with the claim that it was, the call is what
// it was before, mostly ringing, and the decision's result is "withdrawn". An undo
// that comes later, or from somebody else, changes nothing. It has no result of
// its own: the decision's tells. A decision by POST /v1/calls/{id}/reject is never held.
//
// request_id is the console's own, unique for each decision; repeating a frame
// with it is harmless and brings the same result. "alive" comes from the loop
// that draws the screen, every two seconds, and names the call that is selected, so that the relay knows not just
// that the socket is open but that somebody could see the calls.
//
// The relay pings every 5 seconds and expects the pong within 5. A console may send
// [DecisionsPerSecond], [DecisionsAtOnce], and as many of all other frames together,
// pings and pongs among them. Take-backs have an allowance of their own,
// [UndosPerSecond] and [UndosAtOnce]: whatever was decided in one moment can be
// taken back in one moment. Whoever sends more is hung up on with [TooMany], so a
// console paces itself. What an operator decides by POST has the figures of one console
// more, and beyond them is answered 429. An operator may have 5 consoles at a relay. A member
// that comes twice in one frame is refused: two readers could take it differently.
// The close codes are [Shutdown] to [TooMany]; [Retry] says which of them mean
// "come back".
package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"
)

const (
	// Subprotocol names this version of the frames in the handshake.
	Subprotocol = "callscreen.v1"
	// CursorHeader carries the cursor a console wants to resume from.
	CursorHeader = "Callscreen-Cursor"
	// RelayHeader tells, in each answer of a relay, which running relay gave it: a
	// random text, another one after a restart. By it doctor knows that the public
	// address leads to this relay and to no other. It is no secret and opens
	// nothing.
	RelayHeader = "Callscreen-Relay"
	// MaxFromConsole bounds one message from a console, in bytes.
	MaxFromConsole = 16 << 10
	// PingEvery is how often each side makes sure that the other is there.
	PingEvery = 5 * time.Second
	// PongWithin is how long an answer to a ping may take.
	PongWithin = 5 * time.Second
	// AliveEvery is how often a console's screen says that it is drawn.
	AliveEvery = 2 * time.Second
	// AliveWithin is how long after that it counts as drawn: three beats.
	AliveWithin = 3 * AliveEvery
	// DecisionsPerSecond is how many decisions a second a console may send.
	DecisionsPerSecond = 20
	// DecisionsAtOnce is how many of them may come at once.
	DecisionsAtOnce = 40
	// UndosPerSecond is how many take-backs a second a console may send.
	UndosPerSecond = 2 * DecisionsPerSecond
	// UndosAtOnce is how many of them may come at once.
	UndosAtOnce = 4 * DecisionsAtOnce
	// MaxPeople bounds how many of the connected a status names.
	MaxPeople = 16
)

// Kind tells frames apart.
type Kind string

// The kinds of frames.
const (
	KindWelcome Kind = "welcome"
	KindEvent   Kind = "event"
	KindResult  Kind = "result"
	KindStatus  Kind = "status"
	KindReject  Kind = "reject"
	KindUndo    Kind = "undo"
	KindAlive   Kind = "alive"
)

// Cursor is a place in a journal. The epoch tells one journal from another: a
// wiped one starts again at sequence 1, which must not pass for "caught up".
type Cursor struct {
	Epoch string
	Seq   uint64
}

func (c Cursor) String() string { return c.Epoch + ":" + strconv.FormatUint(c.Seq, 10) }

// MarshalText writes the cursor as epoch:seq.
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads epoch:seq.
func (c *Cursor) UnmarshalText(text []byte) error {
	epoch, seq, ok := strings.Cut(string(text), ":")
	n, err := strconv.ParseUint(seq, 10, 64)
	if !ok || err != nil || len(epoch) > 64 {
		return fmt.Errorf("wire: cursor %.80q is not epoch:seq", text)
	}
	c.Epoch, c.Seq = epoch, n
	return nil
}

// Welcome is the relay's first frame.
type Welcome struct {
	Kind     Kind      `json:"kind"`
	Cursor   Cursor    `json:"cursor"`
	Operator string    `json:"operator"`
	Role     call.Role `json:"role,omitempty"`
	Bot      string    `json:"bot,omitempty"`
	Company
	Graph   string `json:"graph,omitempty"`  // why the relay cannot reject calls now; "" when it can
	Notice  string `json:"notice,omitempty"` // what else operators should know; "" mostly
	Resumed bool   `json:"resumed"`
	Board   *Board `json:"board,omitempty"`
}

// Board is a snapshot.
type Board struct {
	Calls []Call     `json:"calls"`
	Tally call.Tally `json:"tally"`
	// Ledger is what else of the day a console shows; a relay that keeps none
	// leaves it out.
	Ledger *Ledger `json:"ledger,omitempty"`
}

// Ledger is the day's record with its times as spans before the moment of writing.
type Ledger struct {
	call.Ledger
	Recent    []Caller     `json:"recent,omitempty"`
	Older     []Caller     `json:"older,omitempty"`
	MinuteAgo *call.Millis `json:"minute_ago_ms,omitempty"` // when the newest minute of "rings" began
}

// Caller is what the day's record knows of one caller.
type Caller struct {
	call.Caller
	LastAgo *call.Millis `json:"last_ago_ms,omitempty"` // when the call in "last" rang
}

// Call is a call with its times as spans before the moment of writing.
type Call struct {
	call.Call
	RangAgo    *call.Millis `json:"rang_ago_ms,omitempty"`
	ClaimedAgo *call.Millis `json:"claimed_ago_ms,omitempty"`
	EndedAgo   *call.Millis `json:"ended_ago_ms,omitempty"`
	Remaining  *call.Millis `json:"remaining_ms,omitempty"`
}

// Event is one fact, as the journal's followers learn it.
type Event struct {
	Kind   Kind        `json:"kind"`
	Cursor Cursor      `json:"cursor"`
	Age    call.Millis `json:"age_ms"`
	// Remaining is what is left until the call's deadline; absent when the call
	// waits no more.
	Remaining *call.Millis `json:"remaining_ms,omitempty"`
	call.Event
}

// Result answers a reject frame.
type Result struct {
	Kind Kind `json:"kind"`
	call.Answer
}

// Company is who is connected to the relays of a journal.
type Company struct {
	Watching  int             `json:"watching"`            // operators who could decide: see [call.Presence.Watches]
	Connected int             `json:"connected,omitempty"` // operators in all
	People    []call.Presence `json:"people,omitempty"`    // at most MaxPeople of them
}

// Status is what else the screen's header shows.
type Status struct {
	Kind Kind `json:"kind"`
	Company
	Graph  string `json:"graph,omitempty"`
	Notice string `json:"notice,omitempty"`
}

// FromConsole is any frame that a console sends.
type FromConsole struct {
	Kind    Kind    `json:"kind"`
	Request string  `json:"request_id,omitempty"`
	Call    call.ID `json:"call_id,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	// Remaining is what was left of the call when the key was pressed.
	Remaining *call.Millis `json:"remaining_ms,omitempty"`
	Drawn     int          `json:"drawn,omitempty"` // alive: how many calls the screen shows
}
