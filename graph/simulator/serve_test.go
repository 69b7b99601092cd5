package simulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// served is a simulator on a real port, and a client that trusts its CA and nothing else.
type served struct {
	*Simulator

	base   string
	client *http.Client
	stop   func() error
}

func serve(t *testing.T, opts Options) *served {
	t.Helper()
	opts.newKey = pooledKey
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CAPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	v := &served{s, "https://" + ln.Addr().String(), &http.Client{
		Transport: transport, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil}
	stopped := false
	v.stop = func() error {
		stopped = true
		transport.CloseIdleConnections()
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if !stopped {
			_ = v.stop()
		}
	})
	return v
}

func (v *served) do(t *testing.T, method, path, body string, header http.Header) (int, string, http.Header, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, v.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	resp, err := v.client.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), resp.Header, err
}

// ask is do for requests that must be answered.
func (v *served) ask(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	status, text, _, err := v.do(t, method, path, body, nil)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, text
}

func (v *served) credential(t *testing.T, tenant, app, secret string) *azidentity.ClientSecretCredential {
	t.Helper()
	cred, err := azidentity.NewClientSecretCredential(tenant, app, secret, &azidentity.ClientSecretCredentialOptions{
		DisableInstanceDiscovery: true,
		ClientOptions: azcore.ClientOptions{
			Transport: v.client,
			Retry:     policy.RetryOptions{MaxRetries: -1},
			Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: v.Settings(v.base)["authority-url"]},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cred
}

func (v *served) token(t *testing.T) string {
	t.Helper()
	got, err := v.credential(t, DemoTenantID, DemoAppID, v.ClientSecret()).
		GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{v.base + "/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(got.ExpiresOn); left < 50*time.Minute || left > time.Hour {
		t.Errorf("token good for %v", left)
	}
	return got.Token
}

// The whole way over sockets: azidentity signs in, a bot that trusts the published keys hears the call, the
// reject is accepted, `deleted` comes.
func TestARealClientScreensACallOverTLS(t *testing.T) {
	var v *served
	heard := make(chan string, 4)
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys, err := keyfunc.NewJWKSetJSON(json.RawMessage(v.keyDocument(t)))
		if err != nil {
			t.Error(err)
			return
		}
		text := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := jwt.Parse(text, keys.Keyfunc, jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(DemoAppID),
			jwt.WithIssuer(CallbackIssuer), jwt.WithExpirationRequired()); err != nil {
			t.Error(err)
		}
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		heard <- parseNotice(t, body).change
	}))
	defer bot.Close()
	v = serve(t, Options{Webhook: bot.URL + "/api/calls", RejectLatency: &Latency{}, DeletedLatency: &Latency{}})
	bearer := v.token(t)
	id := place(t, v.Simulator, CallSpec{Kind: "user"})
	if got := <-heard; got != "created" {
		t.Fatalf("heard %s", got)
	}
	status, body, header, err := v.do(t, http.MethodPost, "/v1.0/communications/calls/"+id+"/reject", busy,
		http.Header{"Authorization": {"Bearer " + bearer}, "Content-Type": {"application/json"}})
	if err != nil || status != http.StatusAccepted || body != "" || header.Get("Request-Id") == "" {
		t.Fatalf("reject: %d %q %v %v", status, body, header, err)
	}
	if got := <-heard; got != "deleted" {
		t.Errorf("heard %s", got)
	}
	if n := v.TokenRequests(); n != 1 {
		t.Errorf("%d token requests", n)
	}
	if err := v.stop(); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

func (v *served) keyDocument(t *testing.T) string {
	t.Helper()
	_, text := v.ask(t, http.MethodGet, "/v1/.well-known/OpenIdConfiguration", "")
	var meta struct {
		Issuer string   `json:"issuer"`
		Keys   string   `json:"jwks_uri"`
		Algs   []string `json:"id_token_signing_alg_values_supported"`
	}
	if err := json.Unmarshal([]byte(text), &meta); err != nil || meta.Issuer != CallbackIssuer || meta.Algs[0] != "RSA256" {
		t.Errorf("metadata %s: %v", text, err)
	}
	_, set := v.ask(t, http.MethodGet, strings.TrimPrefix(meta.Keys, v.base), "")
	return set
}

