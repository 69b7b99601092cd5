package config_test

import (
	"runtime"
	"testing"

	"callscreen/config"
)

func TestTheTerminalIsKnownByWhatItSetsItself(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ []string
		name    string
		tmux    bool
	}{
		{nil, "", false},
		{[]string{"TERM=xterm-256color"}, "xterm-256color", false},
		{[]string{"TERM=xterm-256color", "TERM_PROGRAM=iTerm.app"}, "iTerm.app", false},
		{[]string{"TERM=tmux-256color", "TERM_PROGRAM=tmux", "TMUX=/tmp/x"}, "tmux-256color", true},
		{[]string{"TERM=screen", "TERM_PROGRAM=tmux", "TMUX=/tmp/x", "LC_TERMINAL=iTerm2"}, "iTerm2", true},
		{[]string{"TERM=tmux-256color"}, "tmux-256color", true}, // over ssh, without TMUX
		{[]string{"TERM=screen"}, "screen", false},
		{[]string{"TERM=xterm-kitty"}, "xterm-kitty", false},
		{[]string{"TERM=xterm-256color", "WT_SESSION=guid"}, "Windows Terminal", false},
		{[]string{"TERM=xterm-256color", "ConEmuANSI=ON"}, "ConEmu", false},
		{[]string{"TERM=xterm-256color", "VTE_VERSION=7802"}, "VTE(7802)", false},
		{[]string{"TERM=xterm-kitty", "VTE_VERSION=7802"}, "xterm-kitty", false},
	} {
		if got := config.TerminalOf(c.environ); got.Name != c.name || got.Tmux != c.tmux {
			t.Errorf("%q: %+v, want %q %v", c.environ, got, c.name, c.tmux)
		}
	}
}

func TestOnlyALocaleThatSaysSoIsUTF8(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ  []string
		utf8     bool
		language string
	}{
		{nil, runtime.GOOS == "windows", ""},
		{[]string{"LANG=en_US.UTF-8"}, true, "en"},
		{[]string{"LANG=uk_UA.utf8"}, true, "uk"},
		{[]string{"LANG=C.UTF-8"}, true, ""},
		{[]string{"LANG=C"}, false, ""},
		{[]string{"LANG=POSIX"}, false, ""},
		{[]string{"LANG=de_DE.ISO-8859-1"}, false, "de"},
		{[]string{"LANG=ja_JP.eucJP", "LC_CTYPE=ja_JP.UTF-8"}, true, "ja"},
		{[]string{"LANG=en_US.UTF-8", "LC_ALL=C"}, false, ""},
		{[]string{"LANG=en_US.UTF-8", "LC_ALL="}, true, "en"},
	} {
		if got := config.TerminalOf(c.environ); got.UTF8 != c.utf8 || got.Language != c.language {
			t.Errorf("%q: %+v, want %v %q", c.environ, got, c.utf8, c.language)
		}
	}
}

func TestTheEnvironmentCanAskForNoColourAndForLines(t *testing.T) {
	t.Parallel()
	if got := config.TerminalOf([]string{"NO_COLOR=1", "TERM=dumb", "ACCESSIBLE=1"}); !got.NoColor || !got.Dumb || !got.Accessible {
		t.Errorf("%+v", got)
	}
	if got := config.TerminalOf([]string{"NO_COLOR=", "TERM=vt100", "ACCESSIBLE=0"}); got.NoColor || got.Dumb || got.Accessible {
		t.Errorf("%+v", got)
	}
}

func TestTheFrontEndIsTheOneAskedForOrTheOneThatSuits(t *testing.T) {
	t.Parallel()
	plain, dumb, read := config.Terminal{}, config.Terminal{Dumb: true}, config.Terminal{Accessible: true}
	for _, c := range []struct {
		term        config.Terminal
		asked       string
		interactive bool
		want        string // "" is a refusal
	}{
		{plain, "", true, "tui"},
		{plain, "", false, "plain"},
		{dumb, "", true, "plain"},
		{read, "", true, "plain"},
		{read, "tui", true, "tui"},
		{plain, "json", true, "json"},
		{plain, "plain", true, "plain"},
		{dumb, "tui", true, ""},
		{plain, "xml", true, ""},
	} {
		got, err := c.term.Output(c.asked, c.interactive)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v asked %q, interactive %v: %q, %v", c.term, c.asked, c.interactive, got, err)
		}
	}
}
