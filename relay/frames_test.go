package relay

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// raw is a console that writes whatever bytes it likes.
type raw struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (h *house) raw(t *testing.T, operator string) *raw {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "GET /v1/stream HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: %s\r\nAuthorization: Bearer %s\r\n\r\n",
		wire.Subprotocol, h.token(operator))
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v, %v", resp, err)
	}
	return &raw{t, conn, in}
}

// closed reads the relay's frames to its close frame and gives the code; 0 when
// the connection ended without one.
func (r *raw) closed() int {
	r.t.Helper()
	for {
		var head [2]byte
		if _, err := io.ReadFull(r.in, head[:]); err != nil {
			if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
				r.t.Fatal("the relay did not hang up")
			}
			return 0
		}
		length := int64(head[1])
		switch length {
		case 126:
			var n uint16
			_ = binary.Read(r.in, binary.BigEndian, &n)
			length = int64(n)
		case 127:
			_ = binary.Read(r.in, binary.BigEndian, &length)
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(r.in, body); err != nil {
			return 0
		}
		if head[0]&0x0f == websocket.CloseMessage {
			if len(body) < 2 {
				return websocket.CloseNoStatusReceived
			}
			return int(binary.BigEndian.Uint16(body))
		}
	}
}

// masked is a frame as a client must send it.
func masked(first byte, body string) []byte {
	head := []byte{first, 0x80 | byte(min(len(body), 126))}
	switch {
	case len(body) > 0xffff:
		head[1] = 0x80 | 127
		head = binary.BigEndian.AppendUint64(head, uint64(len(body)))
	case len(body) > 125:
		head = binary.BigEndian.AppendUint16(head, uint16(len(body)))
	}
	key := []byte{1, 2, 3, 4}
	out := append(head, key...)
	for i := range len(body) {
		out = append(out, body[i]^key[i%4])
	}
	return out
}

const (
	fin       = 0x80
	text      = 0x01
	binaryOp  = 0x02
	closeOp   = 0x08
	ping      = 0x09
	pong      = 0x0a
	alive     = `{"kind":"alive","drawn":1}`
	keepAlive = 0 // the socket stays
)

