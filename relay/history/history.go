// Package history is what was decided: one row a call, folded from the journal's
// events with the very rules that draw the screens, and written as a table, as
// JSON or as CSV. It is pure but for the writers it is given, and holds the calls
// of a few minutes, not of a month.
package history

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"
)

// Row is one call that rang. Times are of the relay's clock, in UTC.
type Row struct {
	Call   call.ID     `json:"call_id"`
	RangAt time.Time   `json:"rang_at"`
	Caller call.Party  `json:"caller"`
	To     call.Party  `json:"to,omitzero"` // the first one it was for
	State  call.State  `json:"state"`       // "ended", else where it stood at the end of the journal
	Ending call.Ending `json:"ending,omitempty"`
	Ended  time.Time   `json:"ended_at,omitzero"`

	// The last decision about it, where there was one.
	Reason call.Reason `json:"reason,omitempty"`
	By     string      `json:"by,omitempty"`
	After  call.Millis `json:"after_ms,omitempty"` // from the ring to the decision
	Relay  string      `json:"relay,omitempty"`    // the running relay that carried it out
	Tries  int         `json:"tries,omitempty"`    // decisions carried out, of whomever
	Undone int         `json:"withdrawn,omitempty"`

	// Graph's answer to it, where there was one.
	Status  int         `json:"status,omitempty"`
	Code    string      `json:"code,omitempty"`
	Request string      `json:"request_id,omitempty"` // Graph's, for a support case
	Took    call.Millis `json:"took_ms,omitempty"`
	Words   string      `json:"words,omitempty"`
}

func rowOf(c *call.Call) Row {
	r := Row{
		Call: c.ID, RangAt: c.RangAt.UTC(), Caller: c.Caller, State: c.State, Ending: c.Ending,
		Tries: c.Tries, Undone: len(c.Withdrawn),
	}
	if len(c.To) > 0 {
		r.To = c.To[0]
	}
	if c.State == call.Over {
		r.Ended = c.EndedAt.UTC()
	}
	if c.Claim != nil {
		r.Reason, r.By, r.After, r.Relay = c.Claim.Reason, c.Claim.Operator, c.Claim.After, c.Claim.Relay
	}
	if c.Reply != nil {
		r.Status, r.Code, r.Request, r.Took, r.Words = c.Reply.Status, c.Reply.Code, c.Reply.Request, c.Reply.Took, c.Reply.Words
	}
	return r
}

// Query says which calls are wanted.
type Query struct {
	Since     time.Time     // rang then or later
	Until     time.Time     // rang before then; zero: no bound
	Operators []string      // decided by one of these, in any letter case; none: whoever, and nobody
	Endings   []call.Ending // ended in one of these ways; none: however, and not yet
	Limit     int           // the newest so many; 0: all
}

// MostLimited is the largest limit: so many rows are held to know the newest.
const MostLimited = 10_000

// endings are all there are.
var endings = []call.Ending{
	call.EndRejected, call.EndUnconfirmed, call.EndGone, call.EndHungUp, call.EndTimedOut, call.EndRefused, call.EndUnknown,
}

// ErrEnding says that a text is no ending.
var ErrEnding = errors.New("an ending is one of rejected, unconfirmed, gone, hung_up, timed_out, refused and unknown")

// ParseEnding reads an ending; a dash does for a low line.
func ParseEnding(text string) (call.Ending, error) {
	e := call.Ending(strings.ReplaceAll(strings.ToLower(text), "-", "_"))
	if !slices.Contains(endings, e) {
		return "", ErrEnding
	}
	return e, nil
}

// Check judges a query.
func (q Query) Check() error {
	switch {
	case q.Limit < 0 || q.Limit > MostLimited:
		return fmt.Errorf("limit: at most %d rows; without a limit there are all", MostLimited)
	case !q.Until.IsZero() && !q.Since.Before(q.Until):
		return errors.New("until: must be later than since")
	case len(q.Operators) > 50:
		return errors.New("operator: at most 50 names")
	}
	for _, e := range q.Endings {
		if !slices.Contains(endings, e) {
			return fmt.Errorf("ending: %w", ErrEnding)
		}
	}
	return nil
}

// Values is the query as the relay reads it: since and until as RFC 3339 writes
// times, operator and ending once for each, limit.
func (q Query) Values() url.Values {
	v := url.Values{"since": {q.Since.UTC().Format(time.RFC3339Nano)}}
	if !q.Until.IsZero() {
		v.Set("until", q.Until.UTC().Format(time.RFC3339Nano))
	}
	for _, name := range q.Operators {
		v.Add("operator", name)
	}
	for _, e := range q.Endings {
		v.Add("ending", string(e))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// DefaultSince is how far back a query without a beginning reaches.
const DefaultSince = 24 * time.Hour

// errTime says how times are written.
var errTime = errors.New("write a time as 2026-03-31T14:00:00Z")

// ParseQuery reads what Values writes. Its errors are fixed texts: they go back
// to whoever asked, and hold nothing of what was asked.
func ParseQuery(v url.Values, now time.Time) (Query, error) {
	q := Query{Since: now.Add(-DefaultSince)}
	var err error
	for name, values := range v {
		switch name {
		case "operator":
			q.Operators = values
			continue
		case "ending":
			for _, text := range values {
				e, err := ParseEnding(text)
				if err != nil {
					return q, fmt.Errorf("ending: %w", err)
				}
				q.Endings = append(q.Endings, e)
			}
			continue
		}
		if len(values) != 1 {
			return q, errors.New("since, until and limit may be there once each")
		}
		switch name {
		case "since":
			q.Since, err = time.Parse(time.RFC3339, values[0])
		case "until":
			q.Until, err = time.Parse(time.RFC3339, values[0])
		case "limit":
			if q.Limit, err = strconv.Atoi(values[0]); err != nil {
				return q, errors.New("limit: not a whole number")
			}
		default:
			return q, errors.New("what can be asked for is since, until, operator, ending and limit; a token goes into the Authorization header")
		}
		if err != nil {
			return q, fmt.Errorf("since, until: %w", errTime)
		}
	}
	return q, q.Check()
}

// wants tells whether a call is asked for.
func (q Query) wants(c *call.Call) bool {
	switch {
	case !c.Known() || c.RangAt.Before(q.Since):
		return false
	case !q.Until.IsZero() && !c.RangAt.Before(q.Until):
		return false
	case len(q.Endings) > 0 && (c.State != call.Over || !slices.Contains(q.Endings, c.Ending)):
		return false
	case len(q.Operators) == 0:
		return true
	}
	return c.Claim != nil && slices.ContainsFunc(q.Operators, func(name string) bool {
		return strings.EqualFold(name, c.Claim.Operator)
	})
}
