package invariants

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay"
	"callscreen/relay/call"
	"callscreen/relay/client"
	"callscreen/relay/wire"
)

// scene is three relays on one journal, in virtual time, on which nothing goes
// wrong by itself.
type scene struct {
	*world
	ctx     context.Context
	sitting sync.WaitGroup
}

func play(t *testing.T, b bugs, act func(*scene)) {
	t.Helper()
	playHeld(t, 4*time.Second, b, act)
}

// playHeld is play where decisions are held for as long as one of undos says.
func playHeld(t *testing.T, undo time.Duration, b bugs, act func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{world: newWorld(t, uint64(slices.Index(undos[:], undo)), b)}
		s.quiet.Store(true)
		s.policy = relay.Policy(call.Busy)
		ctx, end := context.WithCancel(t.Context())
		s.world.ctx, s.ctx = ctx, ctx
		for place := range relays {
			s.start(place)
		}
		time.Sleep(time.Second)
		act(s)
		time.Sleep(2 * ringTime)
		end()
		s.sitting.Wait()
		for _, p := range s.running {
			p.end()
		}
		s.tasks.Wait()
	})
}

// sitAt is an operator at a console of one relay, until leave is called.
func (s *scene) sitAt(place int, name string) (c *console, leave context.CancelFunc) {
	s.t.Helper()
	p := s.running[place]
	c = newConsoleAt(s.t, s.world, place, name, p.dial)
	c.idle = true
	ctx, cancel := context.WithCancel(s.ctx)
	s.sitting.Go(func() { _ = c.link.Run(ctx) })
	s.sitting.Go(func() { c.watch(ctx) })
	s.sitting.Go(func() { c.sit(ctx) })
	return c, cancel
}

// rings lets a call ring at one relay.
func (s *scene) rings(place int, id call.ID) {
	s.t.Helper()
	s.graph.rings(id)
	if status := s.postTo(s.running[place], created(id, "Alice Meyer"), genuine); status != 202 {
		s.t.Fatalf("%s was answered %d", id, status)
	}
}

// decided is by whom a call was, and when after it rang; "" while nobody has.
func (s *scene) decided(id call.ID) (by string, after time.Duration) {
	for _, c := range s.claims(id) {
		if by != "" {
			s.t.Errorf("%s was claimed twice", id)
		}
		by, after = c.Operator, c.After.Duration()
	}
	return by, after
}

// claims is every claim of a call that was recorded.
func (s *scene) claims(id call.ID) (all []*call.Claim) {
	for _, e := range journaled(s.store.all(), s.t.Errorf) {
		if e.Kind == call.Claimed && e.Call == id {
			all = append(all, e.Claim)
		}
	}
	return all
}

func TestACallThatRingsWhileNobodyWatchesIsLeftToThePolicyAtOnce(t *testing.T) {
	play(t, bugs{}, func(s *scene) {
		s.rings(0, "early")
		time.Sleep(10 * time.Second)
		if by, after := s.decided("early"); by != call.Unattended || after < 4*time.Second {
			t.Errorf("while it was not known who is watching: %q after %v", by, after)
		}
		s.rings(1, "late")
		time.Sleep(time.Second)
		if by, after := s.decided("late"); by != call.Unattended || after > 200*time.Millisecond {
			t.Errorf("%q after %v", by, after)
		}
		if asked, _ := s.graph.all(); !s.graph.of("late").accepted || len(asked) != 2 {
			t.Errorf("Graph was asked %d times", len(asked))
		}
	})
}

// The operator sits at one relay, and the call rings at another.
func TestACallThatRingsWhileSomebodyWatchesAtAnyRelayRingsOn(t *testing.T) {
	for name, b := range map[string]bugs{"": {}, "planted: the relays do not hear each other": {mute: true}} {
		play(t, b, func(s *scene) {
			s.sitAt(2, "ana")
			time.Sleep(10 * time.Second)
			s.rings(0, "a")
			time.Sleep(ringTime + time.Second)
			if by, _ := s.decided("a"); (by == "") != (name == "") {
				t.Errorf("%s: it was decided by %q", name, by)
			}
		})
	}
}

func TestCallsThatRingAreLeftToThePolicyWhenTheLastWatcherGoes(t *testing.T) {
	for name, goes := range map[string]func(s *scene, leave func()){
		"he leaves":            func(_ *scene, leave func()) { leave() },
		"his screen freezes":   func(s *scene, _ func()) { s.gone.Store(true) },
		"his relay is killed":  func(s *scene, _ func()) { s.running[2].kill() },
		"his relay is told to": func(s *scene, _ func()) { s.running[2].end() },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, bugs{}, func(s *scene) {
				_, leave := s.sitAt(2, "ana")
				time.Sleep(10 * time.Second)
				s.rings(0, "a")
				time.Sleep(time.Second)
				goes(s, leave)
				time.Sleep(ringTime)
				by, after := s.decided("a")
				if least := time.Second + wire.AliveWithin - wire.AliveEvery; by != call.Unattended || after < least || after > least+2*wire.AliveEvery+time.Second {
					t.Errorf("it was decided by %q after %v", by, after)
				}
			})
		})
	}
}

