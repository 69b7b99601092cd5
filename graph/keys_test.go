package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	metadataURL = "https://keys.example/v1/.well-known/OpenIdConfiguration"
	keysURL     = "https://keys.example/v1/keys"
	// As Microsoft's: an issuer that is not the URL and an algorithm that does not exist.
	metadataDoc = `{"issuer":"https://api.botframework.com","jwks_uri":"` + keysURL + `","id_token_signing_alg_values_supported":["RSA256"]}`
)

// keyServer is Microsoft's key endpoint as a transport: what it serves is scripted, and every request counted.
type keyServer struct {
	mu        sync.Mutex
	metadata  func() *http.Response
	keys      func() *http.Response
	delay     time.Duration
	downloads int
	strangers []string // requests to anything else
}

func serveKeys(signers ...signer) *keyServer {
	s := &keyServer{metadata: func() *http.Response { return respond(200, metadataDoc) }}
	s.roll(signers...)
	return s
}

func (s *keyServer) roll(signers ...signer) {
	s.set(func() *http.Response { return respond(200, jwks(signers...)) })
}

func (s *keyServer) set(keys func() *http.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
}

func (s *keyServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.downloads
}

func (s *keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	delay := s.delay
	var answer func() *http.Response
	switch r.URL.String() {
	case metadataURL:
		s.downloads++
		answer = s.metadata
	case keysURL:
		answer = s.keys
	default:
		s.strangers = append(s.strangers, r.URL.String())
	}
	s.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if answer == nil {
		return nil, errors.New("no such place")
	}
	if resp := answer(); resp != nil {
		return resp, nil
	}
	return nil, errors.New("connection refused")
}

func startAuthenticator(t *testing.T, server *keyServer) *Authenticator {
	t.Helper()
	a, err := NewAuthenticator(AuthenticatorOptions{
		MetadataURL: metadataURL, Issuers: []string{issuerBot}, AppID: testApp, HTTP: &http.Client{Transport: server},
	})
	if err != nil {
		t.Fatal(err)
	}
	running(t, a.Run)
	return a
}

func authenticate(t *testing.T, a *Authenticator, s signer) error {
	t.Helper()
	_, err := a.Authenticate(t.Context(), withToken(s.token(time.Now(), nil)))
	return err
}

func TestW11AKeyRollDoesNotLoseTheCallThatShowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := serveKeys(microsoft())
		server.delay = 100 * time.Millisecond
		a := startAuthenticator(t, server)
		time.Sleep(time.Second)
		if err := authenticate(t, a, microsoft()); err != nil {
			t.Fatalf("before the roll: %v", err)
		}
		server.roll(rolled())
		var wg sync.WaitGroup
		for range 5 { // calls that ring together after the roll: all name the same new key
			wg.Go(func() {
				if err := authenticate(t, a, rolled()); err != nil {
					t.Errorf("the first calls with the new key: %v", err)
				}
			})
		}
		wg.Wait()
		if err := authenticate(t, a, microsoft()); reasonOf(t, err) != "unknown key" {
			t.Errorf("the withdrawn key: %v", err)
		}
		if n := server.count(); n != 2 {
			t.Errorf("%d downloads, want 2", n)
		}
	})
}

func TestW11EveryKeyOfAKidIsTriedAndUnusableKeysAreSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := serveKeys()
		server.set(func() *http.Response {
			return respond(200, `{"keys":[null,7,{"kty":"RSA"},{"kty":"EC","kid":"ms-1","crv":"P-256","x":"AA","y":"AA"},{"kty":"oct","kid":"ms-1","k":"AA"},`+
				`{"kty":"RSA","kid":"ms-1","n":"!!","e":"AQAB"},{"kty":"RSA","kid":"ms-1","n":"AQAB","e":"AQAB"},`+
				`{"kty":"RSA","kid":"ms-1","n":"","e":""},`+weak().jwk()+`,`+forger().jwk()+`,`+microsoft().jwk()+`]}`)
		})
		a := startAuthenticator(t, server)
		synctest.Wait()
		if err := authenticate(t, a, microsoft()); err != nil {
			t.Errorf("the second key with that kid: %v", err)
		}
		if err := authenticate(t, a, weak()); reasonOf(t, err) != "unknown key" {
			t.Errorf("a key of 1024 bits: %v", err)
		}
	})
}

