package relay

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"callscreen/relay/call"
)

// headOnly begins a request whose body of 50 bytes never comes.
func (h *house) headOnly(path, token string) net.Conn {
	h.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(h.t.Context(), "tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: r\r\nAuthorization: "+token+"\r\nContent-Length: 50\r\n\r\n"); err != nil {
		h.t.Fatal(err)
	}
	return conn
}

// status reads an answer to the end of its connection; 0 when there was none in time.
func status(t *testing.T, conn net.Conn, within time.Duration) int {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		return 0
	}
	return resp.StatusCode
}

// proves P-02: what is refused does not wait for a body that may never come.
func TestP02ARefusedRequestHoldsNoConnection(t *testing.T) {
	h := newHouse(t)
	for path, want := range map[string]int{"/v1/calls/A/reject": 401, "/api/calls": 401, "/nowhere": 404} {
		if got := status(t, h.headOnly(path, "Bearer wrong"), 3*time.Second); got != want {
			t.Errorf("%s: status %d within 3 s, want %d", path, got, want)
		}
	}
}

// proves P-02: one operator's token cannot take up the connections that Graph's
// notifications need.
func TestP02OneOperatorsDecisionsKeepNoNotificationOut(t *testing.T) {
	h := newHouse(t)
	token := "Bearer " + h.token("ana")
	conns := make([]net.Conn, 0, connectionsAtOnce)
	for range cap(conns) {
		conns = append(conns, h.headOnly("/v1/calls/A/reject", token))
	}
	for _, conn := range conns[connectionsAtOnce/2:] { // beyond any bound
		if got := status(t, conn, 20*time.Second); got != http.StatusTooManyRequests {
			t.Fatalf("a decision too many was answered %d", got)
		}
	}
	h.ring("A")
}

// A script that repeats a decision which is held waits for its answer, and counts.
func TestP02TheTwinsOfAHeldDecisionCountAsDecisions(t *testing.T) {
	h := newHouse(t, undoWithin(forLong), func(o *Options) { o.Limits.Frames, o.Limits.AtOnce = 1000, 2 })
	ana, _ := h.sitDown("ana")
	h.ring("A")
	ana.until(call.Rang)
	ana.press("q", "A", call.Busy)
	ana.until(call.Claimed)
	token := "Bearer " + h.token("ana")
	post := func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/v1/calls/A/reject",
			bytes.NewReader([]byte(`{"reason":"busy","request_id":"q"}`)))
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set("Authorization", token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return 0
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	var twins sync.WaitGroup
	for range 2 {
		twins.Go(func() {
			if got := post(); got != http.StatusOK {
				t.Errorf("a twin was answered %d", got)
			}
		})
	}
	h.await("both wait", func() bool { return len(h.server.scripts.lane("ana").busy) == 2 })
	if got := post(); got != http.StatusTooManyRequests {
		t.Errorf("a third one was answered %d", got)
	}
	ana.undo("q", "A")
	twins.Wait()
	h.await("their places are free", func() bool { return len(h.server.scripts.all) == 0 })
	if got := post(); got != http.StatusOK {
		t.Errorf("afterwards one was answered %d", got)
	}
}
