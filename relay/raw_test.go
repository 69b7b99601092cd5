package relay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"callscreen/relay/call"
)

// rawRequest is one request as a hostile client or a confused proxy writes it. {T} is a
// genuine token's header, {L} the length (in hex {H}) of the body that {B} stands for.
type rawRequest struct {
	name, text string
	want       []int // the first answer is one of these
}

var rawRequests = []rawRequest{
	{"two lengths that agree", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\nContent-Length: {L}\r\n\r\n{B}", []int{202, 400}},
	{"two lengths that differ", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: 0\r\nContent-Length: {L}\r\n\r\n{B}", []int{400}},
	{"a list of lengths", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: 0, {L}\r\n\r\n{B}", []int{400}},
	{"a length with a sign", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: +{L}\r\n\r\n{B}", []int{400}},
	{"a negative length", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: -1\r\n\r\n{B}", []int{400}},
	{"a length in hex", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: 0x10\r\n\r\n{B}", []int{400}},
	{"a length with a blank inside", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: 1 0\r\n\r\n{B}", []int{400}},
	{"a length beyond 64 bits", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: 18446744073709551617\r\n\r\n{B}", []int{400}},
	{"a length too small", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: 9\r\n\r\n{B}", []int{400}},
	{"a length of nothing before a body", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: 0\r\n\r\n{B}", []int{204}},
	{"a length too large", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: 99999\r\n\r\n{B}", []int{400}},
	{"length and chunks", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{204, 400}},
	{"chunks and length", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{H}\r\n{B}\r\n0\r\n\r\n", []int{202, 400}},
	{"chunks in order", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked\r\n\r\n{H}\r\n{B}\r\n0\r\n\r\n", []int{202}},
	{"chunks with an extension", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked\r\n\r\n{H};a=b\r\n{B}\r\n0\r\n\r\n", []int{202}},
	{"chunks with a trailer", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n{H}\r\n{B}\r\n0\r\nX: y\r\n\r\n", []int{202}},
	{"a trailer with another length", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked\r\n\r\n{H}\r\n{B}\r\n0\r\nContent-Length: 5\r\n\r\n", []int{202, 400}},
	{"chunks said twice", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
	{"chunks of another kind", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
	{"chunks and identity", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked, identity\r\nContent-Length: {L}\r\n\r\n{B}", []int{400, 501}},
	{"chunks spelt oddly", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: xchunked\r\nContent-Length: {L}\r\n\r\n{B}", []int{400, 501}},
	{"chunks with a tab before", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding:\tchunked\r\nContent-Length: {L}\r\n\r\n0\r\n\r\n", []int{204, 400, 501}},
	{"a blank before the colon", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding : chunked\r\nContent-Length: {L}\r\n\r\n{B}", []int{400}},
	{"a vertical tab before chunks", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: \vchunked\r\nContent-Length: {L}\r\n\r\n{B}", []int{400, 501}},
	{"chunks folded", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding:\r\n chunked\r\nContent-Length: {L}\r\n\r\n0\r\n\r\n", []int{204, 400}},
	{"chunks in HTTP/1.0", "POST /api/calls HTTP/1.0\r\nHost: r\r\nConnection: keep-alive\r\n{T}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{204, 400, 501}},
	{"a chunk size that is none", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked\r\n\r\nxyz\r\n{B}\r\n0\r\n\r\n", []int{400}},
	{"a chunk size beyond 64 bits", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{B}\r\n0\r\n\r\n", []int{400}},
	{"a chunk longer than said", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked\r\n\r\n5\r\n{B}\r\n0\r\n\r\n", []int{400}},
	{"a chunk that ends with a bare LF", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Transfer-Encoding: chunked\r\n\r\n{H}\n{B}\n0\n\n", []int{202, 400}},
	{"bare line feeds", "POST /api/calls HTTP/1.1\nHost: r\n{T}Content-Length: {L}\n\n{B}", []int{202, 400}},
	{"a header folded", "POST /api/calls HTTP/1.1\r\nHost: r\r\nX-A: b\r\n c\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{202, 400}},
	{"a bare CR in a header", "POST /api/calls HTTP/1.1\r\nHost: r\r\nX-A: b\rContent-Length: 0\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{400}},
	{"a NUL in a header", "POST /api/calls HTTP/1.1\r\nHost: r\r\nX-A: b\x00\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{400}},
	{"a header without a colon", "POST /api/calls HTTP/1.1\r\nHost: r\r\nX-A\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{400}},
	{"a blank line first", "\r\n\r\nPOST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{202, 400}},
	{"no Host", "POST /api/calls HTTP/1.1\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{400}},
	{"two Hosts", "POST /api/calls HTTP/1.1\r\nHost: r\r\nHost: s\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{400}},
	{"an odd Host", "POST /api/calls HTTP/1.1\r\nHost: r/s\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{202, 400}},
	{"an absolute target", "POST http://r/api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{404}},
	{"another host's absolute target", "POST https://evil.example/api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{404}},
	{"two slashes", "POST //api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{404}},
	{"two slashes inside", "POST /api//calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{404}},
	{"dots", "POST /x/../api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{404}},
	{"escaped dots", "POST /x/%2e%2e/api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{404}},
	{"an escaped slash", "POST /api%2fcalls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{404}},
	{"an escaped letter", "POST /api/%63alls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{404}},
	{"a backslash", "POST /api\\calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{400, 404}},
	{"a slash behind", "POST /api/calls/ HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{404}},
	{"a fragment", "POST /api/calls#x HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{400, 404}},
	{"an asterisk", "POST * HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{400, 404}},
	{"a body on GET", "GET /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{405}},
	{"CONNECT", "CONNECT r:443 HTTP/1.1\r\nHost: r:443\r\n{T}\r\n", []int{400, 404, 405}},
	{"a method in lower case", "post /api/calls HTTP/1.1\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{405}},
	{"a version that is none", "POST /api/calls HTTP/1.2\r\nHost: r\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{202, 400, 505}},
	{"HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{400, 404, 405, 505}},
	{"an upgrade to h2c", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: {L}\r\n\r\n{B}", []int{202, 400}},
	{"Connection: keep-alive", "POST /api/calls HTTP/1.1\r\nHost: r\r\nConnection: keep-alive\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{202}},
	{"a hop that hides the length", "POST /api/calls HTTP/1.1\r\nHost: r\r\nConnection: Content-Length\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{202, 400}},
	{"100-continue and no waiting", "POST /api/calls HTTP/1.1\r\nHost: r\r\nExpect: 100-continue\r\n{T}Content-Length: {L}\r\n\r\n{B}", []int{100, 202}},
	{"a forged token before a body", "POST /api/calls HTTP/1.1\r\nHost: r\r\nAuthorization: Bearer forged\r\nContent-Length: {L}\r\n\r\n{B}", []int{401}},
	{"two tokens", "POST /api/calls HTTP/1.1\r\nHost: r\r\n{T}Authorization: Bearer forged\r\nContent-Length: {L}\r\n\r\n{B}", []int{202, 401}},
}

// exchange sends bytes and returns every status that comes back until the relay
// closes.
func exchange(t *testing.T, address, text string) (statuses []int) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, text) // the relay may have refused before the end
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	for r := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(r, nil)
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
			t.Errorf("the relay did not close the connection")
		}
		if err != nil {
			return statuses
		}
		statuses = append(statuses, resp.StatusCode)
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

func (r rawRequest) write(body string) string {
	return strings.NewReplacer("{T}", "Authorization: "+genuine+"\r\n", "{L}", strconv.Itoa(len(body)), "{B}", body,
		"{H}", strconv.FormatInt(int64(len(body)), 16)).Replace(r.text)
}

func TestP04WhatComesBehindARequestIsNeverServed(t *testing.T) {
	if len(rawRequests) < 40 {
		t.Fatalf("%d raw requests, want at least 40", len(rawRequests))
	}
	h := newHouse(t)
	address := strings.TrimPrefix(h.url, "http://")
	for i, r := range rawRequests {
		first, smuggled := fmt.Sprintf("FIRST-%d", i), fmt.Sprintf("SMUGGLED-%d", i)
		behind := created(smuggled, "x")
		second := "POST /api/calls HTTP/1.1\r\nHost: r\r\nAuthorization: " + genuine + "\r\nContent-Length: " + strconv.Itoa(len(behind)) + "\r\n\r\n" + behind
		statuses := exchange(t, address, r.write(created(first, "x"))+second)
		if len(statuses) == 2 && statuses[0] == http.StatusContinue {
			statuses = statuses[1:]
		}
		if len(statuses) != 1 {
			t.Errorf("%s: answers %v, want one", r.name, statuses)
			continue
		}
		if !slices.Contains(r.want, statuses[0]) {
			t.Errorf("%s: status %d, want one of %v", r.name, statuses[0], r.want)
		}
		_, served, err := h.server.opts.Journal.Last(t.Context(), call.ID(smuggled).Key())
		if err != nil || served {
			t.Errorf("%s: what came behind was served: %v", r.name, err)
		}
		_, taken, err := h.server.opts.Journal.Last(t.Context(), call.ID(first).Key())
		if err != nil || taken != (statuses[0] == http.StatusAccepted) {
			t.Errorf("%s: answered %d, recorded %v, %v", r.name, statuses[0], taken, err)
		}
	}
	if n := h.metric("callscreen_panics_total"); n != 0 {
		t.Errorf("%v panics", n)
	}
}

// Directly over TLS nobody stands between the client and us, and a connection is
// worth keeping; chunks and refusals end it all the same.
func TestP04OverTLSOnlyAPlainGoodPostKeepsItsConnection(t *testing.T) {
	h := newHouse(t)
	direct := httptest.NewTLSServer(h.server.Handler())
	defer direct.Close()
	for _, tt := range []struct {
		name, token string
		length      int64
		closed      bool
	}{{"a good post", genuine, 0, false}, {"in chunks", genuine, -1, true}, {"a bad token", "Bearer forged", 0, true}} {
		body := created("A", "x")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, direct.URL+"/api/calls", io.NopCloser(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		if req.ContentLength = tt.length; tt.length == 0 {
			req.ContentLength = int64(len(body))
		}
		req.Header.Set("Authorization", tt.token)
		resp, err := direct.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.Close != tt.closed {
			t.Errorf("%s: status %d, closed %v", tt.name, resp.StatusCode, resp.Close)
		}
	}
}

// TestP04OnAConnectionThatIsKeptWhatComesBehindIsServed is the planted bug: the
// same bytes at a server that keeps the connection are two requests.
func TestP04OnAConnectionThatIsKeptWhatComesBehindIsServed(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	careless := &http.Server{ReadHeaderTimeout: 3 * time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = careless.Serve(ln) }()
	defer func() { _ = careless.Close(); <-done }()
	doubled := 0
	for _, r := range rawRequests {
		if len(exchange(t, ln.Addr().String(), r.write("{}")+"GET /second HTTP/1.1\r\nHost: r\r\n\r\n")) > 1 {
			doubled++
		}
	}
	if doubled < 10 {
		t.Errorf("only %d of %d would be served twice: they prove little", doubled, len(rawRequests))
	}
}
