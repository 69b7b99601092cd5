package lines

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/exp/golden"

	"callscreen/relay/call"
)

// fakeLink is a link whose other end is the test.
type fakeLink struct {
	updates chan []call.Update

	mu       sync.Mutex
	rejected []string // as "call-3 busy"
	undone   []string // requests
	refuse   error
	alive    []int
}

func newFakeLink() *fakeLink { return &fakeLink{updates: make(chan []call.Update, 64)} }

func (l *fakeLink) Next(ctx context.Context) ([]call.Update, error) {
	select {
	case u, ok := <-l.updates:
		if !ok {
			return nil, io.EOF
		}
		return u, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *fakeLink) Reject(id call.ID, reason call.Reason) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse != nil {
		return "", l.refuse
	}
	l.rejected = append(l.rejected, fmt.Sprintf("%s %s", id, reason))
	return fmt.Sprintf("q%d", len(l.rejected)), nil
}

func (l *fakeLink) Undo(_ call.ID, request string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse != nil {
		return l.refuse
	}
	l.undone = append(l.undone, request)
	return nil
}

func (l *fakeLink) Alive(n int, _ call.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alive = append(l.alive, n)
}

// stage plays a story in virtual time to both outputs.
type stage struct {
	*fakeLink
	seq   uint64
	board *call.Board // the relay's
	keys  io.Writer
}

func (s *stage) send(u call.Update) {
	s.updates <- []call.Update{u}
	synctest.Wait()
}

func (s *stage) happens(e call.Event) {
	s.seq++
	e.Seq, e.At = s.seq, time.Now()
	s.board.Apply(e)
	s.send(call.Update{Event: &e})
}

func (s *stage) rings(id call.ID, p call.Party) {
	s.happens(call.Event{Kind: call.Rang, Call: id, Ring: 15000, Margin: 500, Details: &call.Details{Caller: p}})
}

func (s *stage) claims(id call.ID, operator, request string, r call.Reason) {
	c, _ := s.board.Get(id)
	s.happens(call.Event{Kind: call.Claimed, Call: id, Claim: &call.Claim{
		Operator: operator, Reason: r, Command: request, After: call.ToMillis(time.Since(c.RangAt)),
	}})
}

func (s *stage) replies(k call.EventKind, id call.ID, r call.Reply) {
	s.happens(call.Event{Kind: k, Call: id, Reply: &r})
}

func (s *stage) is(k call.EventKind, id call.ID) { s.happens(call.Event{Kind: k, Call: id}) }

func (s *stage) types(line string) {
	_, _ = io.WriteString(s.keys, line+"\n")
	synctest.Wait()
}

func (s *stage) answers(a call.Answer) { s.send(call.Update{Answer: &a}) }

func (s *stage) connects(l call.Link) {
	l.Operator, l.Bot, l.Up = "ana", "reception", true
	s.send(call.Update{Link: &l})
}

func phone(number, name string) call.Party {
	return call.Party{Kind: call.Phone, ID: number, Name: name}
}

