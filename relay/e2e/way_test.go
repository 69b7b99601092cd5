package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callscreen/graph/simulator"
)

// Three processes and nothing else: the simulated Microsoft, the relay and a
// console, joined by the addresses that each prints.
func TestACallIsRejectedAcrossThreeProcesses(t *testing.T) {
	dir := t.TempDir()
	listen := freeAddress(t)
	sim := start(t, dir, "simulate", "--listen", "127.0.0.1:0", "--webhook", "http://"+listen+"/api/calls", "--rate", "0", "--seed", "7")
	text, _ := sim.stderr.await(t, "where the simulator is", 0, func(l string) bool { return strings.Contains(l, "Microsoft") })
	base := strings.Fields(text)[1]
	text, _ = sim.stderr.await(t, "how to start the relay", 0, func(l string) bool { return strings.Contains(l, "callscreen relay") })
	settings := text[strings.Index(text, "--config ")+len("--config "):]

	relay := start(t, dir, "relay", "--config", settings, "--listen", listen)
	awaitReady(t, relay, "http://"+listen)
	console := start(t, dir, "console", "--relay", "http://"+listen, "--output", "json")
	_, next := console.stdout.awaitEvent(t, "the link", 0, func(l line) bool { return l.Event == "link" && l.Up != nil && *l.Up })

	id := placeOver(t, base, filepath.Join(dir, "data", "simulator"), `{"kind":"phone","name":"Alice Meyer","number":"+442079460123"}`)
	rang, next := console.stdout.awaitEvent(t, "the call", next, func(l line) bool { return l.Event == "rang" })
	if rang.Call != id || rang.State != "ringing" || !strings.Contains(string(rang.Caller), "Alice Meyer") {
		t.Errorf("the console printed %s", rang.Raw)
	}
	if rang.Remaining == nil || *rang.Remaining < 13_000 || *rang.Remaining > 15_000 {
		t.Errorf("remaining_ms %v", rang.Remaining)
	}

	code, _, stderr := run(t, dir, "reject", id, "--reason", "busy", "--relay", "http://"+listen)
	if code != 0 {
		t.Fatalf("reject exits %d: %s", code, stderr)
	}
	ended, _ := console.stdout.awaitEvent(t, "the end", next, func(l line) bool { return l.Event == "ended" })
	if ended.Call != id || ended.State != "ended" || ended.Ending != "rejected" {
		t.Errorf("the console printed %s", ended.Raw)
	}
	if code, _, _ := run(t, dir, "reject", id, "--reason", "none", "--relay", "http://"+listen); code != 11 {
		t.Errorf("a second reject exits %d, want 11", code)
	}
	if code, _, _ := run(t, dir, "reject", "nosuch", "--reason", "none", "--relay", "http://"+listen); code != 12 {
		t.Errorf("a reject of an unknown call exits %d, want 12", code)
	}

	var seen struct {
		Rejections []struct {
			Call   string `json:"call_id"`
			Reason string `json:"reason"`
			Body   string `json:"body"`
			Bearer bool   `json:"bearer_valid"`
			Status int    `json:"status"`
		} `json:"rejections"`
	}
	controlOver(t, http.MethodGet, base+"/simulator/rejections", filepath.Join(dir, "data", "simulator"), "", &seen)
	if len(seen.Rejections) != 1 {
		t.Fatalf("Microsoft saw %d rejections, want 1", len(seen.Rejections))
	}
	r := seen.Rejections[0]
	if r.Call != id || r.Body != `{"reason":"busy"}` || !r.Bearer || r.Status != 202 {
		t.Errorf("Microsoft saw %+v", r)
	}
}

// placeOver places a call by the simulator's control API and returns its id.
func placeOver(t *testing.T, base, simDir, spec string) string {
	t.Helper()
	var placed struct {
		ID     string `json:"id"`
		Status int    `json:"webhook_status"`
	}
	controlOver(t, http.MethodPost, base+"/simulator/calls", simDir, spec, &placed)
	if placed.Status != http.StatusAccepted {
		t.Fatalf("the webhook answered %d, want 202", placed.Status)
	}
	return placed.ID
}

