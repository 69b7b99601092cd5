package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// What doctor asks of Microsoft besides what a relay does anyway. Nothing here runs in a relay.

// ErrPage says that somebody else answered: Microsoft's services answer in JSON.
var ErrPage = errors.New("a web page came instead of an answer: a proxy, a firewall or a sign-in page stands between")

// IsPage knows a web page by its type or, because proxies leave that out, by its first letter.
func IsPage(h http.Header, body []byte) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "text/html") || bytes.HasPrefix(bytes.TrimLeft(body, "\xef\xbb\xbf \t\r\n"), []byte("<"))
}

// KeyReport is what there is to check notifications with.
type KeyReport struct {
	Usable int // keys
	// Odd is a sentence about each key that was passed over. That is no fault as long as others are usable.
	Odd []string
}

// InspectKeys downloads the keys that sign notifications once, as an [Authenticator] does, and tells what it makes of
// them. A set in which no key is usable is a report, not an error.
func InspectKeys(ctx context.Context, metadata string, base *http.Client) (KeyReport, error) {
	source, err := newKeySource(metadata, base, time.Now)
	if err != nil {
		return KeyReport{}, err
	}
	text, err := source.fetch(ctx)
	if err != nil {
		return KeyReport{}, err
	}
	keys, odd, err := sortKeySet(text)
	if err != nil {
		return KeyReport{}, fmt.Errorf("keys: %w", err)
	}
	report := KeyReport{Odd: odd}
	for _, same := range keys {
		report.Usable += len(same)
	}
	return report, nil
}

// AllowProbe allows GET {root}/{version}/communications/calls/{id} for this one id (G-01): reading other calls is
// nobody's business here.
func AllowProbe(root, version, id string) (Allowed, error) {
	u, err := httpsRoot(root)
	if err != nil {
		return Allowed{}, fmt.Errorf("graph url: %w", err)
	}
	path := u.Path + "/" + version + "/communications/calls/" + id
	return Allowed{method: http.MethodGet, host: u.Host, path: func(p string) bool { return p == path }}, nil
}

// Probe asks Graph once, with the token of our own tenant, for a call that cannot exist (Graph v1.0, call: get). It
// returns nil if Graph says so, with 404 and a code of its own: then Graph is reached, takes the token and knows the
// calling API. Else the error is [*RefusedError], [*ThrottledError], [*UnauthorizedError] or [*UnreachableError], the
// last also when somebody else answered ([ErrPage]); settings that cannot be used are another.
func Probe(ctx context.Context, o ClientOptions) error {
	c, err := NewClient(o)
	if err != nil {
		return err
	}
	id := newRequestID() // random: no call has it
	allowed, err := AllowProbe(o.Root, o.Version, id)
	if err != nil {
		return err
	}
	token, err := o.Tokens.Token(ctx, "")
	if err != nil {
		return &UnauthorizedError{Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.prefix+id, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("client-request-id", newRequestID())
	resp, err := guarded(o.HTTP, allowed).Do(req)
	if err != nil {
		return &UnreachableError{Err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	return judgeProbe(resp)
}

func judgeProbe(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // cut or broken: the status remains
	page := IsPage(resp.Header, body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	a := readAnswer(resp, time.Now())
	switch s := a.status; {
	case s == http.StatusNotFound && a.code != "":
		return nil
	case s == http.StatusBadGateway, s == http.StatusGatewayTimeout:
		return &UnreachableError{Status: s} // in a page, but of Graph's own gateway as likely as of another
	case page && s/100 != 3, s == http.StatusNotFound:
		return &UnreachableError{Status: s, Err: ErrPage}
	case s == http.StatusUnauthorized:
		return &UnauthorizedError{Status: s, Code: a.code, RequestID: a.requestID}
	case s == http.StatusTooManyRequests:
		return &ThrottledError{a.after, a.hadAfter, a.requestID}
	default:
		return &RefusedError{s, a.code, a.requestID}
	}
}
