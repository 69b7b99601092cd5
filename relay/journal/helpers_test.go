package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"callscreen/relay/journal"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(child(role))
	}
	os.Exit(m.Run())
}

func mustOpen(t testing.TB, o journal.Options) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, j) })
	return j
}

func mustClose(t testing.TB, j *journal.Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func mustAppend(t testing.TB, j *journal.Journal, key, data string, expectedLast uint64) uint64 {
	t.Helper()
	seq, err := j.Append(t.Context(), key, []byte(data), expectedLast)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// fill appends records of keys k<from> to k<to-1>, whose data is their key.
func fill(t testing.TB, j *journal.Journal, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		key := fmt.Sprintf("k%d", i)
		mustAppend(t, j, key, key, 0)
	}
}

var errEnough = errors.New("enough")

// take follows until n records have come.
func take(t testing.TB, j *journal.Journal, after uint64, n int) []journal.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []journal.Record
	if n == 0 {
		return nil
	}
	err := j.Follow(ctx, after, func(r journal.Record) error {
		if got = append(got, r); len(got) == n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("follow after %d: got %d of %d records, then %v", after, len(got), n, err)
	}
	return got
}

// wantRun checks that the records are first, first+1, … without a hole.
func wantRun(t testing.TB, got []journal.Record, first uint64) {
	t.Helper()
	for i, r := range got {
		if r.Seq != first+uint64(i) {
			t.Fatalf("record %d has sequence %d, want %d", i, r.Seq, first+uint64(i))
		}
	}
}

// A backend is one kind of store that must keep the same contract.
type backend struct {
	name    string
	options func(t testing.TB) journal.Options
	// wipe loses everything while no journal is open, and tells how to open it again.
	wipe func(t testing.TB, o journal.Options) journal.Options
}

func backends() []backend {
	return []backend{
		{
			name: "embedded",
			options: func(t testing.TB) journal.Options {
				t.Helper()
				return journal.Options{Dir: filepath.Join(t.TempDir(), "journal")}
			},
			wipe: func(t testing.TB, o journal.Options) journal.Options {
				t.Helper()
				if err := os.RemoveAll(o.Dir); err != nil {
					t.Fatal(err)
				}
				return o
			},
		},
		{
			name: "external",
			options: func(t testing.TB) journal.Options {
				t.Helper()
				return journal.Options{URL: startServer(t, t.TempDir(), 0).ClientURL()}
			},
			wipe: func(t testing.TB, _ journal.Options) journal.Options {
				t.Helper()
				return journal.Options{URL: startServer(t, t.TempDir(), 0).ClientURL()}
			},
		},
	}
}

// eachBackend runs one rule of the contract against every kind of store.
func eachBackend(t *testing.T, rule func(t *testing.T, b backend)) {
	t.Helper()
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			rule(t, b)
		})
	}
}

// startServer is a NATS server of its own on a loopback port (0: a free one).
func startServer(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	if port == 0 {
		port = server.RANDOM_PORT
	}
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, JetStreamMaxStore: 1 << 30,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(20 * time.Second) {
		t.Fatal("the test's NATS server did not start")
	}
	t.Cleanup(func() { stopServer(srv) })
	return srv
}

func stopServer(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}

func keys(records []journal.Record) []string {
	out := make([]string, 0, len(records))
	for _, r := range records {
		out = append(out, r.Key)
	}
	return slices.Clip(out)
}