func controlOver(t *testing.T, method, url, simDir, body string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := trusting(t, simDir).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s: %d %s %v", url, resp.StatusCode, raw, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func TestKillingTheRelayLosesNoCallAndRejectsNoneTwice(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen)
	relay := ms.startRelay(t, dir, listen)
	console := start(t, dir, "console", "--relay", "http://"+listen, "--output", "json")
	_, next := console.stdout.awaitEvent(t, "the link", 0, func(l line) bool { return l.Event == "link" && l.Up != nil && *l.Up })

	ids := map[string]bool{}
	for range 5 {
		id, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "user"})
		if err != nil {
			t.Fatal(err)
		}
		ids[id] = true
	}
	var rejected string
	for range ids {
		var l line
		l, next = console.stdout.awaitEvent(t, "five calls", next, func(l line) bool { return l.Event == "rang" })
		rejected = l.Call
	}
	if code, _, stderr := run(t, dir, "reject", rejected, "--reason", "busy", "--relay", "http://"+listen); code != 0 {
		t.Fatalf("reject exits %d: %s", code, stderr)
	}
	_, next = console.stdout.awaitEvent(t, "the rejection", next, func(l line) bool { return l.Event == "rejected" })
	relay.kill()
	_, next = console.stdout.awaitEvent(t, "the link's end", next, func(l line) bool { return l.Event == "link" && l.Up != nil && !*l.Up })
	ms.startRelay(t, dir, listen)
	console.stdout.awaitEvent(t, "the link again", next, func(l line) bool { return l.Event == "link" && l.Up != nil && *l.Up })

	// A console that comes fresh sees the calls with the time that Microsoft gives them.
	fresh := start(t, dir, "console", "--relay", "http://"+listen, "--output", "json")
	truth := map[string]int64{}
	at := time.Now()
	for _, c := range ms.Calls() {
		truth[c.ID] = c.RemainingMS
	}
	seen, from := 0, 0
	for seen < len(ids)-1 {
		var l line
		l, from = fresh.stdout.awaitEvent(t, "the calls that still ring", from, func(l line) bool { return l.Event == "board" && l.State == "ringing" })
		if !ids[l.Call] || l.Call == rejected {
			t.Errorf("%s still rings", l.Call)
		}
		drift := truth[l.Call] - *l.Remaining - time.Since(at).Milliseconds()
		if drift < -300 || drift > 300 {
			t.Errorf("%s has %d ms left on the console, %d ms at Microsoft", l.Call, *l.Remaining, truth[l.Call])
		}
		seen++
	}
	for id := range ids {
		code, _, _ := run(t, dir, "reject", id, "--reason", "none", "--relay", "http://"+listen)
		if want := map[bool]int{true: 0, false: 11}[id != rejected]; code != want {
			t.Errorf("reject %s exits %d, want %d", id, code, want)
		}
	}
	posts := map[string]int{}
	for _, r := range ms.Rejections() {
		posts[r.CallID]++
	}
	for id := range ids {
		if posts[id] != 1 {
			t.Errorf("call %s was rejected %d times", id, posts[id])
		}
	}
}

func TestI5NothingUnverifiedIsJournaledOrShown(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen)
	ms.startRelay(t, dir, listen)
	console := start(t, dir, "console", "--relay", "http://"+listen, "--output", "json")
	_, next := console.stdout.awaitEvent(t, "the link", 0, func(l line) bool { return l.Event == "link" && l.Up != nil && *l.Up })

	body := `{"value":[{"changeType":"created","resourceUrl":"/communications/calls/FORGED","resourceData":{"state":"incoming"}}]}`
	post := func(token string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listen+"/api/calls", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for name, token := range map[string]string{
		"none":           "",
		"forged":         ms.Sign(nil, simulator.Forged()),
		"unknown key":    ms.Sign(nil, simulator.UnknownKey()),
		"corrupted":      ms.Sign(nil, simulator.Corrupted()),
		"expired":        ms.Sign(nil, simulator.Expired()),
		"not yet valid":  ms.Sign(nil, simulator.NotYetValid()),
		"wrong audience": ms.Sign(nil, simulator.WrongAudience()),
		"wrong issuer":   ms.Sign(nil, simulator.WrongIssuer()),
		"unsigned":       ms.Sign(nil, simulator.Unsigned()),
		"HS256":          ms.Sign(nil, simulator.SignedWithPublicKey()),
	} {
		if status := post(token); status != http.StatusUnauthorized {
			t.Errorf("%s: status %d, want 401", name, status)
		}
	}
	// The genuine one shows that the test would notice.
	if _, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "user"}); err != nil {
		t.Fatal(err)
	}
	l, _ := console.stdout.awaitEvent(t, "the genuine call", next, func(l line) bool { return l.Event == "rang" })
	if l.Call == "FORGED" {
		t.Error("a forged call is shown")
	}
	if raw := journalBytes(t, filepath.Join(dir, "data", "journal")); bytes.Contains(raw, []byte("FORGED")) || !bytes.Contains(raw, []byte(l.Call)) {
		t.Error("the journal holds the forged call, or not the genuine one")
	}
}

// journalBytes is everything in the journal's folder.
func journalBytes(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all = append(all, raw...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
