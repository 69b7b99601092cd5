package tui

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// style is a Lip Gloss style reduced to the bytes before and after a text.
// Rendering through boxes and joins costs eighty times as much a frame as
// putting these bytes around strings.
type style struct{ pre, post string }

func reduce(s lipgloss.Style) style {
	pre, post, _ := strings.Cut(s.Render("x"), "x")
	return style{pre, post}
}

// palette is every style of the screen. Meaning never hangs on it: each thing
// told by a colour is told by a sign or a word as well. The text of strangers
// is always drawn without a style, so that nobody can dress up as us.
type palette struct {
	title, dim, mark         style
	calm, soon, now          style // how much time is left
	good, bad, warn, keyName style
}

// The scale is Okabe and Ito's, which stays apart for colour-blind eyes: no red
// is ever told from a green.
func newPalette(theme string, dark bool) palette {
	base := lipgloss.NewStyle()
	bold := base.Bold(true)
	p := palette{
		title: reduce(bold), mark: reduce(bold.Reverse(true)), now: reduce(bold),
		bad: reduce(bold), warn: reduce(bold.Reverse(true)), keyName: reduce(bold),
	}
	switch {
	case theme == "mono":
		return p
	case theme == "contrast":
		return highContrast(p, dark)
	case theme == "light" || theme != "dark" && !dark:
		p.calm = reduce(base.Foreground(lipgloss.Color("#0072B2")))
		p.soon = reduce(base.Foreground(lipgloss.Color("#8A6D00")))
		p.now = reduce(bold.Foreground(lipgloss.Color("#B34700")))
		p.dim = reduce(base.Foreground(lipgloss.Color("#5F5F5F")))
	default:
		p.calm = reduce(base.Foreground(lipgloss.Color("#56B4E9")))
		p.soon = reduce(base.Foreground(lipgloss.Color("#F0E442")))
		p.now = reduce(bold.Foreground(lipgloss.Color("#D55E00")))
		p.dim = reduce(base.Foreground(lipgloss.Color("#9E9E9E")))
	}
	p.good, p.bad = p.calm, p.now
	return p
}

// glyphs is the drawing characters. The block, box and arrow characters are of
// "ambiguous width" and double in some East Asian locales; the ASCII set is not.
type glyphs struct {
	full, empty string   // one cell of a bar
	part        []string // a cell filled by 1/8 to 7/8; none in ASCII
	rule, wall  string
	up, down    string // where a wall meets the rule above and below it
	live, lost  string
	ok, no, to  string
	more        string // where a text was cut
	only        bool   // nothing but ASCII may be drawn, whoever wrote it
	arrows      string
	sep         string
	times       string // before the count of a caller's calls
}

func newGlyphs(c Charset) glyphs {
	if c != Unicode {
		return glyphs{
			only: c == ASCIIOnly,
			full: "#", empty: ".", rule: "-", wall: "|", up: "-", down: "-",
			live: "*", lost: "o", ok: "+", no: "x", to: ">", more: "~", arrows: "up/down", sep: ">", times: "x",
		}
	}
	return glyphs{
		full: "█", empty: "░", part: []string{"▏", "▎", "▍", "▌", "▋", "▊", "▉"},
		rule: "─", wall: "│", up: "┬", down: "┴",
		live: "●", lost: "○", ok: "✓", no: "✗", to: "→", more: "…", arrows: "↑↓", sep: "▸", times: "×",
	}
}
