package graph

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/golang-jwt/jwt/v5"
	"software.sslmate.com/src/go-pkcs12"

	"callscreen/graph/simulator"
)

// world is a simulated Microsoft on a real port.
type world struct {
	*simulator.Simulator
	base string
	http *http.Client
}

func newWorld(t *testing.T, o simulator.Options) *world {
	t.Helper()
	o.RejectLatency = &simulator.Latency{}
	s, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	running(t, func(ctx context.Context) error { return s.Serve(ctx, ln) })
	roots, err := Roots(s.CAPEM())
	if err != nil {
		t.Fatal(err)
	}
	return &world{s, "https://" + ln.Addr().String(), HTTPClient(roots)}
}

// tokens signs in there with a credential.
func (w *world) tokens(t *testing.T, c Credential) *Tokens {
	t.Helper()
	tokens, err := NewTokens(TokensOptions{
		Authority: w.base, Scope: w.base + "/.default", ClientID: simulator.DemoAppID, Tenant: simulator.DemoTenantID, Credential: c, HTTP: w.http,
	})
	if err != nil {
		t.Fatal(err)
	}
	running(t, tokens.Run)
	return tokens
}

// takes tells whether Graph takes the tokens: a call that it does not know is gone, and nothing is unauthorized.
func (w *world) takes(t *testing.T, tokens *Tokens) {
	t.Helper()
	c, err := NewClient(ClientOptions{Root: w.base, Version: "v1.0", Tokens: tokens, HTTP: w.http})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Reject(t.Context(), Rejection{CallID: testCall, Reason: "busy"})
	if gone, ok := errors.AsType[*GoneError](err); !ok || gone.Code != "8522" {
		t.Errorf("Graph answered %v", err)
	}
}

// wantSignIn expects a refusal with a code of Entra's.
func wantSignIn(t *testing.T, tokens *Tokens, code, words string) {
	t.Helper()
	_, err := tokens.Token(t.Context(), "")
	if e, ok := errors.AsType[*SignInError](err); !ok || e.Code != code || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, want %s and %q", err, code, words)
	}
}

