package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

const host = "relay.example.test"

// authority is Pebble, the ACME server that Let's Encrypt tests clients with, in
// this process: it knocks at a port of ours, and every name it looks up is this
// machine.
type authority struct {
	srv       *httptest.Server
	roots     *x509.CertPool // of the certificates it issues
	orders    atomic.Int32
	directory string
}

func newAuthority(t *testing.T, port int) *authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet := log.New(t.Output(), "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	validator := va.New(quiet, 0, port, true, resolver(t), store)
	front := wfe.New(quiet, store, validator, issuer, []string{"ca.example"}, true, false, 1, 1)
	a := &authority{roots: x509.NewCertPool()}
	handler := front.Handler()
	a.srv = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "order-plz") {
			a.orders.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(a.srv.Close)
	a.directory = a.srv.URL + wfe.DirectoryPath
	a.roots.AddCert(issuer.GetRootCert(0).Cert)
	return a
}

// resolver answers every question with this machine's address.
func resolver(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{Listener: ln, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = srv.ActivateAndServe() }()
	t.Cleanup(func() { _ = srv.Shutdown() })
	return ln.Addr().String()
}

func (a *authority) options(dir string, log *slog.Logger) ACMEOptions {
	return ACMEOptions{
		Hosts: []string{host}, Email: "ops@example.test", Directory: a.directory, Dir: dir,
		HTTP: a.srv.Client(), Logger: log,
	}
}

// running is an ACME at work until the test ends.
func running(t *testing.T, o ACMEOptions) *ACME {
	t.Helper()
	a, err := NewACME(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return a
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func listen(t *testing.T) (ln net.Listener, port int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln, ln.Addr().(*net.TCPAddr).Port
}

func TestACertificateIsObtainedFromARealACMEServerBeforeAnybodyCalls(t *testing.T) {
	ln, port := listen(t)
	pebble, log, dir := newAuthority(t, port), &journal{}, filepath.Join(t.TempDir(), "acme")
	a := running(t, pebble.options(dir, log.logger()))
	at := serveOn(t, ln, a.TLS())
	if _, err := leaf(at, host, nil); err == nil && a.Ready() != nil {
		t.Error("a handshake succeeded without a certificate")
	}
	await(t, "a certificate", func() bool { return a.Ready() == nil })

	for _, name := range []string{host, strings.ToUpper(host)} {
		got, err := leaf(at, name, pebble.roots)
		if err != nil || !slices.Equal(got.DNSNames, []string{host}) {
			t.Errorf("%s: served %v, %v", name, got, err)
		}
	}
	for _, stranger := range []string{"", "other.example.test", "127.0.0.1", "..", host + ".example"} {
		if got, err := leaf(at, stranger, nil); err == nil {
			t.Errorf("%q was served %v", stranger, got.DNSNames)
		}
	}
	if _, err := leaf(at, host, pebble.roots, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		t.Error("TLS 1.1 was served")
	}
	if pebble.orders.Load() != 1 || log.count("a new certificate is served") != 1 {
		t.Errorf("%d orders, and it said %s", pebble.orders.Load(), &log.buf)
	}
	private(t, dir)

	// The next start needs no CA.
	pebble.srv.Close()
	again := running(t, pebble.options(dir, log.logger()))
	await(t, "the certificate from the cache", func() bool { return again.Ready() == nil })
}

// private checks that nobody else can read a folder that holds keys.
func private(t *testing.T, dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return // it keeps access in lists
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !e.IsDir() {
			files++
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || files < 2 { // the account's key, the certificate
		t.Errorf("%d files, %v", files, err)
	}
}

// The twin of the test above: the CA does judge the answer to its challenge. And
// a failure is said, is no reason to serve nothing else, and is not tried again
// at once.
func TestWithoutTheRightAnswerToTheChallengeThereIsNoCertificate(t *testing.T) {
	ln, port := listen(t)
	pebble, log := newAuthority(t, port), &journal{}
	a := running(t, pebble.options(t.TempDir()+"/acme", log.logger()))
	d := &disk{}
	d.cert, d.key = selfSigned(t, host, time.Now(), time.Hour)
	impostor, err := Open(d.read, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	wrong := impostor.TLS()
	wrong.NextProtos = a.TLS().NextProtos
	at := serveOn(t, ln, wrong)
	await(t, "a failure in the log", func() bool { return log.count("no certificate could be obtained") > 0 })
	if a.Ready() == nil || log.count("next_try_in=2m0s") != 1 {
		t.Errorf("%v, and it said %s", a.Ready(), &log.buf)
	}
	if _, err := leaf(at, host, nil); err != nil {
		t.Errorf("what serves: %v", err)
	}
}

// A handshake asks nobody for a certificate, whatever name it brings.
func TestAHandshakeSpendsNoneOfTheCAsPatience(t *testing.T) {
	ln, port := listen(t)
	pebble := newAuthority(t, port)
	a, err := NewACME(pebble.options(t.TempDir()+"/acme", (&journal{}).logger())) // Run is not called
	if err != nil {
		t.Fatal(err)
	}
	at := serveOn(t, ln, a.TLS())
	for _, name := range []string{host, "other.example.test", ""} {
		for _, protocols := range [][]string{nil, {"acme-tls/1"}} {
			if _, err := leaf(at, name, nil, func(c *tls.Config) { c.NextProtos = protocols }); err == nil {
				t.Errorf("%q %v was served", name, protocols)
			}
		}
	}
	if got := pebble.orders.Load(); got != 0 {
		t.Errorf("%d orders", got)
	}
}

// proves G-01 for the CA: its directory does not choose where we send.
func TestG01ADirectoryThatPointsElsewhereIsNotFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for name, target := range map[string]string{"another host": other.URL, "plain http": ""} {
		var srv *httptest.Server
		srv = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			to := target
			if to == "" {
				to = "http://" + srv.Listener.Addr().String()
			}
			_ = json.NewEncoder(w).Encode(map[string]string{"newNonce": to + "/n", "newAccount": to + "/a", "newOrder": to + "/o"})
		}))
		defer srv.Close()
		log := &journal{}
		a := running(t, ACMEOptions{Hosts: []string{host}, Directory: srv.URL, Dir: t.TempDir() + "/acme", HTTP: other.Client(), Logger: log.logger()})
		await(t, "a failure in the log", func() bool { return log.count("no certificate could be obtained") > 0 })
		if a.Ready() == nil || elsewhere.Load() != 0 || log.count("which is not asked") == 0 {
			t.Errorf("%s: %d requests elsewhere, and it said %s", name, elsewhere.Load(), &log.buf)
		}
	}
}

func TestK02AFolderOfKeysThatOthersCanEnterIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it keeps access in lists")
	}
	for _, mode := range []fs.FileMode{0o701, 0o710, 0o750, 0o755, 0o770, 0o777} {
		dir := filepath.Join(t.TempDir(), "acme")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
		_, err := NewACME(ACMEOptions{Directory: "https://ca.example", Dir: dir, HTTP: http.DefaultClient})
		if err == nil || !strings.Contains(err.Error(), "chmod 700 "+dir) {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}
