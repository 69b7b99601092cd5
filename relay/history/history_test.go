package history

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callscreen/relay/call"
)

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// story is events as a journal would hold them.
type story struct {
	events []call.Event
	at     time.Time
}

func (s *story) add(after time.Duration, e call.Event) {
	s.at = s.at.Add(after)
	e.Seq, e.At = uint64(len(s.events)+1), s.at
	s.events = append(s.events, e)
}

func (s *story) ring(id string) {
	s.add(time.Second, call.Event{Kind: call.Rang, Call: call.ID(id), Ring: 15_000, Margin: 500, Details: &call.Details{
		Caller: call.Party{Kind: call.Phone, ID: "+4915123", Name: "Alice " + id},
		To:     []call.Party{{Kind: call.Application, Name: "Reception bot"}, {Kind: call.User, Name: "second"}},
	}})
}

func (s *story) is(id string, kind call.EventKind) {
	s.add(100*time.Millisecond, call.Event{Kind: kind, Call: call.ID(id)})
}

func (s *story) claim(id, by string, reason call.Reason) {
	s.add(100*time.Millisecond, call.Event{Kind: call.Claimed, Call: call.ID(id), Claim: &call.Claim{
		Operator: by, Reason: reason, Command: "q" + id, Relay: "R1", After: 4100,
	}})
}

func (s *story) reply(id string, kind call.EventKind, r call.Reply) {
	s.add(100*time.Millisecond, call.Event{Kind: kind, Call: call.ID(id), Reply: &r})
}

// everyEnding is a call for each way to end, and one that is not over.
func everyEnding() *story {
	s := &story{at: noon}
	for _, id := range []string{"rejected", "unconfirmed", "gone", "hungup", "timedout", "refused", "unknown", "open"} {
		s.ring(id)
	}
	for i, id := range []string{"rejected", "unconfirmed", "gone", "refused", "unknown"} {
		s.claim(id, []string{"ana", "Ben"}[i%2], []call.Reason{call.Busy, call.None, call.Forbidden}[i%3])
	}
	accepted := call.Reply{Status: 202, Request: "r-1", Took: 212, Tries: 1}
	s.reply("rejected", call.Rejected, accepted)
	s.is("rejected", call.Ended)
	s.reply("unconfirmed", call.Rejected, accepted)
	s.is("unconfirmed", call.Unconfirmed)
	s.reply("gone", call.Gone, call.Reply{Status: 404, Code: "8522", Request: "r-2", Took: 90, Words: "the call is over"})
	s.is("hungup", call.Ended)
	s.is("timedout", call.Expired)
	s.reply("refused", call.Refused, call.Reply{Status: 403, Code: "7504", Request: "r-3", Took: 80, Words: "permission is missing"})
	s.is("refused", call.Expired)
	s.reply("unknown", call.Unknown, call.Reply{Words: "no answer"})
	s.is("unknown", call.Expired)
	return s
}

