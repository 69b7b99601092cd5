package client

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

const (
	// maxAsked bounds the decisions that the relay has and has not answered. It
	// hangs up on whoever asks too much at once; the others wait here.
	maxAsked = 24
	// graceAfter is how long after a call's deadline an answer may still come.
	graceAfter = time.Second
	// longestRing is the time for an answer about a call that the board does not
	// know (Graph v1.0, call: reject: 15 seconds).
	longestRing = 15 * time.Second
)

const takenBack = "taken back in time; nothing was sent"

// ErrOffline says that a decision was not sent and will not be.
var ErrOffline = errors.New("not sent: the link to the relay is down")

// command is a decision without an answer.
type command struct {
	request string
	call    call.ID
	reason  call.Reason
	written bool         // handed to a socket: it may have arrived
	asked   bool         // handed to the socket of this link
	orphan  bool         // the link that it was written to has ended
	undone  bool         // a take-back was wished: it follows wherever the decision is written
	due     *time.Timer  // answers it as unknown
	left    *call.Millis // of the call when the key was pressed; nil for a call the board does not know
}

// Reject sends the wish to reject a call and returns the id of the request,
// which the answer in Next carries. It never waits. With an error ([ErrOffline])
// nothing was sent, nothing will be, and no answer follows.
func (c *Client) Reject(id call.ID, reason call.Reason) (request string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over || !c.link.Up:
		return "", ErrOffline
	case len(c.pending)+c.feed.answers >= maxOpen:
		return "", fmt.Errorf("%w: too many decisions wait already", ErrOffline)
	}
	p := &command{request: rand.Text(), call: id, reason: reason}
	if k, ok := c.board.Get(id); ok && k.Known() {
		p.left = new(call.ToMillis(time.Until(k.Deadline())))
	}
	c.pending[p.request] = p
	p.due = time.AfterFunc(c.timeFor(id), func() { c.late(p.request) })
	c.send(p)
	return p.request, nil
}

// Undo sends the wish to take back a decision about a call, by the id of its
// request, which may also have been sent from another console of this operator.
// It never waits and has no answer of its own: the decision's answer tells, and
// the call's events. With an error ([ErrOffline]) nothing was sent, and the
// decision stands; it also stands when the link breaks before the wish has arrived,
// unless the decision is written again then, and the wish behind it.
func (c *Client) Undo(id call.ID, request string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch p := c.pending[request]; {
	case c.over || !c.link.Up:
		return ErrOffline
	case p != nil && !p.written:
		c.reply(p, call.WasWithdrawn, "taken back before it was sent")
	case len(c.undos) >= maxOpen:
		return fmt.Errorf("%w: too many wishes wait already", ErrOffline)
	default:
		if p != nil {
			p.undone = true
		}
		if !slices.ContainsFunc(c.out, func(f wire.FromConsole) bool { return f.Request == request }) {
			c.takeBack(id, request)
		}
	}
	return nil
}

// takeBack sends the wish to take a decision back. It must not overtake one that is
// to be written again: the relay would find nothing to take back.
func (c *Client) takeBack(id call.ID, request string) {
	c.undos = append(c.undos, wire.FromConsole{Kind: wire.KindUndo, Request: request, Call: id})
	signal(c.work)
}

// takeWish hands the writer what is to be written next of what operators want, if
// there is something; wait is when to ask again, where that is not to be signalled.
// What takes back comes first: it is about decisions that were written before, and
// their time is short.
func (c *Client) takeWish(now time.Time) (f wire.FromConsole, wait time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.undos) > 0 {
		if wait = until(c.pace.undos, 1, now); wait == 0 {
			c.pace.undos.ReserveN(now, 1)
			f, c.undos = c.undos[0], c.undos[1:]
			return f, 0, true
		}
	}
	if len(c.out) == 0 || c.asked >= maxAsked {
		return f, wait, false
	}
	if room := until(c.pace.rejects, c.asked+1, now); room > 0 {
		if wait == 0 || room < wait {
			wait = room
		}
		return f, wait, false
	}
	return c.takeReject(), 0, true
}

// timeFor is how long an answer may take. The deadline here is later than the
// relay's by a frame's way, so the grace is for the answer's way back.
func (c *Client) timeFor(id call.ID) time.Duration {
	left := longestRing
	if k, ok := c.board.Get(id); ok && k.Known() {
		left = max(time.Until(k.Deadline()), 0)
	}
	return left + graceAfter
}

// send queues a command for the link. The caller holds mu, here and below.
func (c *Client) send(p *command) {
	p.orphan = false
	c.out = append(c.out, wire.FromConsole{
		Kind: wire.KindReject, Request: p.request, Call: p.call, Reason: string(p.reason), Remaining: p.left,
	})
	signal(c.work)
}

// takeReject is the next decision: from now on it may have arrived.
func (c *Client) takeReject() wire.FromConsole {
	f := c.out[0]
	c.out = c.out[1:]
	p := c.pending[f.Request] // what is answered is taken out of both
	p.written, p.asked = true, true
	c.asked++
	if p.undone {
		c.takeBack(p.call, p.request)
	}
	return f
}

