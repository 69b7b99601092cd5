package lines

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
)

// ending tells a call's ways to end in lines, with nothing but the ending
// different: the sentences that begin with "call 1 ended".
func ending(t *testing.T, end func(s *scene)) (sentence string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		var out bytes.Buffer
		s := &scene{teller: newTeller(newFakeLink(), &out, nil)}
		s.update(call.Update{Link: &call.Link{Up: true, Operator: "ana"}})
		s.is(call.Event{Kind: call.Rang, Ring: 15000, Margin: 500, Details: &call.Details{Caller: phone("+442079460123", "Alice Meyer")}})
		time.Sleep(2 * time.Second)
		end(s)
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "call 1 ended") {
				sentence += line
			}
		}
	})
	return sentence
}

type scene struct {
	*teller
	seq uint64
}

func (s *scene) is(e call.Event) {
	s.seq++
	e.Seq, e.At, e.Call = s.seq, time.Now(), "call-1"
	s.update(call.Update{Event: &e})
}

func (s *scene) claim(who, request string) {
	s.is(call.Event{Kind: call.Claimed, Claim: &call.Claim{Operator: who, Reason: call.Busy, Command: request, After: 2000}})
}

func (s *scene) reply(k call.EventKind, status int, code string) {
	s.is(call.Event{Kind: k, Reply: &call.Reply{Status: status, Code: code, Took: 90}})
}

func (s *scene) answer(v call.Verdict) {
	s.update(call.Update{Answer: &call.Answer{Request: "q1", Call: "call-1", Verdict: v, By: "ben", Ago: 90, Reason: call.Busy}})
}

func TestEveryEndingIsAnotherSentence(t *testing.T) {
	ways := map[string]func(s *scene){
		"rejected": func(s *scene) {
			s.claim("ana", "q1")
			s.reply(call.Rejected, 202, "")
			s.is(call.Event{Kind: call.Ended})
		},
		"unconfirmed": func(s *scene) {
			s.claim("ana", "q1")
			s.reply(call.Rejected, 202, "")
			s.is(call.Event{Kind: call.Unconfirmed})
		},
		"refused": func(s *scene) {
			s.claim("ana", "q1")
			s.reply(call.Refused, 403, "7504")
			s.is(call.Event{Kind: call.Expired})
		},
		"not sent": func(s *scene) {
			s.claim("ana", "q1")
			s.is(call.Event{Kind: call.Refused, Reply: &call.Reply{Words: "no token for Graph"}})
			s.is(call.Event{Kind: call.Expired})
		},
		"gone":     func(s *scene) { s.claim("ana", "q1"); s.reply(call.Gone, 404, "8522") },
		"too late": func(s *scene) { s.typed("b 1"); s.answer(call.WasTooLate); s.is(call.Event{Kind: call.Expired}) },
		"taken": func(s *scene) {
			s.typed("b 1")
			s.claim("ben", "other")
			s.answer(call.WasTaken)
			s.reply(call.Rejected, 202, "")
			s.is(call.Event{Kind: call.Ended})
		},
		"a colleague's": func(s *scene) {
			s.claim("ben", "other")
			s.reply(call.Rejected, 202, "")
			s.is(call.Event{Kind: call.Ended})
		},
		"hung up":   func(s *scene) { s.is(call.Event{Kind: call.Ended}) },
		"timed out": func(s *scene) { s.is(call.Event{Kind: call.Expired}) },
		"unknown":   func(s *scene) { s.claim("ana", "q1"); s.reply(call.Unknown, 0, ""); s.is(call.Event{Kind: call.Ended}) },
	}
	seen := map[string]string{}
	for name, end := range ways {
		got := ending(t, end)
		if strings.Count(got, "\n") != 1 {
			t.Errorf("%s is told so: %q", name, got)
		}
		if other, same := seen[got]; same {
			t.Errorf("%s is told like %s: %q", name, other, got)
		}
		seen[got] = name
	}
	for want, name := range map[string]string{
		"call 1 ended, your busy came too late, nothing was sent: Alice Meyer\n":                  "too late",
		"call 1 ended, rejected as busy by ben after 90 ms, faster than you: Alice Meyer\n":       "taken",
		"call 1 ended, Graph refused busy by you (status 403, code 7504): Alice Meyer\n":          "refused",
		"call 1 ended, busy by you was not sent (no token for Graph): Alice Meyer\n":              "not sent",
		"call 1 ended, it was already gone when you decided busy: Alice Meyer\n":                  "gone",
		"call 1 ended, what became of busy by you is unknown: Alice Meyer\n":                      "unknown",
		fmt.Sprintf("call 1 ended, rejected as busy by you after %d ms: %s\n", 90, "Alice Meyer"): "rejected",
	} {
		if seen[want] != name {
			t.Errorf("no ending is told %q", want)
		}
	}
}
