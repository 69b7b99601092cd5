package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
	"callscreen/relay/journal"
)

// recordingRing is Graph's shorter wait for a compliance-recording invite
// (Graph v1.0, call: answer).
const recordingRing = 5 * time.Second

// refused is why a webhook request is turned away: a status, a fixed label for
// the metrics and a fixed sentence for the answer.
type refused struct {
	status int
	reason string
	detail string
	log    string // the cause for our own log, without secrets; "" when the sentence says it all
}

// handleWebhook serves the calling webhook. The order is owed: headers, then
// token, then a capped read of the body, then its meaning, then the journal,
// and only then "accepted". What is not recorded is never accepted.
func (s *Server) handleWebhook(w http.ResponseWriter, r *http.Request) {
	received := time.Now()
	if r.TLS == nil || len(r.TransferEncoding) > 0 {
		// A proxy in front and net/http may disagree where a request ends (two
		// lengths, bare line feeds, folded headers), and what follows would be
		// served as a second request: one such connection carries one request.
		w.Header().Set("Connection", "close")
	}
	status, no := s.webhook(w, r, received)
	if no != nil {
		status = no.status
		s.hush.warn("webhook: "+no.reason, "webhook refused", "status", no.status, "reason", no.reason, "cause", no.log, "request", w.Header().Get(requestID))
		s.metrics.webhook.WithLabelValues(fmt.Sprint(status), no.reason).Inc()
		if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		problem(w, status, no.detail)
		return
	}
	s.metrics.webhook.WithLabelValues(fmt.Sprint(status), "").Inc()
	s.metrics.webhookSeconds.Observe(time.Since(received).Seconds())
	w.WriteHeader(status)
}

func (s *Server) webhook(w http.ResponseWriter, r *http.Request, received time.Time) (int, *refused) {
	if !s.turns.take(r.Context()) {
		return 0, &refused{
			status: http.StatusServiceUnavailable, reason: "busy",
			detail: "The relay is taking more notifications than it can; send it again.",
		}
	}
	defer s.turns.leave()
	if no := checkHeaders(r); no != nil {
		return 0, no
	}
	sender, no := s.authenticate(r)
	if no != nil {
		return 0, no
	}
	batch, no := s.readBody(w, r)
	if no != nil {
		return 0, no
	}
	for _, reason := range batch.Dropped {
		s.metrics.notifications.WithLabelValues("dropped: " + reason).Inc()
	}
	if batch.Legacy {
		s.metrics.notifications.WithLabelValues("legacy").Inc()
		return http.StatusNoContent, nil
	}
	s.opts.Tokens.Warm(sender.Tenant)
	// Whoever posts may hang up: that does not cancel what is verified already.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), appendWithin)
	defer cancel()
	for _, n := range batch.Notifications {
		if err := s.take(ctx, n, sender, received); err != nil {
			return 0, &refused{
				http.StatusServiceUnavailable, "journal",
				"The notification could not be recorded; send it again.", err.Error(),
			}
		}
	}
	return http.StatusAccepted, nil
}

// checkHeaders judges what must hold before the token is worth a look.
func checkHeaders(r *http.Request) *refused {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return &refused{status: http.StatusBadRequest, reason: "query", detail: "The webhook takes no query."}
	}
	if len(r.Header.Values("Content-Encoding")) > 0 {
		return &refused{status: http.StatusUnsupportedMediaType, reason: "encoding", detail: "Encoded bodies are not accepted."}
	}
	types := r.Header.Values("Content-Type")
	if len(types) == 0 {
		return nil
	}
	kind, params, err := mime.ParseMediaType(types[0])
	charset := params["charset"]
	if err != nil || len(types) > 1 || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return &refused{status: http.StatusUnsupportedMediaType, reason: "content type", detail: "The body must be application/json in UTF-8."}
	}
	return nil
}

