package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callscreen/graph/simulator"
)

// recorder is a proxy that lets nothing through and remembers what it was asked for. Programs that have it as their
// proxy reach loopback directly, because Go's clients never use a proxy for that, and nothing else.
type recorder struct {
	url string

	mu    sync.Mutex
	asked map[string]int // "CONNECT host:443"
	raw   strings.Builder
	grown chan struct{}
}

func newRecorder() (*recorder, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &recorder{url: "http://" + ln.Addr().String(), asked: map[string]int{}, grown: make(chan struct{})}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go r.note(conn)
		}
	}()
	return r, nil // open until the process ends
}

func (r *recorder) note(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	req, err := http.ReadRequest(bufio.NewReader(conn))
	line := "what is no request"
	if err == nil {
		line = req.Method + " " + req.RequestURI
	}
	r.mu.Lock()
	r.asked[line]++
	if err == nil {
		_ = req.Header.Write(&r.raw)
	}
	close(r.grown)
	r.grown = make(chan struct{})
	r.mu.Unlock()
	_, _ = fmt.Fprint(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
}

func (r *recorder) lines() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range r.asked {
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

// environment makes a program use the recorder as its proxy, whatever this machine's own is.
func (r *recorder) environment() []string {
	env := []string{"NO_PROXY=", "no_proxy="}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		env = append(env, name+"="+r.url)
	}
	return env
}

// elsewhere is what the programs of all tests of this package ask for beyond loopback. TestMain fails if it is asked
// for anything: with that, and with the simulator's own list, G-01 holds for the whole suite.
var elsewhere *recorder

func (r *recorder) judge(w io.Writer) int {
	lines := r.lines()
	for _, line := range lines {
		fmt.Fprintln(w, "G-01: a program of these tests asked for", line)
	}
	return min(len(lines), 1)
}

// The built relay with the settings of a real bot: it asks for the sign-in and the keys of its cloud, by CONNECT, and
// for nothing else; Graph only when there is a call.
func TestG01ARelayAsksForItsCloudsHostsAndNoOthers(t *testing.T) {
	t.Parallel()
	const keys = "CONNECT api.aps.skype.com:443"
	own := []string{"--authority-url", "https://login.example", "--webhook-metadata-url", "https://keys.example/metadata"}
	for _, row := range []struct {
		name string
		args []string
		env  []string
		want []string
	}{
		{"global", nil, nil, []string{keys, "CONNECT login.microsoftonline.com:443"}},
		{"us-gov-l4", []string{"--cloud", "us-gov-l4"}, nil, []string{keys, "CONNECT login.microsoftonline.us:443"}},
		{"us-gov-l5", []string{"--cloud", "us-gov-l5"}, nil, []string{keys, "CONNECT login.microsoftonline.us:443"}},
		{"its own", own, nil, []string{"CONNECT keys.example:443", "CONNECT login.example:443"}},
		// The library would go to a region's host of its own choice.
		{"a region", nil, []string{"AZURE_REGIONAL_AUTHORITY_NAME=westus"}, []string{keys}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			seen, err := newRecorder()
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			cmd := command(dir, append([]string{
				"relay", "--listen", "127.0.0.1:0", "--log-level", "debug",
				"--client-id", simulator.DemoAppID, "--tenant-id", simulator.DemoTenantID,
			}, row.args...)...)
			cmd.Env = append(append(append(cmd.Env, seen.environment()...), "CALLSCREEN_CLIENT_SECRET=secret-CANARY"), row.env...)
			relay := startCommand(t, cmd)
			for _, told := range []string{"webhook keys could not be refreshed", "Graph token could not be refreshed"} {
				relay.stderr.await(t, told, 0, func(l string) bool { return strings.Contains(l, told) })
			}
			relay.kill()
			if got := seen.lines(); !slices.Equal(got, row.want) {
				t.Errorf("it asked for %q, want %q", got, row.want)
			}
			if text := seen.raw.String() + relay.stderr.String(); strings.Contains(text, "CANARY") {
				t.Errorf("the secret is in %s", text)
			}
		})
	}
}

func TestG01ARequestElsewhereIsSeen(t *testing.T) {
	t.Parallel()
	seen, err := newRecorder()
	if err != nil {
		t.Fatal(err)
	}
	if seen.judge(io.Discard) != 0 {
		t.Error("nobody has asked for anything yet")
	}
	cmd := command(t.TempDir(), "reject", "A", "--reason", "busy", "--relay", "https://relay.example")
	cmd.Env = append(append(cmd.Env, seen.environment()...), "CALLSCREEN_TOKEN=x")
	if err := cmd.Run(); err == nil || !slices.Equal(seen.lines(), []string{"CONNECT relay.example:443"}) || seen.judge(io.Discard) != 1 {
		t.Errorf("%v, asked for %q", err, seen.lines())
	}
}
