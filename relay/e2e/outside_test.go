//go:build !windows

package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"callscreen/graph/simulator"
	"callscreen/relay/call/hostile"
	"callscreen/relay/wire"
)

// canary is a text of strangers that would make a line of its own in a log, and
// that a terminal would obey; sung is what of it is let through headers.
const (
	canary = "\ntime=2026-01-01 level=ERROR msg=CANARY\r\n\x1b[2J\x1b]0;CANARY\a\u009b2J\u202e\u200b\u3164A\u0301\u0301\u0301\u0301\u0301"
	sung   = "CANARY\u009b2J\u202e\u200b\u3164A\u0301\u0301\u0301\u0301\u0301"
)

// aviary lets canaries fly into everything that a relay takes from outside.
type aviary struct {
	t     *testing.T
	ms    *microsoft
	base  string // of the relay
	token string // of an operator
}

func (a *aviary) send(method, path, bearer, body string, header http.Header) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	_ = resp.Body.Close()
}

// raw sends what no client would.
func (a *aviary) raw(text string) {
	a.t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(a.base, "http://"), 10*time.Second)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = conn.Write([]byte(text))
	_, _ = bufio.NewReader(conn).ReadString('\n')
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// webhook is hostile headers, tokens, claims and bodies.
func (a *aviary) webhook() {
	const path = "/api/calls"
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	a.send(http.MethodPost, path, sung, "{}", nil)
	a.send(http.MethodPost, path, part(`{"alg":`+quoted(canary)+`,"kid":`+quoted(canary)+`}`)+"."+part(`{}`)+"."+part("x"), "{}", nil)
	a.send(http.MethodPost, path, part(`{"alg":"RS256","kid":`+quoted(canary)+`,"typ":`+quoted(canary)+`}`)+"."+part(`{}`)+"."+part("x"), "{}", nil)
	for _, claim := range []string{"iss", "aud", "tid", "appid", "nbf", "exp", "ver"} {
		a.send(http.MethodPost, path, a.ms.Sign(map[string]any{claim: canary}), "{}", nil)
	}
	token := a.ms.Sign(nil)
	for _, name := range []string{"Content-Type", "Content-Encoding", "X-Request-Id", "Client-Request-Id", "User-Agent", "Traceparent", "X-Forwarded-For", "Forwarded"} {
		a.send(http.MethodPost, path, token, "{}", http.Header{name: {sung}})
	}
	c := quoted(canary)
	for _, body := range []string{
		canary, c, `{` + c + `:1}`, `{"value":[{"changeType":` + c + `}]}`, `{"value":[{"changeType":"created","resourceUrl":` + c + `}]}`,
		`{"value":[{"changeType":"created","resourceUrl":"/communications/calls/x1","resourceData":{"state":` + c + `,"direction":` + c +
			`,"callChainId":` + c + `,"tenantId":` + c + `}}]}`,
		`{"value":[{"changeType":"created","resourceUrl":"/communications/calls/x2","resourceData":{"state":"incoming","subject":` + c +
			`,"callChainId":` + c + `,"requestedModalities":[` + c + `],"source":{"identity":{` + c + `:{"id":` + c + `,"displayName":` + c + `}},"region":` + c +
			`},"targets":[{"identity":{"application":{"id":` + c + `,"displayName":` + c + `}}}]}}]}`,
		`{"value":[{"changeType":"deleted","resourceUrl":"/communications/calls/x2","resourceData":{"state":"terminated","resultInfo":{"code":1,"subcode":2,"message":` + c + `}}}]}`,
	} {
		a.send(http.MethodPost, path, token, body, nil)
	}
	a.send(http.MethodPost, path+"?"+"q=%0aCANARY", token, "{}", nil)
}

// console is a hostile operator, with a token and without one.
func (a *aviary) console() {
	a.t.Helper()
	for _, h := range []http.Header{
		{"Origin": {sung}}, {"Authorization": {"Bearer " + sung}}, {"Authorization": {sung}}, {"Sec-Websocket-Protocol": {sung}}, {"User-Agent": {sung}},
	} {
		a.send(http.MethodGet, "/v1/stream", "", "", h)
	}
	for _, path := range []string{"/v1/calls/%0aCANARY%1b[2J/reject", "/v1/calls/x2/reject", "/%0aCANARY%1b"} {
		for _, body := range []string{canary, `{"request_id":` + quoted(canary) + `,"reason":` + quoted(canary) + `}`, `{"request_id":"q","reason":"busy"}`} {
			a.send(http.MethodPost, path, a.token, body, nil)
		}
	}
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	for _, frame := range []string{
		canary, quoted(canary), `{"kind":` + quoted(canary) + `}`, `{"kind":"reject","request_id":` + quoted(canary) + `,"call_id":` + quoted(canary) + `,"reason":` + quoted(canary) + `}`,
		`{"kind":"reject","request_id":` + quoted(canary[:40]) + `,"call_id":"x2","reason":"busy"}`,
	} {
		conn, resp, err := d.DialContext(a.t.Context(), "ws"+strings.TrimPrefix(a.base, "http")+"/v1/stream", http.Header{"Authorization": {"Bearer " + a.token}})
		if err != nil {
			a.t.Fatal(err)
		}
		_ = resp.Body.Close()
		_ = conn.WriteMessage(websocket.TextMessage, []byte(frame))
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, sung), time.Now().Add(time.Second))
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		for err == nil {
			_, _, err = conn.ReadMessage()
		}
		_ = conn.Close()
	}
}

