package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// A setting is one row of the table that flags, keys and variables come from.
type setting struct {
	name   string
	preset string // the default, as it would be written in the environment
	help   string // for --help and for sentences about a missing setting
	secret bool   // no flag, never repeated
	file   string // for a secret: the setting that names a file with it
	// at is where the value goes: *string, *Secret, *bool, *time.Duration,
	// *Size, *int64, *[]string or *slog.Level.
	at func(*Settings) any
}

var table = []setting{
	{name: "listen", preset: "127.0.0.1:8080", help: "address to serve on; off loopback needs tls-cert and tls-key, or acme-host", at: func(s *Settings) any { return &s.Listen }},
	{name: "webhook-path", preset: "/api/calls", help: "path of the calling webhook", at: func(s *Settings) any { return &s.WebhookPath }},
	{name: "webhook-max-body", preset: "262144", help: "most bytes of a notification's body", at: func(s *Settings) any { return &s.WebhookMaxBody }},
	{name: "client-id", help: "the bot's application (client) ID, a GUID", at: func(s *Settings) any { return &s.ClientID }},
	{name: "tenant-id", help: "the tenant in which the bot is registered, a GUID", at: func(s *Settings) any { return &s.TenantID }},
	{name: "client-secret", secret: true, file: "client-secret-file", help: "a client secret of the bot's application", at: func(s *Settings) any { return &s.ClientSecret }},
	{name: "client-secret-file", help: "file that holds the client secret, mode 0600", at: func(s *Settings) any { return &s.ClientSecretFile }},
	{name: "client-certificate-file", help: "PEM or .pfx file with a certificate of the application and its key, mode 0600; read at start", at: func(s *Settings) any { return &s.ClientCertificateFile }},
	{name: "client-certificate-password", secret: true, file: "client-certificate-password-file", help: "the password of a .pfx file", at: func(s *Settings) any { return &s.ClientCertificatePassword }},
	{name: "client-certificate-password-file", help: "file that holds the password of a .pfx file, mode 0600", at: func(s *Settings) any { return &s.ClientCertificatePasswordFile }},
	{name: "workload-identity-token-file", help: "file with a token of another issuer that the application trusts", at: func(s *Settings) any { return &s.WorkloadIdentityTokenFile }},
	{name: "managed-identity", help: "use this machine's Azure identity: system, or the client ID of a user-assigned one", at: func(s *Settings) any { return &s.ManagedIdentity }},
	{name: "cloud", preset: "global", help: "Microsoft cloud: global, us-gov-l4 or us-gov-l5", at: func(s *Settings) any { return &s.Cloud }},
	{name: "api-version", preset: "v1.0", help: "version of Graph: v1.0 or (global only) beta", at: func(s *Settings) any { return &s.APIVersion }},
	{name: "authority-url", help: "replaces the cloud's address for tokens, https", at: func(s *Settings) any { return &s.AuthorityURL }},
	{name: "graph-url", help: "replaces the cloud's address of Graph, https", at: func(s *Settings) any { return &s.GraphURL }},
	{name: "webhook-metadata-url", help: "replaces the address of the keys that sign notifications, https", at: func(s *Settings) any { return &s.WebhookMetadataURL }},
	{name: "webhook-issuers", help: "replaces the issuers accepted in notifications, separated by commas", at: func(s *Settings) any { return &s.WebhookIssuers }},
	{name: "webhook-audiences", help: "audiences accepted in notifications beside client-id, separated by commas", at: func(s *Settings) any { return &s.WebhookAudiences }},
	{name: "allowed-tenants", help: "take calls of these tenants only, GUIDs separated by commas", at: func(s *Settings) any { return &s.AllowedTenants }},
	{name: "ca-file", help: "PEM file with certificates to trust beside the system's", at: func(s *Settings) any { return &s.CAFile }},
	{name: "public-url", help: "https address under which Graph reaches the relay, without webhook-path", at: func(s *Settings) any { return &s.PublicURL }},
	{name: "callback-uri", help: "callback address to send with a rejection, https, on the host of public-url", at: func(s *Settings) any { return &s.CallbackURI }},
	{name: "ring-timeout", preset: "15s", help: "how long a call rings", at: func(s *Settings) any { return &s.RingTimeout }},
	{name: "reject-margin", preset: "500ms", help: "how long before the end decisions stop", at: func(s *Settings) any { return &s.RejectMargin }},
	{name: "undo", preset: "0s", help: "how long a console's decision can be taken back before it is sent", at: func(s *Settings) any { return &s.Undo }},
	{name: "unattended", preset: "ring", help: "calls that ring while nobody is watching: ring, busy, none, forbidden, or run (what on-call says)", at: func(s *Settings) any { return &s.Unattended }},
	{name: "on-call", help: "command to run for each ringing call; it may answer busy, none or forbidden", at: func(s *Settings) any { return &s.OnCall }},
	{name: "data-dir", help: "directory of journal, operators and local token (default $XDG_DATA_HOME/callscreen)", at: func(s *Settings) any { return &s.DataDir }},
	{name: "journal-max-age", preset: "30d", help: "how long the journal remembers a call", at: func(s *Settings) any { return &s.JournalMaxAge }},
	{name: "journal-max-bytes", preset: "256MiB", help: "size at which the journal forgets its oldest calls", at: func(s *Settings) any { return &s.JournalMaxBytes }},
	{name: "nats-url", help: "external NATS server or servers for the journal (default embedded)", at: func(s *Settings) any { return &s.NATSURL }},
	{name: "nats-creds-file", help: "NATS .creds file, or file with an nkey seed, mode 0600", at: func(s *Settings) any { return &s.NATSCredsFile }},
	{name: "nats-ca-file", help: "PEM file with the certificates that alone are trusted for NATS", at: func(s *Settings) any { return &s.NATSCAFile }},
	{name: "nats-tls-cert", help: "PEM file with the relay's certificate for NATS", at: func(s *Settings) any { return &s.NATSTLSCert }},
	{name: "nats-tls-key", help: "PEM file with its private key, mode 0600", at: func(s *Settings) any { return &s.NATSTLSKey }},
	{name: "nats-replicas", preset: "0", help: "servers that keep a new journal: 1, 3 or 5 (default 3 on a cluster, else 1)", at: func(s *Settings) any { return &s.NATSReplicas }},
	{name: "nats-monitor-url", help: "monitoring addresses of the NATS servers, separated by commas", at: func(s *Settings) any { return &s.NATSMonitorURL }},
	{name: "tls-cert", help: "PEM file with the relay's certificate chain", at: func(s *Settings) any { return &s.TLSCert }},
	{name: "tls-key", help: "PEM file with the relay's private key", at: func(s *Settings) any { return &s.TLSKey }},
	{name: "acme-host", help: "obtain certificates for these public names automatically, separated by commas", at: func(s *Settings) any { return &s.ACMEHost }},
	{name: "acme-email", help: "address to tell the CA for its notices", at: func(s *Settings) any { return &s.ACMEEmail }},
	{name: "acme-directory-url", preset: "https://acme-v02.api.letsencrypt.org/directory", help: "the CA's ACME directory, https", at: func(s *Settings) any { return &s.ACMEDirectoryURL }},
	{name: "metrics-listen", help: "address for /healthz, /readyz and /metrics (default on listen, for this machine only)", at: func(s *Settings) any { return &s.MetricsListen }},
	{name: "log-level", preset: "info", help: "debug, info, warn or error", at: func(s *Settings) any { return &s.LogLevel }},
	{name: "log-format", preset: "text", help: "text or json", at: func(s *Settings) any { return &s.LogFormat }},
	{name: "log-file", help: "append log lines to this file", at: func(s *Settings) any { return &s.LogFile }},
	{name: "relay", preset: "http://127.0.0.1:8080", help: "address of the relay, or of several, separated by commas", at: func(s *Settings) any { return &s.Relay }},
	{name: "token", secret: true, file: "token-file", help: "the operator's token", at: func(s *Settings) any { return &s.Token }},
	{name: "token-file", help: "file that holds the operator's token, mode 0600", at: func(s *Settings) any { return &s.TokenFile }},
	{name: "theme", preset: "auto", help: "auto, dark, light, contrast or mono", at: func(s *Settings) any { return &s.Theme }},
	{name: "mute", preset: "false", help: "no bell and no desktop notices", at: func(s *Settings) any { return &s.Mute }},
	{name: "keys", help: "keys bound anew, such as \"busy=x, none=ctrl+n\"", at: func(s *Settings) any { return &s.Keys }},
}

