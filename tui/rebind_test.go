package tui

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"

	tea "charm.land/bubbletea/v2"
)

func bound(t *testing.T, settings ...string) Keys {
	t.Helper()
	keys, err := ParseKeys(settings)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestKeysCanBeBoundAnewAndTheHelpFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.m.keys.rebind(bound(t, "busy=x", " none = ctrl+n ", "up=w up", "down=v down", "copy-id=comma", "help=f1"))
		h.ring(9, 10, 11)
		h.pass(600 * time.Millisecond)
		h.key("b", "n") // mean nothing any more
		h.pass(600 * time.Millisecond)
		if _, frame := said(h); !strings.Contains(frame, "[x] busy  [ctrl+n] none") {
			t.Errorf("the card does not follow:\n%s", frame)
		}
		h.key("X")
		h.pass(600 * time.Millisecond)
		h.key("v")
		h.pass(60 * time.Millisecond)
		h.key("ctrl+n")
		want := []sentReject{{id(0), call.Busy}, {id(1), call.None}}
		if got := h.decided(); !slices.Equal(got, want) {
			t.Errorf("decided %v, want %v", got, want)
		}
		_, frame := said(h)
		for _, want := range []string{"x busy  ctrl+n none  f forbidden  w up v down choose", "f1 help"} {
			if !strings.Contains(frame, want) {
				t.Errorf("the screen lacks %q:\n%s", want, frame)
			}
		}
		h.do(tea.KeyPressMsg{Code: tea.KeyF1})
		if _, frame := said(h); !strings.Contains(frame, "x busy   ctrl+n none") || !strings.Contains(frame, ", copy call id") {
			t.Errorf("the help does not follow:\n%s", frame)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		h := &hands{m: New(Options{Link: newScript(), Keys: bound(t, "busy=x")}), link: newScript()}
		h.do(tea.WindowSizeMsg{Width: 80, Height: 24})
		h.tell(live())
		if _, frame := said(h); !strings.Contains(frame, "Press x, n or f here when a call comes in. ? for help.") {
			t.Errorf("the empty screen does not follow:\n%s", frame)
		}
	})
}

func TestWhatCannotBeBoundIsRefusedInASentence(t *testing.T) {
	for setting, want := range map[string]string{
		"busy=n":             "keys: n is bound to both busy and none: give one of them another key",
		"busy=g":             "keys: G is bound to both busy and last: give one of them another key",
		"urgent=x, busy=x":   "keys: x is bound to both busy and urgent: give one of them another key",
		"recent=5":           "keys: 5 is bound to both the row numbers and recent: give one of them another key",
		"quit=ctrl+c":        "keys: ctrl+c is bound to both ctrl+c, which always quits and quit: give one of them another key",
		"bussy=x":            `keys: there is no action "bussy": the actions are busy, none, forbidden, up,`,
		"busy":               `keys: "busy" is not of the form action=key`,
		"busy=":              "keys: busy has no key",
		"busy=x, busy=v":     "keys: busy is bound twice: name all its keys at once, as in busy=x X",
		"busy=space":         "keys: busy: space must not decide: it is pressed by habit, or sent by a mouse wheel",
		"none=enter":         "keys: none: enter must not decide",
		"none=esc":           "keys: none: esc must not decide",
		"forbidden=tab":      "keys: forbidden: tab must not decide",
		"forbidden=down":     "keys: forbidden: down must not decide",
		"busy=y":             "keys: busy: y must not decide: it answers questions",
		"busy=ctrl+m":        "keys: busy: ctrl+m is the same as enter to a terminal",
		"help=ctrl+i":        "keys: help: ctrl+i is the same as tab to a terminal",
		"help=ctrl+[":        "keys: help: ctrl+[ is the same as esc to a terminal",
		"busy=и":             "keys: busy: и: name the Latin letter on the same key",
		"help=xx":            `keys: help: "xx" is no key: a key is a character, ctrl+x, alt+x, or one of up, down,`,
		"help=ctrl+":         `keys: help: "ctrl+" is no key`,
		"help=hyper+x":       `keys: help: "hyper+x" is no key`,
		"help=\x1b":          `keys: help: "\x1b" is no key`,
		"help=\u202e":        `is no key`,
		"help=✓":             `is no key`,
		"busy=q,quit=ctrl+b": "", // the key is free then
		"busy=f2":            "",
		"busy=ä":             "",
		"help==":             "",
		"back=space esc":     "",
	} {
		_, err := ParseKeys(strings.Split(setting, ","))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", setting, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v\nwant %s", setting, err, want)
		}
	}
	_, err := ParseKeys([]string{"bussy=x", "none=enter", "help=xx"})
	if err == nil || strings.Count(err.Error(), "keys: ") != 3 {
		t.Errorf("not every fault is told: %v", err)
	}
}

