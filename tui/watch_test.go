package tui

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/exp/golden"
)

func TestAnObserverSeesEverythingAndDecidesNothing(t *testing.T) {
	proves(t, rules{noWatch: true}, func(h *hands) string {
		h.m.opt.Watch = true
		h.ring(12, 13)
		h.pass(time.Second)
		for _, k := range []string{"b", "n", "f", "B", "N", "F"} {
			h.key(k)
			h.pass(time.Second)
			if h.m.guard.off == (rules{}) && h.message() != "Watching only: decides nothing." {
				return "message " + h.message()
			}
		}
		h.key("A", "b")
		h.pass(time.Second)
		h.key("y")
		return onlyDecided(h)
	})
}

func TestWhomTheRelayCallsAnObserverDecidesNothing(t *testing.T) {
	proves(t, rules{noWatch: true}, func(h *hands) string {
		h.tell(call.Update{Link: &call.Link{Up: true, Operator: me, Role: call.Observing}})
		h.ring(12)
		h.pass(time.Second)
		h.key("b")
		if h.m.guard.off == (rules{}) && h.message() != "Watching only: decides nothing." {
			return "message " + h.message()
		}
		return onlyDecided(h)
	})
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		for role, want := range map[call.Role]bool{call.Observing: true, call.Deciding: false, "": false} {
			h.tell(call.Update{Link: &call.Link{Up: true, Operator: me, Role: role}})
			if h.m.observes() != want {
				t.Errorf("role %q: observes %v, want %v", role, !want, want)
			}
		}
	})
}

func TestAnObserverIsToldSoWhereverHeLooks(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {80, 24}, {40, 12}} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			h.m.opt.Watch = true
			h.do(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			see := func(where string, want string) {
				t.Helper()
				if _, frame := said(h); !strings.Contains(frame, want) {
					t.Errorf("%v, %s lacks %q:\n%s", size, where, want, frame)
				}
			}
			see("the empty screen", "Watching only: decides nothing.")
			see("the help line", "watching only")
			h.ring(12)
			h.pass(time.Second)
			see("the card", "WATCHING")
			h.key("?")
			h.key("G")
			see("the help", "watching only")
		})
	}
}

func TestNothingPassesALinkForObservers(t *testing.T) {
	link := newScript()
	if _, err := Observe(link).Reject(id(0), call.Busy); !errors.Is(err, ErrWatching) || len(link.decided()) != 0 {
		t.Errorf("%v, sent %v", err, link.decided())
	}
}

// Whoever can decide nothing is not somebody who watches, whatever is drawn.
func TestAScreenThatWasStartedToWatchOnlySaysNoAlive(t *testing.T) {
	link := newScript()
	link.Alive(1, id(0))
	Observe(link).Alive(2, id(1))
	if got := link.signs(); len(got) != 1 {
		t.Errorf("the relay heard %v", got)
	}
}

func TestAnObserverIsToldThatNobodyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		for _, tc := range []struct {
			role     call.Role
			watching int
			told     bool
		}{{call.Observing, 0, true}, {call.Observing, 1, false}, {call.Deciding, 0, false}} {
			h.tell(call.Update{Link: &call.Link{Up: true, Operator: me, Role: tc.role, Watching: tc.watching}})
			if _, frame := said(h); strings.Contains(frame, "nobody watching") != tc.told {
				t.Errorf("%+v:\n%s", tc, frame)
			}
		}
	})
}

// A relay that was restarted, or another one, would else think for two seconds
// more that nobody is watching.
func TestTheRelayIsToldAtOnceThatSomebodyIsBack(t *testing.T) {
	perform(t, 80, 24, Options{}, colorprofile.TrueColor, func(s *stage) {
		s.rest(2500 * time.Millisecond) // between two beats
		s.link.signs()
		s.tell(live())
		s.rest(100 * time.Millisecond)
		if got := s.link.signs(); len(got) != 1 {
			s.t.Errorf("it heard %v", got)
		}
	})
}

func TestTheRelayIsToldAtWhichCallTheOperatorLooks(t *testing.T) {
	perform(t, 80, 24, Options{}, colorprofile.TrueColor, func(s *stage) {
		s.tell(fiveCalls(time.Now())...)
		for _, n := range []int{0, 3, 1} {
			s.key(fmt.Sprint(n + 1))
			s.rest(200 * time.Millisecond)
			if s.link.looked != id(n) {
				s.t.Errorf("the relay was told of %q, want %q", s.link.looked, id(n))
			}
		}
	})
}

func TestScreensOfAnObserver(t *testing.T) {
	for _, size := range sizes[:3] {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			perform(t, size[0], size[1], Options{Bot: "reception-bot", Watch: true}, colorprofile.TrueColor, func(s *stage) {
				s.show(board{tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "b"}}})
				golden.RequireEqual(s.t, s.screen())
			})
		})
	}
}
