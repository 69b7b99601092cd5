package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"callscreen/graph"
	"callscreen/graph/simulator"
	"callscreen/relay/doctor"
	"callscreen/relay/operator"
)

// names of the checks, in their order.
var names = []string{
	"settings", "data directory", "journal", "webhook keys", "sign-in", "clock", "permissions", "tenant", "Graph",
	"relay", "console link", "public address", "rehearsal",
}

// text is findings as people read them.
func text(t testing.TB, all []doctor.Finding) string {
	t.Helper()
	var b bytes.Buffer
	for _, f := range all {
		if err := doctor.Write(&b, f, 100); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestASetUpThatIsWellIsAllOK(t *testing.T) {
	c := newClinic(t)
	o := c.options(t)
	o.Stage = stage(t)
	var begun []string
	var told []doctor.Finding
	all := doctor.Examine(t.Context(), o, func(about string) { begun = append(begun, about) }, func(f []doctor.Finding) { told = append(told, f...) })
	if len(all) != len(names) || len(begun) != len(names) || len(told) != len(names) {
		t.Fatalf("%d findings, %d begun, %d told, want %d of each:\n%s", len(all), len(begun), len(told), len(names), text(t, all))
	}
	for i, f := range all {
		if f.Name != names[i] || f.State != doctor.OK || f.Detail == "" || f.Mend != "" || f != told[i] {
			t.Errorf("check %d: %+v, want %s ok", i, f, names[i])
		}
	}
	for check, want := range map[string]string{
		"webhook keys": "1 usable", "permissions": "Calls.Initiate.All", "tenant": "until ", "journal": "in use by process", "relay": "can be screened",
		"console link": "welcomed as ana by bot 5c8e57ad", "public address": "leads to this relay", "sign-in": "client secret",
		"rehearsal": "rejected in ",
	} {
		if got := finding(t, all, check); !strings.Contains(got.Detail, want) {
			t.Errorf("%s says %q, want %q", check, got.Detail, want)
		}
	}
	if worst, wrong := doctor.Sum(all); worst != doctor.OK || wrong != 0 {
		t.Errorf("in sum %s, %d wrong", worst, wrong)
	}
	if n := len(c.sim.Rejections()); n != 0 {
		t.Errorf("the set-up's own Microsoft saw %d rejections", n)
	}
	if n := len(c.sim.Calls()); n != 0 {
		t.Errorf("the set-up's own Microsoft placed %d calls", n)
	}
}

func finding(t testing.TB, all []doctor.Finding, check string) (worst doctor.Finding) {
	t.Helper()
	for _, f := range all {
		if f.Name == check && (worst.Name == "" || f.State == doctor.Wrong) {
			worst = f
		}
	}
	if worst.Name == "" {
		t.Fatalf("nothing was said of %q", check)
	}
	return worst
}

// patient is a set-up that is about to be broken.
type patient struct {
	t *testing.T
	c *clinic
	o *doctor.Options
}

// ill is a set-up that is broken in one way, and what is to be said of it.
type ill struct {
	name   string
	by     func(patient)
	check  string
	state  doctor.State
	detail string   // what must stand in the finding
	mend   string   // what must stand in what to do
	also   []string // checks that are wrong by the same fault
	skips  []string // checks that are not made because of it
}

// microsoft lets the simulated Microsoft fail.
func microsoft(faults ...string) func(patient) {
	return func(p patient) { p.c.fault(p.t, faults...) }
}

const otherGUID = "99999999-8888-4777-a666-555555555555"

var afterSignIn = []string{"permissions", "tenant", "Graph"}

var ills = []ill{
	{
		name: "a wrong client secret", check: "sign-in", state: doctor.Wrong, detail: "secret is wrong (401 AADSTS7000215)", mend: "Certificates & secrets", skips: afterSignIn,
		by: func(p patient) { p.o.Credential = secret(p.t, "canary-not-the-secret") },
	},
	{name: "an expired client secret", by: microsoft("secret-expired"), check: "sign-in", state: doctor.Wrong, detail: "has expired (401 AADSTS7000222)", mend: "Certificates & secrets", skips: afterSignIn},
	{
		name: "a tenant that does not exist", check: "sign-in", state: doctor.Wrong, detail: "AADSTS90002", mend: "tenant-id", skips: afterSignIn,
		by: func(p patient) { p.o.TenantID = otherGUID },
	},
	{
		name: "another app id", check: "sign-in", state: doctor.Wrong, detail: "AADSTS700016", mend: "client-id", skips: afterSignIn,
		by: func(p patient) { p.o.ClientID = otherGUID },
	},
	{
		name: "a workload's token that cannot be read", check: "sign-in", state: doctor.Wrong, detail: "workload-identity-token-file: open /token: permission denied", mend: "mend workload-identity-token-file", skips: afterSignIn,
		by: func(p patient) {
			p.o.Credential = graph.WorkloadIdentity(func() (string, error) {
				return "", errors.New("workload-identity-token-file: open /token: permission denied")
			})
		},
	},
	{
		name: "a client certificate near its end", check: "sign-in", state: doctor.Warning, detail: "but the client certificate ends on 20", mend: "restart the relay",
		by: func(p patient) { p.o.Credential = p.c.ending },
	},
	{
		name: "a managed identity where there is none", check: "sign-in", state: doctor.Wrong, detail: "nothing answers at localhost:", mend: "managed-identity is for a machine of Azure", skips: afterSignIn,
		by: func(p patient) { p.o.Credential = managed(p.t, nobody(p.t)) },
	},
	{
		name: "a managed identity that hangs", check: "sign-in", state: doctor.Wrong, detail: "localhost:", mend: "managed-identity is for a machine of Azure", skips: afterSignIn,
		by: func(p patient) { p.o.Credential = managed(p.t, hung(p.t).Addr().String()) },
	},
	{name: "no answer from the sign-in", by: microsoft("token-hang"), check: "sign-in", state: doctor.Wrong, detail: "no answer", mend: "network", skips: afterSignIn},
	{name: "a proxy's page for the sign-in", by: microsoft("token-page"), check: "sign-in", state: doctor.Wrong, detail: "not Microsoft's sign-in service", mend: "proxy", skips: afterSignIn},
	{name: "no permission", by: microsoft("no-roles"), check: "permissions", state: doctor.Warning, detail: "appear as \"encrypted\"", mend: "Calls.Initiate.All"},
	{name: "a token for another tenant", by: microsoft("foreign-token"), check: "tenant", state: doctor.Wrong, detail: "the token is for tenant", mend: "tenant-id"},
	{name: "keys that are down", by: microsoft("keys-down"), check: "webhook keys", state: doctor.Wrong, detail: "answered 503", mend: "webhook-metadata-url"},
	{name: "a proxy's page for the keys", by: microsoft("keys-page"), check: "webhook keys", state: doctor.Wrong, detail: "a web page came instead", mend: "HTTPS_PROXY"},
	{name: "no usable key", by: microsoft("keys-unusable"), check: "webhook keys", state: doctor.Wrong, detail: "odd-short", mend: "webhook-metadata-url"},
	{name: "odd keys among good ones", by: microsoft("keys-odd"), check: "webhook keys", state: doctor.OK, detail: `1 usable from 127.0.0.1`},
	{name: "a clock that is ten minutes behind", by: microsoft("clock=10m"), check: "clock", state: doctor.Wrong, detail: "10m0s behind", mend: "NTP"},
	{name: "a clock that is a minute behind", by: microsoft("clock=1m"), check: "clock", state: doctor.Warning, detail: "1m0s behind", mend: "NTP"},
	{name: "calling is not enabled", by: microsoft("not-registered"), check: "Graph", state: doctor.Wrong, detail: "403 7503", mend: "Channels, Microsoft Teams, Calling"},
	{name: "no consent", by: microsoft("no-consent"), check: "Graph", state: doctor.Wrong, detail: "403 7504", mend: "consent"},
	{name: "another tenant at Graph", by: microsoft("tenant-mismatch"), check: "Graph", state: doctor.Wrong, detail: "403 7505", mend: "tenant-id"},
	{name: "Graph takes no token", by: microsoft("unauthorized"), check: "Graph", state: doctor.Wrong, detail: "401", mend: "cloud"},
	{name: "Graph throttles", by: microsoft("throttled"), check: "Graph", state: doctor.Wrong, detail: "429", mend: "same app"},
	{name: "a proxy's page for Graph", by: microsoft("page"), check: "Graph", state: doctor.Wrong, detail: "a web page came instead", mend: "HTTPS_PROXY"},
	{name: "a redirect instead of Graph", by: microsoft("redirect"), check: "Graph", state: doctor.Wrong, detail: "307", mend: "graph-url"},
	{name: "a gateway before Graph", by: microsoft("error-502"), check: "Graph", state: doctor.Warning, detail: "502", mend: "try again"},
	{name: "Graph hangs up", by: microsoft("reset"), check: "Graph", state: doctor.Wrong, detail: "hung up", mend: "firewall"},
	{
		name: "an authority nobody trusts", check: "webhook keys", state: doctor.Wrong, detail: "signed by an authority that this machine does not trust", mend: "ca-file",
		by:   func(p patient) { p.o.HTTP = graph.HTTPClient(nil) },
		also: []string{"sign-in", "public address"}, skips: append([]string{"clock"}, afterSignIn...),
	},
	{
		name: "a certificate for another name", check: "webhook keys", state: doctor.Wrong, detail: "is for another name (it is for localhost)", mend: "name resolution",
		by: func(p patient) {
			p.c.dialled["keys.example:443"] = strings.TrimPrefix(p.c.base, "https://")
			p.o.Cloud.Metadata = "https://keys.example/metadata"
		},
	},
	{
		name: "a proxy that is not there", check: "webhook keys", state: doctor.Wrong, detail: "the proxy that the environment names does not answer", mend: "HTTPS_PROXY",
		by: func(p patient) {
			transport, _ := p.o.HTTP.Transport.(*http.Transport)
			transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: nobody(p.t)})
		},
		also: []string{"sign-in", "public address"}, skips: append([]string{"clock"}, afterSignIn...),
	},
	{
		name: "a proxy that refuses", check: "webhook keys", state: doctor.Wrong, detail: "is not reached: the proxy 127.0.0.1:", mend: "whoever runs the proxy",
		by: func(p patient) {
			refuses := plain(p.t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
			transport, _ := p.o.HTTP.Transport.(*http.Transport)
			transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", User: url.UserPassword("ana", "canary"), Host: refuses})
		},
		also: []string{"sign-in", "public address"}, skips: append([]string{"clock"}, afterSignIn...),
	},
	{
		name: "a name that cannot be found", check: "webhook keys", state: doctor.Wrong, detail: "cannot be found", mend: "DNS",
		by: func(p patient) {
			p.o.Cloud.Metadata = "https://keys.invalid/metadata"
			transport, _ := p.o.HTTP.Transport.(*http.Transport)
			inner := transport.DialContext
			transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr == "keys.invalid:443" {
					return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "keys.invalid", IsNotFound: true}}
				}
				return inner(ctx, network, addr)
			}
		},
	},
	{
		name: "a wrong setting", check: "settings", state: doctor.Wrong, detail: "callback-uri: evil.example is not", mend: "mend it there",
		by: func(p patient) {
			p.o.Faults = []doctor.Fault{{Words: "callback-uri: evil.example is not the host of public-url", Mend: "mend it there"}}
		},
	},
	{
		name: "an odd setting", check: "settings", state: doctor.Warning, detail: "ring-timeout", mend: "leave it out",
		by: func(p patient) {
			p.o.Warnings = []doctor.Fault{{Words: "ring-timeout: is longer than Graph waits", Mend: "leave it out"}}
		},
	},
	{
		name: "settings that cannot be read", check: "settings", state: doctor.Wrong, detail: "line 3", skips: names[1:],
		by: func(p patient) {
			p.o.Unread, p.o.Faults = true, []doctor.Fault{{Words: "line 3 is not TOML"}}
		},
	},
	{
		name: "a cloud without calls", check: "settings", state: doctor.Wrong, detail: "china", also: []string{"public address"}, skips: append([]string{"webhook keys", "sign-in", "clock"}, afterSignIn...),
		by: func(p patient) {
			p.o.Cloud, p.o.Faults = graph.Cloud{}, []doctor.Fault{{Words: "cloud: Graph has no calling API in china"}}
		},
	},
	{
		name: "a data directory that others can change", check: "data directory", state: doctor.Wrong, detail: "can be changed by other users (mode 0777)", mend: "chmod 700 ",
		by: func(p patient) { p.o.DataDir = directory(p.t, 0o777) },
	},
	{
		name: "a data directory that others can look into", check: "data directory", state: doctor.Warning, detail: "can be looked into by other users (mode 0755)", mend: "chmod 700 ",
		by: func(p patient) { p.o.DataDir = directory(p.t, 0o755) },
	},
	{
		name: "a file for a data directory", check: "data directory", state: doctor.Wrong, detail: "is not a directory", mend: "data-dir", also: []string{"journal"},
		by: func(p patient) {
			p.o.DataDir = filepath.Join(directory(p.t, 0o700), "file")
			if err := os.WriteFile(p.o.DataDir, nil, 0o600); err != nil {
				p.t.Fatal(err)
			}
		},
	},
	{
		name: "a data directory that cannot be written", check: "data directory", state: doctor.Wrong, detail: "nothing can be written in ", mend: "chmod u+w ",
		by: func(p patient) {
			if os.Geteuid() <= 0 {
				p.t.Skip("nothing is forbidden to this user")
			}
			p.o.DataDir = directory(p.t, 0o500)
		},
	},
	{
		name: "a data directory that cannot be made", check: "data directory", state: doctor.Wrong, detail: "not a directory", mend: "data-dir", also: []string{"journal"},
		by: func(p patient) {
			file := filepath.Join(directory(p.t, 0o700), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				p.t.Fatal(err)
			}
			p.o.DataDir = filepath.Join(file, "data")
		},
	},
	{
		name: "a data directory that is not there yet", check: "data directory", state: doctor.OK, detail: "the relay can make it",
		by: func(p patient) {
			p.o.DataDir = filepath.Join(directory(p.t, 0o700), "a", "b")
		},
	},
	{
		name: "a journal that others can enter", check: "journal", state: doctor.Wrong, detail: "is open to other users (mode 0755)", mend: "run: chmod 700 ",
		by: func(p patient) {
			p.o.DataDir = directory(p.t, 0o700)
			if err := os.Mkdir(filepath.Join(p.o.DataDir, "journal"), 0o700); err != nil {
				p.t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(p.o.DataDir, "journal"), 0o755); err != nil {
				p.t.Fatal(err)
			}
		},
	},
	{
		name: "no relay", check: "relay", state: doctor.Wrong, detail: "no call is screened", mend: "start one: callscreen relay", skips: []string{"console link"},
		by: func(p patient) {
			p.o.DataDir = directory(p.t, 0o700)
			p.o.Console.URL, p.o.Listen = "http://"+nobody(p.t), ""
			p.o.PublicURL = ""
		},
	},
	{
		name: "a relay that would listen elsewhere", check: "relay", state: doctor.Wrong, detail: "no call is screened", mend: "it listens at 127.0.0.1:9999, so set relay to http://127.0.0.1:9999", skips: []string{"console link"},
		by: func(p patient) {
			p.o.DataDir = directory(p.t, 0o700)
			p.o.Console.URL, p.o.Listen, p.o.PublicURL = "http://"+nobody(p.t), "127.0.0.1:9999", ""
		},
	},
	{
		name: "a relay that would listen for the world", check: "relay", state: doctor.Wrong, detail: "no call is screened", mend: "so set relay to https://example.com",
		by: func(p patient) {
			p.o.DataDir = directory(p.t, 0o700)
			p.o.Console.URL, p.o.Listen = "http://"+nobody(p.t), ":443"
		},
		skips: []string{"console link"},
	},
	{
		name: "a relay that runs elsewhere", check: "relay", state: doctor.Wrong, detail: "but a relay runs (process ", mend: "set relay to the address", skips: []string{"console link"},
		by: func(p patient) {
			p.o.Console.URL, p.o.PublicURL = "http://"+nobody(p.t), ""
		},
	},
	{
		name: "somebody else where the relay should be", check: "relay", state: doctor.Wrong, detail: "is no callscreen relay", mend: "set relay to the address", skips: []string{"console link"},
		by: func(p patient) {
			p.o.Console.URL, p.o.PublicURL = "http://"+plain(p.t, http.NotFoundHandler()), ""
		},
	},
	{
		name: "a token that the relay does not know", check: "console link", state: doctor.Wrong, detail: "refused the token", mend: "callscreen operator add",
		by: func(p patient) { p.o.Console.Token = operator.Source("cs_canary", "") },
	},
	{
		name: "no token", check: "console link", state: doctor.Wrong, detail: "no operator token", mend: "callscreen operator add",
		by: func(p patient) {
			p.o.Console.Token = operator.Source("", directory(p.t, 0o700))
		},
	},
	{
		name: "another app's relay", check: "console link", state: doctor.Warning, detail: "client-id makes it bot 99999999", mend: "config show",
		by:   func(p patient) { p.o.ClientID = otherGUID },
		also: []string{"sign-in"}, skips: afterSignIn,
	},
	{
		name: "no public address", check: "public address", state: doctor.Warning, detail: "public-url is not set", mend: "without /api/calls",
		by: func(p patient) { p.o.PublicURL = "" },
	},
	{
		name: "a public address that nobody has", check: "public address", state: doctor.Wrong, detail: "the connection was refused", mend: "network",
		by: func(p patient) { p.c.dialled["example.com:443"] = nobody(p.t) },
	},
	{
		name: "a public address that hangs", check: "public address", state: doctor.Wrong, detail: "gave no answer in time", mend: "--timeout",
		by: func(p patient) {
			p.c.dialled["example.com:443"] = hung(p.t).Addr().String()
			p.o.Timeout = 2 * time.Second
		},
	},
	{
		name: "somebody else's server at the public address", check: "public address", state: doctor.Wrong, detail: "somebody else's server", mend: "tunnel or proxy",
		by: outside(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }),
	},
	{
		name: "a page at the public address", check: "public address", state: doctor.Wrong, detail: "a web page answers", mend: "allow-anonymous",
		by: outside(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }),
	},
	{
		name: "a tunnel that wants to know who one is", check: "public address", state: doctor.Wrong, detail: "redirects (302)", mend: "allow-anonymous",
		by: outside(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://login.example/", http.StatusFound)
		}),
	},
	{
		name: "a tunnel that leads nowhere", check: "public address", state: doctor.Wrong, detail: "nothing answers behind it (502)", mend: "127.0.0.1:8080",
		by: outside(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }),
	},
	{
		name: "another relay at the public address", check: "public address", state: doctor.Wrong, detail: "another callscreen relay", mend: "tunnel or proxy",
		by: outside(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Callscreen-Relay", "ANOTHER")
			w.WriteHeader(http.StatusUnauthorized)
		}),
	},
	{
		name: "one of several relays at the public address", check: "public address", state: doctor.OK, detail: "perhaps another of those that share nats-url", skips: []string{"journal"},
		by: func(p patient) {
			p.o.Shared = true
			outside(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Callscreen-Relay", "ANOTHER")
				w.WriteHeader(http.StatusUnauthorized)
			})(p)
		},
	},
	{
		name: "another path at the public address", check: "public address", state: doctor.Wrong, detail: "takes no notifications on /api/messages", mend: "webhook-path",
		by: func(p patient) { p.o.WebhookPath = "/api/messages" },
	},
	{
		name: "a public address of this machine", check: "public address", state: doctor.Wrong, detail: "which Microsoft cannot reach", mend: "reached from the internet",
		by: func(p patient) {
			p.o.PublicURL = "https://192.168.1.5"
			p.o.Cloud.Root = "https://graph.example"
		},
		also: []string{"sign-in"}, skips: afterSignIn,
	},
	{
		name: "a public certificate that only we trust", check: "public address", state: doctor.Wrong, detail: "trusted here because of ca-file", mend: "public authority",
		by:   func(p patient) { p.o.Cloud.Root = "https://graph.example" },
		also: []string{"sign-in"}, skips: afterSignIn,
	},
	{
		name: "a public certificate near its end", check: "public address", state: doctor.Warning, detail: "the certificate of example.com ends on ", mend: "renew",
		by: func(p patient) {
			end := p.c.front.Certificate().NotAfter
			p.o.Now = func() time.Time { return end.Add(-24 * time.Hour) }
		},
		also: []string{"clock"},
	},
}

