package e2e

import (
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var explained = regexp.MustCompile(`relay (\d)  (http://\S+)  process (\d+), log (\S+)`)

// Somebody tries several relays as the demo says: a second operator sits down at
// another relay, the first one's relay is killed, and nobody misses a call.
func TestSeveralRelaysAreTriedWithOneCommandAndOneIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// The real set-up of whoever tries it out stays out of it.
	demo := startTyped(t, dir, []string{"CALLSCREEN_NATS_URL=tls://nats.example.com", "CALLSCREEN_CLIENT_SECRET=real"},
		"demo", "--relays", "3", "--output", "json", "--seed", "4", "--rate", "60")
	up := func(l line) bool { return l.Event == "link" && l.Up != nil && *l.Up }
	down := func(l line) bool { return l.Event == "link" && l.Up != nil && !*l.Up }
	rang := func(l line) bool { return l.Event == "rang" }
	first, at := demo.stdout.awaitEvent(t, "the console is connected", 0, up)
	if strings.Contains(first.Raw, "notice") {
		t.Errorf("three servers that sync are worth a notice: %s", first.Raw)
	}
	relays := explained.FindAllStringSubmatch(demo.stderr.String(), -1)
	if len(relays) != 3 {
		t.Fatalf("it explains %q", demo.stderr.String())
	}
	t.Cleanup(func() {
		demo.kill()
		for _, r := range relays { // or a failed test would leave them
			end(t, r[3])
		}
	})
	data := strings.TrimSuffix(relays[0][4], "/relay-1.log")

	code, token, said := run(t, dir, "operator", "add", "ben", "--data-dir", data)
	if code != 0 {
		t.Fatalf("operator add: %s", said)
	}
	cmd := command(dir, "console", "--output", "json", "--relay", relays[1][2])
	cmd.Env = append(cmd.Env, "CALLSCREEN_TOKEN="+strings.TrimSpace(token))
	ben := startCommand(t, cmd)
	ben.stdout.awaitEvent(t, "ben is connected", 0, up)

	end(t, relays[0][3])
	_, at = demo.stdout.awaitEvent(t, "the link breaks", at, down)
	_, at = demo.stdout.awaitEvent(t, "the next relay is taken", at, up)
	call, _ := demo.stdout.awaitEvent(t, "a call rings there", at, rang)
	_, atBen := ben.stdout.awaitEvent(t, "and at ben's", 0, func(l line) bool { return rang(l) && l.Call == call.Call })
	if code, out, said := run(t, dir, "reject", call.Call, "--reason", "busy", "--relay", relays[2][2], "--data-dir", data); code != 0 {
		t.Errorf("a decision at the third relay ends with %d: %s %s", code, out, said)
	}
	ben.stdout.awaitEvent(t, "ben hears of it", atBen, func(l line) bool { return l.Event == "rejected" && l.Call == call.Call })

	if err := demo.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := demo.ends(); code != 0 {
		t.Errorf("the demo ends with %d", code)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("its data is left behind (%v)", err)
	}
	for _, r := range relays {
		if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(r[2], "http://")); err == nil {
			_ = conn.Close()
			t.Errorf("relay %s still runs", r[1])
		}
	}
}

func end(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := os.FindProcess(n); err == nil {
		_ = p.Kill()
	}
}
