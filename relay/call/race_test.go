package call

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// journalModel is a journal as several relays share it: one order of events,
// and an append that is refused unless it builds on the call's last event.
type journalModel struct {
	events      []Event
	truth       *Board // of a reader that is never behind
	last        map[string]uint64
	conditional bool // false is the planted bug
}

func newJournalModel(conditional bool) *journalModel {
	return &journalModel{truth: NewBoard(), last: map[string]uint64{}, conditional: conditional}
}

func (j *journalModel) append(e Event, expected uint64) bool {
	key := e.Call.Key()
	if j.conditional && j.last[key] != expected {
		return false
	}
	e.Seq = uint64(len(j.events)) + 1
	j.events = append(j.events, e)
	j.truth.Apply(e)
	j.last[key] = e.Seq
	return true
}

// relayModel is one relay: a board that may be behind the journal, and the
// claims it has won and must ask Graph about.
type relayModel struct {
	name  string
	board *Board
	read  int
	won   []Event
}

func (r *relayModel) follow(j *journalModel, most int) {
	for ; most > 0 && r.read < len(j.events); most-- {
		r.board.Apply(j.events[r.read])
		r.read++
	}
}

// seq is what the relay believes to be the call's last event.
func (r *relayModel) seq(id ID) uint64 {
	if c, ok := r.board.Get(id); ok {
		return c.Seq
	}
	return 0
}

// house is several relays on one journal, with a Graph that takes one rejection
// a call and a clock that all of them read.
type house struct {
	journal *journalModel
	relays  []*relayModel
	now     time.Time
	calls   int
	wins    map[string]int // claims per call whose outcome is not "refused" or "unknown"
	told    map[string]int // operators told "rejected", per call
}

func newHouse(relays int, conditional bool) *house {
	h := &house{
		journal: newJournalModel(conditional),
		now:     begin, wins: map[string]int{}, told: map[string]int{},
	}
	for i := range relays {
		h.relays = append(h.relays, &relayModel{name: fmt.Sprintf("r%d", i+1), board: NewBoard()})
	}
	return h
}

// run makes one drawn thing happen.
func (h *house) run(t *rapid.T) {
	h.now = h.now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "ms")) * time.Millisecond)
	r := rapid.SampledFrom(h.relays).Draw(t, "relay")
	id := ID(fmt.Sprintf("call-%d", rapid.IntRange(0, max(h.calls-1, 0)).Draw(t, "call")))
	switch rapid.SampledFrom([]string{"ring", "follow", "press", "press", "press", "ask", "ask", "end", "sweep"}).Draw(t, "what") {
	case "ring":
		id = ID(fmt.Sprintf("call-%d", h.calls))
		h.calls++
		h.journal.append(Event{Kind: Rang, Call: id, At: h.now, Ring: 15000, Margin: 500, Details: &Details{}}, 0)
	case "follow":
		r.follow(h.journal, rapid.IntRange(1, 10).Draw(t, "events"))
	case "press":
		h.press(r, id, rapid.SampledFrom([]string{"ana", "ben", "cem"}).Draw(t, "operator"))
	case "ask":
		h.ask(t, r)
	case "end":
		h.journal.append(Event{Kind: Ended, Call: id, At: h.now}, r.seq(id))
	case "sweep":
		if c, ok := r.board.Get(id); ok && !h.now.Before(c.Deadline()) {
			h.journal.append(Event{Kind: Expired, Call: id, At: h.now}, c.Seq)
		}
	}
}

// press decides on what this relay knows, however old, and appends.
func (h *house) press(r *relayModel, id ID, operator string) {
	e, err := r.board.Decide(Command{Call: id, Reason: Busy, Operator: operator, Relay: r.name}, h.now)
	if err == nil && h.journal.append(e, r.seq(id)) {
		r.won = append(r.won, e)
		h.wins[id.Key()]++
	}
}

// ask lets Graph answer one claim that this relay has won, and records the
// answer on whatever else has happened to the call meanwhile.
func (h *house) ask(t *rapid.T, r *relayModel) {
	if len(r.won) == 0 {
		return
	}
	claim := r.won[0]
	r.won = r.won[1:]
	key := claim.Call.Key()
	e := Event{
		Kind: rapid.SampledFrom([]EventKind{Rejected, Refused, Gone, Unknown}).Draw(t, "answer"),
		Call: claim.Call, At: h.now, Reply: &Reply{},
	}
	if e.Kind == Rejected {
		h.told[key]++
	}
	if e.Kind == Refused || e.Kind == Unknown {
		h.wins[key]-- // it may be claimed again
	}
	h.journal.append(e, h.journal.last[key])
}

// judge is invariant I1, and that a won claim is the one that every board shows.
func (h *house) judge() error {
	for key, n := range h.wins {
		if n > 1 {
			return fmt.Errorf("%s was won %d times", key, n)
		}
	}
	for key, n := range h.told {
		if n > 1 {
			return fmt.Errorf("%d operators were told that they rejected %s", n, key)
		}
	}
	for _, r := range h.relays {
		for _, claim := range r.won { // asked, not yet answered
			c, ok := h.journal.truth.Get(claim.Call)
			if !ok || c.State != InClaim || c.Claim.Operator != claim.Claim.Operator || c.Claim.Relay != r.name {
				return fmt.Errorf("%s has won %s for %s and the board does not say so", r.name, claim.Call, claim.Claim.Operator)
			}
		}
	}
	return nil
}

func TestO01AtMostOneWinnerACallAcrossRelays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHouse(rapid.IntRange(1, 4).Draw(t, "relays"), true)
		for range 60 {
			h.run(t)
			if err := h.judge(); err != nil {
				t.Fatal(err)
			}
		}
		// Whoever reads to the end sees the same board.
		for _, r := range h.relays {
			r.follow(h.journal, len(h.journal.events))
			mustEqual(t, r.name, h.journal.truth, r.board)
		}
	})
}

// TestO01UnconditionalAppendIsCaught is the planted bug: relays that append
// without a condition must be caught by the judge above.
func TestO01UnconditionalAppendIsCaught(t *testing.T) {
	for _, conditional := range []bool{true, false} {
		h := newHouse(2, conditional)
		h.journal.append(Event{Kind: Rang, Call: "call-0", At: begin, Ring: 15000, Margin: 500}, 0)
		for _, r := range h.relays {
			r.follow(h.journal, 1)
		}
		h.now = begin.Add(time.Second)
		h.press(h.relays[0], "call-0", "ana")
		h.press(h.relays[1], "call-0", "ben") // its board has not seen ana's claim
		if err := h.judge(); (err == nil) != conditional {
			t.Errorf("appends conditional: %v; the judge says %v", conditional, err)
		}
		if won := len(h.relays[1].won); (won == 0) != conditional {
			t.Errorf("appends conditional: %v; the second has won %d", conditional, won)
		}
	}
}
