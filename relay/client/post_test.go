package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callscreen/relay/call"
)

func TestRejectByHTTPSendsWhatTheRelayExpects(t *testing.T) {
	var method, path, auth, kind string
	var body map[string]string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path, auth, kind = r.Method, r.URL.String(), r.Header.Get("Authorization"), r.Header.Get("Content-Type")
		_ = json.NewDecoder(r.Body).Decode(&body)
		_, _ = io.WriteString(w, `{"request_id":"q1","call_id":"a-1","outcome":"taken","reason":"none","by":"ben","ago_ms":120}`)
	}))
	defer server.Close()
	a, err := Reject(t.Context(), options(server.URL+"/base/"), "a-1", call.Forbidden, "q1")
	if err != nil {
		t.Fatal(err)
	}
	if want := (call.Answer{Request: "q1", Call: "a-1", Verdict: call.WasTaken, Reason: call.None, By: "ben", Ago: 120}); a != want {
		t.Errorf("the answer is %+v", a)
	}
	if method != http.MethodPost || path != "/base/v1/calls/a-1/reject" || auth != "Bearer "+theToken || kind != "application/json" {
		t.Errorf("it sent %s %s, %s, %s", method, path, auth, kind)
	}
	if len(body) != 2 || body["reason"] != "forbidden" || body["request_id"] != "q1" {
		t.Errorf("the body was %v", body)
	}
}

func TestRejectByHTTPMakesAnIDOfItsOwn(t *testing.T) {
	var ids []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Request string `json:"request_id"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		ids = append(ids, body.Request)
		_, _ = io.WriteString(w, `{"outcome":"gone"}`)
	}))
	defer server.Close()
	for range 2 {
		if _, err := Reject(t.Context(), options(server.URL), "a", call.Busy, ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != 2 || len(ids[0]) < 20 || ids[0] == ids[1] {
		t.Errorf("the ids are %q", ids)
	}
}

func TestRejectByHTTPTellsAnswersFromErrors(t *testing.T) {
	for _, tc := range []struct {
		name    string
		status  int
		body    string
		verdict call.Verdict
		words   string
	}{
		{"rejected", 200, `{"outcome":"rejected"}`, call.WasRejected, ""},
		{"unknown call", 200, `{"outcome":"no_such_call"}`, call.NoSuchCall, ""},
		{"token", 401, `{"detail":"unknown token"}`, "", "the relay refused the token: unknown token"},
		{"bad request", 400, `{"detail":"a reason is one of busy, none and forbidden"}`, "", "the relay does not understand this console: a reason is one of busy, none and forbidden"},
		{"not ready", 503, `{"detail":"reading the journal"}`, "", "is not ready: reading the journal"},
		{"hostile words", 500, `{"detail":"\u001b]0;x\u0007"}`, "", "answered 500: \ufffd]0;x\ufffd"},
		{"no answer in it", 200, `{}`, "", "the relay's answer is not one to a decision"},
		{"not json", 200, `<html>`, "", "the relay's answer is not one to a decision"},
		{"endless", 200, `{"outcome":"rejected","words":"` + strings.Repeat("x", 1<<20) + `"}`, "", "the relay's answer is not one to a decision"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer server.Close()
			a, err := Reject(t.Context(), options(server.URL), "a", call.Busy, "q")
			if a.Verdict != tc.verdict {
				t.Errorf("the verdict is %q", a.Verdict)
			}
			if (err == nil) != (tc.words == "") || err != nil && !strings.HasSuffix(err.Error(), tc.words) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// proves T-12: a hostile relay's answer is text.
func TestT12TheTextsOfAnAnswerByHTTPAreCleaned(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"outcome":"x\u001b[2J","reason":"bu\nsy","by":"b\u0007en","words":"a\nb\u202e"}`)
	}))
	defer server.Close()
	a, err := Reject(t.Context(), options(server.URL), "a", call.Busy, "q")
	if want := (call.Answer{Verdict: "x\ufffd[2J", Reason: "bu\ufffdsy", By: "b\ufffden", Words: "a\ufffdb"}); err != nil || a != want {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestO03RejectByHTTPIsUnknownOnceTheRequestMayHaveArrived(t *testing.T) {
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		posts.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	a, err := Reject(t.Context(), options(server.URL), "a", call.Busy, "q")
	if err != nil || a.Verdict != call.WasUnknown || a.Request != "q" || a.Call != "a" || posts.Load() != 1 {
		t.Errorf("%+v, %v, after %d posts", a, err, posts.Load())
	}

	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"outcome":"rej`)
	}))
	defer broken.Close()
	if a, err := Reject(t.Context(), options(broken.URL), "a", call.Busy, "q"); err != nil || a.Verdict != call.WasUnknown {
		t.Errorf("an answer that breaks off: %+v, %v", a, err)
	}
}

func TestO07RejectByHTTPThatReachesNobodyIsAnError(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if a, err := Reject(t.Context(), options(server.URL), "a", call.Busy, ""); err == nil || !strings.Contains(err.Error(), "does not answer at") {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := Reject(t.Context(), options(server.URL), "../users", call.Busy, ""); err == nil {
		t.Error("a hostile id was sent")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if a, err := Reject(ctx, options(server.URL), "a", call.Busy, ""); err == nil {
		t.Errorf("without time: %+v", a)
	}
}
