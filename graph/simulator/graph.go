package simulator

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	maxRejectBody = 64 << 10
	maxRejections = 10_000
)

// Rejection is one POST .../communications/calls/{id}/reject that the simulated Graph saw. It is on record
// before it is answered.
type Rejection struct {
	At              time.Time `json:"at"`
	CallID          string    `json:"call_id"` // as in the path
	Version         string    `json:"version"` // v1.0 or beta
	Reason          string    `json:"reason"`  // as in the body; empty if that was not understood
	Body            []byte    `json:"-"`       // raw, at most 64 KiB
	BearerValid     bool      `json:"bearer_valid"`
	Status          int       `json:"status"`          // of the answer; 0: none was given
	Code            string    `json:"code,omitempty"`  // Graph's code, such as 8522
	Accepted        bool      `json:"accepted"`        // this request rejected the call
	Fault           string    `json:"fault,omitempty"` // the fault that decided
	ClientRequestID string    `json:"client_request_id,omitempty"`
}

// Rejections are the rejects seen so far, in the order of their arrival; of a great many the oldest are
// forgotten.
func (s *Simulator) Rejections() []Rejection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Rejection(nil), s.rejections...)
}

// RedirectsFollowed is how often somebody followed the redirect of the fault "redirect".
func (s *Simulator) RedirectsFollowed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.redirects
}

// reject is Graph v1.0, call: reject. What the documentation leaves open is strict here: a reason is
// required, and so is a content type, because a bot that forgets them has a bug to find.
func (s *Simulator) reject(w http.ResponseWriter, r *http.Request) {
	rec := Rejection{
		At: time.Now(), CallID: r.PathValue("id"), ClientRequestID: r.Header.Get("client-request-id"),
		Version: strings.Split(r.URL.Path, "/")[1],
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRejectBody))
	rec.Body = body
	claims, bearerErr := s.entra.verify(r.Header.Values("Authorization"), r.Host)
	rec.BearerValid = bearerErr == nil
	reason, form := judgeReject(r.Header.Get("Content-Type"), body)
	rec.Reason = reason
	if err != nil {
		form = refused(http.StatusBadRequest, "BadRequest", "The request body could not be read.")
		if _, big := errors.AsType[*http.MaxBytesError](err); big {
			form = refused(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request body is too large.")
		}
	}
	var front verdict
	switch {
	case bearerErr != nil:
		front = refused(http.StatusUnauthorized, "InvalidAuthenticationToken", bearerErr.Error())
	default:
		front = form
	}
	c, v, wait, luck := s.decide(&rec, front, claims)
	s.log.Info("reject", "call", rec.CallID, "status", rec.Status, "code", rec.Code, "fault", rec.Fault)
	if rec.Accepted {
		// Deferred, so that `deleted` follows even when the answer is lost.
		defer s.background(func() { s.sayRejected(c) })
	}
	s.answer(w, r, v, wait, luck)
}

// decide judges a reject and puts it on record, both in one step, so that of two only one can win. front is
// what the front door has against it; claims are nil if the bearer was no good.
func (s *Simulator) decide(rec *Rejection, front verdict, claims *accessClaims) (*call, verdict, time.Duration, dice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var own []fault
	n, attempt := uint64(0), uint64(len(s.rejections))
	c := s.book.byID[foldID(rec.CallID)]
	if c != nil {
		own, n, attempt = c.faults, c.n, c.attempts
		c.attempts++
	}
	luck := newDice(s.opts.Seed, "reject", n, attempt)
	hit, faulty := s.rejectFault(own, onReject, newDice(s.opts.Seed, "reject fault", n, attempt))
	delay, delayed := s.rejectFault(own, onDelay, newDice(s.opts.Seed, "reject delay", n, attempt))
	v := verdict{fault: hit}
	switch {
	case faulty && hit.kind.name != faultResetAfter:
		v = hit.verdict()
		if hit.kind.name == faultGone && c != nil {
			c.endLocked(Gone)
		}
	default:
		if back := s.judgeCall(c, front, claims); back.status != 0 {
			v = back
		} else {
			rec.Accepted = c.endLocked(Rejected)
			v.reset = faulty
		}
	}
	if faulty {
		rec.Fault = hit.kind.name
	}
	if !v.silent && !v.reset {
		rec.Status = v.status
		if v.status == 0 {
			rec.Status = http.StatusAccepted
		}
	}
	rec.Code = v.code
	if len(s.rejections) >= maxRejections {
		s.rejections = s.rejections[1:]
	}
	s.rejections = append(s.rejections, *rec)
	wait := luck.between(s.opts.RejectLatency.Min, s.opts.RejectLatency.Max)
	if delayed {
		wait += delay.arg
	}
	return c, v, wait, luck
}

// judgeCall is Graph's answer when nothing fails. s.mu is held.
func (s *Simulator) judgeCall(c *call, front verdict, claims *accessClaims) verdict {
	switch {
	case front.status != 0:
		return front
	case c == nil:
		return callNotFound
	case !strings.EqualFold(claims.Tenant, c.tenant):
		return tenantMismatch
	case !c.answerable():
		return callNotFound
	}
	return verdict{}
}

// rejectFault is the fault of a class for this request. s.mu is held.
func (s *Simulator) rejectFault(own []fault, class faultClass, luck dice) (fault, bool) {
	if f, ok := take(own, class); ok {
		return f, true
	}
	if hits := s.ruleFaults(class, luck, false); len(hits) > 0 {
		return hits[0], true
	}
	return fault{}, false
}

// sayRejected sends the `deleted` that confirms a reject.
func (s *Simulator) sayRejected(c *call) {
	pause := newDice(s.opts.Seed, "deleted", c.n).between(s.opts.DeletedLatency.Min, s.opts.DeletedLatency.Max)
	if s.sleep(s.ctx, pause) {
		_ = s.sayDeleted(s.ctx, c, nil) // post has logged it
	}
}

// getCall is Graph v1.0, call: get. A call that rings no more is not found. What is the matter with rejects
// is the matter with reads.
func (s *Simulator) getCall(w http.ResponseWriter, r *http.Request) {
	if hit, ok := s.serviceFault(onReject); ok {
		refusal := hit.verdict()
		refusal.reset = refusal.reset || hit.kind.name == faultResetAfter
		s.answer(w, r, refusal, 0, newDice(s.opts.Seed, "get"))
		return
	}
	v := verdict{}
	claims, err := s.entra.verify(r.Header.Values("Authorization"), r.Host)
	if err != nil {
		v = refused(http.StatusUnauthorized, "InvalidAuthenticationToken", err.Error())
	}
	s.mu.Lock()
	c := s.book.byID[foldID(r.PathValue("id"))]
	v = s.judgeCall(c, v, claims)
	s.mu.Unlock()
	if v.status != 0 {
		s.writeRefusal(w, r, v, newDice(s.opts.Seed, "get"))
		return
	}
	graphHeaders(w, r)
	writeJSON(w, http.StatusOK, object{
		"@odata.context": "https://" + r.Host + "/v1.0/$metadata#communications/calls/$entity",
		"id":             c.id, "state": "incoming", "direction": "incoming", "source": c.source(), "targets": []object{c.target()},
		"requestedModalities": c.shape.modalities, "tenantId": c.tenant, "callChainId": c.chain,
	})
}
