package relay

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// upgrader never negotiates compression (a small frame could unpack to
// megabytes) and admits no browser: consoles send no Origin.
var upgrader = websocket.Upgrader{
	HandshakeTimeout: 5 * time.Second,
	Subprotocols:     []string{wire.Subprotocol},
	CheckOrigin:      func(r *http.Request) bool { return r.Header.Get("Origin") == "" },
	Error: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
		problem(w, status, "This address takes WebSocket handshakes.")
	},
}

// admit judges an operator's request before anything of it is used. It answers
// the request itself when it refuses.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) (who call.Operator, ok bool) {
	switch {
	case r.Header.Get("Origin") != "":
		s.refuseConsole(w, http.StatusForbidden, "origin", "Browsers are not admitted.")
	case r.URL.RawQuery != "" && r.URL.Path != historyPath:
		// A token in a URL ends up in logs and histories: refused even if right.
		s.refuseConsole(w, http.StatusBadRequest, "query", "This address takes no query; the token goes into the Authorization header.")
	case r.TLS == nil && !fromLoopback(r):
		s.refuseConsole(w, http.StatusForbidden, "plaintext", "Off loopback the console link must be TLS.")
	default:
		var err error
		who, ok, err = s.opts.Operators.Authenticate(bearer(r))
		switch {
		case err != nil:
			s.hush.warn("operators", "the list of operators cannot be read", "err", err)
			s.refuseConsole(w, http.StatusServiceUnavailable, "operators", "The relay cannot read its list of operators; its log says why.")
			ok = false
		case !ok:
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.refuseConsole(w, http.StatusUnauthorized, "token", "The operator's token is missing, unknown, expired or revoked. Make one with: callscreen operator add NAME")
		}
	}
	return who, ok
}

func (s *Server) refuseConsole(w http.ResponseWriter, status int, reason, detail string) {
	s.metrics.consoleRefused.WithLabelValues(reason).Inc()
	s.hush.warn("console: "+reason, "console refused", "reason", reason, "status", status, "request", w.Header().Get(requestID))
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
	who, ok := s.admit(w, r)
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
	if !s.begin(&s.consoles) {
		s.refuseConsole(w, http.StatusServiceUnavailable, "stopping", errGoingDown.Error())
		return
	}
	defer s.consoles.Done()
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.metrics.consoleRefused.WithLabelValues("handshake").Inc()
		return // the upgrader has answered
	}
	s.serveSeat(newSeat(conn, who, bearer(r), s.opts.Bot), from)
}

var errGoingDown = errors.New("The relay is going down; come back.") //nolint:revive,staticcheck // a sentence for the console

// serveSeat is one console from its welcome to its end.
func (s *Server) serveSeat(st *seat, from *wire.Cursor) {
	if trouble := s.trouble(); !s.desk.knows(trouble) {
		s.desk.tell(trouble) // the welcome tells what is so now, not at the last beat
	}
	if !s.desk.sit(st, from) {
		s.metrics.consoleRefused.WithLabelValues(wire.Reason(st.code)).Inc()
		st.write()
		st.close()
		return
	}
	s.metrics.consoles.Inc()
	s.log.Info("console connected", "operator", st.operator.Name, "role", st.operator.Role)
	written := make(chan struct{})
	go func() {
		defer close(written)
		st.write()
	}()
	// Whatever ends the reading, a panic included, ends the writing too: a console
	// that is written to and not listened to would believe that all is well.
	defer func() {
		st.hangUp(websocket.CloseNormalClosure, "")
		<-written
		st.close()
		s.desk.leave(st)
		s.metrics.consoles.Dec()
		if st.code >= wire.Shutdown {
			s.metrics.consoleRefused.WithLabelValues(wire.Reason(st.code)).Inc()
		}
		s.log.Info("console left", "operator", st.operator.Name, "why", st.why)
	}()
	s.listen(st)
}

// listen reads a console's frames until the socket ends or a frame is not what
// the wire allows.
func (s *Server) listen(st *seat) {
	conn := st.conn
	conn.SetReadLimit(wire.MaxFromConsole)
	limits := s.opts.Limits
	lanes := map[wire.Kind]lane{wire.KindReject: limits.decisions(), wire.KindUndo: limits.undos()}
	others := limits.allowance()
	answer := conn.PingHandler()
	conn.SetPongHandler(func(string) error { return errors.Join(st.spend(others), st.heard()) })
	conn.SetPingHandler(func(payload string) error {
		if err := st.spend(others); err != nil {
			return err
		}
		return answer(payload)
	})
	_ = st.heard() // a socket that cannot take a deadline fails at the read
	for {
		kind, raw, err := conn.ReadMessage()
		if errors.Is(err, websocket.ErrReadLimit) {
			st.hangUp(websocket.CloseMessageTooBig, "a frame has at most 16 KiB")
		}
		if err != nil || st.heard() != nil {
			return
		}
		f, err := wire.ParseFromConsole(raw)
		if kind != websocket.TextMessage || err != nil {
			st.hangUp(wire.BadFrame, "a frame is one JSON object in a text message")
			return
		}
		if in, ok := lanes[f.Kind]; ok {
			if !s.carryOut(st, f, in) {
				return
			}
			continue
		}
		if st.spend(others) != nil {
			return
		}
		if f.Kind == wire.KindAlive { // what is unknown is ignored
			s.desk.saw(st, f.Call)
		}
	}
}

