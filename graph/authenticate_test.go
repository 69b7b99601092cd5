package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func atIssue() time.Time { return issuedAt.Add(time.Minute) }

func TestAGenuineTokenNamesItsTenant(t *testing.T) {
	a := heldAuthenticator(t, atIssue, microsoft())
	got, err := a.Authenticate(t.Context(), withToken(microsoft().token(issuedAt, map[string]any{"tid": strings.ToUpper(testTenant)})))
	if err != nil || got.Tenant != testTenant {
		t.Fatalf("got %+v, %v; want tenant %s", got, err, testTenant)
	}
}

func TestW01OneBitFlippedAnywhereIsRefused(t *testing.T) {
	a := heldAuthenticator(t, atIssue, microsoft())
	token := microsoft().token(issuedAt, nil)
	for i := range token {
		flipped := []byte(token)
		flipped[i] ^= 1
		if _, err := a.Authenticate(t.Context(), withToken(string(flipped))); err == nil {
			t.Fatalf("accepted with byte %d flipped", i)
		}
	}
	// The planted bug: without the signature check the same flips in the claims do get through.
	parts := strings.Split(token, ".")
	accepted := 0
	for i := range parts[1] {
		flipped := []byte(parts[1])
		flipped[i] ^= 1
		if _, err := a.rules.judge(string(flipped), atIssue()); err == nil {
			accepted++
		}
	}
	if accepted == 0 {
		t.Error("the claims alone refuse every flip, so this test proves nothing about the signature")
	}
}

