//go:build !windows

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What hands, windows and networks do to a terminal, and how many decisions
// come of it: counted at Microsoft, not on the screen.

func TestEightKeysInOneWriteDecideOnceAndNeverAboutTheNextCall(t *testing.T) {
	t.Parallel()
	r := newReception(t)
	r.ring("Alice Meyer", "Bob Stone", "Carla Diaz", "Dora Lang", "Emil Voss")
	e := r.console(120, 40)
	e.armed("Alice Meyer")
	e.press("bbbbbbbb")
	e.armed("Bob Stone")
	e.press("nfbnfbnf")
	e.armed("Carla Diaz")
	e.press("bjbjfjnj") // moving by hand arms a call at once, but not for keys of the same burst
	e.armed("Emil Voss")
	time.Sleep(200 * time.Millisecond) // what comes now is a hand's
	r.closes(e, "Emil Voss", "Alice Meyer busy", "Bob Stone none", "Carla Diaz busy", "Emil Voss forbidden")
}

func TestAHeldKeyDecidesOnce(t *testing.T) {
	t.Parallel()
	r := newReception(t)
	r.ring("Alice Meyer", "Bob Stone", "Carla Diaz")
	e := r.console(120, 40)
	e.armed("Alice Meyer")
	e.press("b")
	time.Sleep(500 * time.Millisecond) // how long a keyboard waits before it repeats
	repeat := time.NewTicker(30 * time.Millisecond)
	defer repeat.Stop()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); <-repeat.C {
		e.press("b")
	}
	r.closes(e, "Bob Stone", "Alice Meyer busy", "Bob Stone forbidden")
}

func TestAPasteDecidesNothing(t *testing.T) {
	t.Parallel()
	r := newReception(t)
	r.ring("Alice Meyer", "Bob Stone")
	e := r.console(120, 40)
	e.armed("Alice Meyer")
	if !slices.Contains(leftOver(e.sent(), e.screen.Height()), "bracketed paste is on") {
		t.Fatal("the terminal was not asked to mark what is pasted")
	}
	e.press("\x1b[200~bnfbnf\x1b[201~")
	e.shows("A paste decides nothing.")
	// In pieces, as a slow line brings it, and with what looks like its end.
	for _, piece := range []string{"\x1b[20", "0~bnf", "\rb\n", "\x1b[2", "01", "~"} {
		e.press(piece)
		time.Sleep(20 * time.Millisecond)
	}
	r.closes(e, "Alice Meyer", "Alice Meyer forbidden")
}

// A reader that stops, as after ctrl+s, in tmux's copy mode or on a dead line.
func TestKeysTypedIntoAFrozenTerminalDecideNothing(t *testing.T) {
	t.Parallel()
	r := newReception(t)
	r.ring("Alice Meyer", "Bob Stone")
	e := r.console(120, 40)
	e.armed("Alice Meyer")
	thaw := e.freeze()
	// Whole frames fill the pty sooner than countdowns would.
	for i := range 12 {
		e.resize(120+i%2, 40)
		time.Sleep(20 * time.Millisecond)
	}
	typing := inFull(8*time.Second, 2*time.Second) / 10
	for range 10 {
		time.Sleep(typing)
		e.press("b")
	}
	thaw()
	e.shows("The terminal was frozen for")
	e.shows("Keys typed meanwhile were thrown away.")
	r.closes(e, "Alice Meyer", "Alice Meyer forbidden")
}

func TestKeysWhileTheRelayIsDeadAreNotSentLater(t *testing.T) {
	t.Parallel()
	r := newReception(t)
	r.ring("Alice Meyer", "Bob Stone", "Carla Diaz")
	e := r.console(120, 40)
	e.armed("Alice Meyer")
	e.press("b")
	e.armed("Bob Stone")
	r.relay.kill()
	e.shows("RECONNECTING")
	for _, key := range []string{"f", "n", "b"} {
		e.hush()
		e.press(key)
		e.shows("Not sent: no link to the relay.")
	}
	r.open()
	e.await("the calls that still ring", func(s string) bool {
		return strings.Contains(s, "● live") && strings.Contains(s, "INCOMING 2")
	})
	r.closes(e, "Bob Stone", "Alice Meyer busy", "Bob Stone forbidden")
}
