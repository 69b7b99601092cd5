package doctor_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"callscreen/graph"
	"callscreen/graph/simulator"
	"callscreen/relay"
	"callscreen/relay/client"
	"callscreen/relay/doctor"
	"callscreen/relay/journal"
	"callscreen/relay/operator"
)

var silent = slog.New(slog.DiscardHandler)

// quick is a latency of none: what is measured is ours.
var quick = &simulator.Latency{}

// clinic is a set-up that is well: a simulated Microsoft, a relay, and a proxy
// that leads to it from outside. Tests make it ill.
type clinic struct {
	sim     *simulator.Simulator
	base    string // of the simulated Microsoft
	roots   *x509.CertPool
	dataDir string
	relay   string // address
	front   *httptest.Server
	dialled map[string]string // where a name leads
	ending  graph.Credential  // a certificate that the app knows, for thirteen days more
}

// open serves on a port of this machine until the test ends.
func open(t testing.TB) net.Listener {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// run runs something until the test ends, and waits for it.
func run(t testing.TB, what func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- what(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func newClinic(t testing.TB) *clinic {
	t.Helper()
	c := &clinic{dataDir: filepath.Join(t.TempDir(), "data"), dialled: map[string]string{}}
	relayLn := open(t)
	c.relay = "http://" + relayLn.Addr().String()
	known, pair := clientCertificate(t, 13*24*time.Hour)
	var err error
	if c.ending, err = graph.ClientCertificate(pair, "", time.Now()); err != nil {
		t.Fatal(err)
	}
	sim, err := simulator.New(simulator.Options{Seed: 1, Certificates: []*x509.Certificate{known}, Webhook: c.relay + "/api/calls", RejectLatency: quick, DeletedLatency: quick})
	if err != nil {
		t.Fatal(err)
	}
	simLn := open(t)
	run(t, func(ctx context.Context) error { return sim.Serve(ctx, simLn) })
	c.sim, c.base = sim, "https://"+simLn.Addr().String()
	if c.roots, err = graph.Roots(sim.CAPEM()); err != nil {
		t.Fatal(err)
	}
	parts := newParts(t, sim, c.base, c.dataDir)
	run(t, func(ctx context.Context) error { return parts.run(ctx, relayLn) })
	awaitReady(t, parts.server)

	target, err := url.Parse(c.relay)
	if err != nil {
		t.Fatal(err)
	}
	c.front = c.behind(t, httputil.NewSingleHostReverseProxy(target))
	c.dialled["example.com:443"] = c.front.Listener.Addr().String()
	return c
}

// clientCertificate is one of an app, and the file with its key.
func clientCertificate(t testing.TB, valid time.Duration) (*x509.Certificate, []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(valid)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	return cert, append(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
}

// behind is a server with a certificate for example.com that the clinic trusts.
func (c *clinic) behind(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	front := httptest.NewUnstartedServer(h)
	front.Config.ErrorLog = slog.NewLogLogger(silent.Handler(), slog.LevelDebug)
	front.StartTLS()
	t.Cleanup(front.Close)
	c.roots.AddCert(front.Certificate())
	return front
}

// parts is a relay as main builds it.
type parts struct {
	auth    *graph.Authenticator
	tokens  *graph.Tokens
	journal *journal.Journal
	server  *relay.Server
}

func newParts(t testing.TB, sim *simulator.Simulator, base, dir string) *parts {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	roots, err := graph.Roots(sim.CAPEM())
	must(err)
	outward := graph.HTTPClient(roots)
	t.Cleanup(outward.CloseIdleConnections)
	s := sim.Settings(base)
	p := &parts{}
	p.auth, err = graph.NewAuthenticator(graph.AuthenticatorOptions{
		MetadataURL: s["webhook-metadata-url"], Issuers: []string{simulator.CallbackIssuer}, AppID: s["client-id"], HTTP: outward,
	})
	must(err)
	secret, err := graph.ClientSecret(sim.ClientSecret())
	must(err)
	p.tokens, err = graph.NewTokens(graph.TokensOptions{
		Authority: base, Scope: base + "/.default", ClientID: s["client-id"], Tenant: s["tenant-id"], Credential: secret, HTTP: outward,
	})
	must(err)
	rejecter, err := graph.NewClient(graph.ClientOptions{Root: base, Version: "v1.0", Tokens: p.tokens, HTTP: outward})
	must(err)
	operators, err := operator.Open(dir)
	must(err)
	must(operators.Local("ana"))
	p.journal, err = journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal")})
	must(err)
	t.Cleanup(func() { _ = p.journal.Close() })
	p.server = relay.New(relay.Options{
		Journal: p.journal, Auth: p.auth, Graph: rejecter, Tokens: p.tokens, Operators: operators, Logger: silent,
		WebhookPath: "/api/calls", Bot: "bot " + s["client-id"][:8], RingTimeout: 15 * time.Second, RejectMargin: 500 * time.Millisecond,
	})
	return p
}

func (p *parts) run(ctx context.Context, ln net.Listener) error {
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	var helpers sync.WaitGroup
	helpers.Go(func() { _ = p.auth.Run(keep) })
	helpers.Go(func() { _ = p.tokens.Run(keep) })
	err := p.server.Run(ctx, ln)
	stop()
	helpers.Wait()
	return errors.Join(err, p.journal.Close())
}

func awaitReady(t testing.TB, s *relay.Server) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); s.Ready() != nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(s.Ready())
		}
	}
}

