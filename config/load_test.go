package config_test

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"

	"callscreen/config"
)

func TestWithoutAnythingTheDefaultsHold(t *testing.T) {
	t.Parallel()
	environ := home(t)
	s := load(t, flags(t), environ)
	for name, c := range map[string][2]any{
		"listen":        {s.Listen, "127.0.0.1:8080"},
		"webhook-path":  {s.WebhookPath, "/api/calls"},
		"cloud":         {s.Cloud, "global"},
		"api-version":   {s.APIVersion, "v1.0"},
		"ring-timeout":  {s.RingTimeout, 15 * time.Second},
		"reject-margin": {s.RejectMargin, 500 * time.Millisecond},
		"undo":          {s.Undo, time.Duration(0)},
		"unattended":    {s.Unattended, "ring"},
		"on-call":       {s.OnCall, ""},
		"log-level":     {s.LogLevel, slog.LevelInfo},
		"log-format":    {s.LogFormat, "text"},
		"relay":         {s.Relay, "http://127.0.0.1:8080"},
		"theme":         {s.Theme, "auto"},
		"mute":          {s.Mute, false},
		"client-id":     {s.ClientID, ""},
		"nats-url":      {s.NATSURL, config.Secret("")},
		"data-dir":      {s.DataDir, strings.TrimPrefix(environ[2], "XDG_DATA_HOME=") + "/callscreen"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s is %v, want %v", name, c[0], c[1])
		}
		if origin := s.Origin(name); origin != "default" {
			t.Errorf("%s comes from %q", name, origin)
		}
	}
	if s.WebhookMaxBody != 256<<10 || s.Origin("webhook-max-body") != "default" {
		t.Errorf("webhook-max-body is %d", s.WebhookMaxBody)
	}
	if s.WebhookIssuers != nil || s.WebhookAudiences != nil || s.AllowedTenants != nil {
		t.Errorf("lists are not empty: %v %v", s.WebhookIssuers, s.AllowedTenants)
	}
	if err := s.CheckConsole(); err != nil {
		t.Errorf("a console needs no set-up: %v", err)
	}
	if s.Origin("no-such") != "" {
		t.Error("what is no setting has an origin")
	}
}

func TestEachSourceOverridesTheOneBefore(t *testing.T) {
	t.Parallel()
	path := file(t, "c.toml", `listen = "127.0.0.1:1"
theme = "dark"
ring-timeout = "20s"
mute = true`)
	environ := home(t, "CALLSCREEN_CONFIG="+path, "CALLSCREEN_LISTEN=127.0.0.1:2", "CALLSCREEN_THEME=light", "CALLSCREEN_MUTE=")
	s := load(t, flags(t, "--theme", "mono", "--seed", "7"), environ)
	for name, c := range map[string][3]any{
		"cloud":        {s.Cloud, "global", "default"},
		"ring-timeout": {s.RingTimeout, 20 * time.Second, "file " + path},
		"mute":         {s.Mute, true, "file " + path}, // an empty variable is none
		"listen":       {s.Listen, "127.0.0.1:2", "environment CALLSCREEN_LISTEN"},
		"theme":        {s.Theme, "mono", "flag --theme"},
	} {
		if c[0] != c[1] || s.Origin(name) != c[2] {
			t.Errorf("%s is %v from %q, want %v from %v", name, c[0], s.Origin(name), c[1], c[2])
		}
	}
}

