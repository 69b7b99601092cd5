package config

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// Terminal is what the environment tells of the terminal. None of it is a
// setting of callscreen: terminals, multiplexers and login shells set it.
type Terminal struct {
	// Name of the terminal or its kind, as exact as the environment knows it;
	// empty when it does not. A tmux hides the terminal behind it.
	Name string
	// Tmux says that tmux stands between.
	Tmux bool
	// UTF8 says that the terminal takes UTF-8: by LC_ALL, LC_CTYPE or LANG, the
	// first that is set. None set is the locale "C", which does not.
	UTF8 bool
	// Language is the language of that locale, such as "uk"; empty for C.
	Language string
	// NoColor is NO_COLOR (https://no-color.org), Dumb a TERM=dumb, which can
	// only take lines, and Accessible an ACCESSIBLE that asks for lines.
	NoColor, Dumb, Accessible bool
}

// TerminalOf reads the environment, as from os.Environ.
func TerminalOf(environ []string) Terminal {
	get := func(name string) string { return lookup(environ, name) }
	kind := get("TERM")
	locale := cmp.Or(get("LC_ALL"), get("LC_CTYPE"), get("LANG"))
	charset := strings.ToLower(strings.ReplaceAll(locale, "-", ""))
	t := Terminal{
		Tmux: get("TMUX") != "" || strings.HasPrefix(kind, "tmux"),
		// Windows has no such variables, and its console is written in UTF-16.
		UTF8:       strings.Contains(charset, "utf8") || locale == "" && runtime.GOOS == "windows",
		NoColor:    get("NO_COLOR") != "",
		Dumb:       kind == "dumb",
		Accessible: get("ACCESSIBLE") != "" && get("ACCESSIBLE") != "0",
	}
	if language, _, _ := strings.Cut(locale, "_"); language != locale {
		t.Language = strings.ToLower(language)
	}
	t.Name = terminalName(get, kind)
	return t
}

// Output chooses the front end: "tui", "plain" or "json", the one that was asked
// for or, if none was, what suits the terminal. Interactive says that input and
// output are one.
func (t Terminal) Output(asked string, interactive bool) (string, error) {
	switch {
	case asked == "tui" && t.Dumb:
		return "", errors.New("--output tui: a terminal with TERM=dumb takes only lines, so use --output plain")
	case asked == "tui" || asked == "plain" || asked == "json":
		return asked, nil
	case asked != "":
		return "", fmt.Errorf("--output %q: it is one of tui, plain and json", asked)
	case interactive && !t.Dumb && !t.Accessible:
		return "tui", nil
	default:
		return "plain", nil
	}
}

// terminalName prefers what a terminal sets to name itself. What leaks into
// terminals started from another one comes last.
func terminalName(get func(string) string, kind string) string {
	program := get("TERM_PROGRAM")
	if program == "tmux" {
		program = ""
	}
	switch {
	case program != "":
		return program
	case get("LC_TERMINAL") != "": // iTerm2, which sends it over ssh
		return get("LC_TERMINAL")
	case get("WT_SESSION") != "":
		return "Windows Terminal"
	case get("ConEmuANSI") != "":
		return "ConEmu"
	case strings.HasPrefix(kind, "xterm-") && kind != "xterm-256color": // xterm-kitty, xterm-ghostty
		return kind
	case get("VTE_VERSION") != "":
		return "VTE(" + get("VTE_VERSION") + ")"
	default:
		return kind
	}
}