// options are the settings of the set-up that is well. No rehearsal is among
// them, which has tests of its own.
func (c *clinic) options(t testing.TB) doctor.Options {
	t.Helper()
	secret, err := graph.ClientSecret(simulator.DemoSecret)
	if err != nil {
		t.Fatal(err)
	}
	s := c.sim.Settings(c.base)
	return doctor.Options{
		Source: "a test", ClientID: s["client-id"], TenantID: s["tenant-id"], Credential: secret, APIVersion: "v1.0",
		Cloud: graph.Cloud{Name: "global", Authority: c.base, Root: c.base, Metadata: s["webhook-metadata-url"]},
		HTTP:  c.http(), DataDir: c.dataDir, PublicURL: "https://example.com", WebhookPath: "/api/calls", Listen: "127.0.0.1:8080",
		Console: client.Options{URL: c.relay, Token: operator.Source("", c.dataDir)},
		Timeout: 10 * time.Second,
	}
}

// http is graph's own client, but for where names lead.
func (c *clinic) http() *http.Client {
	hc := graph.HTTPClient(c.roots)
	transport, _ := hc.Transport.(*http.Transport)
	transport.Proxy = nil
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if to := c.dialled[addr]; to != "" {
			addr = to
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	return hc
}

// stage is a second callscreen, as main builds it for the rehearsal.
func stage(t testing.TB) func(context.Context, string) (doctor.Stage, error) {
	t.Helper()
	return func(_ context.Context, dir string) (doctor.Stage, error) {
		relayLn, simLn := open(t), open(t)
		base := "http://" + relayLn.Addr().String()
		sim, err := simulator.New(simulator.Options{Webhook: base + "/api/calls", RejectLatency: quick, DeletedLatency: quick})
		if err != nil {
			return doctor.Stage{}, err
		}
		p := newParts(t, sim, "https://"+simLn.Addr().String(), dir)
		link, err := client.New(client.Options{URL: base, Token: operator.Source("", dir)})
		return doctor.Stage{
			Link: link, Ready: p.server.Ready,
			Ring: func(ctx context.Context) (string, error) { return sim.Place(ctx, simulator.CallSpec{Kind: "phone"}) },
			Run: func(ctx context.Context) error {
				ended := make(chan error, 1)
				go func() { ended <- sim.Serve(ctx, simLn) }()
				return errors.Join(p.run(ctx, relayLn), <-ended)
			},
		}, err
	}
}

// fault lets the simulated Microsoft have one.
func (c *clinic) fault(t testing.TB, names ...string) {
	t.Helper()
	var f simulator.Faults
	for _, name := range names {
		f.Rules = append(f.Rules, simulator.FaultRule{Fault: name})
	}
	if err := c.sim.SetFaults(f); err != nil {
		t.Fatal(err)
	}
}

// hung is a server that takes requests and answers none.
func hung(t testing.TB) net.Listener {
	t.Helper()
	ln := open(t)
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}
