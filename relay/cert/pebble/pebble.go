// Package pebble is a CA for tests: Pebble, the ACME server against which Let's
// Encrypt has clients tested, in this process. It is strict, refuses some good
// nonces on purpose, and does knock at the port it is told. Nothing that runs may
// import it.
package pebble

import (
	"crypto/x509"
	"encoding/pem"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// Server is one CA.
type Server struct {
	Directory string         // for acme-directory-url
	Roots     *x509.CertPool // of the certificates it issues

	srv    *httptest.Server
	orders atomic.Int32
}

// New serves a CA until the test ends. For each name it knocks at a port of this
// machine, as a real one does at port 443 of the name's address.
func New(t testing.TB, port int) *Server {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet := log.New(t.Output(), "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	validator := va.New(quiet, 0, port, true, resolver(t), store)
	front := wfe.New(quiet, store, validator, issuer, []string{"ca.example"}, true, false, 1, 1)
	s := &Server{Roots: x509.NewCertPool()}
	s.Roots.AddCert(issuer.GetRootCert(0).Cert)
	handler := front.Handler()
	s.srv = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == newOrder {
			w = counting{w, &s.orders}
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.srv.Close)
	s.Directory = s.srv.URL + wfe.DirectoryPath
	return s
}

const newOrder = "/order-plz" // Pebble's, so that nobody guesses it

// counting counts orders that are taken, and not those sent again after a refused
// nonce.
type counting struct {
	http.ResponseWriter
	orders *atomic.Int32
}

func (c counting) WriteHeader(status int) {
	if status == http.StatusCreated {
		c.orders.Add(1)
	}
	c.ResponseWriter.WriteHeader(status)
}

// Orders is how many certificates were ordered.
func (s *Server) Orders() int32 { return s.orders.Load() }

// Client trusts the certificate that the CA itself serves with.
func (s *Server) Client() *http.Client { return s.srv.Client() }

// PEM is that certificate, for ca-file.
func (s *Server) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.srv.Certificate().Raw})
}

// Close takes the CA off the network before the test ends.
func (s *Server) Close() { s.srv.Close() }

// resolver answers every question with this machine's address.
func resolver(t testing.TB) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{Listener: ln, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if name := q.Question[0]; name.Qtype == dns.TypeA {
			header := dns.RR_Header{Name: name.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}
			m.Answer = []dns.RR{&dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = srv.ActivateAndServe() }()
	t.Cleanup(func() { _ = srv.Shutdown() })
	return ln.Addr().String()
}
