package tui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"callscreen/relay/call"
)

const (
	// ghostFor is how long a call that ended keeps its row, so that the rows
	// below do not jump under the eye and the ending can be read. It has a row
	// only while no live call needs the line.
	ghostFor = 1500 * time.Millisecond
	// restFor is how long the selection stays on a decided or vanished call
	// after the last key: a key pressed again meant that call, not the next.
	restFor = time.Second
	// jumps is how many rows have a key of their own.
	jumps = 9
)

// row is one line of the queue: a live call or the ghost of one that ended.
type row struct {
	call  *call.Call
	ghost bool
	// number is what the row is called on the screen. Only calls that can be
	// decided have one, counted from 1: a ghost or a decided call would waste a
	// key on a row about which nothing can be done.
	number int
	// folded is how many more calls of this caller wait, which have no rows.
	folded int
	id     string // the call's key where it has been made: a frame asks for it often
}

func (r row) key() string {
	if r.id == "" {
		return r.call.ID.Key()
	}
	return r.id
}

// waits reports whether a decision about the row is possible.
func (r row) waits() bool { return !r.ghost && r.call.Waits() }

type ghost struct {
	call  *call.Call
	until time.Time
}

// queue is the rows in their order and which call is selected. The selection is
// the call, never a place in the list.
type queue struct {
	off  rules
	rows []row
	was  []row // the rows before that, kept for the room
	// ghosts are the calls that lately ended, by key.
	ghosts map[string]ghost
	// selected is the key of the selected call; "" when there is none.
	selected string
	// at is where the selected call was last seen.
	at int
	// left is when the selected call stopped waiting; zero while it waits.
	left time.Time
	// moved is when rows last changed their numbers.
	moved  time.Time
	filter string
	asks   map[string]*ask // the model's decisions, by call; only read here
	stale  bool
	keys   map[call.ID]string
	order  int // counts how often the rows were made
}

// haunt gives a call that ended a ghost.
func (q *queue) haunt(c *call.Call, now time.Time) {
	if q.off.noGhosts {
		return
	}
	if q.ghosts == nil {
		q.ghosts = map[string]ghost{}
	}
	q.ghosts[c.ID.Key()] = ghost{c, now.Add(ghostFor)}
	q.stale = true
}

// sync makes the rows from the board and the ghosts.
func (q *queue) sync(b *call.Board, now time.Time) {
	for key, g := range q.ghosts {
		c, known := b.Get(g.call.ID)
		back := known && c.State != call.Over
		if back || !now.Before(g.until) && key != q.selected {
			delete(q.ghosts, key)
			q.stale = true
		}
	}
	if !q.stale {
		return
	}
	q.stale = false
	q.order++
	before := append(q.was[:0], q.rows...)
	q.was, q.rows = before, q.rows[:0]
	for _, c := range b.Live() {
		if q.matches(c) {
			q.rows = append(q.rows, row{call: c, id: q.key(c.ID)})
		}
	}
	for _, g := range q.ghosts {
		if q.matches(g.call) {
			q.rows = append(q.rows, row{call: g.call, ghost: true, id: q.key(g.call.ID)})
		}
	}
	if len(q.ghosts) > 0 {
		slices.SortFunc(q.rows, func(x, y row) int {
			return cmp.Or(x.call.Deadline().Compare(y.call.Deadline()), cmp.Compare(x.call.ID, y.call.ID))
		})
	}
	q.fold()
	q.number()
	if renumbered(before, q.rows) {
		q.moved = now
	}
	if i := q.find(q.selected); i >= 0 && !q.off.decideByRow {
		q.at = i
	}
}

// key is what a call is told apart by. They are kept while the list is: an event
// among a thousand calls would make a thousand.
func (q *queue) key(id call.ID) string {
	key, ok := q.keys[id]
	if !ok {
		if q.keys == nil || len(q.keys) > 2*len(q.was)+100 {
			q.keys = map[call.ID]string{}
		}
		key = id.Key()
		q.keys[id] = key
	}
	return key
}

// number counts the calls that can be decided.
func (q *queue) number() {
	n := 0
	for i := range q.rows {
		if q.rows[i].waits() || q.off.numberAll {
			n++
			q.rows[i].number = n
		}
	}
}

// numbered is the row with a number.
func (q *queue) numbered(n int) int {
	return slices.IndexFunc(q.rows, func(r row) bool { return r.number == n })
}

