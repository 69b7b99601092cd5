package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const maxControlBody = 256 << 10

// routes is every path of the simulator. Paths of Microsoft's are theirs, under one host.
func (s *Simulator) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/.well-known/OpenIdConfiguration", s.metadata)
	mux.HandleFunc("GET /v1/keys", s.keySet)
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.tokenEndpoint)
	for _, version := range []string{"v1.0", "beta"} {
		mux.HandleFunc("POST /"+version+"/communications/calls/{id}/reject", s.reject)
		mux.HandleFunc("GET /"+version+"/communications/calls/{id}", s.getCall)
	}
	mux.HandleFunc(redirectPath, s.redirected)
	mux.HandleFunc("/", s.nothing)
	// Control requests come from a terminal: a web page that finds the port has no business here.
	guard := http.NewCrossOriginProtection()
	control := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, guard.Handler(h)) }
	control("POST /simulator/calls", s.postCall)
	control("GET /simulator/calls", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, object{"calls": s.Calls()})
	})
	control("POST /simulator/calls/{id}/hangup", s.postHangUp)
	control("GET /simulator/rejections", s.getRejections)
	control("GET /simulator/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, object{"rules": s.CurrentFaults().Rules, "known": FaultHelp()})
	})
	control("PUT /simulator/faults", s.putFaults)
	control("POST /simulator/keys/roll", func(w http.ResponseWriter, _ *http.Request) {
		s.RollKey()
		writeJSON(w, http.StatusOK, object{"kid": s.signingKey().kid})
	})
	return s.atTheirTime(mux)
}

// nothing answers for every path that is not simulated, in the shape of whoever would own it.
func (s *Simulator) nothing(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if len(s.strays) < maxStrays {
		s.strays = append(s.strays, r.Method+" "+r.URL.Path)
	}
	s.mu.Unlock()
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if first == "v1.0" || first == "beta" {
		s.writeRefusal(w, r, refused(http.StatusBadRequest, "BadRequest",
			"Resource not found for the segment, or not part of the simulation."), newDice(s.opts.Seed, "nothing"))
		return
	}
	problem(w, http.StatusNotFound, "nothing here", nil)
}

const maxStrays = 100

// Strays are the requests, as "GET /path", for which nothing is simulated, the first hundred of them: whoever sends
// one has lost his way, or asks Microsoft for more than a call screener should.
func (s *Simulator) Strays() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.strays...)
}

func (s *Simulator) redirected(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	s.redirects++
	s.mu.Unlock()
	problem(w, http.StatusGone, "a redirect was followed here, and the bearer came along", nil)
}

// problem answers as application/problem+json (RFC 9457) with further members.
func problem(w http.ResponseWriter, status int, detail string, more object) {
	body := object{"title": http.StatusText(status), "status": status, "detail": detail}
	merge(body, more)
	w.Header().Set("Content-Type", "application/problem+json")
	writeJSON(w, status, body)
}

// callRequest is a CallSpec on the wire of the control API; durations are texts like "6s".
type callRequest struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Number  string `json:"number"`
	Subject string `json:"subject"`
	HangUp  string `json:"hangup"`
	Ring    string `json:"ring"`
	Fault   string `json:"fault"`
}

func (req callRequest) spec() (CallSpec, error) {
	spec := CallSpec{Kind: req.Kind, Name: req.Name, Number: req.Number, Subject: req.Subject, Fault: req.Fault}
	for _, field := range []struct {
		name, text string
		into       *time.Duration
	}{{"hangup", req.HangUp, &spec.HangUp}, {"ring", req.Ring, &spec.Ring}} {
		if field.text == "" {
			continue
		}
		d, err := parseDuration(field.text)
		if err != nil {
			return spec, fmt.Errorf("%s: %w", field.name, err)
		}
		*field.into = d
	}
	return spec, nil
}

// postCall places a call. 201 says that the webhook answered, whatever it said; 502 that it did not.
func (s *Simulator) postCall(w http.ResponseWriter, r *http.Request) {
	var req callRequest
	if !readControl(w, r, &req) {
		return
	}
	spec, err := req.spec()
	if err != nil {
		problem(w, http.StatusBadRequest, err.Error(), nil)
		return
	}
	// A call outlives the request that placed it: curl may be interrupted, the telephone rings on.
	id, err := s.Place(s.ctx, spec)
	bad, answered := errors.AsType[*WebhookError](err)
	switch {
	case err == nil:
		writeJSON(w, http.StatusCreated, object{"id": id, "webhook_status": s.webhookStatus(id)})
	case answered:
		writeJSON(w, http.StatusCreated, object{"id": id, "webhook_status": bad.Status, "detail": bad.Error()})
	case id == "":
		problem(w, http.StatusBadRequest, err.Error(), nil)
	default:
		problem(w, http.StatusBadGateway, err.Error(), object{"id": id, "webhook_status": 0})
	}
}

func (s *Simulator) webhookStatus(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.book.byID[foldID(id)]; c != nil {
		return c.webhookStatus
	}
	return 0
}

func (s *Simulator) postHangUp(w http.ResponseWriter, r *http.Request) {
	err := s.HangUp(s.ctx, r.PathValue("id"))
	bad, answered := errors.AsType[*WebhookError](err)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, ErrNoCall):
		problem(w, http.StatusNotFound, err.Error(), nil)
	case answered:
		problem(w, http.StatusBadGateway, err.Error(), object{"webhook_status": bad.Status})
	default:
		problem(w, http.StatusBadGateway, err.Error(), nil)
	}
}

// getRejections shows bodies as text here and nowhere else: they are a reason and a URI, no secret.
func (s *Simulator) getRejections(w http.ResponseWriter, _ *http.Request) {
	type shown struct {
		Rejection

		Body string `json:"body"`
	}
	list := []shown{}
	for _, r := range s.Rejections() {
		list = append(list, shown{r, string(r.Body)})
	}
	writeJSON(w, http.StatusOK, object{"rejections": list})
}

func (s *Simulator) putFaults(w http.ResponseWriter, r *http.Request) {
	var f Faults
	if !readControl(w, r, &f) {
		return
	}
	if err := s.SetFaults(f); err != nil {
		problem(w, http.StatusBadRequest, err.Error(), nil)
		return
	}
	writeJSON(w, http.StatusOK, s.CurrentFaults())
}

// readControl reads a body of our own: bounded, nothing unknown in it, nothing behind it. No body at all is
// the zero value.
func readControl(w http.ResponseWriter, r *http.Request, into any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBody))
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxControlBody), nil)
		return false
	}
	if err != nil {
		problem(w, http.StatusBadRequest, "the body could not be read", nil)
		return false
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return true
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one value")
		}
	}
	if err != nil {
		problem(w, http.StatusBadRequest, "the body is not what is wanted here: "+err.Error(), nil)
		return false
	}
	return true
}
