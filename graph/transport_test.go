package graph

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestG01OnlyTheFixedListLeaves(t *testing.T) {
	rejecting, err := AllowReject("https://graph.example", "v1.0")
	if err != nil {
		t.Fatal(err)
	}
	signing, err := AllowSignIn("https://login.example/")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := AllowKeys(metadataURL)
	if err != nil {
		t.Fatal(err)
	}
	allowed := append(signing, rejecting, keys)
	const call = "https://graph.example/v1.0/communications/calls/" + testCall
	for _, row := range []struct {
		method, url string
		leaves      bool
	}{
		{"POST", call + "/reject", true},
		{"GET", "https://login.example/" + testTenant + "/v2.0/.well-known/openid-configuration", true},
		{"POST", "https://login.example/" + testTenant + "/oauth2/v2.0/token", true},
		{"GET", metadataURL, true},
		{"GET", keysURL, true},

		{"GET", call + "/reject", false},
		{"PUT", call + "/reject", false},
		{"POST", call + "/answer", false},
		{"POST", call + "/reject/", false},
		{"POST", call + "/reject?x=1", false},
		{"POST", call + "/microsoft.graph.reject", false},
		{"POST", call + "/x/reject", false},
		{"POST", "https://graph.example/v1.0/communications/calls//reject", false},
		{"POST", "https://graph.example/v1.0/communications/calls/../reject", false},
		{"POST", "https://graph.example/v1.0/communications/calls/a%2Fb/reject", false},
		{"POST", "https://graph.example/v1.0/communications/calls/a%2e/reject", false},
		{"DELETE", call, false},
		{"POST", strings.Replace(call, "v1.0", "beta", 1) + "/reject", false},
		{"POST", strings.Replace(call, "https", "http", 1) + "/reject", false},
		{"POST", strings.Replace(call, "graph.example", "graph.example:8443", 1) + "/reject", false},
		{"POST", strings.Replace(call, "graph.example", "graph.example.evil.example", 1) + "/reject", false},
		{"POST", strings.Replace(call, "graph.example", "u:p@graph.example", 1) + "/reject", false},
		{"POST", strings.Replace(call, "graph.example", "login.example", 1) + "/reject", false},
		{"POST", "https://graph.example/v1.0/users/x/sendMail", false},
		{"POST", "https://login.example/common/oauth2/v2.0/token", false},
		{"POST", "https://login.example/" + testTenant + "/oauth2/token", false},
		{"GET", "https://login.example/" + testTenant + "/oauth2/v2.0/token", false},
		{"GET", "https://login.example/x/" + testTenant + "/v2.0/.well-known/openid-configuration", false},
		{"POST", keysURL, false},
		{"GET", "http://keys.example/v1/keys", false},
		{"GET", "https://169.254.169.254/metadata/instance", false},
	} {
		left := false
		guard := GuardTransport(roundTrip(func(*http.Request) (*http.Response, error) {
			left = true
			return respond(202, ""), nil
		}), allowed...)
		body := &closeSpy{Reader: strings.NewReader("x")}
		req, err := http.NewRequestWithContext(t.Context(), row.method, row.url, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := guard.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if left != row.leaves || errors.Is(err, ErrForbiddenRequest) == row.leaves || !body.closed {
			t.Errorf("%s %s: left %v, %v, body closed %v", row.method, row.url, left, err, body.closed)
		}
	}
}

type closeSpy struct {
	io.Reader
	closed bool
}

func (c *closeSpy) Close() error { c.closed = true; return nil }

func TestG01AForgedHostHeaderDoesNotLeave(t *testing.T) {
	rejecting, err := AllowReject("https://graph.example", "v1.0")
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://graph.example/v1.0/communications/calls/a/reject", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !rejecting.permits(req) || (Allowed{}).permits(req) {
		t.Error("the request itself is judged wrongly")
	}
	req.Host = "evil.example"
	if rejecting.permits(req) {
		t.Error("another Host header was permitted")
	}
	req.Host = ""
	req.URL = &url.URL{Scheme: "https", Host: "graph.example", Opaque: "//evil.example/", Path: req.URL.Path}
	if rejecting.permits(req) {
		t.Error("an opaque URL was permitted")
	}
}

func TestG03OldTLSIsRefusedAndNoSwitchTurnsVerificationOff(t *testing.T) {
	transport, ok := HTTPClient(nil).Transport.(*http.Transport)
	if !ok || transport.TLSClientConfig.InsecureSkipVerify || transport.TLSClientConfig.MinVersion != tls.VersionTLS12 || transport.Proxy == nil {
		t.Fatalf("%+v", transport)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.Config.ErrorLog = discardLog
	server.StartTLS()
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := HTTPClient(poolOf(server)).Do(req); err == nil {
		_ = resp.Body.Close()
		t.Error("TLS 1.1 was spoken")
	}
}

func TestRootsNeedACertificate(t *testing.T) {
	if _, err := Roots([]byte("not a certificate")); err == nil {
		t.Error("text was taken for a certificate")
	}
}
