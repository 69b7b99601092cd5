package e2e

import "testing"

func TestTheLogIsOnItsPageAndNeverOnTheScreen(t *testing.T) {
	r := newReception(t)
	e := r.console(100, 24)
	e.shows("Connected.")
	r.relay.kill()
	e.shows("RECONNECTING")
	e.press("L")
	e.shows(`msg="relay link down"`)
	e.press("q")
	if code := e.exits(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
