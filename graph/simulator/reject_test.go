package simulator

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestTheFormOfARejectIsJudgedAsGraphDoes(t *testing.T) {
	s, _ := newWorld(t, Options{})
	for _, row := range []struct {
		body, contentType string
		want              int
	}{
		{`{"reason":"busy"}`, "application/json", 202},
		{`{"reason":"none"}`, "application/json; charset=utf-8", 202},
		{`{"reason":"Forbidden","callbackUri":"https://bot.example.com/api/calls"}`, "Application/JSON", 202},
		{`{"reason":"BUSY","callbackUri":null,"@odata.type":"#x"}`, "application/json", 202},
		{`{"reason":"rude"}`, "application/json", 400},
		{`{"reason":""}`, "application/json", 400},
		{`{"reason":null}`, "application/json", 400},
		{`{"reason":2}`, "application/json", 400},
		{`{"Reason":"busy"}`, "application/json", 400},
		{`{}`, "application/json", 400},
		{`null`, "application/json", 400},
		{`[]`, "application/json", 400},
		{``, "application/json", 400},
		{`{"reason":"busy"`, "application/json", 400},
		{`{"reason":"busy"}{}`, "application/json", 400},
		{`{"reason":"busy","force":true}`, "application/json", 400},
		{`{"reason":"busy","callbackUri":"http://bot.example.com/"}`, "application/json", 400},
		{`{"reason":"busy","callbackUri":"/api/calls"}`, "application/json", 400},
		{`{"reason":"busy","callbackUri":7}`, "application/json", 400},
		{`{"reason":"busy"}`, "", 400},
		{`{"reason":"busy"}`, "text/plain", 415},
		{`{"reason":"busy"}`, "application/json; charset=utf-16", 415},
		{strings.Repeat(" ", maxRejectBody+1), "application/json", 413},
	} {
		id := place(t, s, CallSpec{Kind: "user"})
		r := rejectRequest(s, id, row.body)
		r.Header.Set("Content-Type", row.contentType)
		if row.contentType == "" {
			r.Header.Del("Content-Type")
		}
		a := send(t, s, r)
		if a.StatusCode != row.want {
			t.Errorf("%.60s (%s): %d %s, want %d", row.body, row.contentType, a.StatusCode, a.body, row.want)
		}
		rejections := s.Rejections()
		if rec := rejections[len(rejections)-1]; rec.CallID != id || rec.Status != row.want || rec.Accepted != (row.want == 202) {
			t.Errorf("%.60s: on record %+v", row.body, rec)
		}
	}
}

func TestTheBearerOfARejectIsJudgedAsGraphDoes(t *testing.T) {
	s, _ := newWorld(t, Options{})
	sign := func(k *entraKey, tenant, audience string) string {
		text, err := k.token(tenant, s.opts.AppID, audience, grantedRoles)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + text
	}
	own, other := "https://"+testHost, "1b7d3c52-9e0f-4a68-8d15-3f2a6c9b0e71"
	stranger, err := newEntraKey()
	if err != nil {
		t.Fatal(err)
	}
	unsigned, _ := jwt.NewWithClaims(jwt.SigningMethodNone, accessClaims{Tenant: s.opts.TenantID}).
		SignedString(jwt.UnsafeAllowNoneSignatureType)
	for name, row := range map[string]struct {
		header []string
		want   int
		code   string
	}{
		"right":              {[]string{sign(s.entra, s.opts.TenantID, own)}, 202, ""},
		"other loopback":     {[]string{sign(s.entra, s.opts.TenantID, "https://localhost:9443")}, 202, ""},
		"for Microsoft":      {[]string{sign(s.entra, s.opts.TenantID, "https://graph.microsoft.com")}, 202, ""},
		"none":               {nil, 401, "InvalidAuthenticationToken"},
		"two":                {[]string{sign(s.entra, s.opts.TenantID, own), sign(s.entra, s.opts.TenantID, own)}, 401, ""},
		"another scheme":     {[]string{"Basic " + bearer(s)}, 401, ""},
		"nothing":            {[]string{"Bearer "}, 401, ""},
		"rubbish":            {[]string{"Bearer abc.def.ghi"}, 401, ""},
		"unsigned":           {[]string{"Bearer " + unsigned}, 401, ""},
		"another key":        {[]string{sign(stranger, s.opts.TenantID, own)}, 401, "signature"},
		"another audience":   {[]string{sign(s.entra, s.opts.TenantID, "https://vault.example.com")}, 401, "audience"},
		"another port":       {[]string{sign(s.entra, s.opts.TenantID, "https://127.0.0.1:1")}, 401, "audience"},
		"another tenant":     {[]string{sign(s.entra, other, own)}, 403, "7505"},
		"a callback's token": {[]string{"Bearer " + s.Sign(nil)}, 401, ""},
	} {
		r := rejectRequest(s, place(t, s, CallSpec{Kind: "user"}), busy)
		r.Header["Authorization"] = row.header
		a := send(t, s, r)
		rejections := s.Rejections()
		rec := rejections[len(rejections)-1]
		if a.StatusCode != row.want || !strings.Contains(a.body, row.code) || rec.BearerValid != (row.want != 401) {
			t.Errorf("%s: %d %s, bearer valid %v", name, a.StatusCode, a.body, rec.BearerValid)
		}
		if row.want == 401 && a.Header.Get("Www-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
}

func TestAnExpiredBearerIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newWorld(t, Options{RingTimeout: 3 * time.Hour})
		r := rejectRequest(s, place(t, s, CallSpec{Kind: "user"}), busy)
		time.Sleep(accessLife + time.Second)
		if a := send(t, s, r); a.StatusCode != 401 || !strings.Contains(a.body, "expired") {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	})
}

