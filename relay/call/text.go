package call

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/clipperhouse/uax29/v2/graphemes"
)

const (
	// NameCells is the widest cleaned name, in terminal cells.
	NameCells = 64
	// TextCells is the widest cleaned text of any other field, and of any field:
	// [Clean] takes a larger width for this one.
	TextCells = 256
	// maxMarks is how many combining marks one base letter may carry. Real
	// scripts need two or three; a hundred paint over the rows around them.
	maxMarks = 3
	// maxRead bounds the work on one text, in bytes. The longest cleaned text,
	// TextCells letters of four bytes with their marks, just fits: cleaning it
	// again cuts nothing.
	maxRead = TextCells * (1 + maxMarks) * utf8.UTFMax
	// ellipsis ends a text that was cut. It is one cell wide.
	ellipsis = "…"
)

// Clean makes a text of strangers safe to draw: callers choose their names,
// and a terminal obeys what it is shown. It is an allow-list, run when a text
// enters the house and once more when it is drawn:
//
//   - printable runes stay; every run of spaces of any kind becomes one ASCII
//     space, and none at either end;
//   - controls, escape introducers and whatever Unicode does not print become U+FFFD;
//   - what is invisible or turns the reading direction is taken out: bidi
//     controls, zero-width characters, tags, fillers, variation selectors;
//   - at most three combining marks stay on a letter, and nothing stays that would
//     join what stands before or after a word;
//   - the result is at most cells wide, cut between graphemes and ended with "…".
//     Terminals that count grapheme by grapheme and those that count rune by
//     rune disagree; the limit holds for both.
//
// The second result says that something was replaced or taken out that could
// have deceived (not that the text was merely too long), or that nothing is left
// to be seen of a text that is not empty. Clean is idempotent:
// cleaning a cleaned text returns it unaltered.
func Clean(s string, cells int) (string, bool) {
	if s == "" || len(s) <= min(cells, TextCells) && plain(s) {
		return s, false // most names, and what is cleaned once more to be drawn
	}
	s, more := head(s)
	altered := false
	var b []byte
	marks, space := -1, false // marks on the current base; -1 before any base
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		bad := r == utf8.RuneError && size == 1
		s = s[size:]
		switch {
		case unicode.Is(unicode.Zs, r):
			n := len(b)
			b = unjoined(b)
			altered = altered || len(b) < n
			space, marks = len(b) > 0, -1
			continue
		case invisible(r):
			altered = true
			continue
		case skinTone(r):
			continue // its width depends on the terminal; nothing is lost
		case unicode.Is(unicode.M, r):
			if marks < 0 || marks >= maxMarks {
				altered = true
				continue
			}
			marks++
		case bad || !unicode.IsPrint(r):
			r, altered, marks = utf8.RuneError, true, 0
		case marks < 0 && joined("a", string(r)):
			altered = true // no mark, and yet it would join whatever stands before the word
			continue
		default:
			r, marks = flagLetter(r), 0
		}
		if space {
			b = append(b, ' ')
			space = false
		}
		b = utf8.AppendRune(b, r)
	}
	out := string(unjoined(b))
	switch altered = altered || len(out) < len(b); {
	case out == "":
		altered = true // a blank in the place of a name, whatever it is made of and whatever comes after it
	case more:
		out += ellipsis
	}
	return cut(out, min(cells, TextCells), widest), altered
}

// unjoined takes from the end of a text what would join whatever follows.
func unjoined(b []byte) []byte {
	for {
		r, size := utf8.DecodeLastRune(b)
		if size <= 1 || !joined(string(r), " ") {
			return b
		}
		b = bytes.TrimRight(b[:len(b)-size], " ")
	}
}

// joined reports whether two characters beside each other are one grapheme. A
// text or word that began or ended so would have another width in a row than alone.
func joined(before, after string) bool {
	g := graphemes.FromString(before + after)
	return g.Next() && g.End() == len(before)+len(after)
}

// plain reports a text of printable ASCII with no space at an end or beside another.
func plain(s string) bool {
	space := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == ' ' && space {
			return false
		}
		space = s[i] == ' '
	}
	return !space
}

// head is the part of a text that is read, cut between runes, and whether
// there is more.
func head(s string) (string, bool) {
	if len(s) <= maxRead {
		return s, false
	}
	end := maxRead
	for end > maxRead-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end], true
}

// Cut shortens a cleaned text to a width in terminal cells, between graphemes,
// ending in "…". For no cells nothing is left.
func Cut(s string, cells int) string { return cut(s, cells, Width) }

// cut does not use the library's Truncate: that one counts a mark on an ASCII
// letter by itself and may part the two.
func cut(s string, cells int, width func(string) int) string {
	if width(s) <= cells {
		return s
	}
	room := cells - 1 // for the ellipsis
	if room < 0 {
		return ""
	}
	return s[:fits(s, room, width)] + ellipsis
}

// Split parts a cleaned text into as much of it as fits a line of a width in
// terminal cells, whichever way the terminal counts, and the rest; between
// graphemes. One grapheme may be too wide for a line: then the first is empty.
func Split(s string, cells int) (line, rest string) {
	end := fits(s, cells, widest)
	return s[:end], s[end:]
}

// fits is how many bytes of a text have room in a width, in whole graphemes.
func fits(s string, room int, width func(string) int) int {
	end, used := 0, 0
	for g := graphemes.FromString(s); g.Next(); end = g.End() {
		if used += width(g.Value()); used > room {
			break
		}
	}
	return end
}

// Width is how many terminal cells a cleaned text takes. Cutting and padding
// must agree on it, so there is this one.
func Width(s string) int { return ansi.StringWidth(s) }

// widest is the cells of a text on the terminal that gives it most. A grapheme
// may join any number of letters (Hangul consonants, Indic conjuncts) and count
// as two cells here and as hundreds there.
func widest(s string) int { return max(Width(s), ansi.StringWidthWc(s)) }

// invisible reports runes that print nothing or change how others are read.
func invisible(r rune) bool {
	switch {
	case r < 0x80:
		return false
	case unicode.Is(unicode.Cf, r): // bidi controls, zero width, tags, soft hyphen, byte order mark
		return true
	case unicode.Is(unicode.Variation_Selector, r):
		return true
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r): // Hangul fillers, grapheme joiner, Khmer inherent vowels
		return true
	}
	return blank(r)
}

// blank reports the letters, marks and symbols that are drawn as nothing
// although Unicode counts them as visible.
func blank(r rune) bool {
	switch r {
	case '\u2800', // braille pattern blank
		'\ufffc',     // object replacement character
		'\U0001107f', // Brahmi number joiner
		'\U00013441', // Egyptian hieroglyph full blank
		'\U00013442', // Egyptian hieroglyph half blank
		'\U00016fe4', // Khitan small script filler
		'\U0001d159': // musical symbol null notehead
		return true
	}
	return false
}

// skinTone reports the emoji modifiers.
func skinTone(r rune) bool { return 0x1f3fb <= r && r <= 0x1f3ff }

// flagLetter turns a regional indicator into its letter: terminals disagree on
// how wide a flag is.
func flagLetter(r rune) rune {
	if 0x1f1e6 <= r && r <= 0x1f1ff {
		return 'A' + r - 0x1f1e6
	}
	return r
}
