package relay

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// commandsAtOnce bounds what one console may have under way.
const commandsAtOnce = 32

// upgrader never negotiates compression (a small frame could unpack to
// megabytes) and admits no browser: consoles send no Origin.
var upgrader = websocket.Upgrader{
	HandshakeTimeout: 5 * time.Second,
	Subprotocols:     []string{wire.Subprotocol},
	CheckOrigin:      func(r *http.Request) bool { return r.Header.Get("Origin") == "" },
}

// admit judges an operator's request before anything of it is used. It answers
// the request itself when it refuses.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) (operator string, ok bool) {
	switch {
	case r.Header.Get("Origin") != "":
		s.refuseConsole(w, http.StatusForbidden, "origin", "Browsers are not admitted.")
	case r.URL.RawQuery != "":
		// A token in a URL ends up in logs and histories: refused even if right.
		s.refuseConsole(w, http.StatusBadRequest, "query", "This address takes no query; the token goes into the Authorization header.")
	case r.TLS == nil && !fromLoopback(r):
		s.refuseConsole(w, http.StatusForbidden, "plaintext", "Off loopback the console link must be TLS.")
	default:
		operator, ok = s.opts.Operators.Authenticate(bearer(r))
		if !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.refuseConsole(w, http.StatusUnauthorized, "token", "The operator's token is missing, unknown or revoked. Make one with: callscreen operator add NAME")
		}
	}
	return operator, ok
}

func (s *Server) refuseConsole(w http.ResponseWriter, status int, reason, detail string) {
	s.metrics.consoleRefused.WithLabelValues(reason).Inc()
	s.log.Warn("console refused", "reason", reason, "status", status)
	problem(w, status, detail)
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// handleStream serves GET /v1/stream: one console from its handshake to its end.
func (s *Server) handleStream(w http.ResponseWriter, r *http.Request) {
	operator, ok := s.admit(w, r)
	if !ok {
		return
	}
	if !slices.Contains(websocket.Subprotocols(r), wire.Subprotocol) {
		s.refuseConsole(w, http.StatusBadRequest, "version", "This relay speaks the subprotocol "+wire.Subprotocol+".")
		return
	}
	var from *wire.Cursor
	if text := r.Header.Get(wire.CursorHeader); text != "" {
		from = new(wire.Cursor)
		if from.UnmarshalText([]byte(text)) != nil {
			s.refuseConsole(w, http.StatusBadRequest, "cursor", "The cursor is not of the form epoch:sequence.")
			return
		}
	}
	if s.stopping.Load() {
		s.refuseConsole(w, http.StatusServiceUnavailable, "stopping", "The relay is going down; come back.")
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.metrics.consoleRefused.WithLabelValues("handshake").Inc()
		return // the upgrader has answered
	}
	st := newSeat(conn, operator, s.opts.Bot)
	if !s.desk.sit(st, from) {
		st.hangUp(wire.NotReady, "the relay is reading its journal; come back")
		st.write()
		return
	}
	s.metrics.consoles.Inc()
	defer s.metrics.consoles.Dec()
	defer s.desk.leave(st)
	s.log.Info("console connected", "operator", operator)
	defer s.log.Info("console left", "operator", operator)

	done := make(chan struct{})
	go func() {
		defer close(done)
		st.write()
	}()
	s.listen(st, bearer(r))
	st.hangUp(websocket.CloseNormalClosure, "")
	<-done
}

// listen reads a console's frames until the socket ends or a frame is not what
// the wire allows.
func (s *Server) listen(st *seat, token string) {
	conn := st.conn
	conn.SetReadLimit(wire.MaxFromConsole)
	alive := func(string) error { return conn.SetReadDeadline(time.Now().Add(wire.PingEvery + wire.PongWithin)) }
	_ = alive("") // a socket that cannot take a deadline fails at the read
	conn.SetPongHandler(alive)
	busy := make(chan struct{}, commandsAtOnce)
	for {
		kind, raw, err := conn.ReadMessage()
		if err != nil {
			return
		}
		_ = alive("")
		var f wire.FromConsole
		if kind != websocket.TextMessage || !utf8.Valid(raw) || json.Unmarshal(raw, &f) != nil {
			st.hangUp(wire.BadFrame, "a frame is one JSON object in a text message")
			return
		}
		if f.Kind != wire.KindReject {
			continue // "alive" keeps the deadline; what is unknown is ignored
		}
		// Revoked while connected: the next command is refused.
		if name, ok := s.opts.Operators.Authenticate(token); !ok || name != st.operator {
			st.hangUp(wire.BadToken, "the operator's token is no longer valid")
			return
		}
		cmd, err := s.command(f.Request, string(f.Call), f.Reason, st.operator)
		if err != nil {
			s.reply(st, call.Answer{Request: f.Request, Call: f.Call, Verdict: call.NotSent, Words: err.Error()})
			continue
		}
		select {
		case busy <- struct{}{}:
		default:
			st.hangUp(wire.TooMany, "too many decisions at once")
			return
		}
		s.work.Go(func() {
			defer func() { <-busy }()
			s.reply(st, s.decideOnce(cmd))
		})
	}
}

func (s *Server) reply(st *seat, a call.Answer) {
	st.offer(s.desk.frame(wire.Result{Kind: wire.KindResult, Answer: a}))
}

// command checks what an operator sent.
func (s *Server) command(request, id, reason, operator string) (call.Command, error) {
	cid, err := call.ParseID(id)
	if err != nil {
		return call.Command{}, err
	}
	why, err := call.ParseReason(reason)
	if err != nil {
		return call.Command{}, err
	}
	if len(request) == 0 || len(request) > 64 {
		return call.Command{}, errors.New("a request_id has 1 to 64 characters")
	}
	return call.Command{ID: request, Call: cid, Reason: why, Operator: operator, Relay: s.id}, nil
}

// handleReject serves POST /v1/calls/{id}/reject: a console's decision for
// scripts, with the same answer.
func (s *Server) handleReject(w http.ResponseWriter, r *http.Request) {
	operator, ok := s.admit(w, r)
	if !ok {
		return
	}
	var body struct {
		Reason  string `json:"reason"`
		Request string `json:"request_id"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, wire.MaxFromConsole)).Decode(&body); err != nil {
		problem(w, http.StatusBadRequest, `The body is not {"reason":"busy"|"none"|"forbidden"}.`)
		return
	}
	if body.Request == "" {
		body.Request = newID()
	}
	cmd, err := s.command(body.Request, r.PathValue("id"), body.Reason, operator)
	if err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	if !s.desk.ready() || s.stopping.Load() {
		problem(w, http.StatusServiceUnavailable, "The relay is starting or going down; try again.")
		return
	}
	answer := make(chan call.Answer, 1)
	s.work.Go(func() { answer <- s.decideOnce(cmd) })
	select {
	case a := <-answer:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a)
	case <-r.Context().Done():
		// Whoever asked is gone; the decision stands and is carried out.
	}
}

// detached is a context for work that outlives the request that caused it.
func detached(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	return context.WithDeadline(context.WithoutCancel(ctx), deadline)
}
