package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"time"

	"github.com/google/uuid"
)

const redirectPath = "/simulator/redirected"

// answer gives a verdict on a reject after the time it takes.
func (s *Simulator) answer(w http.ResponseWriter, r *http.Request, v verdict, wait time.Duration, luck dice) {
	if v.silent {
		s.hang(r)
	}
	if !s.sleep(r.Context(), wait) {
		panic(http.ErrAbortHandler) // nobody is listening any more
	}
	switch {
	case v.reset:
		reset(w)
	case v.page:
		writePage(w)
	case v.status == http.StatusTemporaryRedirect:
		graphHeaders(w, r)
		w.Header().Set("Location", "https://"+r.Host+redirectPath)
		w.WriteHeader(v.status)
	case v.status != 0:
		s.writeRefusal(w, r, v, luck)
	default:
		graphHeaders(w, r)
		if luck.chance(0.5) {
			w.Header().Set("Content-Type", "text/plain") // of nothing: seen on the wire
		}
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusAccepted)
		_ = http.NewResponseController(w).Flush() // the 202 leaves before `deleted` does
	}
}

// hang never answers: it waits until the client gives up or the simulator ends. It does not return.
func (s *Simulator) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
	panic(http.ErrAbortHandler)
}

// reset ends the connection with a TCP reset where it can, and without an answer everywhere. It does not
// return.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	raw := conn
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
		raw = over.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a close with linger 0 is a reset
	}
	_ = raw.Close()
	panic(http.ErrAbortHandler)
}

var sane = regexp.MustCompile(`^[0-9A-Za-z._-]{1,64}$`)

// graphHeaders are those of every answer of Graph's, and worth logging.
func graphHeaders(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("request-id", uuid.NewString())
	h.Set("client-request-id", h.Get("request-id"))
	for _, name := range []string{"client-request-id", "scenario-id"} {
		if given := r.Header.Get(name); sane.MatchString(given) {
			h.Set(name, given)
		}
	}
	h.Set("x-ms-ags-diagnostic",
		`{"ServerInfo":{"DataCenter":"Loopback","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"SIMULATOR"}}`)
}

// writeRefusal writes a refusal as Graph or a gateway before it does: with a code plain or wrapped in a
// message of its own, which both occur.
func (s *Simulator) writeRefusal(w http.ResponseWriter, r *http.Request, v verdict, luck dice) {
	graphHeaders(w, r)
	if v.retryAfter != "" {
		w.Header().Set("Retry-After", v.retryAfter)
	}
	if v.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="https://`+r.Host+`/common/oauth2/authorize"`)
	}
	switch {
	case v.code != "":
		writeJSON(w, v.status, graphError(w.Header(), v, luck))
	case v.status == http.StatusServiceUnavailable:
		w.WriteHeader(v.status)
	default:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(v.status)
		_, _ = fmt.Fprintf(w, "<html><head><title>%d %[2]s</title></head><body><h1>%[2]s</h1></body></html>\r\n",
			v.status, http.StatusText(v.status))
	}
}

// writePage is what a company's proxy answers in the place of any service until somebody signs in.
func writePage(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Network sign-in</title></head><body>Please sign in.</body></html>\r\n")
}

// atTheirTime serves by the clock that the simulated Microsoft has.
func (s *Simulator) atTheirTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hit, ok := s.serviceFault(onAnswer); ok {
			w.Header().Set("Date", time.Now().Add(hit.arg).UTC().Format(http.TimeFormat))
		}
		next.ServeHTTP(w, r)
	})
}

func graphError(h http.Header, v verdict, luck dice) object {
	code, message := v.code, v.message
	if code[0] >= '0' && code[0] <= '9' && luck.chance(0.5) {
		inner, _ := json.Marshal(object{"errorCode": code, "message": message, "instanceAnnotations": []string{}})
		code, message = "UnknownError", string(inner)
	}
	detail := object{
		"date":       time.Now().UTC().Format("2006-01-02T15:04:05"),
		"request-id": h.Get("request-id"), "client-request-id": h.Get("client-request-id"),
	}
	return object{"error": object{
		"code": code, "message": message, pick(luck, []string{"innerError", "innerError", "innererror"}): detail,
	}}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
