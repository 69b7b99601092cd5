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
	"testing"
	"testing/synctest"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/call/hostile"
)

// told is what an output writes of a call all of whose texts are one name, and of
// everything that can be said about it.
func told(t *testing.T, name string, output func(ctx context.Context, l Link, in io.Reader, out io.Writer) error) []string {
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
		dressed(s, name)
		cancel()
		running.Wait()
	})
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// dressed lets everything happen to a call that is called so in every text.
func dressed(s *stage, name string) {
	p := call.Party{Kind: call.User, Name: name, ID: name, Tenant: name}
	s.send(call.Update{Link: &call.Link{Up: true, Operator: name, Bot: name, Graph: name, Watching: 2}})
	s.send(call.Update{Board: call.NewBoard()})
	s.happens(call.Event{Kind: call.Rang, Call: "call-1", Ring: 15000, Margin: 500, Details: &call.Details{
		Caller: p, To: []call.Party{p}, Subject: name, Media: []string{name}, OnBehalfOf: &p, Transferor: &p, Chain: name, Tenant: name,
		Via: []call.Via{{Kind: name, Original: &p, Final: &p}}, Group: true,
	}})
	s.types("d 1")
	s.types("l")
	s.types("b 1")
	s.claims("call-1", name, "q1", call.Reason(name))
	s.replies(call.Refused, "call-1", call.Reply{Status: 403, Code: name, Words: name, Request: name})
	s.answers(call.Answer{Request: "q1", Call: "call-1", Verdict: call.Verdict(name), Words: name, By: name, Reason: call.Reason(name)})
	s.refuse = errors.New("not sent: " + name)
	s.types("n 1")
	time.Sleep(15 * time.Second)
	s.happens(call.Event{Kind: call.Expired, Call: "call-1"})
	s.types("zz" + strings.ReplaceAll(name, "\n", ""))
	s.send(call.Update{Link: &call.Link{Err: name, Final: true}})
}

// harmed says which line a terminal would obey, or an eye be deceived by.
func harmed(lines []string) error {
	for _, line := range lines {
		if err := hostile.Fault(line); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
	}
	return nil
}

// proves T-01 and T-12 for the lines: whatever anything is called, each change is
// as many lines as with a plain name, and nothing on them is obeyed.
func TestT01WhateverANameIsALineIsText(t *testing.T) {
	for what, output := range map[string]func(ctx context.Context, l Link, in io.Reader, out io.Writer) error{
		"plain": usually,
		"json": func(ctx context.Context, l Link, in io.Reader, out io.Writer) error {
			go func() { _, _ = io.Copy(io.Discard, in) }()
			return JSON(ctx, l, out)
		},
	} {
		t.Run(what, func(t *testing.T) {
			alice := told(t, "Alice", output)
			if len(alice) < 7 {
				t.Fatalf("%d lines", len(alice))
			}
			for _, x := range hostile.Texts() {
				lines := told(t, x.In, output)
				if n := len(lines); n > len(alice) || n < len(alice)-1 && x.Want != "" { // one line tells what is known of who can be known again
					t.Errorf("%s: %d lines, with a plain name %d:\n%s", x, n, len(alice), strings.Join(lines, "\n"))
				}
				if err := harmed(lines); err != nil {
					t.Errorf("%s: %v", x, err)
				}
				for _, line := range lines {
					if what == "json" && !json.Valid([]byte(line)) {
						t.Errorf("%s: no JSON: %s", x, line)
					}
				}
			}
			// The planted bug: the same lines with the name as it came.
			found := 0
			for _, x := range hostile.Texts() {
				if harmed(strings.Split(strings.ReplaceAll(strings.Join(alice, "\n"), "Alice", x.In), "\n")) != nil {
					found++
				}
			}
			if found < 150 {
				t.Errorf("a name as it came is noticed %d times", found)
			}
		})
	}
}
