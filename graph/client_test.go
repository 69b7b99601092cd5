package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// fakeTokens hands out numbered tokens and counts renewals.
type fakeTokens struct {
	renewals atomic.Int32
	err      error
}

func (f *fakeTokens) Token(context.Context, string) (string, error) { return "token-0", f.err }

func (f *fakeTokens) Renew(_ context.Context, _, rejected string) (string, error) {
	if rejected == "" {
		return "", errors.New("nothing was rejected")
	}
	return fmt.Sprintf("token-%d", f.renewals.Add(1)), nil
}

// graphFake answers reject requests from a script; its last line repeats.
type graphFake struct {
	mu     sync.Mutex
	script []func(*http.Request) (*http.Response, error)
	at     []time.Time
	seen   []*http.Request
	bodies []string
}

func (g *graphFake) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	step := g.script[min(len(g.seen), len(g.script)-1)]
	g.at, g.seen, g.bodies = append(g.at, time.Now()), append(g.seen, r), append(g.bodies, string(body))
	g.mu.Unlock()
	return step(r)
}

type step = func(*http.Request) (*http.Response, error)

func status(code int, header ...string) step {
	return func(*http.Request) (*http.Response, error) { return respond(code, "", header...), nil }
}

func graphError(code int, errCode string) step {
	return func(*http.Request) (*http.Response, error) {
		return respond(code, fmt.Sprintf(`{"error":{"code":%q,"message":"CANARY prose","innerError":{"request-id":"r-1"}}}`, errCode)), nil
	}
}

func broken(err error) step { return func(*http.Request) (*http.Response, error) { return nil, err } }

func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

var (
	errReset   = &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	errRefused = &net.OpError{Op: "dial", Err: errors.New("connection refused")}
)

func newClient(t testing.TB, transport http.RoundTripper, tokens TokenSource) *Client {
	t.Helper()
	c, err := NewClient(ClientOptions{
		Root: "https://graph.example/prefix", Version: "v1.0", Tokens: tokens, HTTP: &http.Client{Transport: transport},
		Rand: func() float64 { return 0.5 }, // every pause is 0.5 s
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// reject runs one rejection in virtual time with the given time left.
func reject(t *testing.T, left time.Duration, script ...step) (receipt Receipt, g *graphFake, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g = &graphFake{script: script}
		ctx, cancel := context.WithTimeout(t.Context(), left)
		defer cancel()
		began := time.Now()
		receipt, err = newClient(t, g, &fakeTokens{}).Reject(ctx, Rejection{CallID: testCall, Tenant: testTenant, Reason: "busy"})
		took = time.Since(began)
		for i, at := range g.at {
			if at.Sub(began) > left || i > 0 && at.Sub(began) > left-retryMargin {
				t.Errorf("try %d was sent %s before the deadline", i+1, left-at.Sub(began))
			}
		}
		if took > left {
			t.Errorf("Reject took %s of %s", took, left)
		}
	})
	return receipt, g, took, err
}

func TestARejectionIsOnePostWithAReasonAndABearer(t *testing.T) {
	for _, reason := range Reasons() {
		g := &graphFake{script: []step{status(202, "request-id", "r-1")}}
		receipt, err := newClient(t, g, &fakeTokens{}).Reject(t.Context(), Rejection{CallID: testCall, Tenant: testTenant, Reason: reason})
		if err != nil || receipt.Status != 202 || receipt.RequestID != "r-1" || receipt.Attempts != 1 {
			t.Errorf("%+v, %v", receipt, err)
		}
		r := g.seen[0]
		if r.Method != http.MethodPost || r.URL.String() != "https://graph.example/prefix/v1.0/communications/calls/"+testCall+"/reject" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if g.bodies[0] != `{"reason":"`+reason+`"}` || r.Header.Get("Authorization") != "Bearer token-0" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v", g.bodies[0], r.Header)
		}
		if id := r.Header.Get("client-request-id"); uuid.Validate(id) != nil || id != receipt.ClientRequestID {
			t.Errorf("client-request-id %q, receipt %q", id, receipt.ClientRequestID)
		}
	}
}