// In doubt the policy does nothing: a relay that is cut off from the journal hears
// nobody, and may not take that for an empty room, then or just after.
func TestARelayThatWasCutOffDoesNotTakeSilenceForAbsence(t *testing.T) {
	play(t, bugs{}, func(s *scene) {
		s.sitAt(2, "ana")
		time.Sleep(10 * time.Second)
		for _, p := range s.running[:2] {
			p.link.apart.Store(true)
		}
		time.Sleep(20 * time.Second)
		for _, p := range s.running[:2] {
			p.link.apart.Store(false)
		}
		s.rings(0, "a")
		time.Sleep(ringTime)
		if by, _ := s.decided("a"); by != "" {
			t.Errorf("it was decided by %q", by)
		}
	})
}

// Whoever does not hear even himself knows nothing of the others, although the
// journal takes his records: a server may let him write and not publish.
func TestARelayThatDoesNotHearItselfLeavesNothingToThePolicy(t *testing.T) {
	for name, b := range map[string]bugs{"deaf": {deaf: true}, "hears himself": {}} {
		play(t, b, func(s *scene) {
			time.Sleep(10 * time.Second)
			s.rings(0, "a")
			time.Sleep(ringTime)
			if by, _ := s.decided("a"); (by == "") != b.deaf {
				t.Errorf("%s: it was decided by %q", name, by)
			}
		})
	}
}

func TestAnObserverIsNobodyWhoWatches(t *testing.T) {
	play(t, bugs{}, func(s *scene) {
		s.sitAt(0, observing)
		time.Sleep(10 * time.Second)
		s.rings(0, "a")
		time.Sleep(time.Second)
		if by, _ := s.decided("a"); by != call.Unattended {
			t.Errorf("it was decided by %q", by)
		}
	})
}

// A human who is on his way may be faster than the policy, and then it is his.
func TestAHumanWhoWasFirstKeepsTheCall(t *testing.T) {
	play(t, bugs{}, func(s *scene) {
		c, _ := s.sitAt(2, "ana")
		time.Sleep(10 * time.Second)
		s.gone.Store(true) // the screen stands still, and the last key is in the pipe
		s.rings(0, "a")
		time.Sleep(3 * time.Second)
		c.press("a", call.None)
		time.Sleep(ringTime)
		if by, _ := s.decided("a"); by != "ana" {
			t.Errorf("it was decided by %q", by)
		}
	})
}

// Consoles at every relay are told of everybody, and that nobody is left.
func TestConsolesAreToldWhoWatchesAtOtherRelays(t *testing.T) {
	play(t, bugs{}, func(s *scene) {
		_, leave := s.sitAt(2, "ana")
		var mu sync.Mutex
		var last call.Link
		eva := newConsoleAt(t, s.world, 9, observing, s.running[0].dial)
		s.sitting.Go(func() { _ = eva.link.Run(s.ctx) })
		s.sitting.Go(func() { follow(s.ctx, eva.link, func(l call.Link) { mu.Lock(); last = l; mu.Unlock() }) })
		see := func(watching, people int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if last.Watching != watching || len(last.People) != people {
				t.Errorf("%d are watching, want %d; known are %+v", last.Watching, watching, last.People)
			}
		}
		time.Sleep(6 * time.Second) // the next beats of the screen, of its relay and of ours
		see(1, 2)
		leave()
		time.Sleep(wire.AliveWithin + 3*time.Second)
		see(0, 1)
	})
}

func follow(ctx context.Context, c *client.Client, take func(call.Link)) {
	for {
		updates, err := c.Next(ctx)
		if err != nil {
			return
		}
		for _, u := range updates {
			if u.Link != nil {
				take(*u.Link)
			}
		}
	}
}

// advisor says the same of every call, after a while.
type advisor struct {
	after time.Duration
	says  call.Reason
}

func (a advisor) Decide(ctx context.Context, _ call.Call) call.Reason {
	rest(ctx, nil, a.after)
	return a.says
}

func TestWithThePolicyRunTheCommandDecidesOnlyWhileNobodyWatches(t *testing.T) {
	for name, tc := range map[string]struct {
		says    call.Reason
		leaves  bool
		decided call.Reason
	}{
		"while somebody watches":     {call.Forbidden, false, ""},
		"when the last one has gone": {call.Forbidden, true, call.Forbidden},
		"and has nothing to say":     {"", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, bugs{}, func(s *scene) {
				for _, p := range s.running {
					p.end()
					<-p.over
				}
				s.policy, s.onCall = relay.AskRun, advisor{time.Second, tc.says}
				for place := range relays {
					s.start(place)
				}
				s.sitAt(2, "ana")
				time.Sleep(10 * time.Second)
				s.rings(0, "a")
				time.Sleep(2 * time.Second)
				if by, _ := s.decided("a"); by != "" {
					t.Errorf("while ana watches it was decided by %q", by)
				}
				s.gone.Store(tc.leaves)
				time.Sleep(ringTime)
				var got call.Reason
				for _, c := range s.claims("a") {
					got = c.Reason
				}
				if by, _ := s.decided("a"); got != tc.decided || (by == call.Unattended) != (tc.decided != "") {
					t.Errorf("it was decided %q by %q", got, by)
				}
			})
		})
	}
}