func TestW10AFloodOfUnknownKidsCausesOneDownload(t *testing.T) {
	flood := func(t *testing.T, forget bool) (downloads int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			server := serveKeys(microsoft())
			server.delay = 20 * time.Millisecond
			a := startAuthenticator(t, server)
			time.Sleep(time.Second)
			var wg sync.WaitGroup
			for client := range 50 {
				wg.Go(func() {
					for i := range 200 {
						if forget { // the planted bug: no interval between downloads
							a.ring.mu.Lock()
							a.ring.askedAt = time.Time{}
							a.ring.mu.Unlock()
						}
						// Nothing about the signature: an unknown kid is refused before it is looked at.
						token := b64(fmt.Appendf(nil, `{"alg":"RS256","kid":"kid-%d-%d"}`, client, i)) + ".AA.AA"
						if _, err := a.Authenticate(t.Context(), withToken(token)); reasonOf(t, err) != "unknown key" {
							t.Errorf("kid-%d-%d: %v", client, i, err)
						}
					}
				})
			}
			began := time.Now()
			if err := authenticate(t, a, microsoft()); err != nil || time.Since(began) > 0 {
				t.Errorf("a genuine call meanwhile: %v after %s", err, time.Since(began))
			}
			wg.Wait()
			downloads = server.count()
		})
		return downloads
	}
	if n := flood(t, false); n != 2 { // the one at start and one more
		t.Errorf("%d downloads, want 2", n)
	}
	if n := flood(t, true); n <= 2 {
		t.Errorf("%d downloads without the interval: this test cannot fail", n)
	}
}

func TestW10TheNextUnknownKidAfterAMinuteMayAskAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := serveKeys(microsoft())
		a := startAuthenticator(t, server)
		synctest.Wait()
		for _, row := range []struct {
			wait time.Duration
			want int
		}{{0, 2}, {59 * time.Second, 2}, {time.Second, 3}, {0, 3}} {
			time.Sleep(row.wait)
			if err := authenticate(t, a, rolled()); reasonOf(t, err) != "unknown key" {
				t.Fatal(err)
			}
			if n := server.count(); n != row.want {
				t.Errorf("after %s more: %d downloads, want %d", row.wait, n, row.want)
			}
		}
	})
}

func TestW11ANewKeyWorksWithinAMinuteAlsoUnderAFloodOfUnknownOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := serveKeys(microsoft())
		a := startAuthenticator(t, server)
		synctest.Wait()
		_ = authenticate(t, a, signer{"unknown", forger().key}) // the flood has begun, and spent this minute's download
		server.roll(microsoft(), rolled())
		began, works := time.Now(), time.Duration(0)
		for i := 0; works == 0 && time.Since(began) < 3*time.Minute; i++ {
			unknown := b64(fmt.Appendf(nil, `{"alg":"RS256","kid":"kid-%d"}`, i)) + ".AA.AA"
			if _, err := a.Authenticate(t.Context(), withToken(unknown)); err == nil {
				t.Fatal("an unknown key was accepted")
			}
			if authenticate(t, a, rolled()) == nil {
				works = time.Since(began)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if works == 0 || works > unknownInterval {
			t.Errorf("the new key works after %s", works)
		}
		if n := server.count(); n != 3 { // at start, before the roll, and the one that brought the key
			t.Errorf("%d downloads", n)
		}
	})
}

