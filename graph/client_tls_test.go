package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// rejectServer is a Graph over https that counts what it gets.
func rejectServer(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = discardLog
	server.StartTLS()
	t.Cleanup(server.Close)
	c, err := NewClient(ClientOptions{
		Root: server.URL, Version: "beta", Tokens: &fakeTokens{}, HTTP: HTTPClient(poolOf(server)), Rand: func() float64 { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	return server, c
}

func TestRejectOverARealTLSServer(t *testing.T) {
	_, c := rejectServer(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Reason string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Reason != "forbidden" || r.URL.Path != "/beta/communications/calls/"+testCall+"/reject" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("request-id", r.Proto)
		w.WriteHeader(http.StatusAccepted)
	})
	receipt, err := c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "forbidden"})
	if err != nil || receipt.Status != 202 || receipt.Took <= 0 {
		t.Errorf("%+v, %v", receipt, err)
	}
}

func TestG09ARealResetIsUnknownAndARealClosedPortIsNot(t *testing.T) {
	server, c := rejectServer(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
	if e, ok := errors.AsType[*UnreachableError](err); !ok || !e.Ambiguous {
		t.Errorf("reset: %v", err)
	}
	server.Close()
	_, err = c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
	if e, ok := errors.AsType[*UnreachableError](err); !ok || e.Ambiguous {
		t.Errorf("closed port: %v", err)
	}
}

func TestG02NoRedirectIsFollowed(t *testing.T) {
	var stolen atomic.Int32
	target := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	defer target.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	defer plain.Close()
	var code int
	var location string
	own, c := rejectServer(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/reject") {
			stolen.Add(1)
		}
		w.Header().Set("Location", location)
		w.WriteHeader(code)
	})
	for _, code = range []int{301, 302, 303, 307, 308} {
		for _, location = range []string{target.URL, plain.URL, own.URL + "/elsewhere", "//" + target.Listener.Addr().String() + "/"} {
			_, err := c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
			if e, ok := errors.AsType[*RefusedError](err); !ok || e.Status != code {
				t.Errorf("%d to %s: %v", code, location, err)
			}
		}
	}
	if n := stolen.Load(); n != 0 {
		t.Errorf("%d requests followed a redirect", n)
	}
	// The planted bug: an ordinary client without the guard follows them.
	c.http = &http.Client{Transport: HTTPClient(poolOf(own, target)).Transport}
	code, location = 307, own.URL+"/elsewhere"
	_, _ = c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
	if stolen.Load() == 0 {
		t.Error("even an ordinary client follows nothing: this test cannot fail")
	}
}

func TestG03AServerThatCannotBeVerifiedGetsNoHeader(t *testing.T) {
	var got atomic.Int32
	server, _ := rejectServer(t, func(http.ResponseWriter, *http.Request) { got.Add(1) })
	for name, root := range map[string]string{
		"unknown CA": server.URL,
		"wrong name": strings.Replace(server.URL, "127.0.0.1", "localhost", 1),
	} {
		pool := poolOf(server)
		if name == "unknown CA" {
			pool = poolOf()
		}
		c, err := NewClient(ClientOptions{Root: root, Version: "v1.0", Tokens: &fakeTokens{}, HTTP: HTTPClient(pool), Rand: func() float64 { return 0 }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		_, err = c.Reject(ctx, Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
		cancel()
		if e, ok := errors.AsType[*UnreachableError](err); !ok || e.Ambiguous {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := got.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}
