//go:build !windows

package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"callscreen/graph/simulator"
)

// The relay dies after Microsoft was asked and before it answered.
func TestO04AKillBetweenClaimAndAnswerIsUnknownAndNeverSentAgain(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen)
	relay := ms.startRelay(t, dir, listen)
	id, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "user", Fault: "slow=5s"})
	if err != nil {
		t.Fatal(err)
	}
	first := start(t, dir, "reject", id, "--reason", "busy", "--relay", "http://"+listen)
	for len(ms.Rejections()) == 0 {
		time.Sleep(5 * time.Millisecond) // another process: there is nothing to be told by
	}
	relay.kill()
	<-first.done
	if code := first.cmd.ProcessState.ExitCode(); code != 14 {
		t.Errorf("the first reject exits %d, want 14 (unknown): %s", code, first.stderr)
	}
	ms.startRelay(t, dir, listen)
	console := start(t, dir, "console", "--relay", "http://"+listen, "--output", "json")
	console.stdout.awaitEvent(t, "the call in doubt", 0, func(l line) bool { return l.Call == id && l.State == "unknown" })
	if got := len(ms.Rejections()); got != 1 {
		t.Fatalf("%d requests after the restart, want the first one only", got)
	}
	// An operator may try again, and learns that the first request did it.
	if code, _, stderr := run(t, dir, "reject", id, "--reason", "none", "--relay", "http://"+listen); code != 12 {
		t.Errorf("the second reject exits %d, want 12: %s", code, stderr)
	}
}

func TestK05ARelayThatIsToldToEndDoesSoInOrder(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen)
	relay := ms.startRelay(t, dir, listen)
	console := start(t, dir, "console", "--relay", "http://"+listen, "--output", "json")
	_, next := console.stdout.awaitEvent(t, "the link", 0, func(l line) bool { return l.Event == "link" && l.Up != nil && *l.Up })
	id, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "user", Fault: "slow=1s"})
	if err != nil {
		t.Fatal(err)
	}
	_, next = console.stdout.awaitEvent(t, "the call", next, func(l line) bool { return l.Event == "rang" })
	reject := start(t, dir, "reject", id, "--reason", "busy", "--relay", "http://"+listen)
	for len(ms.Rejections()) == 0 {
		time.Sleep(5 * time.Millisecond) // another process: there is nothing to be told by
	}
	if err := relay.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-relay.done
	if code := relay.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the relay exits %d: %s", code, relay.stderr)
	}
	// The decision under way was finished, told and recorded.
	<-reject.done
	if code := reject.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the decision under way exits %d: %s", code, reject.stderr)
	}
	_, next = console.stdout.awaitEvent(t, "the outcome", next, func(l line) bool { return l.Event == "rejected" && l.Call == id })
	l, _ := console.stdout.awaitEvent(t, "the link's end", next, func(l line) bool { return l.Event == "link" && l.Up != nil && !*l.Up })
	if strings.Contains(l.Raw, `"final":true`) {
		t.Errorf("the console gave up: %s", l.Raw)
	}
}
