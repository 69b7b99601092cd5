package invariants

import (
	"fmt"
	"testing"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
)

const policyAtOnce = 16 // as the relay has it

// alone ends all relays but the first, and waits until nobody is watching.
func (s *scene) alone() {
	for _, p := range s.running[1:] {
		p.end()
		<-p.over
	}
	time.Sleep(10 * time.Second)
}

// A night's thousand calls are not a thousand requests in one moment, and those
// whose time passes while they stand in line are given up.
func TestThePolicyRejectsSoManyAtOnceAndFirstWhatRingsTheShortest(t *testing.T) {
	for name, tc := range map[string]struct {
		takes time.Duration
		all   bool
	}{
		"there is time for all":  {500 * time.Millisecond, true},
		"there is time for some": {4 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, bugs{}, func(s *scene) {
				const calls = 100
				s.alone()
				s.graph.takes = tc.takes
				place := map[string]int{}
				for i := range calls {
					id := call.ID(fmt.Sprintf("c%d", i))
					place[id.Key()] = i
					s.rings(0, id)
				}
				time.Sleep(ringTime + time.Second)
				asked, most := s.graph.all()
				if most != policyAtOnce {
					t.Errorf("%d requests were under way at once, want %d", most, policyAtOnce)
				}
				if n := len(asked); (n == calls) != tc.all || n < 2*policyAtOnce {
					t.Errorf("%d requests left", n)
				}
				latest := 0
				for _, r := range asked {
					latest = max(latest, place[r.key])
					if at := place[r.key]; at <= latest-policyAtOnce {
						t.Errorf("call %d came after call %d", at, latest)
					}
					// The margin, less the way of the notification.
					if after := r.at.Sub(s.graph.of(call.ID(r.key)).from); after > ringTime-450*time.Millisecond {
						t.Errorf("the request of %s left after %v", r.key, after)
					}
				}
			})
		})
	}
}

func TestThePolicyAsksAgainASecondAfterGraphWasTooBusyAndAfterNoOtherRefusal(t *testing.T) {
	for name, tc := range map[string]struct {
		refuses         error
		refusals, asked int
		accepted        bool
	}{
		"throttled thrice":     {&graph.ThrottledError{}, 3, 4, true},
		"refused":              {&graph.RefusedError{Status: 403, Code: "7504"}, 1, 1, false},
		"throttled to the end": {&graph.ThrottledError{}, 1000, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, bugs{}, func(s *scene) {
				time.Sleep(10 * time.Second)
				s.graph.refuse(tc.refuses, tc.refusals)
				s.rings(0, "a")
				time.Sleep(ringTime + time.Second)
				asked := s.graph.requests("a")
				if tc.asked > 0 && len(asked) != tc.asked || len(asked) > 15 || s.graph.of("a").accepted != tc.accepted {
					t.Errorf("Graph was asked %d times, and accepted: %v", len(asked), s.graph.of("a").accepted)
				}
				for i := range asked[1:] {
					if pause := asked[i+1].at.Sub(asked[i].at); pause < time.Second || pause > 2500*time.Millisecond {
						t.Errorf("asked again after %v", pause)
					}
				}
			})
		})
	}
}

// Graph that asks for fewer requests gets fewer, whichever calls they are of.
func TestThePolicyPausesAllCallsWhileGraphIsTooBusy(t *testing.T) {
	play(t, bugs{}, func(s *scene) {
		s.alone()
		s.graph.refuse(&graph.ThrottledError{}, 10_000)
		for i := range 100 {
			s.rings(0, call.ID(fmt.Sprintf("c%d", i)))
		}
		time.Sleep(ringTime + time.Second)
		asked, _ := s.graph.all()
		if n := len(asked); n < 5*policyAtOnce || n > 15*policyAtOnce {
			t.Errorf("Graph was asked %d times", n)
		}
		for i := range asked[policyAtOnce:] {
			if pause := asked[i+policyAtOnce].at.Sub(asked[i].at); pause < time.Second {
				t.Errorf("%d requests in %v", policyAtOnce+1, pause)
			}
		}
	})
}