// takeAlive hands the writer the newest Alive, once.
func (c *Client) takeAlive() *wire.FromConsole {
	c.mu.Lock()
	defer c.mu.Unlock()
	alive := c.alive
	c.alive = nil
	return alive
}

// answer passes on what became of a decision: the first answer only.
func (c *Client) answer(a call.Answer) {
	p, open := c.pending[a.Request]
	if !open {
		return
	}
	p.due.Stop()
	delete(c.pending, a.Request)
	c.unasked(p)
	c.out = slices.DeleteFunc(c.out, func(f wire.FromConsole) bool { return f.Request == a.Request })
	c.add(call.Update{Answer: &a})
}

// unasked makes room for another decision with the relay: this one is answered, or
// held there until it can no longer be taken back, which costs the relay nothing.
func (c *Client) unasked(p *command) {
	if p.asked {
		p.asked = false
		c.asked--
		c.pace.rejects.ReserveN(time.Now(), 1)
		signal(c.work)
	}
}

// late answers a decision that nobody answered in time: by the journal, if it
// tells more than we know.
func (c *Client) late(request string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, open := c.pending[request]
	if !open {
		return
	}
	if k, ok := c.board.Get(p.call); ok {
		c.settleKnown(p, k)
	}
	if _, open := c.pending[request]; open {
		c.giveUp(p, "no answer came from the relay")
	}
}

// broken takes back what the ended link has not written; what it has may have
// arrived and waits for the next link, or for its time.
func (c *Client) broken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Under the same lock: a decision pressed from now on is refused.
	c.link.Up = false
	c.alive, c.asked, c.pace = nil, 0, newPace()
	for _, p := range c.pending {
		p.asked = false
		if p.written {
			p.orphan = true
		} else {
			c.giveUp(p, "the link broke")
		}
	}
	c.out, c.undos = nil, nil
}

// giveUp answers a decision for which nothing more will be done.
func (c *Client) giveUp(p *command, why string) {
	if p.written {
		c.reply(p, call.WasUnknown, why+": it may have worked")
	} else {
		c.reply(p, call.NotSent, why+" before it was sent")
	}
}

// abandon answers all that is open when the client ends.
func (c *Client) abandon() {
	for _, p := range c.pending {
		c.giveUp(p, "the console left")
	}
}

// settle learns from the journal what became of decisions whose link broke, and
// sends again those that it has no trace of.
func (c *Client) settle(now time.Time) {
	for _, p := range c.pending {
		if !p.orphan {
			continue
		}
		k, ok := c.board.Get(p.call)
		switch {
		case !ok || !k.Known():
			c.reply(p, call.WasUnknown, "the relay came back without knowing the call")
		case c.settleKnown(p, k):
		case k.State == call.Ringing && now.Before(k.Usable()):
			c.send(p)
		default:
			c.settleLost(p, k, now)
		}
	}
}

// settleKnown answers a decision that the journal carries, or leaves it to its
// outcome. It reports false where the journal knows nothing of it.
func (c *Client) settleKnown(p *command, k *call.Call) bool {
	switch {
	case k.VerdictOn(c.link.Operator, p.request) == call.WasWithdrawn:
		c.reply(p, call.WasWithdrawn, takenBack)
	case k.Claim != nil && k.Claim.Command == p.request:
		c.settleOwn(p, k)
	default:
		return false
	}
	return true
}

// settleOwn answers a decision that came first, as the relay would have.
func (c *Client) settleOwn(p *command, k *call.Call) {
	if k.State == call.InClaim {
		return // the outcome is still to come
	}
	a := call.Answer{Request: p.request, Call: p.call, Verdict: k.Verdict(), Reason: p.reason, Reply: k.Reply}
	if k.Reply != nil {
		a.Words = k.Reply.Words
	}
	c.answer(a)
}

// settleLost answers a decision that was not first, or came to nothing.
func (c *Client) settleLost(p *command, k *call.Call, now time.Time) {
	switch {
	case k.State == call.Ringing, k.Ending == call.EndTimedOut, k.Ending == call.EndRefused:
		c.reply(p, call.WasTooLate, "the link broke, and the time to decide is over")
	case k.Claim != nil && (k.State != call.Over || k.Ending == call.EndRejected || k.Ending == call.EndUnconfirmed):
		c.answer(call.Answer{
			Request: p.request, Call: p.call, Verdict: call.WasTaken,
			Reason: k.Claim.Reason, By: k.Claim.Operator, Ago: call.ToMillis(max(now.Sub(k.ClaimedAt), 0)),
		})
	default:
		c.reply(p, call.WasGone, "the call ended while the link was down")
	}
}

// reply answers a decision in our own words.
func (c *Client) reply(p *command, v call.Verdict, words string) {
	c.answer(call.Answer{Request: p.request, Call: p.call, Verdict: v, Reason: p.reason, Words: words})
}
