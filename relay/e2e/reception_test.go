//go:build !windows

package e2e

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"callscreen/graph/simulator"
)

// long runs the tests about real time at their full length, as an operator's
// day has it: go test ./relay/e2e -long. Without it they run long enough to
// see the rule at work.
var long = flag.Bool("long", false, "1,000 resizes in 10 s and 10,000 as fast as they go, a terminal that is frozen for 8 s")

// inFull is the time a test takes in full, or the shorter one.
func inFull(full, quick time.Duration) time.Duration {
	if *long {
		return full
	}
	return quick
}

// reception is a simulated Microsoft in this process, which counts what it is
// asked, and a real relay between it and the consoles. Its calls ring for a
// minute, so that a slow machine does not decide what a test finds.
type reception struct {
	*microsoft
	t           *testing.T
	dir, listen string
	relay       *process
	names       map[string]string // of the callers, by the call's id
}

const rings = time.Minute

func newReception(t *testing.T) *reception {
	t.Helper()
	r := &reception{t: t, dir: t.TempDir(), listen: freeAddress(t), names: map[string]string{}}
	r.microsoft = newMicrosoft(t, r.dir, r.listen)
	r.open()
	return r
}

// open starts the relay, also after it was killed.
func (r *reception) open() {
	r.t.Helper()
	r.relay = r.startRelay(r.t, r.dir, r.listen, "--ring-timeout", rings.String())
}

// ring lets people call, one after the other: the first is the most urgent.
func (r *reception) ring(names ...string) {
	r.t.Helper()
	for _, name := range names {
		id, err := r.Place(r.t.Context(), simulator.CallSpec{Kind: "user", Name: name, Ring: rings})
		if err != nil {
			r.t.Fatal(err)
		}
		r.names[id] = name
	}
}

// console is a screen at this relay.
func (r *reception) console(width, height int) *terminal {
	r.t.Helper()
	return open(r.t, r.dir, width, height, "console", "--relay", "http://"+r.listen)
}

// decisions is what Microsoft was asked, in the order in which it came.
func (r *reception) decisions() []string {
	var list []string
	for _, rejection := range r.Rejections() {
		list = append(list, r.names[rejection.CallID]+" "+rejection.Reason)
	}
	return list
}

// decided waits until Microsoft has been asked so often.
func (r *reception) decided(e *terminal, times int) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); len(r.Rejections()) < times; {
		if time.Now().After(end) {
			r.t.Fatalf("Microsoft saw %q, want %d rejections; the screen shows:\n%s", r.decisions(), times, e.text())
		}
		time.Sleep(5 * time.Millisecond) // another process decides: there is nothing to be told by
	}
}

// closes ends a test of keys with a decision that counts, about the call that is
// selected now, and compares everything that Microsoft was ever asked. Whatever
// an earlier key had set off wrongly would be there before it.
func (r *reception) closes(e *terminal, name string, want ...string) {
	r.t.Helper()
	e.armed(name)
	e.press("f")
	r.decided(e, len(want))
	e.press("q")
	e.shows("Quit?")
	e.press("y")
	if code := e.exits(); code != 0 {
		r.t.Errorf("the console ends with %d", code)
	}
	if got := r.decisions(); !slices.Equal(got, want) {
		r.t.Errorf("Microsoft saw %q, want %q", got, want)
	}
}

// armed waits until a key would decide about a caller's call.
func (e *terminal) armed(name string) {
	e.t.Helper()
	e.await("a key decides about "+name, func(s string) bool {
		return strings.Contains(s, "a key decides at once") && strings.Contains(selected(s), name)
	})
}

// selected is the row of the list that is selected.
func selected(screen string) string {
	for row := range strings.Lines(screen) {
		if strings.HasPrefix(row, " >") {
			return row
		}
	}
	return ""
}

// hush puts the message away that the screen shows, if any.
func (e *terminal) hush() {
	e.t.Helper()
	silent := func(s string) bool {
		rows := strings.Split(s, "\n")
		return len(rows) > 1 && strings.TrimSpace(rows[len(rows)-2]) == ""
	}
	if silent(e.text()) {
		return
	}
	e.press("\x1b")
	time.Sleep(100 * time.Millisecond) // what comes sooner belongs to the escape
	e.await("an empty message line", silent)
}
