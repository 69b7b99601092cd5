package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

// ids are 60 call ids that a hostile notification may carry, and some that it may not.
var ids = []string{
	"-", "--", "../../users/x/sendMail?", "..", ".", "...", "a#", "a#b", "a?b", "a?b=c", "a&b", "a=b", "a/b?c", "..%2f..%2fusers", "%2e%2e", "a%2fb", "a%20b", "%", "%00", "a b", " a", "a ",
	"a\tb", "a\r\nHost: evil", "a\r\n\r\nPOST / HTTP/1.1", "a\nb", "a\x00b", "a\x7f", "a\\b", "a\\..\\b", "a;b", "a;v=1", "a:b", "a@b", "a+b", "a,b", "a_b", "a~b", "a!b", "a'b", `a"b`, "(a)",
	"[a]", "{a}", "{id}", "$a", "$value", "*", "a|b", "a^b", "a`b", "<a>", "é", "а", "ａ", "１", "a\u200bb", "a\u202eb", "\ufeffa", "28:a", "a.b", "\U0001f600", strings.Repeat("a", 65), strings.Repeat("a", 10_000),
}

func TestP07OnlyPlainIDsAreEverSentToGraph(t *testing.T) {
	if len(ids) < 60 {
		t.Fatalf("%d ids", len(ids))
	}
	h := newHouse(t)
	path := func(id string) string {
		raw, err := json.Marshal("/communications/calls/" + id)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"value":[{"changeType":"created","resourceUrl":%s,"resourceData":{"state":"incoming"}}]}`, raw)
	}
	good := []string{"0f3c2a5e-aaaa-bbbb-cccc-0123456789ab", "0F3C2A5EAAAABBBBCCCC0123456789AC", "Z", "x-y", strings.Repeat("b", 64)}
	for _, id := range append(ids, good...) {
		if status := h.take(path(id)); status != http.StatusAccepted {
			t.Errorf("%.40q: status %d, want 202", id, status)
		}
	}
	before := h.records()
	for _, id := range append(ids, good...) {
		a := h.script("ana", id)
		if rejected := a.Verdict == call.WasRejected; rejected != slices.Contains(good, id) {
			t.Errorf("%.40q: %+v", id, a)
		}
	}
	sent := map[string]bool{}
	for _, r := range h.graph.requests() {
		sent[r.CallID] = true
	}
	for _, id := range good {
		if !sent[id] {
			t.Errorf("%s was not rejected", id)
		}
		delete(sent, id)
	}
	if len(sent) > 0 {
		t.Errorf("sent to Graph: %v", sent)
	}
	if n := h.meant("dropped: call id"); n < 50 {
		t.Errorf("%v dropped ids were counted", n)
	}
	if before < uint64(len(good)) {
		t.Errorf("%d records", before)
	}
}

// script decides as a program would, with any id at all.
func (h *house) script(operator, id string) (a call.Answer) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, "/v1/calls/x/reject", strings.NewReader(`{"reason":"busy"}`))
	r.Header.Set("Authorization", "Bearer "+h.token(operator))
	r.RemoteAddr = "127.0.0.1:1"
	r.SetPathValue("id", id)
	w := httptest.NewRecorder()
	h.server.handleReject(w, r)
	_ = json.Unmarshal(w.Body.Bytes(), &a) // a problem is no answer
	return a
}

func TestP08P09NobodyNamedInANotificationIsEverCalled(t *testing.T) {
	var connections atomic.Int32
	named := httptest.NewUnstartedServer(http.NotFoundHandler())
	named.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	named.StartTLS()
	defer named.Close()
	var graphHosts sync.Map
	client, err := graph.NewClient(graph.ClientOptions{
		Root: "https://graph.example", Version: "v1.0", Tokens: fixedToken{}, HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil || strings.Contains(string(body), "callbackUri") {
				t.Errorf("the rejection says %s, %v", body, err)
			}
			graphHosts.Store(r.URL.String(), true)
			return &http.Response{StatusCode: http.StatusAccepted, Header: http.Header{}, Body: http.NoBody}, nil
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(o *Options) { o.Graph = client })
	host := strings.TrimPrefix(named.URL, "https://")
	urls := []string{}
	for _, form := range []string{
		"https://@/communications/calls/#", "http://@/communications/calls/#", "HTTPS://@/v1.0/communications/calls/#", "https://@/beta/app/calls/#", "//@/communications/calls/#", "https://u:p@@/calls/#", "https://graph.microsoft.com@@/calls/#",
		"https://@/calls/#?x=https://@/", "https://@/calls/#?calls/other", "wss://@/calls/#", "ftp://@/calls/#", "gopher://@/calls/#", "file://@/calls/#", "javascript://@/calls/#", "https://@/communications/CALLS/#", "https://@//calls/#",
		"https://@/../calls/#", "/communications/calls/#?host=@", "/communications/calls/#/", "communications/calls/#", "/app/calls/#?callback=https://@/", "https://@/x/y/z/calls/#", "https://@:443/calls/#", "https://@/users/x/calls/#", "https:///@/calls/#",
		"https://@/calls/#/?a", "calls/#", "/calls/#", "https://@.evil/calls/#", "https://@/redirect/https://@/calls/#",
	} {
		urls = append(urls, strings.ReplaceAll(form, "@", host))
	}
	if len(urls) < 30 {
		t.Fatalf("%d urls", len(urls))
	}
	for i, url := range urls {
		id := fmt.Sprintf("call-%d", i)
		raw, err := json.Marshal(strings.ReplaceAll(url, "#", id))
		if err != nil {
			t.Fatal(err)
		}
		callback, err := json.Marshal(strings.ReplaceAll(url, "#", "cb"))
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"value":[{"changeType":"created","resourceUrl":%s,"callbackUri":%s,"resourceData":{"@odata.id":%s,"state":"incoming","callbackUri":%s}}]}`, raw, callback, callback, callback)
		if status := h.take(body); status != http.StatusAccepted {
			t.Errorf("%s: status %d", url, status)
		}
		h.await(id+" rings", func() bool { _, ok := h.server.Look(call.ID(id)); return ok })
		if a := h.decide("ana", id, call.Busy); a.Verdict != call.WasRejected {
			t.Errorf("%s: %+v", url, a)
		}
		if _, ok := graphHosts.LoadAndDelete("https://graph.example/v1.0/communications/calls/" + id + "/reject"); !ok {
			t.Errorf("%s: Graph was not asked about %s", url, id)
		}
	}
	graphHosts.Range(func(url, _ any) bool { t.Errorf("also asked: %v", url); return true })
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections to the host that was named", n)
	}
	// The planted bug: somebody who does go there is seen.
	if resp, err := named.Client().Get(named.URL); err != nil || resp.Body.Close() != nil || connections.Load() == 0 {
		t.Errorf("a connection was not counted: %v", err)
	}
}

