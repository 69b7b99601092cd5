// Command callscreen puts a human with a keyboard into the seconds in which a
// Microsoft Teams calling bot rings: a relay takes Graph's notifications and
// streams them to consoles in terminals, and rejects the calls that an operator
// decides about.
//
// This file is the commands and the wiring: it builds the parts from their
// settings, runs them and chooses the exit code. What the parts do stands in
// their packages.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"callscreen/config"
	"callscreen/graph"
	"callscreen/graph/simulator"
	"callscreen/relay"
	"callscreen/relay/call"
	"callscreen/relay/cert"
	"callscreen/relay/client"
	"callscreen/relay/doctor"
	"callscreen/relay/history"
	"callscreen/relay/journal"
	"callscreen/relay/journal/cluster"
	"callscreen/relay/oncall"
	"callscreen/relay/operator"
	"callscreen/relay/trial"
	"callscreen/tui"
	"callscreen/tui/lines"
)

const (
	exitError = 1
	exitUsage = 2
)

// rejectCodes tell a script what became of its decision. An outcome without one
// here is a plain error.
var rejectCodes = map[call.Verdict]int{
	call.WasTooLate: 10,
	call.WasTaken:   11,
	call.WasGone:    12,
	call.NoSuchCall: 12,
	call.WasRefused: 13,
	call.WasUnknown: 14,
}

// exit is an error with the exit code it stands for.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string { return e.err.Error() }
func (e exit) Unwrap() error { return e.err }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return exit{exitUsage, err}
}

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup means to stay
		ends = append(ends, syscall.SIGHUP)
	}
	// A reader that goes away ("callscreen demo | head") is an error to write to,
	// not a reason to die with the demo's folder left behind.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	// A second one ends the program at once, what it would have tidied up left
	// behind. One that follows in the same moment is no second one: timeout(1) and
	// some terminals tell the program and then its group.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	err := root().ExecuteContext(ctx)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, lines.Trouble(err))
	code := exitError
	if e, ok := errors.AsType[exit](err); ok {
		code = e.code
	}
	os.Exit(code)
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "callscreen",
		Short: "Screen the calls that ring at a Microsoft Teams calling bot",
		Long: `callscreen screens the calls that ring at a Microsoft Teams calling bot: an
operator sees who calls and how much time is left, and rejects the call with one
key as Busy, None or Forbidden. Doing nothing lets the call ring on.

Try it now, without any account:  callscreen demo`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          args(cobra.NoArgs),
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.PersistentFlags().String("config", "", "settings file (default $XDG_CONFIG_HOME/callscreen/config.toml)")
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w\nsee: %s --help", err, c.CommandPath()))
	})
	cmd.AddCommand(demoCommand(), relayCommand(), consoleCommand(), rejectCommand(), historyCommand(), simulateCommand(), operatorCommand(), configCommand(), doctorCommand(), versionCommand())
	return cmd
}

// args turns cobra's complaint about arguments into a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if err := check(c, given); err != nil {
			return usage(fmt.Errorf("%w\nsee: %s --help", err, c.CommandPath()))
		}
		return nil
	}
}

// The relay.

var relaySettings = []string{
	"listen", "webhook-path", "webhook-max-body", "client-id", "tenant-id", "client-secret-file", "client-certificate-file",
	"client-certificate-password-file", "workload-identity-token-file", "managed-identity", "cloud", "api-version",
	"authority-url", "graph-url", "webhook-metadata-url", "webhook-issuers", "webhook-audiences", "allowed-tenants", "ca-file",
	"public-url", "callback-uri", "ring-timeout", "reject-margin", "undo", "unattended", "on-call", "data-dir", "journal-max-age", "journal-max-bytes", "nats-url",
	"nats-creds-file", "nats-ca-file", "nats-tls-cert", "nats-tls-key", "nats-replicas", "nats-monitor-url", "tls-cert", "tls-key",
	"acme-host", "acme-email", "acme-directory-url", "metrics-listen", "log-level", "log-format", "log-file",
}

func relayCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "relay",
		Short: "Take Graph's notifications, stream them to consoles, reject calls",
		Example: `  # against a real bot: the calling webhook must reach this address over https
  export CALLSCREEN_CLIENT_SECRET=...
  callscreen relay --client-id 00000000-... --tenant-id 00000000-...

  # one of several, on a journal that they share (README: Several relays)
  callscreen relay --nats-url tls://n1.example.com,tls://n2.example.com --nats-creds-file relay.nk

  # against the simulated Microsoft of "callscreen simulate"
  callscreen relay --config ~/.local/share/callscreen/simulator/relay.toml`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runRelay(c) },
	}
	config.AddFlags(cmd.Flags(), relaySettings...)
	return cmd
}

func runRelay(c *cobra.Command) error {
	s, err := load(c, config.Settings.CheckRelay)
	if err != nil {
		return err
	}
	log, closeLog, err := s.Logger(c.ErrOrStderr(), lines.LogAttr)
	if err != nil {
		return usage(err)
	}
	defer closeLog()
	r, err := newRelay(c.Context(), s, log)
	if err != nil {
		return err
	}
	ln, err := listen(c.Context(), "listen", s.Listen)
	if err != nil {
		return errors.Join(err, r.journal.Close())
	}
	if s.MetricsListen != "" {
		if r.health, err = listen(c.Context(), "metrics-listen", s.MetricsListen); err != nil {
			return errors.Join(err, ln.Close(), r.journal.Close())
		}
		defer func() { _ = r.health.Close() }() // it was not served if the relay failed first
	}
	for _, warning := range s.Warnings() {
		log.Warn(warning.String())
	}
	base := "http://" + ln.Addr().String()
	if r.certificate != nil {
		base = "https://" + ln.Addr().String()
	}
	fmt.Fprintf(c.ErrOrStderr(), "callscreen relay\n  webhook   %s%s\n  console   callscreen console --relay %s\n  journal   %s\n",
		cmp.Or(strings.TrimRight(s.PublicURL, "/"), base), s.WebhookPath, base, r.journal.Describe())
	return r.run(c.Context(), ln)
}

// parts is a relay with everything it is built from.
type parts struct {
	server  *relay.Server
	journal *journal.Journal
	auth    *graph.Authenticator
	tokens  *graph.Tokens

	certificate renewing     // nil: plain HTTP
	health      net.Listener // nil: health is on the relay's own port
}