// carryOut begins what a console wishes. It reports false when the seat was given up.
func (s *Server) carryOut(st *seat, f wire.FromConsole, in lane) bool {
	if st.spend(in.Limiter) != nil {
		return false
	}
	who, ok := s.standing(st)
	if !ok {
		return false
	}
	select {
	case in.busy <- struct{}{}:
	default:
		st.hangUp(wire.TooMany, "too many decisions at once")
		return false
	}
	s.heed(st, who, f, sync.OnceFunc(func() { <-in.busy }))
	return true
}

// heed carries out what a console wishes, and is not waited for. done is told
// when that costs nothing more: at its end, or when it only waits to be taken back.
func (s *Server) heed(st *seat, who call.Operator, f wire.FromConsole, done func()) {
	work, err := s.wished(st, who, f, done)
	if err != nil {
		done()
		if f.Kind == wire.KindReject { // a take-back has no answer of its own
			s.reply(st, call.Answer{Request: f.Request, Call: f.Call, Verdict: call.NotSent, Words: err.Error()})
		}
		return
	}
	go func() {
		defer s.work.Done()
		defer done()
		work()
	}()
}

// wished is what there is to do for a console's frame. It has begun, unless there
// is an error.
func (s *Server) wished(st *seat, who call.Operator, f wire.FromConsole, held func()) (func(), error) {
	if !who.Decides() {
		return nil, errObserves
	}
	var cmd call.Command
	var err error
	if f.Kind == wire.KindUndo {
		cmd, err = s.wish(f.Request, string(f.Call), who.Name)
	} else {
		cmd, err = s.command(f.Request, string(f.Call), f.Reason, who.Name)
	}
	switch {
	case err != nil:
		return nil, err
	case !s.begin(&s.work):
		return nil, errGoingDown
	case f.Kind == wire.KindUndo:
		return func() { s.undo(cmd) }, nil
	}
	if f.Remaining != nil {
		cmd.Left = f.Remaining.Duration()
	}
	cmd.Hold = s.opts.Undo
	decide := s.noted(cmd, held)
	return func() { s.reply(st, decide()) }, nil
}

func (s *Server) reply(st *seat, a call.Answer) {
	st.offer(s.desk.frame(wire.Result{Kind: wire.KindResult, Answer: a}))
}

// command checks a decision that an operator sent.
func (s *Server) command(request, id, reason, operator string) (call.Command, error) {
	cmd, err := s.wish(request, id, operator)
	if err == nil {
		cmd.Reason, err = call.ParseReason(reason)
	}
	return cmd, err
}

// wish checks as much of it as a take-back has: all but the reason.
func (s *Server) wish(request, id, operator string) (call.Command, error) {
	cid, err := call.ParseID(id)
	if err != nil {
		return call.Command{}, err
	}
	if len(request) == 0 || len(request) > 64 {
		return call.Command{}, errors.New("a request_id has 1 to 64 characters")
	}
	return call.Command{ID: request, Call: cid, Operator: operator, Relay: s.id}, nil
}

// handleReject serves POST /v1/calls/{id}/reject: a console's decision for
// scripts, with the same answer. It is never held: a script has nobody who could
// take it back, and waits for the outcome.
func (s *Server) handleReject(w http.ResponseWriter, r *http.Request) {
	who, ok := s.admitDecision(w, r)
	if !ok {
		return
	}
	if !s.scripts.take(who.Name) {
		w.Header().Set("Retry-After", "1")
		s.refuseConsole(w, http.StatusTooManyRequests, "too many", "This operator's scripts, or all together, decide more than the relay takes at once; nothing was sent. Send it again.")
		return
	}
	defer s.scripts.leave(who.Name)
	var body struct {
		Reason  string `json:"reason"`
		Request string `json:"request_id"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, wire.MaxFromConsole)).Decode(&body); err != nil {
		s.refuseConsole(w, http.StatusBadRequest, "body", `The body is not {"reason":"busy"|"none"|"forbidden"}.`)
		return
	}
	if body.Request == "" {
		body.Request = newID()
	}
	cmd, err := s.command(body.Request, r.PathValue("id"), body.Reason, who.Name)
	if err != nil {
		s.refuseConsole(w, http.StatusBadRequest, "command", err.Error())
		return
	}
	if !s.desk.ready() || !s.begin(&s.work) {
		s.refuseConsole(w, http.StatusServiceUnavailable, "stopping", "The relay is starting or going down; try again.")
		return
	}
	// A script waits for its decision's outcome, which comes a second after the
	// deadline at the latest.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.opts.RingTimeout + 5*time.Second))
	answer := make(chan call.Answer, 1)
	go func() {
		defer s.work.Done()
		answer <- s.decideOnce(cmd, func() {})
	}()
	select {
	case a := <-answer:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a)
	case <-r.Context().Done():
		// Whoever asked is gone; the decision stands and is carried out.
	}
}
