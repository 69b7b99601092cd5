package relay

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// closeCode reads on to the end of the socket.
func (c *console) closeCode() int {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			if e, ok := errors.AsType[*websocket.CloseError](err); ok {
				return e.Code
			}
			return -1
		}
	}
}

func TestC01ConsolesAreJudgedBeforeTheUpgrade(t *testing.T) {
	h := newHouse(t)
	token := h.token("ana")
	good := func() http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
	for _, tt := range []struct {
		name   string
		header http.Header
		path   string
		proto  string
		want   int
	}{
		{"no token", http.Header{}, "", wire.Subprotocol, 401},
		{"wrong token", http.Header{"Authorization": {"Bearer cs_wrong"}}, "", wire.Subprotocol, 401},
		{"other scheme", http.Header{"Authorization": {"Basic " + token}}, "", wire.Subprotocol, 401},
		{"C-02 token in the query, even if right", good(), "?token=" + token, wire.Subprotocol, 400},
		{"C-03 a browser", func() http.Header { h := good(); h.Set("Origin", "https://example.com"); return h }(), "", wire.Subprotocol, 403},
		{"C-03 a browser's null", func() http.Header { h := good(); h.Set("Origin", "null"); return h }(), "", wire.Subprotocol, 403},
		{"other version", good(), "", "callscreen.v9", 400},
		{"no version", good(), "", "", 400},
		{"odd cursor", func() http.Header { h := good(); h.Set(wire.CursorHeader, "17"); return h }(), "", wire.Subprotocol, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := websocket.Dialer{}
			if tt.proto != "" {
				d.Subprotocols = []string{tt.proto}
			}
			conn, resp, err := d.DialContext(t.Context(), "ws"+h.url[len("http"):]+"/v1/stream"+tt.path, tt.header)
			if err == nil {
				_ = conn.Close()
				t.Fatal("admitted")
			}
			defer func() { _ = resp.Body.Close() }()
			if resp.StatusCode != tt.want {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.want)
			}
			if tt.want != 426 && !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
				t.Errorf("content type %q", resp.Header.Get("Content-Type"))
			}
		})
	}
}

