package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// CheckRelay judges the settings for a relay: nothing is read, changed or
// started. All that is missing is named in one go, with the flag and the
// variable that set it, and so is all that is wrong.
func (s Settings) CheckRelay() error {
	return errors.Join(
		s.missing("client-id", "tenant-id", "client-secret", "data-dir"),
		s.relayRules(),
		s.checkLog(),
	)
}

// CheckConsole judges the settings for a console or a script that decides.
func (s Settings) CheckConsole() error {
	return errors.Join(s.consoleRules(), s.checkLog())
}

// Check judges all settings that have a value, whatever they are for; nothing is
// missing.
func (s Settings) Check() error {
	return errors.Join(s.relayRules(), s.consoleRules(), s.checkLog())
}

func (s Settings) relayRules() error {
	return errors.Join(
		s.checkCredential(),
		field("client-id", guid(s.ClientID)),
		field("tenant-id", guid(s.TenantID)),
		s.checkCloud(),
		field("authority-url", override(s.AuthorityURL)),
		field("graph-url", override(s.GraphURL)),
		field("webhook-metadata-url", override(s.WebhookMetadataURL)),
		each("webhook-issuers", s.WebhookIssuers, override),
		each("webhook-audiences", s.WebhookAudiences, audience),
		each("allowed-tenants", s.AllowedTenants, guid),
		field("public-url", public(s.PublicURL, s.WebhookPath)),
		field("callback-uri", callback(s.CallbackURI, s.PublicURL)),
		field("webhook-path", webhookPath(s.WebhookPath)),
		s.checkBody(),
		s.checkListen(),
		s.checkCertificate(),
		s.checkMetrics(),
		s.CheckTimes(),
		s.checkUnattended(),
		s.checkJournal(),
		s.checkNATS(),
	)
}

func (s Settings) consoleRules() error {
	return errors.Join(
		field("relay", relayURLs(s.Relay)),
		field("theme", oneOf(s.Theme, "auto", "dark", "light", "contrast", "mono")),
	)
}