func TestEverySettingCanBeGivenInEverySource(t *testing.T) {
	t.Parallel()
	text := map[string]string{
		"listen": "127.0.0.1:9", "webhook-path": "/x", "webhook-max-body": "65536", "webhook-audiences": "api://x", "client-id": "a", "tenant-id": "b", "cloud": "us-gov-l4",
		"api-version": "beta", "authority-url": "https://a", "graph-url": "https://g", "webhook-metadata-url": "https://m",
		"webhook-issuers": "https://i,https://j", "allowed-tenants": "t, u", "ca-file": "ca", "callback-uri": "https://c", "public-url": "https://p",
		"ring-timeout": "9s", "reject-margin": "1s", "undo": "3s", "unattended": "busy", "on-call": "decide -v", "data-dir": "/d", "nats-url": "nats://n",
		"nats-creds-file": "nc", "nats-ca-file": "na", "nats-tls-cert": "nt", "nats-tls-key": "nk", "nats-replicas": "5", "nats-monitor-url": "http://m1,http://m2", "tls-cert": "c", "tls-key": "k",
		"acme-host": "a.example,b.example", "acme-email": "x@y", "acme-directory-url": "https://d", "metrics-listen": "127.0.0.1:10",
		"log-level": "warn", "log-format": "json", "log-file": "l", "relay": "https://r", "theme": "mono", "mute": "true", "keys": "busy=x, up=w up",
		"client-secret": "cs", "token": "tk",
	}
	var args, environ []string
	var toml strings.Builder
	for name, value := range text {
		if slices.Contains(flagNames, name) {
			args = append(args, "--"+name+"="+value)
		}
		environ = append(environ, "CALLSCREEN_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+value)
		toml.WriteString(name + " = \"" + value + "\"\n")
	}
	for source, s := range map[string]config.Settings{
		"file":        load(t, flags(t, "--config", file(t, "c.toml", toml.String())), home(t)),
		"environment": load(t, flags(t), home(t, environ...)),
		"flag":        load(t, flags(t, args...), home(t, "CALLSCREEN_CLIENT_SECRET=cs", "CALLSCREEN_TOKEN=tk")),
	} {
		got := []any{
			s.Listen, s.WebhookPath, s.WebhookMaxBody, s.ClientID, s.TenantID, s.Cloud, s.APIVersion, s.AuthorityURL, s.GraphURL,
			s.WebhookMetadataURL, s.CAFile, s.CallbackURI, s.PublicURL, s.RingTimeout, s.RejectMargin, s.Undo, s.Unattended, s.OnCall, s.DataDir, s.NATSURL.Reveal(),
			s.NATSCredsFile, s.NATSCAFile, s.NATSTLSCert, s.NATSTLSKey, s.NATSReplicas, s.TLSCert, s.TLSKey, s.ACMEEmail, s.ACMEDirectoryURL, s.MetricsListen, s.LogLevel, s.LogFormat, s.LogFile, s.Relay, s.Theme, s.Mute, s.ClientSecret.Reveal(), s.Token.Reveal(),
		}
		want := []any{
			"127.0.0.1:9", "/x", int64(65536), "a", "b", "us-gov-l4", "beta", "https://a", "https://g",
			"https://m", "ca", "https://c", "https://p", 9 * time.Second, time.Second, 3 * time.Second, "busy", "decide -v", "/d", "nats://n",
			"nc", "na", "nt", "nk", int64(5), "c", "k", "x@y", "https://d", "127.0.0.1:10", slog.LevelWarn, "json", "l", "https://r", "mono", true, "cs", "tk",
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: value %d is %v, want %v", source, i, got[i], want[i])
			}
		}
		if !slices.Equal(s.WebhookIssuers, []string{"https://i", "https://j"}) || !slices.Equal(s.AllowedTenants, []string{"t", "u"}) ||
			!slices.Equal(s.Keys, []string{"busy=x", "up=w up"}) || !slices.Equal(s.ACMEHost, []string{"a.example", "b.example"}) ||
			!slices.Equal(s.NATSMonitorURL, []string{"http://m1", "http://m2"}) {
			t.Errorf("%s: lists %q %q %q", source, s.WebhookIssuers, s.AllowedTenants, s.Keys)
		}
		for name := range text {
			if origin := s.Origin(name); !strings.HasPrefix(origin, source) && name != "client-secret" && name != "token" {
				t.Errorf("%s: %s comes from %q", source, name, origin)
			}
		}
	}
}

func TestAFileMayWriteListsAndTruthValuesAsTOMLDoes(t *testing.T) {
	t.Parallel()
	s := load(t, flags(t, "--config", file(t, "c.toml", "allowed-tenants = [\"t\", \"u\"]\nmute = false\n")), home(t))
	if !slices.Equal(s.AllowedTenants, []string{"t", "u"}) || s.Mute {
		t.Errorf("got %v %v", s.AllowedTenants, s.Mute)
	}
}

func TestEveryFaultOfLoadingIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	path := file(t, "c.toml", `
listne = "x"
client_id = "y"
log-level = "loud"
ring-timeout = 15
mute = "perhaps"
allowed-tenants = ["a", ""]
webhook-issuers = 7
cloud = true
[table]
theme = "dark"
`)
	_, err := config.Load(flags(t, "--config", path, "--client-secret-file", "/does/not/exist"),
		home(t, "CALLSCREEN_COLOUR=red", "CALLSCREEN_CLIENT_SECRT="+canary, "CALLSCREEN_REJECT_MARGIN=soon", "CALLSCREEN_THEME=da\nrk"))
	wantAll(t, err,
		`there is no setting "listne" (did you mean listen?)`, `there is no setting "client_id" (it is called client-id)`, `there is no setting "table.theme"`,
		"there is no setting for CALLSCREEN_COLOUR", "there is no setting for CALLSCREEN_CLIENT_SECRT (did you mean CALLSCREEN_CLIENT_SECRET?)",
		"log-level (file "+path+") must be debug", "ring-timeout (file "+path+") is not a duration", "mute (file",
		"allowed-tenants (file "+path+") has an empty entry", "webhook-issuers (file", "cloud (file "+path+") is not text",
		"reject-margin (environment CALLSCREEN_REJECT_MARGIN) is not a duration",
		"theme (environment CALLSCREEN_THEME) holds a control character",
		"client-secret-file: stat /does/not/exist")
}

