//go:build !windows

package e2e

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
)

// storm resizes the window so often in so long, to sizes from nothing to more
// than a screen, and leaves it too small to be used.
func (e *terminal) storm(times int, in time.Duration, halfway func()) {
	e.t.Helper()
	began := time.Now()
	dice := rand.New(rand.NewPCG(1, uint64(times)))
	e.forget() // it is tens of megabytes
	pace := time.NewTicker(in / time.Duration(times))
	defer pace.Stop()
	for i := range times {
		if i == times/2 && halfway != nil {
			halfway()
		}
		<-pace.C
		e.resize(1+dice.IntN(200), 1+dice.IntN(60))
	}
	e.resize(28, 5)
	e.t.Logf("%d resizes in %v", times, time.Since(began).Round(10*time.Millisecond))
}

var (
	clears = regexp.MustCompile(`\x1b\[2J|\x1b\[H\x1b\[0?J`)
	moves  = regexp.MustCompile(`[0-9█▉▊▋▌▍▎▏░]`)
	figure = regexp.MustCompile(`[0-9.:]+ *`)
	spaces = regexp.MustCompile(` +`)
)

// still is a screen without what moves by itself: figures and bars in their
// places, and in the header, which is set from the right, figures of any length.
func still(screen string) string {
	head, rest, _ := strings.Cut(screen, "\n")
	head = spaces.ReplaceAllString(figure.ReplaceAllString(head, "0 "), " ")
	return head + "\n" + moves.ReplaceAllString(rest, "0")
}

// sameWhenDrawnAfresh compares the screen with what ctrl+l draws.
func (e *terminal) sameWhenDrawnAfresh() {
	e.t.Helper()
	before := still(e.text())
	e.forget()
	e.press("\x0c")
	e.await("the screen drawn afresh as it was:\n"+before, func(s string) bool {
		return clears.MatchString(e.bytes.String()) && still(s) == before
	})
}

func TestT10AResizeStormChangesNeitherTheScreenNorADecision(t *testing.T) {
	t.Parallel()
	r := newReception(t)
	r.ring("Alice Meyer", "Bob Stone", "Carla Diaz")
	e := r.console(120, 40)
	e.armed("Alice Meyer")

	e.storm(1_000, time.Second, func() { r.ring("Dora Lang") })
	e.await("what is needed, and that calls wait", func(s string) bool {
		return strings.Contains(s, "callscreen needs 30x6") && strings.Contains(s, "4 waiting")
	})
	if *long {
		e.storm(1_000, 10*time.Second, nil)
		e.storm(10_000, 10*time.Second, nil)
	}
	// There and back within a frame: the size is the old one, the text is not there.
	for range 5 {
		e.resize(120, 40)
		e.resize(30, 6)
	}
	e.resize(120, 40)
	e.shows("INCOMING 4")
	e.hush()
	e.armed("Alice Meyer")
	e.await("the message of the link, which goes by itself, has gone", func(s string) bool { return !strings.Contains(s, "Connected.") })
	e.sameWhenDrawnAfresh()

	// The window moves while a decision is on its way.
	e.press("b")
	e.storm(50, 250*time.Millisecond, nil)
	e.resize(120, 40)
	r.decided(e, 1)
	r.closes(e, "Bob Stone", "Alice Meyer busy", "Bob Stone forbidden")
}

func TestAScreenThatWasLeftInPiecesIsNoticed(t *testing.T) {
	whole := " callscreen  bot   ● live 18 ms   14:32:07\n >1  9.4s ██████▎░░░  Alice Meyer\n"
	for name, c := range map[string]struct {
		screen string
		same   bool
	}{
		"time goes on":    {" callscreen  bot  ● live 9 ms   14:32:08\n >1  8.3s █████▎░░░░  Alice Meyer\n", true},
		"a row is torn":   {" callscreen  bot   ● live 18 ms   14:32:07\n >1  9.4s ██████▎░░░  Al\n", false},
		"a row is double": {whole + " >1  9.4s ██████▎░░░  Alice Meyer\n", false},
		"the head is off": {"  live 18 ms   14:32:07\n >1  9.4s ██████▎░░░  Alice Meyer\n", false},
		"a row moved":     {" callscreen  bot   ● live 18 ms   14:32:07\n  >1  9.4s ██████▎░░░  Alice Meyer\n", false},
	} {
		if same := still(c.screen) == still(whole); same != c.same {
			t.Errorf("%s: the screens are the same: %v", name, same)
		}
	}
}
