package call

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the boards drawn in testdata")

// begin is the moment that a script calls 0s. It is ten seconds before noon on
// purpose: no script depends on the time of day.
var begin = time.Date(2026, 11, 23, 11, 59, 50, 0, time.UTC)

// TestScripts runs testdata/*.txt. A script is blocks of
//
//	commands, one a line
//	----
//	what they were answered, and the board after them
//
// with blank lines and # comments between. Commands, where T is a time since
// the script's beginning and ID a call:
//
//	at T rang ID "NAME" KIND "NUMBER" [ring=15s] [margin=500ms]
//	at T changed ID "NAME" KIND "NUMBER"
//	at T rejected|refused|gone|unknown ID [STATUS [CODE]] [probably]
//	at T ended ID [CODE SUBCODE]
//	at T unconfirmed|expired ID
//	at T fact KIND ID                    an event of any kind, without contents
//	at T OPERATOR busy|none|forbidden ID [hold=2s]
//	                                     a decision: judged, and applied if it won
//	at T OPERATOR undo ID                takes the operator's last decision on it back, likewise
//	at T commit ID                       the call's claim is committed, likewise
//	at T snapshot                        go on with a board restored from this one
//	at T look                            nothing happens, time passes
//	at T day                             tells what the ledger knows of the day
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(string(raw), "\r\n", "\n")
			got, err := runScript(want)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-script +board; go test -update rewrites it):\n%s", file, diff)
			}
		})
	}
}

// runScript returns the script with the answers it should have.
func runScript(text string) (string, error) {
	s := &script{board: NewBoard(), now: begin, last: map[string]Command{}, asked: map[string]time.Time{}}
	var out strings.Builder
	skip, said := false, ""
	for number, line := range strings.Split(text, "\n") {
		switch {
		case line == "":
			skip = false
		case skip:
			continue // the answer as it stood in the file
		case line == "----":
			out.WriteString("----\n" + said + s.draw())
			skip, said = true, ""
			continue
		case !strings.HasPrefix(line, "#"):
			answer, err := s.run(line)
			if err != nil {
				return "", fmt.Errorf("line %d: %q: %w", number+1, line, err)
			}
			said += answer
		}
		out.WriteString(line + "\n")
	}
	if said != "" {
		return "", errors.New("the last block has no ----")
	}
	return strings.TrimRight(out.String(), "\n") + "\n", nil
}

type script struct {
	board *Board
	now   time.Time
	last  map[string]Command   // by operator and call
	asked map[string]time.Time // when a held claim of a call was committed
}

var errScript = errors.New("no such command")

func (s *script) run(line string) (answer string, err error) {
	words, err := split(line)
	if err != nil {
		return "", err
	}
	if len(words) < 3 || words[0] != "at" {
		return "", errScript
	}
	after, err := time.ParseDuration(words[1])
	if err != nil {
		return "", err
	}
	s.now = begin.Add(after)
	switch verb, args := words[2], words[3:]; {
	case verb == "look":
		return "", nil
	case verb == "day":
		return drawDay(s.board, s.now), nil
	case verb == "snapshot":
		s.board = Restore(s.board.Calls(), s.board.Tally(), s.board.Ledger(), s.board.Seq())
		return "", nil
	case verb == "fact" && len(args) == 2:
		return s.apply(Event{Kind: EventKind(args[0]), Call: ID(args[1])}), nil
	case len(args) >= 2 && isReason(args[0]):
		return s.decide(verb, args[0], args[1], args[2:])
	case len(args) == 2 && args[0] == "undo":
		cmd, decided := s.last[verb+args[1]]
		if c, ok := s.board.Get(ID(args[1])); ok && !decided {
			cmd = Command{ID: c.Claim.Command, Call: c.ID, Operator: verb} // somebody else's
		}
		e, err := s.board.TakeBack(cmd, s.now)
		return s.judged(verb, e, err, "took it back")
	case verb == "commit" && len(args) == 1:
		c, _ := s.board.Get(ID(args[0]))
		e, done, err := s.board.Commit(ID(args[0]), c.Claim, s.now)
		if done {
			return "commit: is in the journal already\n", nil
		}
		s.asked[c.ID.Key()] = s.now
		return s.judged("commit", e, err, "the request leaves")
	case len(args) > 0:
		e, err := fact(EventKind(verb), args)
		if err != nil {
			return "", err
		}
		if e.Reply != nil {
			s.took(e)
		}
		return s.apply(e), nil
	}
	return "", errScript
}

