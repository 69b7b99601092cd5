package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is what is wrong with the settings, in a sentence, and what to do about
// it.
type Fault struct{ Words, Mend string }

func (f Fault) String() string { return f.Words + ": " + f.Mend }

// Faults takes the error of Load or of a Check apart, one fault at a time. Each
// tells where the value came from.
func (s Settings) Faults(err error) []Fault {
	if err == nil {
		return nil
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var faults []Fault
		for _, one := range all.Unwrap() {
			for _, f := range s.Faults(one) {
				if !slices.Contains(faults, f) { // two Checks may share a rule
					faults = append(faults, f)
				}
			}
		}
		return faults
	}
	if m, ok := errors.AsType[missingError](err); ok {
		faults := make([]Fault, len(m))
		for i, one := range m {
			faults[i] = Fault{one.name + " is missing: " + one.help, "set " + one.ways}
		}
		return faults
	}
	words := err.Error()
	name, _, _ := strings.Cut(words, ":")
	mend := "change it; callscreen config show lists every setting, its value and its origin"
	if _, known := find(name); known {
		mend = strings.Replace(mend, "it", name, 1)
	}
	if before, command, ok := strings.Cut(words, ": run: "); ok {
		words, mend = before, "run: "+command
	}
	return []Fault{{s.withOrigin(name, words), mend}}
}

// withOrigin adds to a sentence where a setting's value came from, if somebody gave
// it and the sentence does not say so.
func (s Settings) withOrigin(name, words string) string {
	if origin := s.Origin(name); origin != "" && origin != "default" && !strings.Contains(words, origin) {
		words += fmt.Sprintf(" (%s)", origin)
	}
	return words
}

// missingError names required settings that have no value.
type missingError []missingSetting

type missingSetting struct{ name, help, ways string }

func (m missingError) Error() string {
	lines := make([]string, len(m))
	for i, one := range m {
		lines[i] = fmt.Sprintf("  %s: %s. Set %s", one.name, one.help, one.ways)
	}
	return "missing settings:\n" + strings.Join(lines, "\n")
}