func TestACertificateSignsInAndOneThatIsNotRegisteredIsNamed(t *testing.T) {
	key := microsoft().key
	cert := certificate(t, key, time.Now().Add(-time.Minute))
	w := newWorld(t, simulator.Options{Certificates: []*x509.Certificate{cert}})
	c, err := ClientCertificate(pfxOf(t, pkcs12.Modern2023, key, cert, pfxPassword), pfxPassword, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	tokens := w.tokens(t, c)
	token, err := tokens.Token(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	facts, err := InspectToken(token)
	if err != nil || facts.Tenant != simulator.DemoTenantID || facts.App != simulator.DemoAppID || !slices.Contains(facts.Roles, "Calls.Initiate.All") || time.Until(facts.Expires) < 50*time.Minute {
		t.Errorf("%+v, %v", facts, err)
	}
	w.takes(t, tokens)
	// Each sign-in has an assertion of its own.
	if again, err := tokens.Renew(t.Context(), "", token); err != nil || again == token {
		t.Errorf("renewed: %v, the same %v", err, again == token)
	}

	other := certificate(t, strangersKey(), time.Now().Add(-time.Minute))
	if c, err = ClientCertificate(pemOf(t, strangersKey(), other), "", time.Now()); err != nil {
		t.Fatal(err)
	}
	wantSignIn(t, w.tokens(t, c), "AADSTS700027", "upload that of client-certificate-file")
}

func TestAWorkloadSignsInWithTheTokenThatItsFileHoldsNow(t *testing.T) {
	key := microsoft().key
	const issuer, subject = "https://cluster.example/", "system:serviceaccount:bots:reception"
	w := newWorld(t, simulator.Options{Federation: &simulator.Federation{Issuer: issuer, Subject: subject, Key: key.Public()}})
	projected := func(by *rsa.PrivateKey, subject string, life time.Duration) string {
		text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
			Issuer: issuer, Subject: subject, Audience: jwt.ClaimStrings{simulator.DefaultAudience}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(life)),
		}).SignedString(by)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	var file atomic.Value
	var fault atomic.Value
	fault.Store("")
	read := func() (string, error) {
		if text := fault.Load().(string); text != "" {
			return "", errors.New(text)
		}
		return file.Load().(string), nil
	}
	file.Store(projected(key, subject, time.Hour))
	tokens := w.tokens(t, WorkloadIdentity(read))
	token, err := tokens.Token(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	w.takes(t, tokens)

	file.Store(projected(key, subject, 2*time.Hour))
	if again, err := tokens.Renew(t.Context(), "", token); err != nil || again == token {
		t.Errorf("after the cluster replaced its token: %v", err)
	}
	for want, text := range map[string]string{
		"AADSTS700213": projected(key, "system:serviceaccount:bots:other", time.Hour),
		"AADSTS700024": projected(key, subject, -time.Minute),
		"AADSTS700027": projected(strangersKey(), subject, time.Hour),
	} {
		file.Store(text)
		wantSignIn(t, w.tokens(t, WorkloadIdentity(read)), want, "the set-up: ")
	}
	before := w.TokenRequests()
	fault.Store("workload-identity-token-file: no such file")
	_, err = w.tokens(t, WorkloadIdentity(read)).Token(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "no such file") || w.TokenRequests() != before {
		t.Errorf("without its file: %v, %d requests", err, w.TokenRequests()-before)
	}
	if told, _ := TroubleOf(err); told.Whose != SetUp {
		t.Errorf("a file of this machine is told as %+v", told)
	}
}

// onAppService is the environment of a bot that runs there.
func onAppService(t *testing.T, w *world, id string) Credential {
	t.Helper()
	const header = "identity-header-CANARY"
	local := httptest.NewServer(w.IdentityEndpoint(w.base, header))
	t.Cleanup(local.Close)
	t.Setenv("IDENTITY_ENDPOINT", local.URL+"/msi/token")
	t.Setenv("IDENTITY_HEADER", header)
	c, err := ManagedIdentity(id, local.URL+"/msi/token")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAManagedIdentityGetsItsTokensFromItsMachine(t *testing.T) {
	w := newWorld(t, simulator.Options{})
	for _, id := range []string{"system", simulator.DemoAppID} {
		tokens := w.tokens(t, onAppService(t, w, id))
		token, err := tokens.Token(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		w.takes(t, tokens)
		// The library's store is passed by: a token that Graph refuses would come back from it.
		before := w.TokenRequests()
		if again, err := tokens.Renew(t.Context(), "", token); err != nil || again == token || w.TokenRequests() != before+1 {
			t.Errorf("%s renewed: %v, the same %v, %d requests", id, err, again == token, w.TokenRequests()-before)
		}
		before = w.TokenRequests()
		if _, err := tokens.Token(t.Context(), otherGUID); !errors.Is(err, errManagedTenant) || w.TokenRequests() != before {
			t.Errorf("%s in another tenant: %v after %d requests", id, err, w.TokenRequests()-before)
		}
	}
}

// The planted bug: asked in the ordinary way, the library answers from its store, also what Graph has refused.
func TestAManagedIdentitysTokensComeFromTheLibrarysStoreOtherwise(t *testing.T) {
	w := newWorld(t, simulator.Options{})
	c := onAppService(t, w, "system")
	asked := func() string {
		cred, err := c.provider("", "", azcore.ClientOptions{Transport: c.local})
		if err != nil {
			t.Fatal(err)
		}
		token, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{w.base + "/.default"}})
		if err != nil {
			t.Fatal(err)
		}
		return token.Token
	}
	if first, second := asked(), asked(); first != second || w.TokenRequests() != 1 {
		t.Errorf("%d requests: the store is not used, and nothing need pass it by", w.TokenRequests())
	}
}

func TestAMachineWithoutTheIdentityIsNamed(t *testing.T) {
	w := newWorld(t, simulator.Options{})
	_, err := w.tokens(t, onAppService(t, w, otherGUID)).Token(t.Context(), "")
	if e, ok := errors.AsType[*SignInError](err); !ok || !e.Managed || e.Status != 400 || !strings.Contains(err.Error(), "this machine has no such identity") {
		t.Errorf("%v", err)
	}
	// Where the host's secret is wrong, and nothing of it is repeated.
	c := onAppService(t, w, "system")
	t.Setenv("IDENTITY_HEADER", "wrong-CANARY")
	_, err = w.tokens(t, c).Token(t.Context(), "")
	if e, ok := errors.AsType[*SignInError](err); !ok || e.Status != 401 || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("%v", err)
	}
}

// On a virtual machine, and on one of Azure Arc, the endpoint is known; the request is looked at and not sent.
func TestG01AVirtualMachinesIdentityIsAskedForAtOneAddress(t *testing.T) {
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET", "IMDS_ENDPOINT"} {
		t.Setenv(name, "")
	}
	w := newWorld(t, simulator.Options{})
	c, err := ManagedIdentity(testApp, "")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Pointer[http.Request]
	c.local = guarded(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		asked.Store(r)
		return respond(200, `{"access_token":"token-1","expires_on":"4102444800","token_type":"Bearer","resource":"x"}`), nil
	})}, localToken(imdsEndpoint), localToken(arcEndpoint))
	wantToken(t, w.tokens(t, c), "", "token-1")
	r := asked.Load()
	if r.URL.Scheme+"://"+r.URL.Host+r.URL.Path != imdsEndpoint || r.Header.Get("Metadata") != "true" || r.URL.Query().Get("client_id") != testApp || r.URL.Query().Get("resource") != w.base {
		t.Errorf("%s %v", r.URL, r.Header)
	}
	if n := w.TokenRequests(); n != 0 {
		t.Errorf("Entra was asked %d times", n)
	}
}

