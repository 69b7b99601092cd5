package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"callscreen/relay/call"
)

const (
	// postWithin bounds a decision by HTTP: a ring, its grace and the way.
	postWithin = longestRing + graceAfter + 4*time.Second
	// maxAnswer bounds the body of its answer.
	maxAnswer = 64 << 10
)

// Reject decides about one call by HTTP, for scripts: POST
// /v1/calls/{id}/reject. request is the caller's id of the decision; repeating
// it brings the same answer; "" makes a new one. Every verdict of the relay is
// an answer, and so is [call.WasUnknown] when the connection broke after the
// request had left. An error means that nothing was decided, in words. Of several
// relays the next is asked where one cannot be reached or is not ready.
func Reject(ctx context.Context, o Options, id call.ID, reason call.Reason, request string) (call.Answer, error) {
	c, err := New(o)
	if err != nil {
		return call.Answer{}, err
	}
	if id, err = call.ParseID(string(id)); err != nil {
		return call.Answer{}, err
	}
	if request == "" {
		request = rand.Text()
	}
	ctx, cancel := context.WithTimeout(ctx, postWithin)
	defer cancel()
	var failed []error
	for _, relay := range c.relays {
		answer, err := c.post(ctx, relay, id, reason, request)
		if err == nil {
			return answer, nil
		}
		failed = append(failed, err)
	}
	return call.Answer{}, errors.Join(failed...)
}

// post asks one relay.
func (c *Client) post(ctx context.Context, relay *url.URL, id call.ID, reason call.Reason, request string) (call.Answer, error) {
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}
	req, err := c.postRequest(httptrace.WithClientTrace(ctx, trace), relay, id, reason, request)
	if err != nil {
		return call.Answer{}, err
	}
	hc := c.httpClient(relay)
	defer hc.CloseIdleConnections()
	resp, err := hc.Do(req)
	if err != nil {
		if sent.Load() {
			return call.Answer{
				Request: request, Call: id, Reason: reason, Verdict: call.WasUnknown,
				Words: "the relay did not answer: it may have worked",
			}, nil
		}
		return call.Answer{}, unreachable(relay.Host, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return call.Answer{}, refusal(relay.Host, resp)
	}
	return readAnswer(resp.Body, call.Answer{Request: request, Call: id, Reason: reason})
}

func (c *Client) postRequest(ctx context.Context, relay *url.URL, id call.ID, reason call.Reason, request string) (*http.Request, error) {
	body, err := json.Marshal(map[string]string{"reason": string(reason), "request_id": request})
	if err != nil {
		return nil, fmt.Errorf("decision for the relay: %w", err)
	}
	req, err := c.request(ctx, http.MethodPost, relay.JoinPath("v1/calls", string(id), "reject"), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.GetBody = nil // never sent twice behind our back
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}

// request is a request as this operator.
func (c *Client) request(ctx context.Context, method string, to *url.URL, body io.Reader) (*http.Request, error) {
	bearer, err := c.opts.bearer()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return nil, fmt.Errorf("request for the relay: %w", err)
	}
	req.Header.Set("Authorization", bearer)
	if c.opts.UserAgent != "" {
		req.Header.Set("User-Agent", c.opts.UserAgent)
	}
	return req, nil
}

// httpClient follows no redirects: the token is for the relay alone.
func (c *Client) httpClient(relay *url.URL) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: c.opts.dialer(relay), TLSClientConfig: c.opts.trust(), TLSHandshakeTimeout: handshakeWithin,
			Proxy: http.ProxyFromEnvironment, DisableCompression: true, DisableKeepAlives: true,
		},
	}
}

// readAnswer reads the relay's answer. One that breaks off leaves the outcome
// unknown, since the relay has the decision.
func readAnswer(body io.Reader, asked call.Answer) (call.Answer, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil {
		asked.Verdict, asked.Words = call.WasUnknown, "the relay's answer broke off: it may have worked"
		return asked, nil //nolint:nilerr // unknown is an answer
	}
	var a call.Answer
	if err := json.Unmarshal(data, &a); err != nil || a.Verdict == "" || len(data) > maxAnswer {
		return call.Answer{}, errors.New("the relay's answer is not one to a decision")
	}
	// A script prints these on a terminal; on a screen they are cleaned as they are drawn.
	a.Words, a.By, a.Reason = clean(a.Words), clean(a.By), call.Reason(clean(string(a.Reason)))
	a.Verdict = call.Verdict(clean(string(a.Verdict)))
	return a, nil
}
