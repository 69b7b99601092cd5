package lines

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"callscreen/relay/call"
)

// Plain tells each change as a sentence on out and takes decisions as lines
// from in, until "q" is typed, ctx ends, the link ends or the reader of out goes
// away; none of these is an error. in may be nil, and its end is not the end.
// Nothing can stop a read of in: the goroutine that reads it ends with in, or
// after one more line.
func Plain(ctx context.Context, l Link, in io.Reader, out io.Writer, keys Keys) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches, stop := pump(ctx, l)
	defer stop()
	typed := listen(ctx, in)
	t := newTeller(l, out, keys)
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	remind := time.NewTimer(0)
	defer remind.Stop()
	for t.err == nil {
		remind.Reset(t.remind(time.Now()))
		select {
		case <-ctx.Done():
			return nil
		case <-alive.C:
		case <-remind.C:
			continue
		case b := <-batches:
			for _, u := range b.updates {
				t.update(u)
			}
			if b.err != nil && t.err == nil {
				return ended(ctx, b.err)
			}
		case line := <-typed:
			if t.typed(line) {
				return nil
			}
		}
		if t.board != nil && t.err == nil {
			l.Alive(t.board.Waiting(), "")
		}
	}
	return t.outcome()
}

// maxTyped bounds one typed line, in bytes.
const maxTyped = 256

// listen hands on what is typed, a line at a time; a line that is too long is
// handed on as far as it was kept.
func listen(ctx context.Context, in io.Reader) <-chan string {
	typed := make(chan string)
	if in == nil {
		return typed
	}
	go func() {
		r := bufio.NewReaderSize(in, maxTyped)
		for {
			line, err := r.ReadSlice('\n')
			kept := string(line)
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = r.ReadSlice('\n')
			}
			if kept != "" {
				select {
				case typed <- kept:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return typed
}

// teller tells a listener what happens.
type teller struct {
	paper
	link   Link
	words  vocabulary
	board  *call.Board
	status *call.Link // as last told
	notice string     // as last told; a link that breaks does not make it new

	numbers map[string]int // by [call.ID.Key]
	ids     map[int]call.ID
	last    int
	told    map[string]time.Duration // the lowest reminder of a call that was told or passed
	asked   map[string]decision      // our own, without an answer, by request
	missed  map[string]call.Answer   // our own that came too late or second, by call, until it is over
}

// decision is one that was typed here.
type decision struct {
	call   call.ID
	reason call.Reason
}

func newTeller(l Link, out io.Writer, keys Keys) *teller {
	return &teller{
		paper: paper{out: out}, link: l, words: newVocabulary(keys), numbers: map[string]int{}, ids: map[int]call.ID{},
		told: map[string]time.Duration{}, asked: map[string]decision{}, missed: map[string]call.Answer{},
	}
}

// keepNumbers is how many calls keep their number after the board has forgotten them.
const keepNumbers = 4000

// number is the call's number; a call without one gets the next.
func (t *teller) number(id call.ID) int {
	if n, ok := t.numbers[id.Key()]; ok {
		return n
	}
	t.last++
	t.numbers[id.Key()], t.ids[t.last] = t.last, id
	if old, ok := t.ids[t.last-keepNumbers]; ok {
		delete(t.ids, t.last-keepNumbers)
		delete(t.numbers, old.Key())
	}
	return t.last
}

// reminders are the times left at which a waiting call is mentioned again.
var reminders = [...]time.Duration{10 * time.Second, 5 * time.Second, 3 * time.Second}

// remind mentions the calls whose next reminder is due, each once however many
// have passed, and returns the time until the next.
func (t *teller) remind(now time.Time) time.Duration {
	next := time.Hour
	if t.board == nil {
		return next
	}
	for _, c := range t.board.Live() {
		if !c.Waits() {
			continue
		}
		left, lowest := c.Usable().Sub(now), t.lowest(c)
		due := lowest
		for _, r := range reminders {
			switch {
			case r >= lowest:
			case left <= r:
				due = r
			default:
				next = min(next, left-r)
			}
		}
		if due != lowest {
			t.told[c.ID.Key()] = due
			if left > 0 {
				t.say("call %d, %s to decide: %s", t.number(c.ID), seconds(left), display(c))
			}
		}
	}
	return next
}

// lowest is the lowest reminder told of a call.
func (t *teller) lowest(c *call.Call) time.Duration {
	if lowest, ok := t.told[c.ID.Key()]; ok {
		return lowest
	}
	return time.Hour
}

// mentioned counts the reminders that a sentence with the time left makes needless.
func (t *teller) mentioned(c *call.Call, now time.Time) {
	left, lowest := c.Usable().Sub(now), time.Hour
	for _, r := range reminders {
		if left <= r+time.Second { // it would repeat the same figure
			lowest = r
		}
	}
	t.told[c.ID.Key()] = lowest
}
