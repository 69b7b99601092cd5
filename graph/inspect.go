package graph

import (
	"cmp"
	"encoding/base64"
	"errors"
	"strings"
	"time"
)

// TokenFacts is what an access token says about itself.
type TokenFacts struct {
	Tenant  string    // "tid"
	App     string    // "appid", or "azp" in tokens of version 2: the app it was issued to
	Roles   []string  // the application permissions that were granted; rejecting needs none
	Expires time.Time // zero if it does not say
}

// InspectToken reads a Graph access token for people: doctor shows which permissions were granted and to whom. Nothing
// decides by it, and no signature is checked, because to an app these tokens are opaque (Microsoft identity platform,
// access tokens); it may fail for a token that is good. No error and no fact repeats the token. The texts are Microsoft's,
// cut to plain words.
func InspectToken(token string) (TokenFacts, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return TokenFacts{}, errOpaque
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return TokenFacts{}, errOpaque
	}
	v, err := parseJSON(text)
	if err != nil || !v.is('{') {
		return TokenFacts{}, errOpaque
	}
	o, err := v.fields("tid", "appid", "azp", "roles", "exp")
	if err != nil {
		return TokenFacts{}, errOpaque
	}
	facts := TokenFacts{
		Tenant: word(o.get("tid").string()),
		App:    cmp.Or(word(o.get("appid").string()), word(o.get("azp").string())),
	}
	for role := range o.get("roles").items() {
		if w := word(role.string()); w != "" {
			facts.Roles = append(facts.Roles, w)
		}
	}
	facts.Expires, _ = numericDate(o.get("exp"))
	return facts, nil
}

var errOpaque = errors.New("the token cannot be read; to an app it need not be")
