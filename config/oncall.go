package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// argv takes a command line apart at its blanks. Quotes, single or double, hold
// blanks together, and nothing else has a meaning: no shell reads it, nothing is
// expanded, and a backslash is one, as Windows writes paths.
func argv(line string) (words []string, err error) {
	word, begun, quote := "", false, rune(0)
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '"' || r == '\'':
			quote, begun = r, true
		case r == ' ' || r == '\t':
			if begun {
				words, word, begun = append(words, word), "", false
			}
		case r < ' ':
			return nil, errors.New("a command is one line, without control characters")
		default:
			word, begun = word+string(r), true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote (%c) is not closed", quote)
	}
	if begun {
		words = append(words, word)
	}
	if len(words) > 0 && words[0] == "" {
		return nil, errors.New("the command is empty")
	}
	return words, nil
}

// OnCallCommand is the command of OnCall and its arguments; none: there is no command.
func (s Settings) OnCallCommand() []string {
	words, err := argv(s.OnCall)
	if err != nil {
		return nil // CheckRelay has said so
	}
	return words
}

// unattended are the policies for calls that ring while nobody is watching.
var unattended = []string{"ring", "busy", "none", "forbidden", "run"}

func (s Settings) checkUnattended() error {
	_, err := argv(s.OnCall)
	err = errors.Join(field("unattended", oneOf(s.Unattended, unattended...)), field("on-call", err))
	if s.Unattended == "run" && strings.TrimSpace(s.OnCall) == "" {
		err = errors.Join(err, errors.New("unattended: run asks the command of on-call, and none is given: set on-call too"))
	}
	return err
}

// handedOn are the variables of the environment that a command needs to run at
// all. Everything else stays here: secrets come in variables.
var handedOn = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
	"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY",
	"SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
}

// CommandEnviron is what the command of OnCall gets of an environment, as from os.Environ.
func CommandEnviron(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return !slices.Contains(handedOn, strings.ToUpper(name))
	})
}