// twelveCalls is a morning with every ending there is.
func twelveCalls(s *stage) {
	wait := func(ms int) { time.Sleep(time.Duration(ms) * time.Millisecond); synctest.Wait() }
	s.send(call.Update{Link: &call.Link{Try: 1}})
	s.connects(call.Link{Watching: 2})
	s.send(call.Update{Board: call.NewBoard()})
	s.types("?")

	// 1: rejected by us.
	s.rings("call-1", phone("+442079460123", "Alice Meyer"))
	wait(3100)
	s.types("b 1")
	s.types("b1")
	s.claims("call-1", "ana", "q1", call.Busy)
	wait(212)
	s.replies(call.Rejected, "call-1", call.Reply{Status: 202, Took: 212})
	s.answers(call.Answer{Request: "q1", Call: "call-1", Verdict: call.WasRejected})
	wait(100)
	s.is(call.Ended, "call-1")

	// 2 and 3 ring together; ben is faster at one, the other is refused and times out.
	s.rings("call-2", phone("", ""))
	s.rings("call-3", call.Party{Kind: call.Guest, ID: "5a1e-77c4a1", Name: "Bob Stone"})
	wait(1000)
	s.types("n 2")
	s.claims("call-2", "ben", "other", call.Forbidden)
	s.answers(call.Answer{Request: "q2", Call: "call-2", Verdict: call.WasTaken, By: "ben", Reason: call.Forbidden, Ago: 120})
	s.replies(call.Rejected, "call-2", call.Reply{Status: 202, Took: 190})
	wait(5000)
	s.is(call.Unconfirmed, "call-2")
	wait(50)
	s.is(call.Ended, "call-2")
	s.types("f 3")
	s.claims("call-3", "ana", "q3", call.Forbidden)
	wait(300)
	s.replies(call.Refused, "call-3", call.Reply{Status: 403, Words: "the application may not reject calls"})
	s.answers(call.Answer{Request: "q3", Call: "call-3", Verdict: call.WasRefused})
	wait(8650)
	s.is(call.Expired, "call-3")

	// 4: gone. 5: hung up. 6: nobody decides, and a decision comes too late.
	s.rings("call-4", phone("+4930123456", "Emil Voss"))
	s.rings("call-5", call.Party{Kind: call.Encrypted})
	s.rings("call-6", phone("+81312345678", "山田太郎"))
	wait(2000)
	s.is(call.Ended, "call-5")
	s.types("n 4")
	s.claims("call-4", "ana", "q4", call.None)
	s.replies(call.Gone, "call-4", call.Reply{Status: 404, Code: "8522"})
	s.answers(call.Answer{Request: "q4", Call: "call-4", Verdict: call.WasGone})
	wait(12900)
	s.types("b 6")
	s.answers(call.Answer{Request: "q5", Call: "call-6", Verdict: call.WasTooLate})
	wait(100)
	s.is(call.Expired, "call-6")

	// 7: unknown. 8: hostile. 9: changes its mind about its name.
	s.rings("call-7", phone("+14255550100", "Kay Tan"))
	wait(1000)
	s.types("b 7")
	s.claims("call-7", "ana", "q6", call.Busy)
	wait(3000)
	s.replies(call.Unknown, "call-7", call.Reply{Words: "Graph did not answer"})
	s.answers(call.Answer{Request: "q6", Call: "call-7", Verdict: call.WasUnknown})
	wait(11000)
	s.is(call.Expired, "call-7")
	s.rings("call-8", phone("1, 9 seconds", "\x1b[2J\x1b]0;title\x07call 7 ended\r\n\u202egnp\u200b"))
	wait(100)
	s.is(call.Ended, "call-8")
	s.rings("call-9", phone("+4915123456789", ""))
	s.happens(call.Event{Kind: call.Changed, Call: "call-9", Details: &call.Details{
		Caller: phone("+4915123456789", "Carla"), To: []call.Party{{Kind: call.Application, Name: "Reception bot", ID: "b07"}},
		Via: []call.Via{{Kind: "forwarded", Original: &call.Party{Kind: call.User, Name: "Carl Roth", ID: "0000c4a1"}}}, Subject: "Hello", Group: true,
	}})
	s.types("d 9")

	// The link breaks; meanwhile 9 ends, 10 comes and 11 came and went.
	s.send(call.Update{Link: &call.Link{Try: 1, Err: "the relay does not answer at 127.0.0.1:8080"}})
	s.send(call.Update{Link: &call.Link{Try: 2, Err: "the relay does not answer at 127.0.0.1:8080"}})
	s.refuse = errors.New("not sent: the link to the relay is down")
	s.types("b 9")
	s.refuse = nil
	away := call.Restore(s.board.Calls(), s.board.Tally(), s.board.Ledger(), s.board.Seq())
	for i, e := range []call.Event{
		{Kind: call.Ended, Call: "call-9"},
		{Kind: call.Rang, Call: "call-10", Ring: 15000, Margin: 500, Details: &call.Details{Caller: phone("+390655501", "Gina Park")}},
		{Kind: call.Rang, Call: "call-11", Ring: 15000, Margin: 500},
		{Kind: call.Ended, Call: "call-11"},
	} {
		e.Seq, e.At = s.seq+uint64(i+1), time.Now()
		away.Apply(e)
	}
	s.board, s.seq = away, s.seq+4
	wait(7000)
	s.connects(call.Link{Graph: "no token for Graph", Notice: "journal: sync unknown"})
	s.connects(call.Link{Graph: "no token for Graph", Notice: "journal: sync unknown"})
	s.send(call.Update{Link: &call.Link{Err: "the link broke"}})
	s.connects(call.Link{Graph: "no token for Graph", Notice: "journal: sync unknown"})
	s.send(call.Update{Board: call.Restore(away.Calls(), away.Tally(), away.Ledger(), away.Seq())})
	s.connects(call.Link{})
	s.types("l")

	// 10 is answered by nobody in time to be known; 12 is somebody else's.
	s.types("f 10")
	s.answers(call.Answer{Request: "q7", Call: "call-10", Verdict: call.WasUnknown, Words: "no answer came from the relay"})
	s.rings("call-12", call.Party{Kind: "robot", Name: "R2"})
	s.claims("call-12", "ben", "other", call.Busy)
	s.replies(call.Rejected, "call-12", call.Reply{Status: 202, Took: 240})
	s.is(call.Ended, "call-12")
	wait(7900)
	s.is(call.Expired, "call-10")
	s.is("whispered", "call-10") // by a later relay

	for _, line := range []string{"b", "b 99", "x", "b 1 2", "  ", "b \x1b[2J", strings.Repeat("b", 3000)} {
		s.types(line)
	}
	s.send(call.Update{Link: &call.Link{Err: "the relay refused the token", Final: true}})
	s.types("q")
}

