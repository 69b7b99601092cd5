package relay

import (
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestW15FailedChecksAreLimitedPerSourceAndInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFailures()
		passed := func(remote string, times int) (n int) {
			for range times {
				if !f.tooMany(remote) {
					n++
				}
			}
			return n
		}
		if n := passed("192.0.2.1:1", 20_000); n != burstOfOne {
			t.Errorf("%d failures of one source pass at once, want %d", n, burstOfOne)
		}
		time.Sleep(30 * time.Second)
		if n := passed("192.0.2.1:2", 20_000); n != burstOfOne { // another port is no other source
			t.Errorf("%d after a pause, want %d", n, burstOfOne)
		}
		time.Sleep(time.Second)
		if n := passed("[::ffff:192.0.2.1]:1", 100); n != failuresOfOne {
			t.Errorf("%d a second, want %d", n, failuresOfOne)
		}
		if n := passed("[2001:db8::1]:1", 100) + passed("[2001:db8::ffff]:1", 100); n != burstOfOne {
			t.Errorf("%d from one IPv6 network, want %d", n, burstOfOne)
		}
		if n := passed("no address", 100) + passed("", 100); n != burstOfOne {
			t.Errorf("%d from no address, want %d", n, burstOfOne)
		}
		time.Sleep(time.Minute)
		all := 0
		for i := range 100 {
			all += passed(fmt.Sprintf("198.51.100.%d:1", i), 100)
		}
		if all != burstOfAll {
			t.Errorf("%d failures of 100 sources pass at once, want %d", all, burstOfAll)
		}
	})
}

func TestW15MemoryStaysFlatHoweverManySourcesFail(t *testing.T) {
	f := newFailures()
	fill := func(from, to int) uint64 {
		for i := from; i < to; i++ {
			f.tooMany(fmt.Sprintf("[2001:db8:%x:%x::1]:443", i>>16, i&0xffff))
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := fill(0, failingSources)
	after := fill(failingSources, 200_000)
	if len(f.of) > failingSources {
		t.Errorf("%d sources are kept", len(f.of))
	}
	if after > before+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
}

// TestW15ValidTokensAreNeverLimited floods from the address that the genuine
// posts come from as well, as behind a proxy or tunnel.
func TestW15ValidTokensAreNeverLimited(t *testing.T) {
	h := newHouse(t)
	statuses := map[int]int{}
	for i := range 600 {
		statuses[h.post("{}", func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer forged")
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i%250)) // not believed
		})]++
		if i%3 == 0 {
			if got := h.post(""); got != http.StatusNoContent {
				t.Fatalf("a genuine post after %d bad ones: status %d", i+1, got)
			}
		}
	}
	if statuses[401] < burstOfOne || statuses[429] < 100 || statuses[401]+statuses[429] != 600 {
		t.Errorf("the bad ones were answered %v", statuses)
	}
	h.ring("A")
}
