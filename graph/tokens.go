package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	renewAhead     = 5 * time.Minute  // before a token expires (G-04)
	refreshTimeout = 10 * time.Second // for one refresh, in the background
	tokenWait      = 3 * time.Second  // how long a caller waits for one when none is held
	failureHold    = time.Second      // after a failed refresh callers get its error without a new request
	retryFirst     = time.Second
	retryLast      = time.Minute
	tenantIdle     = 24 * time.Hour // a foreign tenant that was not used for so long is no longer renewed
	maxTenants     = 512
	minTokenLife   = 5 * time.Second // what a token must still have to be handed out
)

// TokensOptions say who we are. Authority, Scope, ClientID, Tenant and Credential are required.
type TokensOptions struct {
	Authority  string           // https, "https://login.microsoftonline.com"
	Scope      string           // Graph's root and "/.default"
	ClientID   string           // the app's (client) id
	Tenant     string           // our own tenant, a GUID; its token is fetched at start
	Credential Credential       // how the app proves to be ClientID
	HTTP       *http.Client     // see HTTPClient; nil: Go's default transport
	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil: none
}

// Tokens holds Graph's access tokens in memory, one per tenant, of one cloud, and renews them ahead of need, so
// that nobody with fifteen seconds waits for a sign-in. It is safe for concurrent use.
type Tokens struct {
	home string
	sign signIn
	now  func() time.Time
	log  *slog.Logger
	wake chan struct{} // tells Run that something changed

	life context.Context // of all refreshes; ends with Run
	stop context.CancelFunc

	mu       sync.Mutex
	slots    map[string]*slot
	reminded time.Time // of the certificate's end
	tasks    sync.WaitGroup
}

// NewTokens refuses blank or malformed settings, all of them in one error.
func NewTokens(o TokensOptions) (*Tokens, error) {
	var errs []error
	for _, s := range []struct{ name, text string }{
		{"client id (client-id)", o.ClientID}, {"scope (graph-url)", o.Scope},
	} {
		if strings.TrimSpace(s.text) == "" {
			errs = append(errs, fmt.Errorf("the %s is blank", s.name))
		}
	}
	if o.Credential.provider == nil {
		errs = append(errs, errors.New("there is no credential (client-secret, client-certificate-file, workload-identity-token-file or managed-identity)"))
	}
	if !isGUID(o.Tenant) {
		errs = append(errs, errors.New("the tenant (tenant-id) is not a GUID"))
	}
	allowed, err := AllowSignIn(o.Authority)
	errs = append(errs, err)
	if u, err := httpsRoot(o.Authority); err == nil && u.Path != "" {
		errs = append(errs, errors.New("authority url: a path is not allowed"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("sign-in to Graph: %w", err)
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	home := strings.ToLower(o.Tenant)
	sign := signIn{strings.TrimSuffix(o.Authority, "/"), o.Scope, o.ClientID, home, o.Credential, guarded(o.HTTP, allowed...)}
	t := &Tokens{
		home: home, sign: sign, now: now,
		log: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)), wake: make(chan struct{}, 1), slots: map[string]*slot{},
	}
	t.life, t.stop = context.WithCancel(context.Background())
	t.slots[t.home] = &slot{}
	return t, nil
}

// Run fetches the home tenant's token, again and again with growing pauses until it works, and renews every token
// in use five minutes before it expires. When ctx ends it stops all refreshes, waits for them and returns ctx's
// error; Tokens is then of no more use. Call it once.
func (t *Tokens) Run(ctx context.Context) error {
	defer t.end()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-t.wake:
		}
		timer.Reset(t.startDue())
	}
}

// end stops and awaits all refreshes. Under mu, so that none can start between the two.
func (t *Tokens) end() {
	t.mu.Lock()
	t.stop()
	t.mu.Unlock()
	t.tasks.Wait()
}

// startDue starts the refreshes that are due and says when to look again.
func (t *Tokens) startDue() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, next := t.now(), time.Hour
	for tenant, s := range t.slots {
		switch {
		case s.flight != nil:
			// its end wakes Run
		case tenant != t.home && now.Sub(s.used) > tenantIdle:
			delete(t.slots, tenant)
		case !now.Before(s.renewAt):
			t.start(tenant, s)
		default:
			next = min(next, s.renewAt.Sub(now))
		}
	}
	return next
}

// Token gives the tenant's token from memory; a tenant of "" is our own. Only if none is held does it start the one
// refresh, or join the one under way, and wait for it at most 3 s. The error is a [*SignInError] or ctx's.
func (t *Tokens) Token(ctx context.Context, tenant string) (string, error) {
	return t.get(ctx, tenant, "")
}

// Renew is for a token that Graph answered with 401: it drops that token if it is still held and gives a newer
// one, with one refresh for all who ask.
func (t *Tokens) Renew(ctx context.Context, tenant, rejected string) (string, error) {
	return t.get(ctx, tenant, rejected)
}

// Warm makes sure that the tenant's token is held or on its way, and does not wait. The webhook calls it when a call
// rings, so that the token is there before a key is pressed. What is not a GUID is ignored.
func (t *Tokens) Warm(tenant string) {
	tenant, err := t.tenant(tenant)
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(tenant)
	if _, ok := t.current(s); !ok && !t.failedLately(s) {
		t.start(tenant, s)
	}
}

// Ready is nil while a good token of our own tenant is held.
func (t *Tokens) Ready() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slots[t.home]
	if _, ok := t.current(s); ok {
		return nil
	}
	return cmp.Or(s.failure, errNoTokenYet)
}

var (
	errNoTokenYet = errors.New("no Graph token is held yet")
	errStopped    = errors.New("shutting down")
)

func (t *Tokens) get(ctx context.Context, tenant, rejected string) (string, error) {
	tenant, err := t.tenant(tenant)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	s := t.slot(tenant)
	if rejected != "" && s.token == rejected {
		s.token = ""
	}
	if token, ok := t.current(s); ok {
		t.mu.Unlock()
		return token, nil
	}
	if s.flight == nil && t.failedLately(s) {
		defer t.mu.Unlock()
		return "", s.failure
	}
	done := t.start(tenant, s)
	t.mu.Unlock()
	if err := t.wait(ctx, done, tenant); err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if token, ok := t.current(s); ok {
		return token, nil
	}
	return "", cmp.Or(s.failure, errNoTokenYet)
}

// wait is for the end of a refresh, at most 3 s.
func (t *Tokens) wait(ctx context.Context, done <-chan struct{}, tenant string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, tokenWait, errors.New("no answer within 3 s"))
	defer cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return t.sign.failure(tenant, context.Cause(ctx))
	}
}

// tenant checks a tenant before it is ever part of a URL (G-11).
func (t *Tokens) tenant(tenant string) (string, error) {
	tenant = strings.ToLower(cmp.Or(tenant, t.home))
	if !isGUID(tenant) {
		return "", errors.New("sign-in to Microsoft: the tenant is not a GUID")
	}
	return tenant, nil
}
