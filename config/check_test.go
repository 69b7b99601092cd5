package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"callscreen/config"
)

// proves the configuration half of W-14.
func TestW14AllMissingSettingsAreNamedAtOnceWithFlagAndVariable(t *testing.T) {
	t.Parallel()
	s := load(t, flags(t), nil) // not even a home
	wantAll(t, s.CheckRelay(),
		"missing settings:",
		"client-id: the bot's application (client) ID, a GUID. Set --client-id or CALLSCREEN_CLIENT_ID",
		"tenant-id: the tenant in which the bot is registered, a GUID. Set --tenant-id or CALLSCREEN_TENANT_ID",
		"client-secret: a client secret of the bot's application. Set CALLSCREEN_CLIENT_SECRET or --client-secret-file",
		"data-dir: ")
}

func TestW14EachBlankSettingIsMissing(t *testing.T) {
	t.Parallel()
	for name, blank := range map[string]func(*config.Settings){
		"client-id":     func(s *config.Settings) { s.ClientID = " " },
		"tenant-id":     func(s *config.Settings) { s.TenantID = "" },
		"client-secret": func(s *config.Settings) { s.ClientSecret = "\t" },
		"data-dir":      func(s *config.Settings) { s.DataDir = "" },
	} {
		s := ready(t)
		blank(&s)
		wantAll(t, s.CheckRelay(), "missing settings", "  "+name+": ")
	}
}

func TestReadySettingsPass(t *testing.T) {
	t.Parallel()
	if err := ready(t).CheckRelay(); err != nil {
		t.Error(err)
	}
}

// A rule's row: what is changed in settings that pass, and what the judgement
// must say ("" for nothing).
type row struct {
	change func(*config.Settings)
	want   string
}

func judgeAll(t *testing.T, check func(config.Settings) error, rows map[string]row) {
	t.Helper()
	for name, r := range rows {
		s := ready(t)
		r.change(&s)
		err := check(s)
		switch {
		case r.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case r.want != "" && (err == nil || !strings.Contains(err.Error(), r.want)):
			t.Errorf("%s: got %v, want %q", name, err, r.want)
		}
	}
}

func TestARelayHasOneCertificateOfAPublicName(t *testing.T) {
	t.Parallel()
	acme := func(hosts ...string) func(*config.Settings) {
		return func(s *config.Settings) { s.ACMEHost = hosts }
	}
	rows := map[string]row{
		"one name":        {acme("relay.example.com"), ""},
		"two names":       {acme("relay.example.com", "xn--bcher-kva.example"), ""},
		"and files":       {func(s *config.Settings) { s.ACMEHost, s.TLSCert, s.TLSKey = []string{"a.example"}, "c", "k" }, "acme-host and tls-cert: set one of them"},
		"an address":      {func(s *config.Settings) { s.ACMEEmail = "ops@example.com" }, ""},
		"no address":      {func(s *config.Settings) { s.ACMEEmail = "ops" }, "acme-email: "},
		"a named address": {func(s *config.Settings) { s.ACMEEmail = "Ops <ops@example.com>" }, "acme-email: "},
	}
	for _, bad := range []string{
		"", "relay", "localhost", "127.0.0.1", "::1", "*.example.com", "https://relay.example.com", "relay.example.com:443",
		"Relay.example.com", "relay..com", ".relay.com", "relay.com.", "-relay.com", "relay-.com", "bücher.example",
		strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 130) + "com", "../x.com", "a b.com",
	} {
		rows[bad] = row{acme("good.example.com", bad), "acme-host: "}
	}
	judgeAll(t, config.Settings.CheckRelay, rows)
}

