package simulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Scenario is a script: calls and when they come.
type Scenario struct{ Calls []ScriptedCall }

// ScriptedCall is a call so much after the start of its script.
type ScriptedCall struct {
	At time.Duration
	CallSpec
}

const (
	maxScenario      = 1 << 20
	maxScenarioCalls = 10_000
)

// LoadScenario reads a script in TOML, a table for each call:
//
//	[[call]]
//	at = "2s"          # after the start; "0s" if left out
//	kind = "phone"     # one of Kinds; drawn if left out
//	name = "Alice Meyer"
//	number = "+14255550100"
//	subject = "About the invoice"
//	hangup = "6s"      # the caller gives up; he waits if left out
//	ring = "10s"       # instead of the usual ring time
//	fault = "legacy, error-503*2"
//
// Every error names the line it is about.
func LoadScenario(r io.Reader) (Scenario, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxScenario+1))
	if err != nil {
		return Scenario{}, fmt.Errorf("simulator: scenario: %w", err)
	}
	if len(text) > maxScenario {
		return Scenario{}, fmt.Errorf("simulator: scenario: more than %d bytes", maxScenario)
	}
	entries, err := readEntries(text)
	if err != nil {
		return Scenario{}, fmt.Errorf("simulator: scenario: %w", err)
	}
	var script Scenario
	for i, e := range entries {
		if _, err := e.call.plan(); err != nil {
			return Scenario{}, fmt.Errorf("simulator: scenario: line %d: call %d: %w", e.line, i+1, err)
		}
		script.Calls = append(script.Calls, e.call)
	}
	return script, nil
}

// entry is a [[call]] table: where it stands, and what has been said in it.
type entry struct {
	line int
	call ScriptedCall
	said map[string]bool
}

// readEntries goes through the document by itself and not by a decoder, because a decoder has no line for
// half of what can be wrong.
func readEntries(text []byte) ([]entry, error) {
	var parser unstable.Parser
	parser.Reset(text)
	var entries []entry
	for parser.NextExpression() {
		e := parser.Expression()
		key := e.Key()
		if e.Kind == unstable.Comment || !key.Next() {
			continue
		}
		line := parser.Shape(key.Node().Raw).Start.Line
		name, nested := string(key.Node().Data), key.Next()
		switch {
		case e.Kind == unstable.ArrayTable && name == "call" && !nested:
			entries = append(entries, entry{line: line, said: map[string]bool{}})
		case e.Kind != unstable.KeyValue:
			return nil, fmt.Errorf("line %d: only [[call]] tables belong here", line)
		case len(entries) == 0:
			return nil, fmt.Errorf("line %d: %q stands before the first [[call]]", line, name)
		case nested:
			return nil, fmt.Errorf("line %d: %q has members; nothing in a call has any", line, name)
		default:
			if err := entries[len(entries)-1].set(name, e.Value()); err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
		}
		if len(entries) > maxScenarioCalls {
			return nil, fmt.Errorf("line %d: more than %d calls", line, maxScenarioCalls)
		}
	}
	if err := parser.Error(); err != nil {
		return nil, syntaxError(text, err)
	}
	if len(entries) == 0 {
		return nil, errors.New("line 1: no [[call]] in it")
	}
	return entries, nil
}

// set takes one line of a call.
func (e *entry) set(name string, value *unstable.Node) error {
	into, known := map[string]func(text string) error{
		"at":      func(text string) (err error) { e.call.At, err = parseDuration(text); return err },
		"kind":    func(text string) error { e.call.Kind = text; _, err := kindNamed(text); return err },
		"name":    func(text string) error { e.call.Name = text; return nil },
		"number":  func(text string) error { e.call.Number = text; return nil },
		"subject": func(text string) error { e.call.Subject = text; return nil },
		"hangup":  func(text string) (err error) { e.call.HangUp, err = parseDuration(text); return err },
		"ring":    func(text string) (err error) { e.call.Ring, err = parseDuration(text); return err },
		"fault":   func(text string) error { e.call.Fault = text; _, err := parseFaults(text); return err },
	}[name]
	switch {
	case !known:
		return fmt.Errorf("a call has no %q; it has at, kind, name, number, subject, hangup, ring, fault", name)
	case e.said[name]:
		return fmt.Errorf("%q is said twice", name)
	case value.Kind != unstable.String:
		return fmt.Errorf("%q is not a text in quotes", name)
	}
	e.said[name] = true
	return into(string(value.Data))
}

// syntaxError has the line of what is no TOML: the decoder stumbles over the same place and knows where it
// is.
func syntaxError(text []byte, found error) error {
	if e, ok := errors.AsType[*toml.DecodeError](toml.Unmarshal(text, &map[string]any{})); ok {
		row, _ := e.Position()
		return fmt.Errorf("line %d: %s", row, strings.TrimPrefix(e.Error(), "toml: "))
	}
	return fmt.Errorf("line 1: %w", found)
}

// Play places the calls of a script at their times, and returns when each has been answered by the webhook
// and each scripted hang-up was sent. What a webhook refused is in the error, call by call; the script
// goes on meanwhile. Times are divided by Options.Speed.
func (s *Simulator) Play(ctx context.Context, script Scenario) error {
	calls := slices.Clone(script.Calls)
	slices.SortStableFunc(calls, func(a, b ScriptedCall) int { return cmp.Compare(a.At, b.At) })
	plans := make([]plan, len(calls))
	for i, c := range calls {
		p, err := c.plan()
		if err != nil {
			return fmt.Errorf("simulator: scenario: call %d: %w", i+1, err)
		}
		plans[i] = p
	}
	var work sync.WaitGroup
	answers := make([]error, len(calls))
	start := time.Now()
	for i, p := range plans {
		if !s.sleep(ctx, s.scaled(calls[i].At)-time.Since(start)) {
			answers[i] = s.stopped(ctx)
			break
		}
		c, err := s.place(p)
		if err != nil {
			answers[i] = err
			break
		}
		work.Go(func() {
			if err := s.announce(ctx, c); err != nil {
				answers[i] = fmt.Errorf("simulator: scenario: call %d (%s): %w", i+1, c.kind.name, err)
			}
			if c.hangUp > 0 {
				s.await(ctx, c)
			}
		})
	}
	work.Wait()
	return errors.Join(answers...)
}

// await returns when a call rings no more and its last notification is out.
func (s *Simulator) await(ctx context.Context, c *call) {
	select {
	case <-c.silent:
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
}
