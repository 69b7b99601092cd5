package tui

import (
	"strings"

	"callscreen/relay/call"

	"github.com/charmbracelet/x/ansi"
)

// Terminal is what is known of the terminal before it has said anything.
type Terminal struct {
	Name     string // of the program or its kind: iTerm.app, xterm-kitty, vte(7802), xterm-256color
	Tmux     bool   // a tmux stands between
	Language string // two letters of the locale, such as uk: which layout a letter of another script is of
	NoColor  bool   // colours are not drawn, so no theme has any
}

// notice is how a terminal takes a desktop notice.
type notice int

const (
	bellOnly notice = iota
	osc9            // iTerm2: one text
	osc777          // urxvt and whoever followed: title and text
	osc99           // kitty, foot: can be closed again
)

// voice is how this terminal is told to call its operator. The bell is rung
// with every notice: multiplexers swallow notices, and many terminals have none.
type voice struct {
	notice notice
	tmux   bool
	// bar says that OSC 9;4 is a progress bar there. To others it is either
	// nothing or, as in older versions of iTerm2 and WezTerm, a notice a second.
	bar bool
}

// voiceOf chooses by the name that the environment or the terminal itself gave.
// Windows Terminal is only rung: reports on what it does with notices disagree.
func voiceOf(name string, tmux bool) voice {
	name = strings.ToLower(name)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(name, p) {
				return true
			}
		}
		return false
	}
	v := voice{notice: osc777, tmux: tmux || strings.HasPrefix(name, "tmux")}
	switch {
	case has("windows terminal", "conemu"):
		v.notice, v.bar = bellOnly, true
	case has("ghostty", "vte"):
		v.bar = true
	case has("iterm"):
		v.notice = osc9
	case has("kitty"):
		v.notice = osc99
	case name == "", has("linux", "dumb", "screen", "apple_terminal", "vt100", "vt220"):
		v.notice = bellOnly
	}
	v.bar = v.bar && !v.tmux
	return v
}

// noticeID names our notice to terminals that can replace and close one.
const noticeID = "i=callscreen"

// canBeAsked reports whether asking for OSC 99 can do any good.
func (v voice) canBeAsked() bool { return v.notice == osc777 && !v.tmux }

// asks is the question whether OSC 99 is understood.
func (v voice) asks() string { return ansi.DesktopNotification("", noticeID, "p=?") }

// answers reports whether a message of the terminal answers that question. The
// library hands on what it does not know as a quoted text.
func answers(msg string) bool {
	return strings.HasPrefix(msg, `"\x1b]99;`) && strings.Contains(msg, noticeID) && strings.Contains(msg, "p=?")
}

// say rings, and shows a text of which everything but the printable characters
// has been taken out by [harmless].
func (v voice) say(text string) string {
	s := ""
	switch v.notice {
	case osc9:
		s = ansi.Notify("callscreen: " + text)
	case osc777:
		s = "\x1b]777;notify;callscreen;" + text + "\a"
	case osc99:
		s = ansi.DesktopNotification("callscreen", noticeID, "d=0", "p=title") +
			ansi.DesktopNotification(text, noticeID, "d=1", "p=body")
	case bellOnly:
	}
	return "\a" + v.through(s)
}

// hush takes the notice away where the terminal can do that.
func (v voice) hush() string {
	if v.notice != osc99 {
		return ""
	}
	return v.through(ansi.DesktopNotification("", noticeID, "p=close"))
}

func (v voice) through(s string) string {
	if v.tmux && s != "" {
		return ansi.TmuxPassthrough(s)
	}
	return s
}

// harmless makes a text of strangers fit for a notice: cleaned and short; and
// without what separates fields there or is markup to the desktops that draw it.
func harmless(s string, cells int) string {
	s, _ = call.Clean(s, cells)
	return strings.NewReplacer(";", ",", "<", "(", ">", ")", "&", "+").Replace(s)
}
