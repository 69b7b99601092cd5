package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestW15AFloodOfBadTokensLeavesTheGoodOnesAlone floods a relay with tokens that
// only the signature gives away, from the address that genuine ones come from as
// well: real keys, real sockets, a real journal.
func TestW15AFloodOfBadTokensLeavesTheGoodOnesAlone(t *testing.T) {
	x := newBench(t, true, 15*time.Second)
	at := strings.LastIndexByte(x.bearer, '.') + 20
	bad := x.bearer[:at] + map[bool]string{true: "B", false: "A"}[x.bearer[at] == 'A'] + x.bearer[at+1:]
	ctx, cancel := context.WithTimeout(t.Context(), inFull(30*time.Second, 2*time.Second))
	defer cancel()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var flood sync.WaitGroup
	var unauthorized, tooMany, other atomic.Int64
	for range 4 {
		flood.Go(func() {
			for ctx.Err() == nil {
				switch status, err := x.send(ctx, bad, "{}"); {
				case err != nil: // the end, or no port is free for a moment
				case status == http.StatusUnauthorized:
					unauthorized.Add(1)
				case status == http.StatusTooManyRequests:
					tooMany.Add(1)
				default:
					other.Add(1)
				}
			}
		})
	}
	var spans []time.Duration
	for i := 0; ctx.Err() == nil; i++ {
		began := time.Now()
		if status, err := x.send(context.WithoutCancel(ctx), x.bearer, ring(fmt.Sprintf("genuine-%d", i))); status != http.StatusAccepted {
			t.Errorf("genuine call %d: status %d, %v", i, status, err)
		}
		spans = append(spans, time.Since(began))
		time.Sleep(10 * time.Millisecond)
	}
	flood.Wait()
	slices.Sort(spans)
	p99 := spans[len(spans)*99/100]
	t.Logf("%d answered 401 and %d 429; %d genuine calls, p50 %s, p99 %s", unauthorized.Load(), tooMany.Load(), len(spans), spans[len(spans)/2], p99)
	if other.Load() > 0 || unauthorized.Load() == 0 || tooMany.Load() < unauthorized.Load() {
		t.Errorf("%d answers 401, %d 429, %d others", unauthorized.Load(), tooMany.Load(), other.Load())
	}
	if bound := inFull(250*time.Millisecond, 2*time.Second); p99 > bound { // short runs share the machine with other tests
		t.Errorf("p99 of genuine calls is %s, want at most %s", p99, bound)
	}
	if after := heap(); after > before+16<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
}

// send posts to the webhook and gives the status.
func (x *bench) send(ctx context.Context, bearer, body string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+x.url+"/api/calls", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Body.Close()
}
