//go:build !windows

package e2e

import (
	"testing"
	"time"
)

// Nothing waits: no tick, no byte. The clock in the header changes once a minute,
// so the interval lies within one.
func TestNoByteIsSentWhileNothingWaits(t *testing.T) {
	t.Parallel()
	r := newReception(t)
	e := r.console(120, 40)
	e.shows("Waiting for calls")
	e.hush()
	const interval = 6 * time.Second
	time.Sleep(4 * time.Second) // until what the start left to say has been said
	if left := time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)); left < interval+time.Second {
		time.Sleep(left + time.Second)
	}
	e.forget()
	time.Sleep(interval)
	if sent := e.sent(); sent != "" {
		t.Errorf("%d bytes in %v of nothing: %q", len(sent), interval, sent)
	}
	// The same interval while a call rings is the check's own proof.
	r.ring("Alice Meyer")
	e.armed("Alice Meyer")
	e.forget()
	e.await("a countdown", func(string) bool { return e.bytes.Len() > 100 })
}