// renewing is a certificate that keeps itself valid while it runs.
type renewing interface {
	relay.Certificate
	Run(ctx context.Context) error
}

// newRelay builds a relay from its settings. Nothing runs and no port is open
// yet, but the journal is open and locked.
func newRelay(ctx context.Context, s config.Settings, log *slog.Logger) (*parts, error) {
	cloud, err := graph.CloudNamed(s.Cloud)
	if err != nil {
		return nil, usage(err)
	}
	cloud = cloud.With(graph.Cloud{Authority: s.AuthorityURL, Root: s.GraphURL, Metadata: s.WebhookMetadataURL, Issuers: s.WebhookIssuers})
	outward, err := graphHTTP(s)
	if err != nil {
		return nil, usage(err)
	}
	p := &parts{}
	if p.auth, err = graph.NewAuthenticator(graph.AuthenticatorOptions{
		MetadataURL: cloud.Metadata, Issuers: cloud.Issuers, AppID: s.ClientID,
		Audiences: s.WebhookAudiences, AllowedTenants: s.AllowedTenants, HTTP: outward, Logger: log,
	}); err != nil {
		return nil, usage(err)
	}
	credential, err := credentialOf(s)
	if err != nil {
		return nil, usage(err)
	}
	log.Info("sign-in to Microsoft", "credential", credential.String())
	if p.tokens, err = graph.NewTokens(graph.TokensOptions{
		Authority: cloud.Authority, Scope: cloud.Root + "/.default", ClientID: s.ClientID, Tenant: s.TenantID,
		Credential: credential, HTTP: outward, Logger: log,
	}); err != nil {
		return nil, usage(err)
	}
	rejecter, err := graph.NewClient(graph.ClientOptions{
		Root: cloud.Root, Version: s.APIVersion, CallbackURI: s.CallbackURI, Tokens: p.tokens, HTTP: outward, Logger: log,
	})
	if err != nil {
		return nil, usage(err)
	}
	operators, err := operator.Open(s.DataDir)
	if err != nil {
		return nil, err
	}
	if err := operators.Local(operator.LocalName()); err != nil {
		return nil, err
	}
	if p.certificate, err = certificateOf(s, outward, log); err != nil {
		return nil, err
	}
	onCall, err := onCallOf(s, log)
	if err != nil {
		return nil, err
	}
	record, err := journalOptions(s, log)
	if err != nil {
		return nil, usage(err)
	}
	if p.journal, err = journal.Open(ctx, record); err != nil {
		return nil, err
	}
	var gossip relay.Gossip
	if s.NATSURL != "" {
		gossip = p.journal
	}
	p.server = relay.New(relay.Options{
		Journal: p.journal, Auth: p.auth, Graph: rejecter, Tokens: p.tokens, Operators: operators, Logger: log,
		WebhookPath: s.WebhookPath, MaxBody: s.WebhookMaxBody, Bot: "bot " + s.ClientID[:min(8, len(s.ClientID))],
		RingTimeout: s.RingTimeout, RejectMargin: s.RejectMargin, Undo: s.Undo, Shared: s.NATSURL != "", Gossip: gossip, Notice: p.journal.Notice,
		Unattended: relay.Policy(s.Unattended), OnCall: onCall,
		Certificate: p.certificate, OwnHealth: s.MetricsListen != "",
	})
	return p, nil
}

// journalOptions are where the journal is and how the relay gets there. What is
// read anew for each connection is read once here, so that a fault in it is one of
// the settings, which starting again does not mend.
func journalOptions(s config.Settings, log *slog.Logger) (journal.Options, error) {
	o := journal.Options{
		Dir: filepath.Join(s.DataDir, "journal"), URL: s.NATSURL.Reveal(), Monitors: s.NATSMonitorURL, Replicas: int(s.NATSReplicas),
		MaxAge: s.JournalMaxAge, MaxBytes: int64(s.JournalMaxBytes), Logger: log,
	}
	var faults [3]error
	o.CA, faults[0] = s.ReadNATSCA()
	if s.NATSCredsFile != "" {
		o.Credentials = s.ReadNATSCreds
		_, faults[1] = s.ReadNATSCreds()
	}
	if s.NATSTLSCert != "" {
		o.Certificate = s.ReadNATSTLS
		_, _, faults[2] = s.ReadNATSTLS()
	}
	return o, errors.Join(faults[:]...)
}

// run serves until the context ends or a part fails, then waits for all parts
// and closes the journal last.
func (p *parts) run(ctx context.Context, ln net.Listener) error {
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	// Keys, tokens and health outlive the server: a decision under way may need
	// the ones, and whoever watches sees that it goes down.
	helpers := []func(context.Context) error{p.auth.Run, p.tokens.Run}
	if p.certificate != nil {
		helpers = append(helpers, p.certificate.Run)
	}
	if p.health != nil {
		helpers = append(helpers, func(keep context.Context) error { return p.server.ServeHealth(keep, p.health) })
	}
	err := together(keep, append(helpers,
		func(keep context.Context) error {
			serving, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(keep, cancel)()
			return p.server.Run(serving, ln)
		},
	)...)
	stop()
	return errors.Join(err, p.journal.Close())
}

// listen opens a port, for the setting that names it.
func listen(ctx context.Context, setting, address string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("%s is in use, perhaps by another callscreen: choose another with --%s", address, setting)
		}
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return ln, nil
}

// together runs parts that belong together: the first to return stops the
// others, and it returns when all have. A part that stops because it was told to
// has not failed.
func together(ctx context.Context, run ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group errgroup.Group
	for _, r := range run {
		group.Go(func() error {
			defer cancel()
			if err := r(ctx); err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})
	}
	return group.Wait()
}

// credentialOf is how the settings let the application prove who it is.
func credentialOf(s config.Settings) (graph.Credential, error) {
	switch s.Credential() {
	case "client-certificate-file":
		file, err := s.ReadClientCertificate()
		if err != nil {
			return graph.Credential{}, err
		}
		return graph.ClientCertificate(file, s.ClientCertificatePassword.Reveal(), time.Now())
	case "workload-identity-token-file":
		return graph.WorkloadIdentity(s.ReadWorkloadToken), nil
	case "managed-identity":
		return graph.ManagedIdentity(s.ManagedIdentity, s.IdentityEndpoint())
	default:
		return graph.ClientSecret(s.ClientSecret.Reveal())
	}
}