// took fills in how long Graph needed, as the relay would.
func (s *script) took(e Event) {
	if c, ok := s.board.Get(e.Call); ok && !c.ClaimedAt.IsZero() {
		e.Reply.Took = ToMillis(s.now.Sub(maxTime(c.ClaimedAt, s.asked[c.ID.Key()])))
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func (s *script) apply(e Event) string {
	e.Seq, e.At = s.board.Seq()+1, s.now
	s.board.Apply(e)
	return ""
}

func (s *script) decide(operator, reason, id string, rest []string) (string, error) {
	why, err := ParseReason(reason)
	if err != nil {
		return "", err
	}
	cmd := Command{ID: operator + s.now.Sub(begin).String(), Call: ID(id), Reason: why, Operator: operator, Relay: "r1"}
	for _, arg := range rest {
		if cmd.Hold, err = time.ParseDuration(strings.TrimPrefix(arg, "hold=")); err != nil {
			return "", err
		}
	}
	s.last[operator+id] = cmd
	e, err := s.board.Decide(cmd, s.now)
	if err != nil {
		return s.judged(operator, e, err, "")
	}
	done := fmt.Sprintf("claimed %d ms after the ring", e.Claim.After)
	if e.Claim.Hold > 0 {
		done += fmt.Sprintf(", held for %d ms", e.Claim.Hold)
	}
	return s.judged(operator, e, nil, done)
}

// judged applies an event that won, and says how the rules have answered.
func (s *script) judged(who string, e Event, err error, done string) (string, error) {
	if err != nil {
		return fmt.Sprintf("%s: %v\n", who, err), nil
	}
	s.apply(e)
	return fmt.Sprintf("%s: %s\n", who, done), nil
}

// fact reads an event as a script writes it.
func fact(kind EventKind, args []string) (Event, error) {
	e := Event{Kind: kind, Call: ID(args[0])}
	args = args[1:]
	switch kind {
	case Rang, Changed:
		if len(args) < 3 {
			return e, errors.New(`wants ID "NAME" KIND "NUMBER"`)
		}
		e.Details = &Details{Caller: Party{Name: args[0], Kind: PartyKind(args[1]), ID: args[2]}}
		return e, timing(&e, args[3:])
	case Rejected, Refused, Gone, Unknown:
		return e, reply(&e, args)
	case Ended:
		if len(args) == 2 {
			code, err := strconv.Atoi(args[0])
			sub, err2 := strconv.Atoi(args[1])
			e.Result = &Code{Code: code, Subcode: sub}
			return e, errors.Join(err, err2)
		}
		return e, nil
	case Unconfirmed, Expired:
		return e, nil
	case Claimed, Withdrawn, Committed:
		return e, errors.New("a claim is made, taken back and committed by a decision")
	default:
		return e, errScript
	}
}

func timing(e *Event, args []string) error {
	if e.Kind == Rang {
		e.Ring, e.Margin = 15000, 500
	}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		d, err := time.ParseDuration(value)
		switch {
		case err != nil:
			return err
		case name == "ring":
			e.Ring = ToMillis(d)
		case name == "margin":
			e.Margin = ToMillis(d)
		default:
			return errScript
		}
	}
	return nil
}

func reply(e *Event, args []string) error {
	e.Reply = &Reply{Tries: 1}
	for i, arg := range args {
		switch {
		case arg == "probably":
			e.Reply.Probably, e.Reply.Tries = true, 2
		case i == 0:
			status, err := strconv.Atoi(arg)
			if err != nil {
				return err
			}
			e.Reply.Status = status
		default:
			e.Reply.Code = arg
		}
	}
	return nil
}

func isReason(s string) bool {
	_, err := ParseReason(s)
	return err == nil
}

// split cuts a line at spaces outside of double quotes.
func split(line string) ([]string, error) {
	var words []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			words, line = append(words, word), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, err
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, err
		}
		words, line = append(words, word), line[len(quoted):]
	}
	return words, nil
}
