package simulator

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"sync"
	"time"
)

const (
	// CallbackIssuer is the issuer of notification tokens, and of the metadata document.
	CallbackIssuer = "https://api.botframework.com"
	// callbackApp is the appid in notification tokens: Microsoft's calling service, never the bot.
	callbackApp = "26a18ebc-cdf7-4a6a-91cb-beb352805e81"
	// callbackLife is how long a notification token is good for.
	callbackLife = 5 * time.Minute
)

// signing is a token in the making; options bend it.
type signing struct {
	header     map[string]any
	claims     map[string]any
	rawHeader  *string
	rawClaims  *string
	key        *callbackKey
	signature  func(key *callbackKey, input []byte) []byte
	corruption func([]byte)
}

// A SignOption makes a token of [Simulator.Sign] wrong in one way, for tests of whoever verifies it.
type SignOption func(*signing)

// Sign returns a callback token as the simulator's own notifications carry it: RS256 by the current key,
// issuer [CallbackIssuer], audience the app id, the home tenant in tid, good for five minutes. claims
// replace the usual ones; a nil value removes one. It panics if claims can not be written as JSON.
func (s *Simulator) Sign(claims map[string]any, options ...SignOption) string {
	key, now := s.signingKey(), time.Now()
	t := &signing{
		key:       key,
		header:    map[string]any{"alg": "RS256", "kid": key.kid, "x5t": key.kid, "typ": "JWT", "cty": "JWT"},
		signature: signRS256,
		claims: map[string]any{
			"iss": CallbackIssuer, "aud": s.opts.AppID, "appid": callbackApp, "tid": s.opts.TenantID,
			"nbf": now.Unix(), "exp": now.Add(callbackLife).Unix(),
		},
	}
	merge(t.claims, claims)
	for _, option := range options {
		option(t)
	}
	return t.compact()
}

func merge(into, from map[string]any) {
	maps.Copy(into, from)
	maps.DeleteFunc(into, func(_ string, v any) bool { return v == nil })
}

func (t *signing) compact() string {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(part(t.header, t.rawHeader)) + "." + encode(part(t.claims, t.rawClaims))
	signature := t.signature(t.key, []byte(input))
	if t.corruption != nil {
		t.corruption(signature)
	}
	return input + "." + encode(signature)
}

func part(members map[string]any, raw *string) []byte {
	if raw != nil {
		return []byte(*raw)
	}
	b, err := json.Marshal(members)
	if err != nil {
		panic("simulator: token: " + err.Error())
	}
	return b
}

func signRS256(key *callbackKey, input []byte) []byte {
	sum := sha256.Sum256(input)
	signature, err := rsa.SignPKCS1v15(rand.Reader, key.private, crypto.SHA256, sum[:])
	if err != nil {
		panic("simulator: sign: " + err.Error()) // only a key too short for SHA-256 gets here
	}
	return signature
}

// WithHeader sets members of the JOSE header; a nil value removes one. The signature stays genuine.
func WithHeader(members map[string]any) SignOption {
	return func(t *signing) { merge(t.header, members) }
}

// WithRawHeader signs this text as the JOSE header, for what no map can say (a member twice).
func WithRawHeader(text string) SignOption { return func(t *signing) { t.rawHeader = &text } }

// WithRawClaims signs this text as the claims, for what no map can say (a member twice).
func WithRawClaims(text string) SignOption { return func(t *signing) { t.rawClaims = &text } }

// Expired moves the token's whole life one hour into the past.
func Expired() SignOption {
	return func(t *signing) {
		end := time.Now().Add(-time.Hour)
		t.claims["nbf"], t.claims["exp"] = end.Add(-callbackLife).Unix(), end.Unix()
	}
}

// NotYetValid moves the token's whole life one hour into the future.
func NotYetValid() SignOption {
	return func(t *signing) {
		start := time.Now().Add(time.Hour)
		t.claims["nbf"], t.claims["exp"] = start.Unix(), start.Add(callbackLife).Unix()
	}
}

// WrongAudience addresses the token as meeting-join tokens are, which have the same issuer and keys.
func WrongAudience() SignOption {
	return func(t *signing) { t.claims["aud"] = "https://api.botframework.com" }
}

// WrongIssuer names an issuer that only looks right.
func WrongIssuer() SignOption {
	return func(t *signing) { t.claims["iss"] = "https://api.botframework.com.example.net" }
}

// Unsigned is the algorithm "none": the right claims and no signature.
func Unsigned() SignOption {
	return func(t *signing) {
		t.header["alg"] = "none"
		t.signature = func(*callbackKey, []byte) []byte { return nil }
	}
}

// SignedWithPublicKey is HS256 with the published key as its secret: it passes wherever the token may
// choose the algorithm.
func SignedWithPublicKey() SignOption {
	return func(t *signing) {
		t.header["alg"] = "HS256"
		t.signature = func(key *callbackKey, input []byte) []byte {
			mac := hmac.New(sha256.New, publicPEM(key))
			_, _ = mac.Write(input)
			return mac.Sum(nil)
		}
	}
}

func publicPEM(key *callbackKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key.private.Public())
	if err != nil {
		panic("simulator: public key: " + err.Error())
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// Corrupted flips one bit of the signature.
func Corrupted() SignOption {
	return func(t *signing) { t.corruption = func(b []byte) { b[len(b)/2] ^= 1 } }
}

// strangersKey is made once a process: a forger needs no more than one.
var strangersKey = sync.OnceValues(func() (*callbackKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	return newCallbackKey(private)
})

// Forged signs with a key nobody published, under the kid of the real one.
func Forged() SignOption {
	return func(t *signing) {
		stranger, err := strangersKey()
		if err != nil {
			panic(err)
		}
		t.key = stranger
	}
}

// UnknownKey signs with a key nobody published and says so in kid.
func UnknownKey() SignOption {
	return func(t *signing) {
		Forged()(t)
		t.header["kid"], t.header["x5t"] = t.key.kid, t.key.kid
	}
}
