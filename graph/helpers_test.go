package graph

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testApp    = "0f5e2c9a-7a53-4a6f-9a37-1d0b5a1c7e11"
	testTenant = "2b1c3d4e-5f60-4718-9a2b-3c4d5e6f7081"
	otherGUID  = "99999999-8888-4777-a666-555555555555"
	testCall   = "57dab8b1-894c-409a-b240-bd8beae78896"
)

// issuedAt is when the tests' tokens are made.
var issuedAt = time.Unix(1_900_000_000, 0)

// signer is one of Microsoft's keys, or a forger's.
type signer struct {
	kid string
	key *rsa.PrivateKey
}

var (
	microsoft = sync.OnceValue(func() signer { return newSigner("ms-1", 2048) })
	rolled    = sync.OnceValue(func() signer { return newSigner("ms-2", 2048) })
	forger    = sync.OnceValue(func() signer { return newSigner("ms-1", 2048) }) // claims Microsoft's kid
	weak      = sync.OnceValue(func() signer { return newSigner("weak", 1024) })
)

func newSigner(kid string, bits int) signer {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return signer{kid, key}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign signs exactly the given texts, so that a test can write what no library would.
func (s signer) sign(header, claims string) string {
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + b64(sig)
}

func (s signer) header() string {
	return fmt.Sprintf(`{"alg":"RS256","kid":%q,"x5t":%q,"typ":"JWT","cty":"JWT"}`, s.kid, s.kid)
}

// token is one as Graph makes them, with members replaced; a nil value removes one.
func (s signer) token(at time.Time, change map[string]any) string {
	claims := map[string]any{
		"iss": "https://api.botframework.com", "aud": testApp, "tid": testTenant, "appid": otherGUID,
		"nbf": at.Unix(), "exp": at.Add(5 * time.Minute).Unix(),
	}
	for k, v := range change {
		claims[k] = v
		if v == nil {
			delete(claims, k)
		}
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return s.sign(s.header(), string(text))
}

// jwk is the public half as a key set shows it.
func (s signer) jwk() string {
	return fmt.Sprintf(`{"kty":"RSA","use":"sig","kid":%q,"n":%q,"e":%q,"x5c":["ignored"]}`,
		s.kid, b64(s.key.N.Bytes()), b64(big.NewInt(int64(s.key.E)).Bytes()))
}

func jwks(signers ...signer) string {
	keys := make([]string, 0, len(signers))
	for _, s := range signers {
		keys = append(keys, s.jwk())
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

func withToken(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// heldAuthenticator holds the keys of the given signers and needs no network.
func heldAuthenticator(t testing.TB, now func() time.Time, signers ...signer) *Authenticator {
	t.Helper()
	a, err := NewAuthenticator(AuthenticatorOptions{
		MetadataURL: "https://keys.example/metadata", Issuers: []string{issuerBot, issuerGraph}, AppID: strings.ToUpper(testApp), Now: now,
		HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })},
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := parseKeySet([]byte(jwks(signers...)))
	if err != nil {
		t.Fatal(err)
	}
	a.ring.held.Store(&keySet{keys, now()})
	return a
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	return f(r)
}

func respond(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// poolOf trusts a test server and nothing else.
func poolOf(servers ...*httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, s := range servers {
		pool.AddCert(s.Certificate())
	}
	return pool
}

// running starts run and ends it with the test.
func running(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = run(ctx) // ctx's error
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func reasonOf(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	if e, ok := err.(*TokenError); ok { //nolint:errorlint // the exact type is the contract
		return e.Reason
	}
	t.Fatalf("error is a %T, want *TokenError: %v", err, err)
	return ""
}

// discardLog is for test servers whose handshake errors are the point of the test.
var discardLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