func TestK03MetricsHaveAPortOfTheirOwnOrTheRelays(t *testing.T) {
	t.Parallel()
	at := func(address string) func(*config.Settings) {
		return func(s *config.Settings) { s.MetricsListen = address }
	}
	judgeAll(t, config.Settings.CheckRelay, map[string]row{
		"none":     {at(""), ""},
		"own":      {at(":9090"), ""}, // nothing of it is secret
		"the same": {at("127.0.0.1:8080"), "metrics-listen: is the address of listen"},
		"nonsense": {at("9090"), "metrics-listen: "},
	})
}

func TestWhatIsProbablyNotMeantIsWarnedOf(t *testing.T) {
	t.Parallel()
	s := ready(t)
	if got := s.Warnings(); got != nil {
		t.Errorf("of nothing: %q", got)
	}
	s.Listen, s.ACMEHost, s.PublicURL = ":443", []string{"relay.example.com"}, "https://relay.example.com"
	if got := s.Warnings(); got != nil {
		t.Errorf("of a good set-up: %q", got)
	}
	s.Listen, s.PublicURL = ":8443", "https://relay.example.com:8443"
	s.AllowedTenants, s.RingTimeout = []string{strings.Repeat("0", 8) + someGUID[8:]}, 20*time.Second
	got := fmt.Sprint(s.Warnings())
	for _, want := range []string{
		"allowed-tenants: tenant-id, " + s.TenantID + ", is not among them", "ring-timeout: is 20s and Graph waits 15s: at the end",
		"acme-host: the CA knocks at port 443 of relay.example.com and the relay listens on :8443", "public-url: Graph is known to send nothing to a webhook with a port (8443)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}

func TestGUIDsAreGUIDs(t *testing.T) {
	t.Parallel()
	rows := map[string]row{"upper case": {func(s *config.Settings) { s.ClientID = otherGUID }, ""}}
	for _, bad := range []string{"x", "01234567-89ab-cdef-0123-456789abcde", someGUID + "0", "{" + someGUID[1:35] + "}", strings.ReplaceAll(someGUID, "-", "0"), "0123456g" + someGUID[8:], "../" + someGUID[3:]} {
		rows["client "+bad] = row{func(s *config.Settings) { s.ClientID = bad }, "client-id: "}
		rows["tenant "+bad] = row{func(s *config.Settings) { s.TenantID = bad }, "tenant-id: "}
		rows["allowed "+bad] = row{func(s *config.Settings) { s.AllowedTenants = []string{someGUID, bad} }, "allowed-tenants: "}
	}
	rows["blank tenant"] = row{func(s *config.Settings) { s.AllowedTenants = []string{""} }, "allowed-tenants: has an empty entry"}
	judgeAll(t, config.Settings.CheckRelay, rows)
}

// proves the configuration half of G-11: a cloud without a calling API refuses
// to start.
func TestG11OnlyCloudsWithACallingAPIAreTaken(t *testing.T) {
	t.Parallel()
	judgeAll(t, config.Settings.CheckRelay, map[string]row{
		"l4":         {func(s *config.Settings) { s.Cloud = "us-gov-l4" }, ""},
		"l5":         {func(s *config.Settings) { s.Cloud = "us-gov-l5" }, ""},
		"china":      {func(s *config.Settings) { s.Cloud = "china" }, "no calling API in the China cloud"},
		"unknown":    {func(s *config.Settings) { s.Cloud = "moon" }, `"moon" is not one of global`},
		"blank":      {func(s *config.Settings) { s.Cloud = "" }, "cloud: "},
		"beta":       {func(s *config.Settings) { s.APIVersion = "beta" }, ""},
		"beta in l4": {func(s *config.Settings) { s.APIVersion, s.Cloud = "beta", "us-gov-l4" }, "global cloud only"},
		"beta in l5": {func(s *config.Settings) { s.APIVersion, s.Cloud = "beta", "us-gov-l5" }, "global cloud only"},
		"v2":         {func(s *config.Settings) { s.APIVersion = "v2.0" }, "api-version: "},
	})
}

func TestAddressesOfMicrosoftAreHTTPS(t *testing.T) {
	t.Parallel()
	rows := map[string]row{}
	for setting, at := range map[string]func(*config.Settings) *string{
		"authority-url":        func(s *config.Settings) *string { return &s.AuthorityURL },
		"graph-url":            func(s *config.Settings) *string { return &s.GraphURL },
		"webhook-metadata-url": func(s *config.Settings) *string { return &s.WebhookMetadataURL },
		"webhook-issuers": func(s *config.Settings) *string {
			s.WebhookIssuers = []string{"https://api.botframework.com", ""}
			return &s.WebhookIssuers[1]
		},
		"acme-directory-url": func(s *config.Settings) *string { return &s.ACMEDirectoryURL },
		"public-url":         func(s *config.Settings) *string { return &s.PublicURL },
	} {
		for _, good := range []string{"https://host", "https://127.0.0.1:8443/", "https://[::1]:1/a/b"} {
			rows[setting+" "+good] = row{func(s *config.Settings) { *at(s) = good }, ""}
		}
		for _, bad := range []string{
			"http://host", "host", "//host", "https://", "https:///x", "https:host", "ftp://host", "https://u:" + canary + "@host",
			"https://host/#f", "https://ho st/", "file:///etc/passwd", "javascript:alert(1)",
		} {
			rows[setting+" "+bad] = row{func(s *config.Settings) { *at(s) = bad }, setting + ": "}
		}
	}
	rows["a query where none belongs"] = row{func(s *config.Settings) { s.GraphURL = "https://host/?x" }, "query"}
	rows["a blank issuer"] = row{func(s *config.Settings) { s.WebhookIssuers = []string{" "} }, "has an empty entry"}
	judgeAll(t, config.Settings.CheckRelay, rows)
}

// proves the configured half of P-09: whatever would have Graph call back
// somebody else is refused before anything runs.
func TestP09ACallbackIsHTTPSAndOnTheRelaysOwnHost(t *testing.T) {
	t.Parallel()
	at := func(public, callback string) func(*config.Settings) {
		return func(s *config.Settings) { s.PublicURL, s.CallbackURI = public, callback }
	}
	const public = "https://relay.example.com"
	judgeAll(t, config.Settings.CheckRelay, map[string]row{
		"the same host":                 {at(public, "https://relay.example.com/api/calls"), ""},
		"a query, other case, its port": {at(public, "https://Relay.Example.COM:443/cb?call=1"), ""},
		"the same port":                 {at(public+":8443", "https://relay.example.com:8443/cb"), ""},
		"no public address to compare":  {at("", "https://relay.example.com/cb"), "callback-uri: set public-url too"},
		"another host":                  {at(public, "https://evil.example.com/cb"), "callback-uri: evil.example.com is not the host of public-url, relay.example.com"},
		"a host below":                  {at(public, "https://x.relay.example.com/cb"), "is not the host of public-url"},
		"a host that begins alike":      {at(public, "https://relay.example.com.evil.org/cb"), "is not the host of public-url"},
		"another port":                  {at(public, "https://relay.example.com:444/cb"), "is not the host of public-url"},
		"in the clear":                  {at(public, "http://relay.example.com/cb"), "must begin with https://"},
		"a user that looks like it":     {at(public, "https://relay.example.com@evil.org/cb"), "must not hold a user name"},
		"a fragment":                    {at(public, "https://relay.example.com/cb#x"), "callback-uri: "},
		"no address":                    {at(public, "relay.example.com/cb"), "is not an address"},
	})
}

// proves the configuration half of P-01.
func TestP01TheBodyOfANotificationIsNeverAllowedMoreThanAMebibyte(t *testing.T) {
	t.Parallel()
	rows := map[string]row{}
	for _, good := range []int64{16 << 10, 256 << 10, 1 << 20} {
		rows[fmt.Sprint(good)] = row{func(s *config.Settings) { s.WebhookMaxBody = good }, ""}
	}
	for _, bad := range []int64{-1, 0, 16<<10 - 1, 1<<20 + 1, 1 << 40} {
		rows[fmt.Sprint(bad)] = row{func(s *config.Settings) { s.WebhookMaxBody = bad }, "webhook-max-body: "}
	}
	judgeAll(t, config.Settings.CheckRelay, rows)
}

// proves the configuration half of W-04.
func TestW04OtherAudiencesAreApplicationsAndNeverThatOfMeetingTokens(t *testing.T) {
	t.Parallel()
	rows := map[string]row{}
	for _, good := range []string{someGUID, otherGUID, "api://botid-" + someGUID, "api://" + someGUID} {
		rows[good] = row{func(s *config.Settings) { s.WebhookAudiences = []string{good} }, ""}
	}
	for _, bad := range []string{"https://api.botframework.com", "api://", "*", "x", " ", ""} {
		rows["bad "+bad] = row{func(s *config.Settings) { s.WebhookAudiences = []string{otherGUID, bad} }, "webhook-audiences: "}
	}
	judgeAll(t, config.Settings.CheckRelay, rows)
}

// proves the relay's half of C-04.
func TestC04OffLoopbackTheRelayNeedsTLS(t *testing.T) {
	t.Parallel()
	rows := map[string]row{
		"certificate without key": {func(s *config.Settings) { s.TLSCert = "c" }, "set both or neither"},
		"key without certificate": {func(s *config.Settings) { s.TLSKey = "k" }, "set both or neither"},
		"TLS on loopback":         {func(s *config.Settings) { s.TLSCert, s.TLSKey = "c", "k" }, ""},
	}
	for _, inside := range []string{"127.0.0.1:0", "127.9.9.9:80", "[::1]:8080", "localhost:8080", "[::ffff:127.0.0.1]:1"} {
		rows[inside] = row{func(s *config.Settings) { s.Listen = inside }, ""}
	}
	for _, outside := range []string{":8080", "0.0.0.0:80", "[::]:80", "10.0.0.1:80", "relay.example.com:443", "localhost.example.com:80", "128.0.0.1:80"} {
		rows[outside] = row{func(s *config.Settings) { s.Listen = outside }, "set tls-cert and tls-key, or acme-host"}
		rows[outside+" with ACME"] = row{func(s *config.Settings) { s.Listen, s.ACMEHost = outside, []string{"relay.example.com"} }, ""}
		rows[outside+" with TLS"] = row{func(s *config.Settings) { s.Listen, s.TLSCert, s.TLSKey = outside, "c", "k" }, ""}
	}
	for _, nonsense := range []string{"", "8080", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:080", "::1:80"} {
		rows[nonsense] = row{func(s *config.Settings) { s.Listen = nonsense }, "listen: "}
	}
	judgeAll(t, config.Settings.CheckRelay, rows)
}

// proves the console's half of C-04.
func TestThePublicAddressIsNotTheWebhookItself(t *testing.T) {
	t.Parallel()
	rows := map[string]row{}
	for _, good := range []string{"", "https://your.name", "https://your.name/", "https://your.name/base"} {
		rows[good] = row{func(s *config.Settings) { s.PublicURL = good }, ""}
	}
	for _, bad := range []string{"https://your.name/api/calls", "https://your.name/base/api/calls/"} {
		rows[bad] = row{func(s *config.Settings) { s.PublicURL = bad }, "give the address without webhook-path"}
	}
	judgeAll(t, config.Settings.CheckRelay, rows)
}

func TestC04AConsoleSendsItsTokenInTheClearOnlyWithinTheMachine(t *testing.T) {
	t.Parallel()
	rows := map[string]row{}
	for _, good := range []string{"http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:8080", "https://relay.example.com", "https://10.0.0.1:8443/base", "https://a.example.com, https://b.example.com,http://[::1]:1"} {
		rows[good] = row{func(s *config.Settings) { s.Relay = good }, ""}
	}
	for _, bad := range []string{"", "relay", "ws://127.0.0.1", "http://relay.example.com", "http://10.0.0.1", "http://0.0.0.0:1", "http://127.0.0.1.example.com", "https://u:" + canary + "@h", "https://h?token=x", "https://h#f", "https://a.example.com,", "https://a.example.com,http://b.example.com"} {
		rows[bad] = row{func(s *config.Settings) { s.Relay = bad }, "relay: "}
	}
	judgeAll(t, config.Settings.CheckConsole, rows)
}

func TestDurationsHaveLimits(t *testing.T) {
	t.Parallel()
	times := func(ring, margin time.Duration) func(*config.Settings) {
		return func(s *config.Settings) { s.RingTimeout, s.RejectMargin = ring, margin }
	}
	undo := func(d time.Duration) func(*config.Settings) { return func(s *config.Settings) { s.Undo = d } }
	judgeAll(t, config.Settings.CheckRelay, map[string]row{
		"recording":       {times(5*time.Second, 500*time.Millisecond), ""},
		"shortest":        {times(3*time.Second, 1500*time.Millisecond), ""},
		"longest":         {times(2*time.Minute, 0), ""},
		"too short":       {times(3*time.Second-1, 0), "ring-timeout: "},
		"too long":        {times(2*time.Minute+1, 0), "ring-timeout: "},
		"negative":        {times(-time.Second, 0), "ring-timeout: "},
		"margin negative": {times(15*time.Second, -1), "reject-margin: "},
		"margin too long": {times(10*time.Second, 5*time.Second+1), "reject-margin: "},
		"undo":            {undo(3 * time.Second), ""},
		"longest undo":    {undo(14500*time.Millisecond - 1), ""},
		"undo negative":   {undo(-1), "undo: "},
		"undo too long":   {undo(14500 * time.Millisecond), "undo: "},
	})
}

func TestTheWebhookHasAPathOfItsOwn(t *testing.T) {
	t.Parallel()
	rows := map[string]row{"deep": {func(s *config.Settings) { s.WebhookPath = "/bots/a_1/calls-in~.x" }, ""}}
	for _, bad := range []string{"", "/", "api/calls", "/api//calls", "/api/../x", "/api/calls/", "/a?b", "/a#b", "/{id}", "/a b", "/ä", "/%2e", "/v1", "/v1/stream", "/healthz", "/readyz", "/metrics", "/metrics/x"} {
		rows[bad] = row{func(s *config.Settings) { s.WebhookPath = bad }, "webhook-path: "}
	}
	judgeAll(t, config.Settings.CheckRelay, rows)
}

func TestNATSAddressesAreJudgedWithoutBeingRepeated(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"nats://127.0.0.1:4222", "nats://[::1]", "ws://localhost", "tls://a,tls://b:1", "tls://u:" + canary + "@h", "wss://h"} {
		s := ready(t)
		s.NATSURL = config.Secret(good)
		if err := s.CheckRelay(); err != nil {
			t.Errorf("%v", err)
		}
	}
	for _, bad := range []string{"h:4222", canary, "http://" + canary, "nats://", "nats://a,,nats://b", "nats://u:" + canary + "@"} {
		s := ready(t)
		s.NATSURL = config.Secret(bad)
		wantAll(t, s.CheckRelay(), "nats-url: address ")
	}
}

func TestN06OffThisMachineTheLinkToNATSIsTLS(t *testing.T) {
	t.Parallel()
	for bad, mend := range map[string]string{
		"nats://h:4222": "address 1 must begin with tls://", "ws://h": "address 1 must begin with wss://",
		"tls://a,nats://u:" + canary + "@b": "address 2 must begin with tls://", "nats://127.0.0.1.example": "must begin with tls://",
	} {
		s := ready(t)
		s.NATSURL = config.Secret(bad)
		wantAll(t, s.CheckRelay(), "nats-url: ", mend)
	}
}

func TestTheWayToNATSIsJudgedWhole(t *testing.T) {
	t.Parallel()
	on := func(change func(*config.Settings)) func(*config.Settings) {
		return func(s *config.Settings) { s.NATSURL = "tls://h"; change(s) }
	}
	judgeAll(t, config.Settings.CheckRelay, map[string]row{
		"all": {on(func(s *config.Settings) {
			s.NATSCredsFile, s.NATSCAFile, s.NATSTLSCert, s.NATSTLSKey = "a", "b", "c", "d"
		}), ""},
		"a user and a file": {func(s *config.Settings) { s.NATSURL, s.NATSCredsFile = "tls://u:"+canary+"@h", "a" }, "nats-creds-file: "},
		"half a pair":       {on(func(s *config.Settings) { s.NATSTLSKey = "d" }), "nats-tls-cert and nats-tls-key: "},
		"three replicas":    {on(func(s *config.Settings) { s.NATSReplicas = 3 }), ""},
		"two replicas":      {on(func(s *config.Settings) { s.NATSReplicas = 2 }), "nats-replicas: "},
		"no replicas":       {on(func(s *config.Settings) { s.NATSReplicas = -1 }), "nats-replicas: "},
		"monitors":          {on(func(s *config.Settings) { s.NATSMonitorURL = []string{"http://a:8222", "https://b/x"} }), ""},
		"a monitor of nats": {on(func(s *config.Settings) { s.NATSMonitorURL = []string{"nats://a:8222"} }), "nats-monitor-url: "},
		"a secret to it":    {on(func(s *config.Settings) { s.NATSMonitorURL = []string{"http://u:" + canary + "@a"} }), "nats-monitor-url: "},
		"no server":         {func(s *config.Settings) { s.NATSCAFile = "b" }, "nats-ca-file: is set, but no nats-url"},
	})
	var bare config.Settings
	bare.NATSCredsFile, bare.NATSTLSCert, bare.NATSReplicas, bare.NATSMonitorURL = "a", "c", 2, []string{"x"}
	wantAll(t, bare.CheckRelay(), "nats-creds-file: ", "nats-tls-cert: ", "nats-tls-key: ", "nats-replicas: ", "nats-monitor-url: ")
}

func TestWordsAreOfTheirLists(t *testing.T) {
	t.Parallel()
	judgeAll(t, config.Settings.CheckRelay, map[string]row{
		"json": {func(s *config.Settings) { s.LogFormat = "json" }, ""},
		"xml":  {func(s *config.Settings) { s.LogFormat = "xml" }, "log-format: "},
	})
	rows := map[string]row{"pink": {func(s *config.Settings) { s.Theme = "pink" }, "theme: "}}
	for _, theme := range []string{"auto", "dark", "light", "contrast", "mono"} {
		rows[theme] = row{func(s *config.Settings) { s.Theme = theme }, ""}
	}
	judgeAll(t, config.Settings.CheckConsole, rows)
}

func TestEveryFaultOfJudgingIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	s := config.Settings{ClientID: "x", Cloud: "moon", APIVersion: "v9", GraphURL: "http://g", CallbackURI: "http://c", Listen: ":1", WebhookPath: "/v1", LogFormat: "xml", NATSURL: "x"}
	wantAll(t, s.CheckRelay(), "tenant-id", "client-secret", "client-id: ", "cloud: ", "api-version: ", "graph-url: ",
		"callback-uri: ", "listen: ", "webhook-path: ", "ring-timeout: ", "log-format: ", "nats-url: ")
}

func TestLoopbackMeansThisMachineOnly(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "LOCALHOST:1": true, ":1": false, "0.0.0.0:1": false, "[::]:1": false,
		"[fe80::1]:1": false, "example.com:1": false, "127.0.0.1": false, "": false,
	} {
		if got := config.Loopback(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}
