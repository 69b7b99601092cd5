package lines

import (
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"callscreen/relay/call"
)

// heap is the memory that is in use, without what could be collected.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// A hundred thousand calls, each decided here: what the lines keep of ten
// thousand is all they keep.
func TestMemoryDoesNotGrowOver100000Calls(t *testing.T) {
	link := newFakeLink()
	plain, objects := newTeller(link, io.Discard, Keys{}), &objects{paper: paper{out: io.Discard}}
	before := heap()
	var after []int64
	n, seq := 0, uint64(0)
	tell := func(u call.Update) {
		if u.Event != nil {
			seq++
			u.Event.Seq, u.Event.At = seq, time.Now()
		}
		plain.update(u)
		objects.update(u)
	}
	for _, calls := range []int{1_000, 10_000, 100_000} {
		for ; n < calls; n++ {
			id := call.ID(fmt.Sprintf("call-%d", n))
			tell(call.Update{Event: &call.Event{Kind: call.Rang, Call: id, Ring: 15000, Margin: 500, Details: &call.Details{
				Caller: phone(fmt.Sprintf("+1425%07d", n), fmt.Sprintf("Caller %d", n)),
			}}})
			plain.typed(fmt.Sprintf("b %d", n+1))
			request := fmt.Sprintf("q%d", len(link.rejected))
			tell(call.Update{Event: &call.Event{Kind: call.Claimed, Call: id, Claim: &call.Claim{Operator: "ana", Reason: call.Busy, Command: request}}})
			tell(call.Update{Event: &call.Event{Kind: call.Rejected, Call: id, Reply: &call.Reply{Status: 202, Took: 200}}})
			tell(call.Update{Answer: &call.Answer{Request: request, Call: id, Verdict: call.WasRejected}})
			tell(call.Update{Event: &call.Event{Kind: call.Ended, Call: id}})
			link.rejected = link.rejected[:0] // the test's own memory
		}
		after = append(after, heap()-before)
	}
	t.Logf("after 1,000, 10,000 and 100,000 calls: %d, %d and %d kB", after[0]>>10, after[1]>>10, after[2]>>10)
	if grown := after[2] - after[1]; grown > 256<<10 || after[2] > 16<<20 {
		t.Errorf("from 10,000 to 100,000 calls the lines grew by %d kB to %d kB", grown>>10, after[2]>>10)
	}
	if plain.last != n {
		t.Errorf("%d of %d calls were told", plain.last, n)
	}
	runtime.KeepAlive(objects)
}
