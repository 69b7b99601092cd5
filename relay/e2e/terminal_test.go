//go:build !windows

package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"callscreen/graph/simulator"
)

// terminal is a real pty with an emulator on its other end: the screen as a
// person would see it, and every byte as the terminal was sent it.
type terminal struct {
	t      testing.TB
	cmd    *exec.Cmd
	master *os.File
	tty    *os.File // the program's end, kept open so that nothing it wrote is lost when it ends
	done   chan struct{}

	held sync.Mutex // locked: nobody reads what the program writes

	mu     sync.Mutex
	screen *vt.Emulator
	bytes  bytes.Buffer
	grown  chan struct{}
	readAt time.Time // when the last bytes came
	chunks []chunk   // of bytes
}

// open runs the program in a terminal of a size.
func open(t testing.TB, dir string, width, height int, args ...string) *terminal {
	t.Helper()
	return openCommand(t, command(dir, args...), width, height)
}

// openCommand runs any command in a terminal of a size.
func openCommand(t testing.TB, cmd *exec.Cmd, width, height int) *terminal {
	t.Helper()
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=", "LC_ALL=C.UTF-8")
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	e := &terminal{
		t: t, cmd: cmd, master: master, tty: tty, done: make(chan struct{}),
		screen: vt.NewEmulator(width, height), grown: make(chan struct{}),
	}
	e.resize(width, height)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ends sync.WaitGroup
	ends.Go(func() {
		e.read()
		_ = e.screen.InputPipe().(io.Closer).Close() // not the emulator's own Close, which is not made for several goroutines
	})
	ends.Go(func() { _, _ = io.Copy(master, e.screen) }) // what the terminal answers to queries
	go func() { _ = cmd.Wait(); close(e.done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-e.done
		_ = tty.Close()
		ends.Wait()
		_ = master.Close()
	})
	return e
}

func (e *terminal) read() {
	buf := make([]byte, 32<<10)
	for {
		e.held.Lock()
		e.held.Unlock() //nolint:staticcheck // it is a gate: whoever holds it stops the reading
		n, err := e.master.Read(buf)
		at := time.Now()
		e.mu.Lock()
		e.readAt = at
		_, _ = e.screen.Write(buf[:n])
		_, _ = e.bytes.Write(buf[:n])
		e.chunks = append(e.chunks, chunk{at, e.bytes.Len()})
		close(e.grown)
		e.grown = make(chan struct{})
		e.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// freeze stops the reading, until thaw is called or the test ends.
func (e *terminal) freeze() (thaw func()) {
	e.held.Lock()
	thaw = sync.OnceFunc(e.held.Unlock)
	e.t.Cleanup(thaw)
	return thaw
}

// resize is the hand at the window's corner.
func (e *terminal) resize(width, height int) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.screen.Resize(width, height)
	if err := pty.Setsize(e.master, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}); err != nil {
		e.t.Fatal(err)
	}
}

// sent is every byte that the terminal was sent so far.
func (e *terminal) sent() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.bytes.String()
}

// forget drops the bytes so far, so that what is sent next can be told.
func (e *terminal) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bytes.Reset()
	e.chunks = nil
}

// shell is what stands for the prompt that comes after the program.
const shell = "the shell again"

// exits waits for the end of the program and returns its exit code. Everything
// that it wrote has been read then.
func (e *terminal) exits() int {
	e.t.Helper()
	select {
	case <-e.done:
	case <-time.After(20 * time.Second):
		e.t.Fatalf("the program does not end; the screen shows:\n%s", e.text())
	}
	if _, err := e.tty.WriteString(shell); err != nil {
		e.t.Fatal(err)
	}
	e.await(shell, func(string) bool { return strings.HasSuffix(e.bytes.String(), shell) })
	return e.cmd.ProcessState.ExitCode()
}

func (e *terminal) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.screen.String()
}

// await waits until the screen satisfies and returns it. While satisfies runs,
// nothing more is written to the terminal.
func (e *terminal) await(what string, satisfies func(screen string) bool) string {
	e.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		e.mu.Lock()
		text, grown := e.screen.String(), e.grown
		satisfied := satisfies(text)
		e.mu.Unlock()
		if satisfied {
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
	if code := e.exits(); code != 0 {
		t.Errorf("the demo ends with %d", code)
	}
}

func TestTheDemoOfSeveralRelaysIsReadBeforeTheScreenCoversIt(t *testing.T) {
	words := open(t, t.TempDir(), 120, 40, "demo", "--relays", "2", "--seed", "3", "--rate", "60")
	words.shows("Press enter to begin.")
	words.press("\r")
	words.shows("a key decides at once")
	words.press("q")
	words.press("y")
	if code := words.exits(); code != 0 {
		t.Errorf("the demo ends with %d", code)
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	given := open(t, t.TempDir(), 120, 40, "demo", "--relays", "2")
	given.shows("Press enter to begin.")
	given.press("\x03")
	if code := given.exits(); code != 0 {
		t.Errorf("given up, the demo ends with %d", code)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
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
	sent := e.sent()
	for _, forbidden := range []string{"OWNED\x07", "\x1b]52", "\x1b]0;OWNED", "\x1b[31mred", "\u202e", "\u009b"} {
		if strings.Contains(sent, forbidden) {
			t.Errorf("the terminal was sent %q", forbidden)
		}
	}
}
