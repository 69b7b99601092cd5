package journal_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"callscreen/relay/journal"
)

func clusterClient(t *testing.T, url string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

func portOf(t *testing.T, srv *server.Server) int {
	t.Helper()
	addr, ok := srv.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("address %v", srv.Addr())
	}
	return addr.Port
}

// eventually waits for something that another process's clock decides.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// proves N-03 and the reconnecting half of C-10 for the store.
func TestN03AFollowerSurvivesARestartOfTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := startServer(t, dir, 0)
	port := portOf(t, srv)
	j := mustOpen(t, journal.Options{URL: srv.ClientURL()})
	fill(t, j, 0, 10)

	var mu sync.Mutex
	var got []journal.Record
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(got) }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- j.Follow(ctx, 0, func(r journal.Record) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, r)
			return nil
		})
	}()
	eventually(t, "the old records come", func() bool { return count() == 10 })

	stopServer(srv)
	eventually(t, "the journal knows that the link is down", func() bool { return j.Healthy() != nil })
	if _, err := j.Append(t.Context(), "down", nil, 0); err == nil || errors.Is(err, journal.ErrUnknown) {
		t.Errorf("an append without a link must fail for certain: %v", err)
	}
	startServer(t, dir, port)
	eventually(t, "the journal is healthy again", func() bool { return j.Healthy() == nil })
	fill(t, j, 10, 20)
	eventually(t, "the new records come", func() bool { return count() >= 20 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the follower ended with %v", err)
	}
	wantRun(t, got, 1)
	if len(got) != 20 {
		t.Errorf("%d records, want 20: the append that failed was sent after all, or one came twice", len(got))
	}
}

func TestAStreamReplacedWhileInUseIsNoticed(t *testing.T) {
	t.Parallel()
	srv := startServer(t, t.TempDir(), 0)
	j := mustOpen(t, journal.Options{URL: srv.ClientURL()})
	fill(t, j, 0, 3)
	started, done := make(chan struct{}), make(chan error, 1)
	go func() {
		var once sync.Once
		done <- j.Follow(t.Context(), 0, func(journal.Record) error { once.Do(func() { close(started) }); return nil })
	}()
	<-started
	_, js := clusterClient(t, srv.ClientURL())
	if err := js.DeleteStream(t.Context(), journal.StreamName); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, journal.Options{URL: srv.ClientURL()}) // another relay makes it anew
	if err := <-done; !errors.Is(err, journal.ErrReplaced) {
		t.Errorf("the follower ended with %v", err)
	}
	eventually(t, "the journal calls itself replaced", func() bool { return errors.Is(j.Healthy(), journal.ErrReplaced) })
	if _, err := j.Append(t.Context(), "a", nil, 0); !errors.Is(err, journal.ErrReplaced) {
		t.Errorf("append: %v", err)
	}
}

func TestN06ForeignRecordsAreLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	srv := startServer(t, t.TempDir(), 0)
	j := mustOpen(t, journal.Options{URL: srv.ClientURL()})
	nc, js := clusterClient(t, srv.ClientURL())
	mustAppend(t, j, "a", "ours", 0)
	for _, subject := range []string{"callscreen.call.UPPER", "callscreen.call.a-b", "callscreen.call." + strings.Repeat("a", 65)} {
		if _, err := js.Publish(t.Context(), subject, []byte("forged")); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Publish("callscreen.other", []byte("not in the stream")); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, "b", "ours", 0)
	got := take(t, j, 0, 5)
	for i, want := range []string{"a", "", "", "", "b"} {
		if got[i].Seq != uint64(i+1) || got[i].Key != want || want == "" && got[i].Data != nil {
			t.Errorf("record %d: %+v, want key %q and nothing of a foreign one", i+1, got[i], want)
		}
	}
	if n := j.Foreign(); n != 3 {
		t.Errorf("%d foreign records counted, want 3", n)
	}
	if _, err := js.Publish(t.Context(), "callscreen.call.huge", make([]byte, 900<<10)); err == nil {
		t.Error("the stream took a record of 900 KiB")
	}
}

// The stream is made by hand here and takes what the server takes.
func TestN06ARecordOfAMebibyteIsLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	srv := startServer(t, t.TempDir(), 0)
	_, js := clusterClient(t, srv.ClientURL())
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: journal.StreamName, Subjects: []string{"callscreen.call.*"}}); err != nil {
		t.Fatal(err)
	}
	j := mustOpen(t, journal.Options{URL: srv.ClientURL()})
	if _, err := js.Publish(t.Context(), "callscreen.call.huge", make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, "a", "ours", 0)
	got := take(t, j, 0, 2)
	if got[0].Key != "" || got[0].Data != nil || got[1].Key != "a" || j.Foreign() != 1 {
		t.Errorf("keys %q, %d bytes of the first, %d counted", keys(got), len(got[0].Data), j.Foreign())
	}
}

// hole is a way to a server that can swallow what goes through it, as a firewall
// does that has lost the connection: nothing arrives and nobody hangs up.
type hole struct {
	ln     net.Listener
	to     string
	used   atomic.Int32
	silent atomic.Bool
}

func newHole(t *testing.T, to string) *hole {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{ln: ln, to: to}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			h.used.Add(1)
			go h.carry(near, far)
			go h.carry(far, near)
		}
	}()
	return h
}

