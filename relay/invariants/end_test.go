package invariants

import (
	"testing"
	"time"

	"callscreen/relay/call"
)

// endWithin is how long a relay that is told to end may take.
const endWithin = 10 * time.Second

// proves K-05: all relays are told to end, as by SIGTERM, at a hundred moments of
// a busy half minute, and run again at once. Everything that is always true stays
// true, and each is gone in time.
func TestK05RelaysThatAreToldToEndAtAnyMomentKeepTheInvariants(t *testing.T) {
	const moments = 100
	total := map[string]int{}
	var slowest time.Duration
	for n := range moments {
		moment := faulty * time.Duration(n) / moments
		wrong, happened := run(t, uint64(n+1), bugs{}, func(w *world) {
			began := time.Now()
			w.placeAll()
			rest(w.ctx, nil, moment)
			slowest = max(slowest, w.endAll())
			rest(w.ctx, nil, faulty-time.Since(began))
		})
		for _, s := range wrong {
			t.Errorf("told to end after %v: %s", moment, s)
		}
		for what, n := range happened {
			total[what] += n
		}
	}
	t.Logf("%d runs, the slowest end took %v: %v", moments, slowest, total)
	if slowest > endWithin {
		t.Errorf("a relay took %v to end, want at most %v", slowest, endWithin)
	}
	// Ends in mid-decision are among the moments, or they would prove little.
	if total["ended with a call "+string(call.InClaim)] < moments/4 || total["ended with a call "+string(call.Ringing)] < moments {
		t.Errorf("too little was going on: %v", total)
	}
}

// endAll tells every relay to end, starts each again when it has, and returns how
// long the slowest took.
func (w *world) endAll() time.Duration {
	began := time.Now()
	w.mu.Lock()
	running := w.running
	w.mu.Unlock()
	board := call.NewBoard()
	for _, e := range journaled(w.store.all(), func(string, ...any) {}) {
		board.Apply(e)
	}
	for _, k := range board.Live() {
		w.happened("ended with a call " + string(k.State))
	}
	for _, p := range running {
		p.end()
	}
	for place, p := range running {
		<-p.over
		w.start(place)
	}
	return time.Since(began)
}
