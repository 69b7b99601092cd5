package tui

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"callscreen/relay/call"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/exp/golden"
)

var sizes = [][2]int{{120, 40}, {80, 24}, {40, 12}, {30, 6}, {26, 5}}

// everyScreen runs a check for each canned board at each size.
func everyScreen(t *testing.T, sizes [][2]int, o Options, profile colorprofile.Profile, check func(s *stage, name string)) {
	t.Helper()
	for _, b := range boards {
		for _, size := range sizes {
			name := fmt.Sprintf("%s-%dx%d", b.name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				perform(t, size[0], size[1], o, profile, func(s *stage) {
					s.show(b)
					check(s, name)
				})
			})
		}
	}
}

// The screens that the documentation promises, each at each size.
func TestScreens(t *testing.T) {
	everyScreen(t, sizes, Options{Bot: "reception-bot"}, colorprofile.TrueColor, func(s *stage, _ string) {
		golden.RequireEqual(s.t, s.screen())
	})
}

// NO_COLOR takes nothing away but the colours: the text is the same, and so are
// bold and reverse.
func TestScreensWithoutColour(t *testing.T) {
	everyScreen(t, sizes, Options{Bot: "reception-bot"}, colorprofile.ASCII, func(s *stage, name string) {
		raw, err := os.ReadFile(filepath.Join("testdata", "TestScreens", name+".golden"))
		if err != nil {
			s.t.Fatal(err)
		}
		if got := s.screen(); got != string(raw) {
			s.t.Errorf("without colour the screen is another:\n%s\nwith colours:\n%s", got, raw)
		}
		if c := coloured.Find(s.out.bytes.Bytes()); c != nil {
			s.t.Errorf("a colour is sent: %q", c)
		}
	})
}

// coloured is a sequence that sets a colour.
var coloured = regexp.MustCompile(`\x1b\[(?:[0-9;:]*;)?(?:[34][0-8]|9[0-7]|10[0-7])[;:0-9]*m`)

// In ASCII everything that is ours is; names stay as they are written, unless
// the terminal takes nothing else.
func TestScreensInASCII(t *testing.T) {
	everyScreen(t, sizes, Options{Bot: "reception-bot", Charset: ASCIIFrame}, colorprofile.ASCII, func(s *stage, name string) {
		golden.RequireEqual(s.t, s.screen())
		if board, _, _ := strings.Cut(name, "-"); board == "scripts" || board == "imitators" {
			return // theirs are not
		}
		theirs := "山田太郎株式会社नमस्तेदेवी"
		for _, r := range s.screen() {
			if r > '~' && !strings.ContainsRune(theirs, r) {
				s.t.Errorf("%c is on the screen", r)
			}
		}
	})
}

func TestATerminalWithoutUTF8GetsNothingButASCII(t *testing.T) {
	everyScreen(t, sizes[:3], Options{Bot: "reception-bot", Charset: ASCIIOnly}, colorprofile.TrueColor, func(s *stage, name string) {
		if i := slices.IndexFunc(s.out.bytes.Bytes(), func(b byte) bool { return b >= 0x7f }); i >= 0 {
			s.t.Errorf("%s: byte %x is sent: %q", name, s.out.bytes.Bytes()[i], s.out.bytes.Bytes()[max(i-20, 0):i+4])
		}
	})
	// U+011B is the bytes C4 9B: to a terminal that takes bytes, an escape introducer.
	perform(t, 80, 24, Options{}, colorprofile.TrueColor, func(s *stage) {
		d := call.Details{Caller: phone("+1 425 5550101", "\u011b2J"), To: reception}
		s.tell(live(), happened(1, time.Now(), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
		s.rest(time.Second)
		if !strings.Contains(s.out.bytes.String(), "\x9b2J") {
			s.t.Error("the check notices nothing where everything is drawn")
		}
	})
}

// Which cell is in which style, in letters: what stands out, and that the text
// of strangers never does.
func TestScreensAreStyledLikeThis(t *testing.T) {
	everyScreen(t, [][2]int{{80, 24}}, Options{Bot: "reception-bot"}, colorprofile.TrueColor, func(s *stage, _ string) {
		golden.RequireEqual(s.t, s.styles())
	})
}

// styles is the screen with a letter for the style of each cell: t bold, c calm,
// s soon, n now, d dim, r reverse; "?" is a style that the screen does not have.
func (s *stage) styles() string {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	p := newPalette("dark", true)
	letter := map[string]byte{"": '.'}
	for l, st := range map[byte]style{'t': p.title, 'c': p.calm, 's': p.soon, 'n': p.now, 'd': p.dim, 'r': p.mark} {
		letter[attributes(st.pre)] = l
	}
	var b strings.Builder
	for y := range s.m.height {
		line := make([]byte, 0, s.m.width)
		for x := range s.m.width {
			l := byte('.')
			if c := s.out.em.CellAt(x, y); c != nil {
				var ok bool
				if l, ok = letter[attributes(c.Style.String())]; !ok {
					l = '?'
				}
			}
			line = append(line, l)
		}
		b.WriteString(strings.TrimRight(string(line), ".") + "\n")
	}
	return b.String()
}

// attributes is the parameters of a sequence that sets a style, in order.
func attributes(sgr string) string {
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(sgr, "\x1b["), "m"), ";")
	slices.Sort(parts)
	return strings.Join(parts, ";")
}

func TestTheHintAtTheStartStaysUntilItCanHaveBeenSeen(t *testing.T) {
	perform(t, 80, 24, Options{Hint: "Drawn in ASCII."}, colorprofile.TrueColor, func(s *stage) {
		s.tell(call.Update{Link: &call.Link{Try: 1}})
		s.tell(live())
		s.rest(time.Second)
		if !strings.Contains(s.screen(), "Connected.") {
			s.t.Error("the hint hides a message")
		}
		s.rest(5 * time.Second)
		if !strings.Contains(s.screen(), "Drawn in ASCII.") {
			s.t.Errorf("the hint has gone:\n%s", s.screen())
		}
		s.rest(10 * time.Second)
		if strings.Contains(s.screen(), "Drawn in ASCII.") {
			s.t.Error("the hint stays for ever")
		}
	})
}

func TestStaleKeysDecideNothingAfterAFrozenTerminal(t *testing.T) {
	perform(t, 80, 24, Options{}, colorprofile.TrueColor, func(s *stage) {
		s.show(board{tell: fortyCalls, wait: time.Second})
		s.p.Send(frozen{6200 * time.Millisecond})
		for range 10 {
			s.p.Send(press("b"))
		}
		s.rest(100 * time.Millisecond)
		if sent := s.link.decided(); len(sent) != 0 {
			s.t.Errorf("stale keys decided: %v", sent)
		}
		if !strings.Contains(s.screen(), "The terminal was frozen for 6.2 s. Keys typed meanwhile were thrown away.") {
			s.t.Errorf("nothing is said:\n%s", s.screen())
		}
	})
}
