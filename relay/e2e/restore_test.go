//go:build !windows

package e2e

import (
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/term"

	"callscreen/graph/simulator"
)

// settings are what the kernel does with the bytes of this terminal.
func (e *terminal) settings() *term.State {
	e.t.Helper()
	s, err := term.GetState(e.tty.Fd())
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

// disorder is what a terminal is not any more: as before.
func (e *terminal) disorder(before *term.State) []string {
	e.t.Helper()
	faults := leftOver(e.sent(), e.screen.Height())
	if !reflect.DeepEqual(e.settings(), before) {
		faults = append(faults, "the kernel's settings are others")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.screen.IsAltScreen() || e.screen.CursorHidden() {
		faults = append(faults, "the emulator shows the alternate screen or no cursor")
	}
	return faults
}

// inUse are the modes that a screen cannot do without: a check that does not
// see them while it runs would not see them left behind either.
var inUse = []string{"bracketed paste is on", "the alternate screen is shown", "the cursor is hidden"}

func (e *terminal) uses(before *term.State) {
	e.t.Helper()
	now := e.disorder(before)
	for _, mode := range append(inUse, "the kernel's settings are others") {
		if !slices.Contains(now, mode) {
			e.t.Errorf("while the screen runs the check finds only %q, not that %s", now, mode)
		}
	}
}

// fresh opens a terminal and returns what its settings are without a program.
func fresh(t *testing.T) *term.State {
	t.Helper()
	e := openCommand(t, exec.CommandContext(t.Context(), "true"), 120, 40)
	if code := e.exits(); code != 0 {
		t.Fatalf("true ends with %d", code)
	}
	if faults := e.disorder(e.settings()); len(faults) > 0 {
		t.Fatalf("a terminal nobody used: %q", faults)
	}
	return e.settings()
}

func TestT11TheTerminalIsAsBeforeHoweverTheScreenEnds(t *testing.T) {
	t.Parallel()
	before := fresh(t)
	r := newReception(t)
	// Each part lets a call ring of its own: it may have waited a minute for its turn.
	ring := func(t *testing.T) {
		t.Helper()
		if _, err := r.Place(t.Context(), simulator.CallSpec{Kind: "user", Name: "Alice Meyer", Ring: rings}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if got := r.decisions(); len(got) > 0 {
			t.Errorf("Microsoft saw %q", got)
		}
	})
	for _, ending := range []struct {
		name string
		do   func(e *terminal)
		code int
	}{
		{"q, y", func(e *terminal) { e.press("q"); e.shows("Quit?"); e.press("y") }, 0},
		{"ctrl+c twice", func(e *terminal) { e.press("\x03"); e.shows("ctrl+c again"); e.press("\x03") }, 0},
		{"ctrl+c twice in one write", func(e *terminal) { e.press("\x03\x03") }, 0},
		{"SIGTERM", func(e *terminal) { e.signal(syscall.SIGTERM) }, 0},
		{"SIGINT", func(e *terminal) { e.signal(syscall.SIGINT) }, 0},
		{"SIGHUP", func(e *terminal) { e.signal(syscall.SIGHUP) }, 0},
		{"SIGTERM while it asks", func(e *terminal) { e.press("q"); e.shows("Quit?"); e.signal(syscall.SIGTERM) }, 0},
	} {
		t.Run(ending.name, func(t *testing.T) {
			t.Parallel()
			if ending.name == "SIGHUP" && signal.Ignored(syscall.SIGHUP) {
				t.Skip("these tests run under nohup, and so does the console: it stays")
			}
			ring(t)
			e := open(t, r.dir, 120, 40, "console", "--relay", "http://"+r.listen)
			e.armed("Alice Meyer")
			e.uses(before)
			ending.do(e)
			if code := e.exits(); code != ending.code {
				t.Errorf("exit code %d, want %d", code, ending.code)
			}
			if faults := e.disorder(before); len(faults) > 0 {
				t.Errorf("the terminal is left so: %q", faults)
			}
		})
	}
	t.Run("q while nothing waits", func(t *testing.T) {
		t.Parallel()
		e := open(t, r.dir, 120, 40, "console", "--relay", "http://"+freeAddress(t))
		e.shows("RECONNECTING")
		e.uses(before)
		e.press("q")
		if code := e.exits(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if faults := e.disorder(before); len(faults) > 0 {
			t.Errorf("the terminal is left so: %q", faults)
		}
	})
	t.Run("a kill that nobody survives is noticed", func(t *testing.T) {
		t.Parallel()
		ring(t)
		e := open(t, r.dir, 120, 40, "console", "--relay", "http://"+r.listen)
		e.armed("Alice Meyer")
		e.signal(syscall.SIGKILL)
		e.exits()
		e.uses(before)
	})
}

func (e *terminal) signal(s os.Signal) {
	e.t.Helper()
	if err := e.cmd.Process.Signal(s); err != nil {
		e.t.Fatal(err)
	}
}

// Nothing in the program can be told to panic, so its screen runs in the second
// process of panic_test.go, whose Link and Log panic at a key.
func TestT11TheTerminalIsAsBeforeAfterAPanic(t *testing.T) {
	t.Parallel()
	before := fresh(t)
	for at, key := range map[string]string{panicInUpdate: "b", panicInView: "L", panicBeside: "b"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), panicAt+"="+at)
			e := openCommand(t, cmd, 120, 40)
			e.armed("Alice Meyer")
			e.uses(before)
			e.press(key)
			if code := e.exits(); code != exitPanicked {
				t.Errorf("exit code %d, want %d: the screen's error", code, exitPanicked)
			}
			if faults := e.disorder(before); len(faults) > 0 {
				t.Errorf("the terminal is left so: %q", faults)
			}
			// What the developer needs is on the screen that the operator returns to.
			if text := e.text(); !strings.Contains(text, "panic_test.go") {
				t.Errorf("the stack is not on the screen:\n%s", text)
			}
			if sent := e.sent(); strings.LastIndex(sent, boom) < strings.LastIndex(sent, "\x1b[?1049l") {
				t.Error("the panic is told before the alternate screen is left")
			}
		})
	}
}
