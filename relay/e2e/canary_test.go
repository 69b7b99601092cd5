//go:build !windows

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"callscreen/graph/simulator"
)

// evidence is everything that somebody could see, by where it was seen.
type evidence struct {
	t    *testing.T
	seen map[string]string
}

func (e *evidence) note(where, text string) {
	e.t.Helper()
	if text == "" {
		e.t.Errorf("%s: nothing was written, so nothing was searched", where)
	}
	e.seen[where] += text
}

// get notes what an address of the relay answers, headers included.
func (e *evidence) get(where, method, url string, header ...string) {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), method, url, strings.NewReader(`{"canary-body":1}`))
	if err != nil {
		e.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	e.note(where, fmt.Sprintln(resp.Status, resp.Header)+string(body))
}

// arguments notes how a process was called, as every user of the machine can read it.
func (e *evidence) arguments(pid int) {
	e.t.Helper()
	if raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil { // Linux; elsewhere ps shows the same
		e.note(fmt.Sprintf("arguments of process %d", pid), string(raw))
	}
}

// files notes every file of a folder but those that are there to hold a secret.
func (e *evidence) files(dir string, secret ...string) {
	e.t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains(secret, d.Name()) {
			return err
		}
		raw, err := os.ReadFile(path)
		e.seen["file "+strings.TrimPrefix(path, dir)] = string(raw)
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// jws is any token that a service would take.
var jws = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]+`)

// hits is where a secret, or a signed token, was seen.
func (e *evidence) hits(secrets map[string]string) (list []string) {
	for where, text := range e.seen {
		for name, secret := range secrets {
			if strings.Contains(text, secret) {
				list = append(list, name+" in "+where)
			}
		}
		if token := jws.FindString(text); token != "" {
			list = append(list, "a signed token in "+where)
		}
		if bytes.Contains([]byte(text), []byte("canary-")) {
			list = append(list, "a canary in "+where)
		}
	}
	slices.Sort(list)
	return list
}

// A relay and every kind of console run with secrets that would be known again, through calls of all kinds, refusals,
// bad tokens and a crash; then everything that somebody could see is searched for them.
func TestK01NoSecretIsInAnythingThatCanBeSeen(t *testing.T) {
	t.Parallel()
	const secret = "canary-client-secret~+/=&x"
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen, func(o *simulator.Options) { o.ClientSecret = secret })
	relay, e := "http://"+listen, &evidence{t, map[string]string{}}
	serve := func(clientSecret string, more ...string) *process {
		cmd := command(dir, append(append(ms.relayArgs(listen), "--log-level", "debug"), more...)...)
		cmd.Env = append(cmd.Env, "CALLSCREEN_CLIENT_SECRET="+clientSecret)
		return startCommand(t, cmd)
	}
	server := serve(secret)
	awaitReady(t, server, relay)
	code, token, told := run(t, dir, "operator", "add", "ana")
	if token = strings.TrimSpace(token); code != 0 || len(token) < 20 {
		t.Fatalf("operator add: %d %s", code, told)
	}
	e.note("operator add, standard error", told)
	asAna := func(args ...string) *process {
		cmd := command(dir, append(args, "--relay", relay, "--log-level", "debug")...)
		cmd.Env = append(cmd.Env, "CALLSCREEN_TOKEN="+token)
		return startCommand(t, cmd)
	}
	lines := asAna("console", "--output", "json", "--log-file", filepath.Join(dir, "data", "json.log"))
	plain := asAna("console", "--output", "plain", "--log-file", filepath.Join(dir, "data", "plain.log"))
	_, next := lines.stdout.awaitEvent(t, "the link", 0, func(l line) bool { return l.Event == "link" && l.Up != nil && *l.Up })
	screen := open(t, dir, 120, 40, "console", "--relay", relay)
	screen.shows("Connected.")

	ms.RollKey() // at most once a minute a new key is believed in
	faults := []string{"", "no-consent", "unauthorized*always", "wrong-tenant", "page", "gone"}
	var id string
	for i, kind := range simulator.Kinds() {
		var err error
		if id, err = ms.Place(t.Context(), simulator.CallSpec{Kind: kind, Fault: faults[i%len(faults)]}); err != nil {
			t.Fatal(kind, err)
		}
		_, next = lines.stdout.awaitEvent(t, kind, next, func(l line) bool { return l.Event == "rang" && l.Call == id })
		_, out, errs := run(t, dir, "reject", id, "--reason", "busy", "--relay", relay)
		e.note("reject of "+kind, out+errs)
	}
	screen.press("\r") // details
	screen.press("L")  // the log
	e.get("health", http.MethodGet, relay+"/healthz")
	e.get("readiness", http.MethodGet, relay+"/readyz")
	e.get("metrics", http.MethodGet, relay+"/metrics")
	e.get("a refused webhook", http.MethodPost, relay+"/api/calls", "Authorization", "Bearer "+ms.Sign(nil, simulator.Forged()), "Content-Type", "application/json")
	e.get("a refused webhook with our own secret", http.MethodPost, relay+"/api/calls", "Authorization", "Bearer "+secret, "Content-Type", "application/json")
	e.get("a refused console", http.MethodGet, relay+"/v1/stream", "Authorization", "Bearer canary-wrong-token")
	e.get("a token in the address", http.MethodGet, relay+"/v1/stream?token="+token)
	e.get("a refused decision", http.MethodPost, relay+"/v1/calls/A/reject", "Authorization", "Bearer canary-wrong-token")
	for _, args := range [][]string{{"operator", "list"}, {"config", "show"}, {"config", "show", "--output", "json"}, {"reject", "A", "--reason", "busy", "--relay", relay}} {
		cmd := command(dir, args...)
		cmd.Env = append(cmd.Env, "CALLSCREEN_CLIENT_SECRET="+secret, "CALLSCREEN_CLIENT_CERTIFICATE_PASSWORD=canary-password", "CALLSCREEN_NATS_URL=nats://u:canary-nats@h")
		out, _ := cmd.CombinedOutput() // its exit code is no matter here
		e.note(strings.Join(args, " "), string(out))
	}
	examined := command(dir, append(append([]string{"doctor"}, ms.relayArgs(listen)[1:]...), "--relay", relay)...)
	examined.Env = append(examined.Env, "CALLSCREEN_CLIENT_SECRET="+secret)
	doctor, _ := examined.CombinedOutput() // likewise
	e.note("doctor", string(doctor))
	for _, p := range []*process{server, lines, plain} {
		e.arguments(p.cmd.Process.Pid)
	}
	e.arguments(screen.cmd.Process.Pid)
	if err := server.cmd.Process.Signal(syscall.SIGQUIT); err != nil { // Go's own crash, with every stack
		t.Fatal(err)
	}
	<-server.done
	e.note("the crash of the relay", server.stderr.String())
	if !strings.Contains(e.seen["the crash of the relay"], "goroutine ") {
		t.Error("the relay did not crash")
	}

	// Set-ups that fail, each with a secret at hand.
	wrong := serve("canary-wrong-secret", "--log-format", "json")
	wrong.stderr.await(t, "the refusal", 0, func(l string) bool { return strings.Contains(l, "AADSTS7000215") })
	wrong.kill()
	e.note("a wrong secret", wrong.stderr.String())
	e.note("a certificate", certificateRun(t, dir, listen, ms))

	e.note("json", lines.stdout.String()+lines.stderr.String())
	e.note("plain", plain.stdout.String()+plain.stderr.String())
	e.note("the screen", screen.sent())
	const own = "local-token" // is there to hold one
	e.files(filepath.Join(dir, "data"), own)
	local, err := os.ReadFile(filepath.Join(dir, "data", own))
	if err != nil {
		t.Fatal(err)
	}

	secrets := map[string]string{"the client secret": secret, "the client secret's core": "canary-client-secret", "ana's token": token, "the local token": strings.TrimSpace(string(local))}
	for _, hit := range e.hits(secrets) {
		t.Error(hit)
	}
	t.Logf("%d places searched", len(e.seen))
	// The search finds what is there.
	for _, where := range []string{"in json", "in file /journal/", "in the crash of the relay"} {
		found := e.hits(map[string]string{"the last call": id})
		if !slices.ContainsFunc(found, func(hit string) bool { return strings.Contains(hit, where) }) {
			t.Errorf("the last call is not %s, only %q", where, found)
		}
	}
	for planted, text := range map[string]string{"ana's token": "x" + token, "a signed token": "x " + ms.Sign(nil), "a canary": "canary-meeting"} {
		if p := (&evidence{t, map[string]string{"here": text}}); len(p.hits(secrets)) == 0 {
			t.Errorf("%s was planted and not found", planted)
		}
	}
}

// certificateRun is what a relay writes that signs in with a certificate, which is not registered, in a file whose
// password is a canary.
func certificateRun(t *testing.T, dir, listen string, ms *microsoft) string {
	t.Helper()
	key, cert := keyPair(t)
	pfx, err := pkcs12.Modern2023.Encode(key, cert, nil, "canary-password")
	if err != nil {
		t.Fatal(err)
	}
	path, written := filepath.Join(dir, "bot.pfx"), ""
	if err := os.WriteFile(path, pfx, 0o600); err != nil {
		t.Fatal(err)
	}
	for password, told := range map[string]string{"canary-password": "AADSTS700027", "canary-wrong": "the password is wrong"} {
		cmd := command(dir, append(ms.relayArgs(listen), "--client-certificate-file", path)...)
		cmd.Env = append(cmd.Env, "CALLSCREEN_CLIENT_CERTIFICATE_PASSWORD="+password)
		p := startCommand(t, cmd)
		p.stderr.await(t, told, 0, func(l string) bool { return strings.Contains(l, told) })
		p.kill()
		written += p.stdout.String() + p.stderr.String()
	}
	return written
}