func secret(t testing.TB, text string) graph.Credential {
	t.Helper()
	c, err := graph.ClientSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// managed is an identity whose endpoint the environment says to be at an address of this machine.
func managed(t *testing.T, at string) graph.Credential {
	t.Helper()
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://localhost:" + port + "/msi/token"
	t.Setenv("IDENTITY_ENDPOINT", endpoint)
	t.Setenv("IDENTITY_HEADER", "canary")
	c, err := graph.ManagedIdentity("system", endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func directory(t testing.TB, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

// nobody is an address at which nobody listens.
func nobody(t testing.TB) string {
	t.Helper()
	ln := open(t)
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// plain serves over http.
func plain(t testing.TB, h http.Handler) string {
	t.Helper()
	ln := open(t)
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
	run(t, func(ctx context.Context) error {
		context.AfterFunc(ctx, func() { _ = srv.Close() })
		_ = srv.Serve(ln)
		return nil
	})
	return ln.Addr().String()
}

// outside puts somebody else at the public address.
func outside(h http.HandlerFunc) func(patient) {
	return func(p patient) {
		p.c.dialled["example.com:443"] = p.c.behind(p.t, h).Listener.Addr().String()
	}
}

func TestEachIllnessIsNamedWithItsMend(t *testing.T) {
	c := newClinic(t)
	well := c.dialled["example.com:443"]
	for _, row := range ills {
		t.Run(row.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.Contains(row.detail, "(mode ") {
				t.Skip("no modes")
			}
			c.fault(t)
			c.dialled["example.com:443"] = well
			o := c.options(t)
			row.by(patient{t, c, &o})
			all := doctor.Examine(t.Context(), o, nil, nil)
			said := text(t, all)
			got := finding(t, all, row.check)
			if got.State != row.state || !strings.Contains(got.Detail, row.detail) || !strings.Contains(got.Mend, row.mend) {
				t.Errorf("%s: %s: %s -> %s; want %s, %q, %q", row.check, got.State, got.Detail, got.Mend, row.state, row.detail, row.mend)
			}
			if row.state != doctor.OK && row.mend != "" && got.Mend == "" {
				t.Error("nothing is said of how to mend it")
			}
			blamed := append([]string{row.check}, row.also...)
			for _, f := range all {
				if f.State == doctor.Wrong && !slices.Contains(blamed, f.Name) {
					t.Errorf("%s is blamed too: %s", f.Name, f.Detail)
				}
				if skipped := f.State == doctor.NotChecked; skipped != slices.Contains(append(row.skips, "rehearsal"), f.Name) {
					t.Errorf("%s: %s: %s", f.Name, f.State, f.Detail)
				}
			}
			for _, canary := range []string{"canary", simulator.DemoSecret, "cs_", "eyJ"} {
				if strings.Contains(said, canary) {
					t.Errorf("a secret is told (%s)", canary)
				}
			}
			if t.Failed() {
				t.Log("\n" + said)
			}
		})
	}
}
