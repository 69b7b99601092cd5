package simulator

import (
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // x5t is a SHA-1 thumbprint by definition (RFC 7517, 4.8)
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"time"
)

// callbackKey signs notifications. Like Microsoft's it is published with a certificate of its own, and
// its kid is the certificate's thumbprint.
type callbackKey struct {
	private *rsa.PrivateKey
	kid     string
	cert    []byte
}

func newCallbackKey(private *rsa.PrivateKey) (*callbackKey, error) {
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "simulated api.botframework.com"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(identityYears, 0, 0),
	}
	cert, err := certify(template, template, private.Public(), private)
	if err != nil {
		return nil, fmt.Errorf("simulator: callback key: %w", err)
	}
	thumb := sha1.Sum(cert.Raw) //nolint:gosec // see the import
	return &callbackKey{private, base64.RawURLEncoding.EncodeToString(thumb[:]), cert.Raw}, nil
}

type jwk struct {
	Kty string   `json:"kty"`
	Use string   `json:"use"`
	Kid string   `json:"kid"`
	X5t string   `json:"x5t"`
	N   string   `json:"n"`
	E   string   `json:"e"`
	X5c []string `json:"x5c"`
}

func (k *callbackKey) public() jwk {
	return jwk{
		Kty: "RSA", Use: "sig", Kid: k.kid, X5t: k.kid,
		N:   base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
		E:   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.private.E)).Bytes()),
		X5c: []string{base64.StdEncoding.EncodeToString(k.cert)},
	}
}

// RollKey signs with a new key from now on. The key before it stays published, as Microsoft overlaps its
// keys; the one before that is withdrawn. With Options.Dir the new key survives a restart.
func (s *Simulator) RollKey() {
	private, err := s.opts.newKey()
	if err != nil {
		s.log.Error("roll key", "error", err)
		return
	}
	key, err := newCallbackKey(private)
	if err != nil {
		s.log.Error("roll key", "error", err)
		return
	}
	s.mu.Lock()
	s.keys = []*callbackKey{key, s.keys[0]}
	s.mu.Unlock()
	s.log.Info("callback key rolled", "kid", key.kid)
	if err := s.saveKey(private); err != nil {
		s.log.Warn("the new callback key will not survive a restart", "error", err)
	}
}

func (s *Simulator) saveKey(private *rsa.PrivateKey) error {
	if s.opts.Dir == "" {
		return nil
	}
	root, err := os.OpenRoot(s.opts.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	s.rolling.Lock()
	defer s.rolling.Unlock()
	id := *s.identity
	id.callback = private
	return id.save(root)
}

func (s *Simulator) signingKey() *callbackKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[0]
}

// metadata is the calling webhook's OpenID document in Microsoft's odd shape: an algorithm that does not
// exist, and an issuer that is not where the document lives. A validator that goes by either refuses every notification.
func (s *Simulator) metadata(w http.ResponseWriter, r *http.Request) {
	if hit, ok := s.serviceFault(onKeys); ok && s.failKeys(w, r, hit) {
		return
	}
	writeJSON(w, http.StatusOK, object{
		"issuer":                                CallbackIssuer,
		"authorization_endpoint":                "https://invalid.botframework.com/",
		"jwks_uri":                              "https://" + r.Host + "/v1/keys",
		"id_token_signing_alg_values_supported": []string{"RSA256"},
		"token_endpoint_auth_methods_supported": []string{"private_key_jwt"},
	})
}

func (s *Simulator) keySet(w http.ResponseWriter, r *http.Request) {
	hit, faulty := s.serviceFault(onKeys)
	if faulty && s.failKeys(w, r, hit) {
		return
	}
	s.mu.Lock()
	keys := make([]jwk, 0, len(s.keys))
	for _, k := range s.keys {
		keys = append(keys, k.public())
	}
	s.mu.Unlock()
	if faulty {
		keys = spoiled(keys, hit.kind.name)
	}
	writeJSON(w, http.StatusOK, object{"keys": keys})
}

// spoiled is a key set with a fault.
func spoiled(keys []jwk, fault string) []jwk {
	switch fault {
	case faultKeysTwin:
		return append([]jwk{twin(keys[0])}, keys...)
	case faultKeysUnusable:
		return oddKeys(keys[0])
	default:
		return append(keys, oddKeys(keys[0])...)
	}
}

// twin has the kid of a good key and looks like one, but nobody signs with it.
func twin(good jwk) jwk {
	n, _ := base64.RawURLEncoding.DecodeString(good.N) // our own encoding
	n[len(n)/2] ^= 1
	good.N = base64.RawURLEncoding.EncodeToString(n)
	return good
}

// oddKeys are made of a good key: one of another kind, one for another purpose, and one too short to be
// safe, which is cut from it and no key of anybody's.
func oddKeys(good jwk) []jwk {
	curve, purpose, short := good, good, good
	curve.Kty, curve.Kid = "EC", "odd-curve"
	purpose.Use, purpose.Kid = "enc", "odd-purpose"
	short.N, short.Kid = good.N[:171], "odd-short" // 1024 bits
	return []jwk{curve, purpose, short}
}

// failKeys answers in the place of the key service, unless the fault only spoils the key set.
func (s *Simulator) failKeys(w http.ResponseWriter, r *http.Request, hit fault) bool {
	switch hit.kind.name {
	case faultKeysOdd, faultKeysUnusable, faultKeysTwin:
		return false
	case faultKeysHang:
		s.hang(r)
	case faultKeysPage:
		writePage(w)
	default:
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
	}
	return true
}
