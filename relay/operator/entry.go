package operator

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"callscreen/relay/call"
)

// Operator is one entry of the list. A list of an earlier version has no roles,
// no ends and no changes: its entries are operators for good.
type Operator struct {
	Name    string    `json:"name"`
	Hash    string    `json:"sha256"` // of the token, in hex
	Role    call.Role `json:"role,omitempty"`
	Added   time.Time `json:"added"`
	Expires time.Time `json:"expires,omitzero"` // the token is void from then on; zero: never
	Changed time.Time `json:"changed,omitzero"` // when role or end were changed last; zero: never
}

// Valid tells whether the token still admits at a moment.
func (o Operator) Valid(now time.Time) bool { return o.Expires.IsZero() || now.Before(o.Expires) }

// Grant is what an entry allows, and until when.
type Grant struct {
	Role    call.Role // "" is [call.Deciding]
	Expires time.Time // zero: never
}

// ErrRole says that a text is no role.
var ErrRole = errors.New("a role is one of operator (sees and decides) and observer (sees and decides nothing)")

// ErrPast says that a token would be void from the beginning.
var ErrPast = errors.New("the token's end lies in the past: give a later one, or revoke the operator")

// ParseRole reads a role as it is written in commands.
func ParseRole(text string) (call.Role, error) {
	switch r := call.Role(text); r {
	case call.Deciding, call.Observing:
		return r, nil
	default:
		return "", fmt.Errorf("%q is no role: %w", text, ErrRole)
	}
}

// judge refuses a grant that could only be a slip, and fills in its role.
func (g Grant) judge(now time.Time) (Grant, error) {
	if g.Role == "" {
		g.Role = call.Deciding
	}
	if _, err := ParseRole(string(g.Role)); err != nil {
		return g, err
	}
	if !g.Expires.IsZero() && !now.Before(g.Expires) {
		return g, ErrPast
	}
	return g, nil
}

// Change gives an operator another role or end; the token stays the same. change
// is given what holds now.
func (s *Store) Change(name string, change func(Grant) (Grant, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.edit(func(list []Operator) ([]Operator, error) {
		i := index(list, name)
		if i < 0 {
			return nil, ErrUnknown
		}
		now := time.Now().UTC()
		g, err := change(Grant{Role: list[i].Role, Expires: list[i].Expires})
		if err != nil {
			return nil, err
		}
		if g, err = g.judge(now); err != nil {
			return nil, err
		}
		list[i].Role, list[i].Expires, list[i].Changed = g.Role, g.Expires.UTC(), now
		return list, nil
	})
}

// Print writes the list as a table, with times of day where this runs.
func (s *Store) Print(w io.Writer) error {
	list, err := s.List()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tROLE\tADDED\tEXPIRES\tCHANGED")
	for _, o := range list {
		expires := moment(o.Expires)
		if !o.Valid(time.Now()) {
			expires += " (expired)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", o.Name, o.Role, moment(o.Added), expires, moment(o.Changed))
	}
	return table.Flush()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format(time.DateTime)
}
