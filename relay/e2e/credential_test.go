package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"callscreen/graph/simulator"
)

// keyPair is a key and a certificate that is good for an hour.
func keyPair(t *testing.T) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

// The built relay without a client secret: it signs in, takes a call and rejects it, and says by what it signs in.
func TestARelaySignsInByEachKindOfCredential(t *testing.T) {
	t.Parallel()
	key, cert := keyPair(t)
	const issuer, subject = "https://cluster.example/", "system:serviceaccount:bots:reception"
	projected, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: issuer, Subject: subject, Audience: jwt.ClaimStrings{simulator.DefaultAudience}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	for name, row := range map[string]struct {
		file  string // what the setting's file holds; "": the setting is no file
		value string
		says  string
	}{
		"client-certificate-file":      {string(both), "", "client certificate (client-certificate-file), SHA-256 "},
		"workload-identity-token-file": {projected, "", "workload identity (workload-identity-token-file)"},
		"managed-identity":             {"", simulator.DemoAppID, "managed identity (managed-identity = " + simulator.DemoAppID + ")"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, listen := t.TempDir(), freeAddress(t)
			ms := newMicrosoft(t, dir, listen, func(o *simulator.Options) {
				o.Certificates = []*x509.Certificate{cert}
				o.Federation = &simulator.Federation{Issuer: issuer, Subject: subject, Key: key.Public()}
			})
			host := httptest.NewServer(ms.IdentityEndpoint(ms.base, "identity-header"))
			t.Cleanup(host.Close)
			value := row.value
			if row.file != "" {
				value = filepath.Join(dir, "proof")
				if err := os.WriteFile(value, []byte(row.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := command(dir, append(ms.relayArgs(listen), "--"+name, value)...)
			cmd.Env = append(cmd.Env, "IDENTITY_ENDPOINT="+host.URL+"/msi/token", "IDENTITY_HEADER=identity-header")
			relay := startCommand(t, cmd)
			awaitReady(t, relay, "http://"+listen)
			id, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "user"})
			if err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := run(t, dir, "reject", id, "--reason", "busy", "--relay", "http://"+listen); code != 0 {
				t.Errorf("exit %d: %s", code, stderr)
			}
			if n := ms.TokenRequests(); n != 1 || !strings.Contains(relay.stderr.String(), row.says) {
				t.Errorf("%d token requests, and the relay says: %s", n, relay.stderr)
			}
		})
	}
}
