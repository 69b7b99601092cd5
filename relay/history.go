package relay

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"callscreen/relay/history"
	"callscreen/relay/journal"
)

const (
	historyPath = "/v1/history"
	// historiesAtOnce bounds what reading old records may cost the calls that ring.
	historiesAtOnce = 2
	historyWithin   = 10 * time.Minute
	// pieceWithin is how long a reader may take for one piece of it.
	pieceWithin = 10 * time.Second
	pieceBytes  = 32 << 10
)

// handleHistory serves GET /v1/history: one [history.Row] a line, in the order in
// which the calls rang, read from the journal while it is written out. What can be
// asked for stands at [history.Query.Values]. An answer that breaks off is one
// that HTTP knows to be broken off, never a short one that looks whole.
func (s *Server) handleHistory(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.admit(w, r); !ok {
		return
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		s.refuseConsole(w, http.StatusBadRequest, "query", "The query is not one of a URL.")
		return
	}
	q, err := history.ParseQuery(values, time.Now())
	if err != nil {
		s.refuseConsole(w, http.StatusBadRequest, "query", err.Error())
		return
	}
	select {
	case s.histories <- struct{}{}:
		defer func() { <-s.histories }()
	default:
		s.refuseConsole(w, http.StatusServiceUnavailable, "busy", "Others are reading the history; try again in a moment.")
		return
	}
	p := &pieces{w: w, control: http.NewResponseController(w)}
	out := bufio.NewWriterSize(p, pieceBytes)
	rows := json.NewEncoder(out)
	err = s.readHistory(r.Context(), q, p.extend, func(row history.Row) error { return rows.Encode(row) })
	if err == nil {
		p.begin() // also when there is no row
		err = out.Flush()
	}
	switch {
	case err == nil:
	case p.begun:
		s.hush.warn("history", "a history broke off", "err", err)
		panic(http.ErrAbortHandler)
	default:
		s.hush.warn("history", "the journal could not be read for a history", "err", err)
		s.refuseConsole(w, http.StatusServiceUnavailable, "journal", "The history cannot be read now; the relay's log says why.")
	}
}

// errEnough ends the reading of the journal.
var errEnough = errors.New("all that was asked for is read")

// readHistory reads the journal from where the query begins to where it ends or
// the journal did when it was asked. It tells of each record that it goes on.
func (s *Server) readHistory(ctx context.Context, q history.Query, goesOn func() error, emit func(history.Row) error) error {
	ctx, cancel := context.WithTimeout(ctx, historyWithin)
	defer cancel()
	first, head, err := s.opts.Journal.Head(ctx)
	if err != nil || first > head {
		return err
	}
	// Records are stamped by the journal's clock, calls by a relay's.
	after, err := s.opts.Journal.Before(ctx, q.Since.Add(-history.Settled))
	if err != nil || after >= head {
		return err
	}
	fold := history.NewFold(q, emit)
	err = s.opts.Journal.Follow(ctx, after, func(r journal.Record) error {
		if s.goingDown() {
			return errGoingDown
		}
		if err := goesOn(); err != nil {
			return err
		}
		if rec, err := read(r); err == nil { // what is none of ours was reported when it came
			if err := fold.Take(rec.Event); err != nil {
				return err
			}
		}
		if r.Seq >= head || fold.Past(r.At) {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		return err
	}
	return fold.End()
}

// pieces is an answer of any length: each piece of it has its own time to be
// taken in, where the server bounds an answer as a whole.
type pieces struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
	moved   time.Time // when the time for the next piece began anew
}

func (p *pieces) begin() {
	if !p.begun {
		p.begun = true
		p.w.Header().Set("Content-Type", "application/x-ndjson")
	}
}

func (p *pieces) Write(b []byte) (int, error) {
	p.begin()
	p.moved = time.Time{}
	if err := p.extend(); err != nil {
		return 0, err
	}
	return p.w.Write(b)
}

// extend begins the time for a piece anew, at most once a second, also while none
// is full yet: over HTTP/2 the deadline is a timer that ends the stream whether or
// not anything is being written.
func (p *pieces) extend() error {
	now := time.Now()
	if now.Sub(p.moved) < time.Second {
		return nil
	}
	p.moved = now
	return p.control.SetWriteDeadline(now.Add(pieceWithin))
}
