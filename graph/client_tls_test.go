package graph

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rejectServer is a Graph over https that counts what it gets.
func rejectServer(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = discardLog
	server.StartTLS()
	t.Cleanup(server.Close)
	c, err := NewClient(ClientOptions{
		Root: server.URL, Version: "beta", Tokens: &fakeTokens{}, HTTP: HTTPClient(poolOf(server)), Rand: func() float64 { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	return server, c
}

func TestRejectOverARealTLSServer(t *testing.T) {
	_, c := rejectServer(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Reason string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Reason != "forbidden" || r.URL.Path != "/beta/communications/calls/"+testCall+"/reject" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("request-id", r.Proto)
		w.WriteHeader(http.StatusAccepted)
	})
	receipt, err := c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "forbidden"})
	if err != nil || receipt.Status != 202 || receipt.Took <= 0 {
		t.Errorf("%+v, %v", receipt, err)
	}
}

func TestG09ARealResetIsUnknownAndARealClosedPortIsNot(t *testing.T) {
	server, c := rejectServer(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
	if e, ok := errors.AsType[*UnreachableError](err); !ok || !e.Ambiguous {
		t.Errorf("reset: %v", err)
	}
	server.Close()
	_, err = c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
	if e, ok := errors.AsType[*UnreachableError](err); !ok || e.Ambiguous {
		t.Errorf("closed port: %v", err)
	}
}

func TestG02NoRedirectIsFollowed(t *testing.T) {
	var stolen atomic.Int32
	target := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	defer target.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	defer plain.Close()
	var code int
	var location string
	own, c := rejectServer(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/reject") {
			stolen.Add(1)
		}
		w.Header().Set("Location", location)
		w.WriteHeader(code)
	})
	for _, code = range []int{301, 302, 303, 307, 308} {
		for _, location = range []string{target.URL, plain.URL, own.URL + "/elsewhere", "//" + target.Listener.Addr().String() + "/"} {
			_, err := c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
			if e, ok := errors.AsType[*RefusedError](err); !ok || e.Status != code {
				t.Errorf("%d to %s: %v", code, location, err)
			}
		}
	}
	if n := stolen.Load(); n != 0 {
		t.Errorf("%d requests followed a redirect", n)
	}
	// The planted bug: an ordinary client without the guard follows them.
	c.http = &http.Client{Transport: HTTPClient(poolOf(own, target)).Transport}
	code, location = 307, own.URL+"/elsewhere"
	_, _ = c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
	if stolen.Load() == 0 {
		t.Error("even an ordinary client follows nothing: this test cannot fail")
	}
}

// authorityKey is a CA of the tests.
var authorityKey = sync.OnceValue(func() *rsa.PrivateKey { return newSigner("", 2048).key })

// issue makes a server's certificate of the tests' CA, and the pool that trusts it.
func issue(t *testing.T, change func(*x509.Certificate)) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tests' CA"}, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	change(leaf)
	pool := x509.NewCertPool()
	var chain [][]byte
	for _, of := range []*x509.Certificate{leaf, ca} {
		public := strangersKey().Public()
		if of == ca {
			public = authorityKey().Public()
		}
		der, err := x509.CreateCertificate(rand.Reader, of, ca, public, authorityKey())
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, der)
	}
	root, err := x509.ParseCertificate(chain[1])
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(root)
	return tls.Certificate{Certificate: chain[:1], PrivateKey: strangersKey()}, pool
}

func TestG03AServerThatCannotBeVerifiedGetsNoHeader(t *testing.T) {
	t.Parallel()
	same := func(*x509.Certificate) {}
	for name, row := range map[string]struct {
		certificate func(*x509.Certificate)
		version     uint16 // the newest it speaks
		trusted     bool
		reached     bool
	}{
		"good":             {same, tls.VersionTLS13, true, true}, // so that the others could fail
		"good, older":      {same, tls.VersionTLS12, true, true},
		"unknown CA":       {same, tls.VersionTLS13, false, false},
		"wrong name":       {func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"graph.microsoft.com"} }, tls.VersionTLS13, true, false},
		"expired":          {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, tls.VersionTLS13, true, false},
		"not yet valid":    {func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, tls.VersionTLS13, true, false},
		"for clients only": {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, tls.VersionTLS13, true, false},
		"TLS 1.1":          {same, tls.VersionTLS11, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				got.Add(1)
				w.WriteHeader(http.StatusAccepted)
			}))
			cert, pool := issue(t, row.certificate)
			server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: row.version, Certificates: []tls.Certificate{cert}}
			server.Config.ErrorLog = discardLog
			server.StartTLS()
			t.Cleanup(server.Close)
			if !row.trusted {
				pool = poolOf()
			}
			c, err := NewClient(ClientOptions{Root: server.URL, Version: "v1.0", Tokens: &fakeTokens{}, HTTP: HTTPClient(pool), Rand: func() float64 { return 0 }})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: "", Reason: "busy"})
			e, unreached := errors.AsType[*UnreachableError](err)
			if row.reached != (err == nil) || row.reached != (got.Load() > 0) || !row.reached && (!unreached || e.Ambiguous) {
				t.Errorf("%v, %d requests arrived", err, got.Load())
			}
		})
	}
}

// No flag, setting or code of the program turns the verification of servers off.
func TestG03NoSwitchTurnsVerificationOff(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "InsecureSkipVerify") {
			t.Errorf("%s speaks of InsecureSkipVerify", path)
		}
		return err
	})
	if err != nil || files < 50 {
		t.Errorf("%d files, %v", files, err)
	}
}
