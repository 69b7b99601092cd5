package invariants

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"callscreen/relay/journal"
)

// store is the one journal of all relays of a run: what JetStream keeps, under
// its rules. A relay reaches it through a link of its own.
type store struct {
	bugs bugs

	mu      sync.Mutex
	records []journal.Record
	last    map[string]uint64
	changed chan struct{}
	old     int                    // reads that were answered as of before
	hearers map[*link]func([]byte) // of what relays tell each other
}

// bugs are planted in the store, and in Graph, to see the checker fail.
type bugs struct {
	blind     bool // appends without comparing: a race has two winners
	forgetful bool // acknowledges some records and keeps none of them
	leaky     bool // leaves some records out of what a relay reads
	hasty     bool // acknowledges that a decision is committed, and records nothing
	generous  bool // Graph accepts a second rejection of a call
	stale     bool // a third of the reads of a call's last record are answered as of before
	mute      bool // nothing that relays tell each other arrives, but for whoever said it
	deaf      bool // nor for him
}

func newStore(b bugs) *store {
	return &store{bugs: b, last: map[string]uint64{}, changed: make(chan struct{}), hearers: map[*link]func([]byte){}}
}

func (s *store) append(key string, data []byte, expected uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last[key] != expected && !s.bugs.blind {
		return 0, journal.ErrConflict
	}
	seq := uint64(len(s.records)) + 1
	if s.bugs.forgetful && expected == 0 && seq%7 == 0 {
		return seq, nil
	}
	if s.bugs.hasty && bytes.Contains(data, []byte(`"event":"committed"`)) {
		return expected, nil
	}
	s.records = append(s.records, journal.Record{Seq: seq, Key: key, Data: slices.Clone(data), At: time.Now()})
	s.last[key] = seq
	close(s.changed)
	s.changed = make(chan struct{})
	return seq, nil
}

// before is where a call stood before one of its records; 0 if that is its first.
// The caller holds mu.
func (s *store) before(key string, seq uint64) uint64 {
	for seq > 1 {
		if seq--; s.records[seq-1].Key == key {
			return seq
		}
	}
	return 0
}

// all is a copy of what was written.
func (s *store) all() []journal.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records)
}

// after is the record that follows a sequence, or what to wait for.
func (s *store) after(seq uint64) (r journal.Record, ok bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq < uint64(len(s.records)) {
		return s.records[seq], true, nil
	}
	return r, false, s.changed
}

// link is one running relay's way to the store. It delays everything, loses
// requests and answers, and refuses what nobody has written yet, as a cluster
// does while a leader changes.
type link struct {
	*dice
	store *store
	dead  <-chan struct{} // closed when the relay is killed: nothing goes in or out
	apart atomic.Bool     // a partition: likewise, for a while
}

const patience = time.Second // the longest wait for one answer, as journal's over a network

// way is one direction of an exchange. False means that it got lost, which
// whoever waits learns by waiting.
func (l *link) way(ctx context.Context) bool {
	rest(ctx, l.dead, l.between(0, 15*time.Millisecond))
	if !l.apart.Load() && !closed(l.dead) && ctx.Err() == nil && !l.fault(8) {
		return true
	}
	rest(ctx, nil, patience)
	return false
}

func (l *link) Append(ctx context.Context, key string, data []byte, expected uint64) (uint64, error) {
	switch {
	case !l.way(ctx):
		return 0, journal.ErrUnknown
	case l.fault(15):
		return 0, journal.ErrConflict // a refusal is no proof that somebody won
	case l.fault(8):
		return 0, errors.New("no space left on device")
	}
	seq, err := l.store.append(key, data, expected)
	if !l.way(ctx) {
		return 0, journal.ErrUnknown
	}
	return seq, err
}

func (l *link) Last(ctx context.Context, key string) (journal.Record, bool, error) {
	if !l.way(ctx) {
		return journal.Record{}, false, journal.ErrUnknown
	}
	l.store.mu.Lock()
	seq := l.store.last[key]
	var r journal.Record
	if l.store.bugs.stale && l.chance(333) {
		l.store.old++
		seq = l.store.before(key, seq)
	}
	if seq > 0 {
		r = l.store.records[seq-1]
	}
	l.store.mu.Unlock()
	if !l.way(ctx) {
		return journal.Record{}, false, journal.ErrUnknown
	}
	return r, seq > 0, nil
}

func (l *link) Follow(ctx context.Context, after uint64, fn func(journal.Record) error) error {
	for {
		r, ok, changed := l.store.after(after)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case l.apart.Load() || closed(l.dead):
			rest(ctx, nil, 50*time.Millisecond)
		case !ok:
			select {
			case <-changed:
			case <-ctx.Done():
			}
		default:
			if lag := l.between(-20*time.Millisecond, 10*time.Millisecond); lag > 0 {
				rest(ctx, nil, lag)
			}
			if l.fault(4) {
				rest(ctx, nil, l.between(0, 600*time.Millisecond))
			}
			if after = r.Seq; l.store.bugs.leaky && r.Seq%11 == 0 {
				continue
			}
			r.Age = time.Since(r.At)
			if err := fn(r); err != nil {
				return err
			}
		}
	}
}

func (l *link) Head(context.Context) (first, last uint64, err error) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	return 1, uint64(len(l.store.records)), nil
}

func (l *link) Before(_ context.Context, t time.Time) (uint64, error) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	n := 0
	for n < len(l.store.records) && l.store.records[n].At.Before(t) {
		n++
	}
	return uint64(n), nil
}

// Publish reaches whoever has a way to the store at this moment.
func (l *link) Publish(data []byte) error {
	if l.apart.Load() || closed(l.dead) {
		return errors.New("the link to the server is down")
	}
	l.store.mu.Lock()
	hearers := maps.Clone(l.store.hearers)
	l.store.mu.Unlock()
	for other, fn := range hearers {
		if !other.apart.Load() && !closed(other.dead) && (other == l || !l.store.bugs.mute) && !l.store.bugs.deaf {
			fn(slices.Clone(data))
		}
	}
	return nil
}

func (l *link) Subscribe(fn func([]byte)) (stop func(), err error) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	l.store.hearers[l] = fn
	return func() {
		l.store.mu.Lock()
		defer l.store.mu.Unlock()
		delete(l.store.hearers, l)
	}, nil
}

func (l *link) Healthy() error {
	if l.apart.Load() {
		return errors.New("the link to the server is down")
	}
	return nil
}

func (l *link) Epoch() string { return "run" }

// rest waits, unless ctx or the relay ends first.
func rest(ctx context.Context, dead <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-dead:
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
