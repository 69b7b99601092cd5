package graph

import (
	"fmt"
	"net/http"
	"time"
)

// What a rejection can end in besides success. Each is one error type with a sentence for the operator; the words come
// from the tables in words.go.

// GoneError means that there is no ringing call any more: it ended, timed out, was handled elsewhere (404, usually
// code 8522) or changed its state (409, 412). That is an answer, not a failure.
type GoneError struct {
	Status    int
	Code      string
	RequestID string
	// Probably is true when an earlier try may have been carried out: then this rejection most likely ended the
	// call, and the notifications will settle it.
	Probably bool
}

// Error is a sentence for the operator.
func (e *GoneError) Error() string {
	if e.Probably {
		return "the call is gone, probably by this rejection: an earlier try got no clear answer"
	}
	return find(rejectTroubles, e.Status, e.Code).sentence()
}

// RefusedError means that Graph said no. It is not tried again, or, for a server's trouble, was in vain.
type RefusedError struct {
	Status    int
	Code      string // Graph's code, "" when there was none
	RequestID string // for Microsoft's support
}

// Error is a sentence for the operator, with what to mend where the code tells.
func (e *RefusedError) Error() string {
	return "Graph refused with " + Answered(e.Status, e.Code) + ": " + find(rejectTroubles, e.Status, e.Code).sentence()
}

// ThrottledError means that Graph asked to wait longer than the call will ring (429).
type ThrottledError struct {
	RetryAfter    time.Duration // as asked for; 0 without HadRetryAfter
	HadRetryAfter bool
	RequestID     string
}

// Error is a sentence for the operator.
func (e *ThrottledError) Error() string {
	if !e.HadRetryAfter {
		return "Graph is throttling this app, and there was no time left to try again"
	}
	return fmt.Sprintf("Graph is throttling this app and asks to wait %s, longer than there is time", e.RetryAfter.Round(100*time.Millisecond))
}

// UnauthorizedError means that Graph refused our token, also a fresh one (401), or that none could be had, in which
// case nothing was sent, Status is 0 and Err says why.
type UnauthorizedError struct {
	Status    int
	Code      string
	RequestID string
	Err       error
}

// Error is a sentence for the operator.
func (e *UnauthorizedError) Error() string {
	switch {
	case e.Err != nil && e.Status == 0:
		return "no token for Graph, so nothing was sent: " + e.Err.Error()
	case e.Err != nil:
		return "Graph refused our token (401), and there is no fresh one: " + e.Err.Error()
	}
	return "Graph refused with 401: " + find(rejectTroubles, http.StatusUnauthorized, e.Code).sentence()
}

// Unwrap gives the reason why no token could be had.
func (e *UnauthorizedError) Unwrap() error { return e.Err }

// UnreachableError means that no clear answer came.
type UnreachableError struct {
	// Ambiguous is true when the request may have arrived: whether the call was rejected is unknown. When false,
	// nothing can have been done.
	Ambiguous bool
	Status    int    // of a gateway's answer, or 0
	RequestID string // likewise
	Err       error  // why, without any body
}

// Error is a sentence for the operator.
func (e *UnreachableError) Error() string {
	s := unreachedTrouble.What
	if e.Ambiguous {
		s = unclearTrouble.What
	}
	switch {
	case e.Err != nil:
		return s + ": " + e.Err.Error()
	case e.Status != 0:
		return fmt.Sprintf("%s (%d)", s, e.Status)
	}
	return s
}

// Unwrap gives the network's error.
func (e *UnreachableError) Unwrap() error { return e.Err }
