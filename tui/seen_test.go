package tui

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
)

func TestOrdinalsAreEnglish(t *testing.T) {
	for n, want := range map[int]string{
		1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 10: "10th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 22: "22nd", 23: "23rd",
		101: "101st", 111: "111th", 112: "112th", 1003: "1003rd",
	} {
		if got := ordinal(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
}

func TestTheCardTellsHowTheCallerFaredBefore(t *testing.T) {
	for _, c := range []struct {
		ending call.Ending
		by     string
		want   string
	}{
		{call.EndRejected, "ben", "3rd call today, last 11:05 busy by ben"},
		{call.EndUnconfirmed, me, "3rd call today, last 11:05 busy by you"},
		{call.EndTimedOut, "", "3rd call today, last 11:05 timed out"},
		{call.EndHungUp, "", "3rd call today, last 11:05 hung up"},
		{call.EndGone, "ben", "3rd call today, last 11:05 gone before busy by ben"},
		{call.EndRefused, "ben", "3rd call today, last 11:05 busy by ben, refused by Graph"},
		{call.EndUnknown, "ben", "3rd call today, last 11:05 busy by ben, outcome unknown"},
		{"parked", "", "3rd call today, last 11:05 parked"},
		{call.EndRejected, "b\x1b[31men\u202e with a very long name", "3rd call today, last 11:05 busy by b�[31men wi…"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := pick(rules{})
			now := time.Now()
			b := rungBefore(now, c.ending, c.by)
			h.tell(call.Update{Board: b}, rang(1, 9*time.Second, now))
			r, _, _ := h.m.queue.current()
			if got := h.m.seen(r.call); got != c.want {
				t.Errorf("%s: %q, want %q", c.ending, got, c.want)
			}
		})
	}
}

// rungBefore is a board on which the caller of rang(1) called twice today.
func rungBefore(now time.Time, ending call.Ending, by string) *call.Board {
	key, _ := call.CallerKeyOf(cast[1].Caller)
	at := now.Truncate(24 * time.Hour).Add(11*time.Hour + 5*time.Minute)
	v := call.Visit{At: at, Ending: ending, By: by}
	if by != "" {
		v.Reason = call.Busy
	}
	l := call.Ledger{Older: []call.Caller{{Key: key, Rang: 2, Last: v}}}
	return call.Restore(nil, call.Tally{Day: now.Format(time.DateOnly), Rang: 2}, l, 1)
}

func TestNothingIsSaidOfACallerWhoCannotBeKnownAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		for i := range 3 {
			d := call.Details{Caller: call.Party{Kind: call.Phone, Name: "Alice Meyer"}}
			h.tell(happened(i, time.Now(), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
		}
		if _, frame := said(h); strings.Contains(frame, "Seen") || strings.Contains(frame, "call today") {
			t.Errorf("an anonymous caller is recognised:\n%s", frame)
		}
	})
}

// T-06: who calls himself by another's name does not come by his record.
func TestT06ARecordIsNotReachedByAName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		now := time.Now()
		d := call.Details{Caller: phone("+1 425 5550100", cast[1].Caller.Name)}
		h.tell(call.Update{Board: rungBefore(now, call.EndRejected, "ben")},
			happened(1, now, call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
		r, _, _ := h.m.queue.current()
		if got := h.m.seen(r.call); got != "1st call today" {
			t.Errorf("another number of the same name: %q", got)
		}
	})
}

func TestTheCountMovesWithCallsOfTheSameCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(12 * time.Hour) // bubbles begin at midnight, with which the record does
		h := pick(rules{})
		h.tell(rang(1, 9*time.Second, time.Now()), rang(8, 12*time.Second, time.Now())) // the same caller twice
		h.pass(time.Second)
		h.key("2")
		if _, frame := said(h); !strings.Contains(frame, "Seen       2nd call today  ") {
			t.Errorf("two at once:\n%s", frame)
		}
		h.tell(claimed(1, "ben", call.None, time.Now()), replied(1, call.Rejected, call.Reply{Status: 202}, time.Now()),
			happened(1, time.Now(), call.Event{Kind: call.Ended}))
		if _, frame := said(h); !strings.Contains(frame, " none by ben") {
			t.Errorf("the other one was decided while this one rings:\n%s", frame)
		}
	})
}

func TestCallsOfOneConversationNameEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := pick(rules{})
		for i, chain := range []string{"a", "b", "a", "", "a", "", "a", "a"} {
			d := call.Details{Caller: phone("+1"+strconv.Itoa(i), "x"), Chain: chain}
			h.tell(happened(i, time.Now().Add(time.Duration(i)*time.Millisecond), call.Event{Kind: call.Rang, Details: &d, Ring: 15000, Margin: 500}))
		}
		for i, want := range []string{"to call 3, 5, 7 and 1 more", "", "to call 1, 5, 7 and 1 more", ""} {
			if got := h.m.related(h.m.queue.rows[i].call); got != want {
				t.Errorf("call %d: %q, want %q", i+1, got, want)
			}
		}
	})
}
