package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"callscreen/relay/cert/pebble"
)

// writePair writes a certificate for this machine that signs itself, and its key.
func writePair(t *testing.T, certFile, keyFile, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	err = errors.Join(err,
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
}

// awaitServed waits until the certificate of a name is served at an address.
func awaitServed(t *testing.T, address, want string) {
	t.Helper()
	got := ""
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: want, InsecureSkipVerify: true})
		if err != nil {
			got = err.Error()
			continue
		}
		got = conn.ConnectionState().PeerCertificates[0].DNSNames[0]
		_ = conn.Close()
		if got == want {
			return
		}
	}
	t.Fatalf("%s is served, want %s", got, want)
}

// A relay off loopback: TLS from files that are renewed under it, health on a
// port of its own, and a console that trusts it.
func TestARelayServesTheCertificateThatIsRenewedUnderIt(t *testing.T) {
	t.Parallel()
	dir, listen, health := t.TempDir(), freeAddress(t), freeAddress(t)
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, certFile, keyFile, "first.example")
	ms := newMicrosoft(t, dir, listen)
	secret := filepath.Join(dir, "client-secret")
	if err := os.WriteFile(secret, []byte(ms.ClientSecret()), 0o600); err != nil {
		t.Fatal(err)
	}
	relay := start(t, dir, append(ms.relayArgs(listen), "--client-secret-file", secret,
		"--tls-cert", certFile, "--tls-key", keyFile, "--metrics-listen", health)...)
	awaitReady(t, relay, "http://"+health)
	awaitServed(t, listen, "first.example")

	console := start(t, dir, "console", "--relay", "https://"+listen, "--ca-file", certFile, "--output", "json")
	console.stdout.awaitEvent(t, "the link", 0, func(l line) bool { return l.Event == "link" && l.Up != nil && *l.Up })

	writePair(t, certFile, keyFile, "second.example")
	awaitServed(t, listen, "second.example")
	if err := os.Chmod(keyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	relay.stderr.await(t, "the refusal of a key that others can read", 0, func(l string) bool {
		return strings.Contains(l, "the old one stays") && strings.Contains(l, "chmod 600")
	})
	awaitServed(t, listen, "second.example")
}

// The whole program as it stands at a public name, with a CA that does knock.
func TestARelayObtainsItsCertificateByItself(t *testing.T) {
	dir, listen, health := t.TempDir(), freeAddress(t), freeAddress(t)
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	ca, ms := pebble.New(t, number), newMicrosoft(t, dir, listen)
	args := ms.relayArgs(listen)
	trusted := filepath.Join(dir, "ca.pem")
	for i, arg := range args {
		if arg == "--ca-file" { // the simulator's, and the CA's own
			pem, err := os.ReadFile(args[i+1])
			if err = errors.Join(err, os.WriteFile(trusted, append(pem, ca.PEM()...), 0o600)); err != nil {
				t.Fatal(err)
			}
			args[i+1] = trusted
		}
	}
	cmd := command(dir, append(args, "--acme-host", "relay.example.test", "--acme-directory-url", ca.Directory, "--metrics-listen", health)...)
	cmd.Env = append(cmd.Env, "CALLSCREEN_CLIENT_SECRET="+ms.ClientSecret())
	relay := startCommand(t, cmd)
	awaitReady(t, relay, "http://"+health) // not before there is a certificate
	conn, err := tls.Dial("tcp", listen, &tls.Config{ServerName: "relay.example.test", RootCAs: ca.Roots, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if ca.Orders() != 1 {
		t.Errorf("%d orders", ca.Orders())
	}
	relay.stderr.await(t, "the warning about the port", 0, func(l string) bool {
		return strings.Contains(l, "the CA knocks at port 443")
	})
}
