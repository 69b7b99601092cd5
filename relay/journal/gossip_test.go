package journal_test

import (
	"slices"
	"sync"
	"testing"

	"callscreen/relay/journal"
)

// ear keeps what was heard.
type ear struct {
	mu    sync.Mutex
	heard []string
}

func (e *ear) hear(data []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, string(data))
}

func (e *ear) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func TestWhatIsPublishedIsHeardByAllOnTheJournalAndRecordedNowhere(t *testing.T) {
	t.Parallel()
	srv := startServer(t, t.TempDir(), 0)
	a, b := mustOpen(t, journal.Options{URL: srv.ClientURL()}), mustOpen(t, journal.Options{URL: srv.ClientURL()})
	var ears [2]ear
	for i, j := range []*journal.Journal{a, b} {
		stop, err := j.Subscribe(ears[i].hear)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
	}
	eventually(t, "both hear it", func() bool {
		if err := a.Publish([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		return len(ears[0].all()) > 0 && len(ears[1].all()) > 0
	})
	if got := ears[1].all()[0]; got != "hello" {
		t.Errorf("b hears %q", got)
	}
	if _, last, err := a.Head(t.Context()); err != nil || last != 0 {
		t.Errorf("the journal ends at %d, %v", last, err)
	}
	stopServer(srv)
	eventually(t, "a link that is down is told", func() bool { return a.Publish([]byte("x")) != nil })
}
