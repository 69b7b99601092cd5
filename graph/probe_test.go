package graph

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func probing(tokens TokenSource, answer step) (ClientOptions, *[]*http.Request) {
	var seen []*http.Request
	return ClientOptions{
		Root: "https://graph.example", Version: "v1.0", Tokens: tokens,
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			seen = append(seen, r)
			return answer(r)
		})},
	}, &seen
}

func TestProbeIsContentOnlyWhenGraphItselfKnowsNoSuchCall(t *testing.T) {
	page := func(code int) step {
		return func(*http.Request) (*http.Response, error) {
			return respond(code, "<html>CANARY</html>", "Content-Type", "text/html"), nil
		}
	}
	cut := errors.New("cut")
	for _, row := range []struct {
		name   string
		answer step
		want   error
	}{
		{"404 of Graph's", graphError(404, "8522"), nil},
		{"404 without a code", status(404), &UnreachableError{Status: 404, Err: ErrPage}},
		{"404 in a page", page(404), &UnreachableError{Status: 404, Err: ErrPage}},
		{"a page for an answer", page(200), &UnreachableError{Status: 200, Err: ErrPage}},
		{"a page without a type", func(*http.Request) (*http.Response, error) { return respond(200, "\r\n <!DOCTYPE html>"), nil }, &UnreachableError{Status: 200, Err: ErrPage}},
		{"a firewall's no", page(403), &UnreachableError{Status: 403, Err: ErrPage}},
		{"a gateway", page(502), &UnreachableError{Status: 502}},
		{"a redirect", page(302), &RefusedError{Status: 302}},
		{"no such app", graphError(403, "7503"), &RefusedError{403, "7503", "r-1"}},
		{"no consent", graphError(403, "7504"), &RefusedError{403, "7504", "r-1"}},
		{"wrong tenant", graphError(403, "7505"), &RefusedError{403, "7505", "r-1"}},
		{"trouble", graphError(500, "9999"), &RefusedError{500, "9999", "r-1"}},
		{"a call", status(200), &RefusedError{Status: 200}},
		{"no good token", graphError(401, "InvalidAuthenticationToken"), &UnauthorizedError{Status: 401, Code: "InvalidAuthenticationToken", RequestID: "r-1"}},
		{"throttled", status(429, "Retry-After", "2.5"), &ThrottledError{RetryAfter: 2500 * time.Millisecond, HadRetryAfter: true}},
		{"no answer", broken(cut), &UnreachableError{}},
	} {
		o, seen := probing(&fakeTokens{}, row.answer)
		err := Probe(t.Context(), o)
		if got, want := fmt.Sprintf("%T %v", err, err), fmt.Sprintf("%T %v", row.want, row.want); row.name != "no answer" && got != want {
			t.Errorf("%s: %s, want %s", row.name, got, want)
		}
		if row.name == "no answer" && !errors.Is(err, cut) {
			t.Errorf("%s: %v", row.name, err)
		}
		if len(*seen) != 1 || (*seen)[0].Header.Get("Authorization") != "Bearer token-0" {
			t.Errorf("%s: %d requests", row.name, len(*seen))
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: the error repeats the answer: %v", row.name, err)
		}
	}
	o, seen := probing(&fakeTokens{err: errNoTokenYet}, graphError(404, "8522"))
	if err := Probe(t.Context(), o); !errors.Is(err, errNoTokenYet) || len(*seen) != 0 {
		t.Errorf("without a token: %v, %d requests", err, len(*seen))
	}
}

