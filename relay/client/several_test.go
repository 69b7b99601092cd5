package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// patient serves a relay whose consoles stay.
func patient(t *testing.T) (*fakeRelay, *httptest.Server) {
	t.Helper()
	f := attentive()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server
}

func TestAConsoleGoesOnAtTheNextRelay(t *testing.T) {
	leave := make(chan struct{})
	one := &fakeRelay{script: func(s *socket) {
		_ = s.welcome(call.NewBoard())
		<-leave
		s.hangUp(wire.Shutdown, "going down")
		s.stay()
	}}
	first := httptest.NewServer(one)
	t.Cleanup(first.Close)
	two, second := patient(t)
	c, err := New(options(first.URL + ", " + second.URL))
	if err != nil {
		t.Fatal(err)
	}
	c.pause = func(int) time.Duration { return 0 }
	start(t, c)
	reader := &console{Client: c}
	next(t, reader, isUp)
	if n := len(two.asked()); n != 0 {
		t.Errorf("the second relay was asked %d times while the first one answers", n)
	}
	close(leave)
	down := next(t, reader, isDown)
	next(t, reader, isUp)
	if len(one.asked()) != 1 || len(two.asked()) != 1 {
		t.Errorf("the relays were asked %d and %d times (%v)", len(one.asked()), len(two.asked()), down[len(down)-1].Link.Err)
	}
	if cursor := two.asked()[0].Get(wire.CursorHeader); !strings.HasPrefix(cursor, "E:") {
		t.Errorf("the second relay was asked to resume from %q", cursor)
	}
}

func TestARefusalIsFinalOnlyWhenEveryRelayRefuses(t *testing.T) {
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(refuses.Close)
	_, second := patient(t)
	c, err := New(options(refuses.URL + "," + second.URL))
	if err != nil {
		t.Fatal(err)
	}
	c.pause = func(int) time.Duration { return 0 }
	start(t, c)
	next(t, &console{Client: c}, isUp)

	c, err = New(options(refuses.URL + "," + refuses.URL))
	if err != nil {
		t.Fatal(err)
	}
	c.pause = func(int) time.Duration { return 0 }
	if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "refused the token") {
		t.Errorf("Run says %v", err)
	}
}

func TestARejectionByHTTPAsksTheNextRelayToo(t *testing.T) {
	notReady := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(notReady.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"outcome":"rejected"}`)
	}))
	t.Cleanup(answers.Close)
	a, err := Reject(t.Context(), options(gone.URL+","+notReady.URL+","+answers.URL), "a", call.Busy, "q")
	if err != nil || a.Verdict != call.WasRejected {
		t.Errorf("answer %+v, %v", a, err)
	}
	_, err = Reject(t.Context(), options(gone.URL+","+notReady.URL), "a", call.Busy, "q")
	if err == nil || !strings.Contains(err.Error(), "does not answer") || !strings.Contains(err.Error(), "not ready") {
		t.Errorf("it says %v", err)
	}
}

func TestEveryAddressOfSeveralIsChecked(t *testing.T) {
	if _, err := New(options("http://127.0.0.1:1,http://relay.example.com")); err == nil || !strings.Contains(err.Error(), "must be encrypted") {
		t.Errorf("New says %v", err)
	}
}
