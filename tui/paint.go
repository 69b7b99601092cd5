package tui

import (
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"
)

// cells builds one row of a known width. Whatever is put into it, it ends up
// exactly that wide: what does not fit is cut, what is missing is padded.
type cells struct {
	b     strings.Builder
	width int
	free  int
	glyph *glyphs
}

func newCells(width int, g *glyphs) *cells {
	c := &cells{width: max(width, 0), free: max(width, 0), glyph: g}
	c.b.Grow(c.free + 96)
	return c
}

// put writes a text into a column of exactly w cells, or into what is free.
func (c *cells) put(st style, s string, w int) {
	w = min(w, c.free)
	if w <= 0 {
		return
	}
	s, n := c.fit(s, w)
	c.raw(st, s, n)
	c.pad(w - n)
}

// putRight is put with the text at the right end of the column.
func (c *cells) putRight(st style, s string, w int) {
	w = min(w, c.free)
	if w <= 0 {
		return
	}
	s, n := c.fit(s, w)
	c.pad(w - n)
	c.raw(st, s, n)
}

// add writes a text as wide as it is, or as much of it as fits.
func (c *cells) add(st style, s string) {
	s, n := c.fit(s, c.free)
	c.raw(st, s, n)
}

// stranger writes a text of strangers: cleaned once more, without any style,
// and, as it ends the row or pane, without anything to its right that a wrongly
// measured character could push.
func (c *cells) stranger(s string, limit int) {
	s, _ = call.Clean(s, min(limit, c.free))
	c.add(style{}, s)
}

// raw writes a text that is known to be n cells wide and to fit.
func (c *cells) raw(st style, s string, n int) {
	if n <= 0 {
		return
	}
	c.b.WriteString(st.pre)
	c.b.WriteString(s)
	c.b.WriteString(st.post)
	c.free -= n
}

func (c *cells) pad(n int) {
	n = min(n, c.free)
	for n > 0 {
		k := min(n, len(blanks))
		c.b.WriteString(blanks[:k])
		c.free -= k
		n -= k
	}
}

// end pads the row to its width and returns it.
func (c *cells) end() string {
	c.pad(c.free)
	return c.b.String()
}

const blanks = "                                                                                "

// fit cuts a text to w cells and says how wide the result is.
func (c *cells) fit(s string, w int) (string, int) {
	if w <= 0 {
		return "", 0
	}
	if plainASCII(s) {
		if len(s) <= w {
			return s, len(s)
		}
		return s[:w-1] + c.glyph.more, w
	}
	if c.glyph.only {
		return c.fit(onlyASCII(s), w)
	}
	if n := call.Width(s); n > w {
		s = call.Cut(s, w)
	}
	if c.glyph.more != "…" {
		s = strings.ReplaceAll(s, "…", c.glyph.more)
	}
	return s, call.Width(s)
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// bar draws how much of a span is left, in eighths of a cell.
func (c *cells) bar(st style, left, whole time.Duration, w int) {
	w = min(w, c.free)
	if w <= 0 || whole <= 0 {
		return
	}
	eighths := int(max(min(left, whole), 0) * time.Duration(8*w) / whole)
	full, part := eighths/8, eighths%8
	if c.glyph.part == nil {
		part = 0
	}
	var s strings.Builder
	s.Grow(4 * w)
	for range full {
		s.WriteString(c.glyph.full)
	}
	if part > 0 {
		s.WriteString(c.glyph.part[part-1])
		full++
	}
	for range w - full {
		s.WriteString(c.glyph.empty)
	}
	c.raw(st, s.String(), w)
}

// rule is a horizontal line with a title, and sometimes a text at its right end.
func rule(p *palette, g *glyphs, w int, title, right string) string {
	c := newCells(w, g)
	if title != "" {
		c.add(p.dim, g.rule+" ")
		c.add(p.title, title)
		c.pad(1)
	}
	if right != "" && call.Width(right)+3 < c.free {
		n := c.free - call.Width(right) - 3
		c.raw(p.dim, strings.Repeat(g.rule, n), n)
		c.add(p.dim, " "+right+" "+g.rule)
	} else {
		c.raw(p.dim, strings.Repeat(g.rule, c.free), c.free)
	}
	return c.end()
}

// tenths writes seconds and tenths, never more than is really left.
func tenths(d time.Duration) string {
	n := int64(max(d, 0) / (100 * time.Millisecond))
	var b [16]byte
	s := strconv.AppendInt(b[:0], n/10, 10)
	s = append(s, '.', "0123456789"[n%10])
	return string(s)
}

// ms writes a span in whole milliseconds.
func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + " ms" }

// seconds writes a span in whole seconds, rounded up so that it counts to 1.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((max(d, 0)+time.Second-1)/time.Second), 10) + " s"
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// used is how wide the row is so far, for a row of the screen's width.
func (c *cells) used() int { return c.width - c.free }

// join appends another row's cells.
func (c *cells) join(part *cells) {
	if n := part.used(); n <= c.free {
		c.raw(style{}, part.b.String(), n)
	} else {
		c.add(style{}, part.b.String())
	}
}

// cut is the row so far, shortened with its styles kept whole.
func (c *cells) cut(w int) string { return call.Cut(c.b.String(), max(w, 0)) }
