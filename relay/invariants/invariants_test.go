package invariants

import (
	"context"
	"flag"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay"
	"callscreen/relay/call"
)

var (
	seeds = flag.Int("seeds", 60, "how many runs")
	first = flag.Uint64("seed", 1, "the seed of the first run")
)

// run is one world from its first call to its end, in virtual time: live is the
// part in which things happen. It returns what is wrong, and what happened.
func run(t *testing.T, seed uint64, b bugs, live func(*world)) (wrong []string, happened map[string]int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, b)
		if seed%2 == 1 && b == (bugs{}) { // half of the runs; planted bugs are looked for among people
			w.policy = relay.Policy(call.Forbidden)
		}
		ctx, end := context.WithCancel(t.Context())
		w.ctx = ctx
		for place := range relays {
			w.start(place)
		}
		var consoles []*console
		var sitting sync.WaitGroup
		for n, name := range []string{"ana", "ben", "cleo", "ana"} {
			c := newConsole(t, w, n, name)
			consoles = append(consoles, c)
			sitting.Go(func() { _ = c.link.Run(ctx) })
			sitting.Go(func() { c.watch(ctx) })
			sitting.Go(func() { c.sit(ctx) })
		}
		live(w)
		w.quiet.Store(true)
		time.Sleep(settling)
		for _, c := range consoles {
			c.mu.Lock()
		}
		wrong, happened = w.check(w.store.all(), consoles), tally(w, consoles)
		for _, c := range consoles {
			c.mu.Unlock()
		}
		end()
		sitting.Wait()
		for _, p := range w.running {
			p.end()
		}
		w.tasks.Wait()
	})
	return wrong, happened
}

// live is the part of a run in which calls come and things go wrong.
func live(w *world) {
	began := time.Now()
	w.placeAll()
	if w.policy != "" {
		w.lunch()
	}
	for time.Since(began) < faulty {
		rest(w.ctx, nil, w.chance.between(200*time.Millisecond, 5*time.Second))
		w.trouble()
	}
	for _, p := range w.running {
		p.link.apart.Store(false)
	}
}

// tally counts what happened in a run: faults, answers and endings.
func tally(w *world, consoles []*console) map[string]int {
	n := maps.Clone(w.faults)
	n["old answers"] = w.store.old
	for _, c := range consoles {
		for _, p := range c.pressed {
			for _, a := range p.answers {
				n["answer "+string(a.Verdict)]++
			}
		}
		for _, k := range c.board.Calls() {
			if k.Claim != nil && k.Claim.Operator == call.Unattended {
				n["policy "+string(k.State)+" "+string(k.Ending)]++
			}
			n["ending "+string(k.Ending)]++
		}
	}
	return n
}

// The quick set; -seeds makes it as long as wanted.
func TestInvariants(t *testing.T) {
	total := map[string]int{}
	for seed := *first; seed < *first+uint64(*seeds); seed++ {
		wrong, happened := run(t, seed, bugs{}, live)
		for _, s := range wrong {
			t.Errorf("seed %d: %s", seed, s)
		}
		for what, n := range happened {
			total[what] += n
		}
	}
	t.Logf("%d runs: %v", *seeds, total)
	if *seeds < 20 {
		return // too few for everything to happen
	}
	// A run in which nothing goes wrong proves nothing.
	for _, what := range []string{
		"killed", "told to end", "apart from the journal", "cables cut", "cables cut one way", "pressed without a link", "everybody away",
		"policy ended rejected",
	} {
		if total[what] == 0 {
			t.Errorf("it never happened: %s", what)
		}
	}
	for _, v := range []call.Verdict{
		call.WasRejected, call.WasRefused, call.WasGone, call.WasUnknown, call.WasTooLate, call.WasTaken, call.WasWithdrawn,
	} {
		if total["answer "+string(v)] == 0 {
			t.Errorf("nobody was ever told %q", v)
		}
	}
	for _, e := range []call.Ending{
		call.EndRejected, call.EndUnconfirmed, call.EndGone, call.EndHungUp, call.EndTimedOut, call.EndRefused, call.EndUnknown,
	} {
		if total["ending "+string(e)] == 0 {
			t.Errorf("no call ever ended %q", e)
		}
	}
}

// proves N-04: an old answer to a read may make a relay wait, ask again or leave
// a decision unknown, but nobody wins by it. Without the comparison in the append
// the same answers make two winners.
func TestN04ReadsThatAreOldNeverDecideWhoWins(t *testing.T) {
	two := func(seed uint64, b bugs) (found bool, old int) {
		wrong, happened := run(t, seed, b, live)
		return slices.ContainsFunc(wrong, func(s string) bool { return strings.Contains(s, "both told") || strings.Contains(s, "I3: ") }), happened["old answers"]
	}
	total := 0
	for seed := *first; seed < *first+20; seed++ {
		found, old := two(seed, bugs{stale: true})
		if total += old; found {
			t.Errorf("seed %d: a winner by an old answer", seed)
		}
	}
	if total < 50 {
		t.Errorf("only %d reads were answered as of before", total)
	}
	for seed := uint64(1); ; seed++ {
		if found, _ := two(seed, bugs{stale: true, blind: true, generous: true}); found {
			return
		}
		if seed == 20 {
			t.Fatal("in 20 runs of a store that does not compare the checker saw no second winner")
		}
	}
}

// seedsToSee is how many runs a planted bug may need to show. Two operators who
// are both told "yours" need a race that is close to the end: one run in twenty
// has it.
const seedsToSee = 400

// Each planted bug breaks the invariant that it is named after.
func TestAPlantedBugIsSeen(t *testing.T) {
	for name, tc := range map[string]struct {
		bug  bugs
		seen []string
	}{
		// Graph's own 404 would hide the second winner.
		"a store that does not compare":   {bugs{blind: true, generous: true}, []string{"I1", "I4"}},
		"a store that forgets":            {bugs{forgetful: true}, []string{"I4"}},
		"a store that leaves records out": {bugs{leaky: true}, []string{"I4"}},
		"a relay that does not wait until a decision can no longer be taken back": {bugs{hasty: true}, []string{"I3"}},
	} {
		t.Run(name, func(t *testing.T) {
			missing := slices.Clone(tc.seen)
			for seed := uint64(1); seed <= seedsToSee && len(missing) > 0; seed++ {
				wrong, _ := run(t, seed, tc.bug, live)
				missing = slices.DeleteFunc(missing, func(invariant string) bool {
					return slices.ContainsFunc(wrong, func(s string) bool { return strings.Contains(s, invariant+": ") })
				})
			}
			if len(missing) > 0 {
				t.Errorf("in %d runs the checker saw nothing of %v", seedsToSee, missing)
			}
		})
	}
}