func TestEntraRefusesAsEntraDoes(t *testing.T) {
	v := serve(t, Options{})
	foreign := foreignTenants[0]
	for name, row := range map[string]struct{ tenant, app, secret, scope, want string }{
		"secret":         {DemoTenantID, DemoAppID, "wrong", v.base + "/.default", "AADSTS7000215"},
		"client":         {DemoTenantID, "11111111-2222-4333-8444-555555555555", DemoSecret, v.base + "/.default", "AADSTS700016"},
		"foreign tenant": {foreign, DemoAppID, DemoSecret, v.base + "/.default", "AADSTS700016"},
		"tenant":         {"11111111-2222-4333-8444-555555555555", DemoAppID, DemoSecret, v.base + "/.default", "AADSTS90002"},
		"scope":          {DemoTenantID, DemoAppID, DemoSecret, v.base + "/Calls.Initiate.All", "AADSTS1002012"},
		"resource":       {DemoTenantID, DemoAppID, DemoSecret, "https://vault.example.com/.default", "AADSTS500011"},
	} {
		_, err := v.credential(t, row.tenant, row.app, row.secret).
			GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{row.scope}})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("wrong %s: %v, want %s", name, err, row.want)
		}
		if err != nil && strings.Contains(err.Error(), DemoSecret) {
			t.Errorf("wrong %s: the error tells the secret", name)
		}
	}
	for body, want := range map[string]int{"": 900144, "grant_type=password&client_id=x&client_secret=y": 70003, "%zz": 900144} {
		status, text, _, err := v.do(t, http.MethodPost, "/"+DemoTenantID+"/oauth2/v2.0/token", body,
			http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
		var e struct {
			Codes []int `json:"error_codes"`
		}
		if err != nil || status != 400 || json.Unmarshal([]byte(text), &e) != nil || len(e.Codes) != 1 || e.Codes[0] != want {
			t.Errorf("form %q: %d %s %v, want %d", body, status, text, err, want)
		}
	}
}

func TestServicesFailOnDemand(t *testing.T) {
	v := serve(t, Options{})
	if err := v.SetFaults(Faults{Rules: []FaultRule{
		{Fault: "token-down", Count: 1}, {Fault: "token-hang", Count: 1}, {Fault: "keys-down", Count: 1}, {Fault: "keys-hang", Count: 1},
	}}); err != nil {
		t.Fatal(err)
	}
	cred, scope := v.credential(t, DemoTenantID, DemoAppID, DemoSecret), policy.TokenRequestOptions{Scopes: []string{v.base + "/.default"}}
	if _, err := cred.GetToken(t.Context(), scope); err == nil || !strings.Contains(err.Error(), "AADSTS90033") {
		t.Errorf("token endpoint down: %v", err)
	}
	ctx, cancel := contextFor(t, 100*time.Millisecond)
	defer cancel()
	if _, err := cred.GetToken(ctx, scope); err == nil || ctx.Err() == nil {
		t.Errorf("token endpoint hanging: %v", err)
	}
	v.token(t)
	if n := v.TokenRequests(); n != 3 {
		t.Errorf("%d token requests, want 3", n)
	}
	if status, _ := v.ask(t, http.MethodGet, "/v1/keys", ""); status != 503 {
		t.Errorf("keys down: %d", status)
	}
	short := *v.client
	short.Timeout = 100 * time.Millisecond
	hung := served{v.Simulator, v.base, &short, nil}
	if _, _, _, err := hung.do(t, http.MethodGet, "/v1/keys", "", nil); !os.IsTimeout(err) {
		t.Errorf("keys hanging: %v", err)
	}
	if status, _ := v.ask(t, http.MethodGet, "/v1/keys", ""); status != 200 {
		t.Errorf("keys back: %d", status)
	}
}

func TestAResetIsAReset(t *testing.T) {
	v := serve(t, Options{RejectLatency: &Latency{}, Webhook: "http://127.0.0.1:1/"})
	id, _ := v.Place(t.Context(), CallSpec{Kind: "user", Fault: "reset, redirect"})
	header := http.Header{"Authorization": {"Bearer " + v.token(t)}, "Content-Type": {"application/json"}}
	path := "/beta/communications/calls/" + id + "/reject"
	if _, _, _, err := v.do(t, http.MethodPost, path, busy, header); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}
	status, _, answer, err := v.do(t, http.MethodPost, path, busy, header)
	if err != nil || status != 307 || v.RedirectsFollowed() != 0 {
		t.Fatalf("redirect: %d %v", status, err)
	}
	where := strings.TrimPrefix(answer.Get("Location"), v.base)
	if status, _ := v.ask(t, http.MethodPost, where, busy); status != 410 || v.RedirectsFollowed() != 1 {
		t.Errorf("followed: %d, counted %d", status, v.RedirectsFollowed())
	}
}

func TestOverHTTP2AResetEndsTheStream(t *testing.T) {
	v := serve(t, Options{RejectLatency: &Latency{}, Webhook: "http://127.0.0.1:1/"})
	v.client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	id, _ := v.Place(t.Context(), CallSpec{Kind: "user", Fault: "reset-after"})
	header := http.Header{"Authorization": {"Bearer " + v.token(t)}, "Content-Type": {"application/json"}}
	_, _, _, err := v.do(t, http.MethodPost, "/v1.0/communications/calls/"+id+"/reject", busy, header)
	if err == nil || !strings.Contains(err.Error(), "stream error") {
		t.Errorf("reset: %v", err)
	}
	if got := v.Rejections(); len(got) != 1 || !got[0].Accepted || got[0].Status != 0 {
		t.Errorf("on record: %+v", got)
	}
}

func TestServeEndsWithHangingRequestsAndLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	v := serve(t, Options{Webhook: "http://127.0.0.1:1/"})
	id, _ := v.Place(t.Context(), CallSpec{Kind: "user", Fault: "hang"})
	header := http.Header{"Authorization": {"Bearer " + v.token(t)}, "Content-Type": {"application/json"}}
	hung := make(chan error)
	go func() {
		_, _, _, err := v.do(t, http.MethodPost, "/v1.0/communications/calls/"+id+"/reject", busy, header)
		hung <- err
	}()
	for len(v.Rejections()) == 0 {
		runtime.Gosched()
	}
	start := time.Now()
	if err := v.stop(); err != nil || time.Since(start) > time.Second {
		t.Errorf("ended with %v after %v", err, time.Since(start))
	}
	if err := <-hung; err == nil {
		t.Error("the hanging reject was answered")
	}
	v.client.CloseIdleConnections()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	s, err := New(Options{newKey: pooledKey})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := s.Serve(t.Context(), ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestAWebhookIsTrustedByItsOwnRootsOnly(t *testing.T) {
	bot := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }))
	bot.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	bot.StartTLS()
	defer bot.Close()
	roots := x509.NewCertPool()
	roots.AddCert(bot.Certificate())
	trusting := serve(t, Options{Webhook: bot.URL, WebhookRoots: roots})
	place(t, trusting.Simulator, CallSpec{Kind: "user"})
	doubting := serve(t, Options{Webhook: bot.URL, WebhookRoots: x509.NewCertPool()})
	if _, err := doubting.Place(t.Context(), CallSpec{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a webhook of an unknown CA: %v", err)
	}
}

func TestTheIdentitySurvivesARestartAndIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "identity")
	open := func() *Simulator {
		s, err := New(Options{Dir: dir, newKey: pooledKey})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	first := open()
	second := open()
	if !bytes.Equal(first.CAPEM(), second.CAPEM()) || !first.signingKey().private.Equal(second.signingKey().private) {
		t.Error("a restart changed the identity")
	}
	second.RollKey()
	if third := open(); !third.signingKey().private.Equal(second.signingKey().private) {
		t.Error("a rolled key did not survive")
	}
	ca := second.Settings("https://127.0.0.1:1/")["ca-file"]
	if text, err := os.ReadFile(ca); err != nil || !bytes.Equal(text, first.CAPEM()) {
		t.Errorf("ca-file %s: %v", ca, err)
	}
	private := filepath.Join(dir, privateFile)
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	whole, err := os.ReadFile(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"empty": nil, "cut": whole[:len(whole)/2], "rubbish": bytes.ReplaceAll(whole, []byte("MII"), []byte("AAA")),
	} {
		if err := os.WriteFile(private, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{Dir: dir, newKey: pooledKey}); err == nil || !strings.Contains(err.Error(), privateFile) {
			t.Errorf("%s identity: %v", name, err)
		}
	}
}

// The CA may land in a trust store: it must be worth nothing beyond loopback.
func TestTheCACanSpeakForLoopbackOnly(t *testing.T) {
	id, err := makeIdentity(pooledKey)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(id.ca)
	leaf, err := id.leaf()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if _, err := leaf.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	evil := *leaf.Leaf
	evil.DNSNames, evil.IPAddresses, evil.ExtraExtensions = []string{"graph.microsoft.com"}, nil, nil
	cert, err := certify(&evil, id.ca, leaf.Leaf.PublicKey, id.caKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cert.Verify(x509.VerifyOptions{DNSName: "graph.microsoft.com", Roots: roots}); err == nil {
		t.Error("the CA spoke for graph.microsoft.com")
	}
}

func TestBadOptionsAreNamedAllAtOnce(t *testing.T) {
	_, err := New(Options{
		AppID: "bot", TenantID: "common", Webhook: "ftp://x/", Speed: -1, RingTimeout: -1,
		RejectLatency: &Latency{2, 1}, DeletedLatency: &Latency{-1, 1},
	})
	for _, want := range []string{"app id", "tenant id", "webhook", "speed", "ring timeout", "reject latency", "deleted latency"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in %v", want, err)
		}
	}
	s, _ := newWorld(t, Options{})
	for _, bad := range []string{"", "127.0.0.1:8080", "https://user:secret@host/", "https://", "://"} {
		if err := s.SetWebhook(bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("webhook %q: %v", bad, err)
		}
	}
}

func TestSettingsPointARelayHere(t *testing.T) {
	s, _ := newWorld(t, Options{})
	got := s.Settings("https://127.0.0.1:9443/")
	for name, want := range map[string]string{
		"authority-url": "https://127.0.0.1:9443", "graph-url": "https://127.0.0.1:9443", "client-id": DemoAppID,
		"tenant-id": DemoTenantID, "webhook-metadata-url": "https://127.0.0.1:9443/v1/.well-known/OpenIdConfiguration",
	} {
		if got[name] != want {
			t.Errorf("%s = %q", name, got[name])
		}
	}
	if len(got) != 5 {
		t.Errorf("settings %v", got)
	}
}