func TestAScenarioIsOfOneCallHoweverItsIDIsSpeltAndTellsNothingOfIt(t *testing.T) {
	one := scenarioID(testCall)
	if uuid.Validate(one) != nil || one == testCall || scenarioID(strings.ToUpper(strings.ReplaceAll(testCall, "-", ""))) != one || scenarioID("other") == one {
		t.Errorf("%s", one)
	}
}

func TestTheCallbackIsSentOnlyWhenConfigured(t *testing.T) {
	g := &graphFake{script: []step{status(202)}}
	c := newClient(t, g, &fakeTokens{})
	c.callback = "https://relay.example/api/calls"
	if _, err := c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "none"}); err != nil {
		t.Fatal(err)
	}
	if want := `{"reason":"none","callbackUri":"https://relay.example/api/calls"}`; g.bodies[0] != want {
		t.Errorf("%s, want %s", g.bodies[0], want)
	}
}

func TestAnythingButAPlainIDAndAKnownReasonIsNeverSent(t *testing.T) {
	g := &graphFake{script: []step{status(202)}}
	c := newClient(t, g, &fakeTokens{})
	for _, id := range badIDs {
		if _, err := c.Reject(t.Context(), Rejection{CallID: id, Tenant: testTenant, Reason: "busy"}); err == nil {
			t.Errorf("%q was sent", id)
		}
	}
	for _, reason := range []string{"", "Busy", "BUSY", "unknownFutureValue", `busy","callbackUri":"https://evil.example`} {
		if _, err := c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: testTenant, Reason: reason}); err == nil {
			t.Errorf("reason %q was sent", reason)
		}
	}
	if len(g.seen) != 0 {
		t.Errorf("%d requests", len(g.seen))
	}
}

func TestG05A401CostsOneFreshTokenAndOneRetry(t *testing.T) {
	receipt, g, _, err := reject(t, 10*time.Second, status(401), status(202))
	if err != nil || receipt.Attempts != 2 || g.seen[1].Header.Get("Authorization") != "Bearer token-1" {
		t.Errorf("%+v, %v", receipt, err)
	}
	if g.seen[0].Header.Get("client-request-id") == g.seen[1].Header.Get("client-request-id") {
		t.Error("both tries have one client-request-id")
	}
	_, g, _, err = reject(t, 10*time.Second, graphError(401, "InvalidAuthenticationToken"))
	if e, ok := errors.AsType[*UnauthorizedError](err); !ok || e.Code != "InvalidAuthenticationToken" || len(g.seen) != 2 {
		t.Errorf("%v after %d tries", err, len(g.seen))
	}
	_, g, _, err = reject(t, 10*time.Second, status(401), status(503), status(401))
	if _, ok := errors.AsType[*UnauthorizedError](err); !ok || len(g.seen) != 3 {
		t.Errorf("%v after %d tries", err, len(g.seen))
	}
	g = &graphFake{script: []step{status(202)}}
	_, err = newClient(t, g, &fakeTokens{err: errors.New("sign-in is down")}).Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
	if e, ok := errors.AsType[*UnauthorizedError](err); !ok || e.Status != 0 || len(g.seen) != 0 || !strings.Contains(err.Error(), "nothing was sent") {
		t.Errorf("without a token: %v after %d tries", err, len(g.seen))
	}
}

