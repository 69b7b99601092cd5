package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrFrame says that a message is not one JSON object as this page describes it.
var ErrFrame = errors.New("wire: a frame is one JSON object, in UTF-8, no member twice")

// ParseFromConsole reads a frame of a console. Unknown members are ignored; a
// member that comes twice is not, in whatever letter case: what was judged by one
// reader could be carried out as the other.
func ParseFromConsole(raw []byte) (FromConsole, error) {
	var f FromConsole
	if !utf8.Valid(raw) || !object(raw) {
		return f, ErrFrame
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return f, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return f, nil
}

// object reports whether raw begins with an object whose members are each there once.
func object(raw []byte) bool {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		// As package json compares: U+017F is an s there, U+212A a k.
		name = strings.ToLower(strings.ToUpper(name))
		if err != nil || !ok || seen[name] {
			return false
		}
		seen[name] = true
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return false
		}
	}
	return true
}