// graphHTTP is the client for everything that goes to Microsoft.
func graphHTTP(s config.Settings) (*http.Client, error) {
	roots, err := rootsOf(s)
	return graph.HTTPClient(roots), err
}

// rootsOf are the certificates that are trusted; nil means the system's alone.
func rootsOf(s config.Settings) (*x509.CertPool, error) {
	pem, err := s.ReadCA()
	if err != nil || pem == nil {
		return nil, err
	}
	roots, err := graph.Roots(pem)
	if err != nil {
		return nil, fmt.Errorf("ca-file %s: %w", s.CAFile, err)
	}
	return roots, nil
}

// onCallOf is the command that is asked about each call, if there is one.
func onCallOf(s config.Settings, log *slog.Logger) (relay.OnCall, error) {
	argv := s.OnCallCommand()
	if len(argv) == 0 {
		return nil, nil //nolint:nilnil // nobody is asked
	}
	command, err := oncall.New(argv, config.CommandEnviron(os.Environ()), log)
	return command, usage(err)
}

// certificateOf is where the relay's certificate comes from. Without one there is
// no TLS; CheckRelay has judged where that is allowed.
func certificateOf(s config.Settings, outward *http.Client, log *slog.Logger) (renewing, error) {
	switch {
	case len(s.ACMEHost) > 0:
		return cert.NewACME(cert.ACMEOptions{
			Hosts: s.ACMEHost, Email: s.ACMEEmail, Directory: s.ACMEDirectoryURL, Dir: filepath.Join(s.DataDir, "acme"),
			HTTP: outward, Logger: log,
		})
	case s.TLSCert != "":
		files, err := cert.Open(s.ReadTLS, log)
		return files, usage(err)
	default:
		return nil, nil //nolint:nilnil // plain HTTP is what was asked for
	}
}

// The console.

var consoleSettings = []string{"relay", "token-file", "ca-file", "data-dir", "theme", "mute", "keys", "log-level", "log-format", "log-file"}

func consoleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "console",
		Short: "The operator's screen: see who calls, decide with one key",
		Example: `  callscreen console                       # the relay of this user on this machine
  callscreen console --relay https://relay.example.com --token-file ~/.callscreen-token
  callscreen console --output json | jq .  # every event as one JSON object a line`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := load(c, config.Settings.CheckConsole)
			if err != nil {
				return err
			}
			log, closeLog, err := s.Logger(io.Discard, lines.LogAttr) // never on the screen
			if err != nil {
				return usage(err)
			}
			defer closeLog()
			page := &tui.Log{}
			link, err := newClient(s, page.Tee(log, s.LogLevel))
			if err != nil {
				return usage(err)
			}
			return watch(c, link, s, page)
		},
	}
	config.AddFlags(cmd.Flags(), consoleSettings...)
	cmd.Flags().Bool("watch", false, "see everything and decide nothing, for observers")
	addOutput(cmd)
	return cmd
}

func addOutput(cmd *cobra.Command) {
	cmd.Flags().String("output", "", "tui, plain (one line a change) or json (one object a line); default tui on a terminal (plain with ACCESSIBLE=1), else plain")
	cmd.Flags().Bool("ascii", false, "draw with ASCII characters only; so it is by itself where the locale is not UTF-8, and --ascii=false draws all the same")
}

// newClient is a console's end of the wire.
func newClient(s config.Settings, log *slog.Logger) (*client.Client, error) {
	o, err := clientOptions(s, log)
	if err != nil {
		return nil, err
	}
	return client.New(o)
}

func clientOptions(s config.Settings, log *slog.Logger) (client.Options, error) {
	roots, err := rootsOf(s)
	return client.Options{
		URL: s.Relay, Token: operator.Source(s.Token.Reveal(), s.DataDir), Logger: log, UserAgent: "callscreen/" + version(),
		TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
	}, err
}

// watch runs a link and the front end that the output setting names.
func watch(c *cobra.Command, link *client.Client, s config.Settings, page *tui.Log) error {
	term := config.TerminalOf(os.Environ())
	output, err := outputOf(c, term)
	if err != nil {
		return err
	}
	screen, err := screenOptions(c, s, term)
	if err != nil {
		return err
	}
	screen.Link, screen.Log = link, page.Lines
	if screen.Watch {
		screen.Link = tui.Observe(link) // for the lines as well
	}
	in, out := c.InOrStdin(), c.OutOrStdout()
	show := func(ctx context.Context) error {
		switch output {
		case "json":
			return lines.JSON(ctx, screen.Link, out)
		case "plain":
			return lines.Plain(ctx, screen.Link, in, out, screen.Keys.Bound())
		default:
			return tui.Run(ctx, screen, in, out)
		}
	}
	return together(c.Context(), link.Run, show)
}

// screenOptions is how the screen looks and what its keys are; the link is
// missing.
func screenOptions(c *cobra.Command, s config.Settings, term config.Terminal) (tui.Options, error) {
	keys, err := tui.ParseKeys(s.Keys)
	if err != nil {
		return tui.Options{}, usage(err)
	}
	o := tui.Options{
		Theme: s.Theme, Mute: s.Mute, Keys: keys, Version: version(),
		Term: tui.Terminal{Name: term.Name, Tmux: term.Tmux, Language: term.Language, NoColor: term.NoColor},
	}
	o.Watch, _ = c.Flags().GetBool("watch") // the demo has no such flag: somebody has to decide there
	var ascii *bool                         // nil: nobody said
	if said, _ := c.Flags().GetBool("ascii"); c.Flags().Changed("ascii") {
		ascii = &said
	}
	o.Charset, o.Hint = tui.ChooseCharset(ascii, term.UTF8)
	return o, nil
}

// checkScreen tells what would be wrong with a front end that is not built yet.
func checkScreen(c *cobra.Command, s config.Settings) error {
	term := config.TerminalOf(os.Environ())
	if _, err := outputOf(c, term); err != nil {
		return err
	}
	_, err := screenOptions(c, s, term)
	return err
}

