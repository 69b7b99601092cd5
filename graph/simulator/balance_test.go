package simulator

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// trips is a network of instances by their names.
type trips struct {
	fails map[string]error
	asked []string
}

func (n *trips) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || string(body) != "notification" {
		return nil, errors.New("the body is " + string(body))
	}
	n.asked = append(n.asked, r.URL.Host)
	if err := n.fails[r.URL.Host]; err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusAccepted, Body: http.NoBody}, nil
}

func TestInstancesTakeTurnsAndOneThatCannotBeReachedIsPassedOver(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for name, tc := range map[string]struct {
		fails map[string]error
		asked string
		lost  int
	}{
		"all well":        {nil, "b c a b", 0},
		"one down":        {map[string]error{"c": refused}, "b c a a b", 0},
		"all down":        {map[string]error{"a": refused, "b": refused, "c": refused}, "b c a c a b a b c b c a", 4},
		"one that hangs ": {map[string]error{"c": errors.New("timeout")}, "b c a b", 1},
	} {
		n := &trips{fails: tc.fails}
		b := &balancer{hosts: []string{"a", "b", "c"}, next: n}
		lost := 0
		for range 4 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://bot/api/calls", strings.NewReader("notification"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := b.RoundTrip(r)
			if err != nil {
				lost++
				continue
			}
			_ = resp.Body.Close()
		}
		if want := strings.Fields(tc.asked); !slices.Equal(n.asked, want) || lost != tc.lost {
			t.Errorf("%s: asked %v and lost %d, want %v and %d", name, n.asked, lost, want, tc.lost)
		}
	}
}
