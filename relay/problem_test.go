package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"callscreen/relay/call"
	"callscreen/relay/history"
	"callscreen/relay/wire"
)

// listed are all sentences with which the relay refuses anybody.
var listed = []string{
	"Nothing is served at this address.",
	"The webhook takes POST.",
	"The webhook takes no query.",
	"Encoded bodies are not accepted.",
	"The body must be application/json in UTF-8.",
	"The bearer token is missing or not valid for this bot.",
	"The relay has no keys to check the token with yet; send it again.",
	"The relay is starting or going down; send it again.",
	"The body is larger than any notification.",
	"The body is not a notification.",
	"The body could not be read whole.",
	"The notification could not be recorded; send it again.",
	"The relay met an error of its own.",
	"Browsers are not admitted.",
	"This address takes no query; the token goes into the Authorization header.",
	"Off loopback the console link must be TLS.",
	"The operator's token is missing, unknown, expired or revoked. Make one with: callscreen operator add NAME",
	errObserves.Error(),
	"The query is not one of a URL.",
	"since, until: write a time as 2026-03-31T14:00:00Z",
	"until: must be later than since",
	"since, until and limit may be there once each",
	"limit: not a whole number",
	"limit: at most 10000 rows; without a limit there are all",
	"ending: " + history.ErrEnding.Error(),
	"operator: at most 50 names",
	"what can be asked for is since, until, operator, ending and limit; a token goes into the Authorization header",
	"Others are reading the history; try again in a moment.",
	"The history cannot be read now; the relay's log says why.",
	"The relay cannot read its list of operators; its log says why.",
	"This relay speaks the subprotocol " + wire.Subprotocol + ".",
	"The cursor is not of the form epoch:sequence.",
	"This address takes WebSocket handshakes.",
	"The relay is going down; come back.",
	`The body is not {"reason":"busy"|"none"|"forbidden"}.`,
	call.ErrID.Error(),
	call.ErrReason.Error(),
	"a request_id has 1 to 64 characters",
	"The relay is starting or going down; try again.",
	"The relay is going down.",
	"No call and no decision can be taken: the journal cannot be written.",
	"No call can be taken: Microsoft's keys are not loaded.",
	"No call can be rejected: Microsoft gave no token for Graph.",
	"Calls may not arrive: the relay has no valid certificate.",
}

// wrongRequest is one way to be refused.
type wrongRequest struct {
	method, path, body string
	change             func(*http.Request)
	status             int
}

func head(pairs ...string) func(*http.Request) {
	return func(r *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			r.Header.Add(pairs[i], pairs[i+1])
		}
	}
}

// lockedLog can be read while it is written.
type lockedLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// planted is a stranger's text: none of it may come back.
const planted = "PLANTED"

