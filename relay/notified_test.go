package relay

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
)

// metric reads one value off the relay's own page, 0 when it is not there.
func (h *house) metric(series string) float64 {
	h.t.Helper()
	for line := range strings.Lines(h.page("/metrics")) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				h.t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

// meant is how many notifications had a meaning.
func (h *house) meant(meaning string) float64 {
	h.t.Helper()
	return h.metric(fmt.Sprintf("callscreen_notifications_total{meaning=%q}", meaning))
}

func (h *house) page(path string) string {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.url+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// take hands a body to the relay without a socket.
func (h *house) take(body string) int {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, "/api/calls", strings.NewReader(body))
	r.Header.Set("Authorization", genuine)
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, r)
	return w.Code
}

// spelt is an id as Graph writes it in its older documents.
func spelt(id string) string { return strings.ToUpper(strings.ReplaceAll(id, "-", "")) }

func TestP10All720OrdersOfSixNotificationsEndOnTheSameBoard(t *testing.T) {
	h := newHouse(t)
	six := []func(id string) string{
		func(id string) string { return created(id, "Alice Meyer") },
		func(id string) string { return created(spelt(id), "Alice Meyer") },
		func(id string) string { return strings.Replace(created(id, "Alice Meyer"), "created", "updated", 1) },
		func(id string) string {
			return strings.Replace(deleted(id+"/participants/1"), "#microsoft.graph.call", "", 1)
		},
		func(id string) string {
			return fmt.Sprintf(`{"value":[{"changeType":"Updated","resource":"/app/calls/%s","resourceData":{"state":"Terminated","resultInfo":{"code":200,"subCode":"5002"}}}]}`, id)
		},
		func(id string) string { return deleted(spelt(id)) },
	}
	var orders [][]int
	permutations([]int{0, 1, 2, 3, 4, 5}, func(order []int) { orders = append(orders, append([]int(nil), order...)) })
	if len(orders) != 720 {
		t.Fatalf("%d orders", len(orders))
	}
	id := func(n int) string { return fmt.Sprintf("0f3c2a5e-aaaa-bbbb-cccc-%012x", n) }
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for n := worker; n < len(orders); n += 8 {
				for _, i := range orders[n] {
					if status := h.take(six[i](id(n))); status != http.StatusAccepted {
						t.Errorf("order %v: status %d", orders[n], status)
					}
				}
			}
		})
	}
	wg.Wait()
	_, last, err := h.server.opts.Journal.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.server.desk.await(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	rang := 0
	for n, order := range orders {
		c, ok := h.server.Look(call.ID(id(n)))
		if !ok || c.State != call.Over || c.Ending != call.EndHungUp {
			t.Errorf("order %v: %+v", order, c)
		}
		first := order[0]
		if first == 3 {
			first = order[1]
		}
		if c.Known() != (first < 3) { // it rang exactly if something opened it before the end
			t.Errorf("order %v: rang: %v", order, c.Known())
		}
		if c.Known() {
			rang++
		}
	}
	if n := h.server.desk.waiting(); n != 0 {
		t.Errorf("%d calls still wait", n)
	}
	t.Logf("%d of 720 rang, %d records", rang, last)
}

func permutations(list []int, visit func([]int)) {
	var walk func(int)
	walk = func(k int) {
		if k == len(list) {
			visit(list)
		}
		for i := k; i < len(list); i++ {
			list[k], list[i] = list[i], list[k]
			walk(k + 1)
			list[k], list[i] = list[i], list[k]
		}
	}
	walk(0)
}

func TestW16TheSameBytesAThousandTimesOverTwoRelaysAreOneCall(t *testing.T) {
	one := newHouse(t, func(o *Options) { o.Shared = true })
	two := &house{t: t, gate: &gate{}, graph: &graphDouble{}, operators: one.operators, tokens: one.tokens}
	two.run(one.server.opts.Journal, func(o *Options) { o.Shared = true })
	ana, _ := one.sitDown("ana")
	body := created("0f3c2a5e-aaaa-bbbb-cccc-0123456789ab", "Alice Meyer")
	var wg sync.WaitGroup
	for worker := range 10 {
		h := []*house{one, two}[worker%2]
		wg.Go(func() {
			for range 100 {
				if status := h.take(body); status != http.StatusAccepted {
					t.Errorf("status %d", status)
				}
			}
		})
	}
	wg.Wait()
	if got := one.records(); got != 1 {
		t.Errorf("%d journal records, want 1", got)
	}
	rang := one.meant(string(call.Rang)) + two.meant(string(call.Rang))
	copies := one.meant("nothing new") + two.meant("nothing new")
	if rang != 1 || copies != 999 {
		t.Errorf("counted %v calls and %v copies, want 1 and 999", rang, copies)
	}
	one.ring("B")
	if f := ana.until(call.Rang); f.Call != "0f3c2a5e-aaaa-bbbb-cccc-0123456789ab" {
		t.Errorf("shown first: %s", f.Raw)
	}
	if f := ana.next(); f.Call != "B" {
		t.Errorf("shown second: %s, want the other call", f.Raw)
	}
	// And over: an ended id never rings again, at either relay.
	one.take(deleted("0f3c2a5e-aaaa-bbbb-cccc-0123456789ab"))
	for _, h := range []*house{one, two} {
		h.await("the end", func() bool { c, _ := h.server.Look("0f3c2a5eaaaabbbbcccc0123456789ab"); return c.State == call.Over })
		h.take(body)
	}
	if got := one.records(); got != 3 {
		t.Errorf("%d journal records after a replay of what ended, want 3", got)
	}
}