func TestW12ASlowKeyEndpointIsGivenUpAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := serveKeys(microsoft())
		server.delay = 4 * time.Second // each of the two, so it works, slowly
		a := startAuthenticator(t, server)
		time.Sleep(7 * time.Second)
		if err := authenticate(t, a, microsoft()); !errors.Is(err, ErrNoKeys) {
			t.Errorf("before the keys are there: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := authenticate(t, a, microsoft()); err != nil {
			t.Errorf("slow and in time: %v", err)
		}
		server = serveKeys(microsoft())
		server.delay = fetchTimeout + time.Second
		a = startAuthenticator(t, server)
		time.Sleep(time.Minute)
		if err := authenticate(t, a, microsoft()); !errors.Is(err, ErrNoKeys) {
			t.Errorf("too slow: %v", err)
		}
		if n := server.count(); n < 4 || n > 12 { // each try ends after 5 s and is followed by a pause
			t.Errorf("%d tries in a minute", n)
		}
	})
}

func TestW10OneWhoAsksWaitsTwoSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := serveKeys(microsoft())
		a := startAuthenticator(t, server)
		synctest.Wait()
		server.mu.Lock()
		server.delay = time.Hour
		server.mu.Unlock()
		began := time.Now()
		if err := authenticate(t, a, rolled()); reasonOf(t, err) != "unknown key" || time.Since(began) != unknownWait {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if err := authenticate(t, a, microsoft()); err != nil {
			t.Errorf("a known key while the download hangs: %v", err)
		}
	})
}

func TestW12NothingIsAcceptedWithoutKeys(t *testing.T) {
	html := `<!doctype html><title>Sign in to the hotel</title>`
	elsewhere := func(uri string) func() *http.Response {
		return func() *http.Response { return respond(200, `{"jwks_uri":"`+uri+`"}`) }
	}
	for name, scene := range map[string]struct{ metadata, keys func() *http.Response }{
		"down":                 {metadata: func() *http.Response { return nil }},
		"keys down":            {keys: func() *http.Response { return nil }},
		"500":                  {metadata: func() *http.Response { return respond(500, metadataDoc) }},
		"204":                  {keys: func() *http.Response { return respond(204, "") }},
		"redirect of metadata": {metadata: func() *http.Response { return respond(302, "", "Location", "https://elsewhere.example/") }},
		"redirect of keys":     {keys: func() *http.Response { return respond(307, "", "Location", "https://elsewhere.example/") }},
		"html":                 {keys: func() *http.Response { return respond(200, html) }},
		"html metadata":        {metadata: func() *http.Response { return respond(200, html) }},
		"a gibibyte": {keys: func() *http.Response {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(io.LimitReader(blanks{}, 1<<30)), ContentLength: -1}
		}},
		"no keys":         {keys: func() *http.Response { return respond(200, `{"keys":[]}`) }},
		"keys twice":      {keys: func() *http.Response { return respond(200, jwks(microsoft())[:len(jwks(microsoft()))-1]+`,"KEYS":[]}`) }},
		"only weak keys":  {keys: func() *http.Response { return respond(200, jwks(weak())) }},
		"another host":    {metadata: elsewhere("https://elsewhere.example/keys")},
		"another port":    {metadata: elsewhere("https://keys.example:8443/v1/keys")},
		"plain http":      {metadata: elsewhere("http://keys.example/v1/keys")},
		"user info":       {metadata: elsewhere("https://keys.example@elsewhere.example/keys")},
		"relative":        {metadata: elsewhere("/v1/keys")},
		"no uri":          {metadata: func() *http.Response { return respond(200, `{}`) }},
		"uri of odd type": {metadata: func() *http.Response { return respond(200, `{"jwks_uri":["`+keysURL+`"]}`) }},
		"two uris":        {metadata: func() *http.Response { return respond(200, `{"jwks_uri":"`+keysURL+`","JWKS_URI":"`+keysURL+`"}`) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := serveKeys(microsoft())
				if scene.metadata != nil {
					server.metadata = scene.metadata
				}
				if scene.keys != nil {
					server.keys = scene.keys
				}
				a := startAuthenticator(t, server)
				synctest.Wait()
				if err := authenticate(t, a, microsoft()); !errors.Is(err, ErrNoKeys) || !errors.Is(a.Ready(), ErrNoKeys) {
					t.Errorf("authenticate: %v, ready: %v", err, a.Ready())
				}
				if len(server.strangers) > 0 {
					t.Errorf("requests elsewhere: %v", server.strangers)
				}
			})
		})
	}
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) { return copy(p, strings.Repeat(" ", len(p))), nil }

