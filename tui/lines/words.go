package lines

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"callscreen/relay/call"
)

// display is the caller's name, the last word of every sentence about a call.
func display(c *call.Call) string { return party(c.Caller).Display() }

// origin is what is known about a caller beside the name.
func origin(p call.Party) string {
	p = party(p)
	words := p.Kind.Words()
	switch {
	case p.Kind == call.Phone && p.ID == "":
		words = "anonymous phone"
	case p.Kind == call.Phone:
		words += " " + spoken(p.ID)
	case p.ID != "":
		words += " ending in " + strings.TrimPrefix(p.Address(), "…")
	}
	if p.Altered {
		words += ", the name had deceiving characters"
	}
	return words
}

// group is how many digits are read in one breath.
const group = 3

// spoken is a phone number to be read aloud: "plus" and groups of digits, which
// would otherwise be read as one number of billions.
func spoken(number string) string {
	digits, plus := strings.CutPrefix(number, "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return strconv.Quote(number) // not a number: its ends must show
	}
	var words []string
	if plus {
		words = append(words, "plus")
	}
	for part := range slices.Chunk([]byte(digits), group) {
		words = append(words, string(part))
	}
	return strings.Join(words, " ")
}

// seconds rounds down, but forgives the clock a twentieth: a reminder due at
// five seconds says five.
func seconds(left time.Duration) string {
	n := int((left + 50*time.Millisecond) / time.Second)
	if n == 1 {
		return "1 second"
	}
	return strconv.Itoa(max(n, 0)) + " seconds"
}

// decided is the last decision about a call: "busy by ana".
func (t *teller) decided(c *call.Call) string { return what(c) + " by " + t.who(c) }

func what(c *call.Call) string {
	if c.Claim == nil {
		return "a decision"
	}
	return name(string(c.Claim.Reason))
}

func (t *teller) who(c *call.Call) string {
	if c.Claim == nil {
		return "somebody"
	}
	return t.operator(c.Claim.Operator)
}

func (t *teller) operator(who string) string {
	if t.status != nil && who != "" && who == t.status.Operator {
		return "you"
	}
	if who = name(who); who == "" {
		return "another operator"
	}
	return who
}

// thought is how long the decision took.
func thought(c *call.Claim) string {
	if c == nil {
		return ""
	}
	return fmt.Sprintf(" after %.1f seconds", c.After.Duration().Seconds())
}

func took(r *call.Reply) string {
	if r == nil || r.Took == 0 {
		return ""
	}
	return fmt.Sprintf(" after %d ms", r.Took)
}

// unsent reports a refusal without Graph: there was no token, say, and nothing left.
func unsent(r *call.Reply) bool { return r != nil && r.Status == 0 }

// because is why Graph did not do it.
func because(r *call.Reply) string {
	switch {
	case r == nil:
		return "without a reason"
	case r.Words != "":
		return text(r.Words)
	case r.Code != "":
		return fmt.Sprintf("status %d, code %s", r.Status, name(r.Code))
	default:
		return fmt.Sprintf("status %d", r.Status)
	}
}

// aside adds the relay's own words, if there are any.
func aside(words string) string {
	if words == "" {
		return ""
	}
	return ", " + text(words)
}

func as(l call.Link) string {
	words := ""
	if l.Bot != "" {
		words += " to " + name(l.Bot)
	}
	if l.Operator != "" {
		words += " as " + name(l.Operator)
	}
	return words
}

func calls(n int) string {
	switch n {
	case 0:
		return "no call waits"
	case 1:
		return "1 call waits"
	default:
		return strconv.Itoa(n) + " calls wait"
	}
}

// invited is what a call asks for: "it is a direct call with audio and video".
func invited(d call.Details) string {
	s := "it is a direct call"
	switch {
	case d.Recording:
		s = "it is a compliance recording invite"
	case d.Group:
		s = "it is an invitation to a group call"
	}
	for i, m := range d.Media {
		switch {
		case i == 0:
			s += " with " + m
		case i == len(d.Media)-1:
			s += " and " + m
		default:
			s += ", " + m
		}
	}
	return s
}