// proves C-06: whatever comes, the socket closes with the code that says why, or
// goes on as if nothing had been said.
func TestC06WhateverFrameComesItsCloseCodeIsExact(t *testing.T) {
	h := newHouse(t)
	join := func(frames ...[]byte) []byte { return bytes.Join(frames, nil) }
	frame := func(body string) []byte { return masked(fin|text, body) }
	code := func(n uint16) string { return string(binary.BigEndian.AppendUint16(nil, n)) }
	reject := func(more string) string {
		return `{"kind":"reject","request_id":"q","call_id":"a","reason":"busy"` + more + `}`
	}
	const (
		protocol = websocket.CloseProtocolError
		tooBig   = websocket.CloseMessageTooBig
		bad      = wire.BadFrame
	)
	type row struct {
		name string
		data []byte
		want int
	}
	rows := []row{
		// Frames that RFC 6455 does not allow.
		{"not masked", join([]byte{fin | text, byte(len(alive))}, []byte(alive)), protocol},
		{"a ping that is not masked", []byte{fin | ping, 0}, protocol},
		{"C-05 compressed", masked(fin|0x40|text, alive), protocol},
		{"C-05 a compressed ping", masked(fin|0x40|ping, ""), protocol},
		{"the second reserved bit", masked(fin|0x20|text, alive), protocol},
		{"the third reserved bit", masked(fin|0x10|text, alive), protocol},
		{"all reserved bits", masked(fin|0x70|text, alive), protocol},
		{"a fragmented ping", masked(ping, ""), protocol},
		{"a fragmented pong", masked(pong, ""), protocol},
		{"a fragmented close", masked(closeOp, code(1000)), protocol},
		{"a ping of 126 bytes", masked(fin|ping, strings.Repeat("p", 126)), protocol},
		{"a pong of 126 bytes", masked(fin|pong, strings.Repeat("p", 126)), protocol},
		{"a close of 126 bytes", masked(fin|closeOp, code(1000)+strings.Repeat("p", 124)), protocol},
		{"a continuation of nothing", masked(fin, "x"), protocol},
		{"a continuation of what was complete", join(frame(alive), masked(fin, "x")), protocol},
		{"a text inside a text", join(masked(text, `{"kind":`), frame(alive)), protocol},
		{"a binary inside a text", join(masked(text, `{"kind":`), masked(fin|binaryOp, "x")), protocol},
		{"a close code of one byte, which our library takes for none", masked(fin|closeOp, "\x03"), websocket.CloseNoStatusReceived},
		{"close code 999", masked(fin|closeOp, code(999)), protocol},
		{"close code 1004", masked(fin|closeOp, code(1004)), protocol},
		{"close code 1005", masked(fin|closeOp, code(1005)), protocol},
		{"close code 1006", masked(fin|closeOp, code(1006)), protocol},
		{"close code 1015", masked(fin|closeOp, code(1015)), protocol},
		{"close code 5000", masked(fin|closeOp, code(5000)), protocol},
		{"a close reason that is not UTF-8", masked(fin|closeOp, code(1000)+"\xff"), protocol},

		// More than a frame may have.
		{"16 KiB and one byte", frame(strings.Repeat(" ", wire.MaxFromConsole) + "x"), tooBig},
		{"14 MiB announced", []byte{fin | text, 0x80 | 127, 0, 0, 0, 0, 0, 0xe0, 0, 0, 1, 2, 3, 4}, tooBig},
		{"more than there is, announced", []byte{fin | text, 0x80 | 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, tooBig},
		{"a negative length", []byte{fin | text, 0x80 | 127, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, tooBig},
		{"too big in two parts", join(masked(text, strings.Repeat(" ", wire.MaxFromConsole)), masked(fin, "x")), tooBig},
		{"too big in 20,000 parts", join(masked(text, " "), bytes.Repeat(masked(0, " "), 20_000)), tooBig},

		// Messages that this page does not allow.
		{"binary", masked(fin|binaryOp, alive), bad},
		{"empty", frame(""), bad},
		{"blank", frame("  "), bad},
		{"no JSON", frame("b"), bad},
		{"half an object", frame(`{"kind":"alive"`), bad},
		{"two objects", frame(alive + alive), bad},
		{"an object and more", frame(alive + " x"), bad},
		{"an array", frame(`[` + alive + `]`), bad},
		{"a text", frame(`"alive"`), bad},
		{"a number", frame(`1`), bad},
		{"null", frame(`null`), bad},
		{"a name without quotes", frame(`{kind:"alive"}`), bad},
		{"a comment", frame(`{"kind":"alive"/*x*/}`), bad},
		{"a comma at the end", frame(`{"kind":"alive",}`), bad},
		{"not UTF-8", frame("{\"kind\":\"\xff\"}"), bad},
		{"a surrogate in UTF-8", frame("{\"kind\":\"\xed\xa0\x80\"}"), bad},
		{"an overlong slash", frame("{\"kind\":\"\xc0\xaf\"}"), bad},
		{"a byte order mark", frame("\ufeff" + alive), bad},
		{"a NUL", frame("\x00" + alive), bad},
		{"a control character in a text", frame("{\"kind\":\"a\nb\"}"), bad},
		{"a kind that is no text", frame(`{"kind":7}`), bad},
		{"a call that is no text", frame(`{"kind":"reject","call_id":{}}`), bad},
		{"a time that is no number", frame(reject(`,"remaining_ms":"9"`)), bad},
		{"a time that is no whole number", frame(reject(`,"remaining_ms":1.5`)), bad},
		{"a time that is too long", frame(reject(`,"remaining_ms":99999999999999999999`)), bad},
		{"the kind twice", frame(`{"kind":"alive","kind":"reject"}`), bad},
		{"the call twice", frame(reject(`,"call_id":"b"`)), bad},
		{"the reason twice, once in capitals", frame(reject(`,"REASON":"none"`)), bad},
		{"the reason twice, once with a long s", frame(reject(`,"rea` + "\u017f" + `on":"none"`)), bad},
		{"the kind twice, once with a kelvin", frame(`{"kind":"alive","` + "\u212a" + `ind":"reject"}`), bad},
		{"a member nobody knows, twice", frame(`{"kind":"alive","x":1,"x":2}`), bad},
		{"nested too deep", frame(`{"kind":"alive","x":` + strings.Repeat("[", 15_000) + `}`), bad},

		// What is merely unknown or odd is let pass.
		{"an unknown kind", frame(`{"kind":"wink"}`), keepAlive},
		{"no kind", frame(`{}`), keepAlive},
		{"an unknown member", frame(`{"kind":"alive","mood":"good"}`), keepAlive},
		{"a member twice, but deeper", frame(`{"kind":"alive","x":{"a":1,"a":2}}`), keepAlive},
		{"a text in three parts", join(masked(text, `{"kind"`), masked(0, `:"ali`), masked(fin, `ve"}`)), keepAlive},
		{"a ping inside a text", join(masked(text, `{"kind"`), masked(fin|ping, "p"), masked(fin, `:"alive"}`)), keepAlive},
		{"exactly 16 KiB", frame(alive + strings.Repeat(" ", wire.MaxFromConsole-len(alive))), keepAlive},
		{"a pong nobody asked for", masked(fin|pong, "p"), keepAlive},
		{"an odd command", frame(`{"kind":"reject","request_id":"","call_id":"../x","reason":"rude"}`), keepAlive},
		{"a frame of an older client", frame(`{"kind":"alive","drawn":null}`), keepAlive},
	}
	if len(rows) < 60 {
		t.Errorf("%d rows", len(rows))
	}
	for n, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := h.raw(t, fmt.Sprint("op", n))
			want := row.want
			if _, err := r.conn.Write(row.data); err != nil {
				t.Fatal(err)
			}
			if want == keepAlive { // as is seen by the answer to what comes after it
				want = websocket.CloseNormalClosure
				if _, err := r.conn.Write(masked(fin|closeOp, code(1000))); err != nil {
					t.Fatal(err)
				}
			}
			if got := r.closed(); got != want {
				t.Errorf("close code %d, want %d", got, want)
			}
		})
	}
	if got := len(h.graph.requests()); got != 0 {
		t.Errorf("%d requests left", got)
	}
}

