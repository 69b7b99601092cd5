package call

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"
)

func TestT01HostileNamesAreDrawnAsText(t *testing.T) {
	for _, s := range hostile {
		got, altered := Clean(s.in, NameCells)
		if got != s.want || altered == s.kept {
			t.Errorf("%s: %+q, altered %v; want %+q, %v", s.name, got, altered, s.want, !s.kept)
		}
		if err := safe(got, NameCells); err != nil {
			t.Errorf("%s: %+q: %v", s.name, got, err)
		}
	}
	if len(hostile) < 60 {
		t.Errorf("%d samples only", len(hostile))
	}
}

// safe says what a cleaned text may never be. It names code points and does not
// ask the function it judges.
func safe(s string, cells int) error {
	marks := 0
	for i, r := range s {
		switch {
		case !utf8.ValidString(s):
			return errors.New("not UTF-8")
		case r != ' ' && !unicode.IsPrint(r), unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			return fmt.Errorf("%U does not print", r)
		case unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point),
			slices.Contains([]rune{0x115f, 0x1160, 0x2800, 0x3164, 0xffa0, 0xfffc, 0x034f, 0x17b4, 0x17b5, 0x1d159}, r):
			return fmt.Errorf("%U is not seen", r)
		case 0x1f3fb <= r && r <= 0x1f3ff, 0x1f1e6 <= r && r <= 0x1f1ff:
			return fmt.Errorf("%U is as wide as the terminal likes", r)
		case unicode.Is(unicode.M, r):
			if marks++; i == 0 || marks > 3 {
				return fmt.Errorf("mark %d at %d", marks, i)
			}
			continue
		}
		marks = 0
	}
	switch {
	case strings.TrimSpace(s) != s, strings.Contains(s, "  "):
		return errors.New("space at an end or twice")
	case Width(s) > max(cells, 0), ansi.StringWidthWc(s) > max(cells, 0):
		return fmt.Errorf("%d cells by grapheme and %d by rune, over %d", Width(s), ansi.StringWidthWc(s), cells)
	}
	return nil
}

// TestT01WeakerCleanersAreCaught is the planted bugs: each cleaner leaves one
// defence out, and the check above must see it in at least one sample.
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
		if !slices.ContainsFunc(hostile, func(s sample) bool { return safe(clean(s.in), NameCells) != nil }) {
			t.Errorf("%s: no sample shows that it is too weak", name)
		}
	}
}

func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(len(r), n)])
}

func TestT02OursRemovesWhatTheLibraryLeaves(t *testing.T) {
	left := 0
	for _, s := range hostile {
		stripped := ansi.Strip(s.in)
		if safe(stripped, TextCells*100) == nil {
			continue
		}
		left++
		got, _ := Clean(stripped, NameCells)
		if err := safe(got, NameCells); err != nil {
			t.Errorf("%s: left by the library, and by ours: %v", s.name, err)
		}
	}
	if left < 25 {
		t.Errorf("the library leaves something in %d samples; fewer than known, so this test has lost its reason", left)
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
	for _, s := range hostile {
		for cells := -1; cells <= 300; cells += 1 + cells/16 {
			got, _ := Clean(s.in, cells)
			if err := safe(got, min(cells, TextCells)); err != nil {
				t.Errorf("%s at %d cells: %+q: %v", s.name, cells, got, err)
			}
			row := Cut(s.want, cells)
			if Width(row) > max(cells, 0) || cells >= Width(s.want) && row != s.want {
				t.Errorf("%s cut to %d cells: %+q", s.name, cells, row)
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
	for _, s := range hostile {
		f.Add(s.in, NameCells)
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
	got, _ := Clean(s, cells)
	if err := safe(got, min(cells, TextCells)); err != nil {
		t.Fatalf("Clean(%+q, %d) = %+q: %v", s, cells, got, err)
	}
	again, altered := Clean(got, cells)
	if again != got || altered {
		t.Fatalf("Clean(%+q, %d) = %+q, and of that %+q, altered %v", s, cells, got, again, altered)
	}
	short := Cut(got, cells/2)
	if Width(short) > max(cells/2, 0) {
		t.Fatalf("Cut(%+q, %d) = %+q is %d cells wide", got, cells/2, short, Width(short))
	}
	if again, altered := Clean(short, TextCells); again != short || altered {
		t.Fatalf("a cut text %+q is cleaned to %+q, altered %v", short, again, altered)
	}
}