func outputOf(c *cobra.Command, term config.Terminal) (string, error) {
	asked, err := c.Flags().GetString("output")
	if err != nil {
		return "", err
	}
	output, err := term.Output(asked, interactive(c))
	if err == nil && output == "tui" && !interactive(c) {
		err = errors.New("--output tui: the screen needs a terminal at both ends, so use --output plain")
	}
	return output, usage(err)
}

// interactive tells whether a person sits at both ends.
func interactive(c *cobra.Command) bool {
	return isTerminal(c.OutOrStdout()) && isTerminal(c.InOrStdin())
}

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

func historyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "What was decided: one row a call, from the relay's journal",
		Long: `Print what became of the calls that rang, the oldest first: when, who called, how
it ended, by whom and how fast. Every ending is told apart. Observers may ask, too.

The table is for people and has the times of day of this machine; json is one
object a line and csv for spreadsheets, both in UTC and with Graph's codes and
request ids. How far back the journal goes is the relay's setting journal-max-age.`,
		Example: `  callscreen history                                  # of the last 24 hours
  callscreen history --since 2d --operator ana --ending rejected,unconfirmed
  callscreen history --since 2026-03-01 --until 2026-04-01 --output csv > march.csv
  callscreen history --limit 20
  callscreen history --since 8h --output json | jq -r 'select(.ending == "refused") | .request_id'`,
		Args: args(cobra.NoArgs),
		RunE: runHistory,
	}
	config.AddFlags(cmd.Flags(), "relay", "token-file", "ca-file", "data-dir")
	f := cmd.Flags()
	f.String("since", "24h", "calls that rang since: a duration such as 8h or 2d, a date, or a time such as 2026-03-31T14:00:00Z")
	f.String("until", "", "calls that rang before: likewise (default now)")
	f.StringSlice("operator", nil, "calls that one of these operators decided last")
	f.StringSlice("ending", nil, "rejected, unconfirmed, gone, hung_up, timed_out, refused or unknown")
	f.Int("limit", 0, "only the newest so many, at most 10000 (default all)")
	f.String("output", "table", "table, json or csv")
	return cmd
}

func runHistory(c *cobra.Command, _ []string) error {
	query, err := queryOf(c)
	if err != nil {
		return usage(err)
	}
	format, _ := c.Flags().GetString("output")
	width := 0
	if out, ok := c.OutOrStdout().(*os.File); ok {
		width, _, _ = term.GetSize(out.Fd()) // what is no terminal has no width
	}
	out := bufio.NewWriter(c.OutOrStdout())
	rows, ok := history.NewWriter(format, out, width, time.Local)
	if !ok {
		return usage(fmt.Errorf("--output %q: it is one of %s", format, history.Formats))
	}
	s, err := load(c, config.Settings.CheckConsole)
	if err != nil {
		return err
	}
	o, err := clientOptions(s, slog.New(slog.DiscardHandler))
	if err != nil {
		return usage(err)
	}
	n := 0
	err = client.History(c.Context(), o, query, func(r history.Row) error {
		n++
		return rows.Write(r)
	})
	// What came is written in any case. A reader that has seen enough is no error.
	if err := errors.Join(err, rows.Flush(), out.Flush()); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	if n == 0 {
		fmt.Fprintf(c.ErrOrStderr(), "No such call since %s.\n", query.Since.Local().Format(time.DateTime))
	}
	return nil
}

func queryOf(c *cobra.Command) (q history.Query, err error) {
	f, now := c.Flags(), time.Now()
	since, _ := f.GetString("since")
	if q.Since, err = config.ParseAgo(since, now); err != nil {
		return q, fmt.Errorf("--since %q %w", since, err)
	}
	if until, _ := f.GetString("until"); until != "" {
		if q.Until, err = config.ParseAgo(until, now); err != nil {
			return q, fmt.Errorf("--until %q %w", until, err)
		}
	}
	endings, _ := f.GetStringSlice("ending")
	for _, text := range endings {
		ending, err := history.ParseEnding(text)
		if err != nil {
			return q, fmt.Errorf("--ending %q: %w", text, err)
		}
		q.Endings = append(q.Endings, ending)
	}
	q.Operators, _ = f.GetStringSlice("operator")
	q.Limit, _ = f.GetInt("limit")
	if err := q.Check(); err != nil {
		return q, fmt.Errorf("--%w", err)
	}
	return q, nil
}

func rejectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reject CALL",
		Short: "Decide about one call from a script",
		Long: `Reject one call, as a key in the console would, and wait for the outcome. It is
sent at once, also where the relay lets consoles take decisions back (undo).

Exit codes: 0 rejected, 10 too late, 11 taken by another operator, 12 no such
call or already gone, 13 refused by Graph, 14 outcome unknown; 1 nothing was
decided, 2 usage.`,
		Example: `  callscreen reject 1907c4a1-8f5e-4f0c-9a3e-4f1d2c3b4a59 --reason busy`,
		Args:    args(cobra.ExactArgs(1)),
		RunE:    runReject,
	}
	config.AddFlags(cmd.Flags(), "relay", "token-file", "ca-file", "data-dir")
	cmd.Flags().String("reason", "", "busy, none or forbidden (required)")
	return cmd
}

func runReject(c *cobra.Command, given []string) error {
	id, err := call.ParseID(given[0])
	if err != nil {
		return usage(err)
	}
	text, err := c.Flags().GetString("reason")
	if err != nil {
		return err
	}
	reason, err := call.ParseReason(text)
	if err != nil {
		return usage(fmt.Errorf("--reason: %w", err))
	}
	s, err := load(c, config.Settings.CheckConsole)
	if err != nil {
		return err
	}
	o, err := clientOptions(s, slog.New(slog.DiscardHandler))
	if err != nil {
		return usage(err)
	}
	answer, err := client.Reject(c.Context(), o, id, reason, "")
	if err != nil {
		return err
	}
	return verdict(c.ErrOrStderr(), answer)
}

// verdict says what became of a decision, and chooses the exit code.
func verdict(w io.Writer, a call.Answer) error {
	if a.Verdict == call.WasRejected {
		fmt.Fprintf(w, "rejected as %s\n", a.Reason)
		return nil
	}
	words := cmp.Or(a.Words, "the decision ended as "+string(a.Verdict))
	return exit{cmp.Or(rejectCodes[a.Verdict], exitError), errors.New(words)}
}