func TestIdsAreComparedWithoutDashesAndCase(t *testing.T) {
	s, _ := newWorld(t, Options{})
	for i, form := range []func(string) string{
		strings.ToUpper, strings.ToLower, func(id string) string { return strings.ReplaceAll(id, "-", "") },
	} {
		id := place(t, s, CallSpec{Kind: "user"})
		if a := send(t, s, rejectRequest(s, form(id), busy)); a.StatusCode != 202 {
			t.Errorf("form %d: %d", i, a.StatusCode)
		}
	}
	if a := send(t, s, rejectRequest(s, "..%2f..%2fusers", busy)); a.StatusCode != 404 {
		t.Errorf("a path for an id: %d", a.StatusCode)
	}
}

func TestBetaAndV1AnswerAndOtherPathsDoNot(t *testing.T) {
	s, _ := newWorld(t, Options{})
	for path, want := range map[string]int{
		"/beta/communications/calls/%s/reject":                 202,
		"/v1.0/communications/calls/%s/reject":                 202,
		"/beta/app/calls/%s/reject":                            400,
		"/v1.0/communications/calls/%s/answer":                 400,
		"/v1.0/communications/calls/%s/microsoft.graph.reject": 400,
		"/v2.0/communications/calls/%s/reject":                 404,
	} {
		id := place(t, s, CallSpec{Kind: "user"})
		r := request(http.MethodPost, fmt.Sprintf(path, id), busy)
		r.Header.Set("Authorization", "Bearer "+bearer(s))
		if a := send(t, s, r); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
		}
	}
	if got := s.Rejections(); len(got) != 2 {
		t.Errorf("%d rejects on record, want the 2 at their paths", len(got))
	}
}

func TestGetTellsARingingCallFromAnEndedOne(t *testing.T) {
	s, _ := newWorld(t, Options{})
	id := place(t, s, CallSpec{Kind: "phone", Number: "+14255550100"})
	get := func(authorization string) answered {
		r := request(http.MethodGet, "/v1.0/communications/calls/"+id, "")
		r.Header.Set("Authorization", authorization)
		return send(t, s, r)
	}
	if a := get("Bearer " + bearer(s)); a.StatusCode != 200 || !strings.Contains(a.body, "+14255550100") {
		t.Errorf("ringing: %d %s", a.StatusCode, a.body)
	}
	if a := get("Bearer x"); a.StatusCode != 401 {
		t.Errorf("bad bearer: %d", a.StatusCode)
	}
	send(t, s, rejectRequest(s, id, busy))
	if a := get("Bearer " + bearer(s)); a.StatusCode != 404 || !strings.Contains(a.body, "8522") {
		t.Errorf("rejected: %d %s", a.StatusCode, a.body)
	}
}

func FuzzReject(f *testing.F) {
	f.Add("application/json", []byte(busy))
	f.Add("application/json;charset=UTF-8", []byte(`{"reason":"None","callbackUri":"https://x/"}`))
	f.Add("", []byte("{}"))
	f.Add("text/plain; =", []byte(`{"reason":["busy"]}`))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		reason, v := judgeReject(contentType, body)
		if v.status == 0 && !isReason(reason) {
			t.Errorf("%q was taken with reason %q", body, reason)
		}
		if v.status != 0 && (v.status < 400 || v.status > 499 || v.code == "") {
			t.Errorf("%q is answered %+v", body, v)
		}
	})
}
