package client

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

func TestC04PlainTextIsForLoopbackAndAddressesCarryNoSecrets(t *testing.T) {
	for _, tc := range []struct {
		url string
		ok  bool
	}{
		{"http://127.0.0.1:8080", true},
		{"http://localhost:8080", true},
		{"http://[::1]:8080", true},
		{"http://127.8.9.1", true},
		{"https://relay.example.com", true},
		{"https://10.0.0.1:8443/behind/a/proxy/", true},
		{"http://relay.example.com", false},
		{"http://10.0.0.1:8080", false},
		{"http://0.0.0.0:8080", false},
		{"http://localhost.example.com", false},
		{"http://127.0.0.1.example.com", false},
		{"http://2130706433", false},
		{"https://ana:canary@relay.example.com", false},
		{"https://relay.example.com/?token=canary", false},
		{"https://relay.example.com/?", false},
		{"https://relay.example.com/#canary", false},
		{"https://", false},
		{"relay.example.com:canary", false},
		{"ws://127.0.0.1:8080", false},
		{"http://127.0.0.1:canary\x7f", false},
		{"", false},
	} {
		_, err := New(options(tc.url))
		if ok := err == nil; ok != tc.ok {
			t.Errorf("%q: %v", tc.url, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("the refusal repeats the secret: %v", err)
		}
	}
	if _, err := New(Options{URL: "http://127.0.0.1:1"}); err == nil {
		t.Error("a client without a token was made")
	}
}

func TestC04AnAddressThatIsNotLoopbackAfterAllIsHungUpOn(t *testing.T) {
	l, err := new(net.ListenConfig{}).Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	relay, err := parseRelay("http://localhost:" + port)
	if err != nil {
		t.Fatal(err)
	}
	dial := Options{}.dialer(relay)
	if conn, err := dial(t.Context(), "tcp", "127.0.0.1:"+port); err != nil {
		t.Errorf("loopback is refused: %v", err)
	} else {
		_ = conn.Close()
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		ip, ok := a.(*net.IPNet)
		if !ok || ip.IP.IsLoopback() || ip.IP.To4() == nil {
			continue
		}
		// As if the name had led here.
		if conn, err := dial(t.Context(), "tcp", net.JoinHostPort(ip.IP.String(), port)); err == nil {
			_ = conn.Close()
			t.Errorf("a plain connection to %s was made", ip.IP)
		}
	}
}

func TestC02TheTokenTravelsInOneHeaderAndIsNeverLogged(t *testing.T) {
	var log bytes.Buffer
	var mu sync.Mutex
	f := attentive()
	server := httptest.NewServer(f)
	defer server.Close()
	o := options(server.URL)
	o.Logger = slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	k := &console{Client: c}
	next(t, k, isUp)
	c.Reconnect()
	next(t, k, isDown)
	next(t, k, isUp)
	cancel()
	running.Wait()

	for i, h := range f.asked() {
		if got := h.Get("Authorization"); got != "Bearer "+theToken {
			t.Errorf("the header is %q", got)
		}
		h.Del("Authorization")
		if all := fmt.Sprint(h, f.urls[i]); strings.Contains(all, "canary") {
			t.Errorf("the token is elsewhere, too: %s", all)
		}
		for _, never := range []string{"Origin", "Cookie", "Sec-Websocket-Extensions"} { // C-03, C-05
			if h.Get(never) != "" {
				t.Errorf("%s: %s is sent", never, h.Get(never))
			}
		}
		if h.Get("User-Agent") != "callscreen/test" {
			t.Errorf("the user agent is %q", h.Get("User-Agent"))
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if log.Len() == 0 || strings.Contains(log.String(), "canary") {
		t.Errorf("the log is %q", log.String())
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestATokenThatIsNotThereYetIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := attentive()
		var asked int
		c, _ := inMemory(t, f, func(c *Client) {
			c.opts.Token = func() (string, error) {
				switch asked++; asked {
				case 1:
					return "", errors.New("there is no file /data/operator.token yet")
				case 2:
					return "", nil
				case 3:
					return "two words\r\nX: y", nil
				default:
					return theToken, nil
				}
			}
		})
		read := next(t, c, isUp)
		if n := len(f.asked()); n != 1 {
			t.Errorf("%d requests went out", n)
		}
		said := 0
		for _, u := range read {
			if isDown(u) && strings.HasPrefix(u.Link.Err, "no token for the relay: ") {
				said++
			}
		}
		if said == 0 {
			t.Error("why there is no link is not said")
		}
	})
}

// identity is a server's key and certificate by a fresh authority.
func identity(t *testing.T, host string, notAfter time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: notAfter,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestC15AForgedRelayGetsNoByteOfTheToken(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour)
	for name, tc := range map[string]struct {
		host    string
		until   time.Time
		version uint16
		trusted bool
		blind   bool // options that ask not to verify
		words   string
	}{
		"the right one": {"127.0.0.1", tomorrow, tls.VersionTLS13, true, false, ""},
		"unknown CA":    {"127.0.0.1", tomorrow, tls.VersionTLS13, false, false, "is not signed by an authority that this console trusts"},
		"wrong name":    {"other.example.com", tomorrow, tls.VersionTLS13, true, false, "is for another name"},
		"expired":       {"127.0.0.1", time.Now().Add(-time.Hour), tls.VersionTLS13, true, false, "has expired or is not valid yet"},
		"old TLS":       {"127.0.0.1", tomorrow, tls.VersionTLS11, true, false, "cannot be reached"},
		"no verifying":  {"127.0.0.1", tomorrow, tls.VersionTLS13, false, true, "is not signed by an authority that this console trusts"},
	} {
		t.Run(name, func(t *testing.T) {
			cert, pool := identity(t, tc.host, tc.until)
			f := attentive()
			server := httptest.NewUnstartedServer(f)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tc.version}
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
			server.StartTLS()
			defer server.Close()
			o := options(server.URL)
			o.TLS = &tls.Config{MinVersion: tls.VersionTLS10}
			if tc.trusted {
				o.TLS.RootCAs = pool
			}
			if tc.blind {
				// Set without being named: the name must stand nowhere in the project.
				reflect.ValueOf(o.TLS).Elem().FieldByName("Insecure" + "SkipVerify").SetBool(true)
			}
			c, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := c.dial(t.Context(), c.relays[0])
			_, postErr := Reject(t.Context(), o, "a", call.Busy, "")
			if tc.words == "" {
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.Close()
				if got := f.asked()[0].Get("Authorization"); got != "Bearer "+theToken {
					t.Errorf("the right relay got %q", got)
				}
				return
			}
			for _, err := range []error{err, postErr} {
				if err == nil || !strings.Contains(err.Error(), tc.words) {
					t.Errorf("it says %v", err)
				}
			}
			if n := len(f.asked()); n != 0 {
				t.Errorf("%d requests arrived", n)
			}
		})
	}
}

func TestC15TLSIsNotSpokenToWhoeverAnswersPlainly(t *testing.T) {
	f := attentive()
	server := httptest.NewServer(f)
	defer server.Close()
	c, err := New(options(strings.Replace(server.URL, "http:", "https:", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.dial(t.Context(), c.relays[0]); err == nil || !strings.Contains(err.Error(), "does not speak TLS") {
		t.Errorf("it says %v", err)
	}
	if n := len(f.asked()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestC05ACompressionThatNobodyAskedForIsRefused(t *testing.T) {
	f := attentive()
	f.answer = func(w http.ResponseWriter, r *http.Request) bool {
		// As if we had offered it: the upgrader then takes it.
		r.Header.Set("Sec-Websocket-Extensions", "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
		conn, err := (&websocket.Upgrader{EnableCompression: true, Subprotocols: []string{wire.Subprotocol}}).Upgrade(w, r, nil)
		if err == nil {
			_, _, _ = conn.ReadMessage()
			_ = conn.Close()
		}
		return true
	}
	server := httptest.NewServer(f)
	defer server.Close()
	c, err := New(options(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.dial(t.Context(), c.relays[0]); err == nil || err.Error() != "the relay insists on an extension that was not asked for" {
		t.Errorf("it says %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	target := attentive()
	elsewhere := httptest.NewServer(target)
	defer elsewhere.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/v1/stream", code))
		c, err := New(options(server.URL))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.dial(t.Context(), c.relays[0]); err == nil || !strings.Contains(err.Error(), "redirect") {
			t.Errorf("%d: %v", code, err)
		}
		if _, err := Reject(t.Context(), c.opts, "a", call.Busy, ""); err == nil || !strings.Contains(err.Error(), "redirect") {
			t.Errorf("%d by HTTP: %v", code, err)
		}
		server.Close()
	}
	if n := len(target.asked()); n != 0 {
		t.Errorf("%d requests arrived elsewhere", n)
	}
}
