package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

// themes is what the theme key goes through.
var themes = []string{"auto", "dark", "light", "contrast", "mono"}

// colours is the theme that is on, and what the terminal said of its background.
type colours struct {
	theme string
	dark  bool // as long as the terminal has not answered, it counts as dark
}

// highContrast uses the terminal's own sixteen colours, which its owner has
// chosen, and none that is faint. The most urgent is told by reverse video, the
// strongest contrast that any terminal has. What is urgent differs from what is
// not in lightness too, so that nobody has to tell red from green.
func highContrast(p palette, dark bool) palette {
	base := lipgloss.NewStyle()
	bold := base.Bold(true)
	p.calm = reduce(base.Foreground(lipgloss.Blue))
	p.soon = reduce(bold.Foreground(lipgloss.Magenta))
	if dark {
		p.calm = reduce(base.Foreground(lipgloss.BrightCyan))
		p.soon = reduce(bold.Foreground(lipgloss.BrightYellow))
	}
	p.now = reduce(bold.Reverse(true))
	p.good, p.bad = p.calm, p.now
	return p
}

// repaint makes the palette anew. Lines that were kept have the old one.
func (m *Model) repaint() {
	m.paint = newPalette(m.theme, m.dark)
	m.cache = cache{}
}

// askBackground asks the terminal what its background is, for the themes that
// depend on it.
func (m *Model) askBackground() tea.Cmd {
	if m.theme == "auto" || m.theme == "contrast" {
		return tea.RequestBackgroundColor
	}
	return nil
}

// nextTheme goes on to the next theme. Which one is used from the start is a setting.
func (m *Model) nextTheme() tea.Cmd {
	m.theme = themes[(slices.Index(themes, m.theme)+1)%len(themes)]
	m.repaint()
	text := "Theme: " + m.theme + "."
	if m.opt.Term.NoColor {
		text += " NO_COLOR is set: no theme has colours."
	}
	m.say(plain, text, "")
	return m.askBackground()
}