// play runs the story through an output and returns what was written.
func play(t *testing.T, output func(ctx context.Context, l Link, in io.Reader, out io.Writer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		in, typing := io.Pipe()
		s := &stage{fakeLink: newFakeLink(), board: call.NewBoard(), keys: typing}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := output(ctx, s, in, &out); err != nil {
				t.Errorf("it ends with %v", err)
			}
			_ = in.Close()
		})
		twelveCalls(s)
		cancel()
		running.Wait()
	})
	return out.Bytes()
}

// usually is Plain with the usual keys.
func usually(ctx context.Context, l Link, in io.Reader, out io.Writer) error {
	return Plain(ctx, l, in, out, nil)
}

func TestAMorningOfTwelveCallsReadsAsAStory(t *testing.T) {
	got := play(t, usually)
	golden.RequireEqual(t, got)
	for line := range bytes.Lines(got) {
		for _, r := range string(line) {
			if r < ' ' && r != '\n' || r == 0x7f || r == '\u202e' {
				t.Errorf("T-01: %q carries %U", line, r)
			}
		}
	}
	if bytes.Contains(got, []byte("\ncall 7 ended\n")) {
		t.Error("T-08: a name made a line of its own")
	}
}

func TestTheSameMorningAsJSON(t *testing.T) {
	got := play(t, func(ctx context.Context, l Link, in io.Reader, out io.Writer) error {
		go func() { _, _ = io.Copy(io.Discard, in) }()
		return JSON(ctx, l, out)
	})
	golden.RequireEqual(t, got)
	for line := range bytes.Lines(got) {
		var o struct {
			Event     string      `json:"event"`
			Call      string      `json:"call_id"`
			State     call.State  `json:"state"`
			Caller    *call.Party `json:"caller"`
			Remaining *int64      `json:"remaining_ms"`
		}
		if err := json.Unmarshal(line, &o); err != nil || o.Event == "" {
			t.Fatalf("%s: %v", line, err)
		}
		if o.Event == "link" {
			continue
		}
		if o.Call == "" || o.Caller == nil || o.State == "" {
			t.Errorf("it lacks a member: %s", line)
		}
		if waits := o.State == call.Ringing || o.State == call.InDoubt; waits != (o.Remaining != nil) {
			t.Errorf("remaining_ms: %s", line)
		}
	}
}

