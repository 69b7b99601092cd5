package doctor

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"callscreen/graph"
)

func (x *examination) keys(ctx context.Context) []Finding {
	address := x.o.Cloud.Metadata
	if address == "" {
		return x.unfit(keys, errors.New("the address of the keys is not known"))
	}
	host := hostOf(address)
	report, err := graph.InspectKeys(ctx, address, x.http)
	if err != nil {
		detail, mend := unreachable(ctx, host, err)
		if _, isURL := errors.AsType[*url.Error](err); !isURL && !errors.Is(err, graph.ErrPage) {
			// It answered, and the answer is wrong.
			mend = "check webhook-metadata-url"
			if x.ofMicrosoft(address) {
				mend = "wait and try again: this is Microsoft's own address"
			}
		}
		return found(Wrong, mend, "no keys to check notifications with, so each is answered 503: %s", detail)
	}
	if report.Usable == 0 {
		return found(Wrong, "check webhook-metadata-url: it is left out for Microsoft's own", "%s has no key that can check a notification%s", host, listed(report.Odd))
	}
	if len(report.Odd) > 0 {
		return good("%d usable from %s; passed over: %s", report.Usable, host, strings.Join(report.Odd, "; "))
	}
	return good("%d usable from %s", report.Usable, host)
}

// ofMicrosoft tells whether an address is one that a cloud has by itself.
func (x *examination) ofMicrosoft(address string) bool {
	c, err := graph.CloudNamed(x.o.Cloud.Name)
	return err == nil && slices.Contains([]string{c.Metadata, c.Root, c.Authority}, address)
}

func listed(odd []string) string {
	if len(odd) == 0 {
		return ""
	}
	return ": " + strings.Join(odd, "; ")
}

// signIn gets a token as the relay does, and keeps what it says about itself.
func (x *examination) signIn(ctx context.Context) []Finding {
	tokens, err := graph.NewTokens(graph.TokensOptions{
		Authority: x.o.Cloud.Authority, Scope: x.o.Cloud.Root + "/.default", ClientID: x.o.ClientID, Tenant: x.o.TenantID,
		Credential: x.o.Credential, HTTP: x.http,
	})
	if err != nil {
		return x.unfit(signIn, err)
	}
	var background sync.WaitGroup
	defer background.Wait()
	running, stop := context.WithCancel(ctx)
	defer stop()
	background.Go(func() { _ = tokens.Run(running) }) // ends with running
	token, err := tokens.Token(ctx, "")
	if err != nil {
		return x.noToken(ctx, err)
	}
	x.tokens = held(token)
	if facts, err := graph.InspectToken(token); err == nil {
		x.facts = &facts
	}
	if ends := x.o.Credential.Ends(); !ends.IsZero() && ends.Sub(x.o.Now()) < graph.SoonEnded {
		return found(Warning, "add a new one to the app ("+atSecrets+"), put it in client-certificate-file and restart the relay, which reads it at start",
			"Microsoft gave a token for Graph, but the client certificate ends on %s", ends.Local().Format(time.DateOnly))
	}
	return good("Microsoft gave a token for Graph; the app proves who it is by: %v", x.o.Credential)
}

// held is a token as a source of itself, so that asking Graph signs nobody in anew.
type held string

// Token gives the token.
func (h held) Token(context.Context, string) (string, error) { return string(h), nil }

// Renew has no other.
func (h held) Renew(context.Context, string, string) (string, error) {
	return "", errors.New("there is no other token")
}

// Where in Microsoft's portals something is mended, for the codes that have such a
// place. What is to be done there, package graph says.
const (
	inEntra   = "in Entra (entra.microsoft.com), App registrations, your app, "
	atSecrets = inEntra + "Certificates & secrets"
	atIDs     = inEntra + "Overview, which shows both IDs"
	atConsent = inEntra + "API permissions"
	atCalling = "in the Azure portal, your Azure Bot, Channels, Microsoft Teams, Calling"
)

var places = map[string]string{
	"AADSTS7000215": atSecrets, "AADSTS7000222": atSecrets, "AADSTS700027": atSecrets,
	"AADSTS700016": atIDs, "AADSTS90002": atIDs,
	"7503": atCalling, "7504": atConsent, "7505": atIDs,
}

// explained is an error of package graph in its own words, and what to do.
func explained(err error, code string) (what, mend string) {
	t, ok := graph.TroubleOf(err)
	if !ok {
		return err.Error(), ""
	}
	mend = t.Do
	if t.Whose == graph.Microsoft {
		mend = "wait and try again: " + t.Do
	}
	if t.Whose == graph.Admin {
		mend = "ask an administrator of the tenant: " + t.Do
	}
	if place := places[code]; place != "" {
		mend += " (" + place + ")"
	}
	return t.What, mend
}