// proves C-07: who floods is hung up on, at once and with the exact code, and
// nobody else hears of it.
func TestC07AFloodClosesItsOwnSocketAndNobodyElses(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	for n, flood := range []struct {
		name  string
		frame []byte
		times int
	}{
		{"pings", masked(fin|ping, "p"), 100_000},
		{"pongs", masked(fin|pong, "p"), 100_000},
		{"alive", masked(fin|text, alive), 10_000},
		{"what nobody knows", masked(fin|text, `{"kind":"wink"}`), 10_000},
		{"commands", masked(fin|text, `{"kind":"reject","request_id":"q","call_id":"nosuch","reason":"busy"}`), 10_000},
		{"take-backs", masked(fin|text, `{"kind":"undo","request_id":"q","call_id":"nosuch"}`), 10_000},
	} {
		t.Run(flood.name, func(t *testing.T) {
			r := h.raw(t, fmt.Sprint("flood", n))
			began := time.Now()
			go func() { _, _ = r.conn.Write(bytes.Repeat(flood.frame, flood.times)) }() // breaks off when the relay hangs up
			if got := r.closed(); got != wire.TooMany {
				t.Errorf("close code %d, want %d", got, wire.TooMany)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("it took %v", took)
			}
			id := fmt.Sprint("c", n)
			h.ring(id)
			if f := ana.until(call.Rang); string(f.Call) != id {
				t.Errorf("the other console heard of %s, want %s", f.Call, id)
			}
		})
	}
	if got := len(h.graph.requests()); got != 0 {
		t.Errorf("%d requests left", got)
	}
}

