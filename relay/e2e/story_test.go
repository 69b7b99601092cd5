package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/charmbracelet/x/exp/golden"
)

// typedAbout is what somebody who listens to the calls of testdata/twenty.toml
// types as soon as a call rings, by its number. The others are left to ring.
var typedAbout = [21]string{
	1: "b", 2: "n", 3: "f", 4: "b", 5: "none", 10: "b", 11: "n", 12: "f", 13: "b", 14: "n",
	15: "f", 16: "b", 17: "busy", 18: "b", 19: "f", 20: "b",
}

var (
	about    = regexp.MustCompile(`^call (\d+)\b`)
	reminder = regexp.MustCompile(`^call \d+, (\d+) seconds to decide: `)
	span     = regexp.MustCompile(`\b[0-9.]+ (ms|seconds?)\b`)
)

// confirmed is how many sentences there are about call 20, whose end Graph
// confirms after it was given up.
const confirmed = 6

// story is what a listener heard: all of it, and by call without the reminders,
// whose times are the machine's.
type story struct {
	all     []string
	byCall  [21][]string
	reminds [21]int
	ended   int
}

// unmeasured is a time without its figure.
func unmeasured(span string) string {
	if strings.HasSuffix(span, "ms") {
		return "… ms"
	}
	return "… seconds"
}

func (s *story) hear(t *testing.T, line string) (call int) {
	t.Helper()
	s.all = append(s.all, line)
	m := about.FindStringSubmatch(line)
	if m == nil {
		return 0
	}
	if _, err := fmt.Sscan(m[1], &call); err != nil || call >= len(s.byCall) {
		t.Fatalf("there are twenty calls: %q", line)
	}
	if reminder.MatchString(line) {
		s.reminds[call]++
		return 0
	}
	if strings.HasPrefix(line, m[0]+" ended") {
		s.ended++
	}
	s.byCall[call] = append(s.byCall[call], span.ReplaceAllStringFunc(line, unmeasured))
	return call
}

// Somebody who sees no screen hears twenty calls come and end, and decides about
// most of them by typing.
func TestTwentyCallsReadAsAStoryWithoutAScreen(t *testing.T) {
	t.Parallel()
	demo := startTyped(t, t.TempDir(), []string{"CALLSCREEN_RING_TIMEOUT=7s"},
		"demo", "--scenario", "testdata/twenty.toml", "--seed", "20", "--output", "plain")
	var s story
	order := 0
	for late := false; s.ended < 20 || !late || len(s.byCall[20]) < confirmed; {
		line := demo.hears("")
		call := s.hear(t, line)
		switch {
		case call == 0:
		case strings.HasPrefix(line, fmt.Sprintf("call %d rings", call)):
			if order++; call != order {
				t.Errorf("call %d is told as number %d", order, call)
			}
			if what := typedAbout[call]; what != "" {
				demo.types(fmt.Sprint(what, " ", call))
			}
		case call == 8 && strings.Contains(line, "ended"):
			demo.types("b 8") // after its end
		case call == 8 && !strings.Contains(line, "busy sent"):
			late = true
		}
	}
	demo.types("q")
	if code := demo.ends(); code != 0 {
		t.Errorf("the demo ends with %d", code)
	}
	if said := demo.stderr.String(); !strings.Contains(said, "The demo is over") || !strings.Contains(said, "--seed 20") {
		t.Errorf("at the end it said %q", said)
	}
	s.check(t)
}

func (s *story) check(t *testing.T) {
	t.Helper()
	for _, line := range s.all {
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("no listener can hear %q", line)
		}
	}
	// Who is left to ring is mentioned again, at 5 and at 3 seconds.
	for _, call := range []int{8, 9} {
		if n := s.reminds[call]; n < 1 || n > 2 {
			t.Errorf("call %d was mentioned %d times while it waited", call, n)
		}
	}
	var told strings.Builder
	for _, lines := range s.byCall[1:] {
		told.WriteString(strings.Join(lines, "\n") + "\n\n")
	}
	golden.RequireEqual(t, told.String())
}

func TestAScriptedDemoIsEndedByASignal(t *testing.T) {
	t.Parallel()
	demo := startTyped(t, t.TempDir(), nil, "demo", "--scenario", "testdata/twenty.toml", "--seed", "20", "--output", "plain")
	demo.hears("call 1 rings")
	if err := demo.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := demo.ends(); code != 0 {
		t.Errorf("the demo ends with %d", code)
	}
	if said := demo.stderr.String(); !strings.Contains(said, "The demo is over and its data is removed") {
		t.Errorf("at the end it said %q", said)
	}
}
