package config

import (
	"log/slog"
	"time"
)

// Settings is what callscreen can be told. The comments are the manual: meaning,
// unit, default, what is unsafe.
type Settings struct {
	// The relay's own side.

	// Listen is the address the relay serves on, host:port. Default
	// 127.0.0.1:8080. Anything but a loopback address needs TLSCert and TLSKey,
	// or ACMEHost: consoles send their token to it. Behind a proxy or tunnel leave the default
	// and let that end TLS.
	Listen string
	// WebhookPath is the one path on which Graph's notifications are taken.
	// Default /api/calls; it must be the path of the bot's registered calling
	// webhook.
	WebhookPath string
	// WebhookMaxBody is the most bytes that the body of a notification may have.
	// Default 262144, fifty times the largest seen; 16384 to 1048576.
	WebhookMaxBody int64
	// TLSCert and TLSKey are PEM files with the relay's certificate chain and
	// private key, the key's mode 0600 or stricter. Both are read again when they
	// have changed; a pair that does not serve leaves the old one in place.
	// Default none: plain HTTP, on loopback only.
	TLSCert, TLSKey string
	// ACMEHost turns automatic certificates on: the public DNS names of the
	// relay, for each of which a certificate is obtained and renewed. Instead of
	// TLSCert and TLSKey. The CA must reach the relay at port 443 of each name,
	// directly or forwarded (TLS-ALPN-01, RFC 8737); account and certificates are
	// kept in the folder acme of DataDir. Setting it agrees to the CA's terms of
	// service. Default none.
	ACMEHost []string
	// ACMEEmail is told to the CA for its notices. Default none.
	ACMEEmail string
	// ACMEDirectoryURL is the CA's ACME directory, https. Default
	// https://acme-v02.api.letsencrypt.org/directory. UNSAFE if wrong: whoever
	// answers there decides whether the relay has a certificate.
	ACMEDirectoryURL string
	// MetricsListen is an address of their own for /healthz, /readyz and
	// /metrics, host:port, plain HTTP. They tell of no caller, call or operator;
	// whoever reaches the address can read them. Default none: on Listen, for
	// requests of this machine only.
	MetricsListen string
	// DataDir holds the journal, the operators and the local token; the console
	// of the same user finds its token there. Default
	// $XDG_DATA_HOME/callscreen, else ~/.local/share/callscreen (macOS:
	// ~/Library/Application Support/callscreen; Windows:
	// %LocalAppData%\callscreen). One relay a directory.
	DataDir string
	// JournalMaxAge is how long the journal, and with it callscreen history,
	// remembers a call. Default 30d; 1h to 3650d. The journal holds callers' names
	// and numbers: keep it no longer than you need it.
	JournalMaxAge time.Duration
	// JournalMaxBytes is the size at which the oldest records go, whatever their
	// age. Default 256MiB; at least 16MiB. A relay reads
	// all of its journal when it starts, so a large one makes it ready later. Both
	// limits hold for the embedded journal from the next start on; on servers of
	// NATSURL they are used only to make a stream that is not there.
	JournalMaxBytes Size
	// NATSURL is an external NATS server, or several separated by commas, to
	// keep the journal on instead of in DataDir: for several relays behind one
	// webhook. Schemes tls and wss, or nats and ws on this machine: who each
	// caller is travels there, and whoever can change it decides calls. Default
	// none: embedded. A Secret, because it may hold a password; then give it in
	// the environment or a private file, not as a flag.
	NATSURL Secret
	// NATSCredsFile is how the relay signs in to NATS: a .creds file, or one with
	// nothing but an nkey seed of a user, mode 0600 or stricter. Read again for
	// each connection, so that a .creds file can be renewed under the relay; for
	// another user restart it. Default none.
	NATSCredsFile string
	// NATSCAFile is a PEM file with the certificates that alone are trusted for
	// NATS. Default none: the system's.
	NATSCAFile string
	// NATSTLSCert and NATSTLSKey are PEM files with a certificate and its key by
	// which the relay proves to NATS who it is, the key's mode 0600 or stricter.
	// Read again for each connection. Default none.
	NATSTLSCert, NATSTLSKey string
	// NATSReplicas is how many servers keep the journal when it is made there: 1,
	// 3 or 5. Default 0: 3 on a cluster, 1 on a single server. An existing stream
	// keeps what it has: change that with the nats command.
	NATSReplicas int64
	// NATSMonitorURL are the monitoring addresses of the NATS servers, http or
	// https, to learn whether they sync before they acknowledge. Asked without any
	// secret. Default none: then nobody knows, and every console says so.
	NATSMonitorURL []string
	// RingTimeout is how long a call rings, from the first byte of its
	// notification. Default 15s, which is Graph's; 3s to 2m. Longer than Graph
	// waits makes the clock on the screen lie.
	RingTimeout time.Duration
	// RejectMargin is how long before the end of RingTimeout decisions stop, so
	// that the rejection still reaches Graph. Default 500ms; 0s to half of
	// RingTimeout. Less than a round trip to Graph loses late decisions.
	RejectMargin time.Duration
	// Undo is how long a decision made at a console can be taken back: the claim
	// is made and shown at once, and the request to Graph waits. Default 0s, not
	// at all; less than RingTimeout less RejectMargin. Near the end of a call the
	// wait shrinks, at last to nothing, so that the request still leaves in time.
	// Decisions of "callscreen reject" never wait. Every decision takes so much
	// longer, and the caller hears the ringing meanwhile: 2s to 3s is much.
	Undo time.Duration
	// Unattended is what becomes of a call that rings while nobody is watching: no
	// console of an operator at any relay of the journal has had its screen drawn in
	// the last 6 seconds. ring lets it ring on; busy, none and forbidden reject it
	// with that reason; run does what the command of OnCall says. Default ring. In
	// the first 6 seconds after the start, and while the relay is in trouble, it is
	// not known who is watching, and calls ring on.
	Unattended string
	// OnCall is a command that is run for each call that rings at this relay: a
	// program and its arguments, separated by blanks, which quotes hold together.
	// It is run without a shell; what it gets and may answer is told in package
	// relay/oncall. With Unattended run its answer counts while nobody is watching,
	// else at once; an operator who was first keeps the call either way. Default
	// none.
	OnCall string

	// Microsoft's side.

	// ClientID is the bot's application (client) ID, a GUID. Required by the
	// relay. It is also the audience accepted in notifications.
	ClientID string
	// TenantID is the tenant in which the bot is registered, a GUID. Required by
	// the relay.
	TenantID string

	// How the application proves to Microsoft who it is: exactly one of
	// ClientSecret, ClientCertificateFile, WorkloadIdentityTokenFile and
	// ManagedIdentity is required by the relay.

	// ClientSecret is a client secret of the application, as
	// CALLSCREEN_CLIENT_SECRET, in ClientSecretFile, or in a private settings
	// file; there is no flag.
	ClientSecret Secret
	// ClientSecretFile is a file that holds nothing but the client secret, mode
	// 0600 or stricter.
	ClientSecretFile string
	// ClientCertificateFile holds a certificate that the application registration
	// knows and its RSA private key, as PEM (key not encrypted) or PKCS#12 (.pfx),
	// mode 0600 or stricter. Read at start: after a change restart the relay.
	ClientCertificateFile string
	// ClientCertificatePassword opens a .pfx file, as
	// CALLSCREEN_CLIENT_CERTIFICATE_PASSWORD, in ClientCertificatePasswordFile, or
	// in a private settings file; there is no flag. Default none: the file has no
	// password.
	ClientCertificatePassword Secret
	// ClientCertificatePasswordFile is a file that holds nothing but that
	// password, mode 0600 or stricter.
	ClientCertificatePasswordFile string
	// WorkloadIdentityTokenFile holds a token of another issuer, such as a
	// Kubernetes cluster's, that the application registration trusts by a
	// federated credential. Read for each sign-in, because its issuer replaces it
	// every hour or so. Its mode is not judged: the cluster chooses that. Under
	// AKS it is /var/run/secrets/azure/tokens/azure-identity-token.
	WorkloadIdentityTokenFile string
	// ManagedIdentity is an identity that Azure gave to this machine: "system", or
	// the client ID of a user-assigned one. An Azure Bot can only belong to a
	// user-assigned identity, whose client ID is then also ClientID. It gets
	// tokens of its own tenant alone. IDENTITY_ENDPOINT, which App Service and
	// Container Apps set, must be an address of this machine.
	ManagedIdentity string

	// Cloud is the Microsoft cloud: global (also GCC), us-gov-l4 (GCC High) or
	// us-gov-l5 (DoD). Default global. china is known and refused: Graph has no
	// calling API there.
	Cloud string
	// APIVersion of Graph: v1.0 or, in the global cloud only, beta. Default v1.0.
	APIVersion string
	// AuthorityURL, GraphURL and WebhookMetadataURL replace the cloud's
	// addresses for tokens, for Graph, and for the keys that sign notifications.
	// https only. Default none. UNSAFE if wrong: whoever answers there receives
	// the client secret, or decides which notifications are genuine.
	AuthorityURL, GraphURL, WebhookMetadataURL string
	// WebhookIssuers replaces the list of issuers accepted in notifications.
	// https addresses. Default none: the cloud's list.
	WebhookIssuers []string
	// WebhookAudiences are accepted in notifications beside ClientID: application
	// IDs, or addresses that begin with api://. Default none, which is right unless
	// doctor or the log says that genuine tokens are for somebody else.
	WebhookAudiences []string
	// AllowedTenants limits the tenants whose calls are taken, as GUIDs. Default
	// none: every tenant whose notifications are genuine.
	AllowedTenants []string
	// CAFile is a PEM file with certificates to trust beside the system's: a
	// company proxy's, the simulator's. Default none. UNSAFE if others can write
	// to it.
	CAFile string
	// PublicURL is the https address under which Graph reaches the relay from
	// outside: of the tunnel, of the proxy, or of the relay itself. Without
	// WebhookPath, which follows it in the bot's registration. Default none; then
	// nothing that needs to know it can be checked or sent.
	PublicURL string
	// CallbackURI is sent with a rejection for Graph to call back, https. Default
	// none: the registered webhook. Refused unless it has the host of PublicURL:
	// what Graph sends there is for the relay's eyes only.
	CallbackURI string

	// The console's side.

	// Relay is the address of the relay, or several of relays that share one
	// journal, separated by commas: where one cannot be reached the console goes
	// on at the next. Default http://127.0.0.1:8080. http is refused off
	// loopback: the token would travel in the clear.
	Relay string
	// Token is the operator's token, as CALLSCREEN_TOKEN, in TokenFile, or in a
	// private settings file; there is no flag. Default none: the local token in
	// DataDir, which works with a relay of this user on this machine.
	Token Secret
	// TokenFile is a file that holds nothing but the token, mode 0600 or
	// stricter.
	TokenFile string
	// Theme is auto (asks the terminal), dark, light, contrast (16 colours) or
	// mono. Default auto.
	Theme string
	// Mute turns the bell and desktop notices off. Default false.
	Mute bool
	// Keys binds keys of the screen anew, such as "busy=x, none=ctrl+n" or, in a
	// file, ["busy=x", "up=w up"]: the action's name, and the keys it has then,
	// separated by blanks. The actions are busy, none, forbidden, up, down,
	// first, last, urgent, details, filter, back, recent, stats, reject-all, log,
	// help, page-up, page-down, copy-number, copy-id, mute, theme, reconnect,
	// redraw, suspend and quit. Which keys there are, and which of them may
	// decide, is told by ParseKeys in package tui. Default none. A key that two
	// actions have is refused at start.
	Keys []string

	// Both.

	// LogLevel is debug, info, warn or error. Default info.
	LogLevel slog.Level
	// LogFormat is text or json. Default text.
	LogFormat string
	// LogFile is the file that log lines are appended to. Default none: the
	// relay logs to standard error, a console not at all.
	LogFile string

	// origins is where each value came from; see Origin.
	origins map[string]string
	// faulty are the settings whose value was refused: they have none.
	faulty map[string]bool
	file   string // see File
	found  bool   // likewise
	// identityEndpoint is IDENTITY_ENDPOINT of the environment.
	identityEndpoint string
}

// Origin tells where a setting's value came from: "default", "file PATH",
// "environment CALLSCREEN_X_Y" or "flag --x-y"; for a secret read from a file of
// its own, that file. It is empty for a name that is no setting.
func (s Settings) Origin(name string) string { return s.origins[name] }

// File is where the settings file was looked for, and whether it was there. The
// path is empty if the environment does not tell where the user lives.
func (s Settings) File() (path string, found bool) { return s.file, s.found }
