package graph

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxDocument   = 1 << 20         // bytes of an OpenID document or a key set
	fetchTimeout  = 5 * time.Second // for each of the two
	maxKeys       = 100             // Microsoft serves a handful
	minKeyBits    = 2048
	maxKeyBits    = 8192 // beyond, one check costs an attacker nothing and us milliseconds
	maxKidLength  = 256
	maxKeysPerKid = 4
)

// keySet is one download: every usable key under its kid. It is not changed once made. Sets are never merged,
// so a withdrawn key is gone with the next download, and each set belongs to one metadata document (W-13).
type keySet struct {
	keys map[string][]*rsa.PublicKey
	at   time.Time // when it was downloaded
}

// parseKeySet reads an RFC 7517 key set. Keys that cannot check an RS256 signature are skipped: one broken key
// must not take the others with it. A set without any usable key is an error, so that it never replaces a
// good one. Key hints (x5u, x5c) are not looked at, let alone fetched.
func parseKeySet(text []byte) (map[string][]*rsa.PublicKey, error) {
	keys, _, err := sortKeySet(text)
	if err == nil && len(keys) == 0 {
		err = errors.New("no usable RSA key in the set")
	}
	return keys, err
}

// sortKeySet parts the usable keys of a set from the others, of which it says what is odd.
func sortKeySet(text []byte) (keys map[string][]*rsa.PublicKey, odd []string, err error) {
	v, err := parseJSON(text)
	if err != nil {
		return nil, nil, err
	}
	doc, err := v.fields("keys")
	if err != nil {
		return nil, nil, err
	}
	n := 0
	keys = map[string][]*rsa.PublicKey{}
	for item := range doc.get("keys").items() {
		if n++; n > maxKeys {
			return nil, nil, errors.New("too many keys")
		}
		kid, key, fault := parseKey(item)
		if fault == "" && len(keys[kid]) >= maxKeysPerKid {
			fault = "too many keys have this kid"
		}
		if fault != "" {
			odd = append(odd, fmt.Sprintf("key %d (kid %q): %s", n, word(kid), fault))
			continue
		}
		keys[kid] = append(keys[kid], key) // kids have been seen twice: each key is kept
	}
	return keys, odd, nil
}

// parseKey reads one JWK if it is an RSA public key for signatures, big enough, with a kid; else fault says what it
// is not.
func parseKey(v value) (kid string, key *rsa.PublicKey, fault string) {
	f, err := v.fields("kty", "kid", "use", "key_ops", "alg", "n", "e")
	if err != nil {
		return "", nil, "it has a member twice"
	}
	kid = f.get("kid").string()
	if f.get("kty").string() != "RSA" {
		return kid, nil, "it is not an RSA key"
	}
	if !forSignatures(f) {
		return kid, nil, "it is not for signatures"
	}
	if kid == "" || len(kid) > maxKidLength {
		return kid, nil, "its kid is missing or too long"
	}
	n, errN := base64.RawURLEncoding.DecodeString(f.get("n").string())
	e, errE := base64.RawURLEncoding.DecodeString(f.get("e").string())
	if errN != nil || errE != nil || len(n) > maxKeyBits/8+1 || len(e) > 4 {
		return kid, nil, "its numbers cannot be read"
	}
	key = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if bits := key.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return kid, nil, fmt.Sprintf("it has %d bits, and %d to %d are accepted", bits, minKeyBits, maxKeyBits)
	}
	if key.N.Bit(0) == 0 || key.E < 3 || key.E >= 1<<31 || key.E%2 == 0 {
		return kid, nil, "its numbers are none of a key's"
	}
	return kid, key, ""
}

// forSignatures is false for a key that says it is for something else (RFC 7517, 4.2 to 4.4). The algorithm may be
// misspelt, as Microsoft's metadata does ("RSA256"); a real one must be ours.
func forSignatures(key object) bool {
	if use := key.get("use"); use.present() && use.string() != "sig" {
		return false
	}
	verifies := !key.get("key_ops").present()
	for op := range key.get("key_ops").items() {
		verifies = verifies || op.string() == "verify"
	}
	switch alg := key.get("alg").string(); alg {
	case "RS256", "RSA256":
		return verifies
	default:
		return verifies && jwt.GetSigningMethod(alg) == nil && !strings.HasPrefix(alg, "RSA-OAEP") && alg != "RSA1_5"
	}
}

// keySource downloads key sets: the OpenID document at a fixed https URL, then the keys it points to, which
// must be on the same host. Of the document only jwks_uri is read: its issuer differs from its URL and its
// algorithm does not exist, and our own lists decide anyway.
type keySource struct {
	metadata string
	host     string
	http     *http.Client
	now      func() time.Time
}

func newKeySource(metadata string, base *http.Client, now func() time.Time) (*keySource, error) {
	u, err := httpsURL(metadata)
	if err != nil {
		return nil, fmt.Errorf("webhook metadata url: %w", err)
	}
	allowed, err := AllowKeys(metadata)
	if err != nil {
		return nil, err
	}
	return &keySource{metadata, u.Host, guarded(base, allowed), now}, nil
}

// download gets the keys and judges them.
func (s *keySource) download(ctx context.Context) (*keySet, error) {
	text, err := s.fetch(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeySet(text)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return &keySet{keys, s.now()}, nil
}

// fetch makes the two requests, within 5 s each.
func (s *keySource) fetch(ctx context.Context) ([]byte, error) {
	text, err := s.get(ctx, s.metadata)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	uri, err := keysURI(text, s.host)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	if text, err = s.get(ctx, uri); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return text, nil
}

// keysURI reads jwks_uri from an OpenID document and insists on https and the document's own host.
func keysURI(text []byte, host string) (string, error) {
	v, err := parseJSON(text)
	if err != nil {
		return "", err
	}
	f, err := v.fields("jwks_uri")
	if err != nil {
		return "", err
	}
	u, err := httpsURL(f.get("jwks_uri").string())
	if err != nil {
		return "", fmt.Errorf("jwks_uri: %w", err)
	}
	if u.Host != host {
		return "", fmt.Errorf("jwks_uri names another host, %q", u.Host)
	}
	return u.String(), nil
}

func (s *keySource) get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %d", resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxDocument:
		return nil, errors.New("longer than 1 MiB")
	case IsPage(resp.Header, text):
		return nil, ErrPage
	}
	return text, nil
}
