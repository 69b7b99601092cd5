//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// BenchmarkStart reports how long the relay's process takes until it is ready,
// and how much memory it then holds.
func BenchmarkStart(b *testing.B) {
	var ready, memory float64
	n := 0
	for b.Loop() {
		r, m := startOnce(b)
		ready, memory, n = ready+r.Seconds()*1000, memory+m, n+1
	}
	b.ReportMetric(ready/float64(n), "ready-ms")
	b.ReportMetric(memory/float64(n), "resident-MB")
}

// startOnce starts a relay against a simulated Microsoft and stops it.
func startOnce(b *testing.B) (ready time.Duration, megabytes float64) {
	b.Helper()
	dir, listen := b.TempDir(), freeAddress(b)
	ms := newMicrosoft(b, dir, listen)
	b.Setenv("CALLSCREEN_CLIENT_SECRET", ms.ClientSecret())
	began := time.Now()
	p := start(b, dir, ms.relayArgs(listen)...)
	awaitReady(b, p, "http://"+listen)
	ready = time.Since(began)
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	check(b, err)
	pages, err := strconv.ParseFloat(string(bytes.Fields(raw)[1]), 64)
	check(b, err)
	p.kill()
	return ready, pages * float64(os.Getpagesize()) / 1e6
}
