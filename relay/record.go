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

// decode reads a record and anchors its time on this process's monotonic clock:
// from here on a change of the machine's clock moves no deadline. A time in the
// future (another machine's clock, or this one's before it was set back) counts
// as now, so that no call ever gets more than its ring time.
func decode(r journal.Record, now time.Time) (call.Event, error) {
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
	e.At = now.Add(-max(now.Round(0).Sub(rec.At), 0))
	return e, nil
}
