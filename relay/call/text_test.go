package call

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"callscreen/relay/call/hostile"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"
)

func TestT01HostileNamesAreDrawnAsText(t *testing.T) {
	for _, x := range hostile.Texts() {
		got, altered := Clean(x.In, NameCells)
		if got != x.Want || altered != x.Altered {
			t.Errorf("%s: %+q, altered %v; want %+q, %v", x, got, altered, x.Want, x.Altered)
		}
		if err := safe(got, NameCells); err != nil {
			t.Errorf("%s: %+q: %v", x, got, err)
		}
		if again, altered := Clean(got, NameCells); again != got || altered {
			t.Errorf("%s: cleaned again %+q, altered %v", x, again, altered)
		}
	}
}

// safe says what a cleaned text may never be.
func safe(s string, cells int) error {
	if err := hostile.Fault(s); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(s) != s, strings.Contains(s, "  "):
		return errors.New("space at an end or twice")
	case joins(s):
		return errors.New("a word joins what stands beside it")
	case Width(s) > max(cells, 0), ansi.StringWidthWc(s) > max(cells, 0):
		return fmt.Errorf("%d cells by grapheme and %d by rune, over %d", Width(s), ansi.StringWidthWc(s), cells)
	}
	return nil
}

// joins reports whether any word is of another width alone than between blanks.
func joins(s string) bool {
	return slices.ContainsFunc(strings.Fields(s), func(word string) bool { return Width(" "+word+" ") != Width(word)+2 })
}

// drawnWrong is how many texts a cleaner draws otherwise than they should be, and
// in how many of them the check of what is never allowed sees it.
func drawnWrong(clean func(string) string) (wrong, unsafe int) {
	for _, x := range hostile.Texts() {
		got := clean(x.In)
		if got != x.Want {
			wrong++
		}
		if safe(got, NameCells) != nil {
			unsafe++
		}
	}
	return wrong, unsafe
}

// defences are the classes of runes that Clean keeps from the screen.
var defences = map[string]func(rune) bool{
	"escape introducers":              func(r rune) bool { return r == 0x1b },
	"BEL":                             func(r rune) bool { return r == '\a' },
	"BS, TAB, LF, VT, FF, CR":         func(r rune) bool { return '\b' <= r && r <= '\r' },
	"SO and SI":                       func(r rune) bool { return r == 0x0e || r == 0x0f },
	"NUL":                             func(r rune) bool { return r == 0 },
	"other C0 controls":               func(r rune) bool { return r < 0x1b && r != 0 && (r < 7 || r > 0xf) || 0x1b < r && r < ' ' },
	"DEL":                             func(r rune) bool { return r == 0x7f },
	"C1 controls":                     func(r rune) bool { return 0x80 <= r && r < 0xa0 },
	"bidi marks":                      func(r rune) bool { return r == 0x200e || r == 0x200f || r == 0x061c },
	"bidi overrides":                  func(r rune) bool { return 0x202a <= r && r <= 0x202e },
	"bidi isolates":                   func(r rune) bool { return 0x2066 <= r && r <= 0x2069 },
	"zero width":                      func(r rune) bool { return 0x200b <= r && r <= 0x200d || r == 0x2060 || r == 0xfeff },
	"soft hyphen":                     func(r rune) bool { return r == 0xad },
	"tags":                            func(r rune) bool { return 0xe0000 <= r && r < 0xe0080 },
	"fillers":                         func(r rune) bool { return slices.Contains([]rune{0x115f, 0x1160, 0x3164, 0xffa0}, r) },
	"blanks that are letters":         blank,
	"variation selectors":             func(r rune) bool { return unicode.Is(unicode.Variation_Selector, r) },
	"ignorable marks":                 func(r rune) bool { return slices.Contains([]rune{0x034f, 0x17b4, 0x17b5}, r) },
	"invisible operators":             func(r rune) bool { return 0x2061 <= r && r <= 0x2064 },
	"deprecated formats":              func(r rune) bool { return 0x206a <= r && r <= 0x206f || r == 0x180e },
	"annotations":                     func(r rune) bool { return 0xfff9 <= r && r <= 0xfffb },
	"line separators":                 func(r rune) bool { return r == 0x2028 || r == 0x2029 },
	"private use":                     func(r rune) bool { return unicode.Is(unicode.Co, r) },
	"noncharacters":                   func(r rune) bool { return r&0xfffe == 0xfffe || 0xfdd0 <= r && r <= 0xfdef },
	"not assigned":                    func(r rune) bool { return r == 0x378 },
	"spaces of other kinds":           func(r rune) bool { return r != ' ' && unicode.Is(unicode.Zs, r) },
	"vowels that join to the left":    func(r rune) bool { return r == 0x0e33 || r == 0x0eb3 || r == 0xff9e },
	"prefixes that join to the right": func(r rune) bool { return r == 0x0d4e },
	"skin tones":                      skinTone,
	"flags":                           func(r rune) bool { return flagLetter(r) != r },
}

