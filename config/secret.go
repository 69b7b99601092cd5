package config

import (
	"fmt"
	"io"
	"log/slog"
)

// A Secret is text that must not be seen: a password, a token, an address that
// may hold a password. However it is printed, logged or encoded, a placeholder
// comes out; only Reveal gives the text.
//
// Two places do not ask a type what it is: package fmt in an unexported field,
// and encoding/json in the key of a map. Keep secrets out of both.
type Secret string

const (
	placeholder = "[secret]"
	noSecret    = "[not set]"
)

// Reveal is the text itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String is a placeholder that tells only whether there is a secret.
func (s Secret) String() string {
	if s == "" {
		return noSecret
	}
	return placeholder
}

// Format prints the placeholder whatever the verb, %#v, %q and %x included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is the placeholder; it serves JSON and TOML alike.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
