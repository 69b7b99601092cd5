package graph

import (
	"fmt"
	"net/http"
	"time"
)

// What a rejection can end in besides success. Each is one error type with a sentence for the operator; the
// words come from our own table, by status and code, never from the prose in Graph's answer.

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
	if e.Status != http.StatusNotFound {
		return "the call is no longer ringing: its state has changed"
	}
	return "the call is already gone: it ended, timed out or was handled elsewhere"
}

// RefusedError means that Graph said no. It is not tried again, or, for a server's trouble, was in vain.
type RefusedError struct {
	Status    int
	Code      string // Graph's code, "" when there was none
	RequestID string // for Microsoft's support
}

// Error is a sentence for the operator, with what to mend where the code tells.
func (e *RefusedError) Error() string {
	s := fmt.Sprintf("Graph refused with %d", e.Status)
	if e.Code != "" {
		s += " " + e.Code
	}
	return s + ": " + refusalWords(e.Status, e.Code)
}

// refusalWords explains the codes that others have met (Graph v1.0, calling) and else the status.
func refusalWords(status int, code string) string {
	switch code {
	case "7503":
		return "the app is not registered for calling; enable calling on the bot's Teams channel and set the calling webhook"
	case "7504":
		return "the app lacks permission in this tenant; grant admin consent, again after each change of permissions"
	case "7505":
		return "the token is for another tenant than the call's"
	}
	switch {
	case status >= 300 && status < 400:
		return "it pointed to another address, which is never followed; check graph-url"
	case status == http.StatusBadRequest:
		return "it did not understand the request; this is a fault of this program"
	case status == http.StatusForbidden:
		return "the app may not do this; check its registration, permissions and consent"
	case status >= 500:
		return "Microsoft's server is in trouble"
	}
	return "the answer is not one that is documented"
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
		return "Graph does not accept our token (401), and a fresh one could not be had: " + e.Err.Error()
	}
	return "Graph does not accept our token (401), not even a fresh one; check client-id, tenant-id and cloud"
}

// Unwrap gives the reason why no token could be had.
func (e *UnauthorizedError) Unwrap() error { return e.Err }

// UnreachableError means that no clear answer came.
type UnreachableError struct {
	// Ambiguous is true when the request may have arrived: whether the call was rejected is unknown. When false,
	// nothing can have been done.
	Ambiguous bool
	Status    int   // of a gateway's answer, or 0
	Err       error // why, without any body
}

// Error is a sentence for the operator.
func (e *UnreachableError) Error() string {
	s := "Graph could not be reached, nothing was sent"
	if e.Ambiguous {
		s = "no clear answer from Graph: the rejection may or may not have arrived"
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
