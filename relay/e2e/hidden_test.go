package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// hidden finds runes that make a source read otherwise than it compiles: those
// that turn the direction of writing and those that have no width (B-02; CVE-2021-42574,
// "Trojan Source"). In Go they can be written as escapes, where everybody sees them.
func hidden(text []byte) (faults []string) {
	line := 1
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == '\n':
			line++
		case r == utf8.RuneError && size == 1:
			faults = append(faults, fmt.Sprintf("line %d: not UTF-8", line))
		case unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r),
			unicode.Is(unicode.Variation_Selector, r), unicode.IsControl(r) && r != '\t' && r != '\r':
			faults = append(faults, fmt.Sprintf("line %d: %U", line, r))
		}
		i += size
	}
	return faults
}

func TestB02NoFileHidesWhatItSays(t *testing.T) {
	root, looked := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "testdata" || e.Name() == ".git"):
			return filepath.SkipDir
		case !e.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		for _, fault := range hidden(text) {
			t.Errorf("%s, %s", path, fault)
		}
		return nil
	})
	if err != nil || looked < 100 {
		t.Errorf("looked at %d files, %v", looked, err)
	}
}

func TestAHiddenRuneIsFound(t *testing.T) {
	for _, r := range []rune{0x202e, 0x2066, 0x200f, 0x61c, 0x200b, 0x200d, 0xfeff, 0x2060, 0xad, 0xe0041, 0xfe0f, 0x115f, 0x7f, 0x1b} {
		if got := hidden([]byte("a\n" + string(r))); len(got) != 1 || !strings.HasPrefix(got[0], "line 2: U+") {
			t.Errorf("%U: %q", r, got)
		}
	}
	if got := hidden([]byte("a\xff")); len(got) != 1 {
		t.Errorf("broken UTF-8: %q", got)
	}
	if got := hidden([]byte("naïve 山田 נועה नमस्ते ▏\t\r\n")); got != nil {
		t.Errorf("letters: %q", got)
	}
}
