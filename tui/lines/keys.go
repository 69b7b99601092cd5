package lines

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Keys is keys that were bound anew, by action, as in the settings of the screen:
// the same key does the same in both. Of those only characters can be typed in a
// line; an action without one has its name, which every action has besides.
type Keys map[string][]string

// usual is the actions of lines and the keys that they have by themselves.
var usual = Keys{
	"busy": {"b", "B"}, "none": {"n", "N"}, "forbidden": {"f", "F"}, "undo": {"z", "Z"},
	"details": {"d"}, "list": {"l"}, "help": {"?", "h"}, "quit": {"q"},
}

// vocabulary is what can be typed, and what it does.
type vocabulary struct {
	actions map[string]string // by what is typed
	shown   map[string]string // what is named in explanations, by action
}

func newVocabulary(bound Keys) vocabulary {
	v := vocabulary{map[string]string{}, map[string]string{}}
	// A key that was given away means nothing here any more, least of all what it
	// meant before.
	given := func(action, key string) bool {
		for other, keys := range bound {
			for _, k := range keys {
				if other != action && k == key {
					return true
				}
			}
		}
		return false
	}
	for action, keys := range usual {
		if mine, anew := bound[action]; anew {
			if chars := typable(mine); len(chars) > 0 || acts(action) {
				keys = chars
			}
		}
		v.shown[action] = action
		for _, key := range slices.Backward(keys) { // the first is the one to name
			if !given(action, key) {
				v.actions[key], v.shown[action] = action, key
			}
		}
		v.actions[action] = action
	}
	return v
}

// acts reports whether an action does something about a call: such a one loses
// its usual key with the first that it is given, even if that cannot be typed.
func acts(action string) bool {
	return action == "busy" || action == "none" || action == "forbidden" || action == "undo"
}

// typable is the keys that are one character which a line can begin with.
func typable(keys []string) (chars []string) {
	for _, k := range keys {
		if r, n := utf8.DecodeRuneInString(k); n == len(k) && !unicode.IsDigit(r) && !unicode.IsSpace(r) {
			chars = append(chars, k)
		}
	}
	return chars
}

// action is what a typed word asks for; "" is nothing.
func (v vocabulary) action(word string) string {
	if a, ok := v.actions[word]; ok {
		return a
	}
	return v.actions[strings.ToLower(word)]
}

// help explains what can be typed.
func (v vocabulary) help() string {
	z := v.shown["undo"]
	b, n, f := v.shown["busy"], v.shown["none"], v.shown["forbidden"]
	return "type " + b + ", " + n + " or " + f + " and the number of a call to reject it as busy, none or forbidden, such as " + b + " 3\n" +
		"where the relay waits before it sends, type " + z + " to take your last decision back, or " + z + " and a number\n" +
		"type " + v.shown["details"] + " and a number for the details of a call, " + v.shown["list"] + " for the calls that wait, " + v.shown["quit"] + " to quit\n" +
		"do nothing and a call rings on until Graph ends it"
}
