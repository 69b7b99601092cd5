//go:build !windows

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/vt"
)

// The recorded session that the README links to. It is made again with
//
//	go test ./relay/e2e -run TestTheRecordedDemo -update
const (
	recording       = "testdata/demo.cast"
	recordingWidth  = 100
	recordingHeight = 30
	recordingMost   = 200 << 10 // bytes
	recordingEnds   = 60 * time.Second
)

// cast is a session in asciinema's file format: a header, and lines of
// [seconds, "o", "what was written"] (asciicast v2).
type cast struct {
	header castHeader
	events []castEvent
}

type castHeader struct {
	Version int               `json:"version"`
	Width   int               `json:"width"`
	Height  int               `json:"height"`
	Title   string            `json:"title"`
	Env     map[string]string `json:"env"`
}

type castEvent struct {
	at   time.Duration
	text string
}

// MarshalJSON is the event as the format has it.
func (e castEvent) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{json.Number(fmt.Sprintf("%.3f", e.at.Seconds())), "o", e.text})
}

// UnmarshalJSON accepts output and nothing else: a recording has no input.
func (e *castEvent) UnmarshalJSON(raw []byte) error {
	var at float64
	var kind string
	if err := json.Unmarshal(raw, &[]any{&at, &kind, &e.text}); err != nil {
		return err
	}
	e.at = time.Duration(at * float64(time.Second))
	if kind != "o" {
		return fmt.Errorf("an event of kind %q", kind)
	}
	return nil
}

// write writes a session without escapes that JSON does not need.
func (c cast) write(path string) error {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	lines.SetEscapeHTML(false)
	err := lines.Encode(c.header)
	for _, e := range c.events {
		err = errors.Join(err, lines.Encode(e))
	}
	return errors.Join(err, os.WriteFile(path, out.Bytes(), 0o600))
}

func readCast(raw []byte) (c cast, err error) {
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		if c.header.Version == 0 {
			if err := json.Unmarshal(lines.Bytes(), &c.header); err != nil || c.header.Version != 2 {
				return c, fmt.Errorf("the header %s: %w", lines.Text(), err)
			}
			continue
		}
		var e castEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return c, fmt.Errorf("event %d: %w", len(c.events)+1, err)
		}
		c.events = append(c.events, e)
	}
	if c.header.Version == 0 {
		return c, errors.New("no header")
	}
	return c, nil
}

// chunk is what one read of a terminal brought, as far as where in all bytes.
type chunk struct {
	at  time.Time
	end int
}

// record is the session so far.
func (e *terminal) record(title string) cast {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := cast{header: castHeader{2, e.screen.Width(), e.screen.Height(), title, map[string]string{"TERM": "xterm-256color"}}}
	all, from := strings.TrimSuffix(e.bytes.String(), shell), 0
	for _, part := range e.chunks {
		end := min(part.end, len(all))
		for end > from && !utf8.ValidString(all[from:end]) {
			end-- // a character that came in two reads belongs to the second
		}
		if end > from {
			c.events = append(c.events, castEvent{part.at.Sub(e.chunks[0].at), all[from:end]})
		}
		from = end
	}
	return c
}

// show is the session that is recorded: a call each rejected as busy, none and
// forbidden, the filter, the help and the statistics, and the end.
func show(t *testing.T) cast {
	t.Helper()
	e := open(t, t.TempDir(), recordingWidth, recordingHeight, "demo", "--mute", "--seed", "11", "--rate", "24")
	pause := func(d time.Duration) { time.Sleep(d) } // somebody watches
	for _, key := range []string{"b", "n", "f"} {
		e.shows("a key decides at once")
		pause(1500 * time.Millisecond)
		e.press(key)
		e.shows("Graph 202 in")
		pause(2500 * time.Millisecond)
		e.press("u")
	}
	e.shows("INCOMING")
	for _, key := range []string{"/", "a", "n"} {
		e.press(key)
		pause(600 * time.Millisecond)
	}
	e.press("\x1b")
	pause(time.Second)
	for _, page := range [][2]string{{"?", "KEYS"}, {"s", "STATISTICS"}} {
		e.press(page[0])
		e.shows(page[1])
		pause(3 * time.Second)
		e.press("\x1b")
		pause(time.Second)
	}
	e.press("q")
	pause(time.Second)
	e.press("y")
	if code := e.exits(); code != 0 {
		t.Fatalf("the demo ends with %d", code)
	}
	return e.record("callscreen demo --seed 11")
}

// faults says what is wrong with a session that is kept as a file.
func (c cast) faults() (list []string) {
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if c.header.Width != recordingWidth || c.header.Height != recordingHeight || c.header.Title == "" {
		add("the header is %+v", c.header)
	}
	screen := vt.NewEmulator(c.header.Width, c.header.Height)
	var answers sync.WaitGroup
	answers.Go(func() { _, _ = io.Copy(io.Discard, screen) }) // nobody asks any more
	defer answers.Wait()
	defer func() { _ = screen.InputPipe().(io.Closer).Close() }()
	var sent strings.Builder
	shown := map[string]bool{"Graph 202 in": false, "ARMED": false, "KEYS": false, "STATISTICS": false, "filter:": false}
	last := time.Duration(0)
	for i, e := range c.events {
		if e.at < last || e.at > recordingEnds {
			add("event %d is at %v, after %v", i+1, e.at, last)
		}
		last = e.at
		_, _ = screen.WriteString(e.text)
		sent.WriteString(e.text)
		text := screen.String()
		for words := range shown {
			shown[words] = shown[words] || strings.Contains(text, words)
		}
	}
	for words, seen := range shown {
		if !seen {
			add("never on the screen: %s", words)
		}
	}
	if modes := leftOver(sent.String(), c.header.Height); len(modes) > 0 {
		add("the terminal is left so: %q", modes)
	}
	return list
}

func TestTheRecordedDemo(t *testing.T) {
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := show(t).write(filepath.FromSlash(recording)); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(recording)
	if err != nil {
		t.Fatalf("%v\nmake it with: go test ./relay/e2e -run TestTheRecordedDemo -update", err)
	}
	if len(raw) > recordingMost {
		t.Errorf("%d bytes", len(raw))
	}
	c, err := readCast(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range c.faults() {
		t.Error(fault)
	}
	t.Logf("%d bytes, %d events, %v", len(raw), len(c.events), c.events[len(c.events)-1].at)
}

func TestARecordingThatRotsIsNoticed(t *testing.T) {
	raw, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(string) string{
		"no header":      func(s string) string { _, rest, _ := strings.Cut(s, "\n"); return rest },
		"another format": func(s string) string { return strings.Replace(s, `"version":2`, `"version":3`, 1) },
		"half a line":    func(s string) string { return s[:len(s)-10] },
		"input":          func(s string) string { return strings.Replace(s, `"o"`, `"i"`, 1) },
		"no decision":    func(s string) string { return strings.ReplaceAll(s, "202", "404") },
		"no end":         func(s string) string { return strings.Join(strings.SplitAfter(s, "\n")[:60], "") },
		"too long":       func(s string) string { return s + "[61.0, \"o\", \"x\"]\n" },
		"backwards":      func(s string) string { return s + "[1.0, \"o\", \"x\"]\n" },
	} {
		c, err := readCast([]byte(spoil(string(raw))))
		if err == nil && len(c.faults()) == 0 {
			t.Errorf("%s: nothing is noticed", what)
		}
	}
}
