package lines

import (
	"fmt"
	"time"

	"callscreen/relay/call"
)

func (t *teller) say(format string, args ...any) {
	t.line(fmt.Appendf(nil, format, args...))
}

func (t *teller) update(u call.Update) {
	switch {
	case u.Board != nil:
		t.fresh(u.Board)
	case u.Event != nil:
		t.event(*u.Event)
	case u.Answer != nil:
		t.answer(*u.Answer)
	case u.Link != nil:
		t.linked(*u.Link)
	}
}

// fresh tells what a new board changes against the old one.
func (t *teller) fresh(b *call.Board) {
	old := t.board
	t.board = b
	if old == nil {
		t.list()
		return
	}
	for _, was := range old.Live() {
		switch c, ok := b.Get(was.ID); {
		case !ok:
			t.say("call %d is over, the relay no longer knows how: %s", t.number(was.ID), display(was))
			t.over(was.ID)
		case c.State == call.Over:
			t.ended(c)
		case c.State != was.State:
			t.stands(c)
		}
	}
	for _, c := range b.Live() {
		if _, known := old.Get(c.ID); !known {
			t.stands(c)
		}
	}
}

// event folds an event and tells what it changed.
func (t *teller) event(e call.Event) {
	if t.board == nil {
		t.board = call.NewBoard()
	}
	var was call.Call
	if c, ok := t.board.Get(e.Call); ok {
		was = *c
	}
	t.board.Apply(e)
	c, ok := t.board.Get(e.Call)
	if !ok || !c.Known() {
		return
	}
	switch {
	case was.Ending == call.EndUnconfirmed && c.Ending == call.EndRejected:
		t.say("call %d, Graph confirmed its end after all: %s", t.number(c.ID), display(c))
	case c.State == call.Over:
		if was.State != call.Over {
			t.ended(c)
		}
	case e.Kind == call.Withdrawn && c.State != was.State:
		t.withdrawn(&was, c)
	case c.State != was.State:
		t.stands(c)
	case e.Kind == call.Changed && was.Caller != c.Caller:
		t.say("call %d now comes from %s: %s", t.number(c.ID), origin(c.Caller), display(c))
	}
}

// stands tells where a call that is not over stands.
func (t *teller) stands(c *call.Call) {
	n, now := t.number(c.ID), time.Now()
	left := seconds(c.Usable().Sub(now))
	switch c.State {
	case call.Ringing:
		switch {
		case unsent(c.Reply):
			t.say("call %d, %s was not sent (%s), it rings on, %s to decide: %s", n, what(c), because(c.Reply), left, display(c))
		case c.Reply != nil:
			t.say("call %d, Graph refused %s (%s), it rings on, %s to decide: %s", n, what(c), because(c.Reply), left, display(c))
		default:
			t.say("call %d rings, %s to decide, %s: %s", n, left, origin(c.Caller), display(c))
		}
		t.mentioned(c, now)
	case call.InClaim:
		t.say("call %d, %s decided %s%s%s: %s", n, t.who(c), what(c), thought(c.Claim), t.holds(c, now), display(c))
	case call.InRejection:
		t.say("call %d, Graph accepted %s%s: %s", n, what(c), took(c.Reply), display(c))
	case call.InDoubt:
		t.say("call %d, no answer from Graph to %s, it may have worked, %s to decide again: %s", n, what(c), left, display(c))
		t.mentioned(c, now)
	case call.Over:
		t.ended(c)
	}
}

// holds says that a decision can still be taken back, by whom and for how long.
func (t *teller) holds(c *call.Call, now time.Time) string {
	switch left := c.HeldUntil().Sub(now); {
	case c.Held == nil:
		return ""
	case t.who(c) == "you":
		return fmt.Sprintf(", z %d takes it back within %s", t.number(c.ID), seconds(left))
	default:
		return ", who may take it back within " + seconds(left)
	}
}

// withdrawn tells that a decision was taken back.
func (t *teller) withdrawn(was, c *call.Call) {
	now := time.Now()
	delete(t.missed, c.ID.Key()) // nobody was faster after all
	t.say("call %d, %s is taken back, nothing was sent, it rings on, %s to decide: %s",
		t.number(c.ID), t.decided(was), seconds(c.Usable().Sub(now)), display(c))
	t.mentioned(c, now)
}

