package lines

import (
	"testing"
	"time"

	"callscreen/relay/call"
)

func TestTheDetailsTellHowTheCallerFaredBefore(t *testing.T) {
	at := time.Date(2026, 11, 23, 11, 5, 0, 0, time.UTC)
	alice := call.Details{Caller: call.Party{Kind: call.Phone, ID: "+44", Name: "Alice"}}
	key, _ := call.CallerKeyOf(alice.Caller)
	said := func(rang int, v call.Visit, d call.Details) string {
		l := call.Ledger{Recent: []call.Caller{{Key: key, Rang: rang, Last: v}}}
		b := call.Restore(nil, call.Tally{Day: "2026-11-23"}, l, 1)
		b.Apply(call.Event{Kind: call.Rang, Call: "a", At: at.Add(time.Hour), Ring: 15000, Details: &d})
		c, _ := b.Get("a")
		return (&teller{board: b, status: &call.Link{Operator: "ana"}}).seen(c)
	}
	visit := func(e call.Ending, by string) call.Visit {
		return call.Visit{At: at, Ending: e, Reason: call.Busy, By: by}
	}
	for _, c := range []struct{ got, want string }{
		{said(0, call.Visit{}, alice), "this caller rang for the first time today"},
		{said(1, call.Visit{}, alice), "this caller rang 2 times today"},
		{said(2, visit(call.EndRejected, "ana"), alice), "this caller rang 3 times today, last at 11:05, busy by you"},
		{said(0, visit(call.EndUnconfirmed, "ben"), alice), "this caller rang once today, last at 11:05, busy by ben"},
		{said(2, visit(call.EndHungUp, ""), alice), "this caller rang 3 times today, last at 11:05, hung up"},
		{said(2, visit(call.EndTimedOut, ""), alice), "this caller rang 3 times today, last at 11:05, timed out"},
		{said(2, visit(call.EndGone, "ben"), alice), "this caller rang 3 times today, last at 11:05, gone before busy by ben"},
		{said(2, visit(call.EndRefused, "ben"), alice), "this caller rang 3 times today, last at 11:05, busy by ben was refused by Graph"},
		{said(2, visit(call.EndUnknown, "\x1bben"), alice), "this caller rang 3 times today, last at 11:05, busy by �ben with unknown outcome"},
		{said(2, visit("parked", ""), alice), "this caller rang 3 times today, last at 11:05, parked"},
		{said(2, visit(call.EndRejected, "ana"), call.Details{Caller: call.Party{Kind: call.Phone, Name: "Alice"}}), ""},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
