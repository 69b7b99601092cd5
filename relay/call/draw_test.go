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
		b.WriteString(drawLive(c, s.now) + drawSeen(s.board, c) + drawClaim(c) + drawHold(c, s.now) + "\n")
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
	return b.String()
}

// drawSeen is silent for a first call, as most are.
func drawSeen(b *Board, c *Call) string {
	nth, last, ok := b.Seen(c)
	if !ok || nth == 1 && last.At.IsZero() {
		return ""
	}
	s := fmt.Sprintf("\n           call %d of the day", nth)
	if !last.At.IsZero() {
		s += fmt.Sprintf(", last at %v %s %s %s", last.At.Sub(begin), last.Ending, last.Reason, last.By)
	}
	return strings.TrimRight(s, " ")
}

// drawDay is what the ledger knows.
func drawDay(b *Board, now time.Time) string {
	st := b.Stats()
	s := fmt.Sprintf("of %d decisions: median %v, p95 %v\n", st.Of, st.Median, st.P95)
	for left, n := range st.Left {
		if n > 0 {
			s += fmt.Sprintf("%d s left: %d\n", left, n)
		}
	}
	for _, o := range st.Operators {
		s += fmt.Sprintf("%q decided %d: %d busy, %d none, %d forbidden, %d failed; of %d median %v\n",
			o.Name, o.Decided, o.Busy, o.None, o.Forbidden, o.Failed, o.Of, o.Median)
	}
	pace := b.Pace(now)
	return s + strings.TrimRight(fmt.Sprintln("rings of the last five minutes", pace[PaceMinutes-5:]), "\n") + "\n"
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

// drawHold is how long a claim can be taken back, and those that were.
func drawHold(c *Call, now time.Time) string {
	var b strings.Builder
	if c.Held != nil {
		fmt.Fprintf(&b, ", held %v more, then as it was: %s", c.HeldUntil().Sub(now), c.Held.State)
	}
	for _, w := range c.Withdrawn {
		fmt.Fprintf(&b, "\n           taken back: %s %s", w.Operator, w.Reason)
	}
	return b.String()
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