// The simulated Microsoft, alone and in the demo.

func addTraffic(cmd *cobra.Command, rate float64) {
	f := cmd.Flags()
	f.Uint64("seed", 0, "the same seed gives the same calls; 0 picks a new one and tells it")
	f.Float64("rate", rate, "calls a minute, on average; 0 places none by itself")
	f.Float64("speed", 1, "how many times faster than real the pauses between calls are")
	f.String("scenario", "", "place the calls of this TOML file instead (see README)")
}

// trafficOf reads the flags of addTraffic: the seed and the speed of a
// simulator, and the calls it places.
func trafficOf(c *cobra.Command) (o simulator.Options, course simulator.Course, err error) {
	f := c.Flags()
	var errs [4]error
	var file string
	o.Seed, errs[0] = f.GetUint64("seed")
	o.Speed, errs[1] = f.GetFloat64("speed")
	course.PerMinute, errs[2] = f.GetFloat64("rate")
	file, errs[3] = f.GetString("scenario")
	if err := errors.Join(errs[:]...); err != nil {
		return o, course, err
	}
	if o.Seed == 0 {
		o.Seed = 1 + rand.Uint64N(1_000_000) //nolint:gosec // it only varies the demo
	}
	if course.PerMinute < 0 || course.PerMinute > 6000 || o.Speed <= 0 || o.Speed > 1000 {
		return o, course, usage(errors.New("--rate is 0 to 6000 calls a minute, --speed more than 0 and at most 1000"))
	}
	if file == "" {
		return o, course, nil
	}
	raw, err := config.ReadFile(file)
	if err != nil {
		return o, course, usage(fmt.Errorf("--scenario: %w", err))
	}
	script, err := simulator.LoadScenario(bytes.NewReader(raw))
	if err != nil {
		return o, course, usage(fmt.Errorf("--scenario %s: %w", file, err))
	}
	course.Script = &script
	return o, course, nil
}

func simulateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "A simulated Microsoft to test any relay or calling bot against",
		Example: `  callscreen simulate                                  # then start the relay as it tells
  callscreen simulate --webhook http://127.0.0.1:3978/api/calls --rate 30 --seed 7
  curl --cacert CA -X POST https://127.0.0.1:8443/simulator/calls -d '{"kind":"phone"}'`,
		Args: args(cobra.NoArgs),
		RunE: runSimulate,
	}
	config.AddFlags(cmd.Flags(), "data-dir", "log-level", "log-format", "log-file")
	cmd.Flags().String("listen", "127.0.0.1:8443", "loopback address to serve on")
	cmd.Flags().String("webhook", "http://127.0.0.1:8080/api/calls", "the bot's calling webhook")
	cmd.Flags().String("dir", "", "where its certificate and the relay's settings go (default DATA-DIR/simulator)")
	addTraffic(cmd, 6)
	return cmd
}

func runSimulate(c *cobra.Command, _ []string) error {
	s, err := load(c, nil)
	if err != nil {
		return err
	}
	o, course, err := trafficOf(c)
	if err != nil {
		return err
	}
	log, closeLog, err := s.Logger(c.ErrOrStderr(), lines.LogAttr)
	if err != nil {
		return usage(err)
	}
	defer closeLog()
	address, _ := c.Flags().GetString("listen")
	webhook, _ := c.Flags().GetString("webhook")
	dir, _ := c.Flags().GetString("dir")
	if dir == "" {
		dir = filepath.Join(s.DataDir, "simulator")
	}
	if !config.Loopback(address) {
		return usage(fmt.Errorf("--listen %s: the simulator guards nothing and serves loopback addresses only", address))
	}
	o.Webhook, o.Dir, o.Logger = webhook, dir, log
	sim, err := simulator.New(o)
	if err != nil {
		return err
	}
	ln, err := listen(c.Context(), "listen", address)
	if err != nil {
		sim.Close()
		return err
	}
	base := "https://" + ln.Addr().String()
	settings, err := config.WriteSimulated(dir, simulatedSettings(sim, base, webhook), sim.CAPEM(), sim.ClientSecret())
	if err != nil {
		sim.Close()
		return errors.Join(err, ln.Close())
	}
	fmt.Fprintf(c.ErrOrStderr(), "callscreen simulate\n  Microsoft  %s  (seed %d)\n  webhook    %s\n  relay      callscreen relay --config %s\n",
		base, o.Seed, webhook, settings)
	return together(c.Context(),
		func(ctx context.Context) error { return sim.Serve(ctx, ln) },
		func(ctx context.Context) error { return sim.Follow(ctx, course) },
	)
}

// simulatedSettings point a relay at a simulator, and let it listen where the
// simulator calls it.
func simulatedSettings(sim *simulator.Simulator, base, webhook string) map[string]string {
	settings := sim.Settings(base)
	if u, err := url.Parse(webhook); err == nil && u.Scheme == "http" && config.Loopback(u.Host) {
		settings["listen"], settings["webhook-path"] = u.Host, u.Path
	}
	return settings
}

func demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Everything in one process: simulated Microsoft, relay, console. No account needed",
		Long: `A simulated Microsoft places calls, a relay takes them, and this terminal is the
console, all in this process and over the same https, WebSocket and journal as
for real calls. Nothing is kept: the journal lies in a folder that is removed at
the end.`,
		Example: `  callscreen demo
  callscreen demo --rate 30 --seed 7
  callscreen demo --undo 3s                 # decisions can be taken back
  callscreen demo --output plain
  callscreen demo --relays 3                # says how to sit down beside, and what to kill`,
		Args: args(cobra.NoArgs),
		RunE: runDemo,
	}
	config.AddFlags(cmd.Flags(), "undo", "theme", "mute", "keys", "log-level", "log-format", "log-file")
	addOutput(cmd)
	addTraffic(cmd, 12)
	cmd.Flags().Int("relays", 1, "with 2 to 5: so many relays, each a process, on a cluster of three NATS servers")
	cmd.Flags().Bool("storybook", false, "walk through every state of the screen instead")
	if err := cmd.Flags().MarkHidden("storybook"); err != nil {
		panic(err) // the flag is there, one line above
	}
	return cmd
}

