package trial

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The test binary plays the relay.
const role = "TRIAL_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(role) == "" {
		os.Exit(m.Run())
	}
	if os.Getenv("CALLSCREEN_CLIENT_SECRET") != "" || len(os.Args) != 6 {
		os.Exit(3)
	}
	ln, err := net.Listen("tcp", os.Args[5])
	if err != nil {
		os.Exit(4)
	}
	_ = http.Serve(ln, http.NotFoundHandler())
}

func TestARelayThatIsKilledIsStartedAgainAndKnowsNothingOfARealOne(t *testing.T) {
	t.Parallel()
	r, err := New(1)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- r.Run(ctx, Options{Program: program, Environ: append(os.Environ(), role+"=relay", "CALLSCREEN_CLIENT_SECRET=real"), Config: "relay.toml", Dir: t.TempDir()})
	}()
	first := awaitPID(t, r, 0)
	p, err := os.FindProcess(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitPID(t, r, first)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if pid := r.PIDs()[0]; pid != 0 {
		t.Errorf("process %d still runs", pid)
	}
}

// awaitPID waits for a process that serves and is another than before.
func awaitPID(t *testing.T, r *Relays, before int) int {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		pid := r.PIDs()[0]
		conn, err := net.Dial("tcp", r.Addresses()[0])
		if err == nil {
			_ = conn.Close()
			if pid != 0 && pid != before {
				return pid
			}
		}
	}
	t.Fatal("it is not started")
	return 0
}

func TestARelayThatNeverIsReadyIsGivenUpWithTheEndOfItsLog(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "relay-1.log"), []byte(strings.Repeat("x", 5000)+"no space left on device"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		r := &Relays{addresses: []string{"127.0.0.1:1"}, pids: make([]int, 1)}
		ctx, cancel := context.WithCancel(t.Context())
		err := r.AwaitReady(ctx, dir)
		if err == nil || !strings.HasSuffix(err.Error(), "no space left on device") || len(err.Error()) > 1200 {
			t.Errorf("%v", err)
		}
		cancel()
		if err := r.AwaitReady(ctx, dir); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}