func TestP13AThousandCallsInASecondAreAllRecordedTheMostUrgentFirst(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	heard := make(chan map[call.ID]string, 1)
	go func() {
		names := map[call.ID]string{}
		for len(names) < 1000 {
			f, err := ana.read()
			if err != nil {
				break
			}
			if f.Event == call.Rang {
				names[f.Call] = f.Details.Caller.Name
			}
		}
		heard <- names
	}()
	began := time.Now()
	var wg sync.WaitGroup
	for worker := range 20 {
		wg.Go(func() {
			for n := worker; n < 1000; n += 20 {
				name := "Flood"
				if n == 500 {
					name = "The odd one"
				}
				if status := h.post(created(fmt.Sprintf("flood-%d", n), name)); status != http.StatusAccepted {
					t.Errorf("call %d: status %d", n, status)
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	if got := h.records(); got != 1000 {
		t.Errorf("%d records, want 1000", got)
	}
	names := <-heard
	if len(names) != 1000 || names["flood-500"] != "The odd one" {
		t.Errorf("a console heard of %d calls, and of %q", len(names), names["flood-500"])
	}
	h.server.desk.mu.Lock()
	live := h.server.desk.board.Live()
	for i := 1; i < len(live); i++ {
		if live[i].Deadline().Before(live[i-1].Deadline()) {
			t.Errorf("call %d is more urgent than the one before it", i)
		}
	}
	if len(live) != 1000 {
		t.Errorf("%d calls on the board", len(live))
	}
	h.server.desk.mu.Unlock()
	t.Logf("1,000 calls in %s", took)
}

func TestComplianceNotificationsAreTakenCountedAndShownToNobody(t *testing.T) {
	h := newHouse(t)
	for i, typ := range []string{"participantJoiningNotification", "participantLeftNotification"} {
		body := fmt.Sprintf(`{"@odata.type":"#microsoft.graph.%s","participantId":"p","call":{"@odata.type":"#microsoft.graph.call","id":"A","state":"incoming"}}`, typ)
		if got := h.post(body); got != http.StatusAccepted {
			t.Errorf("%s: status %d, want 202", typ, got)
		}
		if n := h.meant("dropped: " + graph.DroppedCompliance); n != float64(i+1) {
			t.Errorf("%s: counted %v", typ, n)
		}
	}
	if got := h.records(); got != 0 {
		t.Errorf("%d records", got)
	}
}

func TestOneBrokenElementDoesNotSpoilTheOthers(t *testing.T) {
	h := newHouse(t)
	inner := func(id string) string {
		return strings.TrimSuffix(strings.TrimPrefix(created(id, "x"), `{"value":[`), `]}`)
	}
	body := `{"value":[null,` + inner("A") + `,7,{"changeType":"created"},` + inner("..") + `,{"changeType":"renamed","resourceUrl":"/app/calls/C"},` + inner("B") + `]}`
	if got := h.post(body); got != http.StatusAccepted {
		t.Errorf("status %d", got)
	}
	if got := h.records(); got != 2 {
		t.Errorf("%d records, want those of A and B", got)
	}
	if a, b, c := h.meant("dropped: not a notification"), h.meant("dropped: call id"), h.meant("dropped: change type"); a != 2 || b != 2 || c != 1 {
		t.Errorf("counted %v %v %v", a, b, c)
	}
}

func TestARecordingInviteLeavesAConsoleFiveSeconds(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	h.post(`{"value":[{"changeType":"created","resourceUrl":"/communications/calls/A","resourceData":{"state":"incoming","incomingContext":{"observedParticipantId":"p"},` +
		`"meetingInfo":{"@odata.type":"#microsoft.graph.tokenMeetingInfo","token":"t"},"applicationMetadata":{"botData":{}}}}]}`)
	f := ana.until(call.Rang)
	if f.Details == nil || !f.Details.Recording || !f.Details.Group || f.Remaining == nil || *f.Remaining > 5000 || *f.Remaining < 3000 {
		t.Errorf("the console heard %s", f.Raw)
	}
}

func TestACallOfAnotherTenantThanItsTokenIsTakenAndLogged(t *testing.T) {
	log := &lockedBuffer{}
	h := newHouse(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	const other = "99999999-8888-4777-a666-555555555555"
	with := func(id, tid string) string {
		return strings.Replace(created(id, "x"), `"state"`, `"tenantId":"`+tid+`","state"`, 1)
	}
	for id, tid := range map[string]string{"A": strings.ToUpper(tenant), "B": ""} {
		h.post(with(id, tid))
	}
	if strings.Contains(log.String(), "another tenant") {
		t.Error("a call of the same tenant was logged")
	}
	if got := h.post(with("C", other)); got != http.StatusAccepted {
		t.Errorf("status %d, want 202", got)
	}
	h.await("it rings", func() bool { _, ok := h.server.Look("C"); return ok })
	if a := h.decide("ana", "C", call.Busy); a.Verdict != call.WasRejected {
		t.Errorf("%+v", a)
	}
	if sent := h.graph.requests(); len(sent) != 1 || sent[0].Tenant != tenant {
		t.Errorf("rejected with %+v, want the token's tenant", sent)
	}
	h.stop()
	if n := strings.Count(log.String(), "another tenant"); n != 1 || !strings.Contains(log.String(), other) {
		t.Errorf("%d lines of log", n)
	}
}