const envPrefix = "CALLSCREEN_"

// variable is the name of a setting's environment variable.
func variable(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func find(name string) (setting, bool) {
	i := slices.IndexFunc(table, func(s setting) bool { return s.name == name })
	if i < 0 {
		return setting{}, false
	}
	return table[i], true
}

// closest is the setting whose name is nearest to one that is none; "" if none
// is near enough to be meant.
func closest(name string) string {
	nearest, least := "", 3
	for _, s := range table {
		if d := distance(name, s.name); d < least && d*3 <= len(s.name) {
			nearest, least = s.name, d
		}
	}
	return nearest
}

// distance is how many letters must be put in, left out, changed or swapped with
// the next to get from a to b (optimal string alignment).
func distance(a, b string) int {
	var before, row []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row = append(make([]int, 0, len(b)+1), i+1)
		for j := range len(b) {
			d := last[j]
			if a[i] != b[j] {
				d++
			}
			d = min(d, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			row = append(row, d)
		}
		before, last = last, row
	}
	return last[len(b)]
}

// Flags are the names of the settings that have a flag, for [AddFlags].
func Flags() []string {
	var names []string
	for _, s := range table {
		if !s.secret {
			names = append(names, s.name)
		}
	}
	return names
}

// AddFlags gives a command the flags of the named settings. A name that is no
// setting, or is a secret, is a fault of the program and panics.
func AddFlags(fs *pflag.FlagSet, names ...string) {
	for _, name := range names {
		s, ok := find(name)
		if !ok || s.secret {
			panic(fmt.Sprintf("config: there is no flag --%s", name))
		}
		s.addFlag(fs)
	}
}

// addFlag shows the default in the help. It is not taken from there: Load knows
// a flag that was given from one that was not.
func (s setting) addFlag(fs *pflag.FlagSet) {
	switch s.at(new(Settings)).(type) {
	case *bool:
		fs.Bool(s.name, s.preset == "true", s.help)
	case *time.Duration:
		preset, err := ParseSpan(s.preset)
		if err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", s.name, err))
		}
		fs.Var(new(span(preset)), s.name, s.help)
	case *int64:
		preset, err := asNumber(s.preset)
		if err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", s.name, err))
		}
		fs.Int64(s.name, preset, s.help)
	case *[]string:
		fs.StringSlice(s.name, nil, s.help)
	default:
		fs.String(s.name, s.preset, s.help)
	}
}

// span is a flag that takes a duration with days.
type span time.Duration

func (s *span) String() string { return time.Duration(*s).String() }
func (s *span) Type() string   { return "duration" }

func (s *span) Set(text string) error {
	d, err := ParseSpan(text)
	*s = span(d)
	return err
}
