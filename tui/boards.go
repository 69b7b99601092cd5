package tui

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"callscreen/relay/call"
)

// me is the operator at the screen of the canned boards.
const me = "ana"

// board is a canned state of the screen: what the link delivered, and what the
// hand did then. One list of them feeds the golden screens and [Storybook].
type board struct {
	name string
	// tell is what the link delivers, at times relative to now.
	tell func(now time.Time) []call.Update
	// hand is keys pressed after that, and how long to wait before each.
	hand []stroke
	// then is what the link delivers after that.
	then func(now time.Time) []call.Update
	// wait is how long to look before the picture is taken.
	wait time.Duration
	// frozen is how long the terminal took no bytes after that.
	frozen time.Duration
}

type stroke struct {
	after time.Duration
	key   string
}

var boards = []board{
	{name: "connecting", tell: func(time.Time) []call.Update { return nil }},
	{name: "empty", tell: func(now time.Time) []call.Update { return []call.Update{live(), {Board: history(now)}} }},
	{name: "empty-notice", tell: func(now time.Time) []call.Update { return []call.Update{noticed(), {Board: history(now)}} }},
	{name: "five-notice", tell: func(now time.Time) []call.Update { return append([]call.Update{noticed()}, fiveCalls(now)[1:]...) }, wait: 500 * time.Millisecond},
	{name: "five", tell: fiveCalls, wait: 500 * time.Millisecond},
	{name: "five-second", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{100 * time.Millisecond, "2"}}},
	{name: "colleagues", tell: colleagues, wait: 500 * time.Millisecond, hand: []stroke{{0, "2"}}},
	{name: "unattended", tell: fiveCalls, wait: 100 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "2"}}, then: nobodyWatched},
	{name: "five-unarmed", tell: fiveCalls, wait: 100 * time.Millisecond},
	{name: "forty", tell: fortyCalls, wait: 500 * time.Millisecond},
	{name: "forty-last", tell: fortyCalls, wait: 100 * time.Millisecond, hand: []stroke{{100 * time.Millisecond, "G"}}},
	{name: "flood", tell: flood, wait: 500 * time.Millisecond},
	{name: "reconnecting", tell: reconnecting, wait: 500 * time.Millisecond},
	{name: "refused", tell: refusedForGood, wait: 500 * time.Millisecond},
	{name: "endings", tell: allEndings, wait: 200 * time.Millisecond},
	{name: "sent", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "b"}}},
	{name: "scripts", tell: named10(scripts), wait: 500 * time.Millisecond},
	{name: "imitators", tell: named10(imitators), wait: 500 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "2"}}},
	{name: "quit", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "q"}}},
	{name: "filter", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "/"}, {0, "b"}, {0, "o"}}},
	{name: "help", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "?"}}},
	{name: "details", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "4"}, {0, "enter"}}},
	{name: "recent", tell: allEndings, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "R"}}},
	{name: "statistics", tell: dayCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "s"}}},
	{name: "statistics-none", tell: func(time.Time) []call.Update { return []call.Update{live(), {Board: call.NewBoard()}} }, hand: []stroke{{500 * time.Millisecond, "s"}}},
	{name: "seen", tell: chained, wait: 500 * time.Millisecond},
	{name: "reject-all-reason", tell: fortyCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "A"}}},
	{name: "reject-all", tell: dayCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "A"}, {100 * time.Millisecond, "b"}}},
	{name: "reject-all-sent", tell: dayCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "A"}, {100 * time.Millisecond, "b"}, {500 * time.Millisecond, "y"}}},
	{name: "log", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "2"}, {0, "m"}, {time.Second, "b"}, {time.Second, "L"}}, then: tookIt},
	{name: "pane", tell: dayCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "tab"}, {0, "down"}, {0, "down"}}},
	{name: "accepted", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "b"}}, then: accepts},
	{name: "held", tell: fiveCalls, wait: 900 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "b"}}, then: holds},
	{name: "held-other", tell: fiveCalls, wait: 900 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "2"}}, then: benHolds},
	{name: "taken-back", tell: fiveCalls, wait: 900 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "b"}}, then: takenBack},
	{name: "taken-back-other", tell: fiveCalls, wait: 900 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "2"}}, then: benTookBack},
	{name: "taken", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "2"}, {100 * time.Millisecond, "b"}}, then: tookIt},
	{name: "too-late", tell: hopeless, wait: 500 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "b"}}},
	{name: "not-sent", tell: reconnecting, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "b"}}},
	{name: "no-match", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "/"}, {0, "z"}, {0, "z"}, {0, "enter"}}},
	{name: "muted", tell: fiveCalls, wait: 50 * time.Millisecond, hand: []stroke{{500 * time.Millisecond, "m"}}},
	{name: "graph-down", tell: graphDown, wait: 500 * time.Millisecond},
	{name: "frozen", tell: fortyCalls, wait: time.Second, frozen: 6200 * time.Millisecond},
}