func TestG06OtherRefusalsAreNotRetriedAndExplained(t *testing.T) {
	for _, row := range []struct {
		status int
		code   string
		words  string
	}{
		{400, "BadRequest", "callscreen: this is a fault of this program"},
		{403, "7503", "set the calling webhook"},
		{403, "7504", "the tenant's administrator: grant admin consent"},
		{403, "7505", "another tenant"},
		{403, "Forbidden", "permissions"},
		{403, "", "permissions"},
		{402, "", "documented"},
		{405, "", "documented"},
		{413, "", "documented"},
		{418, "x", "documented"},
		{451, "", "documented"},
		{300, "", "never followed"},
		{304, "", "never followed"},
	} {
		_, g, took, err := reject(t, 10*time.Second, graphError(row.status, row.code))
		e, ok := errors.AsType[*RefusedError](err)
		if !ok || e.Status != row.status || row.status >= 400 && (e.Code != row.code || e.RequestID != "r-1") || len(g.seen) != 1 || took != 0 {
			t.Errorf("%d %s: %#v after %d tries", row.status, row.code, err, len(g.seen))
			continue
		}
		if !strings.Contains(err.Error(), row.words) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%d %s: %v, want %q", row.status, row.code, err, row.words)
		}
	}
}

func TestAWebPageWithA200IsNoAcceptance(t *testing.T) {
	page := func(*http.Request) (*http.Response, error) {
		return respond(200, "<!DOCTYPE html>", "Content-Type", "text/html; charset=utf-8"), nil
	}
	_, g, _, err := reject(t, 10*time.Second, page)
	e, ok := errors.AsType[*UnreachableError](err)
	if !ok || !e.Ambiguous || !errors.Is(err, ErrPage) || len(g.seen) != 1 {
		t.Errorf("%v after %d tries", err, len(g.seen))
	}
	for _, kind := range []string{"", "text/plain", "application/json"} {
		plain := func(*http.Request) (*http.Response, error) { return respond(202, "", "Content-Type", kind), nil }
		if _, _, _, err := reject(t, 10*time.Second, plain); err != nil {
			t.Errorf("202 as %q: %v", kind, err)
		}
	}
}

