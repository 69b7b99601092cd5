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
	"time"
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
	v, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	doc, err := v.fields("keys")
	if err != nil {
		return nil, err
	}
	keys, n := map[string][]*rsa.PublicKey{}, 0
	for item := range doc.get("keys").items() {
		if n++; n > maxKeys {
			return nil, errors.New("too many keys")
		}
		kid, key, ok := parseKey(item)
		if ok && len(keys[kid]) < maxKeysPerKid { // kids have been seen twice: each key is kept
			keys[kid] = append(keys[kid], key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no usable RSA key in the set")
	}
	return keys, nil
}

// parseKey reads one JWK if it is an RSA public key for signatures, big enough, with a kid.
func parseKey(v value) (kid string, key *rsa.PublicKey, ok bool) {
	f, err := v.fields("kty", "kid", "use", "alg", "n", "e")
	if err != nil || f.get("kty").string() != "RSA" {
		return "", nil, false
	}
	// The published documents name the algorithm wrongly ("RSA256"), so only another purpose excludes a key.
	if use := f.get("use"); use.present() && use.string() != "sig" {
		return "", nil, false
	}
	kid = f.get("kid").string()
	if kid == "" || len(kid) > maxKidLength {
		return "", nil, false
	}
	n, errN := base64.RawURLEncoding.DecodeString(f.get("n").string())
	e, errE := base64.RawURLEncoding.DecodeString(f.get("e").string())
	if errN != nil || errE != nil || len(n) > maxKeyBits/8+1 || len(e) > 4 {
		return "", nil, false
	}
	key = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	usable := key.N.BitLen() >= minKeyBits && key.N.BitLen() <= maxKeyBits && key.N.Bit(0) == 1 &&
		key.E >= 3 && key.E < 1<<31 && key.E%2 == 1
	return kid, key, usable
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

// download makes the two requests, within 5 s each.
func (s *keySource) download(ctx context.Context) (*keySet, error) {
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
	keys, err := parseKeySet(text)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return &keySet{keys, s.now()}, nil
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
	if err == nil && len(text) > maxDocument {
		err = errors.New("longer than 1 MiB")
	}
	return text, err
}
