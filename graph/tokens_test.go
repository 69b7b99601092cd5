package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

const (
	authority  = "https://login.example"
	testSecret = "s3cr3t~CANARY+/=&x"
	testScope  = "https://graph.example/.default"
)

// entra is the sign-in endpoint as a transport: tokens are numbered, every request is counted.
type entra struct {
	mu       sync.Mutex
	origin   string
	answer   func(n int) *http.Response // of the token endpoint; nil: a token of an hour
	delay    time.Duration
	tokens   int
	byTenant map[string]int
	forms    []url.Values
}

func newEntra() *entra { return &entra{origin: authority, byTenant: map[string]int{}} }

func (e *entra) script(answer func(n int) *http.Response) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}

func (e *entra) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tokens
}

func (e *entra) of(tenant string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.byTenant[tenant]
}

func tokenOf(n int, life time.Duration) *http.Response {
	return respond(200, fmt.Sprintf(`{"token_type":"Bearer","expires_in":%d,"access_token":"token-%d"}`, int(life.Seconds()), n))
}

func (e *entra) RoundTrip(r *http.Request) (*http.Response, error) {
	var form url.Values
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		if form, err = url.ParseQuery(string(body)); err != nil {
			return nil, err
		}
	}
	tenant, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if path == "v2.0/.well-known/openid-configuration" {
		base := e.origin + "/" + tenant
		return respond(200, fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q}`,
			base+"/v2.0", base+"/oauth2/v2.0/authorize", base+"/oauth2/v2.0/token"), "Content-Type", "application/json"), nil
	}
	e.mu.Lock()
	e.tokens++
	e.byTenant[tenant]++
	e.forms = append(e.forms, form)
	n, answer, delay := e.tokens, e.answer, e.delay
	e.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	resp := tokenOf(n, time.Hour)
	if answer != nil {
		resp = answer(n)
	}
	if resp == nil {
		return nil, errors.New("connection refused, secret " + testSecret)
	}
	resp.Request = r
	return resp, nil
}

func newTokens(t *testing.T, e *entra, log io.Writer) *Tokens {
	t.Helper()
	tokens, err := NewTokens(TokensOptions{
		Authority: authority, Scope: testScope, ClientID: testApp, Tenant: strings.ToUpper(testTenant), Credential: secretOf(t, testSecret),
		HTTP: &http.Client{Transport: e}, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func secretOf(t *testing.T, secret string) Credential {
	t.Helper()
	c, err := ClientSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantToken(t *testing.T, tokens *Tokens, tenant, want string) {
	t.Helper()
	if got, err := tokens.Token(t.Context(), tenant); got != want || err != nil {
		t.Errorf("tenant %q: %q, %v; want %q", tenant, got, err, want)
	}
}

func TestTheHomeTokenIsFetchedAtStartAndRenewedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntra()
		tokens := newTokens(t, e, io.Discard)
		if tokens.Ready() == nil {
			t.Error("ready before the first token")
		}
		running(t, tokens.Run)
		synctest.Wait()
		if err := tokens.Ready(); err != nil {
			t.Fatalf("not ready: %v", err)
		}
		wantToken(t, tokens, "", "token-1")
		wantToken(t, tokens, testTenant, "token-1")
		form := e.forms[0]
		if form.Get("client_secret") != testSecret || form.Get("client_id") != testApp || form.Get("grant_type") != "client_credentials" ||
			!strings.Contains(form.Get("scope"), testScope) {
			t.Errorf("form %v", form)
		}
		time.Sleep(54 * time.Minute)
		synctest.Wait()
		wantToken(t, tokens, "", "token-1")
		time.Sleep(time.Minute)
		synctest.Wait()
		wantToken(t, tokens, "", "token-2")
		if n := e.count(); n != 2 {
			t.Errorf("%d sign-ins, want 2", n)
		}
	})
}

func TestG04AThousandColdCallersCauseOneSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntra()
		e.delay = time.Second
		tokens := newTokens(t, e, io.Discard)
		running(t, tokens.Run)
		time.Sleep(5 * time.Second)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { wantToken(t, tokens, otherGUID, "token-2") })
		}
		synctest.Wait()
		if n := e.of(otherGUID); n != 1 {
			t.Errorf("%d sign-ins while all wait", n)
		}
		wg.Wait()
		for range 1000 {
			wg.Go(func() {
				if _, err := tokens.Token(t.Context(), otherGUID); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := e.of(otherGUID); n != 1 {
			t.Errorf("%d sign-ins, want 1", n)
		}
	})
	// The planted bug: the library alone does not join cold callers.
	synctest.Test(t, func(t *testing.T) {
		e := newEntra()
		e.delay = time.Second
		tokens := newTokens(t, e, io.Discard)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { _, _ = tokens.sign.fetch(t.Context(), otherGUID) })
		}
		wg.Wait()
		if n := e.count(); n != 20 {
			t.Errorf("%d sign-ins without our refresher: this test cannot fail", n)
		}
	})
}

func TestG04AHungEndpointHoldsACallerThreeSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntra()
		e.delay = time.Hour
		tokens := newTokens(t, e, io.Discard)
		running(t, tokens.Run)
		synctest.Wait()
		began := time.Now()
		_, err := tokens.Token(t.Context(), "")
		if _, ok := errors.AsType[*SignInError](err); !ok || time.Since(began) != tokenWait {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if _, err = tokens.Token(ctx, ""); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("with a nearer deadline: %v after %s", err, time.Since(began))
		}
	})
}

func TestWarmFetchesAnotherTenantsTokenWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntra()
		e.delay = time.Second
		tokens := newTokens(t, e, io.Discard)
		running(t, tokens.Run)
		began := time.Now()
		for range 100 {
			tokens.Warm(strings.ToUpper(otherGUID))
		}
		tokens.Warm("../common")
		tokens.Warm("common")
		if time.Since(began) != 0 {
			t.Errorf("Warm waited %s", time.Since(began))
		}
		time.Sleep(2 * time.Second)
		began = time.Now()
		if _, err := tokens.Token(t.Context(), otherGUID); err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if n := e.count(); n != 2 || e.of(otherGUID) != 1 {
			t.Errorf("%d sign-ins, %d of the other tenant", n, e.of(otherGUID))
		}
	})
}

func TestG11ATenantThatIsNoGUIDNeverReachesAURL(t *testing.T) {
	e := newEntra()
	tokens := newTokens(t, e, io.Discard)
	for _, tenant := range []string{"common", "../x", "contoso.example", testTenant + "/", "2b1c3d4e5f6047189a2b3c4d5e6f7081"} {
		if _, err := tokens.Token(t.Context(), tenant); err == nil {
			t.Errorf("%s was accepted", tenant)
		}
	}
	if n := e.count(); n != 0 {
		t.Errorf("%d sign-ins", n)
	}
}

func TestRenewDropsARejectedTokenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntra()
		tokens := newTokens(t, e, io.Discard)
		running(t, tokens.Run)
		synctest.Wait()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got, err := tokens.Renew(t.Context(), "", "token-1"); got != "token-2" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		wg.Wait()
		if n := e.count(); n != 2 {
			t.Errorf("%d sign-ins, want 2", n)
		}
	})
}

func TestAFailingEndpointIsRetriedWithPausesAndTheHeldTokenServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntra()
		e.script(func(int) *http.Response { return respond(503, "") })
		tokens := newTokens(t, e, io.Discard)
		running(t, tokens.Run)
		time.Sleep(10 * time.Second)
		if n := e.count(); n < 2 || n > 10 {
			t.Errorf("%d tries in 10 s", n)
		}
		e.script(nil)
		time.Sleep(90 * time.Second)
		synctest.Wait()
		if err := tokens.Ready(); err != nil {
			t.Fatalf("the endpoint is back: %v", err)
		}
		held, _ := tokens.Token(t.Context(), "")
		e.script(func(int) *http.Response { return nil })
		time.Sleep(56 * time.Minute)
		synctest.Wait()
		wantToken(t, tokens, "", held)
		time.Sleep(10 * time.Minute)
		if err := tokens.Ready(); err == nil {
			t.Error("ready with an expired token")
		}
	})
}

func TestAForeignTenantThatRefusesIsNotAskedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntra()
		tokens := newTokens(t, e, io.Discard)
		running(t, tokens.Run)
		synctest.Wait()
		e.script(func(int) *http.Response {
			return respond(400, `{"error":"unauthorized_client","error_codes":[700016]}`)
		})
		tokens.Warm(otherGUID)
		time.Sleep(20 * time.Minute)
		if n := e.of(otherGUID); n != 1 {
			t.Errorf("%d sign-ins", n)
		}
		if _, err := tokens.Token(t.Context(), otherGUID); err == nil || !strings.Contains(err.Error(), "AADSTS700016") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAForeignTenantIsForgottenAfterADayWithoutUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntra()
		tokens := newTokens(t, e, io.Discard)
		running(t, tokens.Run)
		tokens.Warm(otherGUID)
		time.Sleep(48 * time.Hour)
		if n := e.of(otherGUID); n < 24 || n > 28 {
			t.Errorf("%d sign-ins in two days, want about one an hour for one day", n)
		}
		tokens.mu.Lock()
		defer tokens.mu.Unlock()
		if len(tokens.slots) != 1 {
			t.Errorf("%d tenants held", len(tokens.slots))
		}
	})
}

func TestTheNumberOfTenantsIsBounded(t *testing.T) {
	tokens := newTokens(t, newEntra(), io.Discard)
	tokens.mu.Lock()
	defer tokens.mu.Unlock()
	for i := range 2 * maxTenants {
		tokens.slot(fmt.Sprintf("%08d-0000-4000-8000-000000000000", i))
	}
	if len(tokens.slots) != maxTenants || tokens.slots[testTenant] == nil {
		t.Errorf("%d tenants, home %v", len(tokens.slots), tokens.slots[testTenant])
	}
}

func TestK01TheSecretIsInNoErrorAndNoLogLine(t *testing.T) {
	echo := fmt.Sprintf(`{"error":%q,"error_description":"AADSTS7000215: you sent %s"}`, testSecret, testSecret)
	for name, row := range map[string]struct {
		answer func(int) *http.Response
		want   string
	}{
		"echoed":      {func(int) *http.Response { return respond(401, echo) }, "401"},
		"code":        {func(int) *http.Response { return respond(401, `{"error":"invalid_client","error_codes":[7000215]}`) }, "AADSTS7000215"},
		"word":        {func(int) *http.Response { return respond(400, `{"error":"invalid_client"}`) }, "invalid_client"},
		"html":        {func(int) *http.Response { return respond(502, "<html>"+testSecret) }, "502"},
		"no answer":   {func(int) *http.Response { return nil }, "connection refused"},
		"redirect":    {func(int) *http.Response { return respond(307, "", "Location", "https://evil.example/") }, "307"},
		"nonsense":    {func(int) *http.Response { return respond(200, "{}") }, ""},
		"empty token": {func(int) *http.Response { return respond(200, `{"access_token":"","expires_in":3600}`) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEntra()
				e.script(row.answer)
				var log bytes.Buffer
				tokens := newTokens(t, e, &log)
				running(t, tokens.Run)
				synctest.Wait()
				_, err := tokens.Token(t.Context(), "")
				if err == nil || !strings.Contains(err.Error(), row.want) {
					t.Fatalf("got %v, want it to tell %q", err, row.want)
				}
				text := fmt.Sprintf("%v %+v %#v", err, err, err) + tokens.Ready().Error() + log.String()
				for _, canary := range []string{"CANARY", url.QueryEscape(testSecret)} {
					if strings.Contains(text, canary) {
						t.Errorf("the secret is in %s", text)
					}
				}
				if log.Len() == 0 {
					t.Error("nothing was logged")
				}
			})
		})
	}
}

func TestSettingsOfTokensAreAllNamedAtOnce(t *testing.T) {
	_, err := NewTokens(TokensOptions{Authority: "http://login.example", Tenant: "contoso"})
	for _, want := range []string{"client-id", "client-secret", "graph-url", "tenant-id", "authority url: not https"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if _, err := NewTokens(TokensOptions{Authority: authority + "/path", Tenant: testTenant, ClientID: "a", Credential: secretOf(t, "b"), Scope: "c"}); err == nil {
		t.Error("an authority with a path was accepted; sign-in would lose it")
	}
}

func TestTokensAreOfNoUseAfterRunHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := newTokens(t, newEntra(), io.Discard)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := tokens.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		tokens.Warm(otherGUID)
		if _, err := tokens.Token(t.Context(), otherGUID); !errors.Is(err, errStopped) {
			t.Errorf("Token: %v", err)
		}
	})
}

func TestRenewalIsAheadOfExpiryAndNeverAStorm(t *testing.T) {
	now := issuedAt
	for _, row := range []struct{ life, refreshIn, want time.Duration }{
		{time.Hour, 0, 55 * time.Minute},
		{24 * time.Hour, 13 * time.Hour, 13 * time.Hour},
		{time.Hour, 59 * time.Minute, 55 * time.Minute},
		{8 * time.Minute, 0, 4 * time.Minute},
		{time.Hour, time.Second, 30 * time.Minute},
		{time.Second, 0, time.Second},
		{-time.Hour, 0, time.Second},
	} {
		token := azcore.AccessToken{ExpiresOn: now.Add(row.life)}
		if row.refreshIn > 0 {
			token.RefreshOn = now.Add(row.refreshIn)
		}
		if got := renewal(now, token).Sub(now); got != row.want {
			t.Errorf("life %s, refresh in %s: renewal in %s, want %s", row.life, row.refreshIn, got, row.want)
		}
	}
}

func TestSignInOverARealTLSServer(t *testing.T) {
	e := newEntra()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := e.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
		_ = resp.Body.Close()
	}))
	defer server.Close()
	e.origin = server.URL
	tokens, err := NewTokens(TokensOptions{
		Authority: server.URL, Scope: testScope, ClientID: testApp, Tenant: testTenant, Credential: secretOf(t, testSecret), HTTP: HTTPClient(poolOf(server)),
	})
	if err != nil {
		t.Fatal(err)
	}
	running(t, tokens.Run)
	wantToken(t, tokens, "", "token-1")
	if got, err := tokens.Renew(t.Context(), "", "token-1"); got != "token-2" || err != nil {
		t.Errorf("renewed: %q, %v", got, err)
	}
}
