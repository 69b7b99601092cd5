package client

import (
	"slices"

	"callscreen/relay/call"
)

const (
	// maxBehind is how many updates wait for the reader before a board replaces them.
	maxBehind = 4096
	// maxOpen bounds the decisions without an answer together with the answers
	// not yet read.
	maxOpen = 256
)

// feed is what waits for the reader: bounded, whatever the reader does.
type feed struct {
	queue []call.Update
	// stale says that events were left out: the reader gets a board instead.
	stale bool
	// answers counts those in the queue; they are never left out.
	answers int
}

func (f *feed) add(u call.Update) {
	switch {
	case f.stale && (u.Event != nil || u.Board != nil):
		return // in the board that the reader will get
	case u.Link != nil && len(f.queue) > 0:
		// A link that only changed its figures is not worth a queue.
		if last := &f.queue[len(f.queue)-1]; last.Link != nil && last.Link.Up == u.Link.Up {
			last.Link = u.Link
			return
		}
	case u.Answer != nil:
		f.answers++
	}
	f.queue = append(f.queue, u)
	if len(f.queue) > maxBehind {
		f.shrink()
	}
}

// shrink leaves the answers and how the link stands now.
func (f *feed) shrink() {
	var link *call.Link
	kept := make([]call.Update, 0, f.answers+1)
	for _, u := range f.queue {
		switch {
		case u.Answer != nil:
			kept = append(kept, u)
		case u.Link != nil:
			link = u.Link
		}
	}
	if link != nil {
		kept = append(kept, call.Update{Link: link})
	}
	f.queue, f.stale = kept, true
}

// take hands out what waits. board is what the events left out add up to; it is
// nil only while there were none.
func (f *feed) take(board *call.Board) []call.Update {
	updates := f.queue
	if f.stale && board != nil {
		updates = slices.Insert(updates, 0, call.Update{Board: clone(board)})
	}
	*f = feed{}
	return updates
}

// clone copies a board for another owner. What its calls point to is shared,
// and never changed after it was decoded.
func clone(b *call.Board) *call.Board {
	return call.Restore(b.Calls(), b.Tally(), b.Ledger(), b.Seq())
}
