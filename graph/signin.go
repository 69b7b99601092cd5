package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
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

// signIn gets one token from Entra by the client-credentials grant.
type signIn struct {
	authority, scope, clientID, secret string
	http                               *http.Client
}

// fetch makes a credential for one use. Two reasons: azidentity answers from its cache as long as a token lives,
// while this is asked exactly when a new one is wanted; and one credential holds a lock during a request, so that
// a tenant that hangs would hold up the others. The price is one more GET each hour.
func (s signIn) fetch(ctx context.Context, tenant string) (azcore.AccessToken, error) {
	seen := &witness{client: s.http}
	cred, err := azidentity.NewClientSecretCredential(tenant, s.clientID, s.secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: azcore.ClientOptions{
			Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: s.authority},
			Transport: seen,
			Retry:     policy.RetryOptions{MaxRetries: -1}, // retries are ours, so that waits have one owner
			Telemetry: policy.TelemetryOptions{ApplicationID: userAgent},
		},
		// Discovery would ask login.microsoft.com about an authority that the settings have already chosen.
		DisableInstanceDiscovery: true,
	})
	if err != nil {
		return azcore.AccessToken{}, &SignInError{Tenant: tenant, Err: errSettings}
	}
	token, err := cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{s.scope}})
	switch {
	case err == nil && token.Token != "":
		return token, nil
	case ctx.Err() != nil:
		return azcore.AccessToken{}, &SignInError{Tenant: tenant, Err: context.Cause(ctx)}
	case seen.err != nil:
		return azcore.AccessToken{}, &SignInError{Tenant: tenant, Err: redacted{s.redact(seen.err.Error()), seen.err}}
	}
	return azcore.AccessToken{}, s.refused(tenant, seen.status, err)
}

var (
	errSettings   = errors.New("client-id, tenant-id or authority-url is not usable")
	errUnreadable = errors.New("the answer is not that of a sign-in service: check authority-url and AZURE_REGIONAL_AUTHORITY_NAME")
)

// refused reduces an answer to codes. The text of the library's error is never used: it may quote whole bodies, and
// one that cannot be read may hold a token.
func (s signIn) refused(tenant string, status int, err error) *SignInError {
	e := &SignInError{Tenant: tenant, Status: status}
	if status < 300 {
		e.Err = errUnreadable
		return e
	}
	auth, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || auth.RawResponse == nil {
		return e
	}
	if body, err := runtime.Payload(auth.RawResponse); err == nil {
		e.Code = s.redact(signInCode(body))
	}
	return e
}

// redact takes the secret out of a text, as it is and as it is sent in a form.
func (s signIn) redact(text string) string {
	return strings.NewReplacer(s.secret, "***", url.QueryEscape(s.secret), "***").Replace(text)
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

// witness sends the requests of one sign-in and remembers how the last one went, because the library turns the
// network's errors into text.
type witness struct {
	client *http.Client
	status int
	err    error
}

// Do implements policy.Transporter.
func (w *witness) Do(r *http.Request) (*http.Response, error) {
	resp, err := w.client.Do(r) //nolint:gosec // the guarded client sends to the configured authority and nowhere else
	w.status, w.err = 0, err
	if err == nil {
		w.status = resp.StatusCode
	}
	return resp, err
}

// redacted is an error whose text was cleaned and whose chain can be asked, not printed.
type redacted struct {
	text  string
	cause error
}

func (e redacted) Error() string        { return e.text }
func (e redacted) Is(target error) bool { return errors.Is(e.cause, target) }