func (h *hole) carry(from, to net.Conn) {
	defer func() { _ = to.Close() }()
	for buf := make([]byte, 4096); ; {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if h.silent.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func TestN03ALinkThatSwallowsEverythingIsKnownInFiveSecondsAndAnotherTaken(t *testing.T) {
	t.Parallel()
	srv := startServer(t, t.TempDir(), 0)
	one, other := newHole(t, srv.Addr().String()), newHole(t, srv.Addr().String())
	j := mustOpen(t, journal.Options{URL: "nats://" + one.ln.Addr().String() + ",nats://" + other.ln.Addr().String()})
	mustAppend(t, j, "a", "x", 0)
	if one.used.Load() == 0 {
		one, other = other, one
	}
	one.silent.Store(true)
	began := time.Now()
	if _, err := j.Append(t.Context(), "b", nil, 0); !errors.Is(err, journal.ErrUnknown) || time.Since(began) > 3*time.Second {
		t.Errorf("an append into the hole: %v after %v", err, time.Since(began))
	}
	eventually(t, "the hole is noticed", func() bool { return j.Healthy() != nil })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("noticed after %v", took)
	}
	// The client's own two minutes would leave the relay without a journal here.
	eventually(t, "the other way is taken", func() bool { return other.used.Load() > 0 && j.Healthy() == nil })
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("the other way was taken after %v", took)
	}
	mustAppend(t, j, "c", "x", 0)
}

func TestN01AStreamThatCannotKeepThePromiseIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*jetstream.StreamConfig){
		"in files, not in memory":     func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"retention policy limits":     func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
		"must not allow direct reads": func(c *jetstream.StreamConfig) { c.AllowDirect = true },
		"must have the subject":       func(c *jetstream.StreamConfig) { c.Subjects = []string{"callscreen.call.a"} },
		"must acknowledge":            func(c *jetstream.StreamConfig) { c.NoAck = true },
		"the records of one call":     func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 },
		"must accept records of":      func(c *jetstream.StreamConfig) { c.MaxMsgSize = 100 },
		"must not have the persist":   func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode },
		"must not transform":          func(c *jetstream.StreamConfig) { c.RePublish = &jetstream.RePublish{Destination: "x.>"} },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t, t.TempDir(), 0)
			_, js := clusterClient(t, srv.ClientURL())
			c := jetstream.StreamConfig{Name: journal.StreamName, Subjects: []string{"callscreen.call.*"}}
			change(&c)
			if _, err := js.CreateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if _, err := journal.Open(t.Context(), journal.Options{URL: srv.ClientURL()}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAStreamMadeByHandThatKeepsThePromiseIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	srv := startServer(t, t.TempDir(), 0)
	_, js := clusterClient(t, srv.ClientURL())
	byHand := jetstream.StreamConfig{Name: journal.StreamName, Subjects: []string{"callscreen.call.*"}, MaxAge: time.Hour}
	if _, err := js.CreateStream(t.Context(), byHand); err != nil {
		t.Fatal(err)
	}
	j := mustOpen(t, journal.Options{URL: srv.ClientURL()})
	mustAppend(t, j, "a", "x", 0)
	s, err := js.Stream(t.Context(), journal.StreamName)
	if err != nil || s.CachedInfo().Config.MaxAge != time.Hour {
		t.Errorf("the operator's own limit was changed (%v)", err)
	}
}

func TestAStoreThatIsFullFailsTheAppend(t *testing.T) {
	t.Parallel()
	srv := startServer(t, t.TempDir(), 0)
	_, js := clusterClient(t, srv.ClientURL())
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: journal.StreamName, Subjects: []string{"callscreen.call.*"},
		Discard: jetstream.DiscardNew, MaxBytes: 10_000,
	}); err != nil {
		t.Fatal(err)
	}
	j := mustOpen(t, journal.Options{URL: srv.ClientURL()})
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = j.Append(t.Context(), fmt.Sprintf("k%d", i), make([]byte, 500), 0)
	}
	if err == nil || errors.Is(err, journal.ErrConflict) || errors.Is(err, journal.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if j.Healthy() == nil {
		t.Error("healthy after a failed append")
	}
}

func TestAServerThatIsNotThereIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, err = journal.Open(t.Context(), journal.Options{URL: "nats://relay:hunter2@" + addr})
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "no NATS server answers") {
		t.Errorf("got %v", err)
	}
}

// proves the store's half of O-03: an answer that never comes is ErrUnknown, and
// Last tells what became of it.
func TestO03AnAppendWithoutAnAnswerIsUnknownAndCanBeLookedUp(t *testing.T) {
	t.Parallel()
	srv := startServer(t, t.TempDir(), 0)
	j := mustOpen(t, journal.Options{URL: srv.ClientURL()})
	var unknown bool
	for i := 0; i < 2000 && !unknown; i++ {
		key := fmt.Sprintf("k%d", i)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Microsecond)
		_, err := j.Append(ctx, key, []byte("mine"), 0)
		cancel()
		if unknown = errors.Is(err, journal.ErrUnknown); unknown {
			eventually(t, "the record is there or not", func() bool {
				_, _, err := j.Last(t.Context(), key)
				return err == nil
			})
		}
	}
	if !unknown {
		t.Error("no append ended without an answer")
	}
}