func (s *Server) authenticate(r *http.Request) (graph.Sender, *refused) {
	if !s.desk.ready() || s.goingDown() {
		return graph.Sender{}, &refused{
			status: http.StatusServiceUnavailable, reason: "not ready",
			detail: "The relay is starting or going down; send it again.",
		}
	}
	sender, err := s.opts.Auth.Authenticate(r.Context(), r.Header)
	if err == nil {
		return sender, nil
	}
	if errors.Is(err, graph.ErrNoKeys) {
		return sender, &refused{http.StatusServiceUnavailable, "no keys", "The relay has no keys to check the token with yet; send it again.", err.Error()}
	}
	reason := "token"
	if e, ok := errors.AsType[*graph.TokenError](err); ok {
		reason = e.Reason
	}
	if s.failures.tooMany(r.RemoteAddr) {
		return sender, &refused{http.StatusTooManyRequests, reason, "Too many requests with bad tokens; valid ones are taken as before.", err.Error()}
	}
	return sender, &refused{http.StatusUnauthorized, reason, "The bearer token is missing or not valid for this bot.", err.Error()}
}

func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (graph.Batch, *refused) {
	if r.ContentLength > s.opts.MaxBody {
		return graph.Batch{}, tooLarge()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.opts.MaxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return graph.Batch{}, tooLarge()
		}
		return graph.Batch{}, &refused{status: http.StatusBadRequest, reason: "body", detail: "The body could not be read whole."}
	}
	batch, err := graph.Decode(body)
	if err != nil {
		// The cause names what is wrong with the shape, never what stood there.
		return batch, &refused{http.StatusBadRequest, "body", "The body is not a notification.", err.Error()}
	}
	return batch, nil
}

func tooLarge() *refused {
	return &refused{status: http.StatusRequestEntityTooLarge, reason: "size", detail: "The body is larger than any notification."}
}

// take records what one notification means. The append is conditional on what
// the board knows of the call; when it is refused somebody else was faster
// (another copy of the notification, the end of the call, a decision), and the
// notification is judged again on a board that has seen it.
func (s *Server) take(ctx context.Context, n graph.Notification, from graph.Sender, received time.Time) error {
	id, err := call.ParseID(n.CallID)
	if err != nil {
		s.metrics.notifications.WithLabelValues("dropped: call id").Inc()
		return nil //nolint:nilerr // one bad element does not spoil the others, and nobody gains from an error
	}
	s.compareTenants(n.Call, from)
	for try := 0; ctx.Err() == nil; try++ {
		var known *call.Call
		var expected uint64
		if c, ok := s.desk.look(id); ok {
			known, expected = &c, c.Seq
		}
		e, news := s.factOf(n, from, known, received)
		if !news {
			s.metrics.notifications.WithLabelValues("nothing new").Inc()
			return nil
		}
		seq, err := s.append(ctx, e, expected)
		if err == nil {
			if e.Kind == call.Rang {
				s.ask(e.Call, seq)
			}
			s.metrics.notifications.WithLabelValues(string(e.Kind)).Inc()
			s.log.Info("call", "event", e.Kind, "call", e.Call)
			return nil
		}
		if !errors.Is(err, journal.ErrConflict) {
			return err
		}
		written, err := s.catchUp(ctx, id)
		if err != nil {
			return err
		}
		if _, ok := s.desk.look(id); written && !ok {
			// The journal knows the call and the board has forgotten it: it
			// ended long ago, and an ended call never rings again.
			s.metrics.notifications.WithLabelValues("ended before").Inc()
			return nil
		}
		pause(ctx, try)
	}
	return errors.New("relay: a call changed faster than it could be recorded")
}

// compareTenants logs a call that names another tenant than its token. No
// document says that they agree, so it is no reason to refuse: the token's is
// proven, and is the one that a rejection uses.
func (s *Server) compareTenants(c *graph.Call, from graph.Sender) {
	if c != nil && c.TenantID != "" && !strings.EqualFold(c.TenantID, from.Tenant) {
		s.hush.warn("tenant", "a call names another tenant than its token, which is the one that counts",
			"token", from.Tenant, "call", clean(c.TenantID, call.NameCells))
	}
}
