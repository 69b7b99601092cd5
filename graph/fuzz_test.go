package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzWebhookBody(f *testing.F) {
	f.Add([]byte(incomingCall))
	f.Add([]byte(batchOf(created("/app/calls/a/participants", `[{"id":"x"}]`), "null")))
	f.Add([]byte(`{"callState":"incoming"}`))
	f.Add([]byte("\xef\xbb\xbf{\"value\":[{}]}"))
	f.Add([]byte(`{"value":[{"changeType":"deleted","resource":"//calls/x/calls/y?z"}]} `))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := Decode(body)
		if err == nil && len(body) > 0 && !json.Valid([]byte(strings.TrimPrefix(string(body), "\ufeff"))) {
			t.Errorf("read although it is not JSON: %q", body)
		}
		if _, ok := err.(*BodyError); err != nil && !ok { //nolint:errorlint // the exact type is the contract
			t.Errorf("%T", err)
		}
		for _, n := range b.Notifications {
			if !ValidCallID(n.CallID) || n.Sub != "" && n.Call != nil {
				t.Errorf("%+v", n)
			}
		}
		if len(b.Notifications)+len(b.Dropped) > maxItems || !utf8.ValidString(fmt.Sprintf("%+v", b)) {
			t.Errorf("%+v", b)
		}
	})
}

// FuzzWalk compares the walk in place with encoding/json: same members, same values.
func FuzzWalk(f *testing.F) {
	f.Add([]byte(` { "a" : [ 1 , "]\"}" , {} ] , "b\u0041" : -1.5e3 , "" : null , "c":{"d":[[]]} } `))
	f.Add([]byte(`[true,false,null,"x",1]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := parseJSON(text)
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(v, &members) == nil && v.is('{') {
			got := map[string]string{}
			for name, m := range v.members() {
				got[name] = string(m)
			}
			for name, want := range members {
				if got[name] != string(want) {
					t.Errorf("%q: %q, want %q", name, got[name], want)
				}
			}
			if len(got) != len(members) {
				t.Errorf("%d members, want %d", len(got), len(members))
			}
		}
		var items []json.RawMessage
		if json.Unmarshal(v, &items) == nil && v.is('[') {
			i := 0
			for item := range v.items() {
				if string(item) != string(items[i]) {
					t.Errorf("item %d: %q, want %q", i, item, items[i])
				}
				i++
			}
			if i != len(items) {
				t.Errorf("%d items, want %d", i, len(items))
			}
		}
	})
}

func FuzzAuthHeader(f *testing.F) {
	good := microsoft().token(issuedAt, nil)
	f.Add("Bearer " + good)
	f.Add("Bearer " + forger().token(issuedAt, nil))
	f.Add("Bearer a.b.c.d.e")
	f.Add("bearer " + b64([]byte(`{"alg":"none"}`)) + "." + b64([]byte(`{}`)) + ".")
	a := heldAuthenticator(f, atIssue, microsoft())
	f.Fuzz(func(t *testing.T, header string) {
		_, err := a.Authenticate(t.Context(), http.Header{"Authorization": {header}})
		if err == nil && header != "Bearer "+good {
			t.Errorf("accepted: %q", header)
		}
	})
}

func FuzzJWKS(f *testing.F) {
	f.Add([]byte(jwks(microsoft(), rolled())))
	f.Add([]byte(jwks(weak())))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"},null]}`))
	token := forger().token(issuedAt, nil)
	a := heldAuthenticator(f, atIssue, microsoft())
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeySet(text)
		if err != nil {
			return
		}
		for kid, list := range keys {
			for _, k := range list {
				if kid == "" || k.N.BitLen() < minKeyBits || k.E < 3 {
					t.Errorf("a key that is not usable under %q", kid)
				}
			}
		}
		a.ring.held.Store(&keySet{keys, atIssue()}) // whatever the set, checking with it must not panic
		_, _ = a.Authenticate(t.Context(), withToken(token))
	})
}

func FuzzCallID(f *testing.F) {
	for _, id := range badIDs {
		f.Add(id)
	}
	f.Add(testCall)
	f.Fuzz(func(t *testing.T, id string) {
		want := len(id) >= 1 && len(id) <= 64 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
		if ValidCallID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
		if got, _ := splitPath("/communications/calls/" + id); want && got != id {
			t.Errorf("%q: %q from its path", id, got)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"1", "2.128", "", "-1", "1e9", "Mon, 02 Jan 2006 15:04:05 GMT", "99999999999999999999999", ".", "1.2.3", "\x00"} {
		f.Add(s)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		wait, ok := retryAfter(s, now)
		if wait < 0 || wait > 24*time.Hour || !ok && wait != 0 {
			t.Errorf("%q: %s, %v", s, wait, ok)
		}
	})
}
