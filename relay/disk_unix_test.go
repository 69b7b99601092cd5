//go:build unix

package relay

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/journal"
	"callscreen/relay/operator"
	"callscreen/relay/wire"
)

// The test binary plays the relay whose disk is full.
const fullDiskVariable = "CALLSCREEN_RELAY_TEST_FULL_DISK"

func TestMain(m *testing.M) {
	if dir := os.Getenv(fullDiskVariable); dir != "" {
		if err := relayOnAFullDisk(dir); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// relayOnAFullDisk runs a relay in a process in which no file can grow beyond 100
// kB, prints its address and a token, and serves until it is killed.
func relayOnAFullDisk(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 100_000, Max: 100_000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	ctx := context.Background()
	j, err := journal.Open(ctx, journal.Options{Dir: dir + "/journal"})
	if err != nil {
		return err
	}
	store, err := operator.Open(dir)
	if err != nil {
		return err
	}
	token, err := store.Add("ana", operator.Grant{})
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s %s\n", ln.Addr(), token)
	return New(Options{
		Journal: j, Auth: &gate{}, Graph: &graphDouble{}, Tokens: warmTokens{}, Operators: store,
		Logger: slog.New(slog.DiscardHandler), WebhookPath: "/api/calls", Bot: "reception",
		RingTimeout: time.Minute, RejectMargin: 500 * time.Millisecond,
	}).Run(ctx, ln)
}

// proves S-05 for the relay as a whole, on a disk that really is full: from the
// first record that cannot be written on there is no 202 and no decision, the
// banner and "not ready" within two seconds, and everything answered 202 is there.
func TestS05OnAFullDiskNothingIsPromisedAndEverybodyIsTold(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), fullDiskVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(end)
	said := bufio.NewScanner(out)
	if !said.Scan() || strings.HasPrefix(said.Text(), "failed") {
		t.Fatalf("the relay said %q", said.Text())
	}
	url, token, _ := strings.Cut(said.Text(), " ")
	h := &house{t: t, url: url, tokens: map[string]string{"ana": token}}
	ready := func() int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		return h.do(req).StatusCode
	}
	for limit := time.Now().Add(10 * time.Second); ready() != http.StatusOK; {
		if time.Now().After(limit) {
			t.Fatal("never ready")
		}
		<-time.After(5 * time.Millisecond)
	}
	ana, _ := h.sitDown("ana")

	var accepted []string
	var full time.Time // at the latest: before the first post that could not be recorded
	status := 0
	for i := range 2000 {
		id := fmt.Sprint("c", i)
		full = time.Now()
		if status = h.post(created(id, "Alice Meyer")); status != http.StatusAccepted {
			break
		}
		accepted = append(accepted, id)
	}
	if status != http.StatusServiceUnavailable || len(accepted) < 50 {
		t.Fatalf("after %d calls the answer is %d, want 503", len(accepted), status)
	}
	for told := false; !told; {
		f, err := ana.read()
		if err != nil {
			t.Fatal(err)
		}
		told = f.Kind == wire.KindStatus && strings.Contains(string(f.Raw), "the journal cannot be written")
	}
	if took := time.Since(full); took > 2*time.Second {
		t.Errorf("the banner came after %v", took)
	}
	if status := ready(); status != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d", status)
	}
	began := time.Now()
	for i := range 20 {
		if status := h.post(created(fmt.Sprint("later", i), "Bob Stone")); status != http.StatusServiceUnavailable {
			t.Errorf("a later call: %d, want 503", status)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("twenty refusals took %v: each was waited for", took)
	}
	ana.press("q", accepted[0], call.Busy)
	if f := ana.result("q"); f.Verdict != call.NotSent && f.Verdict != call.WasUnknown {
		t.Errorf("a decision that cannot be recorded: %s", f.Raw)
	}
	end()
	again := reopen(t, dir)
	for _, id := range accepted {
		if _, ok := again.server.Look(call.ID(id)); !ok {
			t.Errorf("%s was answered 202 and is lost", id)
		}
	}
	t.Logf("%d calls were answered 202 before the disk was full", len(accepted))
}
