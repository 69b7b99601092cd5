package tui

import "time"

const (
	// armAfter is how long no key may come before a call that selected itself
	// can be decided: the finger that was already falling meant another call.
	armAfter = 400 * time.Millisecond
	// armAtMost bounds that wait: somebody who keeps pressing keys sees the call.
	armAtMost = 1500 * time.Millisecond
	// heldFor is how long the same key counts as still held down. The longest
	// usual delay before a keyboard repeats is 660 ms.
	heldFor = 700 * time.Millisecond
	// burstGap is the longest distance of keys that came in one read and not
	// from a hand. Keys of a burst decide once and never about the next call.
	burstGap = 50 * time.Millisecond
	// frozenAfter is how late the loop may run before keys typed meanwhile can
	// no longer be trusted to mean what is on the screen.
	frozenAfter = 750 * time.Millisecond
	// muteFor is how long keys are thrown away after that.
	muteFor = 400 * time.Millisecond
)

// rules switches single rules off. Only tests do, to see their checks fail.
type rules struct {
	noArming, noHeld, noBurst, noFreeze, noOffline bool
	decideByRow                                    bool // selects a row, not a call
	pasteTypes                                     bool // takes a paste for typing
	noReading                                      bool // rejects all before the question can have been read
	noSet                                          bool // rejects all that is shown then, not what was asked about
	noWatch                                        bool // lets an observer decide
	noGhosts                                       bool // a call that ended is gone at once
	keepGhosts                                     bool // ghosts stay although live calls need the lines
	numberAll                                      bool // ghosts and decided calls have numbers too
	noResume                                       bool // keys typed during a suspend count
	noTyping                                       bool // keys in the filter act as elsewhere
	forgetful                                      bool // a lost link drops the mark of what was sent
	noFold                                         bool // a flood of one caller has a row for each call
}

// verdict is what a decision key counts as.
type verdict int

const (
	counts   verdict = iota
	repeated         // the key is held down; nothing is said about it
	tapped           // the same key again so soon that it cannot be told from a held one
	inBurst          // came together with a decision
	unarmed          // the call selected itself too short a time ago
)

// guard judges whether a key press can be an operator's decision about the call
// in front of him. It knows times and keys, nothing of calls.
type guard struct {
	off rules

	since   time.Time // when the present selection was made
	armed   bool
	lastKey time.Time

	held      string // the decision key pressed last
	heldUntil time.Time
	heldLast  time.Time

	burstUntil time.Time
	muteUntil  time.Time
}

// selected tells the guard that another call is selected now. Moving there by
// hand arms at once.
func (g *guard) selected(byHand bool, now time.Time) {
	g.since, g.armed = now, byHand
}

// arm looks whether the selected call has become decidable.
func (g *guard) arm(now time.Time) bool {
	quiet := g.since
	if g.lastKey.After(quiet) {
		quiet = g.lastKey
	}
	if now.Sub(quiet) >= armAfter || now.Sub(g.since) >= armAtMost || g.off.noArming {
		g.armed = true
	}
	return g.armed
}

// touched is called after every key, whatever it did.
func (g *guard) touched(now time.Time) {
	g.lastKey = now
	if now.Before(g.burstUntil) {
		g.burstUntil = now.Add(burstGap)
	}
}

// decided is called after a decision was made.
func (g *guard) decided(now time.Time) { g.burstUntil = now.Add(burstGap) }

// judge says what a press of a decision key counts as. The order matters: a
// held key must go on being held whatever else is true of it.
func (g *guard) judge(key string, isRepeat bool, now time.Time) verdict {
	again := g.held == key && now.Before(g.heldUntil)
	slow := now.Sub(g.heldLast) > 200*time.Millisecond
	g.held, g.heldUntil, g.heldLast = key, now.Add(heldFor), now
	switch {
	case isRepeat && !g.off.noHeld:
		return repeated
	case again && !g.off.noHeld && slow:
		return tapped
	case again && !g.off.noHeld:
		return repeated
	case now.Before(g.burstUntil) && !g.off.noBurst:
		return inBurst
	case !g.arm(now):
		return unarmed
	default:
		return counts
	}
}

// released ends the wait for a held key: terminals that report releases are
// taken at their word.
func (g *guard) released(key string) {
	if g.held == key {
		g.held, g.heldUntil = "", time.Time{}
	}
}

// thaw starts the time in which keys are thrown away after a frozen terminal.
// The selection counts as new: nobody saw how the screen came to look like this.
func (g *guard) thaw(now time.Time) {
	g.muteUntil = now.Add(muteFor)
	g.since, g.armed = now, false
}

// muted reports whether a key is thrown away. Stale keys come in one stream,
// however long it takes to read, so each of them keeps the gate shut for the next.
func (g *guard) muted(now time.Time) bool {
	if !now.Before(g.muteUntil) {
		return false
	}
	if until := now.Add(burstGap); until.After(g.muteUntil) {
		g.muteUntil = until
	}
	return true
}