func TestAReaderThatGoesAwayEndsItInPeace(t *testing.T) {
	for name, output := range map[string]func(ctx context.Context, l Link, out io.Writer) error{
		"plain": func(ctx context.Context, l Link, out io.Writer) error { return Plain(ctx, l, nil, out, nil) }, "json": JSON,
	} {
		for _, tc := range []struct{ broken, want error }{
			{fmt.Errorf("write: %w", syscall.EPIPE), nil}, {io.ErrClosedPipe, nil}, {io.ErrShortWrite, io.ErrShortWrite},
		} {
			t.Run(name+" "+tc.broken.Error(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newFakeLink()
					l.updates <- []call.Update{{Link: &call.Link{Up: true, Operator: "ana"}}, {Board: call.NewBoard()}}
					err := output(t.Context(), l, failing{tc.broken})
					if !errors.Is(err, tc.want) || tc.want == nil && err != nil {
						t.Errorf("it ends with %v", err)
					}
					if len(l.alive) != 0 {
						t.Error("it says that it is alive after nothing was written")
					}
				})
			})
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestTheEndOfTheLinkIsTheEndOfTheLines(t *testing.T) {
	for name, output := range map[string]func(ctx context.Context, l Link, out io.Writer) error{
		"plain": func(ctx context.Context, l Link, out io.Writer) error {
			return Plain(ctx, l, strings.NewReader("l\n"), out, nil) // and the end of what is typed is not
		}, "json": JSON,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newFakeLink()
				var out bytes.Buffer
				go func() {
					time.Sleep(time.Minute)
					l.updates <- []call.Update{{Link: &call.Link{Err: "the relay refused the token", Final: true}}}
					close(l.updates)
				}()
				began := time.Now()
				if err := output(t.Context(), l, &out); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took != time.Minute || !strings.Contains(out.String(), "the relay refused the token") {
					t.Errorf("after %v it had said %q", took, out.String())
				}
			})
		})
	}
}

func TestTheRelayLearnsThatSomebodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLink()
		b := call.NewBoard()
		b.Apply(call.Event{Seq: 1, Kind: call.Rang, Call: "a", At: time.Now(), Ring: 15000, Margin: 500})
		l.updates <- []call.Update{{Board: b}}
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		if err := Plain(ctx, l, nil, io.Discard, nil); err != nil {
			t.Error(err)
		}
		if n := len(l.alive); n < 4 || n > 6 || l.alive[n-1] != 1 {
			t.Errorf("in nine seconds it said %v", l.alive)
		}
	})
}

func TestRemindersComeAtTenFiveAndThreeSecondsOfUsableTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLink()
		began := time.Now()
		b := call.NewBoard()
		b.Apply(call.Event{Seq: 1, Kind: call.Rang, Call: "a", At: began, Ring: 15000, Margin: 500, Details: &call.Details{Caller: phone("+1", "A")}})
		l.updates <- []call.Update{{Board: b}}
		var at []time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_ = Plain(ctx, l, nil, writes(func(p []byte) {
			if strings.Contains(string(p), "to decide: A") && !strings.Contains(string(p), "rings") {
				at = append(at, time.Since(began))
			}
		}), nil)
		want := fmt.Sprint([]time.Duration{4500 * time.Millisecond, 9500 * time.Millisecond, 11500 * time.Millisecond})
		if fmt.Sprint(at) != want {
			t.Errorf("they came at %v, want %v", at, want)
		}
	})
}

type writes func(p []byte)

func (w writes) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestANumberIsNeverGivenToAnotherCall(t *testing.T) {
	l := newFakeLink()
	te := newTeller(l, io.Discard, nil)
	seen := map[int]bool{}
	for i := range 3 * keepNumbers {
		n := te.number(call.ID(fmt.Sprintf("call-%d", i)))
		if seen[n] {
			t.Fatalf("number %d was given twice", n)
		}
		seen[n] = true
	}
	if len(te.numbers) > keepNumbers || len(te.ids) > keepNumbers {
		t.Errorf("%d numbers are kept", len(te.numbers))
	}
	if n, again := te.number("call-11999"), te.number("CALL11999"); n != again {
		t.Errorf("one call has the numbers %d and %d", n, again)
	}
}