func TestW01OnlyMicrosoftsKeyAndPaddingCount(t *testing.T) {
	a := heldAuthenticator(t, atIssue, microsoft())
	for name, token := range map[string]string{
		"a forger with Microsoft's kid": forger().token(issuedAt, nil),
		"no signature bytes":            strings.TrimRight(microsoft().token(issuedAt, nil), "abc") + "",
		"signature of another token":    swapSignature(microsoft().token(issuedAt, nil), microsoft().token(issuedAt, map[string]any{"tid": otherGUID})),
		"PSS padding": mustSign(jwt.SigningMethodPS256, map[string]any{"alg": "RS256", "kid": "ms-1"},
			microsoft().key),
	} {
		if name == "no signature bytes" {
			token = token[:strings.LastIndexByte(token, '.')+1] + "AA"
		}
		if _, err := a.Authenticate(t.Context(), withToken(token)); reasonOf(t, err) != "signature" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func swapSignature(a, b string) string {
	return a[:strings.LastIndexByte(a, '.')] + b[strings.LastIndexByte(b, '.'):]
}

// mustSign lets the JWT library sign, with a header of our choice.
func mustSign(method jwt.SigningMethod, header map[string]any, key any) string {
	token := jwt.NewWithClaims(method, jwt.MapClaims{
		"iss": issuerBot, "aud": testApp, "tid": testTenant, "nbf": issuedAt.Unix(), "exp": issuedAt.Add(5 * time.Minute).Unix(),
	})
	token.Header = header
	s, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return s
}

func TestW02HeaderNeverChoosesTheAlgorithm(t *testing.T) {
	a := heldAuthenticator(t, atIssue, microsoft())
	public := microsoft().key.N.Bytes()
	tokens := map[string]string{}
	for _, alg := range []string{
		`"none"`, `"None"`, `"NONE"`, `""`, `null`, `256`, `["RS256"]`, `"rs256"`, `"RS256 "`, `"RSA256"`, `"RS384"`, `"RS512"`,
		`"PS256"`, `"ES256"`, `"EdDSA"`, `"HS256"`,
	} {
		tokens[alg] = microsoft().sign(fmt.Sprintf(`{"alg":%s,"kid":"ms-1"}`, alg), genuineClaims())
	}
	tokens["missing"] = microsoft().sign(`{"kid":"ms-1"}`, genuineClaims())
	tokens["ALG only"] = microsoft().sign(`{"ALG":"RS256","kid":"ms-1"}`, genuineClaims())
	tokens["HS256 with the public key"] = mustSign(jwt.SigningMethodHS256, map[string]any{"alg": "HS256", "kid": "ms-1"}, public)
	tokens["RS512 really"] = mustSign(jwt.SigningMethodRS512, map[string]any{"alg": "RS512", "kid": "ms-1"}, microsoft().key)
	for name, token := range tokens {
		if _, err := a.Authenticate(t.Context(), withToken(token)); reasonOf(t, err) != "algorithm" {
			t.Errorf("alg %s: %v", name, err)
		}
	}
	unsigned := b64([]byte(`{"alg":"none","kid":"ms-1"}`)) + "." + b64([]byte(genuineClaims())) + "."
	if _, err := a.Authenticate(t.Context(), withToken(unsigned)); reasonOf(t, err) != "framing" {
		t.Errorf("unsigned: %v", err)
	}
	two := microsoft().sign(`{"alg":"RS256","alg":"none","kid":"ms-1"}`, genuineClaims())
	if _, err := a.Authenticate(t.Context(), withToken(two)); reasonOf(t, err) != "duplicate member" {
		t.Errorf("two algs: %v", err)
	}
}

func genuineClaims() string {
	return fmt.Sprintf(`{"iss":%q,"aud":%q,"tid":%q,"nbf":%d,"exp":%d}`, issuerBot, testApp, testTenant,
		issuedAt.Unix(), issuedAt.Add(5*time.Minute).Unix())
}

func TestW03TimesAreRequiredAndExact(t *testing.T) {
	from, until := issuedAt.Add(-clockLeeway), issuedAt.Add(5*time.Minute+clockLeeway)
	for _, row := range []struct {
		now  time.Time
		want string
	}{
		{from.Add(-time.Second), "not yet valid"},
		{from, ""},
		{from.Add(time.Second), ""},
		{until.Add(-time.Second), ""},
		{until, "expired"},
		{until.Add(time.Second), "expired"},
	} {
		a := heldAuthenticator(t, func() time.Time { return row.now }, microsoft())
		if _, err := a.Authenticate(t.Context(), withToken(microsoft().token(issuedAt, nil))); reasonOf(t, err) != row.want {
			t.Errorf("at %s: %v, want %q", row.now.Sub(issuedAt), err, row.want)
		}
	}
	future := issuedAt.Add(time.Hour).Unix()
	for _, row := range []struct {
		claim string
		value any
		want  string
	}{
		{"exp", nil, "times"},
		{"exp", "1900000300", "times"},
		{"exp", json.RawMessage("null"), "times"},
		{"exp", -1, "times"},
		{"exp", json.RawMessage("1e300"), "times"},
		{"exp", json.RawMessage("1e999"), "times"},
		{"exp", []int64{future}, "times"},
		{"exp", true, "times"},
		{"exp", 0, "expired"},
		{"exp", json.RawMessage("1900000300.5"), ""},
		{"exp", json.RawMessage("1.9000003e9"), ""},
		{"nbf", nil, "times"},
		{"nbf", "1900000000", "times"},
		{"nbf", json.RawMessage("null"), "times"},
		{"nbf", -5, "times"},
		{"nbf", future, "not yet valid"},
		{"nbf", 0, ""},
		{"iat", "nonsense", ""},
		{"iat", future, ""},
		{"iat", nil, ""},
	} {
		a := heldAuthenticator(t, atIssue, microsoft())
		token := microsoft().token(issuedAt, map[string]any{row.claim: row.value})
		if _, err := a.Authenticate(t.Context(), withToken(token)); reasonOf(t, err) != row.want {
			t.Errorf("%s=%v: %v, want %q", row.claim, row.value, err, row.want)
		}
	}
}

// usable are the times that a row's claims leave, nil where they leave none.
type span struct{ nbf, exp *float64 }

func TestW03EveryFormOfTimesIsExactAtBothEdges(t *testing.T) {
	at := func(seconds float64) *float64 { return new(float64(issuedAt.Unix()) + seconds) }
	nbf, exp := at(0), at(300)
	raw := func(form string) json.RawMessage { return json.RawMessage(form) }
	for _, row := range []struct {
		change map[string]any
		want   span
	}{
		{nil, span{nbf, exp}},
		{map[string]any{"exp": issuedAt.Unix() + 3600}, span{nbf, at(3600)}},
		{map[string]any{"exp": raw("1900000300.0")}, span{nbf, exp}},
		{map[string]any{"exp": raw("1900000300.5")}, span{nbf, at(300.5)}},
		{map[string]any{"exp": raw("1.9000003e9")}, span{nbf, exp}},
		{map[string]any{"exp": raw("19000003E2")}, span{nbf, exp}},
		{map[string]any{"nbf": raw("1899999999.25")}, span{at(-0.75), exp}},
		{map[string]any{"nbf": 0}, span{new(float64), exp}},
		{map[string]any{"exp": raw("253402300799")}, span{nbf, new(float64(253402300799))}},
		{map[string]any{"iat": "nonsense"}, span{nbf, exp}},
		{map[string]any{"exp": issuedAt.Unix(), "nbf": issuedAt.Unix() + 300}, span{at(300), at(0)}}, // ends before it begins
		{map[string]any{"exp": 0}, span{nbf, new(float64)}},
		{map[string]any{"exp": nil}, span{nbf, nil}},
		{map[string]any{"exp": "1900000300"}, span{nbf, nil}},
		{map[string]any{"exp": raw("null")}, span{nbf, nil}},
		{map[string]any{"exp": -1}, span{nbf, nil}},
		{map[string]any{"exp": raw("253402300800")}, span{nbf, nil}},
		{map[string]any{"exp": raw("1e999")}, span{nbf, nil}},
		{map[string]any{"nbf": nil}, span{nil, exp}},
		{map[string]any{"nbf": raw("null")}, span{nil, exp}},
		{map[string]any{"nbf": "0"}, span{nil, exp}},
		{map[string]any{"nbf": raw("[0]")}, span{nil, exp}},
	} {
		token := microsoft().token(issuedAt, row.change)
		for _, edge := range []*float64{nbf, exp, row.want.nbf, row.want.exp} {
			if edge == nil {
				continue
			}
			for _, leeway := range []float64{-300, 0, 300} {
				for _, off := range []float64{-1, 0, 1} {
					now := *edge + leeway + off
					a := heldAuthenticator(t, func() time.Time { return time.UnixMicro(int64(now * 1e6)) }, microsoft())
					if _, err := a.Authenticate(t.Context(), withToken(token)); reasonOf(t, err) != row.want.verdict(now) {
						t.Errorf("%v at %+g s: %v, want %q", row.change, now-*nbf, err, row.want.verdict(now))
					}
				}
			}
		}
	}
}

func (s span) verdict(now float64) string {
	switch {
	case s.nbf == nil || s.exp == nil:
		return "times"
	case now >= *s.exp+300:
		return "expired"
	case now < *s.nbf-300:
		return "not yet valid"
	default:
		return ""
	}
}

func TestW04W05W06AudienceIssuerAndTenant(t *testing.T) {
	for _, row := range []struct {
		claim string
		value any
		want  string
	}{
		{"aud", strings.ToUpper(testApp), ""},
		{"aud", []string{otherGUID, testApp}, ""},
		{"aud", nil, "audience"},
		{"aud", "", "audience"},
		{"aud", []string{}, "audience"},
		{"aud", []any{testApp, 7}, "audience"},
		{"aud", map[string]string{"a": testApp}, "audience"},
		{"aud", "api://" + testApp, "audience"},
		{"aud", "api://botid-" + testApp, "audience"},
		{"aud", testApp + " ", "audience"},
		{"aud", strings.ReplaceAll(testApp, "-", ""), "audience"},
		{"aud", otherGUID, "audience"},
		{"aud", "https://api.botframework.com", "audience"}, // a meeting-join token, signed with the same keys

		{"iss", "https://graph.microsoft.com", ""},
		{"iss", "https://api.botframework.com/", ""},
		{"iss", "https://api.botframework.com//", "issuer"},
		{"iss", "http://api.botframework.com", "issuer"},
		{"iss", "HTTPS://api.botframework.com", "issuer"},
		{"iss", "https://api.botframework.com.evil.example", "issuer"},
		{"iss", "https://api.botframework.com/x", "issuer"},
		{"iss", "https://api.bοtframework.com", "issuer"}, // a Greek omicron
		{"iss", "https://api.botframework.us", "issuer"},
		{"iss", "https://api.botframework.com.", "issuer"},
		{"iss", "https://api.botframework.com:443", "issuer"},
		{"iss", "https://evil.example/https://api.botframework.com", "issuer"},
		{"iss", "https://API.botframework.com", "issuer"},
		{"iss", "/", "issuer"},
		{"iss", "", "issuer"},
		{"iss", nil, "issuer"},
		{"iss", []string{issuerBot}, "issuer"},

		{"tid", nil, "tenant"},
		{"tid", "", "tenant"},
		{"tid", "common", "tenant"},
		{"tid", "../" + testTenant[3:], "tenant"},
		{"tid", testTenant + "/", "tenant"},
		{"tid", strings.ReplaceAll(testTenant, "-", "0"), "tenant"},
		{"tid", []string{testTenant}, "tenant"},
		{"tid", otherGUID, "tenant"}, // not allowed
	} {
		a := heldAuthenticator(t, atIssue, microsoft())
		a.rules.tenants = map[string]struct{}{testTenant: {}}
		token := microsoft().token(issuedAt, map[string]any{row.claim: row.value})
		if _, err := a.Authenticate(t.Context(), withToken(token)); reasonOf(t, err) != row.want {
			t.Errorf("%s=%v: %v, want %q", row.claim, row.value, err, row.want)
		}
	}
}

func TestW07DuplicateMembersAreRefusedInAnyLetterCase(t *testing.T) {
	a := heldAuthenticator(t, atIssue, microsoft())
	claims := strings.TrimSuffix(genuineClaims(), "}")
	for _, extra := range []string{
		`"aud":"x"`, `"AUD":"x"`, `"Aud":"` + testApp + `"`, `"exp":1`, `"EXP":1`, `"nbf":1`, `"Nbf":1`, `"iss":"x"`, `"ISS":"x"`, `"tid":"x"`,
		`"tId":"x"`, `"i\u0073s":"x"`, `"iſs":"x"`, `"a":1,"a":1`,
	} {
		token := microsoft().sign(microsoft().header(), claims+","+extra+"}")
		if _, err := a.Authenticate(t.Context(), withToken(token)); reasonOf(t, err) != "duplicate member" {
			t.Errorf("%s: %v", extra, err)
		}
	}
	header := strings.TrimSuffix(microsoft().header(), "}")
	for _, extra := range []string{`"alg":"RS256"`, `"ALG":"none"`, `"kid":"ms-1"`, `"KID":"x"`} {
		if _, err := a.Authenticate(t.Context(), withToken(microsoft().sign(header+","+extra+"}", genuineClaims()))); reasonOf(t, err) != "duplicate member" {
			t.Errorf("header %s: %v", extra, err)
		}
	}
	// The planted bug: an ordinary decoder takes the last one and sees nothing wrong.
	var naive struct{ Aud string }
	if err := json.Unmarshal([]byte(strings.TrimSuffix(genuineClaims(), "}")+`,"AUD":"x"}`), &naive); err != nil || naive.Aud != "x" {
		t.Errorf("encoding/json: %q, %v; expected it to fall for the duplicate", naive.Aud, err)
	}
}

func TestW08ExtensionsAreRefusedAndKeyHintsNeverFetched(t *testing.T) {
	var connections atomic.Int32
	hinted := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { connections.Add(1) }))
	defer hinted.Close()
	a := heldAuthenticator(t, atIssue, microsoft())
	for extra, want := range map[string]string{
		`"crit":["exp"]`: "header", `"crit":[]`: "header", `"crit":null`: "header", `"Crit":1`: "header", `"zip":"DEF"`: "header",
		`"b64":false`: "header", `"enc":"A256GCM"`: "header", `"cty":"JWT"`: "", `"typ":"at+jwt"`: "",
		fmt.Sprintf(`"jku":%q`, hinted.URL): "", fmt.Sprintf(`"x5u":%q`, hinted.URL): "", `"jwk":` + forger().jwk(): "",
	} {
		token := microsoft().sign(`{"alg":"RS256","kid":"ms-1",`+extra+`}`, genuineClaims())
		if _, err := a.Authenticate(t.Context(), withToken(token)); reasonOf(t, err) != want {
			t.Errorf("%s: %v, want %q", extra, err, want)
		}
	}
	own := forger().sign(`{"alg":"RS256","kid":"ms-1","jwk":`+forger().jwk()+`}`, genuineClaims())
	if _, err := a.Authenticate(t.Context(), withToken(own)); reasonOf(t, err) != "signature" {
		t.Errorf("a token that brings its own key: %v", err)
	}
	if _, err := a.Authenticate(t.Context(), withToken("a.b.c.d.e")); reasonOf(t, err) != "framing" {
		t.Errorf("five parts: %v", err)
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections to the hinted URL", n)
	}
	// The planted bug: somebody who does follow a hint is seen.
	if resp, err := hinted.Client().Get(hinted.URL); err != nil || resp.Body.Close() != nil || connections.Load() != 1 {
		t.Errorf("a fetch of the hinted URL was not counted: %v", err)
	}
}

