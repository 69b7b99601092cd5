//go:build !windows

package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callscreen/graph/simulator"
	"callscreen/relay/journal/cluster"
)

// A console with --output json is no one who watches, and sees what becomes of the
// call, as from an operator.
func TestACallThatNobodyWatchesIsLeftToThePolicy(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen)
	ms.startRelay(t, dir, listen, "--unattended", "busy")
	console := start(t, dir, "console", "--relay", "http://"+listen, "--output", "json")
	link, next := console.stdout.awaitEvent(t, "the link", 0, func(l line) bool { return l.Event == "link" && l.Up != nil && *l.Up })
	if !strings.Contains(link.Raw, `"watching":0`) {
		t.Errorf("the console is told %s", link.Raw)
	}
	if body := fetched(t, "http://"+listen+"/readyz"); body != "ready, but nobody is watching\n" {
		t.Errorf("ready says %q", body)
	}
	id, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "phone"})
	if err != nil {
		t.Fatal(err)
	}
	l, next := console.stdout.awaitEvent(t, "the claim", next, func(l line) bool { return l.Event == "claimed" && l.Call == id })
	if !strings.Contains(l.Raw, `"operator":"(unattended)"`) || !strings.Contains(l.Raw, `"reason":"busy"`) {
		t.Errorf("the claim is %s", l.Raw)
	}
	console.stdout.awaitEvent(t, "Graph's answer", next, func(l line) bool { return l.Event == "rejected" && l.Call == id })
	if got := ms.Rejections(); len(got) != 1 {
		t.Errorf("Graph was asked %d times", len(got))
	}
}

// T-07: the command learns of the call what it needs, and nothing of the relay.
func TestT07ACommandOnCallDecidesAndLearnsNoSecret(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen)
	script := filepath.Join(dir, "decide.sh")
	if err := os.WriteFile(script, []byte("cd '"+dir+"'\nenv >env.txt\ncat >call.json\necho thinking >&2\necho forbidden\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	relay := ms.startRelay(t, dir, listen, "--on-call", "sh '"+script+"'")
	console := start(t, dir, "console", "--relay", "http://"+listen, "--output", "json")
	_, next := console.stdout.awaitEvent(t, "the link", 0, func(l line) bool { return l.Event == "link" && l.Up != nil && *l.Up })
	id, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "phone"})
	if err != nil {
		t.Fatal(err)
	}
	l, _ := console.stdout.awaitEvent(t, "the claim", next, func(l line) bool { return l.Event == "claimed" && l.Call == id })
	if !strings.Contains(l.Raw, `"operator":"(on-call)"`) || !strings.Contains(l.Raw, `"reason":"forbidden"`) {
		t.Errorf("the claim is %s", l.Raw)
	}
	env, told := content(t, filepath.Join(dir, "env.txt")), content(t, filepath.Join(dir, "call.json"))
	if !strings.Contains(env, "CALLSCREEN_CALL_ID="+id+"\n") || !strings.Contains(told, `"call_id":"`+id+`"`) {
		t.Errorf("it was told\n%s%s", env, told)
	}
	for v := range strings.Lines(env) {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "CALLSCREEN_") && !strings.HasPrefix(name, "CALLSCREEN_CALL") &&
			name != "CALLSCREEN_REMAINING_MS" && name != "CALLSCREEN_USABLE_MS" {
			t.Errorf("it gets %s", v)
		}
	}
	if strings.Contains(env+told, ms.ClientSecret()) {
		t.Error("it learns the client secret")
	}
	if !strings.Contains(relay.stderr.String(), "thinking") {
		t.Errorf("its words are not in the log: %s", relay.stderr)
	}
}

func fetched(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func content(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Two relays on one NATS server: the operator sits at the one, and the call rings
// at the other.
func TestAnOperatorAtOneRelayWatchesOverTheCallsOfAnother(t *testing.T) {
	servers, err := cluster.Start(t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(servers.Close)
	here, there := freeAddress(t), freeAddress(t)
	dir, other := t.TempDir(), t.TempDir()
	ms := newMicrosoft(t, dir, there)
	t.Setenv("CALLSCREEN_NATS_URL", servers.URL())
	more := []string{"--unattended", "none"}
	ms.startRelay(t, dir, here, more...)
	ms.startRelay(t, other, there, more...)
	ana := start(t, dir, "console", "--relay", "http://"+here, "--output", "plain")
	program := start(t, other, "console", "--relay", "http://"+there, "--output", "json")
	_, next := program.stdout.awaitEvent(t, "news of ana", 0, func(l line) bool { return strings.Contains(l.Raw, `"watching":1`) })
	time.Sleep(7 * time.Second) // by then it is known who is watching
	id, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "phone"})
	if err != nil {
		t.Fatal(err)
	}
	_, next = program.stdout.awaitEvent(t, "the call", next, func(l line) bool { return l.Event == "rang" && l.Call == id })
	time.Sleep(2 * time.Second)
	if got := ms.Rejections(); len(got) != 0 {
		t.Errorf("while ana watches Graph was asked %+v", got)
	}
	ana.kill()
	l, next := program.stdout.awaitEvent(t, "the claim", next, func(l line) bool { return l.Event == "claimed" && l.Call == id })
	if !strings.Contains(l.Raw, `"operator":"(unattended)"`) {
		t.Errorf("the claim is %s", l.Raw)
	}
	program.stdout.awaitEvent(t, "Graph's answer", next, func(l line) bool { return l.Event == "rejected" && l.Call == id })
	if got := ms.Rejections(); len(got) != 1 || got[0].Reason != "none" {
		t.Errorf("Graph was asked %+v", got)
	}
}