func TestG07AVanishedCallIsAnAnswer(t *testing.T) {
	for _, row := range []struct {
		name     string
		script   []step
		probably bool
	}{
		{"404", []step{graphError(404, "8522")}, false},
		{"409", []step{status(409)}, false},
		{"412", []step{status(412)}, false},
		{"404 after a server's trouble", []step{status(500), graphError(404, "8522")}, true},
		{"409 after a lost answer", []step{broken(errReset), status(409)}, true},
		{"404 after a timeout", []step{hang, status(404)}, true},
		{"404 after a 401, which did nothing", []step{status(401), status(404)}, false},
		{"404 after being throttled", []step{status(429, "Retry-After", "1"), status(404)}, false},
		{"404 after no connection", []step{broken(errRefused), status(404)}, false},
	} {
		_, _, _, err := reject(t, 10*time.Second, row.script...)
		e, ok := errors.AsType[*GoneError](err)
		if !ok || e.Probably != row.probably || strings.Contains(err.Error(), "probably") != row.probably {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestG08ThrottlingIsWaitedForOnlyIfThereIsTime(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a bubble's clock begins
	for _, row := range []struct {
		header string
		wait   time.Duration // before the second try; -1: given up at once
	}{
		{"1", time.Second},
		{"0", 0},
		{"2.128", 2128 * time.Millisecond},
		{".5", 500 * time.Millisecond},
		{"9", 9 * time.Second}, // ends exactly 1 s before the deadline
		{"9.001", -1},
		{"10", -1},
		{"3600", -1},
		{"99999999999999999999", -1},
		{"1e3", 500 * time.Millisecond}, // not seconds: as if it were absent, our own pause
		{"-1", 500 * time.Millisecond},
		{"soon", 500 * time.Millisecond},
		{"", 500 * time.Millisecond},
		{now.Add(3 * time.Second).Format(http.TimeFormat), 3 * time.Second},
		{now.Add(-time.Hour).Format(http.TimeFormat), 0},
		{now.Add(time.Hour).Format(http.TimeFormat), -1},
		{"1, 2", 500 * time.Millisecond},
	} {
		_, g, took, err := reject(t, 10*time.Second, status(429, "Retry-After", row.header), status(202))
		if row.wait < 0 {
			e, ok := errors.AsType[*ThrottledError](err)
			if !ok || len(g.seen) != 1 || took != 0 || !e.HadRetryAfter {
				t.Errorf("%q: %v after %d tries and %s", row.header, err, len(g.seen), took)
			}
			continue
		}
		if err != nil || len(g.seen) != 2 || took != row.wait {
			t.Errorf("%q: %v after %d tries and %s, want %s", row.header, err, len(g.seen), took, row.wait)
		}
	}
	receipt, g, took, err := reject(t, 14*time.Second, status(429))
	if _, ok := errors.AsType[*ThrottledError](err); !ok || len(g.seen) != 3 || took != 1500*time.Millisecond {
		t.Errorf("throttled without end: %v after %d tries and %s", err, len(g.seen), took)
	}
	if receipt.Attempts != 3 || receipt.Took != took || receipt.Status != 0 {
		t.Errorf("the receipt of a failure: %+v", receipt)
	}
}

func TestG09FaultsEndInRefusedOrUnknown(t *testing.T) {
	const refused, unknown, unsent = "refused", "unknown", "unsent"
	endless := func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 503, Header: http.Header{}, Body: io.NopCloser(blanks{}), ContentLength: -1}, nil
	}
	for _, row := range []struct {
		name   string
		script []step
		want   string
		tries  int
	}{
		{"500", []step{graphError(500, "9999")}, refused, 3},
		{"503", []step{status(503)}, refused, 3},
		{"503 with an endless body", []step{endless}, refused, 3},
		{"507", []step{status(507)}, refused, 3},
		{"502", []step{status(502)}, unknown, 3},
		{"504", []step{status(504)}, unknown, 3},
		{"reset", []step{broken(errReset)}, unknown, 3},
		{"empty answer", []step{broken(io.EOF)}, unknown, 3},
		{"timeout", []step{hang}, unknown, 3},
		{"no connection", []step{broken(errRefused)}, unsent, 3},
		{"no connection, then reset", []step{broken(errRefused), broken(errReset), broken(errRefused)}, unknown, 3},
		{"reset, then 500", []step{broken(errReset), status(500)}, unknown, 3},
		{"reset, then 403", []step{broken(errReset), status(403)}, refused, 2},
		{"reset, then throttled for long", []step{broken(errReset), status(429, "Retry-After", "60")}, unknown, 2},
	} {
		for _, left := range []time.Duration{12 * time.Second, 6 * time.Second, 4 * time.Second, 3 * time.Second, 1200 * time.Millisecond, 900 * time.Millisecond, 100 * time.Millisecond, time.Millisecond} {
			_, g, _, err := reject(t, left, row.script...)
			got := ""
			if e, ok := errors.AsType[*UnreachableError](err); ok {
				got = unsent
				if e.Ambiguous {
					got = unknown
				}
			} else if _, ok := errors.AsType[*RefusedError](err); ok {
				got = refused
			}
			if left == 12*time.Second && (got != row.want || len(g.seen) != row.tries) {
				t.Errorf("%s: %v after %d tries, want %s after %d", row.name, err, len(g.seen), row.want, row.tries)
			}
			if got == "" {
				t.Errorf("%s with %s left: %v", row.name, left, err)
			}
		}
	}
}

func TestG09TriesAreSpacedAndOneMaySucceed(t *testing.T) {
	receipt, g, took, err := reject(t, 12*time.Second, status(503), hang, status(202))
	if err != nil || receipt.Attempts != 3 || receipt.Took != took || took != 500*time.Millisecond+tryTimeout+500*time.Millisecond {
		t.Errorf("%+v, %v after %s", receipt, err, took)
	}
	ids, scenarios := map[string]bool{}, map[string]bool{}
	for _, r := range g.seen {
		ids[r.Header.Get("client-request-id")] = true
		scenarios[r.Header.Get("Scenario-Id")] = true
	}
	if len(ids) != 3 || len(scenarios) != 1 {
		t.Errorf("%d client-request-ids and %d scenarios for three tries", len(ids), len(scenarios))
	}
	for _, rnd := range []float64{0, 0.999} {
		c := &Client{rand: func() float64 { return rnd }}
		if v := (&attempts{client: c}).again(nil); v.pause < jitterLow || v.pause >= jitterHigh {
			t.Errorf("pause %s", v.pause)
		}
	}
}

func TestI03NothingIsSentAfterTheDeadline(t *testing.T) {
	g := &graphFake{script: []step{status(202)}}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Millisecond))
	defer cancel()
	_, err := newClient(t, g, &fakeTokens{}).Reject(ctx, Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
	if e, ok := errors.AsType[*UnreachableError](err); !ok || e.Ambiguous || !errors.Is(err, context.DeadlineExceeded) || len(g.seen) != 0 {
		t.Errorf("%v after %d requests", err, len(g.seen))
	}
}

