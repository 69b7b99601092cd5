package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"callscreen/graph/simulator"
	"callscreen/relay/memnet"
)

// binary is the program under test, built once for all tests of this package.
var binary string

func TestMain(m *testing.M) {
	if at := os.Getenv(panicAt); at != "" {
		os.Exit(showAndPanic(at))
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "callscreen-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "callscreen")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "callscreen")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the program:", err)
		return 1
	}
	if elsewhere, err = newRecorder(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	waitTogether()
	return max(m.Run(), elsewhere.judge(os.Stderr))
}

// waitTogether lets more tests run at once than there are processors, unless the
// command line says how many: they mostly wait for other processes.
func waitTogether() {
	flag.Parse()
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "test.parallel" })
	if !told {
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // there is such a flag
	}
}

// TestScripts runs the commands as a person types them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "etc"))
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "data"))
			env.Vars = append(env.Vars, elsewhere.environment()...)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs the program and compares its exit code: exits 2 callscreen reject x.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program [args]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		code = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// process is a running callscreen.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdout *tail
	stderr *tail
	done   chan struct{} // closed when it has ended
}

// start runs the program with a home of its own in dir.
func start(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	return startCommand(t, command(dir, args...))
}

// startCommand runs a command whose standard input, if any, is wired already.
func startCommand(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, stdout: newTail(), stderr: newTail(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s\nstdout: %s\nstderr: %s", strings.Join(cmd.Args[1:], " "), p.stdout, p.stderr)
		}
	})
	return p
}

func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), binary, args...)
	cmd.Env = append(append(os.Environ(), elsewhere.environment()...),
		"HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "etc"), "XDG_DATA_HOME="+filepath.Join(dir, "data"),
		"CALLSCREEN_DATA_DIR="+filepath.Join(dir, "data"))
	return cmd
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// tail is what a process has written, line by line, to be waited for.
type tail struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	grown chan struct{}
}

func newTail() *tail { return &tail{grown: make(chan struct{})} }

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.grown)
	w.grown = make(chan struct{})
	return w.buf.Write(p)
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// await waits until a whole line satisfies and returns it; lines before the
// one numbered from are passed over. The second result is where to go on.
func (w *tail) await(t testing.TB, what string, from int, satisfies func(line string) bool) (string, int) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		w.mu.Lock()
		text, grown := w.buf.String(), w.grown
		w.mu.Unlock()
		n := 0
		for s := bufio.NewScanner(strings.NewReader(text[:strings.LastIndexByte(text, '\n')+1])); s.Scan(); n++ {
			if n >= from && satisfies(s.Text()) {
				return s.Text(), n + 1
			}
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("never written: %s; written was:\n%s", what, text)
		}
	}
}

// line is one object of console --output json, as far as the tests look.
type line struct {
	Event     string          `json:"event"`
	Call      string          `json:"call_id"`
	State     string          `json:"state"`
	Ending    string          `json:"ending"`
	Caller    json.RawMessage `json:"caller"`
	Remaining *int64          `json:"remaining_ms"`
	Up        *bool           `json:"up"`
	Raw       string          `json:"-"`
}

// awaitEvent waits for a line of JSON output that satisfies.
func (w *tail) awaitEvent(t testing.TB, what string, from int, satisfies func(l line) bool) (line, int) {
	t.Helper()
	var found line
	_, next := w.await(t, what, from, func(text string) bool {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%q is no JSON object: %v", text, err)
		}
		l.Raw = text
		if !satisfies(l) {
			return false
		}
		found = l
		return true
	})
	return found, next
}

// microsoft is a simulator in this process, for tests that look into it.
type microsoft struct {
	*simulator.Simulator
	base string
}

// newMicrosoft serves a simulator whose bot listens at a relay's address.
func newMicrosoft(t testing.TB, dir, relay string, adjust ...func(*simulator.Options)) *microsoft {
	t.Helper()
	none := simulator.Latency{}
	o := simulator.Options{
		Seed: 1, Webhook: "http://" + relay + "/api/calls", Dir: filepath.Join(dir, "sim"),
		RejectLatency: &none, DeletedLatency: &simulator.Latency{Min: 20 * time.Millisecond, Max: 20 * time.Millisecond},
	}
	for _, a := range adjust {
		a(&o)
	}
	sim, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("simulator: %v", err)
		}
		if strays := sim.Strays(); len(strays) != 0 || sim.RedirectsFollowed() != 0 {
			t.Errorf("G-01: Microsoft was asked for %q, and %d redirects were followed", strays, sim.RedirectsFollowed())
		}
	})
	return &microsoft{Simulator: sim, base: "https://" + ln.Addr().String()}
}

// trusting is a client that trusts the certificate in a simulator's folder.
func trusting(t testing.TB, simDir string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(simDir, "simulator-ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
}

// relayArgs point a relay at this Microsoft.
func (m *microsoft) relayArgs(listen string) []string {
	args := []string{"relay", "--listen", listen}
	for name, value := range m.Settings(m.base) {
		args = append(args, "--"+name, value)
	}
	return args
}

// startRelay runs a relay that is ready.
func (m *microsoft) startRelay(t testing.TB, dir, listen string, more ...string) *process {
	t.Helper()
	p := m.openRelay(t, dir, listen, more...)
	awaitReady(t, p, "http://"+listen)
	return p
}

// openRelay runs a relay, whether it becomes ready or not.
func (m *microsoft) openRelay(t testing.TB, dir, listen string, more ...string) *process {
	t.Helper()
	secret := filepath.Join(dir, "client-secret")
	if err := os.WriteFile(secret, []byte(m.ClientSecret()), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, dir, append(append(m.relayArgs(listen), "--client-secret-file", secret), more...)...)
}

func awaitReady(t testing.TB, p *process, base string) {
	t.Helper()
	awaitOK(t, p, base+"/readyz")
}

// awaitOK waits until a relay answers 200 at an address.
func awaitOK(t testing.TB, p *process, url string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		select {
		case <-p.done:
			t.Fatalf("the relay ended: %s", p.stderr)
		default:
		}
		resp, err := http.Get(url)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(10 * time.Millisecond) // a real process: there is nothing to be told by
	}
	t.Fatalf("the relay never answered 200 at %s: %s", url, p.stderr)
}

// freeAddress is a loopback address nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	port, err := memnet.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// run runs a command to its end and returns its exit code and what it wrote.
func run(t testing.TB, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := command(dir, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		code = e.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), errs.String()
}