func TestG01TheExceptionForManagedIdentitiesIsNarrow(t *testing.T) {
	own := localToken("http://127.0.0.1:41741/msi/token")
	for url, want := range map[string]bool{
		"http://127.0.0.1:41741/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.example": true,
		"http://127.0.0.1:41741/msi/token?api-version=2019-08-01&resource=x&client_id=" + testApp:      true,
		"http://127.0.0.1:41741/msi/token?api-version=2019-08-01&resource=x&secret=y":                  false,
		"http://127.0.0.1:41741/msi/token/x?resource=x":                                                false,
		"http://127.0.0.1:41742/msi/token?resource=x":                                                  false,
		"http://127.0.0.2:41741/msi/token?resource=x":                                                  false,
		"https://127.0.0.1:41741/msi/token?resource=x":                                                 false,
		"http://u:p@127.0.0.1:41741/msi/token?resource=x":                                              false,
		"http://127.0.0.1:41741/msi/token?resource=x%zz":                                               false,
		imdsEndpoint + "?resource=x":                                                                   false,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil || own.permits(r) != want {
			t.Errorf("%s: permitted %v, %v", url, !want, err)
		}
		if r.Method = http.MethodPost; own.permits(r) {
			t.Errorf("POST %s is permitted", url)
		}
	}
	// Other kinds of identity name their endpoint in other variables, which opens nothing.
	var reached atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	w := newWorld(t, simulator.Options{})
	for _, environment := range [][2]string{{"MSI_ENDPOINT", ""}, {"MSI_ENDPOINT", "MSI_SECRET"}, {"IDENTITY_ENDPOINT", "IMDS_ENDPOINT"}, {"IDENTITY_ENDPOINT", "IDENTITY_HEADER"}} {
		t.Run(strings.Join(environment[:], " "), func(t *testing.T) {
			for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET", "IMDS_ENDPOINT"} {
				t.Setenv(name, "")
			}
			for _, name := range environment {
				if name != "" {
					t.Setenv(name, other.URL)
				}
			}
			c, err := ManagedIdentity("system", "") // as if the settings had not seen it
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.tokens(t, c).Token(t.Context(), ""); !errors.Is(err, ErrForbiddenRequest) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Setenv("IDENTITY_ENDPOINT", other.URL)
	t.Setenv("IDENTITY_HEADER", "x")
	t.Setenv("IDENTITY_SERVER_THUMBPRINT", "x")
	c, err := ManagedIdentity("system", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.tokens(t, c).Token(t.Context(), ""); !errors.Is(err, errNoManaged) {
		t.Errorf("Service Fabric: %v", err)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests left", n)
	}
	// A proxy would see the request and the token in the clear.
	if guard, ok := c.local.Transport.(*guard); !ok || guard.base.(*http.Transport).Proxy != nil {
		t.Error("the endpoint is asked by a proxy")
	}
}

func TestG04AThousandRejectionsAskForOneTokenAndNoneOnTheWay(t *testing.T) {
	w := newWorld(t, simulator.Options{})
	tokens := w.tokens(t, secretOf(t, simulator.DemoSecret))
	if _, err := tokens.Token(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	warm := w.TokenRequests()
	c, err := NewClient(ClientOptions{Root: w.base, Version: "v1.0", Tokens: tokens, HTTP: w.http})
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	for range 10 {
		work.Go(func() {
			for range 100 {
				_, err := c.Reject(t.Context(), Rejection{CallID: testCall, Tenant: simulator.DemoTenantID, Reason: "busy"})
				if _, ok := errors.AsType[*GoneError](err); !ok {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if posts := len(w.Rejections()); posts != 1000 || warm != 1 || w.TokenRequests() != 1 {
		t.Errorf("%d rejections, %d token requests before and %d after them", posts, warm, w.TokenRequests())
	}
}

// Tokens of one cloud are worthless in another, and those of one tenant in another (403 / 7505).
func TestG11ATokenIsOfOneCloudAndOneTenant(t *testing.T) {
	here, there := newWorld(t, simulator.Options{}), newWorld(t, simulator.Options{})
	one, other := here.tokens(t, secretOf(t, simulator.DemoSecret)), there.tokens(t, secretOf(t, simulator.DemoSecret))
	first, err := one.Token(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := other.Token(t.Context(), "")
	if err != nil || first == second {
		t.Errorf("two clouds, one token: %v", err)
	}
	if again, err := one.Token(t.Context(), strings.ToUpper(simulator.DemoTenantID)); err != nil || again != first {
		t.Errorf("our own tenant in other letters: %v", err)
	}
	here.takes(t, one)
	there.takes(t, other)
	c, err := NewClient(ClientOptions{Root: there.base, Version: "v1.0", Tokens: one, HTTP: there.http})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Reject(t.Context(), Rejection{CallID: testCall, Reason: "busy"})
	if refused, ok := errors.AsType[*UnauthorizedError](err); !ok || refused.Status != http.StatusUnauthorized {
		t.Errorf("a token of another cloud: %v", err)
	}
	for tenant, code := range map[string]string{
		"c04e9a16-27b8-4d3f-9a5e-6b1d8f7c2034": "AADSTS700016", // a tenant without this app
		otherGUID:                              "AADSTS90002",  // no tenant
	} {
		_, err := one.Token(t.Context(), tenant)
		if e, ok := errors.AsType[*SignInError](err); !ok || e.Code != code || e.Tenant != tenant {
			t.Errorf("%s: %v, want %s", tenant, err, code)
		}
	}
}
