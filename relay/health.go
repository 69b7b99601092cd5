package relay

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// healthPaths tell how the relay is. None of them knows of a caller, a call or
// an operator, and there is no profiling.
var healthPaths = []string{"/healthz", "/readyz", "/metrics"}

func (s *Server) health() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.handleReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/", notFound)
	return mux
}

// ServeHealth serves /healthz, /readyz and /metrics on a listener of their own,
// for whoever reaches it, until the context ends. It may run longer than
// [Server.Run]: then it tells that the relay is going down.
func (s *Server) ServeHealth(ctx context.Context, ln net.Listener) error {
	srv := s.httpServer(s.guarded(s.health()))
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	return serve(srv, ln)
}

// localOnly serves whoever sits on this machine. A tunnel or proxy also comes
// from loopback, but it says for whom.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromLoopback(r) || r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-For") != "" {
			notFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) handleReady(w http.ResponseWriter, _ *http.Request) {
	if why := s.notReady(); why != "" {
		problem(w, http.StatusServiceUnavailable, why)
		return
	}
	ready := "ready\n"
	if s.desk.watching() == 0 { // no fault of the relay's: traffic is still its to take
		ready = "ready, but nobody is watching\n"
	}
	_, _ = w.Write([]byte(ready))
}

// notReady is why calls cannot be screened now, in a fixed sentence; "" when they can.
func (s *Server) notReady() string {
	switch {
	case s.goingDown():
		return "The relay is going down."
	case !s.desk.ready():
		return "The journal is still being read."
	default:
		return s.trouble()
	}
}

// trouble is what the consoles are told in their header.
func (s *Server) trouble() string {
	switch {
	case s.opts.Journal.Healthy() != nil:
		return "No call and no decision can be taken: the journal cannot be written."
	case s.opts.Auth.Ready() != nil:
		return "No call can be taken: Microsoft's keys are not loaded."
	case s.opts.Tokens.Ready() != nil:
		return "No call can be rejected: Microsoft gave no token for Graph."
	case s.opts.Certificate != nil && s.opts.Certificate.Ready() != nil:
		return "Calls may not arrive: the relay has no valid certificate."
	default:
		return ""
	}
}

// Ready returns nil once calls can be screened.
func (s *Server) Ready() error {
	if why := s.notReady(); why != "" {
		return errors.New(why)
	}
	return nil
}

// AwaitReady returns as soon as calls can be screened, or when the context ends.
func (s *Server) AwaitReady(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.Ready() != nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
