package tui

import (
	"strings"
	"time"
)

const (
	// noteFor is how long a message stays.
	noteFor = 3 * time.Second
	// badNoteFor is how long one stays that the operator must not miss.
	badNoteFor = 6 * time.Second
	// hintFor is how long the hint at the start stays: it has to be seen once.
	hintFor = 15 * time.Second
)

// tone is what a message is about.
type tone int

const (
	plain tone = iota
	good
	bad
)

// note is the message line. The caller's name, if any, stands at its end: it is
// a text of strangers.
type note struct {
	tone  tone
	text  string
	name  string
	until time.Time
}

func (n *note) expire(now time.Time) {
	if !now.Before(n.until) {
		*n = note{}
	}
}

func (m *Model) say(t tone, text, name string) {
	stays := noteFor
	if t == bad {
		stays = badNoteFor
	}
	m.note = note{t, text, name, m.now.Add(stays)}
	m.said.add(m.now, strings.TrimSpace(text+"  "+name))
}
