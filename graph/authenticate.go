package graph

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// AuthenticatorOptions say whom to believe. MetadataURL, Issuers and AppID are required.
type AuthenticatorOptions struct {
	MetadataURL    string           // https; its jwks_uri must be on the same host
	Issuers        []string         // accepted "iss", compared exactly but for one trailing slash
	AppID          string           // our client id: the audience
	Audiences      []string         // accepted beside AppID, ignoring case; empty: none
	AllowedTenants []string         // GUIDs; empty: any tenant
	HTTP           *http.Client     // see HTTPClient; nil: Go's default transport
	Now            func() time.Time // nil: time.Now
	Logger         *slog.Logger     // nil: none
}

// Sender is who a proven token speaks for.
type Sender struct {
	// Tenant is the caller's Entra tenant, a GUID in lower case. It is the tenant to use for outbound tokens:
	// one of another tenant is answered 403 / 7505.
	Tenant string
}

// TokenError says that a request did not prove where it comes from: 401. The text never holds any of the token.
type TokenError struct {
	// Reason is one of a fixed few, for counting: "framing", "header", "algorithm", "duplicate member",
	// "unknown key", "signature", "times", "expired", "not yet valid", "issuer", "audience", "tenant".
	Reason string
	words  string
}

// Error is a sentence for logs. Do not send it to the other side: it helps who is guessing.
func (e *TokenError) Error() string { return "webhook token refused: " + e.words }

func refuse(reason, words string) error { return &TokenError{reason, words} }

// Authenticator judges the Authorization header of webhook requests. It is safe for concurrent use, and
// useful once Run has loaded the keys.
type Authenticator struct {
	ring  *keyRing
	rules claimRules
	now   func() time.Time
}

// NewAuthenticator refuses blank or malformed settings, all of them in one error: a blank audience or issuer
// would accept what it must not (W-14).
func NewAuthenticator(o AuthenticatorOptions) (*Authenticator, error) {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	log := cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	rules, errRules := newClaimRules(o)
	source, errSource := newKeySource(o.MetadataURL, o.HTTP, now)
	if err := errors.Join(errRules, errSource); err != nil {
		return nil, fmt.Errorf("webhook authentication: %w", err)
	}
	return &Authenticator{newKeyRing(source, now, log), rules, now}, nil
}

func newClaimRules(o AuthenticatorOptions) (claimRules, error) {
	r := claimRules{tenants: map[string]struct{}{}}
	var errs []error
	if strings.TrimSpace(o.AppID) == "" {
		errs = append(errs, errors.New("the app id (client-id) is blank"))
	}
	for _, aud := range append([]string{o.AppID}, o.Audiences...) {
		r.audiences = append(r.audiences, strings.TrimSpace(aud))
	}
	if slices.Contains(r.audiences[1:], "") {
		errs = append(errs, errors.New("an audience is blank (webhook-audiences)"))
	}
	if len(o.Issuers) == 0 {
		errs = append(errs, errors.New("no issuer is given (webhook-issuers)"))
	}
	for _, iss := range o.Issuers {
		if strings.Trim(iss, " \t/") == "" {
			errs = append(errs, errors.New("an issuer is blank (webhook-issuers)"))
			continue
		}
		r.issuers = append(r.issuers, strings.TrimSuffix(iss, "/"))
	}
	for _, t := range o.AllowedTenants {
		if !isGUID(t) {
			errs = append(errs, fmt.Errorf("allowed tenant %q is not a GUID (allowed-tenants)", t))
			continue
		}
		r.tenants[strings.ToLower(t)] = struct{}{}
	}
	return r, errors.Join(errs...)
}

// Run loads the signing keys and keeps them fresh until ctx ends, whose error it returns: at start again and
// again until it works, then every two hours, and once more when a token names a key that is not known (at most
// every 60 s). The last good set serves for 24 h when downloads fail. Call it once.
func (a *Authenticator) Run(ctx context.Context) error { return a.ring.run(ctx) }

// Ready is nil once a usable key set is held, else [ErrNoKeys].
func (a *Authenticator) Ready() error {
	if a.ring.usable() == nil {
		return ErrNoKeys
	}
	return nil
}

// Authenticate judges the headers of a webhook request and says who sent it. The error is a [*TokenError]
// (answer 401) or [ErrNoKeys] (answer 503). Cheap checks come first, and claims are not read before the
// signature is proven. It waits only when the token names an unknown key, at most 2 s; see [Authenticator.Run].
func (a *Authenticator) Authenticate(ctx context.Context, h http.Header) (Sender, error) {
	parts, err := bearer(h)
	if err != nil {
		return Sender{}, err
	}
	kid, err := joseHeader(parts[0])
	if err != nil {
		return Sender{}, err
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return Sender{}, refuse("framing", "the token's signature is not base64url")
	}
	keys, err := a.ring.find(ctx, kid)
	if err != nil {
		return Sender{}, err
	}
	if len(keys) == 0 {
		return Sender{}, refuse("unknown key", "the token is signed with a key that Microsoft does not publish")
	}
	signed := parts[0] + "." + parts[1]
	for _, key := range keys { // a kid has been seen on two keys
		if jwt.SigningMethodRS256.Verify(signed, signature, key) == nil {
			return a.rules.judge(parts[1], a.now())
		}
	}
	return Sender{}, refuse("signature", "the token's signature is wrong")
}