func runDemo(c *cobra.Command, _ []string) (err error) {
	s, err := load(c, nil)
	if err != nil {
		return err
	}
	if book, _ := c.Flags().GetBool("storybook"); book {
		return storybook(c, s)
	}
	if err := errors.Join(checkScreen(c, s), usage(s.CheckTimes()), usage(s.CheckConsole())); err != nil {
		return err // before anything runs
	}
	o, course, err := trafficOf(c)
	if err != nil {
		return err
	}
	log, closeLog, err := s.Logger(io.Discard, lines.LogAttr)
	if err != nil {
		return usage(err)
	}
	defer closeLog()
	dir, err := os.MkdirTemp("", "callscreen-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	page := &tui.Log{}
	o.Logger = page.Tee(log, s.LogLevel)
	over := func() {
		fmt.Fprintf(c.ErrOrStderr(), "The demo is over and its data is removed. The same calls again: callscreen demo --seed %d\n", o.Seed)
	}
	switch relays, _ := c.Flags().GetInt("relays"); {
	case relays < 1 || relays > 5:
		return usage(errors.New("--relays is 1 to 5"))
	case relays > 1:
		defer over()
		return runTrial(c, s, dir, relays, o, course, page)
	}
	d, err := newDemo(c.Context(), s, dir, o)
	if err != nil {
		return err
	}
	err = together(c.Context(),
		func(ctx context.Context) error { return d.sim.Serve(ctx, d.simLn) },
		func(ctx context.Context) error { return d.relay.run(ctx, d.relayLn) },
		func(ctx context.Context) error {
			d.relay.server.AwaitReady(ctx)
			return d.sim.Follow(ctx, course)
		},
		func(ctx context.Context) error {
			d.relay.server.AwaitReady(ctx) // or the first line would be of trouble that is over at once
			c.SetContext(ctx)
			return watch(c, d.link, d.settings, page)
		},
	)
	over()
	return err
}

// runTrial is the demo with several relays: they are processes of their own, so
// that one can be killed; simulated Microsoft, NATS servers and console are here.
func runTrial(c *cobra.Command, s config.Settings, dir string, n int, o simulator.Options, course simulator.Course, page *tui.Log) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "Starting 3 NATS servers and %d relays.\n", n)
	servers, err := cluster.Start(filepath.Join(dir, "nats"), 3)
	if err != nil {
		return err
	}
	defer servers.Close()
	relays, err := trial.New(n)
	if err != nil {
		return err
	}
	o.Webhook, o.Balance = "http://"+relays.Addresses()[0]+s.WebhookPath, relays.Addresses()
	sim, err := simulator.New(o)
	if err != nil {
		return err
	}
	defer sim.Close()
	ln, err := listen(c.Context(), "listen", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }()
	shared := sim.Settings("https://" + ln.Addr().String())
	maps.Copy(shared, map[string]string{
		"data-dir": dir, "nats-url": servers.URL(), "nats-monitor-url": strings.Join(servers.Monitors(), ","),
		"webhook-path": s.WebhookPath, "ring-timeout": s.RingTimeout.String(), "reject-margin": s.RejectMargin.String(), "undo": s.Undo.String(),
	})
	file, err := config.WriteSimulated(dir, shared, sim.CAPEM(), sim.ClientSecret())
	if err != nil {
		return err
	}
	if s, err = s.Simulated(file, dir, relays.URLs(0)); err != nil {
		return err
	}
	operators, err := operator.Open(dir)
	if err != nil {
		return err
	}
	// Before the relays start: they would all make one at once.
	if err := operators.Local(operator.LocalName()); err != nil {
		return err
	}
	link, err := newClient(s, o.Logger)
	if err != nil {
		return err
	}
	return together(c.Context(),
		func(ctx context.Context) error { return sim.Serve(ctx, ln) },
		func(ctx context.Context) error {
			return relays.Run(ctx, trial.Options{Program: program, Environ: os.Environ(), Config: file, Dir: dir})
		},
		func(ctx context.Context) error {
			if err := relays.AwaitReady(ctx, dir); err != nil {
				return err
			}
			relays.Explain(c.ErrOrStderr(), program, dir)
			if err := confirm(ctx, c, "Press enter to begin. "); err != nil {
				return err
			}
			return together(ctx,
				func(ctx context.Context) error { return sim.Follow(ctx, course) },
				func(ctx context.Context) error { c.SetContext(ctx); return watch(c, link, s, page) })
		},
	)
}