// letting is Clean with one class of runes let through: while it cleans they are
// letters that mean nothing.
func letting(through func(rune) bool) func(string) string {
	const letter = 'ʘ'
	return func(s string) string {
		var kept []rune
		hidden := strings.Map(func(r rune) rune {
			if r != utf8.RuneError && through(r) {
				kept = append(kept, r)
				return letter
			}
			return r
		}, s)
		if len(kept) == 0 {
			hidden = s // Map repairs what is no UTF-8
		}
		out, _ := Clean(hidden, NameCells)
		return strings.Map(func(r rune) rune {
			if r == letter && len(kept) > 0 {
				r, kept = kept[0], kept[1:]
			}
			return r
		}, out)
	}
}

// TestT01ACleanerThatLetsOneClassThroughIsCaught is the planted bug, one for each
// defence: both the exact comparison and the check of what is never allowed see it.
func TestT01ACleanerThatLetsOneClassThroughIsCaught(t *testing.T) {
	for name, class := range defences {
		if wrong, unsafe := drawnWrong(letting(class)); wrong == 0 || unsafe == 0 {
			t.Errorf("%s let through: %d texts are drawn wrong, %d found unsafe", name, wrong, unsafe)
		}
	}
	if wrong, unsafe := drawnWrong(letting(func(rune) bool { return false })); wrong+unsafe > 0 {
		t.Errorf("with nothing let through %d texts are drawn wrong, %d found unsafe", wrong, unsafe)
	}
}

// TestT01WeakerCleanersAreCaught is cleaners of another making, each with one
// defence missing.
func TestT01WeakerCleanersAreCaught(t *testing.T) {
	keep := func(drop func(rune) bool) func(string) string {
		return func(s string) string {
			return strings.Map(func(r rune) rune {
				if drop(r) {
					return -1
				}
				return r
			}, strings.ToValidUTF8(s, "�"))
		}
	}
	for name, clean := range map[string]func(string) string{
		"none":                     func(s string) string { return s },
		"the library's":            ansi.Strip,
		"only C0 controls":         keep(func(r rune) bool { return r < 0x20 || r == 0x7f }),
		"only controls":            keep(unicode.IsControl),
		"only what prints":         keep(func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }),
		"what prints, cut by rune": func(s string) string { return firstRunes(keep(invisible)(s), NameCells) },
		"bytes left as they are": func(s string) string {
			if utf8.ValidString(s) {
				s, _ = Clean(s, NameCells)
			}
			return s
		},
		"ours without a limit": func(s string) string {
			out, _ := Clean(s, TextCells)
			return out
		},
		"ours cut by the grapheme alone": func(s string) string {
			return cut(strings.Join(strings.Fields(keep(invisible)(s)), " "), NameCells, Width)
		},
		"ours cut by the byte": func(s string) string {
			out, _ := Clean(s, TextCells)
			return out[:min(len(out), NameCells)]
		},
	} {
		if _, unsafe := drawnWrong(clean); unsafe == 0 {
			t.Errorf("%s: no text shows that it is too weak", name)
		}
	}
}

func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(len(r), n)])
}

// What the library's own function takes out is no defence: this counts what it
// leaves, and ours has to remove all of that.
func TestT02OursRemovesWhatTheLibraryLeaves(t *testing.T) {
	left := map[string]int{}
	all := 0
	for _, x := range hostile.Texts() {
		stripped := ansi.Strip(x.In)
		if hostile.Fault(stripped) == nil {
			continue
		}
		left[x.Class]++
		all++
		got, _ := Clean(stripped, NameCells)
		if err := safe(got, NameCells); err != nil {
			t.Errorf("%s: left by the library, and by ours: %v", x, err)
		}
	}
	t.Logf("of %d texts the library's Strip leaves something in %d: %v", len(hostile.Texts()), all, left)
	for _, class := range []string{"control", "bytes", "direction", "unseen", "mark", "wide"} {
		if left[class] == 0 {
			t.Errorf("nothing of class %s is left: this test has lost its reason", class)
		}
	}
	if all < 100 {
		t.Errorf("the library leaves something in %d texts; fewer than known, so this test has lost its reason", all)
	}
}

func TestT06ANameOfWhichNothingIsSeenSaysSo(t *testing.T) {
	empty := 0
	for _, x := range hostile.Texts() {
		p := Party{Kind: User, ID: "77aa"}
		if p.Name, p.Altered = Clean(x.In, NameCells); p.Name == "" {
			empty++
			if p.Display() != "(no name)" {
				t.Errorf("%s: is shown as %q", x, p.Display())
			}
		}
	}
	if empty < 8 {
		t.Errorf("%d texts only", empty)
	}
}

