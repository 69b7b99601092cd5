package call

import (
	"fmt"
	"slices"
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
// claims it has won and must ask Graph about. hasty is a planted bug: it asks
// Graph about a held claim without committing it.
type relayModel struct {
	name  string
	board *Board
	read  int
	won   []Event
	hasty bool
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
	pressed int            // commands so far
	sent    map[string]int // requests to Graph, by command
	back    map[string]int // take-backs that were recorded, by command
}

func newHouse(relays int, conditional bool) *house {
	h := &house{
		journal: newJournalModel(conditional),
		now:     begin, wins: map[string]int{}, told: map[string]int{}, sent: map[string]int{}, back: map[string]int{},
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
	switch rapid.SampledFrom([]string{"ring", "follow", "press", "press", "press", "undo", "undo", "ask", "ask", "end", "sweep", "die"}).Draw(t, "what") {
	case "ring":
		id = ID(fmt.Sprintf("call-%d", h.calls))
		h.calls++
		h.journal.append(Event{Kind: Rang, Call: id, At: h.now, Ring: 15000, Margin: 500, Details: &Details{}}, 0)
	case "follow":
		r.follow(h.journal, rapid.IntRange(1, 10).Draw(t, "events"))
	case "press":
		h.press(r, id, rapid.SampledFrom([]string{"ana", "ben", "cem"}).Draw(t, "operator"),
			time.Duration(rapid.SampledFrom([]int{0, 2, 3}).Draw(t, "hold"))*time.Second)
	case "undo":
		// Of any relay, and of any moment: also long after the window, and twice.
		h.undo(r, id)
	case "ask":
		h.ask(r, rapid.SampledFrom([]EventKind{Rejected, Refused, Gone, Unknown}).Draw(t, "answer"))
	case "die":
		h.die(r, id)
	case "end":
		h.journal.append(Event{Kind: Ended, Call: id, At: h.now}, r.seq(id))
	case "sweep":
		if c, ok := r.board.Get(id); ok && !h.now.Before(c.Deadline()) {
			h.journal.append(Event{Kind: Expired, Call: id, At: h.now}, c.Seq)
		}
	}
}

// press decides on what this relay knows, however old, and appends.
func (h *house) press(r *relayModel, id ID, operator string, hold time.Duration) {
	h.pressed++
	e, err := r.board.Decide(Command{
		ID: fmt.Sprint("k", h.pressed), Call: id, Reason: Busy, Operator: operator, Relay: r.name, Hold: hold,
	}, h.now)
	if err == nil && h.journal.append(e, r.seq(id)) {
		e.Seq = h.journal.last[id.Key()]
		r.won = append(r.won, e)
		h.wins[id.Key()]++
	}
}

// undo takes back the claim that a relay believes to be a call's.
func (h *house) undo(r *relayModel, id ID) {
	c, ok := r.board.Get(id)
	if !ok || c.Claim == nil {
		return
	}
	e, err := r.board.TakeBack(Command{ID: c.Claim.Command, Call: id, Operator: c.Claim.Operator}, h.now)
	if err == nil && h.journal.append(e, r.seq(id)) {
		h.back[e.Claim.Command]++
		h.wins[id.Key()]--
	}
}

// ask is a relay that goes on with a claim that it has won: where it is held it
// commits it first, on what it knows, however old; then Graph answers, and the
// answer is recorded on whatever else has happened to the call meanwhile.
func (h *house) ask(r *relayModel, answer EventKind) {
	if len(r.won) == 0 {
		return
	}
	claim := r.won[0]
	key := claim.Call.Key()
	if claim.Claim.Hold > 0 && !r.hasty {
		r.follow(h.journal, max(int(claim.Seq)-r.read, 0)) // its own claim it has seen
		e, done, err := r.board.Commit(claim.Call, claim.Claim, h.now)
		if err != nil {
			r.won = r.won[1:]
			h.cameToNothing(claim)
			return
		}
		if !done && !h.journal.append(e, r.seq(claim.Call)) {
			r.follow(h.journal, 1) // a refused append is read back, and tried again
			return
		}
	}
	r.won = r.won[1:]
	h.sent[claim.Claim.Command]++
	if answer == Rejected {
		h.told[key]++
	}
	if answer == Refused || answer == Unknown {
		h.wins[key]-- // it may be claimed again
	}
	h.journal.append(Event{Kind: answer, Call: claim.Call, At: h.now, Reply: &Reply{}}, h.journal.last[key])
}

// cameToNothing is a claim that could not be committed. Taken back, it is
// counted already.
func (h *house) cameToNothing(claim Event) {
	if h.back[claim.Claim.Command] == 0 {
		h.wins[claim.Call.Key()]--
	}
	c, _ := h.journal.truth.Get(claim.Call)
	if c.State == InClaim && c.Claim.Is(claim.Claim) { // the usable time is over
		h.journal.append(Event{Kind: Refused, Call: claim.Call, At: h.now, Reply: &Reply{}}, c.Seq)
	}
}

// die is a relay that ends with a claim in hand, and another one that says so.
func (h *house) die(r *relayModel, id ID) {
	at := slices.IndexFunc(r.won, func(e Event) bool { return e.Call == id })
	if at < 0 {
		return
	}
	claim := r.won[at]
	r.won = slices.Delete(r.won, at, at+1)
	c, _ := h.journal.truth.Get(id)
	if c.State != InClaim || !c.Claim.Is(claim.Claim) {
		return
	}
	h.wins[id.Key()]--
	h.journal.append(Event{Kind: Unknown, Call: id, At: h.now, Reply: &Reply{}}, c.Seq)
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
	for command, n := range h.sent {
		if back := h.back[command]; n+back > 1 {
			return fmt.Errorf("%s was sent %d times and taken back %d times", command, n, back)
		}
	}
	for command, n := range h.back {
		if n > 1 {
			return fmt.Errorf("%s was taken back %d times", command, n)
		}
	}
	for _, r := range h.relays {
		for _, claim := range r.won { // asked, not yet answered
			c, ok := h.journal.truth.Get(claim.Call)
			if h.back[claim.Claim.Command] > 0 || claim.Claim.Hold > 0 && ok && c.State == Over {
				continue // it does not know yet, and will not get to commit
			}
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
		h.press(h.relays[0], "call-0", "ana", 0)
		h.press(h.relays[1], "call-0", "ben", 0) // its board has not seen ana's claim
		if err := h.judge(); (err == nil) != conditional {
			t.Errorf("appends conditional: %v; the judge says %v", conditional, err)
		}
		if won := len(h.relays[1].won); (won == 0) != conditional {
			t.Errorf("appends conditional: %v; the second has won %d", conditional, won)
		}
	}
}

// A take-back of one relay meets the commit of another, each on a board that has
// not seen the other's: exactly one of them is recorded, and the request leaves
// only after the commit. The planted bugs are caught by the judge: a request that
// does not wait for its commit, and appends without a condition.
func TestO01ATakeBackAndTheRequestOfAnotherRelayHaveOneWinner(t *testing.T) {
	for _, tt := range []struct {
		name               string
		undoFirst          bool
		hasty, conditional bool
		faulty             bool
		sent, back         int
	}{
		{name: "the take-back is first", undoFirst: true, conditional: true, back: 1},
		{name: "the request is first", conditional: true, sent: 1},
		{name: "planted: the request does not wait, the take-back is first", undoFirst: true, hasty: true, conditional: true, faulty: true, sent: 1, back: 1},
		{name: "planted: the request does not wait, and is first", hasty: true, conditional: true, sent: 1},
		{name: "planted: the take-back is not conditional", faulty: true, sent: 1, back: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(2, tt.conditional)
			carries, other := h.relays[0], h.relays[1]
			carries.hasty = tt.hasty
			h.journal.append(Event{Kind: Rang, Call: "call-0", At: begin, Ring: 15000, Margin: 500}, 0)
			carries.follow(h.journal, 1)
			h.now = begin.Add(time.Second)
			h.press(carries, "call-0", "ana", 3*time.Second)
			other.follow(h.journal, 2)
			h.now = begin.Add(4 * time.Second)
			steps := []func(){func() { h.ask(carries, Rejected) }, func() { h.undo(other, "call-0") }}
			if tt.undoFirst {
				slices.Reverse(steps)
			}
			for _, step := range steps {
				step()
			}
			if err := h.judge(); (err != nil) != tt.faulty {
				t.Errorf("the judge says %v", err)
			}
			if h.sent["k1"] != tt.sent || h.back["k1"] != tt.back {
				t.Errorf("sent %d times, taken back %d times; want %d and %d", h.sent["k1"], h.back["k1"], tt.sent, tt.back)
			}
		})
	}
}
