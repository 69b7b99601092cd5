package simulator

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestARejectIsAnswered202OnceAndConfirmedByDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{DeletedLatency: &Latency{time.Second, time.Second}})
		id := place(t, s, CallSpec{Kind: "phone"})
		r := rejectRequest(s, id, busy)
		r.Header.Set("Client-Request-Id", "attempt-1")
		a := send(t, s, r)
		if a.StatusCode != http.StatusAccepted || a.body != "" {
			t.Fatalf("answered %d %q, want 202 and nothing", a.StatusCode, a.body)
		}
		if a.Header.Get("Request-Id") == "" || a.Header.Get("Client-Request-Id") != "attempt-1" {
			t.Errorf("headers %v", a.Header)
		}
		if got := b.changes(); got != "created" {
			t.Errorf("at the 202 the bot had heard %q", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := b.changes(); got != "created deleted" {
			t.Fatalf("bot heard %q", got)
		}
		if data := b.notices()[1].data; data["state"] != nil || data["resultInfo"] != nil {
			t.Errorf("the deleted of a reject says more than type and id: %v", data)
		}
		a = send(t, s, rejectRequest(s, id, busy))
		if a.StatusCode != http.StatusNotFound || !strings.Contains(a.body, "8522") {
			t.Errorf("second reject: %d %s", a.StatusCode, a.body)
		}
		got := s.Rejections()
		if len(got) != 2 || !got[0].Accepted || got[0].Reason != "busy" || string(got[0].Body) != busy ||
			!got[0].BearerValid || got[0].Status != 202 || got[0].ClientRequestID != "attempt-1" ||
			got[1].Accepted || got[1].Status != 404 || got[1].Code != "8522" {
			t.Errorf("on record: %+v", got)
		}
	})
}

func TestACallRingsFifteenSecondsAndNothingIsSaidAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{Seed: 2, Speed: 100}) // speed leaves the ring time alone
		late := place(t, s, CallSpec{Kind: "user"})
		time.Sleep(15*time.Second - time.Millisecond)
		if st := s.Calls()[0]; st.State != Ringing || st.RemainingMS != 1 {
			t.Errorf("1 ms before the end: %+v", st)
		}
		time.Sleep(time.Millisecond)
		if a := send(t, s, rejectRequest(s, late, busy)); a.StatusCode != http.StatusNotFound {
			t.Errorf("at 15 s the reject was answered %d, want 404", a.StatusCode)
		}
		synctest.Wait()
		if st := s.Calls()[0]; st.State != TimedOut || b.changes() != "created" {
			t.Errorf("after 15 s: %s, bot heard %q", st.State, b.changes())
		}
		if err := s.HangUp(t.Context(), late); !errors.Is(err, ErrNoCall) {
			t.Errorf("hang up after the end: %v", err)
		}
	})
}

func TestATimeoutIsSaidWhenAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{NotifyTimeout: true, RingTimeout: 3 * time.Second})
		place(t, s, CallSpec{Kind: "user"})
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := b.changes(); got != "created deleted" {
			t.Fatalf("bot heard %q", got)
		}
		if data := b.notices()[1].data; data["state"] != "terminated" || data["resultInfo"] == nil {
			t.Errorf("deleted at timeout: %v", data)
		}
	})
}

func TestARecordingInviteRingsFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{})
		id := place(t, s, CallSpec{Kind: "recording"})
		if data := b.notices()[0].data; data["requestedModalities"] != nil || data["chatInfo"] != nil || data["meetingInfo"] == nil {
			t.Errorf("invite: %v", data)
		}
		time.Sleep(5 * time.Second)
		if a := send(t, s, rejectRequest(s, id, busy)); a.StatusCode != http.StatusNotFound {
			t.Errorf("at 5 s: %d, want 404", a.StatusCode)
		}
	})
}

func TestACallerWhoHangsUpIsSaidTerminated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{Speed: 2})
		id := place(t, s, CallSpec{Kind: "user", HangUp: 6 * time.Second})
		start := time.Now()
		by := place(t, s, CallSpec{Kind: "guest"})
		if err := s.HangUp(t.Context(), strings.ToUpper(by)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		got := b.notices()
		if b.changes() != "created created deleted deleted" || got[2].id != by || got[3].id != id {
			t.Fatalf("bot heard %q", b.changes())
		}
		if after := got[3].at.Sub(start); after != 3*time.Second {
			t.Errorf("6 s at speed 2 were %v", after)
		}
		if got[3].data["state"] != "terminated" {
			t.Errorf("deleted: %v", got[3].data)
		}
	})
}

func TestOfManyRejectsAtOnceExactlyOneIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{RejectLatency: &Latency{10 * time.Millisecond, 90 * time.Millisecond}})
		id := place(t, s, CallSpec{Kind: "user"})
		var work sync.WaitGroup
		var mu sync.Mutex
		statuses := map[int]int{}
		for range 20 {
			work.Go(func() {
				a := send(t, s, rejectRequest(s, id, busy))
				mu.Lock()
				statuses[a.StatusCode]++
				mu.Unlock()
			})
		}
		work.Wait()
		synctest.Wait()
		if statuses[202] != 1 || statuses[404] != 19 || b.changes() != "created deleted" {
			t.Errorf("statuses %v, bot heard %q", statuses, b.changes())
		}
	})
}

func TestDeletedWaitsUntilCreatedIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{})
		b.delay = 2 * time.Second
		done := make(chan string)
		go func() { id, _ := s.Place(t.Context(), CallSpec{Kind: "user"}); done <- id }()
		time.Sleep(time.Second)
		id := s.Calls()[0].ID
		if a := send(t, s, rejectRequest(s, id, busy)); a.StatusCode != http.StatusAccepted {
			t.Fatalf("reject before the webhook answered: %d", a.StatusCode)
		}
		if got := <-done; got != id {
			t.Errorf("placed %q, listed %q", got, id)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := b.changes(); got != "created deleted" {
			t.Errorf("bot heard %q", got)
		}
	})
}

func TestPlaceReportsWhatTheWebhookAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{})
		b.answers = []int{503, 302}
		for _, want := range []int{503, 302} {
			id, err := s.Place(t.Context(), CallSpec{})
			bad, ok := errors.AsType[*WebhookError](err)
			if !ok || bad.Status != want || id == "" {
				t.Errorf("placed %q, %v; want status %d", id, err, want)
			}
		}
		b.delay = 6 * time.Second
		start := time.Now()
		id, err := s.Place(t.Context(), CallSpec{})
		if err == nil || id == "" || time.Since(start) != 5*time.Second {
			t.Errorf("a hanging webhook: %q, %v after %v; want an error after 5 s", id, err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Place(ctx, CallSpec{}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestDeliveryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{})
		b.delay = time.Second
		var work sync.WaitGroup
		for range 3 * maxDeliveries {
			work.Go(func() { place(t, s, CallSpec{Kind: "user"}) })
		}
		work.Wait()
		if b.busiest != maxDeliveries {
			t.Errorf("%d at once, want %d", b.busiest, maxDeliveries)
		}
	})
}

func TestCloseEndsRingingCallsAndWhateverIsUnderWay(t *testing.T) {
	// The bubble itself fails if a goroutine is left.
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{})
		id := place(t, s, CallSpec{Kind: "user"})
		place(t, s, CallSpec{Kind: "user", HangUp: 9 * time.Second})
		b.delay = time.Minute
		go func() {
			if _, err := s.Place(context.Background(), CallSpec{}); !errors.Is(err, ErrClosed) {
				t.Errorf("place under way: %v, want ErrClosed", err)
			}
		}()
		go func() {
			if err := s.Traffic(context.Background(), Traffic{}); !errors.Is(err, ErrClosed) {
				t.Errorf("traffic: %v, want ErrClosed", err)
			}
		}()
		time.Sleep(time.Second)
		start := time.Now()
		s.Close()
		s.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("close took %v", took)
		}
		if _, err := s.Place(context.Background(), CallSpec{}); !errors.Is(err, ErrClosed) {
			t.Errorf("place after close: %v", err)
		}
		if a := send(t, s, rejectRequest(s, id, busy)); !a.aborted {
			t.Errorf("reject after close: %d", a.StatusCode)
		}
	})
}

func TestWrongSpecsAreRefusedWithAReason(t *testing.T) {
	s, _ := newWorld(t, Options{})
	for spec, want := range map[CallSpec]string{
		{Kind: "robot"}:                      `no kind of caller is called "robot"; there are user, external`,
		{Kind: "user", Number: "+1"}:         "has no number",
		{Kind: "anonymous", Name: "A"}:       "has no name",
		{Fault: "explode"}:                   `no fault is called "explode"; there are gone,`,
		{Fault: "gone=3s"}:                   "takes no duration",
		{Fault: "slow=soon"}:                 "not a duration",
		{Fault: "slow=-1s"}:                  "not a duration",
		{Fault: "hang*0"}:                    "not how often",
		{Name: "\xff"}:                       "not UTF-8",
		{HangUp: -1}:                         "negative",
		{Name: strings.Repeat("x", 100_000)}: "more than",
	} {
		if id, err := s.Place(t.Context(), spec); err == nil || !strings.Contains(err.Error(), want) || id != "" {
			t.Errorf("%+.60v: %q, %v; want %q", spec, id, err, want)
		}
	}
	if len(s.Calls()) != 0 {
		t.Error("a refused call was placed")
	}
}

func TestOldEndedCallsAreForgotten(t *testing.T) {
	var b callBook
	for n := range uint64(maxCalls + 5) {
		state := TimedOut
		if n == 0 {
			state = Ringing
		}
		b.add(&call{n: n, id: newDice(1, "x", n).guid(), state: state})
	}
	if len(b.order) != maxCalls+5 {
		t.Errorf("%d calls kept while the oldest rings", len(b.order))
	}
	b.order[0].state = TimedOut
	b.add(&call{id: "last", state: Ringing})
	if len(b.order) != maxCalls || len(b.byID) != maxCalls {
		t.Errorf("%d and %d calls kept, want %d", len(b.order), len(b.byID), maxCalls)
	}
}
