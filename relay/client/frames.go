package client

import (
	"encoding/json"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// take applies one frame. An error ends the link.
func (s *session) take(data []byte, now time.Time) error {
	var head struct {
		Kind wire.Kind `json:"kind"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return errFrame
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.link.LastHeard = now
	switch head.Kind {
	case wire.KindWelcome:
		return s.welcome(data, now)
	case wire.KindEvent:
		return s.event(data, now)
	case wire.KindResult:
		return s.result(data)
	case wire.KindStatus:
		return s.status(data)
	case wire.KindReject, wire.KindUndo, wire.KindAlive:
		return nil // ours to send; from a relay they mean nothing
	default:
		return nil // a newer relay says more than we know
	}
}

// welcome starts from the relay's board, or from our own where it resumes. The
// caller holds the client's mu, here and below.
func (s *session) welcome(data []byte, now time.Time) error {
	c := s.c
	var w wire.Welcome
	if err := json.Unmarshal(data, &w); err != nil {
		return errFrame
	}
	resumes := w.Board == nil && w.Resumed && c.board != nil && w.Cursor.Epoch == c.epoch && w.Cursor.Seq >= c.board.Seq()
	if w.Cursor.Epoch == "" || w.Board == nil && !resumes {
		c.epoch = "" // asks for a fresh board next time
		return errResume
	}
	s.welcomed, s.head = true, w.Cursor.Seq
	c.link = call.Link{
		Up: true, Operator: w.Operator, Role: w.Role, Bot: w.Bot, Watching: w.Watching, People: w.People, Graph: w.Graph, Notice: w.Notice,
		RoundTrip: c.link.RoundTrip, LastHeard: now,
	}
	c.tell()
	if w.Board != nil {
		c.board, c.epoch = w.Board.Restore(w.Cursor.Seq, now), w.Cursor.Epoch
		c.add(call.Update{Board: clone(c.board)})
	}
	s.settle(now)
	return nil
}

func (s *session) event(data []byte, now time.Time) error {
	c := s.c
	var f wire.Event
	if err := json.Unmarshal(data, &f); err != nil || !s.welcomed {
		return errFrame
	}
	if f.Cursor.Epoch != c.epoch {
		c.epoch = ""
		return errResume
	}
	if f.Cursor.Seq <= c.board.Seq() {
		return nil // seen before the break
	}
	e := f.Fact(now)
	c.board.Apply(e)
	if e.Kind == call.Claimed && e.Claim != nil && e.Claim.Hold > 0 {
		if p, open := c.pending[e.Claim.Command]; open {
			c.unasked(p)
		}
	}
	c.add(call.Update{Event: &e})
	if e.Kind == call.Withdrawn && e.Claim != nil {
		// Answered with the event: whoever reads that the call rings on may decide
		// anew at once, and the relay's own answer may be a moment behind.
		if p, open := c.pending[e.Claim.Command]; open {
			c.reply(p, call.WasWithdrawn, takenBack)
		}
	}
	s.settle(now)
	return nil
}

func (s *session) result(data []byte) error {
	var f wire.Result
	if err := json.Unmarshal(data, &f); err != nil {
		return errFrame
	}
	s.c.answer(f.Answer)
	return nil
}

func (s *session) status(data []byte) error {
	var f wire.Status
	if err := json.Unmarshal(data, &f); err != nil || !s.welcomed {
		return errFrame
	}
	s.c.link.Watching, s.c.link.People, s.c.link.Graph, s.c.link.Notice = f.Watching, f.People, f.Graph, f.Notice
	s.c.tell()
	return nil
}

// settle looks after the decisions of an earlier link, once everything that was
// missed is read.
func (s *session) settle(now time.Time) {
	if s.c.board.Seq() >= s.head {
		s.c.settle(now)
	}
}
