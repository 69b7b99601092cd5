// Package oncall runs a command for each ringing call, which may decide it.
//
// The command gets the call as one JSON object on its standard input ("call_id",
// "state", "caller" and the other members of a call as in the frames of the relay,
// "remaining_ms" until Graph gives up and "usable_ms" until decisions end) and in
// these variables: CALLSCREEN_CALL_ID, CALLSCREEN_CALLER_KIND,
// CALLSCREEN_CALLER_NAME, CALLSCREEN_CALLER_NUMBER (of a phone),
// CALLSCREEN_CALLER_ID (of any other caller), CALLSCREEN_REMAINING_MS and
// CALLSCREEN_USABLE_MS. A word on its standard output is its decision when it ends
// with 0: busy, none or forbidden; anything else is none. What it writes to
// standard error is logged line by line.
//
// No shell has a part in it: what callers chose stands in the JSON and in variables
// and never in a command line. A command that is a shell script must quote its
// variables as every script must.
package oncall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"
)

const (
	// atOnce bounds the commands that run at one time; other calls wait for a place.
	atOnce = 8
	// killBefore is how long before the end of the usable time a command is killed:
	// its decision must still be recorded and sent.
	killBefore = 300 * time.Millisecond
	// lingerWithin is how long output is waited for that a child of the command,
	// which has ended, holds open.
	lingerWithin = 100 * time.Millisecond
	// mostSaid bounds what is kept of the standard output, in bytes: a word.
	mostSaid = 64
)

// Command is a command to be run. Make it with [New].
type Command struct {
	argv  []string
	env   []string
	log   *slog.Logger
	slots chan struct{}
}

// New checks that the command can be found. env is all of the environment that it
// gets besides the variables of the call; whoever calls sees to it that there is
// no secret in it.
func New(argv, env []string, log *slog.Logger) (*Command, error) {
	if len(argv) == 0 {
		return nil, errors.New("on-call: no command was given")
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil, fmt.Errorf("on-call: %w: give a command that is in PATH, or its whole path", err)
	}
	return &Command{
		argv: append([]string{path}, argv[1:]...), env: env, log: log, slots: make(chan struct{}, atOnce),
	}, nil
}

// Decide runs the command for a call and returns what it decided, "" for nothing.
// It returns before the call's usable time is over, or soon after ctx has ended;
// the command, with all that it started on Unix, is killed then.
func (c *Command) Decide(ctx context.Context, k call.Call) call.Reason {
	ctx, cancel := context.WithDeadline(ctx, k.Usable().Add(-killBefore))
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		c.log.Warn("on-call was not run: too many commands were running until the call's time was over", "call", k.ID)
		return ""
	}
	said, err := c.run(ctx, k)
	switch {
	case ctx.Err() != nil:
		c.log.Warn("on-call was killed: it ran until the call's time was over, or the relay is going down", "call", k.ID)
		return ""
	case err != nil:
		c.log.Warn("on-call failed and decides nothing", "call", k.ID, "err", err)
		return ""
	case said == "":
		return ""
	}
	reason, err := call.ParseReason(said)
	if err != nil {
		word, _ := call.Clean(said, call.NameCells)
		c.log.Warn("on-call said what is no decision (busy, none or forbidden)", "call", k.ID, "said", word)
		return ""
	}
	return reason
}

// run is one run, and what the command said.
func (c *Command) run(ctx context.Context, k call.Call) (said string, err error) {
	now := time.Now()
	remaining, usable := call.ToMillis(max(k.Deadline().Sub(now), 0)), call.ToMillis(max(k.Usable().Sub(now), 0))
	told, err := json.Marshal(struct {
		Call  call.ID    `json:"call_id"`
		State call.State `json:"state"`
		call.Details
		Remaining call.Millis `json:"remaining_ms"`
		Usable    call.Millis `json:"usable_ms"`
	}{k.ID, k.State, k.Details, remaining, usable})
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...) //nolint:gosec // the relay's own setting; nothing of a caller is in it
	cmd.Env = append(slices.Clone(c.env), variables(k, remaining, usable)...)
	cmd.Stdin = bytes.NewReader(append(told, '\n'))
	out := &head{most: mostSaid}
	notes := &notes{log: c.log.With("call", k.ID)}
	cmd.Stdout, cmd.Stderr = out, notes
	cmd.WaitDelay = lingerWithin
	alone(cmd)
	err = cmd.Run()
	notes.end()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well, and left somebody behind who holds its output open
	}
	return strings.TrimSpace(string(out.kept)), err
}

func variables(k call.Call, remaining, usable call.Millis) []string {
	v := []string{
		"CALLSCREEN_CALL_ID=" + string(k.ID),
		"CALLSCREEN_CALLER_KIND=" + string(k.Caller.Kind),
		"CALLSCREEN_CALLER_NAME=" + k.Caller.Name,
		"CALLSCREEN_REMAINING_MS=" + strconv.FormatInt(int64(remaining), 10),
		"CALLSCREEN_USABLE_MS=" + strconv.FormatInt(int64(usable), 10),
	}
	if k.Caller.Kind == call.Phone {
		return append(v, "CALLSCREEN_CALLER_NUMBER="+k.Caller.ID)
	}
	return append(v, "CALLSCREEN_CALLER_ID="+k.Caller.ID)
}
