package lines

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
)

// plainly plays a story to the plain output and returns what was told.
func plainly(t *testing.T, story func(s *stage)) (told []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		in, typing := io.Pipe()
		s := &stage{fakeLink: newFakeLink(), board: call.NewBoard(), keys: typing}
		done := make(chan error, 1)
		go func() { done <- Plain(t.Context(), s.fakeLink, in, &out, nil) }()
		s.connects(call.Link{})
		s.send(call.Update{Board: call.NewBoard()})
		story(s)
		close(s.updates)
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = typing.Close()
		told = strings.Split(strings.TrimSpace(out.String()), "\n")[2:] // after "connected" and what waits
	})
	return told
}

// held is a decision that the relay holds.
func (s *stage) held(id call.ID, operator, request string) call.Claim {
	c, _ := s.board.Get(id)
	k := call.Claim{Operator: operator, Reason: call.Busy, Command: request, Hold: 3000, After: call.ToMillis(time.Since(c.RangAt))}
	s.happens(call.Event{Kind: call.Claimed, Call: id, Claim: &k})
	return k
}

func TestUndoIsToldAndTyped(t *testing.T) {
	told := plainly(t, func(s *stage) {
		s.types("z")
		s.rings("call-1", phone("+442079460123", "Alice Meyer"))
		s.types("b 1")
		time.Sleep(time.Second)
		mine := s.held("call-1", "ana", "q1")
		time.Sleep(time.Second)
		s.types("z")
		s.happens(call.Event{Kind: call.Withdrawn, Call: "call-1", Claim: &mine})
		s.answers(call.Answer{Request: "q1", Call: "call-1", Verdict: call.WasWithdrawn})

		bens := s.held("call-1", "ben", "bens")
		s.types("z 1")
		s.types("b 1")
		s.answers(call.Answer{Request: "q2", Call: "call-1", Verdict: call.WasTaken, By: "ben", Reason: call.Busy, Ago: 20})
		s.happens(call.Event{Kind: call.Withdrawn, Call: "call-1", Claim: &bens})

		s.types("n 1")
		mine = s.held("call-1", "ana", "q3")
		s.happens(call.Event{Kind: call.Committed, Call: "call-1", Claim: &mine})
		s.types("z 1")
		s.types("z")
		s.replies(call.Rejected, "call-1", call.Reply{Status: 202, Took: 90})
		s.answers(call.Answer{Request: "q3", Call: "call-1", Verdict: call.WasRejected})
		s.is(call.Ended, "call-1")
		if want := []string{"q1"}; !slices.Equal(s.undone, want) {
			t.Errorf("taken back %v, want %v", s.undone, want)
		}
	})
	want := []string{
		"there is no decision of yours to take back, what was sent stays sent",
		"call 1 rings, 14 seconds to decide, phone plus 442 079 460 123: Alice Meyer",
		"call 1, busy sent",
		"call 1, you decided busy after 1.0 seconds, z 1 takes it back within 3 seconds: Alice Meyer",
		"call 1, busy by you is taken back, nothing was sent, it rings on, 12 seconds to decide: Alice Meyer",
		"call 1, ben decided busy after 2.0 seconds, who may take it back within 3 seconds: Alice Meyer",
		"call 1, only ben can take that back",
		"call 1, busy sent",
		"call 1, ben was faster by 20 ms and decided busy",
		"call 1, busy by ben is taken back, nothing was sent, it rings on, 12 seconds to decide: Alice Meyer",
		"call 1, none sent",
		"call 1, you decided busy after 2.0 seconds, z 1 takes it back within 3 seconds: Alice Meyer",
		"call 1, busy is sent already and can no longer be taken back",
		"there is no decision of yours to take back, what was sent stays sent",
		"call 1, Graph accepted busy after 90 ms: Alice Meyer",
		"call 1 ended, rejected as busy by you after 90 ms: Alice Meyer",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}

func TestUndoInJSONSaysForHowLongAndWhatWasTakenBack(t *testing.T) {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := &stage{fakeLink: newFakeLink(), board: call.NewBoard()}
		done := make(chan error, 1)
		go func() { done <- JSON(t.Context(), s.fakeLink, &out) }()
		s.rings("call-1", phone("+1", "Alice"))
		time.Sleep(time.Second)
		k := s.held("call-1", "ben", "bens")
		s.happens(call.Event{Kind: call.Withdrawn, Call: "call-1", Claim: &k})
		close(s.updates)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []string{
		`"event":"rang"`,
		`"event":"claimed","call_id":"call-1","state":"claimed",`,
		`"event":"withdrawn","call_id":"call-1","state":"ringing",`,
	} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %s, want %s", i, lines[i], want)
		}
	}
	claim := `"claim":{"operator":"ben","reason":"busy","request_id":"bens","after_ms":1000,"hold_ms":3000}`
	if !strings.Contains(lines[1], claim+`,"undo_ms":3000`) || strings.Contains(lines[1], "remaining_ms") {
		t.Errorf("held: %s", lines[1])
	}
	if !strings.Contains(lines[2], claim) || strings.Contains(lines[2], "undo_ms") || !strings.Contains(lines[2], `"remaining_ms":14000`) {
		t.Errorf("taken back: %s", lines[2])
	}
}
