package graph

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// slot is one tenant's token. Only Tokens' methods touch it, under mu.
type slot struct {
	token    string
	expires  time.Time
	renewAt  time.Time // when Run starts the next refresh; zero: not yet tried
	used     time.Time
	flight   chan struct{} // closed when the refresh under way ends; nil: none is
	failure  error         // of the last refresh
	failedAt time.Time
	backoff  time.Duration
}

// slot finds or makes a tenant's slot and notes its use. Beyond 512 tenants the one unused for longest goes.
func (t *Tokens) slot(tenant string) *slot {
	s := t.slots[tenant]
	if s == nil {
		if len(t.slots) >= maxTenants {
			t.evict()
		}
		s = &slot{}
		t.slots[tenant] = s
	}
	s.used = t.now()
	return s
}

func (t *Tokens) evict() {
	oldest := ""
	for tenant, s := range t.slots {
		if tenant != t.home && (oldest == "" || s.used.Before(t.slots[oldest].used)) {
			oldest = tenant
		}
	}
	delete(t.slots, oldest)
}

func (t *Tokens) current(s *slot) (string, bool) {
	return s.token, s.token != "" && t.now().Add(minTokenLife).Before(s.expires)
}

func (t *Tokens) failedLately(s *slot) bool {
	return s.failure != nil && t.now().Sub(s.failedAt) < failureHold
}

// start starts the tenant's one refresh, or finds it under way. The caller holds mu.
func (t *Tokens) start(tenant string, s *slot) <-chan struct{} {
	if s.flight != nil {
		return s.flight
	}
	done := make(chan struct{})
	if t.life.Err() != nil {
		s.failure, s.failedAt = t.sign.failure(tenant, errStopped), t.now()
		close(done)
		return done
	}
	s.flight = done
	t.tasks.Go(func() { t.refresh(tenant, s, done) })
	return done
}

func (t *Tokens) refresh(tenant string, s *slot, done chan struct{}) {
	ctx, cancel := context.WithTimeoutCause(t.life, refreshTimeout, errors.New("no answer within 10 s"))
	defer cancel()
	token, err := t.sign.fetch(ctx, tenant)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	t.remind(ctx, now)
	if err == nil {
		s.token, s.expires, s.failure, s.backoff = token.Token, token.ExpiresOn, nil, 0
		s.renewAt = renewal(now, token)
		t.log.DebugContext(ctx, "Graph token refreshed", "tenant", tenant, "expires", token.ExpiresOn)
	} else {
		s.failure, s.failedAt = err, now
		s.backoff = min(max(2*s.backoff, retryFirst), retryLast)
		s.renewAt = now.Add(s.backoff/2 + rand.N(s.backoff)) //nolint:gosec // jitter, not a secret
		if _, held := t.current(s); tenant != t.home && !held {
			s.renewAt = now.Add(tenantIdle) // the app may not be known there: wait for the next call to ask
		}
		if t.life.Err() == nil {
			t.log.WarnContext(ctx, "Graph token could not be refreshed", "error", err, "token_held", s.token != "" && now.Before(s.expires))
		}
	}
	s.flight = nil
	close(done)
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// remind warns, once a day, of a certificate that ends soon. The caller holds mu.
func (t *Tokens) remind(ctx context.Context, now time.Time) {
	ends := t.sign.credential.ends
	if ends.IsZero() || ends.Sub(now) > SoonEnded || now.Sub(t.reminded) < 24*time.Hour {
		return
	}
	t.reminded = now
	t.log.WarnContext(ctx, "the client certificate ends soon or has ended: add a new one to the app registration, put it in client-certificate-file and restart the relay", "end", ends)
}

// renewal is five minutes before expiry, earlier if the server says so, and for short-lived tokens half of what is
// left, so that a server with odd lives is not asked without end.
func renewal(now time.Time, token azcore.AccessToken) time.Time {
	at := token.ExpiresOn.Add(-renewAhead)
	if r := token.RefreshOn; !r.IsZero() && r.Before(at) {
		at = r
	}
	if half := now.Add(token.ExpiresOn.Sub(now) / 2); at.Before(half) {
		at = half
	}
	if soonest := now.Add(retryFirst); at.Before(soonest) {
		return soonest
	}
	return at
}
