package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// faulty lets one fault happen from now on.
func faulty(t *testing.T, s *Simulator, fault string) {
	t.Helper()
	if err := s.SetFaults(Faults{Rules: []FaultRule{{Fault: fault}}}); err != nil {
		t.Fatal(err)
	}
}

// signInTo asks for a token as a bot does.
func signInTo(t *testing.T, s *Simulator) answered {
	t.Helper()
	r := request(http.MethodPost, "/"+DemoTenantID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {DemoAppID}, "client_secret": {DemoSecret},
		"scope": {"https://" + testHost + "/.default"},
	}.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(t, s, r)
}

func TestSignInIsSpoiledOnDemand(t *testing.T) {
	s, _ := newWorld(t, Options{})
	claims := func() (c accessClaims) {
		t.Helper()
		var body struct {
			Token string `json:"access_token"`
		}
		a := signInTo(t, s)
		if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		if _, _, err := jwt.NewParser().ParseUnverified(body.Token, &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := claims(); c.Tenant != DemoTenantID || len(c.Roles) != 2 {
		t.Errorf("unspoiled: %+v", c)
	}
	faulty(t, s, "no-roles")
	if c := claims(); c.Tenant != DemoTenantID || len(c.Roles) != 0 {
		t.Errorf("no-roles: %+v", c)
	}
	faulty(t, s, "foreign-token")
	if c := claims(); c.Tenant == DemoTenantID || c.Tenant == "" {
		t.Errorf("foreign-token: %+v", c)
	}
	faulty(t, s, "secret-expired")
	if a := signInTo(t, s); a.StatusCode != 401 || !strings.Contains(a.body, "7000222") {
		t.Errorf("secret-expired: %d %s", a.StatusCode, a.body)
	}
	faulty(t, s, "token-page")
	if a := signInTo(t, s); a.StatusCode != 200 || !strings.HasPrefix(a.body, "<!DOCTYPE html>") {
		t.Errorf("token-page: %d %s", a.StatusCode, a.body)
	}
}

func TestKeysAreSpoiledOnDemand(t *testing.T) {
	s, _ := newWorld(t, Options{})
	kids := func() []string {
		t.Helper()
		var set struct{ Keys []jwk }
		if err := json.Unmarshal([]byte(send(t, s, request(http.MethodGet, "/v1/keys", "")).body), &set); err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, k := range set.Keys {
			list = append(list, k.Kid)
		}
		return list
	}
	good := s.signingKey().kid
	for fault, want := range map[string]string{
		"lost":          good,
		"keys-odd":      good + " odd-curve odd-purpose odd-short",
		"keys-unusable": "odd-curve odd-purpose odd-short",
		"keys-twin":     good + " " + good,
	} {
		faulty(t, s, fault)
		if got := strings.Join(kids(), " "); got != want {
			t.Errorf("%s: %s, want %s", fault, got, want)
		}
	}
	faulty(t, s, "keys-page")
	for _, path := range []string{"/v1/keys", "/v1/.well-known/OpenIdConfiguration"} {
		a := send(t, s, request(http.MethodGet, path, ""))
		if a.StatusCode != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("keys-page: %s: %d %s", path, a.StatusCode, a.Header)
		}
	}
}

func TestReadsOfCallsFailAsRejectsDo(t *testing.T) {
	s, _ := newWorld(t, Options{})
	read := func() answered {
		t.Helper()
		r := request(http.MethodGet, "/v1.0/communications/calls/11111111-2222-4333-8444-555555555555", "")
		r.Header.Set("Authorization", "Bearer "+bearer(s))
		return send(t, s, r)
	}
	if a := read(); a.StatusCode != 404 || !strings.Contains(a.body, "8522") {
		t.Errorf("without a fault: %d %s", a.StatusCode, a.body)
	}
	for fault, want := range map[string]tried{
		"not-registered": {status: 403, code: "7503"},
		"no-consent":     {status: 403, code: "7504"},
		"unauthorized":   {status: 401, code: "InvalidAuthenticationToken"},
		"error-502":      {status: 502, code: "<html>"},
		"redirect":       {status: 307},
		"page":           {status: 200, code: "<!DOCTYPE html>"},
	} {
		faulty(t, s, fault)
		if a := read(); a.StatusCode != want.status || !strings.Contains(a.body, want.code) {
			t.Errorf("%s: %d %s", fault, a.StatusCode, a.body)
		}
	}
	faulty(t, s, "reset-after")
	if a := read(); !a.aborted {
		t.Errorf("reset-after: %d %s", a.StatusCode, a.body)
	}
}

func TestTheClockOfTheOthersIsWrongOnDemand(t *testing.T) {
	s, _ := newWorld(t, Options{})
	faulty(t, s, "clock=12m")
	for _, path := range []string{"/v1/keys", "/" + DemoTenantID + "/v2.0/.well-known/openid-configuration", "/v1.0/nothing"} {
		at, err := http.ParseTime(send(t, s, request(http.MethodGet, path, "")).Header.Get("Date"))
		if ahead := time.Until(at); err != nil || ahead < 11*time.Minute+50*time.Second || ahead > 12*time.Minute {
			t.Errorf("%s: %v ahead, %v", path, ahead, err)
		}
	}
}

func TestWhoeverLosesHisWayIsRemembered(t *testing.T) {
	s, _ := newWorld(t, Options{})
	send(t, s, request(http.MethodGet, "/v1/keys", ""))
	if got := s.Strays(); len(got) != 0 {
		t.Errorf("%q", got)
	}
	for range 2 * maxStrays {
		send(t, s, request(http.MethodPost, "/v1.0/users/x/sendMail", "{}"))
	}
	if got := s.Strays(); len(got) != maxStrays || got[0] != "POST /v1.0/users/x/sendMail" {
		t.Errorf("%d, %q", len(got), got[0])
	}
}