func (x *examination) noToken(ctx context.Context, err error) []Finding {
	const no = "no token for Graph, so no call can be rejected: "
	e, ok := errors.AsType[*graph.SignInError](err)
	switch {
	case !ok:
		return x.unfit(signIn, err)
	case e.Unsent:
		setting, _, _ := strings.Cut(e.Err.Error(), ": ")
		return found(Wrong, "mend "+setting+", or what keeps this user from it", no+"%v", e.Err)
	case e.Status == 0:
		detail, mend := unreachable(ctx, e.Host, e.Err)
		if e.Managed { // no proxy is asked for it
			mend = "managed-identity is for a machine of Azure: assign an identity to this one, or use another credential"
		}
		return found(Wrong, mend, no+"%s", detail)
	case e.Code == "" && e.Status < 500 && !e.Managed:
		return found(Wrong, "check authority-url; or let this machine through to "+e.Host+" without a proxy's sign-in page",
			no+"what answers at %s (%d) is not Microsoft's sign-in service, but perhaps a proxy", e.Host, e.Status)
	}
	what, mend := explained(err, e.Code)
	return found(Wrong, mend, no+"%s (%s)", what, graph.Answered(e.Status, e.Code))
}

func (x *examination) permissions(context.Context) []Finding {
	if stop := x.unknown(permissions); stop != nil {
		return stop
	}
	var calls []string
	for _, role := range x.facts.Roles {
		if strings.HasPrefix(role, "Calls.") {
			calls = append(calls, role)
		}
	}
	if len(calls) == 0 {
		return found(Warning, "grant the Microsoft Graph application permission Calls.Initiate.All, with admin consent ("+atConsent+"), then restart the relay",
			"the app has no Calls.* permission: calls can be rejected, but callers appear as \"encrypted\", without name and number")
	}
	return good("%s", strings.Join(calls, ", "))
}

const compareIDs = "compare client-id and tenant-id with those of the app (" + atIDs + ")"

func (x *examination) tenant(context.Context) []Finding {
	if stop := x.unknown(tenant); stop != nil {
		return stop
	}
	f := x.facts
	switch {
	case !strings.EqualFold(f.Tenant, x.o.TenantID):
		return found(Wrong, compareIDs, "the token is for tenant %s, and tenant-id is %s: Graph refuses it for calls here (403, 7505)", f.Tenant, x.o.TenantID)
	case !strings.EqualFold(f.App, x.o.ClientID):
		return found(Wrong, compareIDs, "the token was given to app %s, and client-id is %s: the credential is another app's", f.App, x.o.ClientID)
	}
	return good("the token is for app and tenant of the settings, until %s", f.Expires.Local().Format("15:04"))
}

// unknown is why the token's facts cannot be judged; nil if they can.
func (x *examination) unknown(name string) []Finding {
	if stop := x.prevented(name, signIn); stop != nil {
		return stop
	}
	if x.facts == nil {
		return notChecked("the token cannot be read; to an app it need not be")
	}
	return nil
}

func (x *examination) graph(ctx context.Context) []Finding {
	if stop := x.prevented(theGraph, signIn); stop != nil {
		return stop
	}
	err := graph.Probe(ctx, graph.ClientOptions{Root: x.o.Cloud.Root, Version: x.o.APIVersion, Tokens: x.tokens, HTTP: x.http})
	host := hostOf(x.o.Cloud.Root)
	if err == nil {
		return good("%s takes the token and knows the calling API", host)
	}
	const fail = "rejections will fail: "
	refused, _ := errors.AsType[*graph.RefusedError](err)
	unreached, _ := errors.AsType[*graph.UnreachableError](err)
	_, unauthorized := errors.AsType[*graph.UnauthorizedError](err)
	_, throttled := errors.AsType[*graph.ThrottledError](err)
	switch {
	case refused != nil:
		what, mend := explained(err, refused.Code)
		return found(Wrong, mend, fail+"Graph answers %s: %s", graph.Answered(refused.Status, refused.Code), what)
	case unauthorized, throttled:
		what, mend := explained(err, "")
		return found(Wrong, mend, fail+"Graph answers %d: %s", map[bool]int{true: 401, false: 429}[unauthorized], what)
	case unreached != nil && unreached.Err == nil:
		return found(Warning, "wait and try again", "a gateway before %s answers %d: that is Microsoft's trouble, or a proxy's", host, unreached.Status)
	case unreached != nil:
		detail, mend := unreachable(ctx, host, unreached.Err)
		return found(Wrong, mend, fail+"%s", detail)
	}
	return x.unfit(theGraph, err)
}