func TestC04OffLoopbackPlainHTTPIsRefused(t *testing.T) {
	h := newHouse(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://relay/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.token("ana"))
	for addr, want := range map[string]int{"192.0.2.7:4711": 403, "[2001:db8::1]:4711": 403, "": 403} {
		r.RemoteAddr = addr
		w := &answer{header: http.Header{}}
		h.server.Handler().ServeHTTP(w, r)
		if w.status != want {
			t.Errorf("from %q: status %d, want %d", addr, w.status, want)
		}
	}
}

func TestC05CompressionIsNeverNegotiated(t *testing.T) {
	h := newHouse(t)
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, EnableCompression: true}
	conn, resp, err := d.DialContext(t.Context(), "ws"+h.url[len("http"):]+"/v1/stream",
		http.Header{"Authorization": {"Bearer " + h.token("ana")}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(); _ = resp.Body.Close() }()
	if ext := resp.Header.Get("Sec-Websocket-Extensions"); ext != "" {
		t.Errorf("extensions %q", ext)
	}
}

func TestC06FramesThatTheWireDoesNotAllowCloseTheSocket(t *testing.T) {
	h := newHouse(t)
	for _, tt := range []struct {
		name string
		kind int
		data []byte
		want int
	}{
		{"binary", websocket.BinaryMessage, []byte(`{"kind":"alive"}`), wire.BadFrame},
		{"no JSON", websocket.TextMessage, []byte(`b`), wire.BadFrame},
		{"an array", websocket.TextMessage, []byte(`[]`), wire.BadFrame},
		{"bad UTF-8", websocket.TextMessage, []byte("{\"kind\":\"\xff\"}"), wire.BadFrame},
		{"too big", websocket.TextMessage, []byte(`{"kind":"` + strings.Repeat("a", wire.MaxFromConsole) + `"}`), websocket.CloseMessageTooBig},
	} {
		c, _ := h.sitDown("ana")
		if err := c.conn.WriteMessage(tt.kind, tt.data); err != nil {
			t.Fatal(err)
		}
		if got := c.closeCode(); got != tt.want {
			t.Errorf("%s: close code %d, want %d", tt.name, got, tt.want)
		}
	}
	// What is merely unknown is ignored.
	c, _ := h.sitDown("ben")
	for _, data := range []string{`{"kind":"wink"}`, `{}`, `{"kind":"alive","drawn":3,"mood":"good"}`} {
		if err := c.conn.WriteMessage(websocket.TextMessage, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	c.press("q", "nosuch", call.Busy)
	if f := c.result("q"); f.Verdict != call.NoSuchCall {
		t.Errorf("result %s", f.Raw)
	}
}

func TestOddCommandsAreAnsweredInWords(t *testing.T) {
	h := newHouse(t)
	c, _ := h.sitDown("ana")
	for n, f := range []wire.FromConsole{
		{Kind: wire.KindReject, Request: "q0", Call: "../../x", Reason: "busy"},
		{Kind: wire.KindReject, Request: "q1", Call: "A", Reason: "rude"},
		{Kind: wire.KindReject, Request: "q2", Call: "", Reason: "busy"},
	} {
		c.send(f)
		if got := c.result(fmt.Sprint("q", n)); got.Verdict != call.NotSent {
			t.Errorf("%+v: %s", f, got.Raw)
		}
	}
}

func TestC13ARevokedOperatorsNextCommandIsRefused(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	h.ring("A")
	ana.until(call.Rang)
	if err := h.operators.Revoke("ana"); err != nil {
		t.Fatal(err)
	}
	ana.press("q", "A", call.Busy)
	if code := ana.closeCode(); code != wire.BadToken {
		t.Errorf("close code %d, want %d", code, wire.BadToken)
	}
	if got := len(h.graph.requests()); got != 0 {
		t.Errorf("%d requests left", got)
	}
}

func TestC10AConsoleResumesWithoutGapOrDouble(t *testing.T) {
	h := newHouse(t)
	c, welcome := h.sitDown("ana")
	at := welcome.Cursor
	var seen []call.ID
	n := 0
	for range 100 {
		for range 3 {
			h.ring(fmt.Sprintf("c%d", n))
			n++
		}
		// Read a part, break, come back with the cursor.
		for range 1 + n%4 {
			if len(seen) == n {
				break
			}
			f := c.until(call.Rang)
			seen, at = append(seen, f.Call), f.Cursor
		}
		_ = c.conn.Close()
		c, welcome = h.sitDown("ana", at)
		if !welcome.Resumed || welcome.Board != nil {
			t.Fatalf("welcome %s, want a resumed one", welcome.Raw)
		}
	}
	for len(seen) < n {
		seen = append(seen, c.until(call.Rang).Call)
	}
	for i, id := range seen {
		if want := call.ID(fmt.Sprintf("c%d", i)); id != want {
			t.Fatalf("event %d is of %s, want %s", i, id, want)
		}
	}
}

func TestC10AnotherJournalsCursorBringsAFreshBoard(t *testing.T) {
	h := newHouse(t)
	h.ring("A")
	h.await("A rings", func() bool { _, ok := h.server.Look("A"); return ok })
	for _, cursor := range []wire.Cursor{{Epoch: "other", Seq: 0}, {Epoch: h.server.desk.epoch, Seq: 99}} {
		_, w := h.sitDown("ana", cursor)
		if w.Resumed || w.Board == nil || len(w.Board.Calls) != 1 {
			t.Errorf("cursor %v: welcome %s, want the whole board", cursor, w.Raw)
		}
	}
	// Further back than memory reaches.
	d := h.server.desk
	d.mu.Lock()
	d.recent = nil
	d.mu.Unlock()
	if _, w := h.sitDown("ana", wire.Cursor{Epoch: d.epoch, Seq: 0}); w.Resumed || w.Board == nil {
		t.Errorf("welcome %s, want the whole board", w.Raw)
	}
}

func TestC08AConsoleThatStopsReadingIsDroppedAndNobodyWaits(t *testing.T) {
	h := newHouse(t)
	s := newSeat(nil, call.Operator{Name: "slow", Role: call.Deciding}, h.token("slow"), "bot")
	if !h.server.desk.sit(s, nil) {
		t.Fatal("no seat")
	}
	defer h.server.desk.leave(s)
	ana, _ := h.sitDown("ana")
	for i := range seatQueue + 10 {
		h.ring(fmt.Sprintf("c%d", i))
		ana.until(call.Rang) // ana hears every call although nobody reads for the other
	}
	select {
	case <-s.gone:
		if s.code != wire.TooSlow {
			t.Errorf("code %d, want %d", s.code, wire.TooSlow)
		}
	default:
		t.Error("the slow console still has its seat")
	}
}

func TestASnapshotTellsEveryCallAsItStands(t *testing.T) {
	h := newHouse(t)
	for _, id := range []string{"rings", "rejected", "gone"} {
		h.ring(id)
	}
	h.await("all ring", func() bool { _, ok := h.server.Look("gone"); return ok })
	h.decide("ana", "rejected", call.Forbidden)
	h.post(deleted("gone"))
	h.await("gone", func() bool { c, _ := h.server.Look("gone"); return c.State == call.Over })
	h.await("rejected", func() bool { c, _ := h.server.Look("rejected"); return c.State == call.InRejection })
	_, w := h.sitDown("ben")
	board := w.Board.Restore(w.Cursor.Seq, time.Now())
	for id, want := range map[call.ID]call.State{"rings": call.Ringing, "rejected": call.InRejection, "gone": call.Over} {
		c, ok := board.Get(id)
		if !ok || c.State != want {
			t.Errorf("%s: %+v, want %s", id, c, want)
			continue
		}
		ours, _ := h.server.Look(id)
		if d := c.Deadline().Sub(ours.Deadline()).Abs(); c.Waits() && d > 20*time.Millisecond {
			t.Errorf("%s: the deadline differs by %v", id, d)
		}
	}
	rang := 0
	for _, n := range board.Pace(time.Now()) {
		rang += n
	}
	if rang != 3 {
		t.Errorf("of three rings the record of the day tells %d", rang)
	}
}
