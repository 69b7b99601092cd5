package simulator

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// The identity of the simulated bot where Options names no other. Published constants: the simulator
// guards nothing. DemoSecret says in itself that it is no secret.
const (
	DemoAppID    = "5c8e57ad-3b1f-4d0a-9a57-0123456789ab"
	DemoTenantID = "7e2f8c1d-6a40-4b9e-8f31-ba9876543210"
	DemoSecret   = "simulated-client-secret-not-a-secret"
)

// DefaultRing is how long a call rings (Graph v1.0, call: reject), RecordingRing how long an invite of
// compliance recording does (Graph v1.0, call: answer).
const (
	DefaultRing   = 15 * time.Second
	RecordingRing = 5 * time.Second
)

// ErrClosed is returned by whatever is asked of a simulator after its end.
var ErrClosed = errors.New("simulator: closed")

// Latency is a range of waiting times; each use draws from it by the seed. The zero value waits not at all.
type Latency struct{ Min, Max time.Duration }

// Options is read once, by New. The zero value works, except that calls need a Webhook.
type Options struct {
	// Seed decides the calls; see the package comment. Zero is a seed like any other.
	Seed uint64
	// AppID, TenantID and ClientSecret are the bot's; empty means DemoAppID, DemoTenantID, DemoSecret.
	AppID, TenantID, ClientSecret string
	// Certificates are those of the bot's registration: it may sign in with a token signed by one of their keys.
	Certificates []*x509.Certificate
	// Federation lets the bot sign in with the tokens of another issuer; nil: with none.
	Federation *Federation
	// Webhook is the bot's calling webhook, http or https. It may be set later, by SetWebhook.
	Webhook string
	// Balance are several host:port that take turns in place of the Webhook's own, as instances behind a
	// load balancer do; one that cannot be reached is passed over. Default none.
	Balance []string
	// WebhookRoots are trusted for an https webhook; nil means the system's.
	WebhookRoots *x509.CertPool
	// Transport reaches the webhook; nil means TCP without a proxy. A test in a synctest bubble gives one
	// that needs no socket.
	Transport http.RoundTripper
	// RingTimeout is how long calls ring; 0 means DefaultRing. Invites of compliance recording ring for
	// RecordingRing at most.
	RingTimeout time.Duration
	// NotifyTimeout sends `deleted` with a resultInfo when the ring time is over. Off by default: what
	// Microsoft sends then is not documented.
	NotifyTimeout bool
	// Speed divides the pauses between calls and the times of scripts; 0 means 1. The ring time and the
	// latencies below are never changed by it.
	Speed float64
	// RejectLatency is how long the reject API takes to answer; nil means 80 to 240 ms.
	RejectLatency *Latency
	// DeletedLatency is the pause between a 202 and the `deleted` notification; nil means 150 to 400 ms.
	DeletedLatency *Latency
	// Dir keeps the CA and the callback key (0600), so that a restart is not noticed; empty keeps them in
	// memory.
	Dir string
	// Logger gets one line for each call, rejection and failure, with ids and statuses only; nil is silence.
	Logger *slog.Logger

	newKey func() (*rsa.PrivateKey, error) // for tests, which need many simulators and few keys
}

// Simulator is the running Microsoft. Its methods may be called from any goroutine.
type Simulator struct {
	opts     Options
	log      *slog.Logger
	identity *identity
	entra    *entraKey
	leaf     tls.Certificate
	handler  http.Handler
	client   *http.Client
	slots    chan struct{} // held while a notification is under way

	// ctx ends with Close; work counts the goroutines that run on it.
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	rolling sync.Mutex // one writer of the private file

	mu         sync.Mutex // guards all below, never held over I/O
	closed     bool
	webhook    string
	keys       []*callbackKey // the first one signs, all are published
	book       callBook
	rejections []Rejection
	rules      []*armedRule
	armed      []fault // service faults that calls brought with them
	draws      map[faultClass]uint64
	tokens     int
	redirects  int
	strays     []string
}

