package tui

import (
	"cmp"
	"slices"

	"callscreen/relay/call"
)

// ranks is the order of the fields where not all have room. What a decision may
// hang on comes before what is the same for most calls.
var ranks = []string{
	"From", "Hidden", "Altered", "Recording", seenLabel, "", "Via", "On behalf", "Moved by", "Call", "Related", "Subject",
	"To", "Tenant", "Answers in", "Arrived", "Chain", "Call id", "Request id",
}

// incidental are the fields that no decision hangs on.
var incidental = []string{"Answers in", "Arrived", "Chain", "Call id", "Request id"}

// weighty counts the fields that a decision may hang on.
func weighty(all []field) (n int) {
	for _, f := range all {
		if !slices.Contains(incidental, f.label) {
			n++
		}
	}
	return n
}

// condensed puts who and where from into one line where lines are few, and what
// for and to whom into another.
func condensed(all []field, c *call.Call, w int) []field {
	from := field{label: "From", fact: addressed(c.Caller) + " ", text: c.Caller.Display()}
	short := []field{from}
	merged := len(c.To) > 0 && 3+labelCells+call.Width(kindOf(&c.Details)+", to"+c.To[0].Display()) <= w
	first := merged
	for _, f := range all[1:] {
		switch {
		case f.label == "Number" || f.label == "Id":
			continue
		case f.label == "Call" && merged:
			f.fact, f.text = f.fact+", to", c.To[0].Display()
		case f.label == "To" && first:
			first = false // it is in the line of the call
			continue
		}
		short = append(short, f)
	}
	slices.SortStableFunc(short, func(x, y field) int {
		return cmp.Compare(slices.Index(ranks, x.label), slices.Index(ranks, y.label))
	})
	return short
}

// gist is the fields in the fewest lines and by their rank. They are kept: the
// layout asks with every tick how many they are.
func (m *Model) gist(c *call.Call) []field {
	g := &m.cache.gist
	if g.of != c || g.rev != m.rev || g.order != m.queue.order || g.width != m.width {
		w := m.width
		if m.geo.layout == compact {
			w += 2 + labelCells // no labels there
		}
		*g = gist{c, m.rev, m.queue.order, m.width, condensed(m.fields(c, w), c, w)}
	}
	return g.fields
}

type gist struct {
	of                *call.Call
	rev, order, width int
	fields            []field
}

// cardNeeds is how many lines a card would take that leaves out nothing, where
// the layout can give it some.
func (m *Model) cardNeeds() int {
	r, _, ok := m.queue.current()
	switch {
	case !ok || m.width >= 100 && m.height >= 24:
		return 0
	case m.width >= 60 && m.height >= 16:
		return weighty(m.gist(r.call)) + shortLines
	default:
		return len(m.extras(r.call)) + compactCardLines
	}
}