func TestT06NamesThatDifferOnlyInWhatIsNotSeenRenderTheSame(t *testing.T) {
	var unseen []rune
	for r := range unicode.MaxRune {
		// Of the 4,000 reserved tags some are enough.
		if invisible(r) && (r < 0xe0200 || r%64 == 0) {
			unseen = append(unseen, r)
		}
	}
	if len(unseen) < 500 {
		t.Fatalf("%d invisible code points only", len(unseen))
	}
	for _, name := range []string{"Alice Meyer", "山田太郎", "e\u0301a\u0301", "נועה", "김민수"} {
		want, _ := Clean(name, NameCells)
		letters := []rune(name)
		for i, r := range unseen {
			at := i % (len(letters) + 1)
			got, altered := Clean(string(slices.Insert(slices.Clone(letters), at, r)), NameCells)
			if got != want || !altered {
				t.Errorf("%q with %U: %q, altered %v", name, r, got, altered)
			}
		}
	}
}

func TestT07EveryTextIsAsWideAsPlanned(t *testing.T) {
	for _, x := range hostile.Texts() {
		for cells := -1; cells <= 300; cells += 1 + cells/16 {
			got, _ := Clean(x.In, cells)
			if err := safe(got, min(cells, TextCells)); err != nil {
				t.Errorf("%s at %d cells: %+q: %v", x, cells, got, err)
			}
			row := Cut(x.Want, cells)
			if Width(row) > max(cells, 0) || cells >= Width(x.Want) && row != x.Want {
				t.Errorf("%s cut to %d cells: %+q", x, cells, row)
			}
		}
	}
}

func TestCutNeverPartsAGrapheme(t *testing.T) {
	for _, c := range []struct {
		in    string
		cells int
		want  string
	}{
		{"abc", 3, "abc"},
		{"abc", 2, "a…"},
		{"abc", 1, "…"},
		{"abc", 0, ""},
		{"abc", -5, ""},
		{"", 0, ""},
		{"", -1, ""},
		{"山田", 4, "山田"},
		{"山田", 3, "山…"},
		{"山田", 2, "…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
		{"abcd\u0903efgh", 5, "abcd\u0903…"}, // a spacing mark on an ASCII letter
		{"ab c", 3, "ab…"},
	} {
		if got := Cut(c.in, c.cells); got != c.want {
			t.Errorf("Cut(%+q, %d) = %+q, want %+q", c.in, c.cells, got, c.want)
		}
	}
}

// T-07: a text on several lines is all there, and each line fits on every terminal.
func TestT07ATextOnSeveralLinesLosesNothing(t *testing.T) {
	for _, x := range hostile.Texts() {
		for cells := range 40 {
			whole, _ := Clean(x.In, TextCells)
			got, rest := "", whole
			for line := ""; rest != ""; got += line {
				if line, rest = Split(rest, cells); widest(line) > cells {
					t.Errorf("%s at %d cells: the line %+q", x, cells, line)
				}
				if line == "" {
					line, rest = rest, "" // a grapheme that no such line holds
				}
			}
			if got != whole {
				t.Errorf("%s at %d cells: %+q, want %+q", x, cells, got, whole)
			}
		}
	}
	if line, rest := Split("abe\u0301cd", 3); line != "abe\u0301" || rest != "cd" {
		t.Errorf("%+q and %+q", line, rest)
	}
}

// TestCleanHoldsForAnyText draws texts from the pieces that meet badly.
func TestCleanHoldsForAnyText(t *testing.T) {
	pieces := rapid.SampledFrom([]string{
		"a", " ", "\u0301", "\u0903", "\u094d", "क", "\u1100", "\u1161", "\u11a8", "ൎ", "山", "👨", "\u200d", "\U0001f3fd",
		"\U0001f1e9", "…", "�", "\x1b", "\x9b", "\xe2\x80", "\u202e", "\u3164", "\ufe0f", "\u0e33", "\u20e3", "\u00a0",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat(strings.Join(rapid.SliceOfN(pieces, 0, 12).Draw(t, "text"), ""), rapid.SampledFrom([]int{1, 1, 7, 900}).Draw(t, "times"))
		checkClean(t, text, rapid.IntRange(-1, 300).Draw(t, "cells"))
	})
}

func FuzzClean(f *testing.F) {
	for _, s := range hostile.Names() {
		f.Add(s, NameCells)
	}
	f.Fuzz(func(t *testing.T, s string, cells int) {
		checkClean(t, s, cells%(2*TextCells))
	})
}

func checkClean(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, s string, cells int,
) {
	t.Helper()
	got, altered := Clean(s, cells)
	if err := safe(got, min(cells, TextCells)); err != nil {
		t.Fatalf("Clean(%+q, %d) = %+q: %v", s, cells, got, err)
	}
	if s != "" && got == "" && cells > 0 && !altered {
		t.Fatalf("Clean(%+q, %d) leaves nothing and does not say so", s, cells)
	}
	again, altered := Clean(got, cells)
	if again != got || altered {
		t.Fatalf("Clean(%+q, %d) = %+q, and of that %+q, altered %v", s, cells, got, again, altered)
	}
	short := Cut(got, cells/2)
	if Width(short) > max(cells/2, 0) || joins(short) {
		t.Fatalf("Cut(%+q, %d) = %+q is %d cells wide", got, cells/2, short, Width(short))
	}
	if again, altered := Clean(short, TextCells); again != short || altered {
		t.Fatalf("a cut text %+q is cleaned to %+q, altered %v", short, again, altered)
	}
}
