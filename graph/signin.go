package graph

import (
	"bytes"
	"cmp"
	"context"
	"errors"
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
	Tenant  string
	Managed bool   // a managed identity's endpoint was asked, not Entra
	Host    string // that was asked or was to be
	Unsent  bool   // Err is why the credential cannot be used: nobody was asked
	Status  int    // of the last answer, 0 when there was none
	Code    string // "AADSTS7000215", or OAuth's word such as "invalid_client"; may be ""
	Err     error  // why there was no answer that says anything
}

// Error is a sentence with the way to mend it.
func (e *SignInError) Error() string {
	s := "sign-in for tenant " + e.Tenant + ": "
	if e.Err != nil {
		return s + e.Err.Error()
	}
	return s + Answered(e.Status, e.Code) + ": " + e.trouble().sentence()
}

// Unwrap gives the reason why there was no answer.
func (e *SignInError) Unwrap() error { return e.Err }

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
	failure := s.failure(tenant, nil)
	if failure.Managed {
		if tenant != s.home {
			failure.Unsent, failure.Err = true, errManagedTenant
			return azcore.AccessToken{}, failure
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
		failure.Unsent, failure.Err = true, err
		return azcore.AccessToken{}, failure
	}
	token, err := cred.GetToken(ctx, ask)
	if err == nil && token.Token != "" {
		return token, nil
	}
	failure.Status, failure.Code = seen.status, s.redact(seen.code)
	failure.Host = cmp.Or(seen.host, failure.Host)
	switch {
	case ctx.Err() != nil:
		failure.Err = context.Cause(ctx)
	case seen.err != nil:
		failure.Err = redacted{s.redact(seen.err.Error()), seen.err}
	case seen.status < 300:
		failure.Err = errUnreadable
	}
	return azcore.AccessToken{}, failure
}

// failure begins an error with who was to be asked.
func (s signIn) failure(tenant string, err error) *SignInError {
	e := &SignInError{Tenant: tenant, Managed: s.credential.local != nil, Host: s.credential.host, Err: err}
	if u, bad := url.Parse(s.authority); bad == nil && !e.Managed {
		e.Host = u.Host
	}
	return e
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
	host   string
	status int
	code   string // of a refusal
	err    error
}

// Do implements policy.Transporter.
func (w *witness) Do(r *http.Request) (*http.Response, error) {
	resp, err := w.client.Do(r) //nolint:gosec // the guarded client sends to the configured authority and nowhere else
	w.host, w.status, w.code, w.err = r.URL.Host, 0, "", err
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
func (e redacted) As(target any) bool   { return errors.As(e.cause, target) }
