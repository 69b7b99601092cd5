// Package lines is the console without a screen: what happens to calls as lines
// of text, for a listener ([Plain]) or for a program ([JSON]).
//
// # Plain
//
// One sentence a change, without colours, boxes or cursor movement, so that a
// screen reader can follow. A call gets a number when it first appears; the
// number is never given to another call, so that a decision typed late cannot
// hit somebody else. What strangers chose, a caller's name, stands last in its
// line, after a colon; all before it is ours.
//
//	call 3 rings, 14 seconds to decide, phone plus 442 079 460 123: Alice Meyer
//	call 3, 5 seconds to decide: Alice Meyer
//
// A call that waits is mentioned again at 10, 5 and 3 seconds. The seconds are
// what is left to decide, not what is left until Graph gives up. Decisions and
// questions are typed as lines: "b 3", "n 3", "f 3", "z 3", "d 3", "l", "?" and "q".
//
// # JSON
//
// One object a line, written at once. Every object has "event". Objects about a
// call have "call_id", "state" and "caller" (an object with "kind" and, where
// known, "name" and "id", as in the frames of the relay), and while the call
// waits "remaining_ms" until Graph gives up and "usable_ms" until decisions end.
// Where they are known there are "ending", "to", "subject", "media", "via",
// "claim" (the last decision), "undo_ms" (while it can be taken back), "reply" (Graph's answer to it) and "result"
// (Graph's codes for the end).
//
//	{"event":"board", ...}   a call that is not over, when a fresh board came;
//	                         calls not told of since then are over
//	{"event":"rang", ...}    and "changed", "claimed", "withdrawn", "committed",
//	                         "rejected", "refused", "gone", "unknown", "ended",
//	                         "unconfirmed", "expired", and what later relays add: what
//	                         happened, with the call after it, but for "withdrawn",
//	                         whose "claim" is the decision that was taken back
//	{"event":"result", ...}  the answer to a decision of this link: "request_id",
//	                         "outcome" and, where they apply, "reason", "by", "ago_ms",
//	                         "reply" and "words"
//	{"event":"link", ...}    "up", "operator", "role", "bot", "watching", and "graph" while the
//	                         relay cannot reject calls; "watching" counts the operators at a screen
//	                         who could decide, and with 0 the unattended policy is
//	                         applied; while down "try", "err" and,
//	                         when no further try follows, "final"
//
// Unknown events and members are to be ignored. Texts have gone through
// [call.Clean] a second time in both outputs.
package lines

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"

	"callscreen/relay/call"
)

// aliveEvery is how often the relay is told that lines are still written.
const aliveEvery = 2 * time.Second

// Link is the console's end of the wire, as far as lines need it.
type Link interface {
	// Next blocks until something is new and returns all of it, in order. An
	// error means that ctx is done or the link has ended for good.
	Next(ctx context.Context) ([]call.Update, error)
	// Reject sends a decision and never blocks; an error means "not sent". The
	// answer comes through Next.
	Reject(id call.ID, reason call.Reason) (request string, err error)
	// Undo takes back a decision of this operator by the request of its claim and
	// never blocks; an error means "not sent". What follows comes through Next.
	Undo(id call.ID, request string) error
	// Alive says that so many waiting calls have been written out for somebody who
	// reads them; none of them is selected.
	Alive(drawn int, selected call.ID)
}

// batch is what one Next brought.
type batch struct {
	updates []call.Update
	err     error
}

// pump reads the link in a goroutine of its own, so that the writer can also
// wait for the clock and for typed lines. stop ends it and waits for it.
func pump(ctx context.Context, l Link) (batches <-chan batch, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	out := make(chan batch)
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			updates, err := l.Next(ctx)
			select {
			case out <- batch{updates, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	})
	return out, func() { cancel(); reader.Wait() }
}

// ended turns the end of the link into the end of the output: whoever runs the
// link has its reason.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// paper is where lines are written: one write a line, and the first error ends it all.
type paper struct {
	out io.Writer
	err error
}

func (p *paper) line(b []byte) {
	if p.err == nil {
		_, p.err = p.out.Write(append(b, '\n'))
	}
}

// outcome is the error of the whole output: a reader that went away is none.
func (p *paper) outcome() error {
	if errors.Is(p.err, syscall.EPIPE) || errors.Is(p.err, io.ErrClosedPipe) {
		return nil
	}
	return p.err
}
