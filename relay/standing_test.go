package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/relay/call"
	"callscreen/relay/operator"
	"callscreen/relay/wire"
)

// become gives an operator of the house another role or end.
func (h *house) become(name string, g operator.Grant) {
	h.t.Helper()
	if err := h.operators.Change(name, func(operator.Grant) (operator.Grant, error) { return g, nil }); err != nil {
		h.t.Fatal(err)
	}
}

// rejectByHTTP decides as a script would, and gives the status and the body.
func (h *house) rejectByHTTP(name, id string) (int, string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.url+"/v1/calls/"+id+"/reject",
		bytes.NewReader([]byte(`{"reason":"busy"}`)))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token(name))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (f frame) role() call.Role {
	var w wire.Welcome
	if json.Unmarshal(f.Raw, &w) != nil {
		return "unreadable"
	}
	return w.Role
}

func TestC13AnObserverSeesEverythingAndTheRelayRefusesHisDecisions(t *testing.T) {
	h := newHouse(t)
	h.token("owen")
	h.become("owen", operator.Grant{Role: call.Observing})
	owen, welcome := h.sitDown("owen")
	if welcome.role() != call.Observing {
		t.Errorf("the welcome says %q", welcome.role())
	}
	if _, w := h.sitDown("ana"); w.role() != call.Deciding {
		t.Errorf("another one's welcome says %q", w.role())
	}
	h.ring("A")
	owen.until(call.Rang)
	owen.press("q", "A", call.Busy)
	if f := owen.result("q"); f.Verdict != call.NotSent || !strings.Contains(string(f.Raw), "an observer decides nothing") {
		t.Errorf("his decision: %s", f.Raw)
	}
	if status, body := h.rejectByHTTP("owen", "A"); status != http.StatusForbidden || !strings.Contains(body, "an observer decides nothing") {
		t.Errorf("his script: %d %s", status, body)
	}
	if got := len(h.graph.requests()); got != 0 {
		t.Fatalf("%d requests left", got)
	}
	// It is the role and nothing else that was in the way.
	if status, body := h.rejectByHTTP("ana", "A"); status != http.StatusOK {
		t.Errorf("another one's script: %d %s", status, body)
	}
	if f := owen.until(call.Rejected); f.Call != "A" {
		t.Errorf("he did not see what became of it: %s", f.Raw)
	}
}

func TestC13ALoweredRoleIsKnownWithinTwoSeconds(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	h.rings("A")
	ana.until(call.Rang)
	h.become("ana", operator.Grant{Role: call.Observing})
	began := time.Now()
	if code := ana.closeCode(); code != wire.NewRole || !wire.Retry(code) {
		t.Errorf("close code %d, want %d, and to come back", code, wire.NewRole)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	again, welcome := h.sitDown("ana")
	if welcome.role() != call.Observing {
		t.Errorf("the next welcome says %q", welcome.role())
	}
	again.press("q", "A", call.Busy)
	if f := again.result("q"); f.Verdict != call.NotSent {
		t.Errorf("a decision: %s", f.Raw)
	}
	// And raised again, as fast.
	h.become("ana", operator.Grant{})
	if code := again.closeCode(); code != wire.NewRole {
		t.Errorf("close code %d, want %d", code, wire.NewRole)
	}
	h.wantRequests(0)
}

// The command that is in flight while the role is lowered. The relay's beat may
// notice first, and then hangs up without an answer: that decides nothing either.
func TestC13TheNextCommandOfALoweredRoleIsRefused(t *testing.T) {
	h := newHouse(t)
	answered := 0
	for range 20 {
		ana, _ := h.sitDown("ana")
		h.become("ana", operator.Grant{Role: call.Observing})
		_ = ana.conn.WriteJSON(wire.FromConsole{Kind: wire.KindReject, Request: "q", Call: "nosuch", Reason: string(call.Busy)})
		f, err := ana.read()
		for err == nil && f.Kind == wire.KindStatus {
			f, err = ana.read()
		}
		switch {
		case websocket.IsCloseError(err, wire.NewRole):
		case err != nil || f.Kind != wire.KindResult || f.Request != "q" || f.Verdict != call.NotSent:
			t.Fatalf("result %s, %v", f.Raw, err)
		default:
			answered++
			if code := ana.closeCode(); code != wire.NewRole {
				t.Fatalf("close code %d, want %d", code, wire.NewRole)
			}
		}
		h.become("ana", operator.Grant{})
	}
	if answered == 0 {
		t.Error("no command was answered: the beat was always first")
	}
}

func TestC13ATokenThatRunsOutEndsItsConsoleWithinTwoSeconds(t *testing.T) {
	h := newHouse(t)
	h.token("temp")
	end := time.Now().Add(1200 * time.Millisecond)
	h.become("temp", operator.Grant{Expires: end})
	temp, _ := h.sitDown("temp")
	h.rings("A")
	if code := temp.closeCode(); code != wire.BadToken {
		t.Errorf("close code %d, want %d", code, wire.BadToken)
	}
	if late := time.Since(end); late < 0 || late > 2*time.Second {
		t.Errorf("it ended %v after the token", late)
	}
	if status, _ := h.rejectByHTTP("temp", "A"); status != http.StatusUnauthorized {
		t.Errorf("a script with it: status %d", status)
	}
	if _, resp, err := h.dial(http.Header{"Authorization": {"Bearer " + h.token("temp")}}, wire.Subprotocol); err == nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a new console with it: %v", err)
	}
	h.wantRequests(0)
}

// judged counts how often operators are judged.
type judged struct {
	Operators
	times atomic.Int32
}

func (j *judged) Authenticate(token string) (call.Operator, bool, error) {
	j.times.Add(1)
	return j.Operators.Authenticate(token)
}

func TestTroubleIsToldQuicklyAndOperatorsAreStillJudgedOncePerSecond(t *testing.T) {
	h := newHouse(t)
	token := h.token("ana")
	h.gate.mu.Lock()
	h.gate.noKeys = true
	h.gate.mu.Unlock()
	synctest.Test(t, func(t *testing.T) {
		o := h.server.opts
		j := &judged{Operators: o.Operators}
		o.Operators = j
		s := New(o)
		s.desk.open()
		st := newSeat(nil, call.Operator{Name: "ana", Role: call.Deciding}, token, "bot")
		if !s.desk.sit(st, nil) {
			t.Fatal("no seat")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 9500*time.Millisecond)
		defer cancel()
		if err := s.keepTelling(ctx); err != nil {
			t.Fatal(err)
		}
		if n := j.times.Load(); n != 10 || st.givenUp() {
			t.Errorf("judged %d times in 9.5 s, want 10", n)
		}
	})
}