func TestErrorBodiesGiveACodeAndNothingElse(t *testing.T) {
	for body, want := range map[string][2]string{
		`{"error":{"code":"8522","message":"Call not found"}}`:                                                                         {"8522", ""},
		`{"error":{"code":8522}}`:                                                                                                      {"8522", ""},
		`{"error":{"code":"BadRequest","innererror":{"requestId":"r","code":"x"}}}`:                                                    {"BadRequest", "r"},
		`{"error":{"code":"UnknownError","message":"{\"errorCode\":\"7503\",\"message\":\"x\"}"}}`:                                     {"7503", ""},
		`{"error":{"code":"unknownerror","message":"{\"errorCode\":7504}"}}`:                                                           {"7504", ""},
		`{"error":{"code":"UnknownError","message":"{\"errorCode\":\"UnknownError\",\"message\":\"{\\\"errorCode\\\":\\\"1\\\"}\"}"}}`: {"UnknownError", ""},
		`{"error":{"code":"UnknownError","message":"plain prose"}}`:                                                                    {"UnknownError", ""},
		`{"error":{"code":"UnknownError","message":""}}`:                                                                               {"UnknownError", ""},
		`{"error":{"code":"BadRequest","message":"{\"errorCode\":\"7503\"}"}}`:                                                         {"BadRequest", ""},
		`{"error":{"code":"\u001b[31mred"}}`:                                                                                           {"", ""},
		`{"error":{"code":"` + strings.Repeat("x", 65) + `"}}`:                                                                         {"", ""},
		`{"error":{"code":"a","Code":"b"}}`:                                                                                            {"", ""},
		`{"error":"invalid_request"}`:                                                                                                  {"", ""},
		`{"error":null}`:                                                                                                               {"", ""},
		`<html>502</html>`:                                                                                                             {"", ""},
		``:                                                                                                                             {"", ""},
		strings.Repeat("[", 100_000):                                                                                                   {"", ""},
	} {
		if code, id := errorCode([]byte(body)); code != want[0] || id != want[1] {
			t.Errorf("%.80s: %q %q, want %q", body, code, id, want)
		}
	}
}

func TestSettingsOfAClientAreAllNamedAtOnce(t *testing.T) {
	_, err := NewClient(ClientOptions{Root: "http://graph.example", Version: "v2", CallbackURI: "http://relay.example/"})
	for _, want := range []string{"graph url: not https", `"v2"`, "callback uri: not https", "tokens"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestI06NoTokenIsLogged(t *testing.T) {
	var log bytes.Buffer
	g := &graphFake{script: []step{status(401), status(503), broken(errReset)}}
	c := newClient(t, g, &fakeTokens{})
	c.log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := c.Reject(ctx, Rejection{CallID: testCall, Tenant: "", Reason: "busy"}); err == nil {
			t.Error("rejected")
		}
	})
	if n := strings.Count(log.String(), `"msg":"reject sent"`); n != 3 || strings.Contains(log.String(), "token-") {
		t.Errorf("%d lines: %s", n, log.String())
	}
}
