package relay

import (
	"cmp"
	"reflect"
	"strings"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
)

// This file is the one place that knows both vocabularies: Graph's and ours.
// Every text of a stranger is cleaned here, at the entry of the house.

// rings reports whether a notification tells of a call that waits for an answer
// (Graph v1.0, call: state incoming, direction incoming). A created call that
// says nothing of its state is taken as incoming.
func rings(n graph.Notification) bool {
	if n.Sub != "" || n.Change == graph.Deleted {
		return false
	}
	state, direction := "", ""
	if n.Call != nil {
		state, direction = n.Call.State, n.Call.Direction
	}
	if strings.EqualFold(direction, "outgoing") {
		return false
	}
	return strings.EqualFold(state, "incoming") || state == "" && n.Change == graph.Created
}

// ends reports whether a notification tells of the end of a call. Operations
// and participants are deleted all the time: only a path that stops at the call counts.
func ends(n graph.Notification) bool {
	if n.Sub != "" {
		return false
	}
	if n.Change == graph.Deleted {
		return true
	}
	return n.Call != nil && (strings.EqualFold(n.Call.State, "terminating") || strings.EqualFold(n.Call.State, "terminated"))
}

// factOf is what a notification means for a call that the board knows as c (nil
// when it does not), received at a time. ok is false when it means nothing new.
func (s *Server) factOf(n graph.Notification, from graph.Sender, c *call.Call, received time.Time) (e call.Event, ok bool) {
	e = call.Event{At: received, Call: call.ID(n.CallID)}
	switch {
	case ends(n):
		e.Kind, e.Result = call.Ended, codeOf(n.Call)
		if c == nil {
			return e, true // kept so that its beginning, arriving late, does not ring
		}
		confirms := c.State == call.Over && c.Ending == call.EndUnconfirmed
		return e, c.State != call.Over && !c.Closing || confirms
	case !rings(n):
		return e, false
	case c == nil:
		e.Kind, e.Details = call.Rang, detailsOf(n.Call, from)
		e.Margin = call.ToMillis(s.opts.RejectMargin)
		e.Ring = call.ToMillis(s.opts.RingTimeout)
		if e.Details.Recording {
			e.Ring = min(e.Ring, call.ToMillis(recordingRing))
		}
		return e, true
	case c.State != call.Over && n.Change == graph.Updated && n.Call != nil:
		e.Kind, e.Details = call.Changed, refresh(c.Details, *detailsOf(n.Call, from))
		return e, !reflect.DeepEqual(*e.Details, c.Details)
	default:
		return e, false // the same call again: the first receipt keeps the deadline
	}
}

// refresh adds what a later notification says to what is known. What it does not
// say stays, and so does the tenant: it is the one of the token that the call
// rang with, and chooses the token of the rejection.
func refresh(known, later call.Details) *call.Details {
	if later.Caller.Kind != call.UnknownParty {
		known.Caller = later.Caller
	}
	if len(later.To) > 0 {
		known.To = later.To
	}
	if len(later.Media) > 0 {
		known.Media = later.Media
	}
	if len(later.Via) > 0 {
		known.Via = later.Via
	}
	known.Subject = cmp.Or(later.Subject, known.Subject)
	known.Chain = cmp.Or(later.Chain, known.Chain)
	known.OnBehalfOf = cmp.Or(later.OnBehalfOf, known.OnBehalfOf)
	known.Transferor = cmp.Or(later.Transferor, known.Transferor)
	known.Group = known.Group || later.Group
	return &known
}

func codeOf(c *graph.Call) *call.Code {
	if c == nil || c.Result == nil {
		return nil
	}
	return &call.Code{Code: c.Result.Code, Subcode: c.Result.Subcode}
}

func detailsOf(c *graph.Call, from graph.Sender) *call.Details {
	d := &call.Details{Caller: call.Party{Kind: call.UnknownParty}, Tenant: from.Tenant}
	if c == nil {
		return d
	}
	if c.Source != nil && c.Source.Identity.Kind != "" {
		d.Caller = partyOf(c.Source.Identity)
	}
	for _, t := range c.Targets[:min(len(c.Targets), maxParties)] {
		d.To = append(d.To, partyOf(t))
	}
	for _, m := range c.Modalities[:min(len(c.Modalities), maxParties)] {
		d.Media = append(d.Media, clean(m, call.NameCells))
	}
	for _, r := range c.Routes[:min(len(c.Routes), maxParties)] {
		d.Via = append(d.Via, call.Via{
			Kind: clean(r.Kind, call.NameCells), Original: partyRef(r.Original), Final: partyRef(r.Final),
		})
	}
	d.Subject = clean(c.Subject, call.TextCells)
	d.Chain = clean(c.ChainID, call.NameCells)
	d.OnBehalfOf, d.Transferor = partyRef(c.OnBehalfOf), partyRef(c.Transferor)
	d.Group, d.Recording = c.Group, c.Recording
	return d
}

// maxParties bounds lists inside one call; a screen shows a few of them.
const maxParties = 10

func partyOf(i graph.Identity) call.Party {
	p := call.Party{Kind: call.PartyKind(clean(string(i.Kind), call.NameCells))}
	p.Name, p.Altered = call.Clean(i.DisplayName, call.NameCells)
	p.ID = clean(i.ID, call.TextCells) // some have 80 characters, and the end is what tells them apart
	p.Tenant = clean(i.TenantID, call.NameCells)
	return p
}

func partyRef(i *graph.Identity) *call.Party {
	if i == nil {
		return nil
	}
	return new(partyOf(*i))
}

func clean(s string, cells int) string {
	cleaned, _ := call.Clean(s, cells)
	return cleaned
}
