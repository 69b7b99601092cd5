package cert

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io/fs"
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

	"callscreen/relay/cert/pebble"
)

const host = "relay.example.test"

// options are those of a relay that is host, at this CA.
func options(at *pebble.Server, dir string, log *slog.Logger) ACMEOptions {
	return ACMEOptions{
		Hosts: []string{host}, Email: "ops@example.test", Directory: at.Directory, Dir: dir,
		HTTP: at.Client(), Logger: log,
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
	authority, log, dir := pebble.New(t, port), &journal{}, filepath.Join(t.TempDir(), "acme")
	a := running(t, options(authority, dir, log.logger()))
	at := serveOn(t, ln, a.TLS())
	if _, err := leaf(at, host, nil); err == nil && a.Ready() != nil {
		t.Error("a handshake succeeded without a certificate")
	}
	await(t, "a certificate", func() bool { return a.Ready() == nil })

	for _, name := range []string{host, strings.ToUpper(host)} {
		got, err := leaf(at, name, authority.Roots)
		if err != nil || !slices.Equal(got.DNSNames, []string{host}) {
			t.Errorf("%s: served %v, %v", name, got, err)
		}
	}
	for _, stranger := range []string{"", "other.example.test", "127.0.0.1", "..", host + ".example"} {
		if got, err := leaf(at, stranger, nil); err == nil {
			t.Errorf("%q was served %v", stranger, got.DNSNames)
		}
	}
	if _, err := leaf(at, host, authority.Roots, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		t.Error("TLS 1.1 was served")
	}
	if authority.Orders() != 1 || log.count("a new certificate is served") != 1 {
		t.Errorf("%d orders, and it said %s", authority.Orders(), &log.buf)
	}
	private(t, dir)

	// The next start needs no CA.
	authority.Close()
	again := running(t, options(authority, dir, log.logger()))
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
	authority, log := pebble.New(t, port), &journal{}
	a := running(t, options(authority, t.TempDir()+"/acme", log.logger()))
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
	authority := pebble.New(t, port)
	a, err := NewACME(options(authority, t.TempDir()+"/acme", (&journal{}).logger())) // Run is not called
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
	if got := authority.Orders(); got != 0 {
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
		dir := filepath.Join(t.TempDir(), "ana's acme")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
		_, err := NewACME(ACMEOptions{Directory: "https://ca.example", Dir: dir, HTTP: http.DefaultClient})
		if err == nil || !strings.Contains(err.Error(), "chmod 700 '"+filepath.Dir(dir)+`/ana'\''s acme'`) {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}
