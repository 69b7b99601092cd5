package relay

import (
	"sync/atomic"
	"testing"

	"callscreen/relay/wire"
)

// proves N-01 for every console: whoever sits down reads it, and whoever sits
// there reads when it changes.
func TestN01EveryConsoleIsToldWhatTheJournalIsWorth(t *testing.T) {
	var notice atomic.Pointer[string]
	say := func(words string) { notice.Store(&words) }
	say("journal: sync unknown")
	h := newHouse(t, func(o *Options) { o.Notice = func() string { return *notice.Load() } })
	ana, welcome := h.sitDown("ana")
	if welcome.Notice != "journal: sync unknown" {
		t.Errorf("welcome: %s", welcome.Raw)
	}
	for _, words := range []string{"journal: 1 replica", ""} {
		say(words)
		if _, welcome := h.sitDown("ben"); welcome.Notice != words {
			t.Errorf("welcome: %s", welcome.Raw)
		}
		for {
			f, err := ana.read()
			if err != nil {
				t.Fatalf("no status with %q: %v", words, err)
			}
			if f.Kind == wire.KindStatus && f.Notice == words {
				break
			}
		}
	}
}
