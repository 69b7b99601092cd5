package relay

import (
	"net/http"
	"testing"

	"callscreen/relay/wire"
)

// Whoever looks at the public address from outside must be able to tell this relay
// from another, whatever it is asked and without a credential.
func TestEveryAnswerTellsWhichRunningRelayGaveIt(t *testing.T) {
	h, other := newHouse(t), newHouse(t)
	ask := func(h *house, method, path string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, h.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.Header.Get(wire.RelayHeader)
	}
	id := ask(h, http.MethodGet, "/readyz")
	if len(id) < 20 {
		t.Errorf("it calls itself %q", id)
	}
	for _, r := range [][2]string{{"POST", "/api/calls"}, {"GET", "/api/calls"}, {"GET", "/v1/stream"}, {"GET", "/nowhere"}, {"GET", "//api/calls"}, {"POST", "/v1/calls/x/reject"}} {
		if got := ask(h, r[0], r[1]); got != id {
			t.Errorf("%s %s: %q, want %q", r[0], r[1], got, id)
		}
	}
	if got := ask(other, http.MethodGet, "/readyz"); got == id || got == "" {
		t.Errorf("another relay calls itself %q too", got)
	}
}
