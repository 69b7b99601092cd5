package lines

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"callscreen/relay/call"
)

// typedWith types lines at a console with three calls and returns what was sent
// and what was said.
func typedWith(keys Keys, lines ...string) (sent []string, said string) {
	var out bytes.Buffer
	link := newFakeLink()
	t := newTeller(link, &out, keys)
	for _, id := range []call.ID{"call-1", "call-2", "call-3"} {
		t.update(call.Update{Event: &call.Event{
			Kind: call.Rang, Call: id, At: time.Now(), Ring: 15000, Margin: 500, Details: &call.Details{Caller: phone("+442079460123", "Alice Meyer")},
		}})
	}
	out.Reset()
	for _, line := range lines {
		t.typed(line)
	}
	return link.rejected, out.String()
}

func TestKeysThatWereBoundAnewAreTypedToo(t *testing.T) {
	for _, c := range []struct {
		keys  Keys
		typed []string
		want  []string
	}{
		{nil, []string{"b 1", "N 2", "f3"}, []string{"call-1 busy", "call-2 none", "call-3 forbidden"}},
		{Keys{"busy": {"x", "X"}}, []string{"x 1", "b 2", "B3"}, []string{"call-1 busy"}},
		{Keys{"busy": {"x", "X"}}, []string{"X1", "busy 2", "BUSY 3"}, []string{"call-1 busy", "call-2 busy", "call-3 busy"}},
		{Keys{"busy": {"n", "N"}, "none": {"b", "B"}}, []string{"n 1", "B 2"}, []string{"call-1 busy", "call-2 none"}},
		{Keys{"busy": {"d", "D"}}, []string{"d 1", "details 2"}, []string{"call-1 busy"}},
		{Keys{"none": {"ctrl+n"}}, []string{"n 1", "none 2", "b 3"}, []string{"call-2 none", "call-3 busy"}},
		{Keys{"recent": {"b", "B"}, "busy": {"f2"}}, []string{"b 1", "busy 2"}, []string{"call-2 busy"}},
		{Keys{"forbidden": {"ö", "Ö"}}, []string{"ö 1", "Ö2", "f 3"}, []string{"call-1 forbidden", "call-2 forbidden"}},
	} {
		if sent, _ := typedWith(c.keys, c.typed...); !slices.Equal(sent, c.want) {
			t.Errorf("%v, typed %q: %q, want %q", c.keys, c.typed, sent, c.want)
		}
	}
}

func TestTheExplanationOfTheKeysFollows(t *testing.T) {
	_, said := typedWith(Keys{"busy": {"x", "X"}, "none": {"ctrl+n"}, "help": {"h"}, "quit": {"Q"}}, "b 1", "h", "none")
	for _, want := range []string{
		`"b 1" is not understood, h explains the keys`, "type x, none or f and the number of a call", "such as x 3", "Q to quit",
		"type none and its number, such as none 3",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it is not said %q:\n%s", want, said)
		}
	}
	if _, usual := typedWith(nil, "?"); !strings.HasPrefix(usual, "type b, n or f and the number of a call to reject it as busy, none or forbidden, such as b 3\n") {
		t.Errorf("usually it is said:\n%s", usual)
	}
}

func TestTheDetailsTellEveryFact(t *testing.T) {
	var out bytes.Buffer
	te := newTeller(newFakeLink(), &out, nil)
	user := func(name string) *call.Party { return &call.Party{Kind: call.User, ID: "9d1c2b3a-77aa", Name: name} }
	d := call.Details{
		Caller: call.Party{Kind: call.Encrypted, ID: "29:opaque", Tenant: "fabrikam"}, To: []call.Party{{Kind: call.Application, Name: "Reception bot"}},
		Media: []string{"audio", "video", "data"}, Subject: "Delivery 4711", Group: true, OnBehalfOf: user("Front office"), Transferor: user("Gina Park"),
		Via: []call.Via{{Kind: "forwarded", Original: user("Carl Roth")}, {Kind: "lookup", Final: user("Dora Lang")}},
	}
	te.update(call.Update{Event: &call.Event{Kind: call.Rang, Call: "call-1", At: time.Now(), Ring: 15000, Margin: 500, Details: &d}})
	te.typed("d 1")
	for _, want := range []string{
		"comes from encrypted ending in aque: Hidden by Graph", "to see such callers, grant the bot Calls.Initiate.All", "of tenant: fabrikam", ": Reception bot",
		"forwarded from user ending in 77aa: Carl Roth", "lookup to user ending in 77aa: Dora Lang", "on behalf of user ending in 77aa: Front office",
		"transferred by user ending in 77aa: Gina Park", "it is an invitation to a group call with audio, video and data", "subject: Delivery 4711", "identifier call-1",
	} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("it is not told %q:\n%s", want, out.String())
		}
	}
}
