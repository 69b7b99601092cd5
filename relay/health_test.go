package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"callscreen/relay/call"
)

// scanned are the addresses that a scanner asks for on every port it finds.
var scanned = []string{
	"/", "/metrics", "/healthz", "/readyz", "/health", "/status", "/debug/pprof/", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap",
	"/debug/pprof/cmdline", "/debug/vars", "/debug/requests", "/config", "/env", "/v1/", "/v1/calls", "/v1/stream", "/v1/history", "/varz", "/connz", "/jsz", "/.env",
}

// get asks for an address and returns the status and all that came back.
func get(t *testing.T, url string, change ...func(*http.Request)) (status int, all string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var head strings.Builder
	_ = resp.Header.Write(&head)
	return resp.StatusCode, head.String() + string(body)
}

// ownHealth serves health on a port of its own, as --metrics-listen does.
func (h *house) ownHealth() (url string, stop func()) {
	h.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	done := make(chan error, 1)
	go func() { done <- h.server.ServeHealth(ctx, ln) }()
	return "http://" + ln.Addr().String(), func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("ServeHealth: %v", err)
		}
	}
}

// proves K-03: whoever scans either port, after calls, decisions and refusals of
// every kind, finds no caller, no call, no operator, no token and no profile.
func TestK03AScanOfHealthAndMetricsFindsNoNameAndNoToken(t *testing.T) {
	h := newHouse(t)
	own, stop := h.ownHealth()
	defer stop()
	const name, id = "CANARY-CALLER", "CANARYCALL"
	h.post(created(id, name))
	h.await("the call rings", func() bool { _, ok := h.server.Look(id); return ok })
	if a := h.decide("canary-ana", id, call.Busy); a.Verdict != call.WasRejected {
		t.Fatalf("decided: %+v", a)
	}
	h.post(created("OTHER", name), func(r *http.Request) { r.Header.Set("Authorization", "Bearer CANARY-FORGED") })
	h.gate.mu.Lock()
	h.gate.panics = true
	h.gate.mu.Unlock()
	h.post(created("OTHER", name))

	served := 0
	for _, base := range []string{h.url, own} {
		for _, path := range scanned {
			status, all := get(t, base+path)
			for _, secret := range []string{"CANARY", "canary", genuine, h.token("canary-ana"), tenant, "goroutine ", "cmdline"} {
				if strings.Contains(all, secret) {
					t.Errorf("%s tells %q: %s", path, secret, all)
				}
			}
			if status == http.StatusOK {
				served++
			}
		}
	}
	if want := 2 * len(healthPaths); served != want {
		t.Errorf("%d addresses are served, want %d", served, want)
	}
	// The twin: what the scan looks for is there, for whoever may see it.
	_, welcome := h.sitDown("ben")
	if !strings.Contains(string(welcome.Raw), name) || !strings.Contains(string(welcome.Raw), "canary-ana") {
		t.Errorf("the check could not notice a name: %s", welcome.Raw)
	}
}

// proves K-03: on the relay's own port health is for this machine alone, and a
// tunnel that ends on it is not this machine.
func TestK03OnTheRelaysPortHealthIsForThisMachineOnly(t *testing.T) {
	h := newHouse(t)
	for _, path := range healthPaths {
		if status, all := get(t, h.url+path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, all)
		}
		for name, change := range map[string]func(*http.Request){
			"a tunnel":        func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") },
			"a proxy":         func(r *http.Request) { r.Header.Set("Forwarded", "for=192.0.2.1") },
			"another machine": nil,
		} {
			var status int
			if change != nil {
				status, _ = get(t, h.url+path, change)
			} else {
				w := &answer{header: http.Header{}}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.RemoteAddr = "192.0.2.1:4711"
				h.server.Handler().ServeHTTP(w, r)
				status = w.status
			}
			if status != http.StatusNotFound {
				t.Errorf("%s from %s: %d, want 404", path, name, status)
			}
		}
	}
}

func TestHealthWithAPortOfItsOwnIsOnNoOther(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.OwnHealth = true })
	own, stop := h.ownHealth()
	for _, path := range healthPaths {
		if status, _ := get(t, h.url+path); status != http.StatusNotFound {
			t.Errorf("%s on the relay's port: %d, want 404", path, status)
		}
		if status, _ := get(t, own+path, func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") }); status != http.StatusOK {
			t.Errorf("%s on its own port: %d, want 200", path, status)
		}
	}
	if status, _ := get(t, own+"/v1/stream"); status != http.StatusNotFound {
		t.Errorf("the stream is served there: %d", status)
	}
	h.stop() // whoever watches is told
	if status, all := get(t, own+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(all, "going down") {
		t.Errorf("after its end: %d %s", status, all)
	}
	stop()
}

// lapsing is a certificate whose time can be over. It is not served.
type lapsing struct{ over atomic.Bool }

func (l *lapsing) TLS() *tls.Config { return nil }

func (l *lapsing) Ready() error {
	if l.over.Load() {
		return errors.New("CANARY")
	}
	return nil
}

func TestWithoutAValidCertificateTheRelayIsNotReadyAndSaysSo(t *testing.T) {
	own := &lapsing{}
	h := newHouse(t, func(o *Options) { o.Certificate = own })
	own.over.Store(true)
	if status, all := get(t, h.url+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(all, "no valid certificate") || strings.Contains(all, "CANARY") {
		t.Errorf("%d %s", status, all)
	}
	_, welcome := h.sitDown("ana")
	if !strings.Contains(string(welcome.Raw), "Calls may not arrive: the relay has no valid certificate.") {
		t.Errorf("the console was told %s", welcome.Raw)
	}
}
