package relay

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// Gossip is how the relays on one journal tell each other what is worth no
// record; package journal carries it. Messages may get lost, and whoever
// subscribes hears his own too.
type Gossip interface {
	Publish(data []byte) error
	Subscribe(fn func(data []byte)) (stop func(), err error)
}

const (
	// mostRelays bounds how many others are remembered.
	mostRelays = 64
	// mostTold bounds how many people one relay tells the others of.
	mostTold = 256
)

// rumour is what a relay tells the others of its own consoles.
type rumour struct {
	Relay    string          `json:"relay"`
	Attended bool            `json:"attended"` // somebody who could decide is watching here
	People   []call.Presence `json:"people,omitempty"`
}

// sound checks it like any outside input: others may publish on a shared server.
func (r *rumour) sound() bool {
	return r.Relay != "" && len(r.Relay) <= 64 && len(r.People) <= mostTold && !slices.ContainsFunc(r.People, func(p call.Presence) bool {
		_, err := call.ParseID(string(p.Call))
		return len(p.Name) > 128 || p.Call != "" && err != nil
	})
}

// elsewhere is what another relay told last.
type elsewhere struct {
	rumour
	heard time.Time
}

// keepListening hears the other relays until the context ends. One that cannot
// hear is in doubt about everything, and says so in its log.
func (s *Server) keepListening(ctx context.Context) error {
	stop, err := s.opts.Gossip.Subscribe(func(data []byte) {
		var r rumour
		if json.Unmarshal(data, &r) == nil && r.sound() {
			s.desk.hear(r, r.Relay == s.id, time.Now())
		}
	})
	if err != nil {
		s.log.Warn("the other relays cannot be heard: the unattended policy is not applied", "err", err)
		return nil
	}
	<-ctx.Done()
	stop()
	return nil
}

// gossip tells the other relays of our consoles, on every beat and at each change.
func (s *Server) gossip() {
	r, due := s.desk.rumour(s.id, time.Now())
	if !due {
		return
	}
	data, err := json.Marshal(r)
	if err == nil {
		err = s.opts.Gossip.Publish(data)
	}
	if err != nil {
		s.hush.warn("gossip", "the other relays could not be told who is watching", "err", err)
	}
}

// rumour is what there is to tell, and whether it is time.
func (d *desk) rumour(id string, now time.Time) (r rumour, due bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r = rumour{Relay: id, Attended: now.Before(d.watched.Add(wire.AliveWithin))}
	here := arranged(d.people(now))
	r.People = here[:min(len(here), mostTold)]
	told, err := json.Marshal(r)
	if err != nil || string(told) == d.rumoured && now.Sub(d.spoke) < wire.AliveEvery {
		return r, false
	}
	d.rumoured, d.spoke = string(told), now
	return r, true
}

// hear takes in what a relay told.
func (d *desk) hear(r rumour, ours bool, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ours {
		d.echoed = now
		return
	}
	d.forget(now)
	if _, known := d.others[r.Relay]; known || len(d.others) < mostRelays {
		d.others[r.Relay] = elsewhere{r, now}
	}
}

// forget drops the relays that have fallen silent. The caller holds mu.
func (d *desk) forget(now time.Time) {
	for id, o := range d.others {
		if now.Sub(o.heard) >= wire.AliveWithin {
			delete(d.others, id)
		}
	}
}
