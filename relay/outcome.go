package relay

import (
	"errors"
	"net/http"
	"time"

	"callscreen/graph"
	"callscreen/relay/call"
)

// outcomeOf turns Graph's answer to a rejection into the event to record. When
// no answer came and the request may have arrived, the outcome is unknown and
// is called so; it is never quietly sent again.
func outcomeOf(c call.Call, receipt graph.Receipt, err error, claimed time.Time) call.Event {
	now := time.Now()
	e := call.Event{At: now, Call: c.ID, Reply: &call.Reply{
		Status: receipt.Status, Request: clean(receipt.RequestID, call.NameCells),
		Tries: receipt.Attempts, Took: call.ToMillis(now.Sub(claimed)),
	}}
	if err == nil {
		e.Kind = call.Rejected
		return e
	}
	e.Reply.Words = clean(err.Error(), call.TextCells)
	var (
		gone         *graph.GoneError
		refused      *graph.RefusedError
		throttled    *graph.ThrottledError
		unauthorized *graph.UnauthorizedError
		unreachable  *graph.UnreachableError
	)
	switch {
	case errors.As(err, &gone):
		e.Kind, e.Reply.Probably = call.Gone, gone.Probably
		answered(e.Reply, gone.Status, gone.Code, gone.RequestID)
	case errors.As(err, &refused):
		e.Kind = call.Refused
		answered(e.Reply, refused.Status, refused.Code, refused.RequestID)
	case errors.As(err, &throttled):
		e.Kind = call.Refused
		answered(e.Reply, http.StatusTooManyRequests, "", throttled.RequestID)
	case errors.As(err, &unauthorized):
		e.Kind = call.Refused
		answered(e.Reply, unauthorized.Status, unauthorized.Code, unauthorized.RequestID)
	case errors.As(err, &unreachable):
		e.Kind = call.Unknown
		answered(e.Reply, unreachable.Status, "", unreachable.RequestID)
		if !unreachable.Ambiguous {
			e.Kind = call.Refused
		}
	default:
		// An id or a reason that may never be sent: nothing left the house.
		e.Kind = call.Refused
	}
	return e
}

// answered notes what Graph's answer said. Its code is a stranger's text.
func answered(r *call.Reply, status int, code, request string) {
	r.Status, r.Code, r.Request = status, clean(code, call.NameCells), clean(request, call.NameCells)
}
