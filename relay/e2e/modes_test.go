//go:build !windows

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// modes is what a program has asked of a terminal and not taken back, told from
// the bytes alone: the emulator does not know all of it.
type modes struct {
	rows    int
	private map[int]bool // by number, where it differs from a fresh terminal
	keys    [2]keyboard  // of the main and the alternate screen
	other   map[string]string
}

// keyboard is the kitty protocol's flags of one screen, and those saved below.
type keyboard struct {
	flags int
	saved []int
}

// words are the private modes that a console is likely to use.
var words = map[int]string{
	1: "application cursor keys are on", 25: "the cursor is hidden", 1000: "mouse clicks are reported",
	1002: "mouse drags are reported", 1003: "mouse moves are reported", 1004: "the focus is reported",
	1006: "mouse reports are long", 1049: "the alternate screen is shown", 2004: "bracketed paste is on",
	2026: "output is held back", 2027: "widths are those of clusters", 2031: "changes of the theme are reported",
	2048: "sizes are reported",
}

// leftOver is what a terminal of so many rows that was sent these bytes is left
// in, in order.
func leftOver(sent string, rows int) []string {
	m := modes{rows: rows, private: map[int]bool{}, other: map[string]string{}}
	p := ansi.NewParser()
	p.SetParamsSize(64)
	p.SetDataSize(4096)
	for state := byte(0); sent != ""; {
		seq, _, n, next := ansi.DecodeSequence(sent, state, p)
		m.take(seq, p)
		sent, state = sent[n:], next
	}
	return m.list()
}

func (m *modes) take(seq string, p *ansi.Parser) {
	switch {
	case ansi.HasCsiPrefix(seq):
		m.csi(ansi.Cmd(p.Command()), p)
	case ansi.HasOscPrefix(seq):
		m.osc(p.Command(), string(p.Data()))
	case seq == "\x1b=":
		m.other["the keypad is in application mode"] = "on"
	case seq == "\x1b>":
		delete(m.other, "the keypad is in application mode")
	}
}

func (m *modes) csi(cmd ansi.Cmd, p *ansi.Parser) {
	first, _ := p.Param(0, 0)
	screen := &m.keys[0]
	if m.private[1049] {
		screen = &m.keys[1]
	}
	switch string(cmd.Prefix()) + string(cmd.Intermediate()) + string(cmd.Final()) {
	case "?\x00h", "?\x00l":
		for i := range p.Params() {
			n, _ := p.Param(i, 0)
			m.set(n, cmd.Final() == 'h')
		}
	case ">\x00u":
		screen.saved = append(screen.saved, screen.flags)
		screen.flags = first
	case "=\x00u":
		screen.flags = first
	case "<\x00u":
		screen.pop(max(first, 1))
	case ">\x00m":
		level, _ := p.Param(1, 0)
		m.note("keys are reported in another way", first == 4 && level > 0)
	case "\x00 q":
		m.note("the cursor has another shape", first != 0)
	case "\x00\x00m":
		last, _ := p.Param(len(p.Params())-1, 0)
		m.note("text is styled", last != 0)
	case "\x00\x00r":
		bottom, _ := p.Param(1, m.rows)
		m.note("a part of the screen scrolls", first > 1 || bottom < m.rows)
	}
}

func (k *keyboard) pop(n int) {
	for range n {
		k.flags = 0
		if last := len(k.saved) - 1; last >= 0 {
			k.flags, k.saved = k.saved[last], k.saved[:last]
		}
	}
}

func (m *modes) set(mode int, on bool) {
	if usual := mode == 25 || mode == 7; on != usual {
		m.private[mode] = true
	} else {
		delete(m.private, mode)
	}
}

func (m *modes) note(what string, on bool) {
	delete(m.other, what)
	if on {
		m.other[what] = "on"
	}
}

func (m *modes) osc(cmd int, data string) {
	_, value, _ := strings.Cut(data, ";")
	switch cmd {
	case 0, 2:
		m.note("the window has a title", value != "")
	case 9:
		if progress, ok := strings.CutPrefix(value, "4;"); ok {
			m.note("progress is shown", !strings.HasPrefix(progress, "0"))
		}
	case 10, 11, 12:
		m.note("colour "+strconv.Itoa(cmd)+" is changed", value != "?")
	case 110, 111, 112:
		m.note("colour "+strconv.Itoa(cmd-100)+" is changed", false)
	}
}

func (m *modes) list() []string {
	list := slices.Collect(maps.Keys(m.other))
	for n := range m.private {
		if word, ok := words[n]; ok {
			list = append(list, word)
		} else {
			list = append(list, fmt.Sprintf("private mode %d is not as usual", n))
		}
	}
	for i, k := range m.keys {
		if k.flags != 0 || len(k.saved) > 0 {
			list = append(list, "keyboard enhancements are on: "+[...]string{"main", "alternate"}[i]+" screen")
		}
	}
	slices.Sort(list)
	return list
}

func TestWhatATerminalIsLeftInIsToldFromTheBytes(t *testing.T) {
	for sent, want := range map[string][]string{
		"":                                          nil,
		"a\x1b[1;31mb\x1b[m":                        nil,
		"\x1b[1;31mb":                               {"text is styled"},
		"\x1b[?25l\x1b[?25h":                        nil,
		"\x1b[?25h\x1b[?25l":                        {"the cursor is hidden"},
		"\x1b[?1049h\x1b[?2004h":                    {"bracketed paste is on", "the alternate screen is shown"},
		"\x1b[?1000;1006h":                          {"mouse clicks are reported", "mouse reports are long"},
		"\x1b[?1004h\x1b[?1004l":                    nil,
		"\x1b[?4711h":                               {"private mode 4711 is not as usual"},
		"\x1b[>1u\x1b[<u":                           nil,
		"\x1b[>1u\x1b[>3u\x1b[<1u":                  {"keyboard enhancements are on: main screen"},
		"\x1b[>1u\x1b[=5;1u\x1b[<u":                 nil,
		"\x1b[?1049h\x1b[>1u\x1b[?1049l\x1b[<u":     {"keyboard enhancements are on: alternate screen"},
		"\x1b[>4;2m":                                {"keys are reported in another way"},
		"\x1b[>4;2m\x1b[>4m":                        nil,
		"\x1b]0;three calls\x07":                    {"the window has a title"},
		"\x1b]2;three calls\x1b\\\x1b]2;\x1b\\":     nil,
		"\x1b]9;4;1;50\x07":                         {"progress is shown"},
		"\x1b]9;4;1;50\x07\x1b]9;4;0\x07":           nil,
		"\x1b]11;?\x07\x1b]11;#ff0000\x07":          {"colour 11 is changed"},
		"\x1b]9;a call\x07\x1b[6n\x1b[c\x1b[?u":     nil,
		"\x1b[3 q\x1b[0 q\x1b=\x1b>\x1b[2;5r\x1b[r": nil,
		"\x1b[2;5r\x1b[1;24r":                       nil,
		"\x1b[2;24r":                                {"a part of the screen scrolls"},
		"\x1b[1;23r":                                {"a part of the screen scrolls"},
	} {
		if got := leftOver(sent, 24); !slices.Equal(got, want) {
			t.Errorf("%q leaves %q, want %q", sent, got, want)
		}
	}
}
