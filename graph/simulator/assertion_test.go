package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func certificateOf(t *testing.T, key *rsa.PrivateKey) *x509.Certificate {
	t.Helper()
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// proveWith asks for a token with an assertion and returns the status and the code of a refusal.
func proveWith(t *testing.T, s *Simulator, assertion string, change ...string) string {
	t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {DemoAppID}, "scope": {"https://" + testHost + "/.default"},
		"client_assertion_type": {assertionType}, "client_assertion": {assertion},
	}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	r := request(http.MethodPost, "/"+DemoTenantID+"/oauth2/v2.0/token", form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := send(t, s, r)
	_, code, _ := strings.Cut(a.body, "AADSTS")
	code, _, _ = strings.Cut(code, ":")
	return strings.TrimSpace(fmt.Sprint(a.StatusCode, " ", code))
}

func TestACertificatesAssertionIsJudgedByEveryClaim(t *testing.T) {
	key, other := keyPool()[0], keyPool()[1]
	cert := certificateOf(t, key)
	s, _ := newWorld(t, Options{Certificates: []*x509.Certificate{certificateOf(t, other), cert}})
	here := "https://" + testHost + "/" + DemoTenantID + "/oauth2/v2.0/token"
	sum256, sum1 := sha256.Sum256(cert.Raw), sha1.Sum(cert.Raw)
	type claims = jwt.MapClaims
	good := func() claims {
		return claims{"aud": here, "iss": DemoAppID, "sub": DemoAppID, "jti": "1", "nbf": time.Now().Unix(), "exp": time.Now().Add(10 * time.Minute).Unix()}
	}
	with := func(name string, value any) claims {
		c := good()
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return c
	}
	sign := func(method jwt.SigningMethod, header, value string, c claims, by any) string {
		token := jwt.NewWithClaims(method, c)
		if header != "" {
			token.Header[header] = value
		}
		text, err := token.SignedString(by)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	s256, s1 := base64.StdEncoding.EncodeToString(sum256[:]), base64.RawURLEncoding.EncodeToString(sum1[:])
	ps, rs := jwt.SigningMethodPS256, jwt.SigningMethodRS256
	for name, row := range map[string]struct{ assertion, want string }{
		"as MSAL signs":        {sign(ps, "x5t#S256", s256, good(), key), "200"},
		"in base64url":         {sign(ps, "x5t#S256", base64.RawURLEncoding.EncodeToString(sum256[:]), good(), key), "200"},
		"as older ones sign":   {sign(rs, "x5t", s1, good(), key), "200"},
		"for the issuer":       {sign(ps, "x5t#S256", s256, with("aud", "https://"+testHost+"/"+DemoTenantID+"/v2.0"), key), "200"},
		"without a thumbprint": {sign(ps, "", "", good(), key), "401 700211"},
		"unknown thumbprint":   {sign(ps, "x5t#S256", base64.StdEncoding.EncodeToString(make([]byte, 32)), good(), key), "401 700027"},
		"SHA-1 as SHA-256":     {sign(ps, "x5t#S256", s1, good(), key), "401 700027"},
		"another's key":        {sign(ps, "x5t#S256", s256, good(), other), "401 700027"},
		"another algorithm":    {sign(jwt.SigningMethodHS256, "x5t#S256", s256, good(), []byte("x")), "401 700027"},
		"unsigned":             {sign(jwt.SigningMethodNone, "x5t#S256", s256, good(), jwt.UnsafeAllowNoneSignatureType), "401 700027"},
		"expired":              {sign(ps, "x5t#S256", s256, with("exp", time.Now().Add(-time.Second).Unix()), key), "401 700024"},
		"never expiring":       {sign(ps, "x5t#S256", s256, with("exp", nil), key), "401 700024"},
		"not yet valid":        {sign(ps, "x5t#S256", s256, with("nbf", time.Now().Add(time.Hour).Unix()), key), "401 700024"},
		"for another tenant":   {sign(ps, "x5t#S256", s256, with("aud", strings.Replace(here, DemoTenantID, foreignTenants[0], 1)), key), "401 700023"},
		"for Graph":            {sign(ps, "x5t#S256", s256, with("aud", "https://"+testHost), key), "401 700023"},
		"of another app":       {sign(ps, "x5t#S256", s256, with("iss", foreignTenants[0]), key), "401 700021"},
		"about another app":    {sign(ps, "x5t#S256", s256, with("sub", foreignTenants[0]), key), "401 700021"},
		"no token":             {"x.y", "401 50027"},
		"empty":                {"", "401 50027"},
	} {
		if got := proveWith(t, s, row.assertion); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
	if got := proveWith(t, s, sign(ps, "x5t#S256", s256, good(), key), "client_assertion_type", "x"); got != "401 900144" {
		t.Errorf("of no type: %s", got)
	}
	if got := proveWith(t, s, "x.y", "client_secret", DemoSecret); got != "401 50027" {
		t.Errorf("a good secret beside a bad assertion: %s", got)
	}
	if got := proveWith(t, s, sign(ps, "x5t#S256", s256, good(), key), "scope", "https://evil.example/.default"); got != "400 500011" {
		t.Errorf("for another resource: %s", got)
	}
}

func TestAFederatedTokenMustBeOfTheIssuerSubjectAndAudienceThatAreTrusted(t *testing.T) {
	key := keyPool()[0]
	const issuer, subject = "https://cluster.example/", "system:serviceaccount:bots:reception"
	s, _ := newWorld(t, Options{Federation: &Federation{Issuer: issuer, Subject: subject, Key: key.Public()}})
	sign := func(by *rsa.PrivateKey, iss, sub, aud string, life time.Duration) string {
		text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
			Issuer: iss, Subject: sub, Audience: jwt.ClaimStrings{aud}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(life)),
		}).SignedString(by)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for name, row := range map[string]struct{ token, want string }{
		"trusted":          {sign(key, issuer, subject, DefaultAudience, time.Hour), "200"},
		"another issuer":   {sign(key, "https://cluster.example", subject, DefaultAudience, time.Hour), "401 700211"},
		"another subject":  {sign(key, issuer, strings.ToUpper(subject), DefaultAudience, time.Hour), "401 700213"},
		"another audience": {sign(key, issuer, subject, "https://cluster.example", time.Hour), "401 700212"},
		"another's key":    {sign(keyPool()[1], issuer, subject, DefaultAudience, time.Hour), "401 700027"},
		"expired":          {sign(key, issuer, subject, DefaultAudience, -time.Second), "401 700024"},
	} {
		if got := proveWith(t, s, row.token); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
	none, _ := newWorld(t, Options{})
	if got := proveWith(t, none, sign(key, issuer, subject, DefaultAudience, time.Hour)); got != "401 700211" {
		t.Errorf("where nobody is trusted: %s", got)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []Options{{Certificates: []*x509.Certificate{nil}}, {Federation: &Federation{Issuer: issuer, Key: curve.Public()}}, {Federation: &Federation{Issuer: issuer, Subject: subject}}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func TestTheEndpointOfManagedIdentitiesIsAppServices(t *testing.T) {
	s, _ := newWorld(t, Options{})
	const root = "https://" + testHost
	handler := s.IdentityEndpoint(root, "header-secret")
	ask := func(method, query, secret string) (int, string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "http://127.0.0.1/msi/token?"+query, nil)
		r.Header.Set("X-IDENTITY-HEADER", secret)
		handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	good := "api-version=2019-08-01&resource=" + url.QueryEscape(root)
	for name, row := range map[string]struct {
		method, query, secret string
		want                  int
	}{
		"system":          {http.MethodGet, good, "header-secret", 200},
		"user-assigned":   {http.MethodGet, good + "&client_id=" + DemoAppID, "header-secret", 200},
		"another's":       {http.MethodGet, good + "&client_id=" + DemoTenantID, "header-secret", 400},
		"no secret":       {http.MethodGet, good, "", 401},
		"wrong secret":    {http.MethodGet, good, "x", 401},
		"another version": {http.MethodGet, strings.Replace(good, "2019-08-01", "2017-09-01", 1), "header-secret", 400},
		"another API":     {http.MethodGet, "api-version=2019-08-01&resource=https://management.azure.com", "header-secret", 400},
		"a post":          {http.MethodPost, good, "header-secret", 405},
	} {
		status, body := ask(row.method, row.query, row.secret)
		if status != row.want || strings.Contains(body, "access_token") != (status == 200) {
			t.Errorf("%s: %d %s, want %d", name, status, body, row.want)
		}
	}
}