// What a person at a screen can mean, rejecting all that is shown, is no flood.
func TestC07FortyDecisionsAtOnceAreNoFlood(t *testing.T) {
	h := newHouse(t)
	ana, _ := h.sitDown("ana")
	for i := range 40 {
		h.ring(fmt.Sprint("c", i))
		ana.until(call.Rang)
	}
	for i := range 40 {
		ana.press(fmt.Sprint("q", i), fmt.Sprint("c", i), call.Busy)
	}
	done := map[string]bool{}
	for len(done) < 40 {
		f := ana.next()
		if f.Kind != wire.KindResult {
			continue
		}
		if f.Verdict != call.WasRejected || done[f.Request] {
			t.Fatalf("result %s", f.Raw)
		}
		done[f.Request] = true
	}
}

// Take-backs cost nothing of what decisions may, so that all that is held comes
// back at once.
func TestUndoC07AllThatIsHeldIsTakenBackAtOnceWithoutAFlood(t *testing.T) {
	h := newHouse(t, undoWithin(forLong))
	ana, _ := h.sitDown("ana")
	for i := range wire.DecisionsAtOnce {
		h.ring(fmt.Sprint("c", i))
		ana.until(call.Rang)
	}
	for i := range wire.DecisionsAtOnce {
		ana.press(fmt.Sprint("q", i), fmt.Sprint("c", i), call.Busy)
	}
	for range wire.DecisionsAtOnce {
		ana.until(call.Claimed)
	}
	for i := range wire.UndosAtOnce {
		n := i % wire.DecisionsAtOnce
		ana.undo(fmt.Sprint("q", n), fmt.Sprint("c", n))
	}
	for done := 0; done < wire.DecisionsAtOnce; {
		if f := ana.next(); f.Kind == wire.KindResult {
			done++
			if f.Verdict != call.WasWithdrawn {
				t.Fatalf("result %s", f.Raw)
			}
		}
	}
	h.wantRequests(0)
}

// The twin of the floods above without their defence.
func TestC07WithoutTheLimitAFloodIsNotNoticed(t *testing.T) {
	h := newHouse(t, unlimited)
	r := h.raw(t, "ana")
	if _, err := r.conn.Write(bytes.Repeat(masked(fin|text, alive), 1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.conn.Write(masked(fin|closeOp, "\x03\xe8")); err != nil {
		t.Fatal(err)
	}
	if got := r.closed(); got != websocket.CloseNormalClosure {
		t.Errorf("close code %d: it is not the limit that notices a flood", got)
	}
}

func TestC07AnOperatorHasFiveConsolesAndTheRelaySoManyInAll(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Limits.Consoles = 7 })
	var his []*console
	for range 5 {
		c, _ := h.sitDown("ana")
		his = append(his, c)
	}
	turnedAway := func(operator string) {
		t.Helper()
		conn, resp, err := h.dial(http.Header{"Authorization": {"Bearer " + h.token(operator)}}, wire.Subprotocol)
		if err != nil {
			t.Fatalf("dial: %v (%v)", err, resp)
		}
		defer func() { _ = conn.Close() }()
		c := &console{t: t, conn: conn}
		if code := c.closeCode(); code != wire.Full {
			t.Errorf("%s: close code %d, want %d", operator, code, wire.Full)
		}
	}
	turnedAway("ana")
	h.sitDown("ben")
	h.sitDown("cleo")
	turnedAway("dora")
	// Whoever was seated stays, and a seat that is given up is free again.
	h.ring("A")
	for _, c := range his {
		c.until(call.Rang)
	}
	_ = his[0].conn.Close()
	h.await("her seat is free", func() bool { return len(h.server.desk.seated()) == 6 })
	h.sitDown("ana")
	if !wire.Retry(wire.Full) {
		t.Error("a console that finds no seat gives up for good")
	}
}
