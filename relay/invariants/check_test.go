package invariants

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/journal"
)

// answerWithin is how long after the deadline an answer may come: a second, and
// the console's own grace for the way back.
const answerWithin = 2*time.Second + 100*time.Millisecond

// check is everything that is wrong after a run.
func (w *world) check(records []journal.Record, consoles []*console) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	events := journaled(records, say)
	truth := call.NewBoard()
	for _, e := range events {
		truth.Apply(e)
	}
	w.checkWinners(consoles, say)
	w.checkPolicy(events, consoles, say)
	w.checkAnswers(consoles, truth, say)
	w.checkRequests(events, say)
	w.checkTakenBack(events, consoles, say)
	w.checkDelivery(events, truth, consoles, say)
	w.checkForged(truth, consoles, say)
	w.checkSecrets(records, say)
	return wrong
}

func journaled(records []journal.Record, say func(string, ...any)) []call.Event {
	var events []call.Event
	for _, r := range records {
		var e call.Event
		if err := json.Unmarshal(r.Data, &e); err != nil {
			say("record %d: %v", r.Seq, err)
		}
		// The moment of the append, not of the event: that is what orders a claim
		// before its request.
		e.Seq, e.At = r.Seq, r.At
		events = append(events, e)
	}
	return events
}

func (w *world) checkWinners(consoles []*console, say func(string, ...any)) {
	winner := map[string]string{}
	for _, c := range consoles {
		for _, p := range c.pressed {
			for _, a := range p.answers {
				if a.Verdict != call.WasRejected {
					continue
				}
				if before, twice := winner[p.id.Key()]; twice {
					say("I1: %s and %s were both told that %s is theirs", before, c.operator, p.id)
				}
				winner[p.id.Key()] = c.operator
				if a.Reply != nil && a.Reply.Probably {
					continue
				}
				if k := w.graph.calls[p.id.Key()]; !k.accepted {
					say("I1: %s was told %q of %s, which Graph never rejected", c.operator, a.Verdict, p.id)
				}
			}
		}
	}
}

// checkPolicy sees to it that the policy is a winner like every other.
func (w *world) checkPolicy(events []call.Event, consoles []*console, say func(string, ...any)) {
	decided := map[string]bool{} // calls that Graph let the policy reject
	claims := map[string]string{}
	for _, e := range events {
		switch {
		case e.Kind == call.Claimed && e.Claim.Operator == call.Unattended && w.policy == "":
			say("I3: %s was left to a policy that there is not", e.Call)
		case e.Kind == call.Claimed:
			claims[e.Call.Key()] = e.Claim.Operator
		case e.Kind == call.Rejected && claims[e.Call.Key()] == call.Unattended:
			decided[e.Call.Key()] = true
		}
	}
	for _, c := range consoles {
		for _, p := range c.pressed {
			for _, a := range p.answers {
				if decided[p.id.Key()] && a.Verdict == call.WasRejected {
					say("I1: the policy rejected %s, and %s was told that it is theirs", p.id, c.operator)
				}
			}
		}
	}
}

func (w *world) checkAnswers(consoles []*console, truth *call.Board, say func(string, ...any)) {
	for _, c := range consoles {
		for request, p := range c.pressed {
			if len(p.answers) != 1 {
				say("I2: %s's decision %s about %s has %d answers: %+v", c.operator, request, p.id, len(p.answers), p.answers)
				continue
			}
			by := w.graph.calls[p.id.Key()].from.Add(ringTime)
			if p.at.After(by) {
				by = p.at
			}
			if late := p.told.Sub(by); late > answerWithin {
				say("I2: %s heard %v after the deadline what became of %s", c.operator, late, p.id)
			}
		}
	}
	for _, k := range truth.Live() {
		say("I2: %s is still %s", k.ID, k.State)
	}
}