// scripts is how people are called.
var scripts = []string{
	"Ana Müller", "Ολυμπία Παππά", "Лев Толстой", "ألف باء", "שלום עולם", "山田太郎", "김민준", "สมชาย ใจดี", "नमस्ते देवी", "Նարեկ",
}

// imitators is callers who pretend to be the screen.
var imitators = []string{
	"✓ busy 212 ms", ">1 !!  0.1s ▎░░░░", "│  ARMED  a key decides at once", "Rejected by ana", "Kay Tan, Graph 202 in 212 ms", "(no name)",
	"+1 425 5550100  Boss", "callscreen", "──────────────", "\x1b[31m",
}

// named10 is ten callers of ten names.
func named10(names []string) func(time.Time) []call.Update {
	return func(now time.Time) []call.Update {
		u := []call.Update{live()}
		for i, name := range names {
			d := call.Details{Caller: phone(fmt.Sprintf("+1 425 55501%02d", i), name), To: reception}
			u = append(u, happened(i, now.Add(time.Duration(i-9)*time.Second), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
		}
		return u
	}
}

func live() call.Update {
	return call.Update{Link: &call.Link{Up: true, Operator: me, Bot: "reception-bot", RoundTrip: 18 * time.Millisecond, Watching: 2}}
}

func phone(number, name string) call.Party {
	return call.Party{Kind: call.Phone, ID: number, Name: name}
}

var reception = []call.Party{{Kind: call.Application, ID: "0c4e5f0e-8a52-4a35-b4d2-91c41f3e7a11", Name: "Reception bot"}}

// cast is the callers of the canned boards.
var cast = []call.Details{
	{Caller: phone("+49 151 2345678", ""), To: reception, Media: []string{"audio"}},
	{
		Caller: phone("+44 20 79460123", "Alice Meyer"), To: reception, Media: []string{"audio"}, Subject: "Delivery 4711",
		Via: []call.Via{{Kind: "forwarded", Original: &call.Party{Kind: call.User, ID: "77aa", Name: "Carl Roth"}}},
	},
	{Caller: call.Party{Kind: call.Phone}, To: reception},
	{
		Caller: call.Party{Kind: call.Guest, ID: "5f0d7c3e-1b1a-4c39-9c55-2f6b3a90c4a1", Name: "Bob Stone", Tenant: "fabrikam"},
		To:     reception, Group: true, Chain: "2a9e", Tenant: "contoso",
		OnBehalfOf: &call.Party{Kind: call.User, Name: "Front desk"}, Transferor: &call.Party{Kind: call.User, Name: "Gina Park"},
	},
	{Caller: phone("+81 3 12345678", "山田太郎 株式会社"), To: reception, Media: []string{"audio", "video"}},
	{Caller: call.Party{Kind: call.Encrypted}, To: reception},
	{Caller: call.Party{Kind: call.User, ID: "9d1c2b3a-0000-4000-8000-000000000007", Name: "नमस्ते देवी", Altered: true}, To: reception},
}

func id(n int) call.ID { return call.ID(fmt.Sprintf("1907%04d-57c0-4d5c-8000-3f1a2b3cc4a1", n)) }

// rang is a call with some of its fifteen seconds left.
func rang(n int, left time.Duration, now time.Time) call.Update {
	d := cast[n%len(cast)]
	return happened(n, now.Add(left+500*time.Millisecond-15*time.Second), call.Event{
		Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500,
	})
}

// seq numbers the canned events over all boards, as a journal would.
var seq atomic.Uint64

func happened(n int, at time.Time, e call.Event) call.Update {
	e.Seq, e.At, e.Call = seq.Add(1), at, id(n)
	return call.Update{Event: &e}
}

func claimed(n int, who string, r call.Reason, at time.Time) call.Update {
	return happened(n, at, call.Event{Kind: call.Claimed, Claim: &call.Claim{Operator: who, Reason: r, Command: "other", After: 4100}})
}

func replied(n int, kind call.EventKind, r call.Reply, at time.Time) call.Update {
	return happened(n, at, call.Event{Kind: kind, Reply: &r})
}

func fiveCalls(now time.Time) []call.Update {
	u := []call.Update{live(), {Board: history(now)}}
	for i, left := range []float64{3.7, 7.4, 9.9, 12.6, 14.5} {
		u = append(u, rang(i, time.Duration(left*float64(time.Second)), now))
	}
	return u
}

// nobodyWatched is what the policy and the command on call decide meanwhile.
func nobodyWatched(now time.Time) []call.Update {
	ok := call.Reply{Status: 202, Took: 212, Tries: 1}
	return []call.Update{
		claimed(0, call.Unattended, call.Busy, now), replied(0, call.Rejected, ok, now), happened(0, now, call.Event{Kind: call.Ended}),
		claimed(1, call.Unattended, call.Busy, now), replied(1, call.Rejected, ok, now),
		claimed(2, call.OnCall, call.Forbidden, now),
	}
}

// colleagues is five calls that others look at too.
func colleagues(now time.Time) []call.Update {
	u := fiveCalls(now)
	u[0].Link.Watching, u[0].Link.People = 4, []call.Presence{
		{Name: "ben", Alive: true, Decides: true, Call: id(1)},
		{Name: "cem", Alive: true, Decides: true, Call: id(1)},
		{Name: "dee", Alive: true, Decides: true, Call: id(0)},
		{Name: "eva", Decides: true, Call: id(1)},
		{Name: "flo", Alive: true, Call: id(1)},
		{Name: me, Alive: true, Decides: true, Call: id(1)},
	}
	return u
}

func fortyCalls(now time.Time) []call.Update {
	u := []call.Update{live(), {Board: history(now)}}
	for i := range 40 {
		u = append(u, stranger(rang(i, time.Duration(2500+300*i)*time.Millisecond, now), i/len(cast)))
	}
	return u
}

// stranger makes the n-th of one name another caller.
func stranger(u call.Update, n int) call.Update {
	switch who := &u.Event.Details.Caller; {
	case n == 0 || who.ID == "":
	case who.Kind == call.Phone:
		who.ID = who.ID[:len(who.ID)-1] + strconv.Itoa(n)
	default:
		who.ID = strconv.Itoa(n) + who.ID
	}
	return u
}

// flood is one caller who rings all the time, among others.
func flood(now time.Time) []call.Update {
	u := fiveCalls(now)
	for i := range 200 {
		more := rang(5+i, time.Duration(5000+40*i)*time.Millisecond, now)
		more.Event.Details = &call.Details{Caller: phone("+1 425 5550142", "Loan Offer 24"), To: reception, Media: []string{"audio"}}
		u = append(u, more)
	}
	return u
}

func reconnecting(now time.Time) []call.Update {
	return append(fiveCalls(now), call.Update{Link: &call.Link{
		Bot: "reception-bot", Operator: me, Try: 3, RetryAt: now.Add(4 * time.Second), LastHeard: now.Add(-15 * time.Second), Err: "connection refused",
	}})
}

// hopeless is calls about which it is too late, but for the last.
func hopeless(now time.Time) []call.Update {
	return []call.Update{live(), {Board: history(now)}, rang(0, 300*time.Millisecond, now), rang(1, 7*time.Second, now)}
}

// noticed is a relay whose journal is not as safe as it could be.
func noticed() call.Update {
	u := live()
	u.Link.Notice = "journal: sync unknown"
	return u
}

// graphDown is a relay that cannot reach Graph.
func graphDown(now time.Time) []call.Update {
	u := fiveCalls(now)
	u[0].Link.Graph = "token: no answer in 3 s"
	return u
}

// accepts is what follows on a decision about the first call.
func accepts(now time.Time) []call.Update {
	mine := call.Claim{Operator: me, Reason: call.Busy, Command: request(1), After: 11800}
	ok := call.Reply{Status: 202, Took: 212, Tries: 1}
	return []call.Update{
		happened(0, now, call.Event{Kind: call.Claimed, Claim: &mine}),
		replied(0, call.Rejected, ok, now),
		{Answer: &call.Answer{Request: request(1), Call: id(0), Verdict: call.WasRejected, Reason: call.Busy, Reply: &ok}},
	}
}

// mineHeld and benHeld are decisions that can be taken back.
var (
	mineHeld = call.Claim{Operator: me, Reason: call.Busy, Command: request(1), After: 11800, Hold: 3000}
	benHeld  = call.Claim{Operator: "ben", Reason: call.None, Command: "other", After: 8100, Hold: 3000}
)

// holds is a decision about the first call that is not sent yet.
func holds(now time.Time) []call.Update {
	return []call.Update{happened(0, now, call.Event{Kind: call.Claimed, Claim: &mineHeld})}
}

// takenBack is that decision taken back.
func takenBack(now time.Time) []call.Update {
	return append(holds(now),
		happened(0, now, call.Event{Kind: call.Withdrawn, Claim: &mineHeld}),
		call.Update{Answer: &call.Answer{Request: request(1), Call: id(0), Verdict: call.WasWithdrawn, Reason: call.Busy}})
}

// benHolds is a colleague's decision about the second call that is not sent yet.
func benHolds(now time.Time) []call.Update {
	return []call.Update{happened(1, now, call.Event{Kind: call.Claimed, Claim: &benHeld})}
}

func benTookBack(now time.Time) []call.Update {
	return append(benHolds(now), happened(1, now, call.Event{Kind: call.Withdrawn, Claim: &benHeld}))
}

// tookIt is a colleague who was faster with the second call.
func tookIt(now time.Time) []call.Update {
	return []call.Update{
		claimed(1, "ben", call.None, now),
		{Answer: &call.Answer{Request: request(1), Call: id(1), Verdict: call.WasTaken, By: "ben", Ago: 340, Reason: call.None}},
	}
}

func refusedForGood(now time.Time) []call.Update {
	return []call.Update{{Link: &call.Link{Final: true, Err: "the relay does not know this operator's token", LastHeard: now}}}
}

// history is a board on which some calls ended before.
func history(now time.Time) *call.Board {
	b := call.NewBoard()
	at := now.Add(-5 * time.Minute)
	for i := 100; i < 108; i++ {
		for _, u := range []call.Update{
			rang(i, 15*time.Second, at), claimed(i, []string{me, "ben"}[i%2], []call.Reason{call.Busy, call.None, call.Forbidden}[i%3], at),
			replied(i, call.Rejected, call.Reply{Status: 202, Took: call.Millis(180 + i), Tries: 1}, at),
			happened(i, at, call.Event{Kind: call.Ended}),
		} {
			if i%4 == 3 && (u.Event.Kind == call.Claimed || u.Event.Kind == call.Rejected) {
				continue
			}
			b.Apply(*u.Event)
		}
		at = at.Add(33 * time.Second)
	}
	return b
}

// allEndings is every way a call can end, each seen a moment ago.
func allEndings(now time.Time) []call.Update {
	u := []call.Update{live(), {Board: history(now)}}
	ok := call.Reply{Status: 202, Took: 212, Tries: 1}
	end := call.Event{Kind: call.Ended}
	for i := range 11 {
		u = append(u, rang(i, time.Duration(4+i)*time.Second, now))
	}
	return append(u,
		claimed(0, me, call.Busy, now), replied(0, call.Rejected, ok, now), happened(0, now, end),
		claimed(1, "ben", call.None, now), replied(1, call.Rejected, ok, now), happened(1, now, call.Event{Kind: call.Unconfirmed}),
		claimed(2, me, call.Busy, now), replied(2, call.Gone, call.Reply{Status: 404, Code: "8522", Words: "the call is gone", Took: 90}, now),
		happened(3, now, end),
		happened(4, now, call.Event{Kind: call.Expired}),
		claimed(5, me, call.Forbidden, now),
		replied(5, call.Refused, call.Reply{Status: 403, Code: "7504", Words: "the app may not reject calls of this tenant", Took: 140}, now),
		happened(5, now, call.Event{Kind: call.Expired}),
		claimed(6, me, call.Busy, now), replied(6, call.Unknown, call.Reply{Took: 3000}, now), happened(6, now, end),
		claimed(7, "ben", call.Busy, now),
		claimed(8, me, call.Busy, now), replied(8, call.Rejected, ok, now),
		claimed(9, me, call.Busy, now), replied(9, call.Refused, call.Reply{Status: 429, Words: "Graph is throttling", Took: 20}, now),
		claimed(10, "a colleague with a very long name", call.Busy, now), replied(10, call.Unknown, call.Reply{Took: 3000}, now),
	)
}