func TestAFileThatWasNamedMustBeThereAndBeTOML(t *testing.T) {
	t.Parallel()
	_, err := config.Load(flags(t, "--config", "/does/not/exist"), home(t))
	wantAll(t, err, "settings file: stat /does/not/exist")
	_, err = config.Load(nil, home(t, "CALLSCREEN_CONFIG=/does/not/exist"))
	wantAll(t, err, "settings file")
	_, err = config.Load(flags(t, "--config", t.TempDir()), home(t))
	wantAll(t, err, "is not a regular file")
	path := file(t, "c.toml", "theme = \"dark\"\nclient-secret = "+canary+"\n")
	_, err = config.Load(flags(t, "--config", path), home(t))
	wantAll(t, err, path+": line 2, column ", "is not TOML")
	path = file(t, "c.toml", strings.Repeat("#", 1<<20+1))
	_, err = config.Load(flags(t, "--config", path), home(t))
	wantAll(t, err, "is larger than")
}

func TestTheDefaultFileIsFoundWhereThePlatformKeepsIt(t *testing.T) {
	t.Parallel()
	s := load(t, nil, home(t))
	if s.Theme != "auto" {
		t.Fatalf("theme %q", s.Theme)
	}
	environ := home(t)
	dir := strings.TrimPrefix(environ[1], "XDG_CONFIG_HOME=")
	path := filepath.Join(dir, "callscreen", "config.toml")
	mkfile(t, path, `theme = "dark"`)
	if s := load(t, nil, environ); s.Theme != "dark" || s.Origin("theme") != "file "+path {
		t.Errorf("theme %q from %q", s.Theme, s.Origin("theme"))
	}
}

func TestSecretsHaveNoFlag(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"client-secret", "token", "no-such-setting"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a flag --%s was added", name)
				}
			}()
			config.AddFlags(pflag.NewFlagSet("test", pflag.ContinueOnError), name)
		}()
	}
}

func TestTheHelpOfAFlagShowsItsDefault(t *testing.T) {
	t.Parallel()
	usage := flags(t).FlagUsages()
	for _, want := range []string{`(default "127.0.0.1:8080")`, "(default 15s)", "(default 500ms)", "--token-file", "--client-secret-file"} {
		if !strings.Contains(usage, want) {
			t.Errorf("%q is not in the help", want)
		}
	}
}

func TestWithLaysOneMoreFileOver(t *testing.T) {
	t.Parallel()
	s := ready(t)
	secret := file(t, "secret", "another\n")
	path := file(t, "c.toml", "client-id = \"from-file\"\nclient-secret-file = \""+secret+"\"\n")
	over, err := s.With(path)
	if err != nil {
		t.Fatal(err)
	}
	if over.ClientID != "from-file" || over.ClientSecret.Reveal() != "another" || over.TenantID != s.TenantID || over.RingTimeout != s.RingTimeout {
		t.Errorf("got %+v", over)
	}
	if over.Origin("client-id") != "file "+path || over.Origin("tenant-id") != "environment CALLSCREEN_TENANT_ID" || over.Origin("cloud") != "default" {
		t.Errorf("origins %q %q %q", over.Origin("client-id"), over.Origin("tenant-id"), over.Origin("cloud"))
	}
	if s.ClientID != someGUID || s.Origin("client-id") != "environment CALLSCREEN_CLIENT_ID" {
		t.Errorf("the settings themselves were changed: %q %q", s.ClientID, s.Origin("client-id"))
	}
	if _, err := s.With(file(t, "c.toml", `theme = 7`)); err == nil {
		t.Error("a faulty file was taken")
	}
}

func TestWhatASimulatorWritesIsEnoughForARelay(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "with \"quotes\"")
	settings := map[string]string{
		"client-id": someGUID, "tenant-id": otherGUID, "authority-url": "https://127.0.0.1:8443",
		"graph-url": "https://127.0.0.1:8443", "webhook-metadata-url": "https://127.0.0.1:8443/m",
	}
	var path string
	for range 2 { // the second time over the first
		var err error
		if path, err = config.WriteSimulated(dir, settings, []byte("PEM"), canary); err != nil {
			t.Fatal(err)
		}
	}
	s := load(t, flags(t, "--config", path), home(t))
	if err := s.CheckRelay(); err != nil {
		t.Fatal(err)
	}
	if pem, err := s.ReadCA(); err != nil || string(pem) != "PEM" || s.ClientSecret.Reveal() != canary {
		t.Errorf("got %q %v", pem, err)
	}
	if _, err := config.WriteSimulated(dir, map[string]string{"x": "y"}, nil, ""); err == nil {
		t.Error("a name that is no setting was written")
	}
}

