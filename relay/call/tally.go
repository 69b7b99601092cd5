package call

import (
	"maps"
	"time"
)

// Tally counts the calls of one day.
type Tally struct {
	Day      string         `json:"day,omitempty"` // as 2026-11-23, in the zone of the reader that counted
	Rang     int            `json:"rang"`
	Rejected map[Reason]int `json:"rejected,omitempty"` // accepted by Graph, by reason
	Endings  map[Ending]int `json:"endings,omitempty"`
}

// on makes the tally that of the day of a moment, and reports whether the day is
// a new one, which starts from nothing. An event that is journaled after midnight but happened before counts for the new
// day, for going back would lose what the new one has already.
func (t *Tally) on(at time.Time) (fresh bool) {
	day := at.Format(time.DateOnly)
	if fresh = day > t.Day; fresh {
		*t = Tally{Day: day}
	}
	return fresh
}

// count makes the maps it needs: the wire leaves empty ones out.
func (t *Tally) count(c *Call) {
	if t.Endings == nil {
		t.Endings = map[Ending]int{}
	}
	t.Endings[c.Ending]++
	if (c.Ending == EndRejected || c.Ending == EndUnconfirmed) && c.Claim != nil {
		if t.Rejected == nil {
			t.Rejected = map[Reason]int{}
		}
		t.Rejected[c.Claim.Reason]++
	}
}

// recount moves a call whose ending became better known, if it was counted in
// this tally and not in an earlier day's.
func (t *Tally) recount(c *Call, was Ending) {
	if t.Endings[was] == 0 || c.EndedAt.Format(time.DateOnly) < t.Day {
		return
	}
	t.Endings[was]--
	if t.Endings[was] == 0 {
		delete(t.Endings, was)
	}
	t.Endings[c.Ending]++
}

func (t Tally) clone() Tally {
	t.Rejected, t.Endings = maps.Clone(t.Rejected), maps.Clone(t.Endings)
	return t
}