// The check for clashes is only worth something if it knows every key.
func TestEveryKeyOfTheMainScreenIsKnownToTheClashCheck(t *testing.T) {
	k := newKeyMap("↑↓")
	known := map[string]bool{}
	for _, a := range append(k.fixed(), k.actions()...) {
		for _, name := range a.binding.Keys() {
			known[name] = true
		}
	}
	for _, g := range k.groups() {
		if strings.HasPrefix(g.title, "In ") || strings.HasPrefix(g.title, "When ") {
			continue // another place, with keys of its own
		}
		for _, b := range g.keys {
			for _, name := range b.Keys() {
				if !known[name] {
					t.Errorf("%s (%s) has no name in the settings and may clash unseen", name, b.Help().Desc)
				}
			}
		}
	}
	if faults := k.clashes(); len(faults) > 0 {
		t.Errorf("the keys as they are clash: %v", faults)
	}
	k.theme.SetKeys("b")
	if faults := k.clashes(); len(faults) != 1 {
		t.Errorf("a planted clash: %v", faults)
	}
}

// All letters of an operator's own script work by their place.
func TestOtherScriptsDecideByThePlaceOfTheKey(t *testing.T) {
	for _, c := range []struct{ script, busy, none, forbidden, down string }{
		{"Cyrillic", "и", "т", "а", "о"},
		{"Cyrillic capitals", "И", "Т", "А", "о"},
		{"Greek", "β", "ν", "φ", "ξ"},
		{"Greek capitals", "Β", "Ν", "Φ", "ξ"},
		{"Hebrew", "נ", "מ", "כ", "ח"},
	} {
		for reason, name := range map[call.Reason]string{call.Busy: c.busy, call.None: c.none, call.Forbidden: c.forbidden} {
			synctest.Test(t, func(t *testing.T) {
				h := pick(rules{})
				h.ring(10, 11)
				h.pass(time.Second)
				h.key(c.down, name)
				if got := h.decided(); len(got) != 1 || got[0] != (sentReject{id(1), reason}) {
					t.Errorf("%s: %s then %s decided %v", c.script, c.down, name, got)
				}
			})
		}
	}
}

func TestALetterWhoseLayoutIsAnotherDecidesNothing(t *testing.T) {
	for _, c := range []struct{ language, letter, want string }{
		{"ru", "и", "b"},
		{"", "т", "n"},
		{"uk", "і", "s"},
		{"be", "і", "b"},
		{"", "і", "s"},
		// In Serbian т is where t is, in Bulgarian и is where r is: none means a decision.
		{"sr", "т", "т"},
		{"bg", "и", "и"},
		{"mk", "а", "а"},
		{"sr", "β", "b"},
	} {
		if got := keyName(press(c.letter).Key(), c.language); got != c.want {
			t.Errorf("%s in %q is %q, want %q", c.letter, c.language, got, c.want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.m.opt.Term.Language = "sr"
		h.ring(10)
		h.pass(time.Second)
		h.key("т", "и", "а")
		if wrong := onlyDecided(h); wrong != "" {
			t.Error(wrong)
		}
	})
}

func TestTheFilterTakesOtherScriptsAsTheyAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		h.ring(10)
		h.pass(time.Second)
		h.key("/", "и", "т")
		if h.m.queue.filter != "ит" || len(h.decided()) != 0 {
			t.Errorf("filter %q, decisions %v", h.m.queue.filter, h.decided())
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	for _, s := range []string{"busy=x", "none=ctrl+n", "up=w up,down=s", "busy=g", "=", "busy==", "a=b=c", "quit=\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		keys, err := ParseKeys(strings.Split(s, ","))
		if err != nil {
			return
		}
		k := newKeyMap("↑↓")
		k.rebind(keys)
		if faults := k.clashes(); len(faults) > 0 {
			t.Fatalf("%q: %v", s, faults)
		}
		for _, a := range k.actions() {
			if len(a.binding.Keys()) == 0 || strings.TrimSpace(a.binding.Help().Key) == "" {
				t.Fatalf("%q: %s has no key", s, a.name)
			}
			if a.decides && slices.ContainsFunc(a.binding.Keys(), func(n string) bool { return slices.Contains([]string{"space", "enter", "esc", "y", "Y"}, n) }) {
				t.Fatalf("%q: %s is %v", s, a.name, a.binding.Keys())
			}
		}
	})
}