// ended tells how a call ended, every ending apart.
func (t *teller) ended(c *call.Call) {
	how, missed := "", t.missed[c.ID.Key()]
	switch c.Ending {
	case call.EndRejected:
		how = "rejected as " + t.decided(c) + took(c.Reply) + second(missed)
	case call.EndUnconfirmed:
		how = "rejected as " + t.decided(c) + took(c.Reply) + second(missed) + ", but Graph has not confirmed the end"
	case call.EndGone:
		how = "it was already gone when " + t.who(c) + " decided " + what(c)
	case call.EndHungUp:
		how = "the caller hung up or it ended elsewhere"
	case call.EndTimedOut:
		how = "nobody decided in time, nothing was sent"
		if missed.Verdict == call.WasTooLate {
			how = "your " + name(string(missed.Reason)) + " came too late, nothing was sent"
		}
	case call.EndRefused:
		how = "Graph refused " + t.decided(c) + " (" + because(c.Reply) + ")"
		if unsent(c.Reply) {
			how = t.decided(c) + " was not sent (" + because(c.Reply) + ")"
		}
	case call.EndUnknown:
		how = "what became of " + t.decided(c) + " is unknown"
	default:
		how = name(string(c.Ending))
	}
	t.say("call %d ended, %s: %s", t.number(c.ID), how, display(c))
	t.over(c.ID)
}

// second is what to say beside a decision that was faster than one typed here.
func second(missed call.Answer) string {
	if missed.Verdict != call.WasTaken {
		return ""
	}
	return ", faster than you"
}

func (t *teller) over(id call.ID) {
	delete(t.told, id.Key())
	delete(t.missed, id.Key())
}

// answer tells what became of a decision typed here, as far as the events do not.
func (t *teller) answer(a call.Answer) {
	mine, ok := t.asked[a.Request]
	if !ok {
		return // another front end's
	}
	delete(t.asked, a.Request)
	n := t.number(mine.call)
	c, known := t.board.Get(mine.call)
	if known && c.State != call.Over && (a.Verdict == call.WasTooLate || a.Verdict == call.WasTaken) {
		missed := a
		missed.Reason = mine.reason
		t.missed[mine.call.Key()] = missed
	}
	first := known && c.Claim != nil && c.Claim.Command == a.Request
	switch a.Verdict {
	case call.WasRejected, call.WasRefused, call.WasWithdrawn:
		// The events say so, to everybody.
	case call.WasGone:
		if !first {
			t.say("call %d, your %s came too late, the call is already gone", n, mine.reason)
		}
	case call.WasUnknown:
		if !first || c.State != call.InDoubt && c.Ending != call.EndUnknown {
			t.say("call %d, what became of your %s is unknown%s", n, mine.reason, aside(a.Words))
		}
	case call.WasTooLate:
		t.say("call %d, too late for your %s, nothing was sent", n, mine.reason)
	case call.WasTaken:
		t.say("call %d, %s was faster by %d ms and decided %s", n, t.operator(a.By), a.Ago, name(string(a.Reason)))
	case call.NoSuchCall:
		t.say("call %d, the relay does not know this call", n)
	case call.NotSent:
		t.say("call %d, your %s was not sent%s", n, mine.reason, aside(a.Words))
	default:
		t.say("call %d, your %s ended as %s%s", n, mine.reason, name(string(a.Verdict)), aside(a.Words))
	}
}

// linked tells how the link stands, when that changed; the round trip, the
// tries and who else watches change too often to be told.
func (t *teller) linked(l call.Link) {
	was := call.Link{}
	if t.status != nil {
		was = *t.status
	}
	first := t.status == nil || !was.Up && was.Err == ""
	t.status = &l
	switch {
	case l.Up && first:
		t.say("connected%s, %s explains the keys", as(l), t.words.shown["help"])
	case l.Up && !was.Up:
		t.say("connected again%s", as(l))
	case l.Final:
		t.say("%s, no further try is made", text(l.Err))
	case !l.Up && l.Err != "" && (was.Up || l.Err != was.Err):
		t.say("not connected, %s, calls ring on and nothing is sent, trying again", text(l.Err))
	}
	switch {
	case l.Up && l.Graph != "" && l.Graph != was.Graph:
		t.say("the relay cannot reject calls now, %s", text(l.Graph))
	case l.Up && l.Graph == "" && was.Graph != "":
		t.say("the relay can reject calls again")
	}
	if l.Up && l.Notice != t.notice {
		t.notice = l.Notice
		if l.Notice != "" {
			t.say("mind, %s", text(l.Notice))
		} else {
			t.say("the relay's notice is over, all is as advised")
		}
	}
}