func TestASimulatedRelayIsLedNowhereByTheSettingsOfARealOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, err := config.WriteSimulated(dir, map[string]string{"client-id": someGUID, "tenant-id": otherGUID, "graph-url": "https://127.0.0.1:8443"}, []byte("PEM"), canary)
	if err != nil {
		t.Fatal(err)
	}
	mine := load(t, flags(t, "--nats-url", "nats://127.0.0.1:4222", "--nats-creds-file", "c", "--nats-ca-file", "c", "--nats-tls-cert", "c", "--nats-tls-key", "k",
		"--nats-replicas", "5", "--nats-monitor-url", "http://m", "--allowed-tenants", someGUID, "--webhook-issuers", "https://issuer", "--cloud", "china",
		"--public-url", "https://bot.example.com", "--callback-uri", "https://bot.example.com/x", "--acme-host", "bot.example.com", "--metrics-listen", ":9",
		"--unattended", "busy", "--on-call", "decide", "--tls-cert", "cert", "--tls-key", "key", "--managed-identity", "system", "--webhook-path", "/mine", "--ring-timeout", "9s"), home(t, "CALLSCREEN_TOKEN="+canary))
	s, err := mine.Simulated(path, dir, "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckRelay(); err != nil {
		t.Errorf("not fit for a relay: %v", err)
	}
	for name, left := range map[string]bool{
		"nats-url": s.NATSURL != "", "nats files": s.NATSCredsFile+s.NATSCAFile+s.NATSTLSCert+s.NATSTLSKey != "",
		"nats-replicas": s.NATSReplicas != 0, "nats-monitor-url": s.NATSMonitorURL != nil, "allowed-tenants": s.AllowedTenants != nil, "webhook-issuers": s.WebhookIssuers != nil, "cloud": s.Cloud == "china",
		"public-url": s.PublicURL != "", "callback-uri": s.CallbackURI != "", "acme-host": s.ACMEHost != nil, "metrics-listen": s.MetricsListen != "",
		"unattended": s.Unattended != "ring", "on-call": s.OnCall != "",
		"tls-cert": s.TLSCert != "" || s.TLSKey != "", "credential": s.Credential() != "client-secret", "token": s.Token != "",
	} {
		if left {
			t.Errorf("%s is left", name)
		}
	}
	if s.WebhookPath != "/mine" || s.RingTimeout != 9*time.Second || s.DataDir != dir || s.Relay != "http://127.0.0.1:1" || s.GraphURL == "" {
		t.Errorf("%+v", s)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("theme = \"dark\"\n")
	f.Add("ring-timeout = 15\n[a.b]\nc = 1\n")
	f.Add("client-secret = " + canary)
	f.Add("allowed-tenants = [\"a\", 1, [2]]\nmute = true\n\"\" = 1\nlisten.x = 2\n")
	f.Add("client-secret = \"" + canary + "\"\npublic-url = \"https://h\"\nacme-host = [\"a.b\", \"c.d\"]\nkeys = [\"busy=x\", \"a=\\\"\"]\n")
	f.Add("nats-url = \"nats://u:p@h\"\nlog-level = 1979-05-27\n")
	environ := home(f)
	f.Fuzz(func(t *testing.T, content string) {
		path := file(t, "c.toml", content)
		s, err := config.Load(flags(t, "--config", path), environ)
		// Whatever was read can be shown, and no secret with it.
		for _, format := range []string{"table", "json"} {
			if out := show(t, s, format); s.ClientSecret.Reveal() == canary && strings.Contains(out, canary) && !strings.Contains(strings.Replace(content, canary, "", 1), canary) {
				t.Errorf("a secret is shown: %s", out)
			}
		}
		if err != nil {
			return
		}
		// What is shown as a settings file is one, of the same settings.
		again, err := config.Load(flags(t, "--config", file(t, "again.toml", show(t, s, "toml"))), environ)
		s.ClientSecret, s.ClientCertificatePassword, s.Token, s.NATSURL = "", "", "", ""
		if diff := cmp.Diff(s, again, cmpopts.IgnoreUnexported(config.Settings{}), cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		// What loads can be judged, and what a check passes is what it says.
		_ = s.CheckConsole()
		if s.CheckRelay() == nil && (s.ClientSecret == "" || s.Cloud == "china" || s.RejectMargin > s.RingTimeout) {
			t.Errorf("passed: %+v", s)
		}
	})
}
