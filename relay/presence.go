package relay

import (
	"cmp"
	"slices"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// saw notes that a console's screen is drawn, and which call is selected on it.
// What a console names is believed as far as the board knows it: other consoles
// are told.
func (d *desk) saw(s *seat, selected call.ID) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	s.drawn, s.looks = now, nil
	if c, ok := d.board.Get(selected); ok && c.State != call.Over {
		s.looks = c
	}
}

// people is who is connected to this relay, by name. The caller holds mu.
func (d *desk) people(now time.Time) map[string]call.Presence {
	people := make(map[string]call.Presence, len(d.seats))
	for s := range d.seats {
		if s.givenUp() {
			continue
		}
		p := call.Presence{Name: s.operator.Name, Decides: s.operator.Decides(), Alive: now.Sub(s.drawn) < wire.AliveWithin}
		if p.Alive && s.looks != nil && s.looks.State != call.Over {
			p.Call = s.looks.ID
		}
		meet(people, p)
	}
	return people
}

// meet enters somebody who may be known from another console.
func meet(people map[string]call.Presence, p call.Presence) {
	if known, ok := people[p.Name]; ok {
		p.Alive, p.Decides = p.Alive || known.Alive, p.Decides || known.Decides
		p.Call = max(p.Call, known.Call) // any, but always the same one
	}
	people[p.Name] = p
}

// gathered is the company that people are, as the consoles are told.
func gathered(people map[string]call.Presence) wire.Company {
	c := wire.Company{Connected: len(people)}
	for _, p := range people {
		c.People = append(c.People, p)
		if p.Watches() {
			c.Watching++
		}
	}
	slices.SortFunc(c.People, func(a, b call.Presence) int {
		return cmp.Or(first(a.Call != "", b.Call != ""), first(a.Watches(), b.Watches()), cmp.Compare(a.Name, b.Name))
	})
	c.People = c.People[:min(len(c.People), wire.MaxPeople)]
	return c
}

// first compares so that what is true comes first.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// watching counts the operators who could decide, as the consoles were told last.
func (d *desk) watching() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.company.Watching
}
