package graph

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrForbiddenRequest is what [GuardTransport] returns instead of sending a request that is not on its list.
var ErrForbiddenRequest = errors.New("this request is not on the list of those that may leave")

// Roots gives the system's trust roots plus the certificates in pem, for [HTTPClient]. It refuses text
// without a single certificate, because a wrong ca-file should be noticed at start.
func Roots(pem []byte) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without roots still trusts what it is given
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate found: a PEM file with at least one CERTIFICATE block is needed")
	}
	return pool, nil
}

// HTTPClient builds the client on which everything here is based: TLS 1.2 or newer, verified against roots
// (nil: the system's; see [Roots] to add some), no redirects, HTTP/2, proxy from the environment (by CONNECT,
// as all our URLs are https). There is no way to switch verification off. The 10 s timeout is a backstop;
// each use sets a tighter one.
func HTTPClient(roots *x509.CertPool) *http.Client {
	dialer := &net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: noRedirects,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			OnProxyConnectResponse: ConnectRefused,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout:    3 * time.Second,
			ForceAttemptHTTP2:      true,
			// A connection that died in silence must be found before an operator's key needs it.
			HTTP2:                  &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 2 * time.Second},
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// ProxyError says that a proxy did not let a connection through.
type ProxyError struct {
	Proxy  string // host and port; never the user that HTTPS_PROXY may name
	Status int    // of its answer to CONNECT
}

// Error names the proxy: its answer would else read as that of the host behind it.
func (e *ProxyError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the proxy %s lets nothing through: it answers %d %s", e.Proxy, e.Status, http.StatusText(e.Status)))
}

// ConnectRefused is for http.Transport.OnProxyConnectResponse; its error is a [*ProxyError].
func ConnectRefused(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{proxy.Host, answer.StatusCode}
}

// noRedirects hands a 3xx back as it is: following one would carry the bearer to a place we did not choose.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// guarded copies a client so that it can only send what is allowed, whatever the caller's client permits.
func guarded(base *http.Client, allowed ...Allowed) *http.Client {
	c := *cmp.Or(base, &http.Client{Timeout: 10 * time.Second})
	c.CheckRedirect = noRedirects
	c.Jar = nil
	c.Transport = GuardTransport(c.Transport, allowed...)
	return &c
}

// Allowed is one line of the list of requests that may leave. The zero value allows nothing.
type Allowed struct {
	method string
	scheme string // "": https
	host   string
	path   func(string) bool
	query  func(url.Values) bool // nil: none at all
}

// AllowReject allows POST {root}/{version}/communications/calls/{id}/reject, for valid ids only.
func AllowReject(root, version string) (Allowed, error) {
	u, err := httpsRoot(root)
	if err != nil {
		return Allowed{}, fmt.Errorf("graph url: %w", err)
	}
	prefix := u.Path + "/" + version + "/communications/calls/"
	return Allowed{method: http.MethodPost, host: u.Host, path: func(p string) bool {
		rest, ok := strings.CutPrefix(p, prefix)
		id, reject := strings.CutSuffix(rest, "/reject")
		return ok && reject && ValidCallID(id)
	}}, nil
}

// AllowSignIn allows the two requests of a client-credentials sign-in at authority: GET of the tenant's OpenID
// document and POST to its token endpoint, for tenants that are GUIDs.
func AllowSignIn(authority string) ([]Allowed, error) {
	u, err := httpsRoot(authority)
	if err != nil {
		return nil, fmt.Errorf("authority url: %w", err)
	}
	tenantThen := func(suffix string) func(string) bool {
		return func(p string) bool {
			tenant, ok := strings.CutSuffix(strings.TrimPrefix(p, u.Path+"/"), suffix)
			return ok && isGUID(tenant)
		}
	}
	return []Allowed{
		{method: http.MethodGet, host: u.Host, path: tenantThen("/v2.0/.well-known/openid-configuration")},
		{method: http.MethodPost, host: u.Host, path: tenantThen("/oauth2/v2.0/token")},
	}, nil
}

// AllowKeys allows GET on the host of the webhook's OpenID document, which also serves the keys.
func AllowKeys(metadata string) (Allowed, error) {
	u, err := httpsURL(metadata)
	if err != nil {
		return Allowed{}, fmt.Errorf("webhook metadata url: %w", err)
	}
	return Allowed{method: http.MethodGet, host: u.Host, path: func(string) bool { return true }}, nil
}

// GuardTransport refuses, with [ErrForbiddenRequest], every request that none of allowed describes: other
// hosts, methods, paths, plain http, a query, user info or a Host header that disagrees with the URL. It is the
// last line of defence (G-01): code above builds its URLs with care, and this catches the day it does not.
// A nil base means http.DefaultTransport.
func GuardTransport(base http.RoundTripper, allowed ...Allowed) http.RoundTripper {
	return &guard{cmp.Or(base, http.DefaultTransport), allowed}
}

type guard struct {
	base    http.RoundTripper
	allowed []Allowed
}

// RoundTrip sends what is allowed and nothing else. The refusal names no path: an id or a secret may be in it.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, a := range g.allowed {
		if a.permits(r) {
			return g.base.RoundTrip(r)
		}
	}
	if r.Body != nil {
		_ = r.Body.Close() // the contract of RoundTripper, also on errors
	}
	return nil, fmt.Errorf("%w: %s to host %q", ErrForbiddenRequest, r.Method, r.URL.Host)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the base.
func (g *guard) CloseIdleConnections() {
	if c, ok := g.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (a Allowed) permits(r *http.Request) bool {
	u := r.URL
	return a.path != nil && r.Method == a.method && u.Scheme == cmp.Or(a.scheme, "https") && u.User == nil &&
		strings.EqualFold(u.Host, a.host) && (r.Host == "" || strings.EqualFold(r.Host, a.host)) &&
		u.Opaque == "" && u.RawPath == "" && u.Fragment == "" && a.path(u.Path) && a.permitsQuery(u)
}

func (a Allowed) permitsQuery(u *url.URL) bool {
	if a.query == nil {
		return u.RawQuery == ""
	}
	q, err := url.ParseQuery(u.RawQuery)
	return err == nil && a.query(q)
}

// httpsURL parses an absolute https URL without user info, query or fragment.
func httpsURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case strings.TrimSpace(raw) == "":
		return nil, errors.New("blank")
	case err != nil || u.Host == "" || u.Hostname() == "":
		return nil, errors.New("not an absolute URL")
	case u.Scheme != "https":
		return nil, errors.New("not https")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawPath != "":
		return nil, errors.New("user info, query, fragment and escaped characters are not allowed")
	}
	return u, nil
}

// httpsRoot is httpsURL for a URL to which paths are appended: one trailing slash is dropped.
func httpsRoot(raw string) (*url.URL, error) {
	u, err := httpsURL(raw)
	if err != nil {
		return nil, err
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// userAgent names us to Microsoft, as its best practices ask; nothing personal is in it.
const userAgent = "callscreen"