func TestW04OtherAudiencesAreAcceptedOnlyWhereSettingsSaySo(t *testing.T) {
	const newer = "api://botid-" + testApp
	for _, audiences := range [][]string{nil, {newer}} {
		a := heldAuthenticator(t, atIssue, microsoft())
		rules, err := newClaimRules(AuthenticatorOptions{AppID: testApp, Issuers: []string{issuerBot}, Audiences: audiences})
		if err != nil {
			t.Fatal(err)
		}
		a.rules = rules
		for aud, want := range map[string]bool{testApp: true, newer: audiences != nil, strings.ToUpper(newer): audiences != nil, "api://botid-" + otherGUID: false, "": false} {
			_, err := a.Authenticate(t.Context(), withToken(microsoft().token(issuedAt, map[string]any{"aud": aud})))
			if (err == nil) != want {
				t.Errorf("%q with %v allowed: %v", aud, audiences, err)
			}
		}
	}
	if _, err := newClaimRules(AuthenticatorOptions{AppID: testApp, Issuers: []string{issuerBot}, Audiences: []string{" "}}); err == nil {
		t.Error("a blank audience was taken")
	}
}

func TestW09HeaderFraming(t *testing.T) {
	a := heldAuthenticator(t, atIssue, microsoft())
	good := microsoft().token(issuedAt, nil)
	for name, lines := range map[string][]string{
		"none": {}, "empty": {""}, "two": {"Bearer " + good, "Bearer " + good}, "scheme only": {"Bearer"}, "blank token": {"Bearer "},
		"basic": {"Basic " + good}, "no scheme": {good}, "lower case scheme": {"bearer " + good}, "two blanks": {"Bearer  " + good}, "tab": {"Bearer\t" + good},
		"leading blank": {" Bearer " + good}, "trailing blank": {"Bearer " + good + " "}, "newline": {"Bearer " + good + "\n"},
		"comma list": {"Bearer " + good + ", Bearer " + good}, "padding": {"Bearer " + good + "="}, "standard base64": {"Bearer " + good[:len(good)-1] + "+"},
		"two parts": {"Bearer " + good[:strings.LastIndexByte(good, '.')]}, "four parts": {"Bearer " + good + ".AA"},
		"empty claims": {"Bearer a..c"}, "dots": {"Bearer ..."}, "non-ascii": {"Bearer " + good + "é"},
		"8 KiB and more": {"Bearer " + good + strings.Repeat("A", maxAuthorization)}, "header is no JSON": {"Bearer AAAA.AAAA.AAAA"},
		"header is a list": {"Bearer " + b64([]byte(`[]`)) + ".AA.AA"}, "header too deep": {"Bearer " + b64([]byte(strings.Repeat("[", 99))) + ".AA.AA"},
	} {
		if _, err := a.Authenticate(t.Context(), http.Header{"Authorization": lines}); reasonOf(t, err) != "framing" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := a.Authenticate(t.Context(), http.Header{"Authentication": {"Bearer " + good}}); err == nil {
		t.Error("the misspelt header of a docs sample was accepted")
	}
}

func TestW09AMegabyteOfDotsCostsNothing(t *testing.T) {
	a := heldAuthenticator(t, atIssue, microsoft())
	h := withToken(strings.Repeat(".", 1<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	_, err := a.Authenticate(t.Context(), h)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	if reasonOf(t, err) != "framing" || after.TotalAlloc-before.TotalAlloc > 64<<10 {
		t.Errorf("%v, %d bytes allocated, %s", err, after.TotalAlloc-before.TotalAlloc, took)
	}
}

func TestW14BlankSettingsAreAllNamedAtOnce(t *testing.T) {
	_, err := NewAuthenticator(AuthenticatorOptions{Issuers: []string{" "}, AllowedTenants: []string{"contoso"}})
	for _, want := range []string{"client-id", "webhook-issuers", "metadata url: blank", "allowed-tenants"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if _, err := NewAuthenticator(AuthenticatorOptions{MetadataURL: "https://k.example/m", AppID: testApp}); err == nil {
		t.Error("no issuers at all were accepted")
	}
	for _, url := range []string{"http://k.example/m", "k.example/m", "https://u:p@k.example/m", "https:///m", "https://k.example/m?a=b", "https://k.example/m#f"} {
		if _, err := NewAuthenticator(AuthenticatorOptions{MetadataURL: url, AppID: testApp, Issuers: []string{issuerBot}}); err == nil {
			t.Errorf("metadata URL %s was accepted", url)
		}
	}
}

func TestATokenErrorNeverHoldsTheToken(t *testing.T) {
	a := heldAuthenticator(t, atIssue, microsoft())
	token := microsoft().token(issuedAt, map[string]any{"aud": "canary-audience", "iss": "canary-issuer"})
	_, err := a.Authenticate(t.Context(), withToken(token))
	if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), token[:8]) {
		t.Errorf("got %v", err)
	}
	if errors.Is(err, ErrNoKeys) {
		t.Error("a bad token is no lack of keys")
	}
}
