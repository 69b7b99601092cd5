package graph

import "strings"

// ValidCallID is the only judge of call ids: 1 to 64 ASCII letters, digits and dashes. Graph sends GUIDs, with
// dashes in lower case or without in upper case; an id is opaque and goes back as it came, so nothing that
// could mean something in a URL may pass.
func ValidCallID(id string) bool {
	if len(id) < 1 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; !alphanumeric(c) && c != '-' {
			return false
		}
	}
	return true
}

// CallKey is the form in which two spellings of one call id are equal: lower case, no dashes. It is for
// comparing only; Graph is asked with the id as received.
func CallKey(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// isGUID accepts the one form Entra uses for tenants, 8-4-4-4-12 hex digits in any case.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && strings.IndexByte("0123456789abcdefABCDEF", s[i]) < 0 {
			return false
		}
	}
	return true
}

// word keeps a short code or id from outside only if it is one plain word, else nothing: such words end in
// logs and on screens.
func word(s string) string {
	if len(s) > 64 {
		return ""
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && strings.IndexByte("-_.", c) < 0 {
			return ""
		}
	}
	return s
}