// checkTakenBack compares what was told of decisions with what was recorded of
// them: one that is taken back is never committed, by whoever and in whatever order.
func (w *world) checkTakenBack(events []call.Event, consoles []*console, say func(string, ...any)) {
	committed, withdrawn := map[string]bool{}, map[string]bool{}
	for _, e := range events {
		if e.Kind == call.Committed {
			committed[e.Claim.Command] = true
		}
		if e.Kind == call.Withdrawn {
			withdrawn[e.Claim.Command] = true
		}
	}
	for command := range withdrawn {
		if committed[command] {
			say("I3: the decision %s was taken back, and committed", command)
		}
	}
	for _, c := range consoles {
		for request, p := range c.pressed {
			for _, a := range p.answers {
				told := a.Verdict == call.WasWithdrawn
				if told && committed[request] {
					say("I2: %s was told that %s was taken back, and it was sent", c.operator, request)
				}
				// Whoever was cut off may be told less, but never of an answer of Graph's.
				if withdrawn[request] && (a.Verdict == call.WasRejected || a.Reply != nil && a.Reply.Status != 0) {
					say("I2: %s was told %q of %s, which was taken back", c.operator, a.Verdict, request)
				}
			}
		}
	}
}

func (w *world) checkRequests(events []call.Event, say func(string, ...any)) {
	claims := map[string][]time.Time{} // from when on a request may leave
	for _, e := range events {
		if e.Kind == call.Claimed && e.Claim.Hold == 0 || e.Kind == call.Committed {
			claims[e.Call.Key()] = append(claims[e.Call.Key()], e.At)
		}
	}
	sent := map[string]int{}
	for _, r := range w.graph.asked {
		n := sent[r.key]
		sent[r.key]++
		if n >= len(claims[r.key]) || claims[r.key][n].After(r.at) {
			say("I3: request %d for %s left without a claim of its own", n+1, r.key)
		}
		if deadline := w.graph.calls[r.key].from.Add(ringTime); !r.at.Before(deadline) {
			say("I3: a request for %s left %v after the deadline", r.key, r.at.Sub(deadline))
		}
	}
}

func (w *world) checkDelivery(events []call.Event, truth *call.Board, consoles []*console, say func(string, ...any)) {
	rang := map[string]int{}
	for _, e := range events {
		if e.Kind == call.Rang {
			rang[e.Call.Key()]++
		}
	}
	for key, n := range rang {
		if n > 1 {
			say("I4: %s rang %d times", key, n)
		}
	}
	for key := range w.answered {
		if _, known := truth.Get(call.ID(key)); !known {
			say("I4: %s was answered 202 and is not in the journal", key)
		}
	}
	for _, c := range consoles {
		for _, s := range c.wrong {
			say("%s's console: %s", c.operator, s)
		}
		if !c.up {
			say("I4: %s's console did not come back", c.operator)
			continue
		}
		for _, k := range truth.Calls() {
			switch seen, ok := c.board.Get(k.ID); {
			case !ok:
				say("I4: %s's console never saw %s", c.operator, k.ID)
			case stands(seen) != stands(&k):
				say("I4: %s's console shows %s as %s, the journal has %s", c.operator, k.ID, stands(seen), stands(&k))
			}
		}
	}
}

// stands is where a call stands, as far as two readers must agree.
func stands(k *call.Call) string {
	s := string(k.State) + " " + string(k.Ending)
	if k.Claim != nil {
		s += " by " + k.Claim.Operator + " as " + string(k.Claim.Reason)
	}
	return s
}

func (w *world) checkForged(truth *call.Board, consoles []*console, say func(string, ...any)) {
	for _, id := range w.forged {
		if _, ok := truth.Get(id); ok {
			say("I5: %s is in the journal", id)
		}
		for _, c := range consoles {
			if _, ok := c.board.Get(id); ok {
				say("I5: %s is on %s's console", id, c.operator)
			}
		}
	}
}

func (w *world) checkSecrets(records []journal.Record, say func(string, ...any)) {
	var kept strings.Builder
	for _, r := range records {
		kept.Write(r.Data)
	}
	places := map[string]string{"log": w.log.String(), "journal": kept.String()}
	for place, text := range places {
		for _, secret := range []string{genuine, operator} {
			if strings.Contains(text, secret) {
				say("I6: a secret is in the %s", place)
			}
		}
	}
}
