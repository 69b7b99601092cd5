package call

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
)

// callersKept is how many callers one generation of the day's record holds. Two
// generations are kept, so at least the last 2,500 different callers of the day
// are known and never more than 5,000, whoever floods the house.
const callersKept = 2500

// CallerKey tells callers apart: by kind and identifier, never by a name, which
// callers choose. It is a digest, so that a record of thousands has a known size
// and says of nobody who he is.
type CallerKey [12]byte

// Recognisable reports whether a party can be known again by kind and identifier:
// the anonymous, those whom Graph hides and those of no known kind cannot.
func (p Party) Recognisable() bool {
	switch {
	case p.ID == "", strings.EqualFold(p.ID, "anonymous"):
		return false
	case p.Kind == UnknownParty, p.Kind == "", p.Kind == Encrypted:
		return false
	case p.Kind == Phone && !strings.ContainsAny(p.ID, "0123456789"):
		return false // "restricted", "sip:anonymous@anonymous.invalid" and their like
	default:
		return true
	}
}

// CallerKeyOf is the key of a party; ok is false for one that is not [Party.Recognisable].
func CallerKeyOf(p Party) (key CallerKey, ok bool) {
	if !p.Recognisable() {
		return key, false
	}
	sum := sha256.Sum256([]byte(string(p.Kind) + "\x00" + p.ID))
	copy(key[:], sum[:])
	return key, true
}

// MarshalText writes the key as hexadecimal digits.
func (k CallerKey) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

var errCallerKey = errors.New("a caller's key has 24 hexadecimal digits")

// UnmarshalText reads hexadecimal digits.
func (k *CallerKey) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(k)) {
		return errCallerKey
	}
	var read CallerKey
	if _, err := hex.Decode(read[:], text); err != nil {
		return errCallerKey
	}
	*k = read
	return nil
}

// Visit is a finished call of a caller, as far as it matters when he calls again.
type Visit struct {
	At     time.Time `json:"-"` // when it rang; zero when there was none
	Ending Ending    `json:"ending,omitempty"`
	Reason Reason    `json:"reason,omitempty"` // of the last claim
	By     string    `json:"by,omitempty"`     // who made it
}

// Caller is what the day's record knows of one caller.
type Caller struct {
	Key  CallerKey `json:"key"`
	Rang int       `json:"rang"` // today
	Last Visit     `json:"last,omitzero"`
}

// callers is the day's record of who called, in two generations: when the recent
// one is full it becomes the older, and the one before that is forgotten.
// Whoever calls again moves to the recent one.
type callers struct {
	recent, older map[CallerKey]Caller
}

// ring notes a call and returns how many there were today with it.
func (cs *callers) ring(key CallerKey) int {
	c, known := cs.recent[key]
	if !known {
		if c, known = cs.older[key]; known {
			delete(cs.older, key)
		} else {
			c.Key = key
		}
		if len(cs.recent) >= callersKept {
			cs.older, cs.recent = cs.recent, nil
		}
		if cs.recent == nil {
			cs.recent = map[CallerKey]Caller{}
		}
	}
	c.Rang++
	cs.recent[key] = c
	return c.Rang
}

// change alters what is known of a caller, if he is known.
func (cs *callers) change(key CallerKey, alter func(*Caller)) {
	for _, of := range []map[CallerKey]Caller{cs.recent, cs.older} {
		if c, known := of[key]; known {
			alter(&c)
			of[key] = c
			return
		}
	}
}

func (cs *callers) find(key CallerKey) Caller {
	if c, known := cs.recent[key]; known {
		return c
	}
	return cs.older[key]
}

// list is one generation in an order that is always the same.
func list(of map[CallerKey]Caller) []Caller {
	all := make([]Caller, 0, len(of))
	for _, c := range of {
		all = append(all, c)
	}
	slices.SortFunc(all, func(x, y Caller) int { return bytes.Compare(x.Key[:], y.Key[:]) })
	return all
}

// generation takes a list back in, no more of it than a generation holds.
func generation(all []Caller) map[CallerKey]Caller {
	if len(all) == 0 {
		return nil
	}
	of := make(map[CallerKey]Caller, min(len(all), callersKept))
	for _, c := range all[:min(len(all), callersKept)] {
		of[c.Key] = c
	}
	return of
}

// Seen is what the record of the day knows of a call's caller: the how-manieth
// call of his today this one is, and his latest other call that is over. ok is
// false for a caller who cannot be known again, and for a call that never rang.
func (b *Board) Seen(c *Call) (nth int, last Visit, ok bool) {
	key, ok := CallerKeyOf(c.Caller)
	if !ok || c.Nth == 0 {
		return 0, Visit{}, false
	}
	last = b.ledger.callers.find(key).Last
	if last.At.Equal(c.RangAt) {
		last = Visit{} // this very call
	}
	return c.Nth, last, true
}

// ringing enters a call that has begun to ring.
func (l *ledger) ringing(c *Call) {
	l.pace.ring(c.RangAt)
	if key, ok := CallerKeyOf(c.Caller); ok {
		c.Nth = l.callers.ring(key)
	}
}

// renamed moves a call to whoever Graph now says is calling. An encrypted caller
// becomes known in this way; nobody is counted twice for one call.
func (l *ledger) renamed(c *Call, was Party) {
	before, had := CallerKeyOf(was)
	now, has := CallerKeyOf(c.Caller)
	if had == has && before == now {
		return
	}
	if had && c.Nth > 0 {
		l.callers.change(before, func(k *Caller) { k.Rang = max(k.Rang-1, 0) })
	}
	c.Nth = 0
	if has {
		c.Nth = l.callers.ring(now)
	}
}

// visited enters how a call ended. Of two calls at once the one that rang later
// is the last. An end that is confirmed only later changes nothing here: the
// decision is the same.
func (l *ledger) visited(c *Call) {
	key, ok := CallerKeyOf(c.Caller)
	if !ok {
		return
	}
	v := Visit{At: c.RangAt, Ending: c.Ending}
	if c.Claim != nil {
		v.Reason, v.By = c.Claim.Reason, c.Claim.Operator
	}
	l.callers.change(key, func(k *Caller) {
		if !v.At.Before(k.Last.At) {
			k.Last = v
		}
	})
}