// proves K-04: forty-odd ways to be refused, each answered with a problem of a
// listed text, its status and an id that our log has too, and nothing else: no
// cause, and nothing of the request.
func TestK04EveryRefusalIsAListedTextWithAnIDThatTheLogHas(t *testing.T) {
	var log lockedLog
	sick := &faulty{}
	h := newHouse(t, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		sick.Journal, o.Journal = o.Journal, sick
	})
	token := h.token("ana")
	genuineJSON := head("Authorization", genuine, "Content-Type", "application/json", "X-Request-Id", planted, "X-Canary", planted)
	operator := head("Authorization", "Bearer "+token, "X-Request-Id", planted)
	handshake := head("Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	all := func(fs ...func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			for _, f := range fs {
				f(r)
			}
		}
	}
	good := created("A", planted)
	hook, reject := "/api/calls", "/v1/calls/A/reject"
	cases := map[string]wrongRequest{
		"root":                    {"GET", "/", "", nil, 404},
		"a path":                  {"GET", "/" + planted, "", nil, 404},
		"another method":          {"DELETE", "/" + planted, "", nil, 404},
		"a doubled slash":         {"POST", "//api/calls", good, genuineJSON, 404},
		"dots":                    {"POST", "/x/../api/calls", good, genuineJSON, 404},
		"an escape":               {"POST", "/api%2Fcalls", good, genuineJSON, 404},
		"a profile":               {"GET", "/debug/pprof/heap", "", nil, 404},
		"health for a stranger":   {"GET", "/readyz", "", head("X-Forwarded-For", planted), 404},
		"metrics for a stranger":  {"GET", "/metrics", "", head("Forwarded", planted), 404},
		"posted health":           {"POST", "/healthz", planted, nil, 404},
		"webhook GET":             {"GET", hook, "", nil, 405},
		"webhook PUT":             {"PUT", hook, good, genuineJSON, 405},
		"webhook PATCH":           {"PATCH", hook, good, genuineJSON, 405},
		"webhook query":           {"POST", hook + "?x=" + planted, good, genuineJSON, 400},
		"webhook zipped":          {"POST", hook, good, all(genuineJSON, head("Content-Encoding", planted)), 415},
		"webhook text":            {"POST", hook, good, head("Authorization", genuine, "Content-Type", "text/"+planted), 415},
		"webhook charset":         {"POST", hook, good, head("Authorization", genuine, "Content-Type", "application/json; charset="+planted), 415},
		"webhook two types":       {"POST", hook, good, all(genuineJSON, head("Content-Type", planted)), 415},
		"webhook no token":        {"POST", hook, good, head("Content-Type", "application/json"), 401},
		"webhook forged":          {"POST", hook, good, head("Authorization", "Bearer "+planted, "Content-Type", "application/json"), 401},
		"webhook basic":           {"POST", hook, good, head("Authorization", "Basic "+planted, "Content-Type", "application/json"), 401},
		"webhook no JSON":         {"POST", hook, planted, genuineJSON, 400},
		"webhook half JSON":       {"POST", hook, `{"value":[{"` + planted, genuineJSON, 400},
		"webhook other JSON":      {"POST", hook, `{"value":"` + planted + `"}`, genuineJSON, 400},
		"webhook trailing":        {"POST", hook, good + planted, genuineJSON, 400},
		"webhook too large":       {"POST", hook, strings.Repeat(planted, 50_000), genuineJSON, 413},
		"webhook too large later": {"POST", hook, strings.Repeat(planted, 50_000), all(genuineJSON, func(r *http.Request) { r.ContentLength = -1 }), 413},
		"stream no token":         {"GET", "/v1/stream", "", handshake, 401},
		"stream wrong token":      {"GET", "/v1/stream", "", all(handshake, head("Authorization", "Bearer "+planted)), 401},
		"stream basic":            {"GET", "/v1/stream", "", all(handshake, head("Authorization", "Basic "+planted)), 401},
		"stream browser":          {"GET", "/v1/stream", "", all(handshake, operator, head("Origin", planted)), 403},
		"stream query":            {"GET", "/v1/stream?token=" + token + planted, "", all(handshake, operator), 400},
		"stream other version":    {"GET", "/v1/stream", "", all(handshake, operator, head("Sec-WebSocket-Protocol", planted)), 400},
		"stream cursor":           {"GET", "/v1/stream", "", all(handshake, operator, head("Sec-WebSocket-Protocol", wire.Subprotocol, wire.CursorHeader, planted)), 400},
		"stream no handshake":     {"GET", "/v1/stream", "", all(operator, head("Sec-WebSocket-Protocol", wire.Subprotocol)), 400},
		"stream old handshake":    {"GET", "/v1/stream", "", all(operator, head("Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "7", "Sec-WebSocket-Protocol", wire.Subprotocol)), 400},
		"stream posted":           {"POST", "/v1/stream", planted, operator, 404},
		"reject no token":         {"POST", reject, `{"reason":"busy"}`, nil, 401},
		"reject browser":          {"POST", reject, `{"reason":"busy"}`, all(operator, head("Origin", planted)), 403},
		"reject query":            {"POST", reject + "?" + planted, `{"reason":"busy"}`, operator, 400},
		"reject no JSON":          {"POST", reject, planted, operator, 400},
		"reject other reason":     {"POST", reject, `{"reason":"` + planted + `"}`, operator, 400},
		"reject long request id":  {"POST", reject, `{"reason":"busy","request_id":"` + strings.Repeat(planted, 10) + `"}`, operator, 400},
		"reject other id":         {"POST", "/v1/calls/" + planted + "_/reject", `{"reason":"busy"}`, operator, 400},
		"reject GET":              {"GET", reject, "", operator, 404},
		"history no token":        {"GET", "/v1/history", "", nil, 401},
		"history browser":         {"GET", "/v1/history", "", all(operator, head("Origin", planted)), 403},
		"history query token":     {"GET", "/v1/history?token=" + token + planted, "", operator, 400},
		"history since":           {"GET", "/v1/history?since=" + planted, "", operator, 400},
		"history twice":           {"GET", "/v1/history?since=" + planted + "&since=" + planted, "", operator, 400},
		"history ending":          {"GET", "/v1/history?ending=" + planted, "", operator, 400},
		"history limit":           {"GET", "/v1/history?limit=" + planted, "", operator, 400},
		"history no query":        {"GET", "/v1/history?%zz" + planted, "", operator, 400},
		"history posted":          {"POST", "/v1/history", planted, operator, 404},
	}
	if len(cases) < 40 {
		t.Errorf("%d cases, want 40", len(cases))
	}
	ids := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		h.refused(name, cases[name], ids, &log)
	}
	// What is the relay's own trouble is told in fixed words as well.
	sick.fail(errors.New(planted))
	h.refused("webhook journal", wrongRequest{"POST", hook, good, genuineJSON, 503}, ids, &log)
	sick.mu.Lock()
	sick.unhealthy = errors.New(planted)
	sick.mu.Unlock()
	h.refused("ready journal", wrongRequest{"GET", "/readyz", "", nil, 503}, ids, nil)
	sick.fail(nil)
	sick.mu.Lock()
	sick.unhealthy = nil
	sick.mu.Unlock()
	h.gate.mu.Lock()
	h.gate.noKeys = true
	h.gate.mu.Unlock()
	h.refused("webhook keys", wrongRequest{"POST", hook, good, genuineJSON, 503}, ids, &log)
	h.refused("ready keys", wrongRequest{"GET", "/readyz", "", nil, 503}, ids, nil)
	h.gate.mu.Lock()
	h.gate.noKeys, h.gate.panics = false, true
	h.gate.mu.Unlock()
	h.refused("webhook panic", wrongRequest{"POST", hook, good, genuineJSON, 500}, ids, &log)
}

// refused sends a wrong request and looks at every byte of the answer. In the log
// the refusals of one kind are told once a second, so that not each id is there.
func (h *house) refused(name string, c wrongRequest, ids map[string]bool, log *lockedLog) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), c.method, h.url+c.path, strings.NewReader(c.body))
	if err != nil {
		h.t.Fatal(err)
	}
	if c.change != nil {
		c.change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	raw, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	var p struct {
		Type, Title, Detail string
		Status              int
		ID                  string `json:"request_id"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := errors.Join(err, d.Decode(&p)); err != nil {
		h.t.Errorf("%s: %d %s: %v", name, resp.StatusCode, raw, err)
		return
	}
	var headers bytes.Buffer
	_ = resp.Header.Write(&headers)
	switch {
	case resp.StatusCode != c.status || p.Status != c.status || p.Title != http.StatusText(c.status) || p.Type != "about:blank":
		h.t.Errorf("%s: %d %s, want %d", name, resp.StatusCode, raw, c.status)
	case resp.Header.Get("Content-Type") != "application/problem+json":
		h.t.Errorf("%s: content type %q", name, resp.Header.Get("Content-Type"))
	case !slices.Contains(listed, p.Detail):
		h.t.Errorf("%s: %q is not a listed text", name, p.Detail)
	case strings.Contains(headers.String()+string(raw), planted):
		h.t.Errorf("%s: the answer repeats the request: %s%s", name, &headers, raw)
	case len(p.ID) < 20 || ids[p.ID] || resp.Header.Get(requestID) != p.ID:
		h.t.Errorf("%s: request id %q, in the header %q, given before: %v", name, p.ID, resp.Header.Get(requestID), ids[p.ID])
	}
	ids[p.ID] = true
	if log != nil && strings.HasPrefix(name, "webhook ") && c.status >= 500 && !strings.Contains(log.String(), p.ID) {
		h.t.Errorf("%s: the log does not have the id %s:\n%s", name, p.ID, log)
	}
}
