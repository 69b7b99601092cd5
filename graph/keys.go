package graph

import (
	"context"
	"crypto/rsa"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	keyRefresh      = 2 * time.Hour // Microsoft's own sample
	keyRetryFirst   = 250 * time.Millisecond
	keyRetryLast    = 15 * time.Second // also when a refresh fails: the old set serves meanwhile
	keyRefreshRetry = time.Minute
	keyLife         = 24 * time.Hour   // how long the last good set serves when no refresh succeeds
	unknownInterval = 60 * time.Second // between two downloads that unknown kids set off
	unknownWait     = 2 * time.Second  // how long a request waits for the download it set off
	unknownWaiters  = 16               // requests with the same new kid that may wait together
)

// ErrNoKeys means that no usable set of signing keys is held, so nobody can be authenticated: the webhook
// answers 503 and is not ready. It is never a reason to accept.
var ErrNoKeys = errors.New("no keys to check webhook tokens are held: the metadata URL could not be read")

// keyRing holds the current key set. All downloads happen in run, one after another; everybody else only looks
// or asks. So "one in flight" needs no lock to be true.
type keyRing struct {
	source *keySource
	now    func() time.Time
	log    *slog.Logger
	held   atomic.Pointer[keySet]
	asks   chan *ask

	mu      sync.Mutex
	pending *ask      // the unknown kid for which a download is asked or under way
	askedAt time.Time // when the last one was asked
}

// ask is one unknown kid that set off a download, and those who wait for it.
type ask struct {
	kid     string
	waiters int
	done    chan struct{}
}

func newKeyRing(source *keySource, now func() time.Time, log *slog.Logger) *keyRing {
	return &keyRing{source: source, now: now, log: log, asks: make(chan *ask, 1)}
}

// run loads the keys, quickly again and again until it works once, then every two hours and when asked.
func (r *keyRing) run(ctx context.Context) error {
	wait := time.Duration(0)
	backoff := keyRetryFirst
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		var asked *ask
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case asked = <-r.asks:
		}
		err := r.refresh(ctx)
		r.answered(asked)
		switch {
		case err == nil:
			wait, backoff = keyRefresh, keyRetryFirst
		case r.usable() == nil:
			wait = backoff/2 + rand.N(backoff) //nolint:gosec // jitter, not a secret
			backoff = min(2*backoff, keyRetryLast)
		default:
			wait = keyRefreshRetry
		}
		timer.Reset(wait)
	}
}

// refresh replaces the set, or keeps it when the download fails.
func (r *keyRing) refresh(ctx context.Context) error {
	set, err := r.source.download(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.log.WarnContext(ctx, "webhook keys could not be refreshed", "error", err, "keys_held", r.usable() != nil)
		}
		return err
	}
	r.held.Store(set)
	r.log.DebugContext(ctx, "webhook keys refreshed", "kids", len(set.keys))
	return nil
}

// usable gives the set if it may still be used: a day after its download it is no longer trusted (W-12).
func (r *keyRing) usable() *keySet {
	set := r.held.Load()
	if set == nil || r.now().Sub(set.at) > keyLife {
		return nil
	}
	return set
}

// find gives every key with that kid. For an unknown kid the first asker sets off one download and waits for it
// up to 2 s, so that a key roll does not lose the call that shows it; requests with the very same kid may wait
// with it. All others, and everyone within the next 60 s, are told at once that there is no such key (W-10).
func (r *keyRing) find(ctx context.Context, kid string) ([]*rsa.PublicKey, error) {
	set := r.usable()
	if set == nil {
		return nil, ErrNoKeys
	}
	if keys := set.keys[kid]; len(keys) > 0 {
		return keys, nil
	}
	done := r.ask(kid)
	if done == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, unknownWait)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
	}
	if set = r.usable(); set == nil {
		return nil, ErrNoKeys
	}
	return set.keys[kid], nil
}

// ask gives a channel to wait on, or nil when there is nothing to wait for.
func (r *keyRing) ask(kid string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.pending; p != nil {
		if p.kid != kid || p.waiters >= unknownWaiters {
			return nil
		}
		p.waiters++
		return p.done
	}
	now := r.now()
	if !r.askedAt.IsZero() && now.Sub(r.askedAt) < unknownInterval && !now.Before(r.askedAt) {
		return nil
	}
	r.askedAt = now
	r.pending = &ask{kid: kid, waiters: 1, done: make(chan struct{})}
	r.asks <- r.pending // has room for one, and only one is pending
	return r.pending.done
}

// answered wakes those who waited for a download that an unknown kid set off.
func (r *keyRing) answered(a *ask) {
	if a == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = nil
	close(a.done)
}
