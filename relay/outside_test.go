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
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"callscreen/graph"
	"callscreen/relay/call"
)

// What a notification names, and what it holds beside the call, goes nowhere.

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
	h := newHouse(t, unlimited)
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
