package relay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/operator"
	"callscreen/relay/wire"
)

// company reads on to a status or welcome that tells of a company as wished.
func (c *console) company(what string, is func(wire.Company) bool) wire.Company {
	c.t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); {
		f, err := c.read()
		if err != nil {
			c.t.Fatalf("%s: %v", what, err)
		}
		if f.Kind != wire.KindStatus {
			continue
		}
		var s wire.Status
		if err := json.Unmarshal(f.Raw, &s); err != nil {
			c.t.Fatal(err)
		}
		if is(s.Company) {
			return s.Company
		}
	}
	c.t.Fatalf("never: %s", what)
	return wire.Company{}
}

func (c *console) alive(selected string) {
	c.t.Helper()
	c.send(wire.FromConsole{Kind: wire.KindAlive, Call: call.ID(selected)})
}

// observer makes an operator who only sees.
func (h *house) observer(name string) {
	h.t.Helper()
	token, err := h.operators.Add(name, operator.Grant{Role: call.Observing})
	if err != nil {
		h.t.Fatal(err)
	}
	h.tokens[name] = token
}

func TestConsolesAreToldWhoIsThereAndWhoLooksAtWhichCall(t *testing.T) {
	h := newHouse(t)
	h.observer("eva")
	h.ring("a")
	ana, w := h.sitDown("ana")
	if w.Watching != 0 {
		t.Errorf("the welcome says that %d are watching before a screen was drawn", w.Watching)
	}
	ben, _ := h.sitDown("ben")
	eva, _ := h.sitDown("eva")
	ben.alive("a")
	eva.alive("a")
	got := ana.company("ben and eva", func(c wire.Company) bool {
		return c.Watching == 1 && c.Connected == 3 && len(c.People) == 3 && c.People[1].Call != ""
	})
	want := []call.Presence{{Name: "ben", Alive: true, Decides: true, Call: "a"}, {Name: "eva", Alive: true, Call: "a"}, {Name: "ana", Decides: true}}
	if !slices.Equal(got.People, want) {
		t.Errorf("there are %+v, want %+v", got.People, want)
	}
	if status, body := get(t, h.url+"/readyz"); status != http.StatusOK || !strings.HasSuffix(body, "\r\nready\n") {
		t.Errorf("ready answers %d %q", status, body)
	}
	if _, body := get(t, h.url+"/metrics"); !strings.Contains(body, "\ncallscreen_watching 1\n") {
		t.Error("no metric says that one is watching")
	}
	ben.alive("nonsense") // a call that the board does not know is nobody's to look at
	ana.company("ben looks away", func(c wire.Company) bool { return !strings.Contains(fmt.Sprint(c), "{ben true true a}") })
	_ = ben.conn.Close()
	ana.company("ben has left", func(c wire.Company) bool { return c.Connected == 2 && c.Watching == 0 })
	if status, body := get(t, h.url+"/readyz"); status != http.StatusOK || !strings.HasSuffix(body, "\r\nready, but nobody is watching\n") {
		t.Errorf("ready answers %d %q", status, body)
	}
}

// A screen that stands still is silent; its socket is not.
func TestAScreenThatStandsStillCountsNoLongerAfterThreeBeats(t *testing.T) {
	d := newDesk("E", Limits{}.withDefaults(), nil, nil)
	for name, s := range map[string]*seat{
		"drawn": {drawn: time.Now().Add(-wire.AliveWithin + time.Second)}, "still": {drawn: time.Now().Add(-wire.AliveWithin)}, "never": {},
	} {
		s.operator, s.gone = call.Operator{Name: name, Role: call.Deciding}, make(chan struct{})
		d.seats[s] = struct{}{}
	}
	got := gathered(d.people(time.Now()))
	want := []call.Presence{{Name: "drawn", Alive: true, Decides: true}, {Name: "never", Decides: true}, {Name: "still", Decides: true}}
	if got.Watching != 1 || got.Connected != 3 || !slices.Equal(got.People, want) {
		t.Errorf("there are %+v", got)
	}
}

func TestAStatusNamesOnlySoManyAndWhoLooksAtACallFirst(t *testing.T) {
	people := map[string]call.Presence{}
	for i := range 100 {
		meet(people, call.Presence{Name: fmt.Sprintf("o%02d", i), Decides: true, Alive: i%2 == 0})
	}
	meet(people, call.Presence{Name: "o99", Alive: true, Decides: true, Call: "a"})
	got := gathered(people)
	if got.Connected != 100 || got.Watching != 51 || len(got.People) != wire.MaxPeople || got.People[0].Name != "o99" || got.People[1].Name != "o00" {
		t.Errorf("there are %+v", got)
	}
}

func TestWhatIsNoRumourOfARelayIsNotBelieved(t *testing.T) {
	crowd := make([]call.Presence, mostTold+1)
	for name, tc := range map[string]struct {
		r     rumour
		sound bool
	}{
		"of nobody":     {rumour{Relay: "r"}, true},
		"of ben":        {rumour{Relay: "r", People: []call.Presence{{Name: "ben", Call: "a"}}}, true},
		"without relay": {rumour{}, false},
		"a crowd":       {rumour{Relay: "r", People: crowd}, false},
		"a long name":   {rumour{Relay: "r", People: []call.Presence{{Name: strings.Repeat("n", 129)}}}, false},
		"no call":       {rumour{Relay: "r", People: []call.Presence{{Name: "ben", Call: "../x"}}}, false},
	} {
		if tc.r.sound() != tc.sound {
			t.Errorf("%s: sound is %v", name, !tc.sound)
		}
	}
	d := newDesk("E", Limits{}.withDefaults(), nil, nil)
	for i := range 2 * mostRelays {
		d.hear(rumour{Relay: fmt.Sprint(i)}, false, time.Now())
	}
	if len(d.others) != mostRelays {
		t.Errorf("%d relays are remembered", len(d.others))
	}
}
