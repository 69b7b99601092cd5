package lines

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"callscreen/relay/call"
)

// JSON writes each change as an object on a line of its own until ctx ends, the
// link ends or the reader of out goes away; none of these is an error. The
// format is in the package comment. The relay is never told that somebody is
// there: a program reads, and whether a person sees it nobody knows.
func JSON(ctx context.Context, l Link, out io.Writer) error {
	batches, stop := pump(ctx, l)
	defer stop()
	j := &objects{paper: paper{out: out}}
	for {
		select {
		case <-ctx.Done():
			return nil
		case b := <-batches:
			for _, u := range b.updates {
				j.update(u)
			}
			switch {
			case j.err != nil:
				return j.outcome()
			case b.err != nil:
				return ended(ctx, b.err)
			}
		}
	}
}

// objects writes what happens to a board as JSON.
type objects struct {
	paper
	board *call.Board
	link  *linkObject
}

// callObject is a line about a call.
type callObject struct {
	Event string      `json:"event"`
	Call  call.ID     `json:"call_id"`
	State call.State  `json:"state,omitempty"`
	End   call.Ending `json:"ending,omitempty"`
	call.Details
	Remaining *call.Millis `json:"remaining_ms,omitempty"`
	Usable    *call.Millis `json:"usable_ms,omitempty"`
	Claim     *call.Claim  `json:"claim,omitempty"`
	Undo      *call.Millis `json:"undo_ms,omitempty"`
	Reply     *call.Reply  `json:"reply,omitempty"`
	Result    *call.Code   `json:"result,omitempty"`
}

// resultObject is a line about a decision; the call's own members are there
// when the call is known.
type resultObject struct {
	callObject
	Request string       `json:"request_id"`
	Verdict call.Verdict `json:"outcome"`
	Reason  call.Reason  `json:"reason,omitempty"`
	By      string       `json:"by,omitempty"`
	Ago     call.Millis  `json:"ago_ms,omitempty"`
	Reply   *call.Reply  `json:"reply,omitempty"`
	Words   string       `json:"words,omitempty"`
}

// linkObject is a line about the link. What changes with every ping is left out.
type linkObject struct {
	Event    string `json:"event"`
	Up       bool   `json:"up"`
	Operator string `json:"operator,omitempty"`
	Role     string `json:"role,omitempty"`
	Bot      string `json:"bot,omitempty"`
	Watching int    `json:"watching"`
	Graph    string `json:"graph,omitempty"`
	Notice   string `json:"notice,omitempty"`
	Try      int    `json:"try,omitempty"`
	Err      string `json:"err,omitempty"`
	Final    bool   `json:"final,omitempty"`
}

func (j *objects) update(u call.Update) {
	now := time.Now()
	switch {
	case u.Board != nil:
		j.board = u.Board
		for _, c := range j.board.Live() {
			j.write(object("board", c.ID, c, now))
		}
	case u.Event != nil:
		if j.board == nil {
			j.board = call.NewBoard()
		}
		j.board.Apply(*u.Event)
		o := object(string(u.Event.Kind), u.Event.Call, j.find(u.Event.Call), now)
		if u.Event.Kind == call.Withdrawn {
			o.Claim = claim(u.Event.Claim)
		}
		j.write(o)
	case u.Answer != nil:
		j.answer(*u.Answer, now)
	case u.Link != nil:
		j.changed(*u.Link)
	}
}

func (j *objects) find(id call.ID) *call.Call {
	if j.board == nil {
		return nil
	}
	c, _ := j.board.Get(id)
	return c
}

// object describes a call, or only names it when the board does not know it.
func object(event string, id call.ID, c *call.Call, now time.Time) callObject {
	o := callObject{Event: name(event), Call: call.ID(name(string(id)))}
	if c == nil {
		o.Caller = call.Party{Kind: call.UnknownParty}
		return o
	}
	o.State, o.End = call.State(name(string(c.State))), call.Ending(name(string(c.Ending)))
	o.Details = details(c.Details)
	o.Claim, o.Reply, o.Result = claim(c.Claim), reply(c.Reply), c.Result
	if !c.Known() {
		o.Caller = call.Party{Kind: call.UnknownParty}
	}
	if c.Held != nil {
		o.Undo = new(call.ToMillis(max(c.HeldUntil().Sub(now), 0)))
	}
	if c.Waits() {
		o.Remaining = new(call.ToMillis(max(c.Deadline().Sub(now), 0)))
		o.Usable = new(call.ToMillis(max(c.Usable().Sub(now), 0)))
	}
	return o
}

func (j *objects) answer(a call.Answer, now time.Time) {
	o := resultObject{
		callObject: object("result", a.Call, j.find(a.Call), now),
		Request:    text(a.Request), Verdict: call.Verdict(name(string(a.Verdict))), Reason: call.Reason(name(string(a.Reason))),
		By: name(a.By), Ago: a.Ago,
		Reply: reply(a.Reply), Words: text(a.Words),
	}
	j.write(o)
}

func (j *objects) changed(l call.Link) {
	o := linkObject{
		Event: "link", Up: l.Up, Operator: name(l.Operator), Role: name(string(l.Role)), Bot: name(l.Bot), Watching: l.Watching,
		Graph: text(l.Graph), Notice: text(l.Notice), Try: l.Try, Err: text(l.Err), Final: l.Final,
	}
	if j.link == nil || *j.link != o {
		j.link = &o
		j.write(o)
	}
}

func (j *objects) write(o any) {
	line, err := json.Marshal(o)
	if err != nil {
		j.err = fmt.Errorf("lines: %w", err)
		return
	}
	j.line(line)
}