// confirm waits for a line where the screen would cover what was just written.
func confirm(ctx context.Context, c *cobra.Command, words string) error {
	output, _ := c.Flags().GetString("output")
	if !interactive(c) || output == "plain" || output == "json" {
		return nil
	}
	fmt.Fprint(c.ErrOrStderr(), words)
	entered := make(chan error, 1)
	go func() { // a terminal cannot be told to stop reading: this one may end with the program
		var err error
		for b := make([]byte, 1); err == nil && b[0] != '\n'; { // byte by byte: what follows is the screen's
			_, err = c.InOrStdin().Read(b)
		}
		entered <- err
	}()
	select {
	case err := <-entered:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// storybook shows the states of the screen to somebody who changes it.
func storybook(c *cobra.Command, s config.Settings) error {
	o, err := screenOptions(c, s, config.TerminalOf(os.Environ()))
	if err != nil {
		return err
	}
	if !interactive(c) {
		return usage(errors.New("--storybook needs a terminal"))
	}
	return tui.Storybook(c.Context(), o, c.InOrStdin(), c.OutOrStdout())
}

// demo is a whole callscreen in one process, joined by real sockets.
type demo struct {
	settings       config.Settings
	sim            *simulator.Simulator
	relay          *parts
	link           *client.Client
	simLn, relayLn net.Listener
}

func newDemo(ctx context.Context, s config.Settings, dir string, o simulator.Options) (d *demo, err error) {
	d = &demo{settings: s}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.simLn, err = listen(ctx, "listen", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	if d.relayLn, err = listen(ctx, "listen", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	base := "http://" + d.relayLn.Addr().String()
	o.Webhook = base + s.WebhookPath
	if d.sim, err = simulator.New(o); err != nil {
		return nil, err
	}
	file, err := config.WriteSimulated(dir, d.sim.Settings("https://"+d.simLn.Addr().String()), d.sim.CAPEM(), d.sim.ClientSecret())
	if err != nil {
		return nil, err
	}
	if d.settings, err = s.Simulated(file, dir, base); err != nil {
		return nil, err
	}
	if d.relay, err = newRelay(ctx, d.settings, o.Logger); err != nil {
		return nil, err
	}
	d.link, err = newClient(d.settings, o.Logger)
	return d, err
}

// close undoes what newDemo began before it failed.
func (d *demo) close() {
	for _, ln := range []net.Listener{d.simLn, d.relayLn} {
		if ln != nil {
			_ = ln.Close()
		}
	}
	if d.sim != nil {
		d.sim.Close()
	}
	if d.relay != nil {
		_ = d.relay.journal.Close()
	}
}

// Operators and the rest.

func operatorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Add, change, list and revoke the operators of this machine's relay",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	add := &cobra.Command{
		Use: "add NAME", Short: "Make a token for an operator; it is printed once and not kept",
		Example: `  callscreen operator add ana > ana.token
  callscreen operator add wallboard --role observer      # sees everything, decides nothing
  callscreen operator add temp --expires 30d`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			return withOperators(c, func(o *operator.Store) error {
				if given[0] == operator.LocalName() {
					return fmt.Errorf("%q is what the relay calls this machine's own console: choose another name", given[0])
				}
				grant, err := grantOf(c, operator.Grant{})
				if err != nil {
					return err
				}
				token, err := o.Add(given[0], grant)
				if err != nil {
					return fmt.Errorf("%q: %w", given[0], err)
				}
				fmt.Fprintf(c.ErrOrStderr(), "The token of %s follows. It is shown this once: give it to %s as CALLSCREEN_TOKEN or in a file of mode 0600.\n", given[0], given[0])
				fmt.Fprintln(c.OutOrStdout(), token)
				return nil
			})
		},
	}
	change := &cobra.Command{
		Use: "change NAME", Short: "Give an operator another role or end; the token stays",
		Long: `Give an operator another role or another end. The token stays the same, and what
is not named stays as it is. Consoles that are connected know it within two seconds.`,
		Example: `  callscreen operator change ana --role observer
  callscreen operator change temp --expires never`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			return withOperators(c, func(o *operator.Store) error {
				if !c.Flags().Changed("role") && !c.Flags().Changed("expires") {
					return usage(errors.New("nothing to change: give --role, --expires or both"))
				}
				err := o.Change(given[0], func(now operator.Grant) (operator.Grant, error) { return grantOf(c, now) })
				if err != nil {
					return fmt.Errorf("%q: %w", given[0], err)
				}
				fmt.Fprintf(c.ErrOrStderr(), "%s is changed; the token stays the same.\n", given[0])
				return nil
			})
		},
	}
	for sub, preset := range map[*cobra.Command][2]string{add: {string(call.Deciding), "never"}, change: {}} {
		sub.Flags().String("role", preset[0], "operator, or observer: sees everything and decides nothing")
		sub.Flags().String("expires", preset[1], "when the token becomes void: a duration such as 30d, a date, a time, or never")
	}
	list := &cobra.Command{
		Use: "list", Short: "List the operators", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return withOperators(c, func(o *operator.Store) error { return o.Print(c.OutOrStdout()) })
		},
	}
	revoke := &cobra.Command{
		Use: "revoke NAME", Short: "Void an operator's token", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			return withOperators(c, func(o *operator.Store) error {
				if err := o.Revoke(given[0]); err != nil {
					return fmt.Errorf("%q: %w", given[0], err)
				}
				fmt.Fprintf(c.ErrOrStderr(), "The token of %s is void.\n", given[0])
				return nil
			})
		},
	}
	for _, sub := range []*cobra.Command{add, change, list, revoke} {
		config.AddFlags(sub.Flags(), "data-dir")
		cmd.AddCommand(sub)
	}
	return cmd
}

// grantOf is what holds now with what the flags of a command change of it.
func grantOf(c *cobra.Command, g operator.Grant) (operator.Grant, error) {
	role, _ := c.Flags().GetString("role")
	expires, _ := c.Flags().GetString("expires")
	var err error
	if c.Flags().Changed("role") {
		if g.Role, err = operator.ParseRole(role); err != nil {
			return g, usage(fmt.Errorf("--role: %w", err))
		}
	}
	switch {
	case !c.Flags().Changed("expires"):
	case expires == "never":
		g.Expires = time.Time{}
	default:
		if g.Expires, err = config.ParseAhead(expires, time.Now()); err != nil {
			return g, usage(fmt.Errorf("--expires %q %w, nor never", expires, err))
		}
	}
	return g, nil
}

func withOperators(c *cobra.Command, do func(*operator.Store) error) error {
	s, err := load(c, nil)
	if err != nil {
		return err
	}
	store, err := operator.Open(s.DataDir)
	if err != nil {
		return err
	}
	return do(store)
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the settings",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	show := &cobra.Command{
		Use:   "show",
		Short: "Print the settings that count here, and where each comes from",
		Long: `Print every setting, its value, and where that comes from: the default, the
settings file, the environment or a flag. Of secrets only whether they are set.

Nothing needs to be set. If a setting has a fault, all are printed all the same,
the faults follow, and the exit code is 2, as with every command that meets them.`,
		Example: `  callscreen config show
  callscreen config show --cloud us-gov-l4      # with the flags that a relay would get
  callscreen config show --output toml > callscreen.toml
  callscreen config show --output json | jq -r 'select(.origin != "default") | .name'`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := config.Load(c.Flags(), os.Environ())
			output, _ := c.Flags().GetString("output")
			if wrong := s.Show(c.OutOrStdout(), output); wrong != nil {
				return usage(fmt.Errorf("--output: %w", wrong))
			}
			if path, found := s.File(); !found {
				fmt.Fprintf(c.ErrOrStderr(), "There is no settings file %s.\n", path)
			}
			for _, warning := range s.Warnings() {
				fmt.Fprintf(c.ErrOrStderr(), "Warning: %v\n", warning)
			}
			if err == nil {
				err = s.Check()
			}
			return usage(err)
		},
	}
	config.AddFlags(show.Flags(), config.Flags()...)
	show.Flags().String("output", "table", "table, json (one object a line) or toml (a settings file)")
	cmd.AddCommand(show)
	return cmd
}

func doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what is wrong with a set-up and how to mend it",
		Long: `Look at everything that a call needs, in order: settings, data directory, the keys
that sign Microsoft's notifications, sign-in, clock, permissions, Graph, the
running relay, a console's link to it, and the public address. Then rehearse one
simulated call through all of callscreen. For each that is not well: what to do.

Begin with the first that is wrong; it may explain the others. Run it with the
settings and as the user of the relay, while the relay runs. Nothing is changed,
no call is touched, no secret is printed.

Exit codes: 0 nothing is wrong (there may be warnings), 1 something is, 2 usage.`,
		Example: `  callscreen doctor
  callscreen doctor --config ~/.local/share/callscreen/simulator/relay.toml
  callscreen doctor --public-url https://bot.example.com
  callscreen doctor --output json | jq -r '.checks[] | select(.state == "wrong") | .mend'`,
		Args: args(cobra.NoArgs),
		RunE: runDoctor,
	}
	config.AddFlags(cmd.Flags(), append(slices.Clone(relaySettings), "relay", "token-file")...)
	cmd.Flags().String("output", "plain", "plain (for people) or json (one object)")
	cmd.Flags().Duration("timeout", 5*time.Second, "the longest time for each check, 1s to 30s; all together take 30 s at most")
	return cmd
}

func runDoctor(c *cobra.Command, _ []string) error {
	output, _ := c.Flags().GetString("output")
	timeout, _ := c.Flags().GetDuration("timeout")
	if output != "plain" && output != "json" {
		return usage(fmt.Errorf("--output %q: it is plain or json", output))
	}
	if timeout < time.Second || timeout > 30*time.Second {
		return usage(fmt.Errorf("--timeout %v: it is between 1s and 30s", timeout))
	}
	o := examined(c)
	o.Timeout = timeout
	screen := doctor.Screen{Out: c.OutOrStdout(), JSON: output == "json", Width: 100}
	if f, ok := c.OutOrStdout().(*os.File); ok {
		if width, _, err := term.GetSize(f.Fd()); err == nil {
			screen.Width = width
		}
	}
	if isTerminal(c.ErrOrStderr()) && !config.TerminalOf(os.Environ()).Dumb {
		screen.Progress = c.ErrOrStderr()
	}
	wrong, err := doctor.Show(c.Context(), o, screen)
	switch {
	case err != nil:
		return err
	case c.Context().Err() != nil:
		return errors.New("interrupted: not everything was checked")
	case wrong > 0:
		return errors.New("the doctor found what keeps calls from being screened")
	}
	return nil
}

// examined is a set-up for the doctor: what a relay and a console would be made
// of, as far as the settings allow.
func examined(c *cobra.Command) doctor.Options {
	s, err := config.Load(c.Flags(), os.Environ())
	o := doctor.Options{
		Unread: err != nil, ClientID: s.ClientID, TenantID: s.TenantID, APIVersion: s.APIVersion,
		DataDir: s.DataDir, Shared: s.NATSURL != "", PublicURL: s.PublicURL, WebhookPath: s.WebhookPath, Listen: s.Listen, Health: s.MetricsListen,
		Source: "defaults, environment and flags: there is no settings file",
		Stage:  func(ctx context.Context, dir string) (doctor.Stage, error) { return rehearsal(ctx, s, dir) },
	}
	if path, found := s.File(); found {
		o.Source = path + ", environment and flags"
	}
	faults := []error{err}
	if err == nil {
		faults = append(faults, s.CheckRelay(), s.CheckConsole())
		o.Console, _ = clientOptions(s, slog.New(slog.DiscardHandler)) // fails by ca-file alone, as graphHTTP does below
		if s.Credential() != "" {
			o.Credential, err = credentialOf(s)
			faults = append(faults, err)
		}
		if s.TLSCert != "" {
			_, err = cert.Open(s.ReadTLS, o.Console.Logger)
			faults = append(faults, err)
		}
		_, err = journalOptions(s, o.Console.Logger)
		faults = append(faults, err)
		o.HTTP, err = graphHTTP(s)
		faults = append(faults, err)
	}
	if cloud, err := graph.CloudNamed(s.Cloud); err == nil { // else a Check has said so
		o.Cloud = cloud.With(graph.Cloud{Authority: s.AuthorityURL, Root: s.GraphURL, Metadata: s.WebhookMetadataURL})
	}
	for _, f := range s.Faults(errors.Join(faults...)) {
		o.Faults = append(o.Faults, doctor.Fault(f))
	}
	for _, f := range s.Warnings() {
		o.Warnings = append(o.Warnings, doctor.Fault(f))
	}
	return o
}

// rehearsal is the demo's callscreen for a single call.
func rehearsal(ctx context.Context, s config.Settings, dir string) (doctor.Stage, error) {
	none := simulator.Latency{} // what is measured is ours
	s.Undo = 0                  // nobody takes a rehearsal's decision back, and it would wait for that
	d, err := newDemo(ctx, s, dir, simulator.Options{Logger: slog.New(slog.DiscardHandler), RejectLatency: &none, DeletedLatency: &none})
	if err != nil {
		return doctor.Stage{}, err
	}
	return doctor.Stage{
		Link: d.link, Ready: d.relay.server.Ready,
		Ring: func(ctx context.Context) (string, error) { return d.sim.Place(ctx, simulator.CallSpec{Kind: "user"}) },
		Run: func(ctx context.Context) error {
			return together(ctx,
				func(ctx context.Context) error { return d.sim.Serve(ctx, d.simLn) },
				func(ctx context.Context) error { return d.relay.run(ctx, d.relayLn) })
		},
	}, nil
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: args(cobra.NoArgs),
		Run: func(c *cobra.Command, _ []string) {
			info, _ := debug.ReadBuildInfo()
			fmt.Fprintf(c.OutOrStdout(), "callscreen %s %s\n", version(), info.GoVersion)
		},
	}
}

// version is the module's version, or the commit that was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

// load reads the settings of a command and lets check judge them, if there is one.
func load(c *cobra.Command, check func(config.Settings) error) (config.Settings, error) {
	s, err := config.Load(c.Flags(), os.Environ())
	if err == nil && check != nil {
		err = check(s)
	}
	return s, usage(err)
}
