package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Each rule judges one value by itself and knows no names. An empty value of a
// setting that may be left out passes.

// field puts a setting's name before what is wrong with it.
func field(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// each applies a rule to every entry of a list. An entry that is blank is a
// fault: it would match what is blank in a forged token.
func each(name string, list []string, rule func(string) error) error {
	var faults []error
	for _, entry := range list {
		err := rule(entry)
		if strings.TrimSpace(entry) == "" {
			err = errors.New("has an empty entry")
		}
		faults = append(faults, field(name, err))
	}
	return errors.Join(faults...)
}

func oneOf(value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%q is not one of %s", value, strings.Join(allowed, ", "))
}

// guid is 8-4-4-4-12 hexadecimal digits.
func guid(value string) error {
	if value == "" {
		return nil
	}
	ok := len(value) == 36
	for i := 0; ok && i < len(value); i++ {
		switch i {
		case 8, 13, 18, 23:
			ok = value[i] == '-'
		default:
			ok = strings.IndexByte("0123456789abcdefABCDEF", value[i]) >= 0
		}
	}
	if !ok {
		return fmt.Errorf("%q is not a GUID such as 01234567-89ab-cdef-0123-456789abcdef", value)
	}
	return nil
}

// audience is an application ID, bare or as an address of the kind that newer
// tokens carry. The audience of meeting-join tokens must never be one: those
// travel inside notifications and are signed with the same keys.
func audience(value string) error {
	if guid(value) == nil || strings.HasPrefix(value, "api://") && len(value) > len("api://") {
		return nil
	}
	return fmt.Errorf("%q is neither an application ID nor an address that begins with api://", value)
}

// override is an https address with a host, and at most a path.
func override(value string) error {
	if value == "" {
		return nil
	}
	u, err := plainURL(value)
	if err != nil {
		return err
	}
	if u.Scheme != "https" {
		return fmt.Errorf("%s must begin with https://: what is sent there is secret, and what comes from there is trusted", value)
	}
	return nil
}

// public is an https address to which the webhook's path is added. Whoever gives
// the webhook itself, which is what Azure is told, would have the path twice.
func public(value, webhookPath string) error {
	if err := override(value); err != nil {
		return err
	}
	if before, with := strings.CutSuffix(strings.TrimRight(value, "/"), webhookPath); with && value != "" {
		return fmt.Errorf("%s is the webhook: give the address without webhook-path, %s", value, before)
	}
	return nil
}

// callback is an https address that Graph may call, a query included, on the
// host of the relay's public address (P-09). A public address that is no address
// is a fault of its own.
func callback(value, public string) error {
	if value == "" {
		return nil
	}
	base, _, _ := strings.Cut(value, "?")
	u, err := plainURL(base)
	if err != nil {
		return err
	}
	if u.Scheme != "https" {
		return fmt.Errorf("%s must begin with https://: Graph calls nothing else", value)
	}
	if public == "" {
		return fmt.Errorf("set public-url too: Graph is asked to call back nothing but the relay, and %s may be anybody", u.Host)
	}
	if p, err := plainURL(public); err == nil && !sameHost(u, p) {
		return fmt.Errorf("%s is not the host of public-url, %s: Graph is asked to call back nothing but the relay", u.Host, p.Host)
	}
	return nil
}

// sameHost compares names without case, and ports, of which https' own may be
// left out.
func sameHost(a, b *url.URL) bool {
	return strings.EqualFold(a.Hostname(), b.Hostname()) && cmp.Or(a.Port(), "443") == cmp.Or(b.Port(), "443")
}

// relayURLs is one address of a relay, or several.
func relayURLs(value string) error {
	if value == "" {
		return errors.New("is empty: give the relay's address, such as http://127.0.0.1:8080")
	}
	var errs []error
	for one := range strings.SplitSeq(value, ",") {
		errs = append(errs, relayURL(strings.TrimSpace(one)))
	}
	return errors.Join(errs...)
}

// relayURL is https, or http to this machine.
func relayURL(value string) error {
	u, err := plainURL(value)
	switch {
	case err != nil:
		return err
	case u.Scheme == "https", u.Scheme == "http" && loopbackHost(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("%s must begin with https://: the token would travel in the clear", value)
	}
	return fmt.Errorf("%s must begin with https:// or, on this machine, http://", value)
}

// plainURL is an absolute address with a host, and without user, query or
// fragment. A fault does not repeat an address that holds a password.
func plainURL(value string) (*url.URL, error) {
	u, err := url.Parse(value)
	switch {
	case hasPassword(value):
		return nil, errors.New("must not hold a user name or password")
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return nil, fmt.Errorf("%q is not an address such as https://host/path", value)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(value, "#"):
		return nil, fmt.Errorf("%q must not have a query or fragment", value)
	}
	return u, nil
}

// natsURLs are addresses of NATS servers, separated by commas. A fault never
// repeats one: it may hold a password. Off this machine the link is TLS (N-06):
// callers' names travel on it, and who can change a record decides a call. A
// server may offer TLS under nats:// too, but whoever stands between can take
// the offer away.
func natsURLs(value string) error {
	if value == "" {
		return nil
	}
	for i, one := range strings.Split(value, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Hostname() == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return fmt.Errorf("address %d is not of the form tls://host:4222 (schemes tls and wss; nats and ws on this machine)", i+1)
		}
		if secure := map[string]string{"nats": "tls", "ws": "wss"}[u.Scheme]; secure != "" && !loopbackHost(u.Hostname()) {
			return fmt.Errorf("address %d must begin with %s://: off this machine callers' names would travel in the clear, and who changes a record decides a call", i+1, secure)
		}
	}
	return nil
}

// monitorURL is http or https. In the clear is fine: nothing secret is sent, and
// a forged answer could but hide a warning.
func monitorURL(value string) error {
	u, err := plainURL(value)
	if err == nil && u.Scheme != "http" && u.Scheme != "https" {
		err = fmt.Errorf("%s must begin with http:// or https://", value)
	}
	return err
}

// pathRunes need no escape in a URL and mean nothing in a pattern of net/http.
const pathRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-_.~"

// taken are the relay's own paths.
var taken = []string{"/v1", "/healthz", "/readyz", "/metrics"}

// webhookPath is one exact path that is not the relay's own.
func webhookPath(value string) error {
	switch {
	case !strings.HasPrefix(value, "/") || value == "/" || path.Clean(value) != value:
		return fmt.Errorf("%q is not a path such as /api/calls", value)
	case strings.ContainsFunc(value, func(r rune) bool { return !strings.ContainsRune(pathRunes, r) }):
		return fmt.Errorf("%q has characters that do not belong in a path", value)
	}
	for _, own := range taken {
		if value == own || strings.HasPrefix(value, own+"/") {
			return fmt.Errorf("%s is a path of the relay's own", value)
		}
	}
	return nil
}

func hostPort(value string) error {
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		return fmt.Errorf("%q is not host:port, such as 127.0.0.1:8080", value)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q has no port between 0 and 65535", value)
	}
	return nil
}

// publicName is a DNS name that a CA issues for: of several labels, in ASCII,
// and no address and no wildcard (TLS-ALPN-01 proves neither).
func publicName(value string) error {
	labels := strings.Split(value, ".")
	ok := len(value) <= 253 && len(labels) > 1 && net.ParseIP(value) == nil
	for _, label := range labels {
		ok = ok && len(label) > 0 && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-' &&
			!strings.ContainsFunc(label, func(r rune) bool { return !strings.ContainsRune(nameRunes, r) })
	}
	if !ok {
		return fmt.Errorf("%q is not a public name such as relay.example.com, in lower case", value)
	}
	return nil
}

const nameRunes = "abcdefghijklmnopqrstuvwxyz0123456789-"

func email(value string) error {
	if value == "" {
		return nil
	}
	if a, err := mail.ParseAddress(value); err != nil || a.Address != value {
		return fmt.Errorf("%q is not an address such as ops@example.com", value)
	}
	return nil
}

// Loopback tells whether a listening address, host:port, can be reached from
// this machine only. No host means every interface, and a name other than
// localhost may mean anything.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopbackHost(host)
}

func loopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