// New makes or loads the simulator's identity and its keys. It opens no port and starts nothing: the
// caller owes a Close, or a Serve, which closes.
func New(opts Options) (*Simulator, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	id, err := openIdentity(opts.Dir, opts.newKey)
	if err != nil {
		return nil, err
	}
	leaf, err := id.leaf()
	if err != nil {
		return nil, fmt.Errorf("simulator: certificate: %w", err)
	}
	key, err := newCallbackKey(id.callback)
	if err != nil {
		return nil, err
	}
	entra, err := newEntraKey()
	if err != nil {
		return nil, err
	}
	s := &Simulator{
		opts: opts, log: opts.Logger, identity: id, entra: entra, leaf: leaf,
		client: webhookClient(opts), slots: make(chan struct{}, maxDeliveries),
		webhook: opts.Webhook, keys: []*callbackKey{key}, draws: map[faultClass]uint64{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.handler = s.routes()
	return s, nil
}

// complete fills in the defaults and judges what was given, every fault at once.
func (o *Options) complete() error {
	o.AppID = cmp.Or(o.AppID, DemoAppID)
	o.TenantID = cmp.Or(o.TenantID, DemoTenantID)
	o.ClientSecret = cmp.Or(o.ClientSecret, DemoSecret)
	o.RingTimeout = cmp.Or(o.RingTimeout, DefaultRing)
	o.Speed = cmp.Or(o.Speed, 1)
	o.RejectLatency = cmp.Or(o.RejectLatency, &Latency{80 * time.Millisecond, 240 * time.Millisecond})
	o.DeletedLatency = cmp.Or(o.DeletedLatency, &Latency{150 * time.Millisecond, 400 * time.Millisecond})
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.newKey == nil {
		o.newKey = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) }
	}
	var faults []error
	refuse := func(format string, args ...any) { faults = append(faults, fmt.Errorf("simulator: "+format, args...)) }
	if uuid.Validate(o.AppID) != nil {
		refuse("app id %q is not a GUID", o.AppID)
	}
	if uuid.Validate(o.TenantID) != nil {
		refuse("tenant id %q is not a GUID", o.TenantID)
	}
	if o.RingTimeout < 0 {
		refuse("ring timeout %v is negative", o.RingTimeout)
	}
	if !(o.Speed > 0) || math.IsInf(o.Speed, 1) {
		refuse("speed %v is not a positive number", o.Speed)
	}
	for name, l := range map[string]*Latency{"reject latency": o.RejectLatency, "deleted latency": o.DeletedLatency} {
		if l.Min < 0 || l.Max < l.Min {
			refuse("%s %v to %v is not a range", name, l.Min, l.Max)
		}
	}
	faults = append(faults, o.checkProofs())
	if o.Federation != nil {
		f := *o.Federation
		f.Audience = cmp.Or(f.Audience, DefaultAudience)
		o.Federation = &f
	}
	if o.Webhook != "" {
		faults = append(faults, checkWebhook(o.Webhook))
	}
	return errors.Join(faults...)
}

func checkWebhook(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		// Not quoted: a webhook URL may carry credentials.
		return errors.New("simulator: webhook is not an absolute http or https URL without a user")
	}
	return nil
}

// SetWebhook says where calls ring from now on, for a bot whose port is known only after it has started.
func (s *Simulator) SetWebhook(webhook string) error {
	if err := checkWebhook(webhook); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhook = webhook
	return nil
}

// Serve answers over https on ln until ctx ends, then closes the simulator and returns nil, with all its
// goroutines finished. It takes ln over. A simulator serves once.
func (s *Simulator) Serve(ctx context.Context, ln net.Listener) error {
	defer s.Close()
	server := &http.Server{
		Handler: s.handler,
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{s.leaf},
		},
		// No WriteTimeout: slow and hanging answers are among what is simulated.
		ReadHeaderTimeout: 3 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(ln, "", "") }()
	select {
	case err := <-served:
		return fmt.Errorf("simulator: serve: %w", err)
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	s.cancel() // first, so that hanging answers end and Shutdown has nothing to wait for
	// Short: HTTP/2 says its goodbye for a whole second, and whoever ends a demo
	// waits for his prompt.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 200*time.Millisecond)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		s.log.Warn("listener", "error", err)
	}
	return nil
}

// Close ends every call without a word to the webhook, and returns when all goroutines have ended.
func (s *Simulator) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
	s.client.CloseIdleConnections()
}

// background runs f on the simulator's own account; after Close nothing starts any more.
func (s *Simulator) background(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Go(f)
	}
}

// Handler is what Serve serves, for servers and tests that bring their own listener or none.
func (s *Simulator) Handler() http.Handler { return s.handler }

// CAPEM is the certificate that clients must trust: the content of a `ca-file`.
func (s *Simulator) CAPEM() []byte { return s.identity.caPEM() }

// ClientSecret is the bot's secret at the simulated Entra.
func (s *Simulator) ClientSecret() string { return s.opts.ClientSecret }

// Settings are the callscreen settings that point a relay at a simulator served at base, such as
// https://127.0.0.1:9443. Two are not among them. The client secret has no flag and no place in a list
// that may be printed: take it from [Simulator.ClientSecret] and hand it over in the environment
// (CALLSCREEN_CLIENT_SECRET) or a client-secret-file. And without Options.Dir there is no file for
// ca-file to name: write [Simulator.CAPEM] to one.
func (s *Simulator) Settings(base string) map[string]string {
	base = strings.TrimRight(base, "/")
	settings := map[string]string{
		"authority-url":        base,
		"graph-url":            base,
		"webhook-metadata-url": base + "/v1/.well-known/OpenIdConfiguration",
		"client-id":            s.opts.AppID,
		"tenant-id":            s.opts.TenantID,
	}
	if s.opts.Dir != "" {
		settings["ca-file"] = filepath.Join(s.opts.Dir, caFile)
	}
	return settings
}

// scaled is a scripted time at the configured speed.
func (s *Simulator) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.opts.Speed)
}

// sleep waits for d, or for the end of ctx or of the simulator; it reports whether d has passed.
func (s *Simulator) sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil && s.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	return false
}
