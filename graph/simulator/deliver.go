package simulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	maxDeliveries   = 64              // notifications under way at once
	deliveryTimeout = 5 * time.Second // for one POST, connecting included
)

// WebhookError is a webhook's answer that was not the one expected.
type WebhookError struct {
	Status int    // what the webhook answered
	Want   string // what was expected, such as "2xx"
}

func (e *WebhookError) Error() string {
	return fmt.Sprintf("simulator: webhook answered %d, want %s", e.Status, e.Want)
}

func webhookClient(opts Options) *http.Client {
	transport := opts.Transport
	if transport == nil {
		transport = &http.Transport{ // no Proxy: loopback is not reached through one
			DialContext:         (&net.Dialer{Timeout: deliveryTimeout}).DialContext,
			TLSClientConfig:     &tls.Config{RootCAs: opts.WebhookRoots, MinVersion: tls.VersionTLS12},
			MaxIdleConnsPerHost: maxDeliveries,
			IdleConnTimeout:     30 * time.Second,
			ForceAttemptHTTP2:   true,
		}
	}
	if len(opts.Balance) > 0 {
		transport = &balancer{hosts: opts.Balance, next: transport}
	}
	return &http.Client{
		Transport: transport,
		Timeout:   deliveryTimeout,
		// Microsoft's own client would follow a 302 to another instance; a relay needs none, and a token
		// must not travel to where a webhook points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// announce sends a call's `created` as its faults would have it.
func (s *Simulator) announce(ctx context.Context, c *call) error {
	_, late := c.faulty[faultLate]
	_, lost := c.faulty[faultLost]
	_, early := c.faulty[faultOutOfOrder]
	if late || lost || early {
		close(c.announced) // `deleted` is free to overtake it
	} else {
		defer close(c.announced)
	}
	if _, ok := c.faulty[faultKeyRoll]; ok {
		s.RollKey()
	}
	s.log.Info("call placed", "call", c.id, "kind", c.kind.name, "ring", c.ring)
	if early && s.end(c, HungUp) {
		if err := s.sayHungUp(ctx, c); err != nil {
			return err
		}
	}
	if late && !s.sleep(ctx, s.scaled(c.faulty[faultLate].arg)) {
		return s.stopped(ctx)
	}
	if lost {
		return nil
	}
	return s.sendCreated(ctx, c)
}

func (s *Simulator) sendCreated(ctx context.Context, c *call) error {
	if _, ok := c.faulty[faultLegacy]; ok {
		status, err := s.post(ctx, c, "legacy", c.legacy())
		if err != nil {
			return err
		}
		if status != http.StatusNoContent {
			s.noteStatus(c, status)
			return &WebhookError{status, "204 to the legacy body"}
		}
	}
	copies := 1
	if _, ok := c.faulty[faultDoubled]; ok {
		copies = 2
	}
	body := c.created()
	for range copies {
		status, err := s.post(ctx, c, "created", body)
		if err != nil {
			return err
		}
		s.noteStatus(c, status)
		if status/100 != 2 {
			return &WebhookError{status, "2xx"}
		}
	}
	return nil
}

func (s *Simulator) noteStatus(c *call, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.webhookStatus = status
}

// sayHungUp sends the `deleted` of a caller who gave up.
func (s *Simulator) sayHungUp(ctx context.Context, c *call) error {
	why := pick(newDice(s.opts.Seed, "hung up", c.n), []result{
		{200, 5002, "This conversation was ended by the other participant. DiagCode: 200#5002.@"},
		{487, 0, "Request terminated by the caller. DiagCode: 487#0.@"},
	})
	return s.sayDeleted(ctx, c, &why)
}

// sayDeleted sends `deleted` after `created` has been answered, as the call's faults would have it.
func (s *Simulator) sayDeleted(ctx context.Context, c *call, why *result) error {
	select {
	case <-c.announced:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return ErrClosed
	}
	if _, ok := c.faulty[faultDeletedLost]; ok {
		return nil
	}
	copies := 1
	if _, ok := c.faulty[faultDeletedDoubled]; ok {
		copies = 2
	}
	if f, ok := c.faulty[faultDeletedLate]; ok && !s.sleep(ctx, s.scaled(f.arg)) {
		return s.stopped(ctx)
	}
	body := c.ended(why)
	for range copies {
		status, err := s.post(ctx, c, "deleted", body)
		if err != nil {
			return err
		}
		if status/100 != 2 {
			return &WebhookError{status, "2xx"}
		}
	}
	return nil
}

func (s *Simulator) stopped(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return ErrClosed
}

// post sends one notification and returns what the webhook answered.
func (s *Simulator) post(ctx context.Context, c *call, what string, body []byte) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(ErrClosed) })()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	status, err := s.send(ctx, c, what, body)
	if err != nil {
		if context.Cause(ctx) != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
		s.log.Warn("notification not delivered", "call", c.id, "change", what, "error", err)
		return 0, fmt.Errorf("simulator: send %s: %w", what, err)
	}
	level := s.log.Debug
	if status/100 != 2 {
		level = s.log.Warn
	}
	level("notification answered", "call", c.id, "change", what, "status", status)
	return status, nil
}

func (s *Simulator) send(ctx context.Context, c *call, what string, body []byte) (int, error) {
	s.mu.Lock()
	webhook := s.webhook
	s.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	c.headers(newDice(s.opts.Seed, "headers "+what, c.n), req.Header)
	var forged []SignOption
	if _, ok := c.faulty[faultForged]; ok {
		forged = []SignOption{Forged()}
	}
	req.Header.Set("Authorization", "Bearer "+s.Sign(map[string]any{"tid": c.tenant}, forged...))
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // only to keep the connection
	return resp.StatusCode, nil
}

// headers are those seen on real notifications; none is promised.
func (c *call) headers(d dice, h http.Header) {
	h.Set("User-Agent", "Microsoft-Skype/3.0,(Calling/1.0)")
	h.Set("Content-Type", pick(d, []string{"application/json", "application/json; charset=utf-8"}))
	h.Set("X-Microsoft-Skype-Chain-ID", c.chain)
	if d.chance(0.7) {
		h.Set("Scenario-Id", c.chain)
	}
	if d.chance(0.5) {
		h.Set("X-Microsoft-Skype-Message-ID", d.guid())
	}
}
