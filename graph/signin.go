package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// SignInError says that no token could be had for a tenant. It is made of codes only: the library's own error
// prints the whole answer, and an answer may repeat what was sent.
type SignInError struct {
	Tenant string
	Status int    // of the last answer, 0 when there was none
	Code   string // "AADSTS7000215", or OAuth's word such as "invalid_client"; may be ""
	Err    error  // why there was no answer that says anything
}

// Error is a sentence with a hint for the codes that operators meet.
func (e *SignInError) Error() string {
	s := "sign-in to Microsoft for tenant " + e.Tenant
	switch {
	case e.Err != nil:
		return s + ": " + e.Err.Error()
	case e.Code != "":
		s += fmt.Sprintf(": refused with %d %s", e.Status, e.Code)
	default:
		s += fmt.Sprintf(": refused with %d", e.Status)
	}
	if hint := signInHints[e.Code]; hint != "" {
		s += " (" + hint + ")"
	}
	return s
}

// Unwrap gives the reason why there was no answer.
func (e *SignInError) Unwrap() error { return e.Err }

// signInHints are the Entra codes that a wrong set-up causes ("Microsoft Entra authentication error codes").
var signInHints = map[string]string{
	"AADSTS7000215": "the client secret is wrong: use its value, not its id",
	"AADSTS7000222": "the client secret has expired",
	"AADSTS700016":  "the app is not known in this tenant: check client-id and tenant-id",
	"AADSTS90002":   "the tenant does not exist: check tenant-id and cloud",
	"AADSTS53003":   "a conditional access policy forbids it",
}

// signIn gets one token by the client-credentials grant, or from a managed identity's endpoint.
type signIn struct {
	authority, scope, clientID, home string
	credential                       Credential
	http                             *http.Client // towards Entra
}

// fetch makes the library's credential for one use. Two reasons: azidentity answers from its cache as long as a token
// lives, while this is asked exactly when a new one is wanted; and one credential holds a lock during a request, so that
// a tenant that hangs would hold up the others. The price is one more GET each hour.
func (s signIn) fetch(ctx context.Context, tenant string) (azcore.AccessToken, error) {
	seen := &witness{client: s.http}
	ask := policy.TokenRequestOptions{Scopes: []string{s.scope}}
	if s.credential.local != nil {
		if tenant != s.home {
			return azcore.AccessToken{}, &SignInError{Tenant: tenant, Err: errManagedTenant}
		}
		seen.client = s.credential.local
		// The library keeps these tokens for the whole process, and passes its store by only where claims are asked for.
		ask.Claims = "{}"
	}
	cred, err := s.credential.provider(tenant, s.clientID, azcore.ClientOptions{
		// Discovery, which provider turns off, would ask login.microsoft.com about an authority already chosen.
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: s.authority},
		Transport: seen,
		Retry:     policy.RetryOptions{MaxRetries: -1}, // retries are ours, so that waits have one owner
		Telemetry: policy.TelemetryOptions{ApplicationID: userAgent},
	})
	if err != nil {
		return azcore.AccessToken{}, &SignInError{Tenant: tenant, Err: err}
	}
	token, err := cred.GetToken(ctx, ask)
	switch {
	case err == nil && token.Token != "":
		return token, nil
	case ctx.Err() != nil:
		return azcore.AccessToken{}, &SignInError{Tenant: tenant, Err: context.Cause(ctx)}
	case seen.err != nil:
		return azcore.AccessToken{}, &SignInError{Tenant: tenant, Err: redacted{s.redact(seen.err.Error()), seen.err}}
	case seen.status < 300:
		return azcore.AccessToken{}, &SignInError{Tenant: tenant, Status: seen.status, Err: errUnreadable}
	}
	return azcore.AccessToken{}, &SignInError{Tenant: tenant, Status: seen.status, Code: s.redact(seen.code)}
}

var errUnreadable = errors.New("the answer is not that of a sign-in service: check authority-url and AZURE_REGIONAL_AUTHORITY_NAME")

// redact takes the secret out of a text, as it is and as it is sent in a form.
func (s signIn) redact(text string) string {
	secret := s.credential.secret
	if secret == "" {
		return text
	}
	return strings.NewReplacer(secret, "***", url.QueryEscape(secret), "***").Replace(text)
}

// signInCode reads the token endpoint's error: {"error":"invalid_client","error_codes":[7000215],...}. Its
// description, prose, is not used.
func signInCode(body []byte) string {
	v, err := parseJSON(body)
	if err != nil {
		return ""
	}
	f, err := v.fields("error", "error_codes")
	if err != nil {
		return ""
	}
	for code := range f.get("error_codes").items() {
		if n, ok := code.integer(); ok {
			return "AADSTS" + strconv.Itoa(n)
		}
	}
	return word(f.get("error").string())
}

// witness sends the requests of one sign-in and remembers how the last one went. The library's own errors are not used:
// they quote whole bodies, and a body may repeat what was sent or hold a token.
type witness struct {
	client *http.Client
	status int
	code   string // of a refusal
	err    error
}

// Do implements policy.Transporter.
func (w *witness) Do(r *http.Request) (*http.Response, error) {
	resp, err := w.client.Do(r) //nolint:gosec // the guarded client sends to the configured authority and nowhere else
	w.status, w.code, w.err = 0, "", err
	if err != nil {
		return nil, err
	}
	w.status = resp.StatusCode
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSignInBody))
	_ = resp.Body.Close()
	if err != nil {
		w.err = err
		return nil, err
	}
	if w.status >= 400 {
		w.code = signInCode(body)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// maxSignInBody is far more than a token or a refusal has; what is longer is cut, and then is no JSON.
const maxSignInBody = 256 << 10

// redacted is an error whose text was cleaned and whose chain can be asked, not printed.
type redacted struct {
	text  string
	cause error
}

func (e redacted) Error() string        { return e.text }
func (e redacted) Is(target error) bool { return errors.Is(e.cause, target) }
