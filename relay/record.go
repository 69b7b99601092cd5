package relay

import (
	"encoding/json"
	"fmt"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/journal"
)

// record is how an event lies in the journal: the event and its time of day.
// Consoles never see this form.
type record struct {
	At time.Time `json:"at"`
	call.Event
}

func encode(e call.Event) ([]byte, error) {
	raw, err := json.Marshal(record{At: e.At.UTC(), Event: e})
	if err != nil {
		return nil, fmt.Errorf("relay: encode %s: %w", e.Kind, err)
	}
	return raw, nil
}

// liveAge is the most that an event is old when it comes fresh from the journal:
// the longest append, and some for the way.
const liveAge = appendWithin + 500*time.Millisecond

// decode reads a record and anchors its time on this process's monotonic clock:
// from here on a change of the machine's clock moves no deadline. Wall clocks are
// believed within bounds only, since another relay wrote by its own: a time in
// the future counts as now, so that no call gets more than its ring time, and a
// live record is not older than an append can take, so that a relay whose clock
// is ahead does not end the others' calls. Old records, read at the start, have
// nothing but the wall clock.
func decode(r journal.Record, now time.Time, live bool) (call.Event, error) {
	var rec record
	if err := json.Unmarshal(r.Data, &rec); err != nil {
		return call.Event{}, fmt.Errorf("relay: journal record %d: %w", r.Seq, err)
	}
	e := rec.Event
	id, err := call.ParseID(string(e.Call))
	if err != nil {
		return call.Event{}, fmt.Errorf("relay: journal record %d: %w", r.Seq, err)
	}
	if id.Key() != r.Key {
		// It would be folded into a call whose appends it does not stand against.
		return call.Event{}, fmt.Errorf("relay: journal record %d is of call %s, but lies under %s", r.Seq, id, r.Key)
	}
	e.Seq = r.Seq
	age := max(now.Round(0).Sub(rec.At), 0)
	if live {
		age = min(age, liveAge)
	}
	e.At = now.Add(-age)
	return e, nil
}
