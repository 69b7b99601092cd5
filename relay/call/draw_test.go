package call

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// draw shows everything of a board that a reader of a script should see.
func (s *script) draw() string {
	var b strings.Builder
	for _, c := range s.board.Live() {
		b.WriteString(drawLive(c, s.now))
	}
	for _, c := range s.board.Ended() {
		b.WriteString(drawEnded(c))
	}
	if b.Len() == 0 {
		b.WriteString("no calls\n")
	}
	b.WriteString(drawTally(s.board))
	return b.String()
}

func drawLive(c *Call, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s %s  %s  %s", c.State, c.ID, c.Caller.Address(), c.Caller.Display())
	if c.Waits() {
		fmt.Fprintf(&b, ", %v left, %v to decide", c.Deadline().Sub(now), c.Usable().Sub(now))
	}
	if c.Closing {
		b.WriteString(", its end is reported")
	}
	return b.String() + drawClaim(c) + "\n"
}

func drawEnded(c *Call) string {
	if !c.Known() {
		return fmt.Sprintf("%-8s %s  never rang here%s\n", c.State, c.ID, drawResult(c))
	}
	return fmt.Sprintf("%-8s %s  %s  %s, %s at %v%s%s\n", c.State, c.ID, c.Caller.Address(), c.Caller.Display(),
		c.Ending, c.EndedAt.Sub(begin), drawResult(c), drawClaim(c))
}

func drawResult(c *Call) string {
	if c.Result == nil {
		return ""
	}
	return fmt.Sprintf(" (%d/%d)", c.Result.Code, c.Result.Subcode)
}

func drawClaim(c *Call) string {
	if c.Claim == nil {
		return ""
	}
	out := fmt.Sprintf("\n           claim %d: %s %s", c.Tries, c.Claim.Operator, c.Claim.Reason)
	if r := c.Reply; r != nil {
		out += fmt.Sprintf(", Graph %d %s after %d ms", r.Status, r.Code, r.Took)
		if r.Probably {
			out += ", probably done"
		}
	}
	return out
}

func drawTally(board *Board) string {
	t := board.Tally()
	parts := []string{fmt.Sprintf("today %d rang", t.Rang)}
	for _, r := range slices.Sorted(maps.Keys(t.Rejected)) {
		parts = append(parts, fmt.Sprintf("%d %s", t.Rejected[r], r))
	}
	for _, e := range slices.Sorted(maps.Keys(t.Endings)) {
		parts = append(parts, fmt.Sprintf("%d ended %s", t.Endings[e], e))
	}
	return fmt.Sprintf("%s; %d waiting\n", strings.Join(parts, ", "), board.Waiting())
}
