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
