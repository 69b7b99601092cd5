package tui

import (
	"errors"

	"callscreen/relay/call"
)

// ErrWatching is why an observer's console sends nothing.
var ErrWatching = errors.New("watching only: decides nothing")

// Observe is a link through which nothing can be decided, whoever asks.
func Observe(l Link) Link { return observer{l} }

type observer struct{ Link }

// Reject sends nothing.
func (observer) Reject(call.ID, call.Reason) (string, error) { return "", ErrWatching }

// Undo sends nothing.
func (observer) Undo(call.ID, string) error { return ErrWatching }

// Alive says nothing: the relay asks whether somebody is there who could decide.
func (observer) Alive(int, call.ID) {}

// observes reports that this console decides nothing: it was started so, or the
// relay says that its operator is an observer.
func (m *Model) observes() bool { return m.opt.Watch || m.link.Role == call.Observing }

// invitation is what to do when a call comes in; an observer is told otherwise.
func (m *Model) invitation(s string) string {
	if m.observes() {
		return "Watching only: decides nothing."
	}
	return s
}

// watchesOnly reports that this console decides nothing, and says so.
func (m *Model) watchesOnly() bool {
	if !m.observes() || m.guard.off.noWatch {
		return false
	}
	m.say(plain, "Watching only: decides nothing.", "")
	return true
}
