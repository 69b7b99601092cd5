package graph

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

const clockLeeway = 5 * time.Minute // Microsoft's libraries

// claimRules is what the payload of a token with a good signature must say.
type claimRules struct {
	issuers   []string            // one trailing slash already dropped
	audiences []string            // our client id, and others that settings allow
	tenants   map[string]struct{} // lower case; empty: any
}

// judge checks times, issuer, audience and tenant, in this order, and gives the sender.
func (r claimRules) judge(part string, now time.Time) (Sender, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return Sender{}, refuse("framing", "the token's claims are not base64url")
	}
	o, err := tokenObject(text, "claims")
	if err != nil {
		return Sender{}, err
	}
	if err := cmp.Or(judgeTimes(o, now), r.judgeIssuer(o), r.judgeAudience(o)); err != nil {
		return Sender{}, err
	}
	tenant := strings.ToLower(o.get("tid").string())
	if !isGUID(tenant) {
		return Sender{}, refuse("tenant", "the token names no tenant")
	}
	if _, ok := r.tenants[tenant]; !ok && len(r.tenants) > 0 {
		return Sender{}, refuse("tenant", "the token is for a tenant that is not allowed")
	}
	return Sender{Tenant: tenant}, nil
}

// judgeTimes requires exp and nbf. A token is good while nbf - 5 min <= now < exp + 5 min. "iat" is optional and
// decides nothing.
func judgeTimes(o object, now time.Time) error {
	exp, okExp := numericDate(o.get("exp"))
	nbf, okNbf := numericDate(o.get("nbf"))
	switch {
	case !okExp || !okNbf:
		return refuse("times", "the token has no usable exp and nbf")
	case !now.Before(exp.Add(clockLeeway)):
		return refuse("expired", "the token has expired (or the clock here is wrong)")
	case now.Before(nbf.Add(-clockLeeway)):
		return refuse("not yet valid", "the token is not valid yet (or the clock here is wrong)")
	}
	return nil
}

// numericDate reads RFC 7519 seconds, with a fraction if there is one. Times before 1970 or beyond the year 9999
// are nonsense, not dates.
func numericDate(v value) (time.Time, bool) {
	const year9999 = 253402300799
	if len(v) == 0 || v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		return time.Time{}, false
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f < 0 || f > year9999 {
		return time.Time{}, false
	}
	sec := int64(f)
	return time.Unix(sec, int64((f-float64(sec))*1e9)), true
}

// judgeIssuer compares exactly; one trailing slash is tolerated because government tokens were seen with it.
func (r claimRules) judgeIssuer(o object) error {
	iss, ok := o.get("iss").text()
	if !ok || !slices.Contains(r.issuers, strings.TrimSuffix(iss, "/")) {
		return refuse("issuer", "the token has another issuer")
	}
	return nil
}

// judgeAudience wants our app id, or what settings allow beside it, alone or in a list. It is a real check: tokens for joining a meeting are signed
// with the same keys and travel in notifications, for another audience (W-04).
func (r claimRules) judgeAudience(o object) error {
	aud := o.get("aud")
	mine := slices.ContainsFunc(r.audiences, equalFold(aud.string()))
	for item := range aud.items() {
		s, ok := item.text()
		if !ok {
			return refuse("audience", "the token's audience is malformed")
		}
		mine = mine || slices.ContainsFunc(r.audiences, equalFold(s))
	}
	if !mine {
		return refuse("audience", "the token is for somebody else")
	}
	return nil
}
