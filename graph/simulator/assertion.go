package simulator

import (
	"crypto"
	"crypto/sha1" //nolint:gosec // x5t is SHA-1 by definition (RFC 7515, 4.1.7)
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// DefaultAudience is what a workload's token must be for, unless Federation says otherwise.
const DefaultAudience = "api://AzureADTokenExchange"

// Federation is a federated credential of the bot's registration: whose tokens pass for its own.
type Federation struct {
	// Issuer, Subject and Audience must be those of the token, letter for letter; an empty Audience means
	// DefaultAudience.
	Issuer, Subject, Audience string
	// Key checks the token's signature: an RSA or ECDSA public key. The real Entra fetches it from the issuer.
	Key crypto.PublicKey
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523

// badAssertion refuses a client's proof.
func badAssertion(code int, text string) *entraError {
	return &entraError{http.StatusUnauthorized, "invalid_client", code, text}
}

// judgeAssertion is the proof by a signed token: one that the app signs with the key of a certificate, told by the
// thumbprint in its header, or one of a federated issuer (Microsoft identity platform, certificate credentials and
// workload identity federation).
func (s *Simulator) judgeAssertion(r *http.Request) *entraError {
	form := r.PostForm
	text := form.Get("client_assertion")
	if form.Get("client_assertion_type") != assertionType {
		return badAssertion(900144, "The request body must contain the following parameter: 'client_assertion_type'.")
	}
	claims := &jwt.RegisteredClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(text, claims)
	if err != nil {
		return badAssertion(50027, "JWT token is invalid or malformed.")
	}
	if token.Header["x5t#S256"] != nil || token.Header["x5t"] != nil {
		return s.judgeCertificate(r, token, claims)
	}
	return s.judgeFederated(token, claims)
}

func (s *Simulator) judgeCertificate(r *http.Request, token *jwt.Token, claims *jwt.RegisteredClaims) *entraError {
	i := slices.IndexFunc(s.opts.Certificates, func(c *x509.Certificate) bool { return isThumbprint(token.Header, c) })
	if i < 0 {
		return badAssertion(700027, "The certificate with identifier used to sign the client assertion is not registered on application. "+
			"[Reason - The key was not found.]")
	}
	here := "https://" + r.Host + "/" + r.PathValue("tenant")
	switch {
	case !signedBy(token, s.opts.Certificates[i].PublicKey, "RS256", "PS256"):
		return badAssertion(700027, "Client assertion contains an invalid signature.")
	case !isNow(claims):
		return badAssertion(700024, "Client assertion is not within its valid time range.")
	case !slices.ContainsFunc(claims.Audience, func(aud string) bool {
		return strings.EqualFold(aud, here+"/oauth2/v2.0/token") || strings.EqualFold(aud, here+"/v2.0")
	}):
		return badAssertion(700023, "Client assertion audience claim does not match Realm issuer.")
	case !strings.EqualFold(claims.Issuer, s.opts.AppID) || !strings.EqualFold(claims.Subject, s.opts.AppID):
		return badAssertion(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
	}
	return nil
}

func (s *Simulator) judgeFederated(token *jwt.Token, claims *jwt.RegisteredClaims) *entraError {
	const unknown = "No matching federated identity record found for presented assertion %s '%.64s'. " +
		"Check your federated identity credential Subject, Audience and Issuer against the presented assertion."
	f := s.opts.Federation
	switch {
	case f == nil || claims.Issuer != f.Issuer:
		return badAssertion(700211, fmt.Sprintf(unknown, "issuer", claims.Issuer))
	case claims.Subject != f.Subject:
		return badAssertion(700213, fmt.Sprintf(unknown, "subject", claims.Subject))
	case !slices.Contains(claims.Audience, f.Audience):
		return badAssertion(700212, fmt.Sprintf(unknown, "audience", strings.Join(claims.Audience, " ")))
	case !signedBy(token, f.Key, "RS256", "ES256"):
		return badAssertion(700027, "Client assertion contains an invalid signature.")
	case !isNow(claims):
		return badAssertion(700024, "Client assertion is not within its valid time range.")
	}
	return nil
}

// isThumbprint tells whether a header names a certificate. Microsoft's libraries write it in base64, RFC 7515 in
// base64url.
func isThumbprint(header map[string]any, c *x509.Certificate) bool {
	name, sum := "x5t#S256", sha256.Sum256(c.Raw)
	want := sum[:]
	if header[name] == nil {
		old := sha1.Sum(c.Raw) //nolint:gosec // see the import
		name, want = "x5t", old[:]
	}
	text, _ := header[name].(string)
	text = strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text)
	return text == base64.RawURLEncoding.EncodeToString(want)
}

func signedBy(token *jwt.Token, key crypto.PublicKey, algorithms ...string) bool {
	_, err := jwt.NewParser(jwt.WithValidMethods(algorithms), jwt.WithoutClaimsValidation()).
		Parse(token.Raw, func(*jwt.Token) (any, error) { return key, nil })
	return err == nil
}

func isNow(claims *jwt.RegisteredClaims) bool {
	return jwt.NewValidator(jwt.WithExpirationRequired()).Validate(claims) == nil
}

// checkProofs judges what the bot may prove itself with.
func (o *Options) checkProofs() error {
	if slices.Contains(o.Certificates, nil) {
		return errors.New("simulator: a certificate is nil")
	}
	if f := o.Federation; f != nil && (f.Issuer == "" || f.Subject == "" || f.Key == nil) {
		return errors.New("simulator: a federation needs issuer, subject and key")
	}
	return nil
}