// renumbered reports whether a number that a key can name means another call
// now, or none. A number that is new is nobody's mistake.
func renumbered(before, after []row) bool {
	for _, was := range before {
		if was.number == 0 || was.number > jumps {
			continue
		}
		i := slices.IndexFunc(after, func(r row) bool { return r.number == was.number })
		if i < 0 || after[i].call.ID != was.call.ID {
			return true
		}
		if was.number == jumps {
			break
		}
	}
	return false
}

// thin takes ghosts away until so many fewer rows are left, those first that
// would go first; the selected one stays, for the operator looks at it. It
// reports whether any was taken.
func (q *queue) thin(over int) bool {
	if q.off.keepGhosts {
		return false
	}
	var spare []string
	for key := range q.ghosts {
		if key != q.selected && q.find(key) >= 0 {
			spare = append(spare, key)
		}
	}
	slices.SortFunc(spare, func(x, y string) int {
		return cmp.Or(q.ghosts[x].until.Compare(q.ghosts[y].until), cmp.Compare(x, y))
	})
	for _, key := range spare[:min(over, len(spare))] {
		delete(q.ghosts, key)
		q.stale = true
	}
	return len(spare) > 0
}

// matches reports whether a call passes the filter.
func (q *queue) matches(c *call.Call) bool {
	if q.filter == "" {
		return true
	}
	want := strings.ToLower(q.filter)
	p := c.Caller
	return strings.Contains(strings.ToLower(p.Display()), want) ||
		strings.Contains(strings.ToLower(p.ID), want) ||
		strings.Contains(squeeze(p.ID), squeeze(want)) && squeeze(want) != ""
}

// squeeze keeps only the digits: nobody types the blanks of a number.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func (q *queue) setFilter(s string) {
	if s != q.filter {
		q.filter, q.stale = s, true
	}
}

// find is the place of a call in the list, or -1.
func (q *queue) find(key string) int {
	if key == "" {
		return -1
	}
	if q.at < len(q.rows) && q.rows[q.at].key() == key {
		return q.at
	}
	return slices.IndexFunc(q.rows, func(r row) bool { return r.key() == key })
}

// current is the selected row.
func (q *queue) current() (row, int, bool) {
	i := q.find(q.selected)
	if q.off.decideByRow && len(q.rows) > 0 {
		i = min(q.at, len(q.rows)-1)
	}
	if i < 0 {
		return row{}, -1, false
	}
	return q.rows[i], i, true
}

// selected is the call that the operator looks at, "" for none.
func (m *Model) selected() call.ID {
	if r, _, ok := m.queue.current(); ok && r.call != nil {
		return r.call.ID
	}
	return ""
}

// past is the next row in a direction that is not a ghost; without one it is the
// row itself, or -1 where there is none.
func (q *queue) past(at, step int) int {
	for i := at + step; 0 <= i && i < len(q.rows); i += step {
		if !q.rows[i].ghost {
			return i
		}
	}
	if at == len(q.rows) {
		return -1
	}
	return at
}

// choose selects the call of a row.
func (q *queue) choose(i int) {
	q.selected, q.at, q.left = q.rows[i].key(), i, time.Time{}
}

// follow decides by itself what is selected: a call that waits stays selected
// whatever the list does; from one that waits no more the selection goes on to
// the most urgent call, once nobody can still mean the old one. It reports
// whether a call was newly selected, or came back.
func (q *queue) follow(lastKey, now time.Time, decidable func(row) bool) bool {
	i := q.find(q.selected)
	if i >= 0 && q.rows[i].waits() {
		again := !q.left.IsZero()
		q.left = time.Time{}
		return again
	}
	if i >= 0 {
		if q.left.IsZero() {
			q.left = now
		}
		if now.Before(q.restsUntil(lastKey)) {
			return false
		}
	}
	next := slices.IndexFunc(q.rows, decidable)
	if next < 0 {
		next = slices.IndexFunc(q.rows, row.waits)
	}
	if next >= 0 {
		q.choose(next)
		return true
	}
	if i < 0 {
		q.selected = ""
	} else if g, ok := q.ghosts[q.selected]; ok && !now.Before(g.until) {
		delete(q.ghosts, q.selected)
		q.selected, q.stale = "", true
	}
	return false
}

// restsUntil is when the selection may leave a call that waits no more.
func (q *queue) restsUntil(lastKey time.Time) time.Time {
	from := q.left
	if lastKey.After(from) {
		from = lastKey
	}
	return from.Add(restFor)
}

// waiting counts the shown calls that wait.
func (q *queue) waiting() int {
	n := 0
	for _, r := range q.rows {
		if r.waits() {
			n += 1 + r.folded
		}
	}
	return n
}
