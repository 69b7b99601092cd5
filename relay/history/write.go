package history

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"callscreen/relay/call"
)

// Writer writes rows in one of the formats.
type Writer interface {
	Write(Row) error
	Flush() error
}

// Formats are the names of the formats.
const Formats = "table, json and csv"

// NewWriter writes in a format: "table", whose lines are at most cells wide (0: as
// wide as they are), in a time zone; "json", one object a line; or "csv". ok is
// false when there is no such format.
func NewWriter(format string, w io.Writer, cells int, zone *time.Location) (writer Writer, ok bool) {
	switch format {
	case "table":
		return newTable(w, cells, zone), true
	case "json":
		return jsonLines{json.NewEncoder(w)}, true
	case "csv":
		return &sheet{out: csv.NewWriter(w)}, true
	default:
		return nil, false
	}
}

type jsonLines struct{ out *json.Encoder }

func (j jsonLines) Write(r Row) error { return j.out.Encode(r) }
func (jsonLines) Flush() error        { return nil }

// sheet is CSV (RFC 4180) for spreadsheets.
type sheet struct {
	out    *csv.Writer
	headed bool
}

var sheetColumns = []string{
	"rang_at", "call_id", "caller_kind", "caller_id", "caller_name", "to", "state", "ending", "ended_at", "reason", "by", "after_ms",
	"status", "code", "took_ms", "request_id", "relay", "words",
}

func (s *sheet) Write(r Row) error {
	if err := s.head(); err != nil {
		return err
	}
	return s.out.Write([]string{
		stamp(r.RangAt), cell(string(r.Call)), cell(string(r.Caller.Kind)), cell(r.Caller.ID), cell(r.Caller.Name), cell(r.to()),
		cell(string(r.State)), cell(string(r.Ending)), stamp(r.Ended), cell(string(r.Reason)), cell(r.By), millis(r.By, r.After),
		number(r.Status), cell(r.Code), millis(r.Request, r.Took), cell(r.Request), cell(r.Relay), cell(r.Words),
	})
}

func (s *sheet) head() error {
	if s.headed {
		return nil
	}
	s.headed = true
	return s.out.Write(sheetColumns)
}

// Flush writes the heading of a sheet without rows, too: a program that reads it
// finds its columns.
func (s *sheet) Flush() error {
	if err := s.head(); err != nil {
		return err
	}
	s.out.Flush()
	return s.out.Error()
}

// cell makes a text safe to be opened in a spreadsheet. A caller chooses his name,
// and a cell that begins with one of these is a formula there, which can send the
// sheet away; phone numbers begin with one, too. The apostrophe makes it text.
func cell(s string) string {
	s, _ = call.Clean(s, call.TextCells)
	if first, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + s
	}
	return s
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// millis is empty where what it belongs to is.
func millis(of string, m call.Millis) string {
	if of == "" {
		return ""
	}
	return strconv.FormatInt(int64(m), 10)
}

// table is for people. The rows come one by one, so the widths are fixed.
type table struct {
	w       io.Writer
	cells   int
	zone    *time.Location
	columns []column
	headed  bool
}

type column struct {
	title string
	cells int
	right bool
	of    func(*table, Row) string
}

// wideTable is the width from which on there is room for everything.
const wideTable = 110

func newTable(w io.Writer, cells int, zone *time.Location) *table {
	t := &table{w: w, cells: cells, zone: zone}
	day, to := "2006-01-02 15:04:05", true
	if cells > 0 && cells < wideTable {
		day, to = "01-02 15:04:05", false
	}
	t.columns = []column{
		{"RANG", len(day), false, func(t *table, r Row) string { return r.RangAt.In(t.zone).Format(day) }},
		{"ENDING", 18, false, func(_ *table, r Row) string { return r.Outcome() }},
		{"AFTER", 7, true, func(_ *table, r Row) string { return after(r) }},
		{"BY", 8, false, func(_ *table, r Row) string { return r.By }},
	}
	if to {
		t.columns = append(t.columns, column{"TO", 16, false, func(_ *table, r Row) string { return r.to() }})
	}
	t.columns = append(t.columns,
		column{"CALLER", 16, false, func(_ *table, r Row) string { return r.Caller.Address() }},
		column{"NAME", 0, false, func(_ *table, r Row) string { return r.Caller.Display() }},
	)
	return t
}

func (t *table) Write(r Row) error {
	if !t.headed {
		t.headed = true
		if err := t.line(func(c column) string { return c.title }); err != nil {
			return err
		}
	}
	return t.line(func(c column) string { return c.of(t, r) })
}

func (*table) Flush() error { return nil }

// line writes a line whose last text, a stranger's name, can push nothing aside.
func (t *table) line(text func(column) string) error {
	var b strings.Builder
	used := 0
	for i, c := range t.columns {
		if i > 0 {
			b.WriteString("  ")
			used += 2
		}
		s, _ := call.Clean(text(c), call.NameCells)
		if i == len(t.columns)-1 {
			if t.cells > 0 {
				s = call.Cut(s, max(t.cells-used, 0))
			}
			b.WriteString(s)
			break
		}
		s = call.Cut(s, c.cells)
		gap := strings.Repeat(" ", max(c.cells-call.Width(s), 0))
		if c.right {
			s = gap + s
		} else {
			s += gap
		}
		b.WriteString(s)
		used += c.cells
	}
	_, err := fmt.Fprintln(t.w, strings.TrimRight(b.String(), " "))
	return err
}

// Outcome is how the call ended, in a word or two; every ending is told apart.
func (r Row) Outcome() string {
	switch r.Ending {
	case call.EndRejected:
		return "rejected " + string(r.Reason)
	case call.EndUnconfirmed:
		return "unconfirmed " + string(r.Reason)
	case call.EndGone:
		return "already gone"
	case call.EndHungUp:
		return "caller hung up"
	case call.EndTimedOut:
		return "timed out"
	case call.EndRefused:
		return strings.TrimSpace("refused " + cmp.Or(r.Code, number(r.Status)))
	case call.EndUnknown:
		return "unknown " + string(r.Reason)
	case "":
		return "(" + string(r.State) + ")" // not over when it was asked for
	default:
		return string(r.Ending)
	}
}

// to is whom the call was for.
func (r Row) to() string {
	if r.To.Kind == "" {
		return ""
	}
	return cmp.Or(r.To.Name, r.To.Address())
}

// after is how fast the decision was.
func after(r Row) string {
	switch d := r.After.Duration(); {
	case r.By == "":
		return ""
	case d < time.Second:
		return strconv.FormatInt(int64(r.After), 10) + " ms"
	default:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
}