// The list of G-01 is widened by one GET for one id, and only for who asks with it.
func TestG01AProbeReadsTheOneCallThatCannotExist(t *testing.T) {
	o, seen := probing(&fakeTokens{}, graphError(404, "8522"))
	if err := Probe(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	first := (*seen)[0]
	if err := Probe(t.Context(), o); err != nil || (*seen)[1].URL.Path == first.URL.Path {
		t.Errorf("two probes ask for one call: %s, %v", first.URL.Path, err)
	}
	id := strings.TrimPrefix(first.URL.Path, "/v1.0/communications/calls/")
	allowed, err := AllowProbe("https://graph.example", "v1.0", id)
	if err != nil || !isGUID(id) {
		t.Fatalf("%q: %v", id, err)
	}
	if !allowed.permits(first) {
		t.Error("the probe itself is not permitted")
	}
	rejecting, err := AllowReject("https://graph.example", "v1.0")
	if err != nil || rejecting.permits(first) {
		t.Errorf("whoever rejects may read: %v", err)
	}
	for _, url := range []string{
		"https://graph.example/v1.0/communications/calls/" + testCall,
		"https://graph.example/v1.0/communications/calls/" + id + "/participants",
		"https://graph.example/v1.0/communications/calls/" + id + "?x=1",
		"https://graph.example/beta/communications/calls/" + id,
		"https://evil.example/v1.0/communications/calls/" + id,
		"http://graph.example/v1.0/communications/calls/" + id,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
			if err != nil || allowed.permits(r) {
				t.Errorf("%s %s is permitted, %v", method, url, err)
			}
		}
	}
}

func TestInspectKeysCountsTheUsableAndNamesTheOdd(t *testing.T) {
	set := `{"keys":[` + strings.Join([]string{
		microsoft().jwk(), microsoft().jwk(), `{"kty":"EC","kid":"curve"}`, weak().jwk(),
		strings.Replace(rolled().jwk(), `"use":"sig"`, `"use":"enc"`, 1), strings.Replace(rolled().jwk(), "ms-2", "a b", 1) + `,7`,
		strings.Replace(rolled().jwk(), `"kid":"ms-2"`, `"kid":"\u001b[31m"`, 1), strings.Replace(rolled().jwk(), `"kid":"ms-2",`, "", 1),
	}, ",") + `]}`
	inspect := func(document, keys *http.Response) (KeyReport, error) {
		return InspectKeys(t.Context(), metadataURL, &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.String() == metadataURL {
				return document, nil
			}
			return keys, nil
		})})
	}
	metadata := func() *http.Response { return respond(200, `{"jwks_uri":"`+keysURL+`"}`) }
	got, err := inspect(metadata(), respond(200, set))
	want := KeyReport{Usable: 4, Odd: []string{
		`key 3 (kid "curve"): it is not an RSA key`, `key 4 (kid "weak"): it has 1024 bits, and 2048 to 8192 are accepted`,
		`key 5 (kid "ms-2"): it is not for signatures`, `key 7 (kid ""): it is not an RSA key`,
		`key 9 (kid ""): its kid is missing or too long`,
	}}
	if err != nil || got.Usable != want.Usable || !slices.Equal(got.Odd, want.Odd) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if got, err := inspect(metadata(), respond(200, `{"keys":[]}`)); err != nil || got.Usable != 0 || got.Odd != nil {
		t.Errorf("no keys: %+v, %v", got, err)
	}
	for name, row := range map[string]struct {
		document, keys *http.Response
		want           string
	}{
		"a page for the document": {respond(200, "<html>"), nil, "metadata: a web page came"},
		"a page for the keys":     {metadata(), respond(200, "x", "Content-Type", "text/html"), "keys: a web page came"},
		"no such document":        {respond(404, ""), nil, "metadata: answered 404"},
		"keys elsewhere":          {respond(200, `{"jwks_uri":"https://evil.example/keys"}`), nil, "another host"},
		"keys in the clear":       {respond(200, `{"jwks_uri":"http://keys.example/keys"}`), nil, "not https"},
		"no JSON":                 {metadata(), respond(200, "keys"), "keys: not valid JSON"},
	} {
		if _, err := inspect(row.document, row.keys); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
	if _, err := InspectKeys(t.Context(), "http://keys.example/", nil); err == nil || !strings.Contains(err.Error(), "not https") {
		t.Errorf("metadata in the clear: %v", err)
	}
}
