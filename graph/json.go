package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Outside JSON is read here in two steps: parseJSON judges the whole text once (UTF-8, syntax, depth), then
// values are walked in place, without building a tree. So what a hostile text costs is bounded by its length,
// and a member can be seen twice, which a decoder into a struct or a map would hide: it takes the last.

const (
	maxDepth        = 64
	maxTokenMembers = 100 // comparing names pairwise must stay cheap; Graph's tokens have about ten
)

var (
	errJSON      = errors.New("not valid JSON")
	errUTF8      = errors.New("not valid UTF-8")
	errDepth     = errors.New("nested too deeply")
	errMembers   = errors.New("too many members")
	errDuplicate = errors.New("a member is present twice")
)

// value is one JSON value inside a text that parseJSON has accepted, without blanks around it.
type value []byte

// parseJSON judges a text that holds exactly one value. A UTF-8 byte order mark before it is tolerated.
func parseJSON(text []byte) (value, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(text) {
		return nil, errUTF8
	}
	// Depth first: it is one cheap pass, and the parser behind json.Valid then never sees a deep text.
	if tooDeep(text) {
		return nil, errDepth
	}
	if !json.Valid(text) {
		return nil, errJSON
	}
	return trim(text), nil
}

// tooDeep counts open brackets outside strings; on text that is not JSON its answer does not matter.
func tooDeep(text []byte) bool {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i) - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// stringEnd gives the index after the string that starts at i, or len(text) if it is not closed.
func stringEnd(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// valueEnd gives the index after the value that starts at i.
func valueEnd(text []byte, i int) int {
	if text[i] == '"' {
		return stringEnd(text, i)
	}
	if text[i] != '{' && text[i] != '[' {
		if n := bytes.IndexAny(text[i:], ",]} \t\r\n"); n >= 0 {
			return i + n
		}
		return len(text)
	}
	for depth := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

func trim(text []byte) value { return bytes.Trim(text, " \t\r\n") }

// is says what a value starts with: '{', '[', '"', 'n' and so on. A missing value is nothing.
func (v value) is(c byte) bool { return len(v) > 0 && v[0] == c }

// present is true for anything but a missing value and null.
func (v value) present() bool { return len(v) > 0 && v[0] != 'n' }

// text gives the content of a string; ok is false for everything else. A lone surrogate becomes U+FFFD.
func (v value) text() (s string, ok bool) {
	if !v.is('"') {
		return "", false
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1]), true
	}
	return s, json.Unmarshal(v, &s) == nil
}

// string is text, with "" for everything that is no string.
func (v value) string() string {
	s, _ := v.text()
	return s
}

// items walks an array; anything else has none.
func (v value) items() iter.Seq[value] {
	return func(yield func(value) bool) {
		if !v.is('[') {
			return
		}
		for rest := trim(v[1 : len(v)-1]); len(rest) > 0; {
			end := valueEnd(rest, 0)
			if !yield(rest[:end]) {
				return
			}
			rest = trim(bytes.TrimPrefix(trim(rest[end:]), []byte(",")))
		}
	}
}

// members walks an object in order, names as written; anything else has none.
func (v value) members() iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		if !v.is('{') {
			return
		}
		for rest := trim(v[1 : len(v)-1]); len(rest) > 0; {
			end := stringEnd(rest, 0)
			name := rest[:end].string()
			rest = trim(bytes.TrimPrefix(trim(rest[end:]), []byte(":")))
			end = valueEnd(rest, 0)
			if !yield(name, rest[:end]) {
				return
			}
			rest = trim(bytes.TrimPrefix(trim(rest[end:]), []byte(",")))
		}
	}
}

// object holds the members of one JSON object that somebody asked for, under the names asked for. A slice, because
// there are few and a hostile text may hold very many small objects.
type object []member

type member struct {
	name  string
	value value
}

// get gives a member's value, nil if it is not there.
func (o object) get(name string) value {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// has looks a name up in any letter case.
func (o object) has(name string) bool {
	return slices.ContainsFunc(o, func(m member) bool { return strings.EqualFold(m.name, name) })
}

// fields picks members by name in any letter case, as the services spell them in several ways. One of them
// present twice is an error: two readers would believe two different things. Other members may do as they like.
func (v value) fields(names ...string) (object, error) {
	var o object
	for name, val := range v.members() {
		i := slices.IndexFunc(names, equalFold(name))
		if i < 0 {
			continue
		}
		if o.get(names[i]) != nil {
			return nil, errDuplicate
		}
		o = append(o, member{names[i], val})
	}
	return o, nil
}

// strictObject takes all members of an object, names as written, and refuses any name that comes twice in any
// letter case, known or not. It is for tokens, where nobody has a reason to repeat one.
func (v value) strictObject() (object, error) {
	if !v.is('{') {
		return nil, errJSON
	}
	o := make(object, 0, 12)
	for name, val := range v.members() {
		if o.has(name) {
			return nil, errDuplicate
		}
		if len(o) >= maxTokenMembers {
			return nil, errMembers
		}
		o = append(o, member{name, val})
	}
	return o, nil
}

// equalFold compares with one name, in any letter case.
func equalFold(name string) func(string) bool {
	return func(other string) bool { return strings.EqualFold(name, other) }
}
