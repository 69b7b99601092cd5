package graph

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
)

const maxAuthorization = 8 << 10 // bytes of the header's value; Graph's tokens have about 1,200

// bearer takes the token out of the headers, judging only its form (W-09): exactly one Authorization header of
// at most 8 KiB, "Bearer", one blank, three parts of unpadded base64url. Length is looked at first and parts
// are cut, not split, so a megabyte of dots costs nothing.
func bearer(h http.Header) (parts [3]string, err error) {
	lines := h.Values("Authorization")
	if len(lines) == 0 {
		return parts, refuse("framing", "there is no Authorization header")
	}
	if len(lines) > 1 {
		return parts, refuse("framing", "there is more than one Authorization header")
	}
	if len(lines[0]) > maxAuthorization {
		return parts, refuse("framing", "the Authorization header is longer than 8 KiB")
	}
	token, ok := strings.CutPrefix(lines[0], "Bearer ")
	if !ok {
		return parts, refuse("framing", "the Authorization header is not a bearer token")
	}
	parts[0], token, _ = strings.Cut(token, ".")
	parts[1], parts[2], _ = strings.Cut(token, ".")
	for _, p := range parts {
		if !base64url(p) { // a fourth or fifth part (JWE) shows as a dot in the third
			return parts, refuse("framing", "the bearer token is not three parts of base64url")
		}
	}
	return parts, nil
}

func base64url(s string) bool {
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// joseHeader judges the first part and gives the kid. The header never chooses the algorithm (W-02): it must
// say RS256, the only one we check. "cty":"JWT" is normal in Graph's tokens although nothing is nested; "jku",
// "jwk", "x5u" and "x5c" are ignored (W-08).
func joseHeader(part string) (kid string, err error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return "", refuse("framing", "the token's header is not base64url")
	}
	o, err := tokenObject(text, "header")
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc([]string{"crit", "zip", "enc", "b64"}, o.has) {
		return "", refuse("header", "the token's header asks for an extension that Microsoft's tokens do not use")
	}
	if o.get("alg").string() != "RS256" {
		return "", refuse("algorithm", "the token is not signed with RS256")
	}
	if kid = o.get("kid").string(); kid == "" || len(kid) > maxKidLength {
		return "", refuse("unknown key", "the token does not name its key")
	}
	return kid, nil
}

// tokenObject reads header or claims as an object in which no name comes twice in any letter case (W-07).
func tokenObject(text []byte, part string) (object, error) {
	v, err := parseJSON(text)
	if err != nil {
		return nil, refuse("framing", "the token's "+part+" is not a JSON object")
	}
	o, err := v.strictObject()
	switch {
	case err == nil:
		return o, nil
	case errors.Is(err, errDuplicate):
		return nil, refuse("duplicate member", "the token's "+part+" has a member twice")
	default:
		return nil, refuse("framing", "the token's "+part+" is not a JSON object of sensible size")
	}
}
