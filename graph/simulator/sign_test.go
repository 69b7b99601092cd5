package simulator

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

func TestACallbackTokenIsAsMicrosoftMakesThem(t *testing.T) {
	s, b := newWorld(t, Options{})
	text := s.Sign(map[string]any{"x": 1, "appid": nil})
	claims, err := b.verify(text)
	if err != nil {
		t.Fatal(err)
	}
	parsed, _, err := jwt.NewParser().ParseUnverified(text, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	h := parsed.Header
	if h["alg"] != "RS256" || h["typ"] != "JWT" || h["cty"] != "JWT" || h["kid"] == "" || h["kid"] != h["x5t"] {
		t.Errorf("header %v", h)
	}
	life := claims["exp"].(float64) - claims["nbf"].(float64)
	if life != 300 || claims["tid"] != DemoTenantID || claims["aud"] != DemoAppID || claims["x"] != 1.0 || has(claims, "appid") {
		t.Errorf("claims %v", claims)
	}
}

// forgeries are what a careful bot refuses: the tokens of rows W-01 to W-05.
var forgeries = map[string]SignOption{
	"Expired": Expired(), "NotYetValid": NotYetValid(), "WrongAudience": WrongAudience(), "WrongIssuer": WrongIssuer(),
	"Unsigned": Unsigned(), "SignedWithPublicKey": SignedWithPublicKey(), "Corrupted": Corrupted(), "Forged": Forged(),
	"UnknownKey": UnknownKey(), "no kid": WithHeader(map[string]any{"kid": nil}),
	"raw header": WithRawHeader(`{"alg":"RS256"}`), "raw claims": WithRawClaims(`{"exp":"soon"}`),
}

func TestEveryForgeryIsRefusedByACarefulBot(t *testing.T) {
	s, b := newWorld(t, Options{})
	for name, option := range forgeries {
		if _, err := b.verify(s.Sign(nil, option)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// The twin of the test above: each forgery passes a bot that lacks the one check it is made against, so
// none is refused for another reason than its own.
func TestEachForgeryPassesTheBotThatLacksItsCheck(t *testing.T) {
	s, b := newWorld(t, Options{})
	anything := func(key any) jwt.Keyfunc { return func(*jwt.Token) (any, error) { return key, nil } }
	strict := func(more ...jwt.ParserOption) []jwt.ParserOption {
		return append([]jwt.ParserOption{
			jwt.WithExpirationRequired(), jwt.WithIssuer(CallbackIssuer), jwt.WithAudience(DemoAppID),
		}, more...)
	}
	stranger, err := strangersKey()
	if err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) jwt.ParserOption {
		return jwt.WithTimeFunc(func() time.Time { return time.Now().Add(d) })
	}
	for name, lacking := range map[string]struct {
		key     jwt.Keyfunc
		options []jwt.ParserOption
	}{
		"Expired":             {b.key, strict(at(-time.Hour - time.Minute))},
		"NotYetValid":         {b.key, strict(at(time.Hour + time.Minute))},
		"WrongAudience":       {b.key, []jwt.ParserOption{jwt.WithIssuer(CallbackIssuer)}},
		"WrongIssuer":         {b.key, []jwt.ParserOption{jwt.WithAudience(DemoAppID)}},
		"Unsigned":            {anything(jwt.UnsafeAllowNoneSignatureType), strict()},
		"SignedWithPublicKey": {anything(publicPEM(s.signingKey())), strict()},
		"Forged":              {anything(stranger.private.Public()), strict()},
		"UnknownKey":          {anything(stranger.private.Public()), strict()},
		"no kid":              {anything(s.signingKey().private.Public()), strict()},
	} {
		if _, err := jwt.Parse(s.Sign(nil, forgeries[name]), lacking.key, lacking.options...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARolledKeyOverlapsTheOneBeforeIt(t *testing.T) {
	s, b := newWorld(t, Options{})
	first := s.Sign(nil)
	s.RollKey()
	second := s.Sign(nil)
	for _, text := range []string{first, second} {
		if _, err := b.verify(text); err != nil {
			t.Errorf("after one roll: %v", err)
		}
	}
	s.RollKey()
	if _, err := b.verify(first); err == nil || !strings.Contains(err.Error(), "unknown kid") {
		t.Errorf("after two rolls the first key: %v", err)
	}
	if _, err := b.verify(second); err != nil {
		t.Errorf("after two rolls the second key: %v", err)
	}
}
