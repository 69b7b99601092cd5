//go:build !windows

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"callscreen/graph/simulator"
	"callscreen/relay/call/hostile"
)

const (
	// guests is how many calls ring at once: they fill the list of a screen of
	// guestRows rows, so that nothing of earlier ones is on it.
	guests    = 46
	guestRows = 60
)

// party is a reception where many people ring at once.
type party struct {
	*reception
	rang int
}

// media is what a call asks for, which the simulator draws for each.
var media = regexp.MustCompile(`direct(?:, [a-z]+)+`)

// host is who rings first in each party, so that the card is the same.
const host = "Alice"

// invite lets people ring and returns how to let them go. The host has rung when
// shows returns.
func (p *party) invite(names []string, shows func(words string) string) (leave func()) {
	p.t.Helper()
	var ids []string
	for i, name := range append([]string{host}, names...) {
		if i == 1 {
			shows("INCOMING 1")
		}
		p.rang++
		id, err := p.Place(p.t.Context(), simulator.CallSpec{
			Kind: "phone", Name: name, Subject: name, Number: fmt.Sprintf("+1425%07d", 5550000+p.rang), Ring: rings,
		})
		if err != nil {
			p.t.Fatalf("%q: %v", name, err)
		}
		ids = append(ids, id)
	}
	return func() {
		p.t.Helper()
		for _, id := range ids {
			if err := p.HangUp(context.WithoutCancel(p.t.Context()), id); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

// seen is a screen full of calls as a terminal shows it, and the set of the
// sequences that drew it: afresh, and call by call with each one's card.
type seen struct {
	rows      []string
	sequences []string
}

// look draws the calls of these names, one after the other on the card.
func (p *party) look(e *terminal, names []string) seen {
	p.t.Helper()
	e.shows("Waiting for calls")
	e.forget()
	leave := p.invite(names, e.shows)
	e.shows(fmt.Sprintf("INCOMING %d", guests))
	e.press("g")
	for i := range guests {
		e.shows(fmt.Sprintf("CALL %d of %d", i+1, guests))
		e.press("j")
	}
	e.press("g\x0c")
	// Keys are off for a moment after a call came; the last of these has to count.
	screen := e.await("the first call, drawn afresh", func(s string) bool {
		return clears.MatchString(e.bytes.String()) && first(s)
	})
	s := seen{strings.Split(still(media.ReplaceAllString(screen, "direct")), "\n"), hostile.Sequences(e.sent())}
	leave()
	return s
}

// first reports a screen that is drawn to its end, on which the first call takes
// keys, which some names say too, and nothing else is said.
func first(screen string) bool {
	return strings.Count(screen, "+1425555") >= guests+1 && strings.Contains(screen, fmt.Sprintf("CALL 1 of %d", guests)) &&
		strings.Contains(screen, "\n  ARMED      a key decides") && !strings.Contains(screen, "Connected.") &&
		strings.Contains(screen, "? help  q quit")
}

// beside says what of a screen names have changed beside the places where the
// plain screen has the host's.
func (s seen) beside(plain seen) error {
	if len(s.rows) != len(plain.rows) {
		return fmt.Errorf("%d rows of %d", len(s.rows), len(plain.rows))
	}
	places := 0
	for i, row := range plain.rows {
		before, _, in := strings.Cut(row, host)
		if in {
			places++
		}
		switch {
		case !in && s.rows[i] != row:
			return fmt.Errorf("row %d is changed:\n%s\n%s", i+1, s.rows[i], row)
		case in && !strings.HasPrefix(s.rows[i], strings.TrimRight(before, " ")):
			return fmt.Errorf("what stands before the name in row %d is changed:\n%s\n%s", i+1, s.rows[i], row)
		}
	}
	if places < guests {
		return fmt.Errorf("the plain name stands in %d rows only", places)
	}
	for _, sequence := range s.sequences {
		if !slices.Contains(plain.sequences, sequence) {
			return fmt.Errorf("the terminal was sent %s", sequence)
		}
	}
	return nil
}

// plainNames are as many as the host can invite.
var plainNames = slices.Repeat([]string{host}, guests-1)

// rounds are the names that a terminal could obey or an eye be deceived by, in
// parties of the same size; in full, all that there are.
func rounds() [][]string {
	names := placeable(append(slices.Clone(hostile.Obeyed), "imitation", "injection")...)
	if *long {
		names = placeable()
	}
	for len(names)%(guests-1) != 0 {
		names = append(names, host)
	}
	return slices.Collect(slices.Chunk(names, guests-1))
}

func TestT03NoNameChangesAnythingBesideItselfInARealTerminal(t *testing.T) {
	t.Parallel()
	p := &party{reception: newReception(t)}
	e := open(t, p.dir, 80, guestRows, "console", "--mute", "--relay", "http://"+p.listen)
	plain := p.look(e, plainNames)
	again := p.look(e, plainNames)
	plain.sequences = append(plain.sequences, again.sequences...) // which colour follows which depends on when a frame is due
	if err := again.beside(plain); err != nil {
		t.Fatalf("two plain screens differ: %v", err)
	}
	for _, names := range rounds() {
		s := p.look(e, names)
		if err := s.beside(plain); err != nil {
			t.Errorf("among %.40q: %v", names, err)
		}
		for _, row := range s.rows {
			if err := hostile.Fault(row); err != nil {
				t.Errorf("%q: %v", row, err)
			}
		}
	}
	e.shows("Waiting for calls")
	e.press("q")
	if code := e.exits(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// The planted bugs: a name that draws into another row, one that moves what
// stands before it, one that a terminal obeys.
func TestT03WhatANameCouldChangeIsNoticed(t *testing.T) {
	plain := seen{sequences: hostile.Sequences("\x1b[31mx\x1b[m\x1b]2;callscreen\a")}
	for range guests {
		plain.rows = append(plain.rows, "  0  00.0s 000000000  +0 000 0000000   Alice")
	}
	plain.rows = append(plain.rows, "─ CALL 0 of 00 ──")
	with := func(i int, row string, more ...string) seen {
		s := seen{slices.Clone(plain.rows), append(slices.Clone(plain.sequences), more...)}
		s.rows[i] = row
		return s
	}
	if err := with(2, "  0  00.0s 000000000  +0 000 0000000   �[0J").beside(plain); err != nil {
		t.Errorf("a name in its own place: %v", err)
	}
	for what, s := range map[string]seen{
		"another row": with(guests, "─ CALL 0 of 00 ── x"), "a row less": {plain.rows[1:], plain.sequences},
		"a column":  with(2, "  0  00.0s 00000000   +0 000 0000000   x"),
		"clipboard": with(2, plain.rows[2], hostile.Sequences("\x1b]52;c;AA\a")...), "a colour": with(2, plain.rows[2], hostile.Sequences("\x1b[32m")...),
	} {
		if s.beside(plain) == nil {
			t.Errorf("%s is not noticed", what)
		}
	}
}

// multiplexer is a tmux of its own, with everything allowed that a program in it
// can do to what is around it.
type multiplexer struct {
	t      *testing.T
	socket string
}

func newMultiplexer(t *testing.T, width, height int, env []string, command string) *multiplexer {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skipf("there is no tmux on this machine: names are held against the emulator only: %v", err)
	}
	dir, err := os.MkdirTemp("", "tmux") //nolint:usetesting // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m := &multiplexer{t: t, socket: filepath.Join(dir, "s")}
	conf := filepath.Join(dir, "conf")
	allow := "set -g set-clipboard on\nset -g allow-rename on\nset -g automatic-rename off\nset -g allow-passthrough on\nset -g set-titles on\nset -g default-terminal tmux-256color\nset -g status off\n"
	if err := os.WriteFile(conf, []byte(allow), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "tmux", "-u", "-S", m.socket, "-f", conf, "new-session", "-d",
		"-x", fmt.Sprint(width), "-y", fmt.Sprint(height), command)
	cmd.Env = append(env, "TMUX=", "LC_ALL=C.UTF-8", "NO_COLOR=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tmux: %v: %s", err, out)
	}
	t.Cleanup(func() {
		_ = exec.CommandContext(context.WithoutCancel(t.Context()), "tmux", "-S", m.socket, "kill-server").Run()
	})
	return m
}

func (m *multiplexer) do(args ...string) string {
	m.t.Helper()
	out, err := exec.CommandContext(m.t.Context(), "tmux", append([]string{"-u", "-S", m.socket}, args...)...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %s: %v: %s", args, err, out)
	}
	return string(out)
}

// state is what a program in it could have changed: titles, paste buffers, modes.
func (m *multiplexer) state() string {
	m.t.Helper()
	var formats []string
	for _, f := range []string{
		"pane_title", "window_name", "pane_dead", "pane_width", "pane_height", "pane_in_mode", "alternate_on", "cursor_flag", "cursor_shape",
		"insert_flag", "keypad_cursor_flag", "keypad_flag", "mouse_all_flag", "mouse_any_flag", "mouse_button_flag", "mouse_sgr_flag", "mouse_standard_flag",
		"mouse_utf8_flag", "origin_flag", "wrap_flag", "scroll_region_upper", "scroll_region_lower", "window_bell_flag", "window_panes", "session_windows", "pane_path",
	} {
		formats = append(formats, f+"=#{"+f+"}")
	}
	return m.do("display-message", "-p", strings.Join(formats, " ")) + "buffers: " + m.do("list-buffers")
}

func (m *multiplexer) await(what string, satisfies func(screen string) bool) string {
	m.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) { // another program's screen: there is nothing to be told by
		screen := m.do("capture-pane", "-p")
		if satisfies(screen) {
			return screen
		}
		if time.Now().After(end) {
			m.t.Fatalf("never on the screen: %s; it shows:\n%s", what, screen)
		}
	}
}

func (m *multiplexer) shows(words string) string {
	m.t.Helper()
	return m.await(words, func(s string) bool { return strings.Contains(s, words) })
}

func TestT03NoNameReachesAMultiplexersTitleBuffersOrModes(t *testing.T) {
	t.Parallel()
	p := &party{reception: newReception(t)}
	console := command(p.dir)
	m := newMultiplexer(t, 80, guestRows, console.Env, fmt.Sprintf("%q console --mute --relay http://%s", console.Path, p.listen))
	look := func(names []string) (rows []string, state string) {
		m.shows("Waiting for calls")
		leave := p.invite(names, m.shows)
		m.shows(fmt.Sprintf("INCOMING %d", guests))
		m.do("send-keys", "G", "g")
		screen := m.await("the first call", first)
		state = m.state()
		leave()
		return strings.Split(still(media.ReplaceAllString(screen, "direct")), "\n"), state
	}
	rows, state := look(plainNames)
	plain := seen{rows: rows}
	for _, names := range rounds() {
		rows, got := look(names)
		if got != state {
			t.Errorf("among %.40q: the multiplexer is\n%snot\n%s", names, got, state)
		}
		if err := (seen{rows: rows}).beside(plain); err != nil {
			t.Errorf("among %.40q: %v", names, err)
		}
	}
}

// The planted bug: names as they came, written to the same multiplexer.
func TestT03AMultiplexerShowsWhatNamesAsTheyCameDoToIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for what, name := range map[string]string{
		"title": "\x1b]2;pwned\x1b\\", "buffer": "\x1b]52;c;cm0gLXJm\a", "mode": "\x1b[?1003h", "name": "\x1bkpwned\x1b\\", "region": "\x1b[1;2r", "screen": "\x1b[?1049h",
	} {
		file := filepath.Join(dir, what)
		if err := os.WriteFile(file, []byte("Alice"+name+" is here"), 0o600); err != nil {
			t.Fatal(err)
		}
		m := newMultiplexer(t, 80, 24, os.Environ(), fmt.Sprintf("echo ready; read x; cat %q; read x", file))
		m.shows("ready")
		before := m.state()
		m.do("send-keys", "Enter")
		m.shows("is here")
		if m.state() == before {
			t.Errorf("%s: nothing is noticed: %s", what, before)
		}
	}
}
