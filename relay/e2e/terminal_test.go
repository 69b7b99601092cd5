//go:build !windows

package e2e

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"callscreen/graph/simulator"
)

// terminal is a real pty with an emulator on its other end: the screen as a
// person would see it, and every byte as the terminal was sent it.
type terminal struct {
	t      *testing.T
	master *os.File
	done   chan struct{}

	mu     sync.Mutex
	screen *vt.Emulator
	bytes  bytes.Buffer
	grown  chan struct{}
}

// open runs the program in a terminal of a size.
func open(t *testing.T, dir string, width, height int, args ...string) *terminal {
	t.Helper()
	cmd := command(dir, args...)
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=")
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)})
	if err != nil {
		t.Fatal(err)
	}
	e := &terminal{t: t, master: master, done: make(chan struct{}), screen: vt.NewEmulator(width, height), grown: make(chan struct{})}
	go e.read()
	go func() { _, _ = io.Copy(master, e.screen) }() // what the terminal answers to queries
	go func() { _ = cmd.Wait(); close(e.done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-e.done
		_ = e.screen.Close()
		_ = master.Close()
	})
	return e
}

func (e *terminal) read() {
	buf := make([]byte, 32<<10)
	for {
		n, err := e.master.Read(buf)
		e.mu.Lock()
		_, _ = e.screen.Write(buf[:n])
		_, _ = e.bytes.Write(buf[:n])
		close(e.grown)
		e.grown = make(chan struct{})
		e.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (e *terminal) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.screen.String()
}

// await waits until the screen satisfies and returns it.
func (e *terminal) await(what string, satisfies func(screen string) bool) string {
	e.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		e.mu.Lock()
		text, grown := e.screen.String(), e.grown
		e.mu.Unlock()
		if satisfies(text) {
			return text
		}
		select {
		case <-grown:
		case <-deadline:
			e.t.Fatalf("never on the screen: %s; it shows:\n%s", what, text)
		}
	}
}

func (e *terminal) shows(words string) string {
	e.t.Helper()
	return e.await(words, func(s string) bool { return strings.Contains(s, words) })
}

func (e *terminal) press(keys string) {
	e.t.Helper()
	if _, err := e.master.WriteString(keys); err != nil {
		e.t.Fatal(err)
	}
}

var done202 = regexp.MustCompile(`202`)

func TestTheDemoShowsCallsAndRejectsThemByKey(t *testing.T) {
	began := time.Now()
	e := open(t, t.TempDir(), 120, 40, "demo", "--seed", "3", "--rate", "60")
	e.shows("a key decides at once")
	t.Logf("the first call was armed on the screen %v after the start", time.Since(began).Round(10*time.Millisecond))
	for _, decision := range []struct{ key, word string }{{"b", "busy"}, {"n", "none"}, {"f", "forbidden"}} {
		e.shows("a key decides at once")
		e.press(decision.key)
		e.await("the rejection as "+decision.word, func(s string) bool {
			for l := range strings.Lines(s) {
				if strings.Contains(strings.ToLower(l), decision.word) && strings.Contains(l, " ms") {
					return done202.MatchString(s)
				}
			}
			return false
		})
		// The same key would count as held, and the decided row keeps the selection a
		// moment: go to a call that waits.
		e.press("u")
	}
	e.press("q")
	e.press("y")
	select {
	case <-e.done:
	case <-time.After(20 * time.Second):
		t.Fatalf("the demo does not end; the screen shows:\n%s", e.text())
	}
}

func TestT03ACallersEscapeSequencesChangeNothingButTheirOwnRow(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen)
	ms.startRelay(t, dir, listen)
	e := open(t, dir, 120, 40, "console", "--relay", "http://"+listen)
	e.shows("Waiting for calls")
	for _, spec := range []simulator.CallSpec{
		{Kind: "user", Name: "Alice Meyer"},
		{Kind: "user", Name: "EVIL\x1b[2J\x1b[H\x1b]0;OWNED\x07\x1b]52;c;T1dORUQ=\x07\r\n\x1b[31mred\u202e\u009b5m"},
		{Kind: "user", Name: "Bob Stone"},
	} {
		if _, err := ms.Place(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	screen := e.await("all three calls", func(s string) bool {
		return strings.Contains(s, "Alice Meyer") && strings.Contains(s, "EVIL") && strings.Contains(s, "Bob Stone")
	})
	rows := strings.Split(screen, "\n")
	at := func(word string) int {
		for i, r := range rows {
			if list, _, _ := strings.Cut(r, "│"); strings.Contains(list, word) { // not the card beside it
				return i
			}
		}
		return -1
	}
	// Calls of the same millisecond may stand in any order, but each has one row.
	taken := []int{at("Alice Meyer"), at("EVIL"), at("Bob Stone")}
	if slices.Sort(taken); !slices.Equal(taken, []int{3, 4, 5}) {
		t.Errorf("the three calls take the rows %v, want 3, 4 and 5\n%s", taken, screen)
	}
	e.mu.Lock()
	sent := e.bytes.String()
	e.mu.Unlock()
	for _, forbidden := range []string{"OWNED\x07", "\x1b]52", "\x1b]0;OWNED", "\x1b[31mred", "\u202e", "\u009b"} {
		if strings.Contains(sent, forbidden) {
			t.Errorf("the terminal was sent %q", forbidden)
		}
	}
}
