package graph

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// certificate makes one that is valid for an hour from at on, signed by its own key.
func certificate(t testing.TB, key crypto.Signer, at time.Time) *x509.Certificate {
	t.Helper()
	of := &x509.Certificate{
		SerialNumber: big.NewInt(at.Unix()), Subject: pkix.Name{CommonName: "reception bot"},
		NotBefore: at, NotAfter: at.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// The relay runs for months, and reads the certificate once.
func TestACertificateThatEndsSoonIsRemindedOfOnceADay(t *testing.T) {
	key := strangersKey()
	synctest.Test(t, func(t *testing.T) {
		cert := certificate(t, key, time.Now())
		c, err := ClientCertificate(pemOf(t, key, cert), "", time.Now())
		if err != nil || !c.Ends().Equal(cert.NotAfter) {
			t.Fatalf("it ends at %v, want %v: %v", c.Ends(), cert.NotAfter, err)
		}
		c.ends = time.Now().Add(SoonEnded + 24*time.Hour)
		var log lockedBuffer
		tokens, err := NewTokens(TokensOptions{
			Authority: authority, Scope: testScope, ClientID: testApp, Tenant: testTenant, Credential: c,
			HTTP: &http.Client{Transport: newEntra()}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		running(t, tokens.Run)
		for i, until := range []time.Duration{23 * time.Hour, 26 * time.Hour, 51 * time.Hour} {
			time.Sleep(until - time.Since(cert.NotBefore))
			synctest.Wait()
			if n := strings.Count(log.String(), "the client certificate ends soon"); n != i || strings.Contains(log.String(), "could not be refreshed") {
				t.Errorf("after %v: said %d times, want %d: %s", until, n, i, log.String())
			}
		}
	})
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func pemOf(t testing.TB, key crypto.PrivateKey, certs ...*x509.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for _, c := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

const pfxPassword = "pfx~CANARY"

func pfxOf(t testing.TB, as *pkcs12.Encoder, key crypto.PrivateKey, cert *x509.Certificate, password string) []byte {
	t.Helper()
	pfx, err := as.Encode(key, cert, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return pfx
}

// strangersKey is a good key of somebody else.
var strangersKey = sync.OnceValue(func() *rsa.PrivateKey { return newSigner("", 2048).key })

func TestACertificateComesAsPEMOrAsAnyKindOfPKCS12(t *testing.T) {
	key := microsoft().key
	cert := certificate(t, key, issuedAt)
	issuer := certificate(t, strangersKey(), issuedAt)
	pkcs1 := append(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	for name, row := range map[string]struct {
		file     []byte
		password string
	}{
		"PEM":                        {pemOf(t, key, cert), ""},
		"PEM with the issuer first":  {pemOf(t, key, issuer, cert), ""},
		"PEM with a PKCS#1 key":      {pkcs1, ""},
		"PKCS#12 of OpenSSL 3":       {pfxOf(t, pkcs12.Modern2023, key, cert, pfxPassword), pfxPassword},
		"PKCS#12 of old":             {pfxOf(t, pkcs12.LegacyRC2, key, cert, pfxPassword), pfxPassword},
		"PKCS#12 with triple DES":    {pfxOf(t, pkcs12.LegacyDES, key, cert, pfxPassword), pfxPassword},
		"PKCS#12 without a password": {pfxOf(t, pkcs12.Passwordless, key, cert, ""), ""},
		"PKCS#12 with an empty one":  {pfxOf(t, pkcs12.Modern2023, key, cert, ""), ""},
	} {
		c, err := ClientCertificate(row.file, row.password, issuedAt.Add(time.Minute))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if words := c.String(); !strings.Contains(words, "client-certificate-file") || !strings.Contains(words, cert.NotAfter.UTC().Format(time.DateOnly)) {
			t.Errorf("%s: %s", name, c)
		}
	}
}

func TestACertificateThatCannotWorkIsRefusedWithTheMend(t *testing.T) {
	key := microsoft().key
	cert := certificate(t, key, issuedAt)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := pemOf(t, key, cert)
	for name, row := range map[string]struct {
		file     []byte
		password string
		after    time.Duration
		want     string
	}{
		"expired":               {good, "", 2 * time.Hour, "expired on"},
		"not yet valid":         {good, "", -time.Minute, "clock of this machine"},
		"no key":                {[]byte(strings.SplitAfter(string(good), "-----END PRIVATE KEY-----\n")[1]), "", 0, "PRIVATE KEY"},
		"no certificate":        {pemOf(t, key), "", 0, "CERTIFICATE"},
		"another's key":         {pemOf(t, strangersKey(), cert), "", 0, "none of the certificates"},
		"a key of another kind": {pemOf(t, curve, certificate(t, curve, issuedAt)), "", 0, "not an RSA key"},
		"PEM with a password":   {good, "x", 0, "takes no client-certificate-password"},
		"wrong password":        {pfxOf(t, pkcs12.Modern2023, key, cert, pfxPassword), "x", 0, "password is wrong"},
		"no password":           {pfxOf(t, pkcs12.LegacyDES, key, cert, pfxPassword), "", 0, "password is wrong"},
		"neither":               {[]byte("CANARY"), "", 0, "neither PEM nor"},
		"empty":                 {nil, "", 0, "neither PEM nor"},
	} {
		c, err := ClientCertificate(row.file, row.password, issuedAt.Add(row.after))
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), "client-certificate-file: ") {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") || c.provider != nil {
			t.Errorf("%s: %v %s", name, err, c)
		}
	}
}

func TestK01ACredentialPrintsWhichItIsAndNoSecret(t *testing.T) {
	key := microsoft().key
	cert := certificate(t, key, time.Now().Add(-time.Minute))
	fromCertificate, err := ClientCertificate(pfxOf(t, pkcs12.Modern2023, key, cert, pfxPassword), pfxPassword, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	system, err := ManagedIdentity("system", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		credential Credential
		want       string
	}{
		{secretOf(t, testSecret), "client secret (client-secret)"},
		{fromCertificate, "client certificate (client-certificate-file), SHA-256 "},
		{WorkloadIdentity(func() (string, error) { return "eyJ.CANARY", nil }), "workload identity (workload-identity-token-file)"},
		{system, "managed identity (managed-identity = system)"},
		{Credential{}, "no credential"},
	} {
		inside := struct{ C Credential }{row.credential}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, row.credential)
			if !strings.HasPrefix(text, row.want) {
				t.Errorf("%s gives %s, want %s", verb, text, row.want)
			}
			if text += fmt.Sprintf(verb, inside); strings.Contains(text, "CANARY") {
				t.Errorf("%s gives %s", verb, text)
			}
		}
		if text, err := json.Marshal(inside); err != nil || strings.Contains(string(text), "CANARY") {
			t.Errorf("as JSON: %s, %v", text, err)
		}
	}
	if _, err := ClientSecret(" \t"); err == nil {
		t.Error("a blank secret was accepted")
	}
}

func TestG01AManagedIdentitysEndpointIsOfThisMachine(t *testing.T) {
	for _, row := range []struct {
		id, endpoint string
		good         bool
	}{
		{"system", "", true},
		{testApp, "", true},
		{strings.ToUpper(testApp), "http://127.0.0.1:41741/MSI/token/", true},
		{"system", "http://localhost:42356/msi/token", true},
		{"system", "http://169.254.129.4:8081/msi/token", true},
		{"system", "http://[::1]:1/msi/token", true},

		{"", "", false},
		{"System", "", false},
		{"/subscriptions/x/resourceGroups/y", "", false},
		{"system", "http://10.0.0.1/msi/token", false},
		{"system", "http://identity.example/msi/token", false},
		{"system", "http://localhost.example/msi/token", false},
		{"system", "http://127.0.0.1.example/msi/token", false},
		{"system", "http://[fe80::1]/msi/token", false},
		{"system", "https://127.0.0.1/msi/token", false},
		{"system", "http://u:p@127.0.0.1/msi/token", false},
		{"system", "http://127.0.0.1/msi/token?x=1", false},
		{"system", "http://127.0.0.1/msi%2ftoken", false},
		{"system", "file:///etc/passwd", false},
		{"system", "127.0.0.1/msi/token", false},
	} {
		if _, err := ManagedIdentity(row.id, row.endpoint); (err == nil) != row.good {
			t.Errorf("%q at %q: %v", row.id, row.endpoint, err)
		}
	}
}