// missing names the required settings that have no value.
func (s Settings) missing(names ...string) error {
	var m missingError
	for _, name := range names {
		row, ok := find(name)
		if !ok || !row.empty(&s) || name == credentials[0] && s.Credential() != "" {
			continue
		}
		ways := row.ways()
		if name == credentials[0] {
			ways += ", or instead of it one of " + strings.Join(credentials[1:], ", ")
		}
		m = append(m, missingSetting{name, row.help, ways})
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

func (s setting) empty(in *Settings) bool {
	switch at := s.at(in).(type) {
	case *string:
		return strings.TrimSpace(*at) == ""
	case *Secret:
		return strings.TrimSpace(at.Reveal()) == ""
	case *[]string:
		return len(*at) == 0
	default:
		return false // the other kinds always have a value
	}
}

// ways are the places where a setting can be given, the handiest first.
func (s setting) ways() string {
	if s.secret {
		return variable(s.name) + " or --" + s.file
	}
	return "--" + s.name + " or " + variable(s.name)
}

func (s Settings) checkCloud() error {
	if s.Cloud == "china" {
		return errors.New("cloud: Graph has no calling API in the China cloud (21Vianet), so calls cannot be rejected there")
	}
	return errors.Join(
		field("cloud", oneOf(s.Cloud, "global", "us-gov-l4", "us-gov-l5")),
		field("api-version", oneOf(s.APIVersion, "v1.0", "beta")),
		s.checkBeta(),
	)
}

func (s Settings) checkBeta() error {
	if s.APIVersion == "beta" && s.Cloud != "global" {
		return fmt.Errorf("api-version: beta has the calling API in the global cloud only, not in %s: use v1.0", s.Cloud)
	}
	return nil
}

func (s Settings) checkListen() error {
	if err := hostPort(s.Listen); err != nil {
		return field("listen", err)
	}
	if s.TLSCert == "" && len(s.ACMEHost) == 0 && !Loopback(s.Listen) {
		return fmt.Errorf("listen: %s can be reached from other machines, and consoles send their token to it: set tls-cert and tls-key, or acme-host, or listen on 127.0.0.1 behind a proxy or tunnel that ends TLS", s.Listen)
	}
	return nil
}

// checkCertificate judges where the relay's certificate is to come from.
func (s Settings) checkCertificate() error {
	var both error
	switch {
	case (s.TLSCert == "") != (s.TLSKey == ""):
		both = errors.New("tls-cert and tls-key: set both or neither")
	case s.TLSCert != "" && len(s.ACMEHost) > 0:
		both = errors.New("acme-host and tls-cert: set one of them, a relay has one certificate")
	}
	return errors.Join(both,
		each("acme-host", s.ACMEHost, publicName),
		field("acme-email", email(s.ACMEEmail)),
		field("acme-directory-url", override(s.ACMEDirectoryURL)))
}

func (s Settings) checkMetrics() error {
	if s.MetricsListen == "" {
		return nil
	}
	if s.MetricsListen == s.Listen {
		return errors.New("metrics-listen: is the address of listen: leave it out, or give it a port of its own")
	}
	return field("metrics-listen", hostPort(s.MetricsListen))
}

// checkNATS judges where a shared journal is, and how the relay gets there.
func (s Settings) checkNATS() error {
	faults := []error{field("nats-url", natsURLs(s.NATSURL.Reveal()))}
	if s.NATSURL == "" {
		for _, row := range table {
			if strings.HasPrefix(row.name, "nats-") && row.name != "nats-replicas" && !row.empty(&s) {
				faults = append(faults, fmt.Errorf("%s: is set, but no nats-url that it would be for", row.name))
			}
		}
	}
	if s.NATSCredsFile != "" && hasPassword(s.NATSURL.Reveal()) {
		faults = append(faults, errors.New("nats-creds-file: is set, and nats-url names a user too: keep one of them"))
	}
	if (s.NATSTLSCert == "") != (s.NATSTLSKey == "") {
		faults = append(faults, errors.New("nats-tls-cert and nats-tls-key: set both or neither"))
	}
	if !slices.Contains([]int64{0, 1, 3, 5}, s.NATSReplicas) {
		faults = append(faults, fmt.Errorf("nats-replicas: %d is not one of 1, 3, 5, or 0 for what suits the servers", s.NATSReplicas))
	}
	return errors.Join(append(faults, each("nats-monitor-url", s.NATSMonitorURL, monitorURL))...)
}

// Warnings are settings that pass and are probably not what is meant.
func (s Settings) Warnings() (list []Fault) {
	warn := func(name, mend, format string, args ...any) {
		list = append(list, Fault{s.withOrigin(name, name+": "+fmt.Sprintf(format, args...)), mend})
	}
	if _, port, _ := net.SplitHostPort(s.Listen); len(s.ACMEHost) > 0 && port != "443" {
		warn("acme-host", "something must forward the one to the other", "the CA knocks at port 443 of %s and the relay listens on %s", strings.Join(s.ACMEHost, ", "), s.Listen)
	}
	if u, err := url.Parse(s.PublicURL); err == nil && u.Port() != "" {
		warn("public-url", "let a proxy or tunnel serve it on 443", "Graph is known to send nothing to a webhook with a port (%s)", u.Port())
	}
	if len(s.AllowedTenants) > 0 && s.TenantID != "" && !slices.ContainsFunc(s.AllowedTenants, func(t string) bool { return strings.EqualFold(t, s.TenantID) }) {
		warn("allowed-tenants", "add it, or leave allowed-tenants out", "tenant-id, %s, is not among them: calls from the bot's own tenant are refused", s.TenantID)
	}
	const noReason = "leave it out, unless you have measured another time"
	switch ring := s.RingTimeout; {
	case ring > graphRing:
		warn("ring-timeout", noReason, "is %v and Graph waits %v: at the end of the time on the screen there is no call any more", ring, graphRing)
	case ring > 0 && ring < graphRing:
		warn("ring-timeout", noReason, "is %v and Graph waits %v: operators lose the end of each call", ring, graphRing)
	}
	return list
}

// A notification has 350 to 5,000 bytes; nobody needs room for more than 1 MiB
// from strangers.
const (
	leastBody = 16 << 10
	mostBody  = 1 << 20
)

func (s Settings) checkBody() error {
	if s.WebhookMaxBody < leastBody || s.WebhookMaxBody > mostBody {
		return fmt.Errorf("webhook-max-body: %d is not between %d and %d", s.WebhookMaxBody, leastBody, mostBody)
	}
	return nil
}

// The ring time is Graph's to choose; these are the limits of what can be meant.
const (
	shortestRing = 3 * time.Second
	longestRing  = 2 * time.Minute
	graphRing    = 15 * time.Second // Graph v1.0, call: reject
)

// CheckTimes judges how long calls ring and decisions take.
func (s Settings) CheckTimes() error {
	var ring, margin, undo error
	if s.RingTimeout < shortestRing || s.RingTimeout > longestRing {
		ring = fmt.Errorf("ring-timeout: %v is not between %v and %v", s.RingTimeout, shortestRing, longestRing)
	}
	if s.RejectMargin < 0 || s.RejectMargin > s.RingTimeout/2 {
		margin = fmt.Errorf("reject-margin: %v is not between 0s and half of ring-timeout (%v)", s.RejectMargin, s.RingTimeout/2)
	}
	if most := s.RingTimeout - s.RejectMargin; s.Undo < 0 || s.Undo > 0 && s.Undo >= most {
		undo = fmt.Errorf("undo: %v is not between 0s (off) and less than ring-timeout less reject-margin (%v)", s.Undo, most)
	}
	return errors.Join(ring, margin, undo)
}

// Shorter and a call could be forgotten while it rings; smaller and a busy hour
// would not fit.
const (
	shortestAge  = time.Hour
	longestAge   = 3650 * day
	smallestSize = Size(16 << 20)
)

func (s Settings) checkJournal() error {
	var age, size error
	if s.JournalMaxAge < shortestAge || s.JournalMaxAge > longestAge {
		age = fmt.Errorf("journal-max-age: %v is not between 1h and 3650d", s.JournalMaxAge)
	}
	if s.JournalMaxBytes < smallestSize {
		size = fmt.Errorf("journal-max-bytes: %v is less than %v", s.JournalMaxBytes, smallestSize)
	}
	return errors.Join(age, size)
}

func (s Settings) checkLog() error {
	return field("log-format", oneOf(s.LogFormat, "text", "json"))
}
