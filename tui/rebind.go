package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/bubbles/v2/key"
)

// Keys is keys bound anew, as [ParseKeys] read and judged them. The zero value
// changes nothing.
type Keys struct{ bound map[string][]string }

// Bound is the keys of each action that has others than its usual ones, by the
// action's name in the settings.
func (k Keys) Bound() map[string][]string { return k.bound }

// action is a binding that has a name in the settings.
type action struct {
	name    string
	binding *key.Binding
	decides bool
}

// actions is every binding that can be changed. Not among them are the row
// numbers, ctrl+c, and the keys of the filter and of questions.
func (k *keyMap) actions() []action {
	return []action{
		{"busy", &k.busy, true},
		{"none", &k.none, true},
		{"forbidden", &k.forbidden, true},
		{"up", &k.up, false},
		{"down", &k.down, false},
		{"first", &k.first, false},
		{"last", &k.last, false},
		{"urgent", &k.urgent, false},
		{"pane", &k.pane, false},
		{"details", &k.details, false},
		{"filter", &k.filter, false},
		{"back", &k.back, false},
		{"recent", &k.recent, false},
		{"stats", &k.stats, false},
		{"reject-all", &k.all, false},
		{"undo", &k.undo, true},
		{"log", &k.log, false},
		{"help", &k.help, false},
		{"page-up", &k.pageUp, false},
		{"page-down", &k.pageDown, false},
		{"copy-number", &k.copyNumber, false},
		{"copy-id", &k.copyID, false},
		{"mute", &k.mute, false},
		{"theme", &k.theme, false},
		{"reconnect", &k.reconnect, false},
		{"redraw", &k.redraw, false},
		{"suspend", &k.suspend, false},
		{"quit", &k.quit, false},
	}
}

// fixed is the bindings of the main screen that cannot be changed.
func (k *keyMap) fixed() []action {
	return []action{{"the row numbers", &k.jump, false}, {"ctrl+c, which always quits", &k.interrupt, false}}
}

// ParseKeys reads settings of the form "action=key", or "action=key key" for
// several. They take the place of the keys that the action had. Every fault is
// told, each in a sentence; then nothing is to be used.
//
// A key is a character (but "comma" for the comma), ctrl+ or alt+ and a
// character, f1 to f12, or one of the names in [namedKeys]; of other scripts
// than Latin the letter on the same key counts, so none can be bound. What
// decides takes both cases of its letter, and is nothing that is pressed by
// habit, sent by a mouse wheel, or answers a question: no space, enter, esc,
// tab, arrow or the like, and no y.
func ParseKeys(settings []string) (Keys, error) {
	keys := Keys{bound: map[string][]string{}}
	k := newKeyMap("")
	known := k.actions()
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("keys: "+format, args...)) }
	for _, s := range settings {
		name, list, ok := strings.Cut(s, "=")
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(known, func(a action) bool { return a.name == name })
		switch {
		case !ok:
			fault("%q is not of the form action=key", s)
		case i < 0:
			fault("there is no action %q: the actions are %s", name, names(known))
		case keys.bound[name] != nil:
			fault("%s is bound twice: name all its keys at once, as in %s=x X", name, name)
		case len(strings.Fields(list)) == 0:
			fault("%s has no key", name)
		default:
			for one := range strings.FieldsSeq(list) {
				bound, err := parseKey(one, known[i].decides)
				if err != nil {
					fault("%s: %w", name, err)
				}
				keys.bound[name] = append(keys.bound[name], bound...)
			}
		}
	}
	if len(faults) == 0 {
		k.rebind(keys)
		faults = k.clashes()
	}
	if len(faults) > 0 {
		return Keys{}, errors.Join(faults...)
	}
	return keys, nil
}

func names(list []action) string {
	var s []string
	for _, a := range list {
		s = append(s, a.name)
	}
	return strings.Join(s, ", ")
}

// namedKeys is the keys that have no character, as they are written.
var namedKeys = []string{
	"up", "down", "left", "right", "home", "end", "pgup", "pgdown", "insert", "delete",
	"enter", "esc", "space", "tab", "shift+tab", "backspace",
	"f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12",
}

// sameByte is what a terminal cannot tell from another key.
var sameByte = map[string]string{
	"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+j": "enter", "ctrl+[": "esc", "ctrl+h": "backspace", "ctrl+@": "ctrl+space", "ctrl+?": "backspace",
}

// parseKey reads one key, and its capital where it decides.
func parseKey(s string, decides bool) ([]string, error) {
	if s == "comma" {
		s = ","
	}
	mod, char := "", s
	if m, rest, ok := strings.Cut(s, "+"); ok && (m == "ctrl" || m == "alt") {
		mod, char = m+"+", strings.ToLower(rest)
	}
	r, n := utf8.DecodeRuneInString(char)
	single := n == len(char) && n > 0
	switch {
	case sameByte[mod+char] != "":
		return nil, fmt.Errorf("%s is the same as %s to a terminal", s, sameByte[mod+char])
	case mod == "" && slices.Contains(namedKeys, s):
		if decides && s[0] != 'f' {
			return nil, fmt.Errorf("%s must not decide: it is pressed by habit, or sent by a mouse wheel", s)
		}
		return []string{s}, nil
	case single && unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r):
		return nil, fmt.Errorf("%s: name the Latin letter on the same key", s)
	case !single || r <= ' ' || r == utf8.RuneError || mod != "" && r > '~' || !unicode.IsLetter(r) && r > '~':
		return nil, fmt.Errorf("%q is no key: a key is a character, ctrl+x, alt+x, or one of %s", s, strings.Join(namedKeys, ", "))
	case decides && mod == "" && unicode.ToLower(r) == 'y':
		return nil, errors.New("y must not decide: it answers questions")
	case decides && mod == "":
		both := []string{string(unicode.ToLower(r)), string(unicode.ToUpper(r))}
		return slices.Compact(both), nil
	}
	return []string{mod + char}, nil
}

// clashes tells every key that two actions have.
func (k *keyMap) clashes() []error {
	var faults []error
	owner := map[string]string{}
	told := map[[2]string]bool{} // a letter and its capital clash once
	for _, a := range append(k.fixed(), k.actions()...) {
		for _, name := range a.binding.Keys() {
			if other, taken := owner[name]; taken && other != a.name {
				if told[[2]string{other, a.name}] {
					continue
				}
				told[[2]string{other, a.name}] = true
				faults = append(faults, fmt.Errorf("keys: %s is bound to both %s and %s: give one of them another key", name, other, a.name))
				continue
			}
			owner[name] = a.name
		}
	}
	return faults
}

// rebind changes the keys and what the help says of them.
func (k *keyMap) rebind(keys Keys) {
	for _, a := range k.actions() {
		bound := keys.bound[a.name]
		if bound == nil {
			continue
		}
		a.binding.SetKeys(bound...)
		shown := bound
		if a.decides {
			shown = slices.DeleteFunc(slices.Clone(bound), func(s string) bool { return s != strings.ToLower(s) })
		}
		a.binding.SetHelp(strings.Join(shown, " "), a.binding.Help().Desc)
	}
	k.choose.SetKeys(append(k.up.Keys(), k.down.Keys()...)...)
	if keys.bound["up"] != nil || keys.bound["down"] != nil {
		k.choose.SetHelp(k.up.Help().Key+" "+k.down.Help().Key, k.choose.Help().Desc)
	}
}
