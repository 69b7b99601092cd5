package relay

import (
	"encoding/json"
	"fmt"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/history"
	"callscreen/relay/journal"
)

// record is how an event lies in the journal: the event, its time of day, for
// people, and how long it had waited when it was written. Consoles never see this
// form.
type record struct {
	At     time.Time   `json:"at"`
	Waited call.Millis `json:"waited_ms,omitempty"`
	call.Event
}

func encode(e call.Event) ([]byte, error) {
	raw, err := json.Marshal(record{At: e.At.UTC(), Waited: call.ToMillis(max(time.Since(e.At), 0)), Event: e})
	if err != nil {
		return nil, fmt.Errorf("relay: encode %s: %w", e.Kind, err)
	}
	return raw, nil
}

// decode reads a record and anchors its time on this process's monotonic clock,
// by its age and not by anybody's time of day: from here on a change of the
// machine's clock moves no deadline, and a relay whose clock is wrong moves no
// other's.
func decode(r journal.Record, now time.Time) (call.Event, error) {
	rec, err := read(r)
	e := rec.Event
	e.At = now.Add(-r.Age - max(min(rec.Waited.Duration(), believed(e)), 0))
	return e, err
}

// takenWithin is the longest from a notification's first byte to the end of its
// append: its turn, a key of its token that is not known yet (see package graph),
// its body and the append.
const takenWithin = turnWithin + 2*time.Second + readWithin + appendWithin

// believed is how long a record may say that its event waited. That a call waited
// is believed for as long as it rings, even when this process stood still
// meanwhile: a false record then shortens only its own call. (N-06)
func believed(e call.Event) time.Duration {
	if e.Kind == call.Rang {
		return min(e.Ring.Duration(), history.Settled)
	}
	return takenWithin
}

// read checks a record like any outside input. The event's time is the time of
// day that whoever wrote it told.
func read(r journal.Record) (record, error) {
	var rec record
	if err := json.Unmarshal(r.Data, &rec); err != nil {
		return record{}, fmt.Errorf("relay: journal record %d: %w", r.Seq, err)
	}
	id, err := call.ParseID(string(rec.Call))
	if err != nil {
		return record{}, fmt.Errorf("relay: journal record %d: %w", r.Seq, err)
	}
	if id.Key() != r.Key {
		// It would be folded into a call whose appends it does not stand against.
		return record{}, fmt.Errorf("relay: journal record %d is of call %s, but lies under %s", r.Seq, id, r.Key)
	}
	rec.Seq, rec.Event.At = r.Seq, rec.At
	return rec, nil
}
