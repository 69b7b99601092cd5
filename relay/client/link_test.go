package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/relay/call"
	"callscreen/relay/memnet"
	"callscreen/relay/wire"
)

// attentive is a relay that welcomes and stays.
func attentive() *fakeRelay {
	return &fakeRelay{script: func(s *socket) {
		_ = s.welcome(call.NewBoard())
		s.stay()
	}}
}

func TestC09ASilentlyCutLinkIsNoticedWithinTenSeconds(t *testing.T) {
	for name, cut := range map[string][2]bool{
		"both ways": {true, true}, "we are not heard": {true, false}, "we hear nothing": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			for at := time.Duration(0); at < 6*time.Second; at += 700 * time.Millisecond {
				synctest.Test(t, func(t *testing.T) {
					f := &fakeRelay{script: func(s *socket) {
						_ = s.welcome(call.NewBoard())
						// It talks all the time: that alone is no life.
						for s.send(map[string]string{"kind": "weather"}) == nil {
							select {
							case _, ok := <-s.frames:
								if !ok {
									return
								}
							case <-time.After(time.Second):
							}
						}
					}}
					c, n := inMemory(t, f)
					next(t, c, isUp)
					time.Sleep(at)
					n.Cut(cut[0], cut[1])
					began := time.Now()
					updates := next(t, c, isDown)
					took := time.Since(began)
					if took > wire.PingEvery+wire.PongWithin || took < wire.PongWithin-time.Second {
						t.Errorf("cut after %v: noticed after %v", at, took)
					}
					if l := updates[len(updates)-1].Link; !l.Up && l.LastHeard.IsZero() {
						t.Error("when the relay was last heard is not said")
					}
				})
			}
		})
	}
}

// The twin: a link that is whole does not break, however little is said.
func TestC09AQuietLinkThatAnswersStaysUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := inMemory(t, attentive())
		next(t, c, isUp)
		time.Sleep(10 * time.Minute)
		updates, err := c.Next(t.Context())
		if err != nil || len(updates) != 1 || !isUp(updates[0]) {
			t.Fatalf("after ten quiet minutes: %+v, %v", updates, err)
		}
		if heard := time.Since(updates[0].Link.LastHeard); heard > wire.PingEvery {
			t.Errorf("last heard %v ago", heard)
		}
	})
}

func TestTheRoundTripIsMeasured(t *testing.T) {
	c := onSockets(t, attentive())
	updates := next(t, c, func(u call.Update) bool { return isUp(u) && u.Link.RoundTrip > 0 })
	l := updates[len(updates)-1].Link
	if l.RoundTrip > time.Second || l.Operator != "ana" || l.Bot != "reception" || l.Watching != 1 {
		t.Errorf("the link is %+v", l)
	}
}

func TestTheRelaysStatusBecomesTheLinks(t *testing.T) {
	c := onSockets(t, &fakeRelay{script: func(s *socket) {
		_ = s.welcome(call.NewBoard())
		_ = s.send(wire.Status{Kind: wire.KindStatus, Company: wire.Company{Watching: 3}, Graph: "no token yet", Notice: "journal: 1 replica"})
		s.stay()
	}})
	next(t, c, func(u call.Update) bool {
		return isUp(u) && u.Link.Watching == 3 && u.Link.Graph == "no token yet" && u.Link.Notice == "journal: 1 replica"
	})
}

func TestC11PausesGrowToThreeSecondsWithFullJitter(t *testing.T) {
	for try := 1; try < 100; try++ {
		most := min(100*time.Millisecond<<min(try-1, 20), 3*time.Second)
		seen := map[bool]int{}
		for range 200 {
			d := pause(try)
			if d < 0 || d >= most {
				t.Fatalf("try %d waits %v, at most %v is right", try, d, most)
			}
			seen[d < most/2]++
		}
		if seen[true] < 50 || seen[false] < 50 {
			t.Errorf("try %d: the lower half of the pauses was drawn %d times of 200", try, seen[true])
		}
	}
}

func TestARelayThatWelcomesAndHangsUpIsNotDialledInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRelay{script: func(s *socket) {
			_ = s.welcome(call.NewBoard())
			s.hangUp(wire.Shutdown, "maintenance")
		}}
		c, _ := inMemory(t, f)
		updates := next(t, c, isDown)
		if l := updates[len(updates)-1].Link; l.Err != "the relay is going down: maintenance" || l.Try != 2 && l.Try != 1 || l.Operator != "ana" {
			t.Errorf("the first break reads %+v", l)
		}
		time.Sleep(60 * time.Second)
		if n := len(f.asked()); n < 20 || n > 80 {
			t.Errorf("%d tries in a minute", n)
		}
	})
}

func TestReconnectCutsTheWaitShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := false
		f := attentive()
		f.answer = func(w http.ResponseWriter, _ *http.Request) bool {
			if !ready {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return !ready
		}
		c, _ := inMemory(t, f, func(c *Client) { c.pause = func(int) time.Duration { return time.Hour } })
		next(t, c, isDown)
		synctest.Wait()
		ready = true
		began := time.Now()
		c.Reconnect()
		next(t, c, isUp)
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestReconnectGivesUpALinkThatStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := attentive()
		c, _ := inMemory(t, f)
		next(t, c, isUp)
		c.Reconnect()
		next(t, c, isDown)
		next(t, c, isUp)
		if n := len(f.asked()); n != 2 {
			t.Errorf("%d connections were made", n)
		}
	})
}

func TestFinalRefusalsEndRunAndSaySo(t *testing.T) {
	refuse := func(status int) func(w http.ResponseWriter, _ *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"type":"about:blank","title":"No","status":401,"detail":"revoked\u001b[2J yesterday"}`)
			return true
		}
	}
	closes := func(code int) func(s *socket) {
		return func(s *socket) { s.hangUp(code, ""); s.stay() }
	}
	cases := map[string]struct {
		relay *fakeRelay
		words string
	}{
		"401":         {&fakeRelay{answer: refuse(401)}, "the relay refused the token: revoked\ufffd[2J yesterday"},
		"403":         {&fakeRelay{answer: refuse(403)}, "the relay refused this console: revoked\ufffd[2J yesterday"},
		"400":         {&fakeRelay{answer: refuse(400)}, "the relay does not understand this console: revoked\ufffd[2J yesterday"},
		"bad token":   {&fakeRelay{script: closes(wire.BadToken)}, "the relay refused the token"},
		"bad version": {&fakeRelay{script: closes(wire.BadVersion)}, "the relay does not speak this console's version"},
		"too many":    {&fakeRelay{script: closes(wire.TooMany)}, "too many consoles of this operator, or too many decisions at once"},
		"no subprotocol": {&fakeRelay{answer: func(w http.ResponseWriter, r *http.Request) bool {
			conn, err := new(websocket.Upgrader{}).Upgrade(w, r, nil)
			if err == nil {
				_, _, _ = conn.ReadMessage()
				_ = conn.Close()
			}
			return true
		}}, "the relay does not speak callscreen.v1: console and relay are of versions that do not fit"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.relay)
			defer server.Close()
			c, err := New(options(server.URL))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Run(t.Context()); err == nil || err.Error() != tc.words {
				t.Errorf("Run says %v", err)
			}
			updates, err := c.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			l := updates[len(updates)-1].Link
			if l == nil || !l.Final || l.Up || l.Err != tc.words {
				t.Errorf("the last update is %+v", l)
			}
			if _, err := c.Next(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("after the end Next says %v", err)
			}
			if _, err := c.Reject("a", call.Busy); !errors.Is(err, ErrOffline) {
				t.Errorf("after the end Reject says %v", err)
			}
			if n := len(tc.relay.asked()); n != 1 {
				t.Errorf("it came %d times", n)
			}
		})
	}
}

func TestEveryFailureToConnectHasWords(t *testing.T) {
	free, err := new(net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	_ = free.Close()
	answers := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:9/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	hangsUp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(hangsUp.Close)
	for _, tc := range []struct{ name, url, words string }{
		{"nobody there", "http://" + nobody, "the relay does not answer at " + nobody},
		{"not found", answers(404, ""), "there is no relay at HOST (404)"},
		{"not ready", answers(503, `{"title":"Starting"}`), "the relay at HOST is not ready: Starting"},
		{"redirect", answers(307, ""), "HOST answers with a redirect (307), which is not followed: is this the relay's address?"},
		{"other", answers(500, "<html>"), "the relay at HOST answered 500"},
		{"no name", "https://nowhere.invalid", "the relay's name nowhere.invalid cannot be found"},
		{"hangs up", hangsUp.URL, "the relay at HOST hung up before it answered"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := New(options(tc.url))
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.dial(t.Context(), c.relays[0])
			want := strings.ReplaceAll(tc.words, "HOST", c.relays[0].Host)
			if err == nil || err.Error() != want {
				t.Errorf("it says %v\nwant      %s", err, want)
			}
		})
	}
}

func TestAHandshakeThatHangsIsGivenUpAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRelay{answer: func(_ http.ResponseWriter, r *http.Request) bool {
			<-r.Context().Done()
			return true
		}}
		began := time.Now()
		c, _ := inMemory(t, f)
		updates := next(t, c, isDown)
		if took := time.Since(began); took != handshakeWithin {
			t.Errorf("given up after %v", took)
		}
		i := slices.IndexFunc(updates, isDown)
		if words := updates[i].Link.Err; words != "the relay at 127.0.0.1:1 did not answer within 5 s" {
			t.Errorf("it says %q", words)
		}
	})
}

func TestRunEndsAtOnceWhereverItIs(t *testing.T) {
	hang := &fakeRelay{answer: func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}}
	for name, tc := range map[string]struct {
		relay *fakeRelay
		open  bool
	}{
		"while connecting": {attentive(), false}, "in the handshake": {hang, true}, "while connected": {attentive(), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				server := &http.Server{Handler: tc.relay, ReadHeaderTimeout: time.Second}
				var serving sync.WaitGroup
				serving.Go(func() { _ = server.Serve(n) })
				o := options("http://127.0.0.1:1")
				o.Dial = n.Dial
				c, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				n.Reachable(tc.open)
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					synctest.Wait()
					cancel()
				}()
				began := time.Now()
				if err := c.Run(ctx); err != nil {
					t.Errorf("Run says %v", err)
				}
				if took := time.Since(began); took > 0 {
					t.Errorf("it took %v", took)
				}
				_ = server.Close()
				serving.Wait()
				// The bubble itself fails if a goroutine is left.
			})
		})
	}
}

func TestLeavingSaysGoodbye(t *testing.T) {
	gone := make(chan error, 1)
	f := &fakeRelay{script: func(s *socket) {
		_ = s.welcome(call.NewBoard())
		s.stay()
		gone <- s.gone
	}}
	server := httptest.NewServer(f)
	defer server.Close()
	c, err := New(options(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	next(t, &console{Client: c}, isUp)
	cancel()
	running.Wait()
	if err := <-gone; !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("the relay saw %v", err)
	}
}

func TestAliveIsSentAtMostOnceASecondAndOnlyTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := attentive()
		c, _ := inMemory(t, f)
		c.Alive(99, "") // while the link is down: nobody hears it, now or later
		next(t, c, isUp)
		for i := range 600 { // 10 s at 60 frames
			c.Alive(i, "")
			time.Sleep(time.Second / 60)
		}
		time.Sleep(2 * time.Second)
		_, alive := f.sent()
		if len(alive) < 10 || len(alive) > 12 {
			t.Errorf("%d alive frames in ten seconds", len(alive))
		}
		if first, last := alive[0], alive[len(alive)-1]; first.Drawn == 99 || last.Drawn != 599 {
			t.Errorf("the first said %d, the last %d", first.Drawn, last.Drawn)
		}
	})
}

// The bubble fails if any goroutine of the 500 connections is left.
func TestC16FiveHundredConnectionsLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := attentive()
		c, _ := inMemory(t, f)
		for range 500 {
			next(t, c, isUp)
			c.Alive(1, "")
			c.Reconnect()
			next(t, c, isDown)
		}
		if n := len(f.asked()); n < 500 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestTheReasonOfAnEndIsTheOneThatTellsMost(t *testing.T) {
	said := &websocket.CloseError{Code: wire.BadToken}
	for _, tc := range []struct{ first, read, want error }{
		{websocket.ErrCloseSent, said, said},                // our ping lost the race against their goodbye
		{io.ErrClosedPipe, net.ErrClosed, io.ErrClosedPipe}, // the first failure
		{errAgain, said, errAgain},                          // their goodbye answers ours
		{said, said, said},
	} {
		s := &session{}
		s.fail(tc.first)
		s.fail(tc.read)
		if got := s.why(tc.read); !errors.Is(got, tc.want) {
			t.Errorf("after %v and %v it says %v", tc.first, tc.read, got)
		}
	}
}

// The ping that a fresh link writes may fail before the close frame is read.
func TestTheReasonOfAHangUpIsNotLostToAWriteThatFails(t *testing.T) {
	f := &fakeRelay{script: func(s *socket) { s.hangUp(wire.BadToken, "revoked") }}
	server := httptest.NewServer(f)
	defer server.Close()
	for range 100 {
		c, err := New(options(server.URL))
		if err != nil {
			t.Fatal(err)
		}
		c.pause = func(int) time.Duration { return 0 }
		before := len(f.asked())
		if err := c.Run(t.Context()); err == nil || err.Error() != "the relay refused the token: revoked" || len(f.asked()) != before+1 {
			t.Fatalf("Run says %v after %d tries", err, len(f.asked())-before)
		}
	}
}
