package hostile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// moving ends the control sequences by which a renderer goes to a cell, erases,
// repeats and scrolls. How many of them it needs, and which, depends on how wide
// a text is.
const moving = "ABCDEFGHIdfKJXPbr@LMST"

// Sequences is the set of what a terminal that is sent these bytes obeys: control
// sequences with their parameters but for those of moving and erasing, strings by
// their kind and number, and whatever else is no text. Two screens on which only
// names differ have the same.
func Sequences[T string | []byte](sent T) []string {
	seen := map[string]bool{}
	s, state := string(sent), ansi.NormalState
	for s != "" {
		seq, _, n, next := ansi.DecodeSequence(s, state, nil)
		if kind := kindOf(seq); kind != "" {
			seen[fmt.Sprintf("%q", kind)] = true
		}
		s, state = s[max(n, 1):], next
	}
	return slices.Sorted(maps.Keys(seen))
}

func kindOf(seq string) string {
	last := len(seq) - 1
	switch {
	case seq == "" || strings.Contains("\n\r\b\t", seq) || seq == "\x1bM":
		return "" // the renderer's own ways of moving
	case ansi.HasCsiPrefix(seq):
		if seq[0] == 0x1b && strings.IndexByte(moving, seq[last]) >= 0 && !strings.ContainsAny(seq, "?>=<") {
			return ""
		}
		return seq
	case ansi.HasOscPrefix(seq), ansi.HasDcsPrefix(seq), ansi.HasApcPrefix(seq), ansi.HasPmPrefix(seq), ansi.HasSosPrefix(seq):
		kind, _, _ := strings.Cut(seq, ";")
		return strings.TrimRight(strings.TrimSuffix(kind, "\x9c"), "\a\x1b\\")
	case seq[0] == 0x1b:
		return seq
	case Fault(" "+seq) != nil:
		return seq
	default:
		return ""
	}
}
