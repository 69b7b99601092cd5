package tui

import (
	"strings"
	"unicode"
)

// Charset is which characters may be drawn.
type Charset int

const (
	// Unicode draws everything.
	Unicode Charset = iota
	// ASCIIFrame draws what is ours in ASCII: blocks, boxes and arrows are of
	// "ambiguous width" and double in some East Asian locales. Names stay as
	// they are written.
	ASCIIFrame
	// ASCIIOnly lets nothing but ASCII through, for terminals that do not speak
	// UTF-8: there the second byte of a letter, such as U+011B, can be an escape
	// introducer, and a caller's name would be a control sequence.
	ASCIIOnly
)

// ChooseCharset is what suits a terminal that speaks UTF-8 or does not, and a hint
// for the user if that is not what was to be expected. Whoever asks for ASCII, or
// for none (nil: did not say), is obeyed.
func ChooseCharset(ascii *bool, utf8 bool) (c Charset, hint string) {
	switch {
	case ascii == nil && !utf8:
		return ASCIIOnly, "The locale (LC_ALL, LC_CTYPE, LANG) is not UTF-8: all is drawn in ASCII. --ascii=false draws it as it is."
	case ascii == nil || !*ascii:
		return Unicode, ""
	case utf8:
		return ASCIIFrame, ""
	default:
		return ASCIIOnly, ""
	}
}

// onlyASCII puts a question mark for each letter that is not ASCII. Marks over
// letters go.
func onlyASCII(s string) string {
	if plainASCII(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case ' ' <= r && r <= '~':
			b.WriteRune(r)
		case r == '…':
			b.WriteByte('~')
		case unicode.Is(unicode.M, r):
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}
