package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

// TokenSource is where Reject gets its tokens; [*Tokens] is one.
type TokenSource interface {
	// Token gives the tenant's token, from memory.
	Token(ctx context.Context, tenant string) (string, error)
	// Renew gives another one after rejected was answered with 401.
	Renew(ctx context.Context, tenant, rejected string) (string, error)
}

// ClientOptions say where Graph is. Root, Version and Tokens are required.
type ClientOptions struct {
	Root        string         // https, "https://graph.microsoft.com"
	Version     string         // "v1.0" or "beta"
	CallbackURI string         // https; where notifications go after a rejection; "": the registered webhook
	Tokens      TokenSource    //
	HTTP        *http.Client   // see HTTPClient; nil: Go's default transport
	Logger      *slog.Logger   // nil: none
	Rand        func() float64 // in [0,1), for jitter; nil: math/rand
}

// Rejection says which call to reject and how.
type Rejection struct {
	CallID string // as received
	Tenant string // of the notification's sender; "": our own
	Reason string // "busy", "none" or "forbidden"; what the caller hears is not documented
	// SendBefore is the last moment at which a try may leave; zero: the context's deadline, until which the answer
	// is awaited in any case.
	SendBefore time.Time
}

// Receipt is Graph's 2xx: accepted, not finished; the call's deletion is notified later. Beside an error only Took and
// Attempts are set.
type Receipt struct {
	Status          int
	RequestID       string        // Graph's id for the request, "" if it gave none
	ClientRequestID string        // ours, of the try that succeeded
	Took            time.Duration // from the call of Reject to the answer, retries included
	Attempts        int           // requests sent
}

// Client rejects calls (Graph v1.0 and beta, "call: reject"). It is safe for concurrent use.
type Client struct {
	prefix   string // {root}/{version}/communications/calls/
	callback string
	tokens   TokenSource
	http     *http.Client
	log      *slog.Logger
	rand     func() float64
}

// NewClient refuses malformed settings, all of them in one error.
func NewClient(o ClientOptions) (*Client, error) {
	var errs []error
	root, err := httpsRoot(o.Root)
	if err != nil {
		errs = append(errs, fmt.Errorf("graph url: %w", err))
	}
	if o.Version != "v1.0" && o.Version != "beta" {
		errs = append(errs, fmt.Errorf("api version %q: use v1.0 or beta", o.Version))
	}
	if o.CallbackURI != "" {
		if _, err := httpsURL(o.CallbackURI); err != nil {
			errs = append(errs, fmt.Errorf("callback uri: %w", err))
		}
	}
	if o.Tokens == nil {
		errs = append(errs, errors.New("no source of tokens"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("graph client: %w", err)
	}
	allowed, err := AllowReject(o.Root, o.Version)
	if err != nil {
		return nil, fmt.Errorf("graph client: %w", err)
	}
	c := &Client{
		prefix: root.String() + "/" + o.Version + "/communications/calls/", callback: o.CallbackURI, tokens: o.Tokens,
		http: guarded(o.HTTP, allowed), log: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)), rand: o.Rand,
	}
	if c.rand == nil {
		c.rand = rand.Float64
	}
	return c, nil
}

// Reasons are the reasons of a rejection, as Graph spells them (rejectReason).
func Reasons() []string { return []string{"busy", "none", "forbidden"} }

// Reject rejects a call. The deadline of ctx is the call's: nothing is sent or awaited beyond it. One try takes at
// most 3 s, there are at most three, and retries end half a second before the deadline; trying again is harmless
// because a call that was rejected is simply gone.
//
// The error is [*GoneError], [*RefusedError], [*ThrottledError], [*UnauthorizedError] or [*UnreachableError]; only an
// id or a reason that may never be sent is another, plain one.
func (c *Client) Reject(ctx context.Context, r Rejection) (Receipt, error) {
	if !ValidCallID(r.CallID) {
		return Receipt{}, errors.New("reject: the call id is not valid")
	}
	if !slices.Contains(Reasons(), r.Reason) {
		return Receipt{}, errors.New("reject: the reason is not busy, none or forbidden")
	}
	body, err := json.Marshal(struct {
		Reason      string `json:"reason"`
		CallbackURI string `json:"callbackUri,omitempty"`
	}{r.Reason, c.callback})
	if err != nil {
		return Receipt{}, fmt.Errorf("reject: %w", err)
	}
	a := &attempts{
		client: c, url: c.prefix + r.CallID + "/reject", scenario: scenarioID(r.CallID), tenant: r.Tenant, body: body,
		began: time.Now(), before: r.SendBefore,
	}
	return a.run(ctx)
}

// post sends one try. No body or header of an answer survives except what answer keeps.
func (c *Client) post(ctx context.Context, a *attempts, requestID string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(a.body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("client-request-id", requestID)
	req.Header.Set("Scenario-Id", a.scenario)
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	return readAnswer(resp, time.Now()), nil
}

// newRequestID is one of the ids that Microsoft logs; nothing of a call or an operator is in it.
func newRequestID() string { return uuid.NewString() }

// scenarioID is the same for all that concerns one call, whichever relay sends it, as Microsoft's calling SDK has it.
func scenarioID(callID string) string {
	return uuid.NewSHA1(scenarios, []byte(CallKey(callID))).String()
}

// scenarios is the space of our scenario ids, drawn once (RFC 9562, version 5).
var scenarios = uuid.MustParse("6f0b6d0e-3a43-4d0b-9d55-5a9a3c1f7c21")