type fixedToken struct{}

func (fixedToken) Token(context.Context, string) (string, error)         { return "token", nil }
func (fixedToken) Renew(context.Context, string, string) (string, error) { return "token", nil }

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestP12NoSecretOfAPayloadIsAnywhere(t *testing.T) {
	log := &lockedBuffer{}
	h := newHouse(t, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	ana, _ := h.sitDown("ana")
	const secret = "CANARYxxxxxxxxxxxxxxxxxxxx"
	body := strings.ReplaceAll(`{"value":[{"changeType":"created","resourceUrl":"/communications/calls/A","callbackUri":"https://§.example/","§":"§","resourceData":{"state":"incoming","direction":"incoming",
		"replacesContext":"§","replacementLink":"§","recordingAccessToken":"§","callbackUri":"https://§.example","applicationMetadata":{"botData":"§"},"meetingCapability":{"§":1},"MeetingUrl":"https://§",
		"mediaConfig":{"blob":"§"},"meetingInfo":{"@odata.type":"#microsoft.graph.tokenMeetingInfo","token":"§","passcode":"§","joinMeetingId":"§"},"chatInfo":{"threadId":"§","messageId":"§"},
		"resultInfo":{"code":200,"message":"§ DiagCode"},"toneInfo":{"tone":"§"},"transcription":{"state":"§"},"callOptions":{"x":"§"},"myParticipantId":"§","answeredBy":{"identity":{"user":{"id":"§"}}},
		"source":{"identity":{"user":{"id":"u-1","displayName":"Alice Meyer","identityProvider":"§","token":"§"}},"replacementLink":"§","endpointId":"§","platformId":"§","clientVersion":"§"},
		"targets":[{"identity":{"application":{"id":"b-1","secret":"§"}},"replacesCallId":"§"}],"incomingContext":{"sourceParticipantId":"§","observedParticipantId":"§"}}}]}`, "§", secret)
	if status := h.post(body); status != http.StatusAccepted {
		t.Fatalf("status %d", status)
	}
	for _, refused := range []string{body[:len(body)-3], `{"value":"` + secret + `"}`, `[{"` + secret + `":1}]`, strings.Replace(body, `"state"`, `"state":"`+secret+`","state"`, 1)} {
		h.post(refused) // some 400, some 202
	}
	h.post(strings.Replace(deleted("A"), `"#microsoft.graph.call"`, `"#microsoft.graph.call","resultInfo":{"message":"`+secret+`"}`, 1))
	seen := ""
	for f := ana.next(); ; f = ana.next() {
		seen += string(f.Raw)
		if f.Event == call.Ended {
			break
		}
	}
	_, welcome := h.sitDown("ben")
	places := map[string]string{"frames": seen + string(welcome.Raw), "metrics": h.page("/metrics")}
	h.stop()
	places["log"] = log.String()
	places["journal"] = everyFile(t, h.dir)
	for place, text := range places {
		if i := strings.Index(text, "CANARY"); i >= 0 {
			t.Errorf("%s: ...%.120q", place, text[max(0, i-60):])
		}
	}
	if !strings.Contains(places["frames"], "Alice Meyer") || !strings.Contains(places["journal"], "Alice Meyer") {
		t.Error("what may be seen is not there either: the search finds nothing")
	}
}

func everyFile(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
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
