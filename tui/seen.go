package tui

import (
	"slices"
	"strconv"
	"strings"

	"callscreen/relay/call"
)

// fields is everything that is known of a call: what Graph said, and what the
// record of the day knows of its caller and of calls that belong to it.
// What has no room in a line of w cells goes on in the next.
func (m *Model) fields(c *call.Call, w int) []field {
	all := fields(c)
	after := slices.IndexFunc(all, func(f field) bool {
		return !slices.Contains([]string{"From", "Altered", "Number", "Id", "Hidden", "Recording"}, f.label)
	})
	var ours []field
	if s := m.seen(c); s != "" {
		first, rest, _ := strings.Cut(s, ", ")
		if rest != "" && 2+labelCells+call.Width(s) > w {
			ours = append(ours, field{label: seenLabel, fact: first}, field{fact: rest})
		} else {
			ours = append(ours, field{label: seenLabel, fact: s})
		}
	}
	if s := m.related(c); s != "" {
		ours = append(ours, field{label: "Related", fact: s})
	}
	return slices.Insert(all, after, ours...)
}

const seenLabel = "Seen"

// seen is "3rd call today, last 11:05 busy by ana". All of it is ours: the
// caller's name has no part in it. Nothing is said of who cannot be known again.
func (m *Model) seen(c *call.Call) string {
	nth, last, ok := m.board.Seen(c)
	if !ok {
		return ""
	}
	s := ordinal(nth) + " call today"
	if !last.At.IsZero() {
		s += ", last " + last.At.Format("15:04") + " " + visitWords(last, m.link.Operator)
	}
	return s
}

// visitWords is how an earlier call of the caller ended, and by whom.
func visitWords(v call.Visit, me string) string {
	by := ""
	switch v.By {
	case "":
	case me:
		by = " by you"
	default:
		by = " by " + tidy(v.By, operatorCells)
	}
	decided := tidy(string(v.Reason), operatorCells) + by
	switch v.Ending {
	case call.EndRejected, call.EndUnconfirmed:
		return decided
	case call.EndGone:
		return "gone before " + decided
	case call.EndHungUp:
		return "hung up"
	case call.EndTimedOut:
		return "timed out"
	case call.EndRefused:
		return decided + ", refused by Graph"
	case call.EndUnknown:
		return decided + ", outcome unknown"
	default:
		return tidy(string(v.Ending), operatorCells)
	}
}

// ordinal is 1st, 2nd, 3rd, 4th, 11th, 21st.
func ordinal(n int) string {
	s := strconv.Itoa(n)
	switch {
	case n%100/10 == 1:
		return s + "th"
	case n%10 == 1:
		return s + "st"
	case n%10 == 2:
		return s + "nd"
	case n%10 == 3:
		return s + "rd"
	default:
		return s + "th"
	}
}

// relatedMost is how many calls of one chain are named.
const relatedMost = 3

// related names the other calls in the queue that are legs of one conversation,
// by their place: "to call 2, 5". It is a hint; nothing is decided by it.
func (m *Model) related(c *call.Call) string {
	if c.Chain == "" {
		return ""
	}
	s, n := "", 0
	for _, r := range m.queue.rows {
		if r.number == 0 || r.call.Chain != c.Chain || r.call.ID.Key() == c.ID.Key() {
			continue
		}
		n++
		switch {
		case n == 1:
			s = "to call " + strconv.Itoa(r.number)
		case n <= relatedMost:
			s += ", " + strconv.Itoa(r.number)
		}
	}
	if n > relatedMost {
		s += " and " + strconv.Itoa(n-relatedMost) + " more"
	}
	return s
}
