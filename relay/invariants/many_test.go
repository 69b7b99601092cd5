package invariants

import (
	"fmt"
	"testing"
	"time"

	"callscreen/relay/call"
)

// atOnce is more calls than a console may decide in one moment: as many as a tall
// terminal shows.
const atOnce = 60

// rejectAll has an operator reject all calls in one moment, as one answer to one
// question does.
func (s *scene) rejectAll() *console {
	c, _ := s.sitAt(0, "ana")
	time.Sleep(time.Second)
	for n := range atOnce {
		s.rings(0, call.ID(fmt.Sprint("A", n)))
	}
	for n := range atOnce {
		c.press(call.ID(fmt.Sprint("A", n)), call.Busy)
	}
	return c
}

// wantAll checks that every decision has one answer, and that the link still stands.
func (c *console) wantAll(want call.Verdict) {
	c.w.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	answered := map[call.Verdict]int{}
	for _, p := range c.pressed {
		if len(p.answers) != 1 {
			c.w.t.Errorf("%s has %d answers", p.id, len(p.answers))
			continue
		}
		answered[p.answers[0].Verdict]++
	}
	if len(c.pressed) != atOnce || answered[want] != atOnce {
		c.w.t.Errorf("of %d decisions %v, want %d %s", len(c.pressed), answered, atOnce, want)
	}
	if !c.up {
		c.w.t.Error("the link is lost")
	}
}

func TestC07AllCallsOfATallScreenAreRejectedAndTheLinkStands(t *testing.T) {
	playHeld(t, 0, bugs{}, func(s *scene) {
		c := s.rejectAll()
		time.Sleep(ringTime)
		c.wantAll(call.WasRejected)
	})
}

// The decisions are on their way still, or all held, or some about to leave.
func TestUndoC07AllCallsOfATallScreenAreTakenBackAtOnce(t *testing.T) {
	for _, after := range []time.Duration{0, 500 * time.Millisecond, 2 * time.Second, 3500 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			play(t, bugs{}, func(s *scene) {
				c := s.rejectAll()
				time.Sleep(after)
				c.mu.Lock()
				for request, p := range c.pressed {
					if err := c.link.Undo(p.id, request); err != nil {
						t.Errorf("%s: %v", p.id, err)
					}
				}
				c.mu.Unlock()
				time.Sleep(5 * time.Second)
				c.wantAll(call.WasWithdrawn)
				s.graph.mu.Lock()
				defer s.graph.mu.Unlock()
				if n := len(s.graph.asked); n != 0 {
					t.Errorf("%d requests left for Graph", n)
				}
			})
		})
	}
}