// placeable is the hostile names that the simulated Microsoft can send in its JSON.
func placeable(classes ...string) []string {
	return slices.DeleteFunc(hostile.Names(classes...), func(s string) bool { return !utf8.ValidString(s) || len(s) > 30_000 })
}

var (
	textEvent = regexp.MustCompile(`^time=\d{4}-\d\d-\d\dT\S+ level=[A-Z0-9+-]+ msg=`)
	ownWords  = regexp.MustCompile(`^(callscreen relay$|  (webhook|console|journal|health)   ?\S)`)
)

// notAnEvent says what is wrong with a line of a log, or nil.
func notAnEvent(format, line string) error {
	if err := hostile.Fault(line); err != nil {
		return err
	}
	switch {
	case ownWords.MatchString(line):
		return nil
	case format == "json":
		var o struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &o); err != nil || o.Time == "" || o.Level == "" || o.Msg == "" {
			return fmt.Errorf("no event: %w", err)
		}
		return nil
	case !textEvent.MatchString(line):
		return fmt.Errorf("no event")
	}
	return nil
}

func TestT12WhateverComesFromOutsideAnEventOfTheLogIsOneLine(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			dir, listen := t.TempDir(), freeAddress(t)
			ms := newMicrosoft(t, dir, listen)
			relay := ms.startRelay(t, dir, listen, "--log-level", "debug", "--log-format", format)
			code, token, errs := run(t, dir, "operator", "add", "ana")
			if code != 0 {
				t.Fatal(errs)
			}
			a := &aviary{t: t, ms: ms, base: "http://" + listen, token: strings.TrimSpace(token)}
			a.webhook()
			a.console()
			a.raw("GET /\x1b[2J\u009b HTTP/1.1\r\nHost: x\r\nX-\x1b: CANARY\r\n\r\n")
			a.raw("\x16\x03\x01\x02\x00\x01" + canary)
			for _, name := range placeable("CSI", "OSC", "control", "unseen", "mark") {
				if _, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "user", Name: name, Subject: name, Ring: 5 * time.Second}); err != nil {
					t.Fatal(err)
				}
			}
			_ = relay.cmd.Process.Signal(os.Interrupt)
			select {
			case <-relay.done:
			case <-time.After(20 * time.Second):
				t.Fatal("the relay does not end")
			}
			events := 0
			for line := range strings.Lines(relay.stderr.String()) {
				line = strings.TrimSuffix(line, "\n")
				if err := notAnEvent(format, line); err != nil {
					t.Errorf("%q: %v", line, err)
				}
				events++
			}
			if events < 60 {
				t.Errorf("%d events: not everything has been logged", events)
			}
			if out := relay.stdout.String(); out != "" {
				t.Errorf("standard output has %q", out)
			}
		})
	}
}

// The planted bug: the canary in a log that neither escapes nor cleans.
func TestT12ACanaryOutOfItsLineIsNoticed(t *testing.T) {
	event := "time=2026-01-01T00:00:00Z level=WARN msg=x err="
	for _, format := range []string{"text", "json"} {
		bad := 0
		for line := range strings.Lines(event + canary) {
			if notAnEvent(format, strings.TrimSuffix(line, "\n")) != nil {
				bad++
			}
		}
		if bad == 0 {
			t.Errorf("%s: a canary that makes lines of its own is not noticed", format)
		}
	}
	if err := notAnEvent("text", event+`"x\ny"`); err != nil {
		t.Errorf("an escaped line break: %v", err)
	}
}

// What a command says at its end, of files and arguments that somebody else wrote.
func TestT12AnErrorOfACommandIsTextInOneParagraph(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	toml := strings.ReplaceAll(quoted(canary), `\u003e`, ">")
	for name, args := range map[string][]string{
		"scenario, no TOML":  {"demo", "--output", "plain", "--scenario", file("a.toml", canary)},
		"scenario, a member": {"demo", "--output", "plain", "--scenario", file("b.toml", "[[call]]\n"+toml+" = 1\n")},
		"scenario, a kind":   {"demo", "--output", "plain", "--scenario", file("c.toml", "[[call]]\nkind = "+toml+"\n")},
		"scenario, a time":   {"demo", "--output", "plain", "--scenario", file("d.toml", "[[call]]\nat = "+toml+"\n")},
		"settings, a key":    {"relay", "--config", file("e.toml", toml+" = 1\n")},
		"settings, a value":  {"relay", "--config", file("f.toml", "cloud = "+toml+"\nlisten = "+toml+"\nwebhook-path = "+toml+"\n")},
		"settings, no TOML":  {"relay", "--config", file("g.toml", canary)},
		"a flag":             {"relay", "--" + canary},
		"a value":            {"console", "--relay", "http://127.0.0.1:1/" + canary, "--theme", canary},
		"an argument":        {"reject", canary, "--reason", "busy"},
		"a reason":           {"reject", "x1", "--reason", canary},
		"a command":          {canary},
		"an operator":        {"operator", "add", canary},
		"nobody to revoke":   {"operator", "revoke", canary},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, dir, args...)
			if code == 0 || stdout != "" {
				t.Errorf("exit code %d, standard output %q", code, stdout)
			}
			for i, line := range strings.Split(strings.TrimSuffix(stderr, "\n"), "\n") {
				if first := strings.HasPrefix(line, "callscreen: "); first != (i == 0) || !first && !strings.HasPrefix(line, "  ") {
					t.Errorf("line %d begins %.20q:\n%q", i+1, line, stderr)
				}
				if err := hostile.Fault(strings.ReplaceAll(line, "\t", " ")); err != nil {
					t.Errorf("%q: %v", line, err)
				}
			}
		})
	}
}
