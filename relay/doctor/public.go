package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// renewBy is how long before its end a certificate is worth a word.
const renewBy = 14 * 24 * time.Hour

// public comes to the webhook as Graph does, by POST and without any credential.
// Our relay refuses that with 401, and every answer of a relay says which one
// gave it: so nothing secret is sent to whoever it may be that answers.
//
// It is seen from this machine. That Microsoft sees the same cannot be shown
// here.
func (x *examination) public(ctx context.Context) []Finding {
	if x.o.PublicURL == "" {
		return found(Warning, "set public-url to the https address of your tunnel or proxy, as in the bot's calling webhook but without "+x.o.WebhookPath,
			"public-url is not set, so whether notifications find the relay was not checked")
	}
	u, err := url.Parse(x.o.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" {
		return x.unfit(public, errNoAddress)
	}
	u.Path = strings.TrimRight(u.Path, "/") + x.o.WebhookPath
	if onlyHere(u.Host) && !x.simulated() {
		return found(Wrong, "set it to an address that can be reached from the internet: a tunnel's, a proxy's", "public-url leads to %s, which Microsoft cannot reach", u.Host)
	}
	a, err := ask(ctx, x.http, http.MethodPost, u.String(), "{}")
	if err != nil {
		detail, mend := unreachable(ctx, u.Host, err)
		return found(Wrong, mend, "the webhook cannot be reached from outside: %s", detail)
	}
	return append(x.certificate(a.shown, u.Host), x.behind(u, a)...)
}

var errNoAddress = errors.New("public-url is not an https address")

// certificate judges what Microsoft will judge. We also trust ca-file, which
// Microsoft does not know.
func (x *examination) certificate(shown []*x509.Certificate, host string) []Finding {
	if len(shown) == 0 {
		return nil // a proxy between us may not show it
	}
	leaf := shown[0]
	if left := leaf.NotAfter.Sub(x.o.Now()); left < renewBy {
		return found(Warning, "renew it, and see to it that this happens by itself", "the certificate of %s ends on %s", host, leaf.NotAfter.Local().Format("2006-01-02"))
	}
	chain := x509.NewCertPool()
	for _, c := range shown[1:] {
		chain.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Intermediates: chain, CurrentTime: x.o.Now()}); err != nil && !x.simulated() {
		return found(Wrong, "use a certificate of a public authority there", "the certificate of %s is trusted here because of ca-file, and not by Microsoft", host)
	}
	return nil
}

// behind tells who answers at the public address.
func (x *examination) behind(u *url.URL, a answer) []Finding {
	const check = "check that the tunnel or proxy leads to this relay's address, with the path as it is"
	ours := slices.Contains(x.relays, a.relay)
	switch {
	case ours && a.status == http.StatusNotFound:
		return found(Wrong, "start the relay with the webhook-path of these settings", "%s leads to this relay, which takes no notifications on %s", u.Host, u.Path)
	case ours && a.status != http.StatusUnauthorized:
		return good("%s leads to this relay, as seen from this machine; just now it answers %d: %s", u, a.status, a.detail)
	case ours:
		return good("%s leads to this relay, as seen from this machine", u)
	case a.relay != "" && len(x.relays) == 0:
		return found(Warning, "run doctor where that relay's consoles run, or set relay to its address", "%s leads to a callscreen relay, and which one it is cannot be told, because none was found at relay", u.Host)
	case a.relay != "" && x.o.Shared:
		return good("%s leads to a relay, perhaps another of those that share nats-url, as seen from this machine", u)
	case a.relay != "":
		return found(Wrong, check, "%s leads to another callscreen relay than the one at %s", u.Host, x.o.Console.URL)
	case len(x.relays) == 0 && a.status >= 500:
		return x.prevented(public, theRelay)
	case a.status >= 300 && a.status < 400:
		return found(Wrong, "let strangers in (devtunnel: host --allow-anonymous), and redirect nothing", "%s redirects (%d) instead of leading to the relay: Microsoft follows nobody", u.Host, a.status)
	case a.status >= 500:
		return found(Wrong, check+"; for a relay on this machine that is "+x.o.Listen, "%s is reached, and nothing answers behind it (%d)", u.Host, a.status)
	case a.page:
		return found(Wrong, check+"; let strangers in (devtunnel: host --allow-anonymous)", "a web page answers at %s (%d), not this relay", u, a.status)
	}
	return found(Wrong, check, "somebody else's server answers at %s (%d), not this relay", u, a.status)
}
