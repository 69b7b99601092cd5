package relay

import (
	"cmp"
	"maps"
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
	if s.operator.Decides() {
		d.watched = now
	}
	if c, ok := d.board.Get(selected); ok && c.State != call.Over {
		s.looks = c
	}
}

// attended is until when nothing may be done on the ground that nobody is watching:
// somebody is, here or at another relay, or it is in doubt. Whoever left a moment
// ago, or whose link or relay broke, may be on his way back. The caller holds no lock.
func (d *desk) attended(now time.Time) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(now)
	until := later(d.watched, d.doubted)
	for _, o := range d.others {
		if o.Attended {
			until = later(until, o.heard)
		}
	}
	return until.Add(wire.AliveWithin)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// doubt notes that at this moment nobody can say who is watching elsewhere.
func (d *desk) doubt(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doubted = now
}

// deaf reports that we do not hear even ourselves among the relays.
func (d *desk) deaf(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return now.Sub(d.echoed) >= wire.AliveWithin
}

// everybody is who is connected to this relay and to the others. The caller holds mu.
func (d *desk) everybody(now time.Time) map[string]call.Presence {
	people := d.people(now)
	d.forget(now)
	for _, o := range d.others {
		for _, p := range o.People {
			meet(people, p)
		}
	}
	return people
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
	c := wire.Company{Connected: len(people), People: arranged(people)}
	for _, p := range people {
		if p.Watches() {
			c.Watching++
		}
	}
	c.People = c.People[:min(len(c.People), wire.MaxPeople)]
	return c
}

// arranged puts first who is the most worth to be told of.
func arranged(people map[string]call.Presence) []call.Presence {
	return slices.SortedFunc(maps.Values(people), func(a, b call.Presence) int {
		return cmp.Or(first(a.Call != "", b.Call != ""), first(a.Watches(), b.Watches()), cmp.Compare(a.Name, b.Name))
	})
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