func TestW12TheFirstLoadIsTriedAgainQuickly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := serveKeys()
		server.set(func() *http.Response { return nil })
		a := startAuthenticator(t, server)
		time.Sleep(2 * time.Second)
		if n := server.count(); n < 3 {
			t.Errorf("%d tries in the first 2 s", n)
		}
		time.Sleep(10 * time.Minute)
		if n := server.count(); n > 120 {
			t.Errorf("%d tries in 10 min: no backoff", n)
		}
		server.roll(microsoft())
		time.Sleep(25 * time.Second)
		if err := errors.Join(a.Ready(), authenticate(t, a, microsoft())); err != nil {
			t.Errorf("the endpoint is back: %v", err)
		}
	})
}

func TestW12TheLastGoodSetServesForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := serveKeys(microsoft())
		a := startAuthenticator(t, server)
		synctest.Wait()
		server.set(func() *http.Response { return respond(503, "") })
		time.Sleep(24 * time.Hour)
		if err := errors.Join(a.Ready(), authenticate(t, a, microsoft())); err != nil {
			t.Errorf("within the day: %v", err)
		}
		time.Sleep(time.Second)
		if err := authenticate(t, a, microsoft()); !errors.Is(err, ErrNoKeys) {
			t.Errorf("after a day: %v", err)
		}
		server.roll(rolled())
		time.Sleep(2 * time.Minute)
		if err := authenticate(t, a, rolled()); err != nil {
			t.Errorf("the endpoint is back: %v", err)
		}
	})
}

func TestW11AWithdrawnKeyIsRefusedAfterTheNextRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := serveKeys(microsoft(), rolled())
		a := startAuthenticator(t, server)
		synctest.Wait()
		server.roll(rolled())
		time.Sleep(keyRefresh + time.Second)
		if err := authenticate(t, a, microsoft()); reasonOf(t, err) != "unknown key" {
			t.Errorf("the withdrawn key: %v", err)
		}
		if err := authenticate(t, a, rolled()); err != nil {
			t.Errorf("the other: %v", err)
		}
	})
}

func TestW13ATokenOfAnotherKeySetIsRefused(t *testing.T) {
	a := heldAuthenticator(t, atIssue, rolled()) // the calling set; messaging keys carry the same issuer
	if _, err := a.Authenticate(t.Context(), withToken(microsoft().token(issuedAt, nil))); reasonOf(t, err) != "unknown key" {
		t.Errorf("got %v", err)
	}
}

func TestKeysOverARealTLSServer(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	mux.HandleFunc("GET /metadata", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"jwks_uri":"%s/keys"}`, server.URL)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, jwks(microsoft())) })
	for _, row := range []struct {
		client *http.Client
		want   bool
	}{{HTTPClient(poolOf(server)), true}, {HTTPClient(nil), false}} {
		a, err := NewAuthenticator(AuthenticatorOptions{MetadataURL: server.URL + "/metadata", Issuers: []string{issuerBot}, AppID: testApp, HTTP: row.client})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err = a.ring.refresh(ctx)
		cancel()
		if (err == nil) != row.want || (a.Ready() == nil) != row.want {
			t.Errorf("trusted: %v, got %v, ready %v", row.want, err, a.Ready())
		}
	}
}
