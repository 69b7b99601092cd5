package graph

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// batchOf wraps elements as Graph does.
func batchOf(elements ...string) string {
	return `{"@odata.type":"#microsoft.graph.commsNotifications","value":[` + strings.Join(elements, ",") + `]}`
}

func created(path, data string) string {
	return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.commsNotification","changeType":"created","resourceUrl":%q,"resourceData":%s}`, path, data)
}

func mustDecode(t *testing.T, body string) Batch {
	t.Helper()
	b, err := Decode([]byte(body))
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return b
}

func one(t *testing.T, body string) Notification {
	t.Helper()
	b := mustDecode(t, body)
	if len(b.Notifications) != 1 || len(b.Dropped) != 0 {
		t.Fatalf("got %+v, want one notification\n%s", b, body)
	}
	return b.Notifications[0]
}

func TestEveryEnvelopeShapeIsRead(t *testing.T) {
	item := created("/communications/calls/"+testCall, `{"state":"incoming"}`)
	want := Notification{Change: Created, CallID: testCall, Call: &Call{State: "incoming"}}
	for name, body := range map[string]string{
		"a batch":               batchOf(item),
		"value first":           `{"value":[` + item + `]}`,
		"a bare notification":   item,
		"value as an object":    `{"value":` + item + `}`,
		"a byte order mark":     "\xef\xbb\xbf" + batchOf(item),
		"tabs and CRLF":         "\t" + strings.ReplaceAll(batchOf(item), ",", ",\r\n\t") + "\r\n",
		"types without #":       strings.ReplaceAll(batchOf(item), "#", ""),
		"no types":              `{"value":[{"changeType":"created","resource":"app/calls/` + testCall + `","resourceData":{"state":"incoming"}}]}`,
		"PascalCase values":     batchOf(strings.NewReplacer(`"created"`, `"Created"`, `"incoming"`, `"Incoming"`).Replace(item)),
		"upper case names":      batchOf(strings.NewReplacer("changeType", "ChangeType", "resourceUrl", "RESOURCEURL", "state", "State").Replace(item)),
		"unknown members":       batchOf(strings.Replace(item, "{", `{"new":{"deep":[1,{"state":"x"}]},`, 1)),
		"unknown twice":         batchOf(strings.Replace(item, `"state"`, `"MeetingUrl":1,"meetingUrl":2,"state"`, 1)),
		"data type call":        batchOf(strings.Replace(item, `"state"`, `"@odata.type":"#Microsoft.Graph.Call","state"`, 1)),
		"an id that disagrees":  batchOf(strings.Replace(item, `"state"`, `"id":"other","@odata.id":"/app/calls/other","state"`, 1)),
		"callbackUri is unused": batchOf(strings.Replace(item, `{`, `{"callbackUri":"https://evil.example/",`, 1)),
	} {
		if diff := cmp.Diff(want, one(t, body)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestThePathIsTakenFromTheFirstMemberThatHasOne(t *testing.T) {
	for _, row := range []struct{ members, id, sub string }{
		{`"resourceUrl":"/communications/calls/a"`, "a", ""},
		{`"resource":"/app/calls/a"`, "a", ""},
		{`"resourceUrl":"/communications/calls/a","resource":"/app/calls/b"`, "a", ""},
		{`"resource":"/app/calls/b/participants","resourceUrl":"/communications/calls/a"`, "a", ""},
		{`"resourceUrl":"","resource":"/app/calls/b"`, "b", ""},
		{`"resourceUrl":null,"resource":"/app/calls/b"`, "b", ""},
		{`"resourceUrl":7,"resource":"/app/calls/b"`, "b", ""},
		{`"resourceData":{"@odata.id":"/communications/calls/c","id":"d"}`, "c", ""},
		{`"resourceData":{"@odata.id":"/communications/calls/c/operations/1","id":"d"}`, "c", "operations"},
		{`"resourceData":{"id":"d"}`, "d", ""},
		{`"resourceData":{"@odata.type":"#microsoft.graph.call","id":"d"}`, "d", ""},
		{`"resourceData":{"@odata.type":"#microsoft.graph.participant","id":"d"}`, "", ""},
		{`"resourceUrl":"/communications/calls/a","resourceData":{"@odata.id":"/app/calls/c","id":"d"}`, "a", ""},
		{`"resource":"/app/calls/a/","resourceData":{"id":"d"}`, "a", ""},
		{`"resourceUrl":"/communications/calls/a"` + `,"resourceData":{}`, "a", ""},
		{`"resourceUrl":"/communications/calls/a"` + `,"resourceData":null`, "a", ""},
		{`"resourceUrl":"/communications/calls/a"` + `,"resourceData":{"@odata.type":"#microsoft.graph.call","@odata.etag":"x"}`, "a", ""},
		{`"resourceUrl":"/communications/calls/a/participants"` + `,"resourceData":[{"@odata.type":"#microsoft.graph.participant","id":"x"}]`, "a", "participants"},
		{`"resourceUrl":"/communications/onlineMeetings/a"`, "", ""},
	} {
		for _, change := range []string{"created", "updated", "deleted", "Deleted"} {
			b := mustDecode(t, batchOf(`{"changeType":"`+change+`",`+row.members+`}`))
			if row.id == "" {
				if len(b.Notifications) != 0 || len(b.Dropped) != 1 {
					t.Errorf("%s %s: %+v", change, row.members, b)
				}
				continue
			}
			if len(b.Notifications) != 1 || b.Notifications[0].CallID != row.id || b.Notifications[0].Sub != row.sub || b.Notifications[0].Change != Change(strings.ToLower(change)) {
				t.Errorf("%s %s: %+v", change, row.members, b)
			}
		}
	}
}

func TestTypesMayBeSpeltInEveryWayAndMissing(t *testing.T) {
	item := created("/communications/calls/"+testCall, `{"@odata.type":"#microsoft.graph.call","state":"incoming"}`)
	for _, typ := range []string{`"#microsoft.graph.call"`, `"microsoft.graph.call"`, `"#Microsoft.Graph.Call"`, `"call"`, `""`, `null`, `7`} {
		if n := one(t, batchOf(strings.Replace(item, `"#microsoft.graph.call"`, typ, 1))); n.Call == nil || n.Call.State != "incoming" {
			t.Errorf("%s: %+v", typ, n)
		}
	}
	for _, typ := range []string{`"#microsoft.graph.commsNotification"`, `"microsoft.graph.commsNotification"`, `"#MICROSOFT.GRAPH.COMMSNOTIFICATION"`, `null`, `"#microsoft.graph.somethingNew"`} {
		if n := one(t, batchOf(strings.Replace(item, `"#microsoft.graph.commsNotification"`, typ, 1))); n.Call == nil {
			t.Errorf("item %s: %+v", typ, n)
		}
	}
	for _, typ := range []string{"participant", "somethingNew", "CALLS"} { // data of another kind neither opens nor changes a card
		b := mustDecode(t, batchOf(strings.Replace(item, "#microsoft.graph.call", "#microsoft.graph."+typ, 1)))
		if diff := cmp.Diff(Batch{Dropped: []string{DroppedData}}, b); diff != "" {
			t.Errorf("%s: %s", typ, diff)
		}
	}
	for _, typ := range []string{"participantJoiningNotification", "participantLeftNotification", "ParticipantLeftNotification"} {
		for _, body := range []string{
			`{"@odata.type":"#microsoft.graph.` + typ + `","call":{"id":"a","state":"incoming"}}`,
			batchOf(strings.Replace(item, "#microsoft.graph.commsNotification", "#microsoft.graph."+typ, 1)),
			batchOf(strings.Replace(item, "#microsoft.graph.call", "microsoft.graph."+typ, 1)),
		} {
			if diff := cmp.Diff(Batch{Dropped: []string{DroppedCompliance}}, mustDecode(t, body)); diff != "" {
				t.Errorf("%s: %s", typ, diff)
			}
		}
	}
}

func TestMembersOfEnumsThatAreNewAreKeptAsText(t *testing.T) {
	data := `{"state":"parked","direction":"sideways","requestedModalities":["hologram","unknownFutureValue"],"callRoutes":[{"routingType":"teleported"}],` +
		`"source":{"endpointType":"unknownFutureValue","identity":{"user":{"id":"u"}}}}`
	want := &Call{
		State: "parked", Direction: "sideways", Modalities: []string{"hologram", "unknownFutureValue"}, Routes: []Route{{Kind: "teleported"}},
		Source: &Participant{Identity: Identity{Kind: IdentityUser, ID: "u"}, EndpointType: "unknownFutureValue"},
	}
	if diff := cmp.Diff(want, one(t, batchOf(created("/app/calls/a", data))).Call); diff != "" {
		t.Error(diff)
	}
	for _, state := range []string{
		"incoming", "establishing", "ringing", "established", "hold", "transferring", "transferAccepted", "redirecting", "terminating", "terminated", "unknownFutureValue",
	} {
		pascal := strings.ToUpper(state[:1]) + state[1:]
		if c := one(t, batchOf(created("/app/calls/a", `{"state":"`+pascal+`"}`))).Call; !strings.EqualFold(c.State, state) || state != "unknownFutureValue" && c.State != state {
			t.Errorf("%s: %q", pascal, c.State)
		}
	}
	for _, change := range []string{"renamed", "", "CREATED ", "null"} {
		b := mustDecode(t, batchOf(`{"changeType":"`+change+`","resourceUrl":"/app/calls/a"}`))
		if diff := cmp.Diff(Batch{Dropped: []string{DroppedChange}}, b); diff != "" {
			t.Errorf("%q: %s", change, diff)
		}
	}
}

func TestP08ThePathGivesTheIDAndNothingElse(t *testing.T) {
	const hex = "57DAB8B1894C409AB240BD8BEAE78896"
	for _, row := range []struct{ path, id, sub string }{
		{"/communications/calls/" + testCall, testCall, ""},
		{"/app/calls/" + hex, hex, ""},
		{"communications/calls/" + testCall, testCall, ""},
		{"/communications/calls/" + testCall + "/", testCall, ""},
		{"/Communications/Calls/" + testCall, testCall, ""},
		{"/v1.0/communications/CALLS/" + testCall + "?x=/calls/evil", testCall, ""},
		{"/communications/calls/" + testCall + "?callback=https://evil.example/calls/evil", testCall, ""},
		{"https://graph.microsoft.com/v1.0/communications/calls/" + testCall, testCall, ""},
		{"https://evil.example:8443/beta/app/calls/" + testCall + "/participants", testCall, "participants"},
		{"https://calls/evil/app/calls/" + testCall, testCall, ""},
		{"//calls/evil/communications/calls/" + testCall, testCall, ""},
		{"https://user:pass@evil.example/calls/" + testCall, testCall, ""},
		{"javascript://x/calls/" + testCall, testCall, ""},
		{"/communications/calls/" + testCall + "/participants/" + otherGUID, testCall, "participants"},
		{"/communications/calls/" + testCall + "/operations/" + otherGUID, testCall, "operations"},
		{"/communications/calls/" + testCall + "/audioroutinggroups/one", testCall, "audioRoutingGroups"},
		{"/communications/calls/" + testCall + "/contentsharingsessions/" + otherGUID, testCall, "contentSharingSessions"},
		{"/communications/calls/" + testCall + "/something/new", testCall, "other"},
		{"/communications/calls/" + testCall + "//participants", testCall, "other"},
	} {
		n := one(t, batchOf(created(row.path, `{}`)))
		if n.CallID != row.id || n.Sub != row.sub {
			t.Errorf("%s: %q %q", row.path, n.CallID, n.Sub)
		}
		if (n.Call == nil) != (row.sub != "") {
			t.Errorf("%s: call %v", row.path, n.Call)
		}
	}
}

// badIDs are call ids that must never leave in a URL.
var badIDs = []string{
	"", ".", "..", "...", "../../users/x/sendMail?", "..%2f..%2fusers", "a#", "a b", "a%20b", "%", "a\r\nHost: evil", "a\x00", "a\\b", "a;b", "a:b", "a@b", "a&b",
	"a=b", "a+b", "a,b", "a_b", "a~b", "a!b", "a'b", `a"b`, "(a)", "[a]", "{a}", "$a", "*", "a|b", "a^b", "a`b", "<a>", "é", "а", "ａ", "１", "a\u200b", "a\u202e",
	"\ufeff" + testCall, "28:a", testCall + " ", " " + testCall, testCall + "\n", "a?b", "a.b", "\u2010", "\U0001f600",
	strings.Repeat("a", 65), strings.Repeat("a", 10_000),
}

func TestP07OnlyPlainCallIDsAreValid(t *testing.T) {
	for _, id := range badIDs {
		if ValidCallID(id) {
			t.Errorf("%q is valid", id)
		}
		data, err := json.Marshal(map[string]string{"id": id})
		if err != nil {
			t.Fatal(err)
		}
		b := mustDecode(t, batchOf(`{"changeType":"created","resourceData":`+string(data)+`}`, created("/app/calls/"+testCall, "null")))
		if !reflect.DeepEqual(b.Dropped, []string{DroppedCallID}) && !reflect.DeepEqual(b.Dropped, []string{DroppedShape}) || len(b.Notifications) != 1 {
			t.Errorf("%q: %+v", id, b)
		}
	}
	for _, id := range []string{testCall, "a", "0", "-", "A-Z-09", strings.Repeat("a", 64)} {
		if !ValidCallID(id) {
			t.Errorf("%q is not valid", id)
		}
	}
	if CallKey("57DAB8B1894C409AB240BD8BEAE78896") != CallKey(testCall) {
		t.Error("two spellings of one id differ")
	}
}

func TestTheFirstMemberThatHoldsAPathIsUsed(t *testing.T) {
	path := func(id string) string { return `"/communications/calls/` + id + `"` }
	for _, row := range []struct{ members, id string }{
		{`"resourceUrl":` + path("a") + `,"resource":` + path("b"), "a"},
		{`"resource":` + path("b") + `,"resourceData":{"@odata.id":` + path("c") + `,"id":"d"}`, "b"},
		{`"resourceUrl":null,"resourceData":{"@odata.id":` + path("c") + `,"id":"d"}`, "c"},
		{`"resourceUrl":"","resourceData":{"id":"d"}`, "d"},
		{`"resourceUrl":7,"resourceData":{"@odata.type":"#microsoft.graph.call","id":"d"}`, "d"},
	} {
		if n := one(t, batchOf(`{"changeType":"updated",`+row.members+`}`)); n.CallID != row.id || n.Sub != "" {
			t.Errorf("%s: %+v", row.members, n)
		}
	}
}

func TestP10OnlyDataOfACallOpensOrChangesACard(t *testing.T) {
	at := func(change, path, data string) string {
		return strings.Replace(created("/communications/calls/"+testCall+path, data), `"created"`, `"`+change+`"`, 1)
	}
	for _, row := range []struct {
		name, element string
		want          Batch
	}{
		{"deleted without data", at("deleted", "", "null"), Batch{Notifications: []Notification{{Change: Deleted, CallID: testCall}}}},
		{"deleted with annotations only", at("deleted", "", `{"@odata.type":"#microsoft.graph.call","@odata.id":"x"}`), Batch{Notifications: []Notification{{Change: Deleted, CallID: testCall, Call: &Call{}}}}},
		{"deleted with data of another type", at("deleted", "", `{"@odata.type":"#microsoft.graph.new"}`), Batch{Notifications: []Notification{{Change: Deleted, CallID: testCall}}}},
		{"deleted operation", at("deleted", "/operations/1", `{"status":"completed"}`), Batch{Notifications: []Notification{{Change: Deleted, CallID: testCall, Sub: "operations"}}}},
		{"roster", at("updated", "/participants", `[{"id":"1"},{"id":"2"}]`), Batch{Notifications: []Notification{{Change: Updated, CallID: testCall, Sub: "participants"}}}},
		{"created with a roster", at("created", "", `[{"id":"1"}]`), Batch{Dropped: []string{DroppedData}}},
		{"updated with an operation", at("updated", "", `{"@odata.type":"microsoft.graph.playPromptOperation"}`), Batch{Dropped: []string{DroppedData}}},
		{"created with a scalar", at("created", "", `"call"`), Batch{Dropped: []string{DroppedData}}},
		{"created without data", at("created", "", `null`), Batch{Notifications: []Notification{{Change: Created, CallID: testCall}}}},
		{"compliance joining", at("created", "", `{"@odata.type":"#microsoft.graph.participantJoiningNotification","call":{}}`), Batch{Dropped: []string{DroppedCompliance}}},
		{"compliance left", `{"@odata.type":"#microsoft.graph.participantLeftNotification","participantId":"1","call":{}}`, Batch{Dropped: []string{DroppedCompliance}}},
		{"a change that is new", at("archived", "", `{}`), Batch{Dropped: []string{DroppedChange}}},
		{"no change", `{"resourceUrl":"/app/calls/a"}`, Batch{Dropped: []string{DroppedChange}}},
		{"null", `null`, Batch{Dropped: []string{DroppedShape}}},
		{"a number", `7`, Batch{Dropped: []string{DroppedShape}}},
		{"no calls in the path", `{"changeType":"created","resourceUrl":"/users/x/sendMail"}`, Batch{Dropped: []string{DroppedCallID}}},
	} {
		if diff := cmp.Diff(row.want, mustDecode(t, batchOf(row.element))); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
	}
}

func TestOneBadElementSpoilsOnlyItself(t *testing.T) {
	b := mustDecode(t, batchOf(created("/app/calls/a", "{}"), "null", created("/app/calls/..", "{}"), created("/app/calls/b", "{}")))
	want := Batch{
		Notifications: []Notification{{Created, "a", "", &Call{}}, {Created, "b", "", &Call{}}},
		Dropped:       []string{DroppedShape, DroppedCallID},
	}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Error(diff)
	}
}

func TestP11TheLegacyBodyAndTheEmptyOneAreRecognised(t *testing.T) {
	for body, want := range map[string]bool{
		"": true,
		`{"id":"1","callState":"incoming","participants":[{"originator":true}],"isMultiparty":false,"threadId":null,"links":{},"appId":"x"}`: true,
		`{"presentedModalityTypes":["audio"]}`:                                     true,
		`{"callState":"incoming","changeType":"created"}`:                          false,
		`{"callState":"incoming","value":[` + created("/app/calls/a", "{}") + `]}`: false,
		`{}`: false,
	} {
		if b := mustDecode(t, body); b.Legacy != want || want && len(b.Notifications)+len(b.Dropped) > 0 {
			t.Errorf("%s: %+v", body, b)
		}
	}
}

func TestP05BodiesThatAreRefused(t *testing.T) {
	item := created("/communications/calls/"+testCall, `{"state":"incoming"}`)
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, body := range map[string]string{
		"blank": " ", "a mark only": "\xef\xbb\xbf", "two marks": "\xef\xbb\xbf\xef\xbb\xbf{}", "text": "hello", "cut": batchOf(item)[:60], "trailing data": batchOf(item) + "{}",
		"trailing comma": `{"value":[` + item + `,]}`, "comment": `{/**/}`, "single quotes": `{'a':1}`, "NaN": `{"a":NaN}`, "form feed": "\f{}",
		"bad UTF-8": "{\"a\":\"\xff\"}", "surrogate in UTF-8": "{\"a\":\"\xed\xa0\x80\"}", "UTF-16": "\xff\xfe{\x00}\x00", "control in a string": "{\"a\":\"\x01\"}",
		"too deep": `{"a":` + deep(64) + `}`, "100,000 brackets": strings.Repeat("[", 100_000), "deep and never closed": strings.Repeat(`{"a":[`, 50_000),
		"value empty": `{"value":[]}`, "value null": `{"value":null}`, "value a scalar": `{"value":7}`, "value a string": `{"value":"x"}`,
		"101 elements":    batchOf(strings.Split(strings.Repeat("null;", 101), ";")[:101]...),
		"300,000 nulls":   `{"value":[` + strings.Repeat("null,", 300_000) + `null]}`,
		"value twice":     `{"value":[` + item + `],"value":[` + item + `]}`,
		"VALUE too":       `{"value":[` + item + `],"VALUE":[]}`,
		"escaped twice":   `{"value":[` + item + `],"v\u0061lue":[]}`,
		"changeType":      batchOf(strings.Replace(item, "{", `{"changetype":"deleted",`, 1)),
		"resourceUrl":     batchOf(strings.Replace(item, "{", `{"ResourceURL":"/app/calls/b",`, 1)),
		"resource":        batchOf(strings.Replace(item, "{", `{"resource":"a","Resource":"b",`, 1)),
		"resourceData":    batchOf(strings.Replace(item, "{", `{"resourceData":null,`, 1)),
		"type":            batchOf(strings.Replace(item, "{", `{"@OData.Type":"x",`, 1)),
		"state":           batchOf(strings.Replace(item, `"state"`, `"State":"terminated","state"`, 1)),
		"caller":          batchOf(strings.Replace(item, `"state"`, `"source":null,"source":{},"state"`, 1)),
		"caller's kind":   batchOf(strings.Replace(item, `"state"`, `"source":{"identity":{"user":{"id":"a"},"User":{"id":"b"}}},"state"`, 1)),
		"caller's id":     batchOf(strings.Replace(item, `"state"`, `"source":{"identity":{"user":{"id":"a","ID":"b"}}},"state"`, 1)),
		"unknown's id":    batchOf(strings.Replace(item, `"state"`, `"source":{"identity":{"new":{"id":"a","ID":"b"}}},"state"`, 1)),
		"target's":        batchOf(strings.Replace(item, `"state"`, `"targets":[{"identity":null,"Identity":null}],"state"`, 1)),
		"route":           batchOf(strings.Replace(item, `"state"`, `"callRoutes":[{"final":null,"Final":null}],"state"`, 1)),
		"result's code":   batchOf(strings.Replace(item, `"state"`, `"resultInfo":{"subcode":1,"subCode":2},"state"`, 1)),
		"on behalf of":    batchOf(strings.Replace(item, `"state"`, `"incomingContext":{"onBehalfOf":null,"onbehalfof":null},"state"`, 1)),
		"meeting's token": batchOf(strings.Replace(item, `"state"`, `"meetingInfo":{"token":"a","TOKEN":"b"},"state"`, 1)),
	} {
		b, err := Decode([]byte(body))
		if _, ok := err.(*BodyError); !ok { //nolint:errorlint // the exact type is the contract
			t.Errorf("%s: %v, %+v", name, err, b)
		}
	}
	// The planted bug: an ordinary decoder believes the last of two members and says nothing.
	var naive struct{ Value []struct{ ChangeType string } }
	body := batchOf(`{"changeType":"created","changetype":"deleted"}`)
	if err := json.Unmarshal([]byte(body), &naive); err != nil || naive.Value[0].ChangeType != "deleted" {
		t.Errorf("encoding/json: %+v, %v; expected it to fall for the duplicate", naive, err)
	}
}

func TestP05OddButValidBodiesAreHarmless(t *testing.T) {
	deep := strings.Repeat("[", 63) + strings.Repeat("]", 63)
	for _, body := range []string{
		`[null]`, `null`, `7`, `"x"`, `true`, `[]`, `{}`, `{"a":"\ud800"}`, `{"":1}`, `{"a":` + deep + `}`, `{"a":"\"}{"}`, ` { "a" : [ 1 , "]" ] } `, `[1,[2,{"a":[]}],-0.1e+7]`,
		`{"value":[{"changeType":7,"resourceUrl":{},"resourceData":"x","@odata.type":[]}]}`,
	} {
		if b := mustDecode(t, body); len(b.Notifications) > 0 || b.Legacy || len(b.Dropped) == 0 {
			t.Errorf("%s: %+v", body, b)
		}
	}
}

func TestP05AllocationStaysBelowTwentyTimesTheBody(t *testing.T) {
	for name, body := range map[string]string{
		"tiny items":   `{"value":[` + strings.Repeat("7,", 100_000) + `7]}`,
		"tiny members": `{` + strings.Repeat(`"a":7,`, 40_000) + `"a":7}`,
		"targets":      batchOf(created("/app/calls/a", `{"targets":[`+strings.Repeat(`{"identity":{"user":{"id":"x"}}},`, 7_000)+`null]}`)),
		"escapes":      batchOf(created("/app/calls/a", `{"subject":"`+strings.Repeat(`\u0041`, 40_000)+`"}`)),
		"one call":     incomingCall,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = Decode([]byte(body)) // refusals count too
		runtime.ReadMemStats(&after)
		if bytes := after.TotalAlloc - before.TotalAlloc; float64(bytes) > 20*float64(len(body)) {
			t.Errorf("%s: %d bytes allocated for %d", name, bytes, len(body))
		}
	}
}
