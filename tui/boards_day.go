package tui

import (
	"time"

	"callscreen/relay/call"
)

// dayBoard is a board after half an hour's work, for the statistics.
func dayBoard(now time.Time) *call.Board {
	b := call.NewBoard()
	n := 200
	reasons := []call.Reason{call.Busy, call.Busy, call.None, call.Busy, call.Forbidden}
	for minute, rings := range []int{0, 1, 2, 2, 4, 1, 1, 0, 1, 2, 6, 4, 3, 2, 2, 1, 0, 2, 3, 2, 1, 1, 3, 4, 5, 3, 2, 1, 2} {
		for i := range rings {
			at := now.Add(time.Duration(minute-29)*time.Minute + time.Duration(i*7)*time.Second)
			for _, e := range dayCall(n, at, reasons[n%len(reasons)]) {
				b.Apply(e)
			}
			n++
		}
	}
	return b
}

// dayCall is a call that ends in one of the usual ways.
func dayCall(n int, at time.Time, reason call.Reason) []call.Event {
	rung := *rang(n, 0, at.Add(14500*time.Millisecond)).Event
	after := call.Millis(1500 + n*n*137%11_000)
	later := at.Add(after.Duration())
	who := []string{me, "ben", me, "chiara"}[n%4]
	claim := call.Event{Kind: call.Claimed, Claim: &call.Claim{Operator: who, Reason: reason, Command: "other", After: after}}
	said := func(kind call.EventKind, r call.Reply) call.Event { return call.Event{Kind: kind, Reply: &r} }
	facts := []call.Event{claim, said(call.Rejected, call.Reply{Status: 202, Took: 212}), {Kind: call.Ended}}
	switch n % 7 {
	case 2:
		facts, later = []call.Event{{Kind: call.Expired}}, at.Add(15*time.Second)
	case 5:
		facts = []call.Event{{Kind: call.Ended}}
	case 6:
		if n%2 == 0 {
			facts = []call.Event{claim, said(call.Gone, call.Reply{Status: 404, Code: "8522", Took: 90})}
		}
	}
	events := []call.Event{rung}
	for _, e := range facts {
		events = append(events, *happened(n, later, e).Event)
	}
	return events
}

// dayCalls is that day with five calls waiting.
func dayCalls(now time.Time) []call.Update {
	return append([]call.Update{live(), {Board: dayBoard(now)}}, fiveCalls(now)[2:]...)
}

// chained is three calls of which two belong to one conversation.
func chained(now time.Time) []call.Update {
	u := []call.Update{live(), {Board: dayBoard(now)}}
	for i, chain := range []string{"2a9e", "77f0", "2a9e"} {
		d := cast[1]
		d.Chain = chain
		u = append(u, happened(i, now.Add(time.Duration(i-4)*time.Second), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
	}
	return u
}
