package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	tea "charm.land/bubbletea/v2"
)

// leaf opens the storybook on a terminal of some size.
func leaf(w, h int) *book {
	b := &book{opt: Options{Bot: "reception-bot"}, dark: true}
	b.Update(tea.WindowSizeMsg{Width: w, Height: h})
	return b
}

func (b *book) text() string { return ansi.Strip(b.View().Content) }

func TestTheStorybookWalksThroughEveryBoardAtEverySize(t *testing.T) {
	for _, size := range sizes {
		b := leaf(size[0], size[1])
		seen := map[string]bool{}
		for range boards {
			seen[boards[b.at].name] = true
			lines := strings.Split(b.text(), "\n")
			if len(lines) != size[1] {
				t.Errorf("%s at %v: %d lines", boards[b.at].name, size, len(lines))
			}
			for _, l := range lines {
				if w := ansi.StringWidth(l); w != size[0] {
					t.Errorf("%s at %v: %d cells: %q", boards[b.at].name, size, w, l)
				}
			}
			if want := fmt.Sprintf(" %d of %d: ", b.at+1, len(boards)); !strings.Contains(lines[len(lines)-1], want) {
				t.Errorf("the last line lacks %q: %q", want, lines[len(lines)-1])
			}
			b.Update(press("n"))
		}
		if b.at != 0 || len(seen) != len(boards) {
			t.Errorf("%d boards of %d, and then %d", len(seen), len(boards), b.at)
		}
	}
}

// What the storybook shows is what the goldens do: each state is in it.
func TestTheStorybookPlaysTheHandsOfItsBoards(t *testing.T) {
	b := leaf(120, 41)
	for name, want := range map[string]string{
		"sent": "SENT", "five": "ARMED  a key", "five-unarmed": "NOT ARMED", "too-late": "TOO LATE", "taken": "ben was faster by 340 ms",
		"accepted": "busy: Graph 202 in 212 ms", "frozen": "frozen for 6.2 s", "quit": "Quit? 5 calls", "help": "KEYS",
		"not-sent": "Not sent: no link", "reconnecting": "RECONNECTING try 3 in", "muted": "muted", "graph-down": "graph: token: no answer",
	} {
		b.at = slices.IndexFunc(boards, func(b board) bool { return b.name == name })
		b.Update(tea.WindowSizeMsg{Width: 120, Height: 41})
		if text := b.text(); !strings.Contains(text, want) {
			t.Errorf("%s lacks %q:\n%s", name, want, text)
		}
	}
}

func TestTheStorybooksKeys(t *testing.T) {
	b := leaf(80, 24)
	for _, c := range []struct {
		key string
		at  int
	}{{"p", len(boards) - 1}, {"n", 0}, {"right", 1}, {"space", 2}, {"left", 1}, {"up", 0}, {"down", 1}, {"b", 1}} {
		b.Update(press(c.key))
		if b.at != c.at {
			t.Errorf("after %s it shows %d, want %d", c.key, b.at, c.at)
		}
	}
	before := b.View().Content
	b.Update(press("t"))
	b.Update(press("t"))
	if b.opt.Theme != "dark" && b.opt.Theme != "light" || b.View().Content == before {
		t.Errorf("theme %q changes nothing", b.opt.Theme)
	}
	for _, key := range []string{"q", "esc", "ctrl+c"} {
		if _, cmd := b.Update(press(key)); !quits(cmd) {
			t.Errorf("%s does not quit", key)
		}
	}
}

func TestAStorybooksClockStandsStill(t *testing.T) {
	b := leaf(80, 24)
	b.at = 2
	b.Update(press("n"))
	first := b.View().Content
	for range 3 {
		b.Update(tea.FocusMsg{})
		if b.View().Content != first {
			t.Fatal("the board goes on by itself")
		}
	}
	b.Update(press("p"))
	b.Update(press("n"))
	if b.View().Content != first {
		t.Error("the same board looks different the second time")
	}
}

func TestEveryThemeTellsUrgencyWithoutRedAgainstGreen(t *testing.T) {
	for _, theme := range themes {
		for _, dark := range []bool{true, false} {
			p := newPalette(theme, dark)
			if theme != "mono" && (p.now == p.soon || p.soon == p.calm || p.now == p.calm) {
				t.Errorf("%s (dark %v): urgencies look alike", theme, dark)
			}
			for _, s := range []style{p.calm, p.soon, p.now, p.good, p.bad, p.warn, p.dim, p.title, p.mark} {
				// ANSI red and green, and their bright brothers.
				for _, sgr := range []string{"31", "32", "91", "92"} {
					if slices.Contains(strings.Split(strings.Trim(s.pre, "\x1b[m"), ";"), sgr) {
						t.Errorf("%s (dark %v) uses colour %s", theme, dark, sgr)
					}
				}
			}
		}
	}
	if dark, light := newPalette("contrast", true), newPalette("contrast", false); dark == light {
		t.Error("bright yellow cannot be read on white")
	}
	for _, s := range []style{newPalette("contrast", true).calm, newPalette("contrast", true).soon} {
		if strings.Contains(s.pre, "38;") {
			t.Errorf("contrast uses more than the 16 colours: %q", s.pre)
		}
	}
}

func TestTheThemeKeyGoesThroughAllThemes(t *testing.T) {
	perform(t, 80, 24, Options{}, colorprofile.TrueColor, func(s *stage) {
		s.show(boards[2])
		text := strings.Split(s.screen(), "\n")[3:20]
		for _, want := range []string{"dark", "light", "contrast", "mono", "auto"} {
			before := s.styles()
			s.key("t")
			s.rest(50 * 1e6)
			got := strings.Split(s.screen(), "\n")
			if last := got[22]; last != " Theme: "+want+"." {
				s.t.Errorf("message %q, want theme %s", last, want)
			}
			if want != "dark" && s.styles() == before {
				s.t.Errorf("%s looks as before", want)
			}
			for i := range text {
				if len(got[3+i]) == 0 != (len(text[i]) == 0) {
					s.t.Errorf("%s changes line %d: %q", want, i, got[3+i])
				}
			}
		}
	})
	m := New(Options{Theme: "mono", Term: Terminal{NoColor: true}})
	m.nextTheme()
	if !strings.Contains(m.note.text, "NO_COLOR") {
		t.Errorf("message %q", m.note.text)
	}
}