// rows is what a query finds in a story.
func rows(t *testing.T, q Query, s *story) []Row {
	t.Helper()
	var out []Row
	f := NewFold(q, func(r Row) error { out = append(out, r); return nil })
	for _, e := range s.events {
		if err := f.Take(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.End(); err != nil {
		t.Fatal(err)
	}
	return out
}

func ids(rows []Row) string {
	var out []string
	for _, r := range rows {
		out = append(out, string(r.Call))
	}
	return strings.Join(out, " ")
}

func TestEveryEndingIsToldApart(t *testing.T) {
	got := rows(t, Query{Since: noon}, everyEnding())
	if ids(got) != "rejected unconfirmed gone hungup timedout refused unknown open" {
		t.Fatalf("the rows are %s", ids(got))
	}
	want := []string{
		"rejected busy", "unconfirmed none", "already gone", "caller hung up", "timed out", "refused 7504", "unknown none", "(ringing)",
	}
	for i, r := range got {
		if r.Outcome() != want[i] {
			t.Errorf("%s is told as %q, want %q", r.Call, r.Outcome(), want[i])
		}
	}
	whole := Row{
		Call: "rejected", RangAt: noon.Add(time.Second), Caller: call.Party{Kind: call.Phone, ID: "+4915123", Name: "Alice rejected"},
		To: call.Party{Kind: call.Application, Name: "Reception bot"}, State: call.Over, Ending: call.EndRejected,
		Ended: noon.Add(8700 * time.Millisecond), Reason: call.Busy, By: "ana", After: 4100, Relay: "R1", Tries: 1,
		Status: 202, Request: "r-1", Took: 212,
	}
	if diff := cmp.Diff(whole, got[0]); diff != "" {
		t.Error(diff)
	}
	if r := got[5]; r.Status != 403 || r.Code != "7504" || r.Request != "r-3" || r.Words != "permission is missing" || r.By != "Ben" {
		t.Errorf("a refused one: %+v", r)
	}
}

func TestAQueryPicksByTimeOperatorAndEnding(t *testing.T) {
	s := everyEnding()
	for want, q := range map[string]Query{
		"rejected unconfirmed gone hungup timedout refused unknown open": {},
		"hungup timedout refused unknown open":                           {Since: noon.Add(4 * time.Second)},
		"rejected unconfirmed gone":                                      {Until: noon.Add(4 * time.Second)},
		"hungup timedout":                                                {Since: noon.Add(4 * time.Second), Until: noon.Add(6 * time.Second)},
		"rejected gone unknown":                                          {Operators: []string{"ANA"}},
		"rejected unconfirmed gone refused unknown":                      {Operators: []string{"ana", "ben"}},
		"":                          {Operators: []string{"nobody"}},
		"gone timedout":             {Endings: []call.Ending{call.EndTimedOut, call.EndGone}},
		"unconfirmed":               {Operators: []string{"ben"}, Endings: []call.Ending{call.EndUnconfirmed}},
		"refused unknown open":      {Limit: 3},
		"unconfirmed refused":       {Limit: 3, Operators: []string{"Ben"}},
		"timedout refused unknown ": {Limit: 3, Until: noon.Add(8 * time.Second)},
	} {
		if got := ids(rows(t, q, s)); got != strings.TrimSpace(want) {
			t.Errorf("%+v finds %q, want %q", q, got, want)
		}
	}
}

func TestACallThatIsConfirmedLateIsOneRejectedRow(t *testing.T) {
	s := everyEnding()
	s.is("unconfirmed", call.Ended)
	got := rows(t, Query{Endings: []call.Ending{call.EndRejected}}, s)
	if ids(got) != "rejected unconfirmed" {
		t.Errorf("rejected are %q", ids(got))
	}
}

func TestADecisionThatWasTakenBackIsNoneThatWasCarriedOut(t *testing.T) {
	claim := func(command string) *call.Claim {
		return &call.Claim{Operator: "ana", Reason: call.Busy, Command: command, After: 2000, Hold: 3000}
	}
	s := &story{at: noon}
	s.ring("a")
	s.add(time.Second, call.Event{Kind: call.Claimed, Call: "a", Claim: claim("q1")})
	s.add(time.Second, call.Event{Kind: call.Withdrawn, Call: "a", Claim: claim("q1")})
	s.ring("b")
	s.add(time.Second, call.Event{Kind: call.Claimed, Call: "b", Claim: claim("q2")})
	s.is("b", call.Ended) // while it was held
	s.is("a", call.Ended)
	for _, r := range rows(t, Query{}, s) {
		if want := map[call.ID]int{"a": 1, "b": 0}[r.Call]; r.Tries != 0 || r.Undone != want || r.Ending != call.EndHungUp {
			t.Errorf("%s: %d tries and %d taken back, ended %s; want 0 and %d, hung up", r.Call, r.Tries, r.Undone, r.Ending, want)
		}
	}
}

func TestCallsThatRangBeforeTheReadingBeganAreNoRows(t *testing.T) {
	s := everyEnding()
	s.events = s.events[3:] // the journal was entered later, or expired so far
	if got := ids(rows(t, Query{}, s)); got != "hungup timedout refused unknown open" {
		t.Errorf("rows %q", got)
	}
	// An end before its beginning rang nowhere.
	s = &story{at: noon}
	s.is("early", call.Ended)
	s.ring("early")
	if got := rows(t, Query{}, s); len(got) != 0 {
		t.Errorf("rows %+v", got)
	}
}

// What is held is what rang in the last minutes, whatever comes.
func TestAHistoryHoldsMinutesAndNotMonths(t *testing.T) {
	s := &story{at: noon}
	written, most := 0, 0
	f := NewFold(Query{}, func(Row) error { written++; return nil })
	take := func() {
		for _, e := range s.events {
			if err := f.Take(e); err != nil {
				t.Fatal(err)
			}
			most = max(most, len(f.order), len(f.calls))
		}
		s.events = s.events[:0]
	}
	s.ring("stuck") // nothing is ever heard of it again
	const calls = 100_000
	for i := range calls {
		id := fmt.Sprint("c", i)
		s.ring(id)
		s.is(id, call.Ended)
		take()
	}
	if err := f.End(); err != nil || written != calls+1 {
		t.Errorf("%d rows, %v", written, err)
	}
	if limit := int(Settled/time.Second) + 2; most > limit {
		t.Errorf("%d calls were held at once, want at most %d", most, limit)
	}
}

func TestTheFoldEndsWithTheErrorOfWhoeverTakesTheRows(t *testing.T) {
	full := errors.New("full")
	f := NewFold(Query{}, func(Row) error { return full })
	var err error
	for _, e := range everyEnding().events {
		if err = f.Take(e); err != nil {
			break
		}
	}
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

func TestAQueryComesThroughItsValues(t *testing.T) {
	for _, q := range []Query{
		{Since: noon},
		{Since: noon.Add(123 * time.Millisecond), Until: noon.Add(time.Hour), Operators: []string{"ana", "böb & co"}, Endings: []call.Ending{call.EndGone, call.EndHungUp}, Limit: 7},
	} {
		v, err := url.ParseQuery(q.Values().Encode())
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseQuery(v, noon)
		if diff := cmp.Diff(q, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	got, err := ParseQuery(url.Values{}, noon)
	if err != nil || !got.Since.Equal(noon.Add(-DefaultSince)) {
		t.Errorf("without anything: %+v, %v", got, err)
	}
}

// refusals are the sentences for queries that cannot be.
func TestEveryBadQueryHasASentenceOfItsOwn(t *testing.T) {
	for query, want := range map[string]string{
		"since=yesterday":            "since, until: write a time as 2026-03-31T14:00:00Z",
		"until=2026-03-31":           "since, until: write a time as 2026-03-31T14:00:00Z",
		"since=":                     "since, until: write a time as 2026-03-31T14:00:00Z",
		"until=2020-01-01T00:00:00Z": "until: must be later than since",
		"since=2026-03-31T00:00:00Z&since=2026-03-31T00:00:00Z": "since, until and limit may be there once each",
		"limit=many":             "limit: not a whole number",
		"limit=1.5":              "limit: not a whole number",
		"limit=-1":               "limit: at most 10000 rows; without a limit there are all",
		"limit=10001":            "limit: at most 10000 rows; without a limit there are all",
		"ending=lost":            "ending: " + ErrEnding.Error(),
		"ending=":                "ending: " + ErrEnding.Error(),
		"token=cs_secret":        "a token goes into the Authorization header",
		"access_token=cs_secret": "a token goes into the Authorization header",
		"operator=" + strings.Repeat("a&operator=", 50): "operator: at most 50 names",
	} {
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseQuery(v, noon)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", query, err, want)
		}
		for _, asked := range slices.Concat(v["token"], v["access_token"]) {
			if strings.Contains(err.Error(), asked) {
				t.Errorf("%s: the sentence repeats what was asked", query)
			}
		}
	}
	for text, want := range map[string]call.Ending{"hung-up": call.EndHungUp, "HUNG_UP": call.EndHungUp, "timed-out": call.EndTimedOut} {
		if got, err := ParseEnding(text); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}
