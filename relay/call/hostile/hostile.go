// Package hostile is texts that strangers may choose, for tests: what a caller
// may be called, and what every part that draws it must make of it. They are one
// file, testdata/texts.txt, so that the cleaner, the screen, the lines and the
// built program are all held against the same ones. Only tests import it.
package hostile

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Text is a text that a caller could choose, and how it is to be drawn.
type Text struct {
	Class string // what kind of harm, or what people write that is not harm at all
	Name  string // unique in its class
	In    string // any bytes at all
	Want  string // at 64 cells; empty: nothing of it is seen
	// Altered says that something was in it that could have deceived, and that
	// whoever draws it has to say so.
	Altered bool
}

// String names the text in a test's complaint.
func (t Text) String() string { return t.Class + ", " + t.Name }

// Obeyed are the classes that a terminal obeys or an eye is deceived by; the others
// are what people type into any field to see whether it holds.
var Obeyed = []string{
	"CSI", "OSC", "DCS, APC, PM, SOS", "escape", "C1", "control", "bytes", "no character", "direction", "unseen", "space", "mark", "wide", "long",
}

//go:embed testdata/texts.txt
var file string

// Texts is all of them, in the file's order. The caller must not change the list.
var Texts = sync.OnceValue(func() []Text {
	list, err := parse(file)
	if err != nil {
		panic("hostile: testdata/texts.txt: " + err.Error()) // it is part of the program that runs
	}
	return list
})

// Names is what the texts of these classes look like to whoever sends them; of
// all classes when none is named.
func Names(classes ...string) []string {
	var names []string
	for _, t := range Texts() {
		for _, c := range classes {
			if t.Class == c {
				names = append(names, t.In)
			}
		}
		if len(classes) == 0 {
			names = append(names, t.In)
		}
	}
	return names
}

// parse reads the format that the file explains in its first lines.
func parse(file string) ([]Text, error) {
	var list []Text
	class, known := "", map[string]bool{}
	n := 0
	for line := range strings.Lines(file) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			class = line[1 : len(line)-1]
			continue
		}
		t, err := parseLine(line)
		if t.Class = class; err == nil && known[t.String()] {
			err = fmt.Errorf("%s is there twice", t)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		known[t.String()] = true
		list = append(list, t)
	}
	return list, nil
}

func parseLine(line string) (t Text, err error) {
	name, rest, ok := strings.Cut(line, `: "`)
	if !ok {
		return t, fmt.Errorf("no name and colon before the text: %s", line)
	}
	if t.Name = name; name == "" {
		return t, fmt.Errorf("an empty name: %s", line)
	}
	if t.In, rest, err = terms(`"` + rest); err != nil {
		return t, err
	}
	switch sign, want, _ := strings.Cut(rest, " "); sign {
	case "==":
		t.Want, rest = t.In, want
	case "=>", "~>":
		t.Altered = sign == "=>"
		t.Want, rest, err = terms(want)
	default:
		return t, fmt.Errorf("%s: what is to be drawn? write == or => or ~>, not %q", name, rest)
	}
	if err == nil && rest != "" {
		err = fmt.Errorf("%s: %q is left over", name, rest)
	}
	return t, err
}

// terms reads "a" + "b"*3 + "c" and returns what follows it.
func terms(s string) (text, rest string, err error) {
	var b strings.Builder
	for {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", "", fmt.Errorf("no quoted text: %s", s)
		}
		piece, err := strconv.Unquote(quoted)
		if err != nil {
			return "", "", fmt.Errorf("%s: %w", quoted, err)
		}
		s = s[len(quoted):]
		times := 1
		if count, ok := strings.CutPrefix(s, "*"); ok {
			digits := count[:len(count)-len(strings.TrimLeft(count, "0123456789"))]
			if times, err = strconv.Atoi(digits); err != nil {
				return "", "", fmt.Errorf("how often? %s", s)
			}
			s = count[len(digits):]
		}
		b.WriteString(strings.Repeat(piece, times))
		s = strings.TrimLeft(s, " ")
		more, ok := strings.CutPrefix(s, "+ ")
		if !ok {
			return b.String(), s, nil
		}
		s = more
	}
}
