package tui

import "callscreen/relay/call"

// foldOver is how many waiting calls of one caller have rows of their own. Legs
// of one conversation and people who call again stay apart; more is a flood,
// behind which everybody else must still be seen (P-13).
const foldOver = 3

// caller is who calls, as far as that tells two callers apart.
type caller struct {
	kind call.PartyKind
	id   string
}

// fold leaves one row to a caller who floods: the most urgent call's, with the
// count of the others. The selected call keeps its row, so does one about which
// a decision is under way, so do legs of one conversation, which are told as
// such, unless there are more than keys to name them, and under a filter each
// call has one, for it was asked for.
func (q *queue) fold() {
	if len(q.rows) <= foldOver || q.filter != "" || q.off.noFold {
		return
	}
	waiting, legs := map[caller]int{}, map[string]int{}
	for _, r := range q.rows {
		legs[r.call.Chain]++
		if who, ok := q.caller(r); ok {
			waiting[who]++
		}
	}
	first := map[caller]int{} // the row that stands for a caller
	kept := q.rows[:0]
	for _, r := range q.rows {
		who, ok := q.caller(r)
		at, seen := first[who]
		switch {
		case !ok || waiting[who] <= foldOver || r.call.Chain != "" && 1 < legs[r.call.Chain] && legs[r.call.Chain] <= jumps:
		case !seen:
			first[who] = len(kept)
		case r.id != q.selected:
			kept[at].folded++
			continue
		}
		kept = append(kept, r)
	}
	clear(q.rows[len(kept):])
	q.rows = kept
}

// caller is who waits here for a decision, if that can be known again.
func (q *queue) caller(r row) (who caller, ok bool) {
	if !r.waits() || q.asks[r.key()].underWay() || !r.call.Caller.Recognisable() {
		return who, false
	}
	return caller{r.call.Caller.Kind, r.call.Caller.ID}, true
}
