package hostile

import (
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks a letter may carry on a screen.
const maxMarks = 3

// Fault says what in a text that is drawn could harm a terminal or deceive whoever
// looks at it; nil when nothing could. It names code points itself and asks none
// of the functions that it judges. How wide a text is it does not judge.
func Fault(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("not UTF-8")
	}
	marks := 0
	for i, r := range s {
		if why := forbidden(r); why != "" {
			return fmt.Errorf("%U at byte %d %s", r, i, why)
		}
		if !unicode.Is(unicode.M, r) {
			marks = 0
			continue
		}
		if marks++; i == 0 || marks > maxMarks {
			return fmt.Errorf("%U is mark %d, at byte %d", r, marks, i)
		}
	}
	return nil
}

// unseen are runes that are drawn as nothing although Unicode calls them letters,
// marks or symbols.
var unseen = []rune{
	0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x2800, 0x3164, 0xffa0, 0xfffc,
	0x1107f, 0x13441, 0x13442, 0x16fe4, 0x1d159,
}

func forbidden(r rune) string {
	switch {
	case r != ' ' && !unicode.IsPrint(r), unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
		return "does not print"
	case unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point), slices.Contains(unseen, r):
		return "is not seen"
	case 0x1f3fb <= r && r <= 0x1f3ff, 0x1f1e6 <= r && r <= 0x1f1ff:
		return "is as wide as the terminal likes"
	}
	return ""
}
