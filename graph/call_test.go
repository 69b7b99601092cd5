package graph

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// incomingCall is a forwarded call as the wire shows it, with every secret that has been seen inside one.
const incomingCall = `{
	"@odata.type": "#microsoft.graph.commsNotifications",
	"value": [{
		"@odata.type": "#microsoft.graph.commsNotification",
		"changeType": "created",
		"resource": "/app/calls/57dab8b1-894c-409a-b240-bd8beae78896",
		"resourceUrl": "/communications/calls/57dab8b1-894c-409a-b240-bd8beae78896",
		"resourceData": {
			"@odata.type": "#microsoft.graph.call", "@odata.id": "/communications/calls/57dab8b1-894c-409a-b240-bd8beae78896",
			"state": "incoming", "direction": "incoming", "subject": "About \"it\" \u00e9", "tenantId": "2b1c3d4e-5f60-4718-9a2b-3c4d5e6f7081",
			"callChainId": "d8217646-3110-40b1-bae6-e9ac6c3a9f74", "callbackUri": "https://CANARY.example/",
			"replacesContext": "CANARY", "replacementLink": "CANARY", "recordingAccessToken": "CANARY",
			"source": {"@odata.type": "#microsoft.graph.participantInfo", "participantId": "p-1", "endpointType": "default", "region": "westus",
				"countryCode": null, "languageId": "en-US", "platformId": "0", "replacementLink": "CANARY",
				"identity": {"@odata.type": "#microsoft.graph.identitySet", "endpointType": "default", "application": null,
					"user": {"id": "8d1e6ab6-26c5-4e22-a1bc-06ea7343958e", "displayName": "Alice Meyer", "tenantId": "2b1c3d4e-5f60-4718-9a2b-3c4d5e6f7081", "identityProvider": "AAD"}}},
			"targets": [{"@odata.type": "#microsoft.graph.invitationParticipantInfo", "identity": {"application": {"id": "0f5e2c9a", "displayName": "Reception bot"}}, "replacesCallId": "CANARY"}],
			"callRoutes": [{"routingType": "Forwarded", "original": {"user": {"id": "c", "displayName": "Carl Roth"}}, "final": {"application": {"id": "0f5e2c9a"}}}],
			"requestedModalities": ["Audio", "video", "hologram"],
			"incomingContext": {"sourceParticipantId": "p-1", "observedParticipantId": null, "onBehalfOf": {"phone": {"id": "+4930"}}, "transferor": null},
			"resultInfo": {"@odata.type": "#microsoft.graph.resultInfo", "code": "200", "subCode": 5002, "message": "CANARY DiagCode: 0"},
			"meetingInfo": {"@odata.type": "#microsoft.graph.joinMeetingIdMeetingInfo", "joinMeetingId": "1", "passcode": "CANARY", "token": "CANARY"},
			"chatInfo": {"threadId": "19:CANARY"}
		}
	}]
}`

func TestACallIsReadWithAllThatAScreenerNeeds(t *testing.T) {
	want := &Call{
		State: "incoming", Direction: "incoming", Subject: `About "it" é`, TenantID: testTenant, ChainID: "d8217646-3110-40b1-bae6-e9ac6c3a9f74",
		Source: &Participant{
			Identity: Identity{IdentityUser, "8d1e6ab6-26c5-4e22-a1bc-06ea7343958e", "Alice Meyer", testTenant},
			ID:       "p-1", Region: "westus", LanguageID: "en-US", EndpointType: "default",
		},
		Targets: []Identity{{Kind: IdentityApplication, ID: "0f5e2c9a", DisplayName: "Reception bot"}},
		Routes: []Route{{
			"forwarded", &Identity{Kind: IdentityUser, ID: "c", DisplayName: "Carl Roth"},
			&Identity{Kind: IdentityApplication, ID: "0f5e2c9a"},
		}},
		Modalities: []string{"audio", "video", "hologram"},
		OnBehalfOf: &Identity{Kind: IdentityPhone, ID: "+4930"},
		Group:      true,
		Result:     &Result{200, 5002, true, true},
	}
	if diff := cmp.Diff(want, one(t, incomingCall).Call); diff != "" {
		t.Error(diff)
	}
}

func TestP12SecretsInsideANotificationAreNotKept(t *testing.T) {
	b := mustDecode(t, incomingCall)
	kept := fmt.Sprintf("%+v %+v %+v", b, b.Notifications[0].Call, b.Notifications[0].Call.Source)
	if strings.Contains(kept, "CANARY") {
		t.Errorf("kept: %s", kept)
	}
	if !strings.Contains(kept, "Alice Meyer") {
		t.Error("the print shows no text at all, so this test proves nothing")
	}
}

func TestAnIdentityIsPickedByPreference(t *testing.T) {
	for _, row := range []struct {
		set  string
		want *Identity
	}{
		{`null`, nil},
		{`{}`, nil},
		{`"x"`, nil},
		{`{"endpointType":"default","user":null,"region":"x"}`, nil},
		{`{"user":{"id":"u","displayName":"U","tenantId":"t"}}`, &Identity{"user", "u", "U", "t"}},
		{`{"guest":{"id":"g","email":"g@x"},"user":{"id":"u"}}`, &Identity{Kind: "user", ID: "u"}},
		{`{"phone":{"id":"+49"},"encrypted":{"id":"e"}}`, &Identity{Kind: "phone", ID: "+49"}},
		{`{"encrypted":{"id":"e"},"azureCommunicationServicesUser":{"id":"8:acs","azureCommunicationServicesResourceId":"r"}}`, &Identity{Kind: "azureCommunicationServicesUser", ID: "8:acs"}},
		{`{"application":{"id":"a"},"encrypted":{"id":"e"}}`, &Identity{Kind: "encrypted", ID: "e"}},
		{`{"application":{"id":"a"},"applicationInstance":{"id":"i","tenantId":"t"}}`, &Identity{"applicationInstance", "i", "", "t"}},
		{`{"application":{"id":"a","applicationType":"bot","hidden":false}}`, &Identity{Kind: "application", ID: "a"}},
		{`{"onPremises":{"id":"sip:x"}}`, &Identity{Kind: "onPremises", ID: "sip:x"}},
		{`{"assertedIdentity":{"displayName":"X"}}`, &Identity{Kind: "assertedIdentity", DisplayName: "X"}},
		{`{"device":{"id":"d"}}`, &Identity{Kind: "device", ID: "d"}},
		{`{"conversation":{"id":"c"}}`, &Identity{Kind: "conversation", ID: "c"}},
		{`{"USER":{"ID":"u","DisplayName":"U"}}`, &Identity{Kind: "user", ID: "u", DisplayName: "U"}},
		{`{"user":{},"phone":{"id":"+49"}}`, &Identity{Kind: "phone", ID: "+49"}},
		{`{"guest":{}}`, &Identity{Kind: "guest"}},
		{`{"guest":{"id":null,"displayName":null},"robot":{"id":"r","displayName":"R"}}`, &Identity{Kind: "unknown", ID: "r", DisplayName: "R"}},
		{`{"robot":{"displayName":"no id"},"cyborg":{"id":"c"}}`, &Identity{Kind: "unknown", ID: "c"}},
		{`{"robot":{"displayName":"no id"}}`, nil},
		{`{"user":{"id":7,"displayName":["x"]}}`, &Identity{Kind: "user"}},
		{`{"user":{"id":"8:orgid:u"}}`, &Identity{Kind: "user", ID: "u"}},
		{`{"user":{"id":"8:gcch:u"}}`, &Identity{Kind: "user", ID: "u"}},
		{`{"user":{"id":"8:dod:u"}}`, &Identity{Kind: "user", ID: "u"}},
		{`{"guest":{"id":"8:teamsvisitor:g"}}`, &Identity{Kind: "guest", ID: "g"}},
		{`{"phone":{"id":"4:+4930"}}`, &Identity{Kind: "phone", ID: "+4930"}},
		{`{"application":{"id":"28:a"}}`, &Identity{Kind: "application", ID: "a"}},
		{`{"applicationInstance":{"id":"28:a"}}`, &Identity{Kind: "applicationInstance", ID: "a"}},
		{`{"encrypted":{"id":"29:e"}}`, &Identity{Kind: "encrypted", ID: "e"}},
		{`{"user":{"id":"29:e"}}`, &Identity{Kind: "user", ID: "29:e"}}, // the name knows better, and what is odd stays as it is
		{`{"phone":{"id":"4:"}}`, &Identity{Kind: "phone", ID: "4:"}},
		{`{"teamsUser":{"id":"8:orgid:u"}}`, &Identity{Kind: "user", ID: "u"}},
		{`{"pstn":{"id":"4:+4930"}}`, &Identity{Kind: "phone", ID: "+4930"}},
		{`{"robot":{"id":"7:r"}}`, &Identity{Kind: "unknown", ID: "7:r"}},
		{`{"application":{"id":"a","displayName":"28:a"}}`, &Identity{Kind: "application", ID: "a", DisplayName: "28:a"}},
	} {
		v, err := parseJSON([]byte(row.set))
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeIdentity(v)
		if diff := cmp.Diff(row.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", row.set, err, diff)
		}
	}
}

func TestGroupAndRecordingInvitesAreTold(t *testing.T) {
	const observed = `"incomingContext":{"observedParticipantId":"p"}`
	for data, want := range map[string][2]bool{
		`{}`:                                   {false, false},
		`{"chatInfo":null,"meetingInfo":null}`: {false, false},
		`{"chatInfo":{"threadId":"19:x"}}`:     {true, false},
		`{"meetingInfo":{"organizer":{}}}`:     {true, false},
		`{"chatInfo":{},"meetingInfo":{}}`:     {true, false},
		`{"meetingInfo":{"@odata.type":"#microsoft.graph.tokenMeetingInfo","token":"t"},` + observed + `}`: {true, true},
		`{"meetingInfo":{"token":"t"},` + observed + `,"chatInfo":null,"requestedModalities":[]}`:          {true, true},
		`{"meetingInfo":{"@odata.type":"microsoft.graph.TokenMeetingInfo"},` + observed + `}`:              {true, true},
		`{"meetingInfo":{"token":"t"}}`: {true, false},
		`{"meetingInfo":{"token":"t"},"incomingContext":{"observedParticipantId":""}}`:                         {true, false},
		`{"meetingInfo":{"token":"t"},` + observed + `,"chatInfo":{}}`:                                         {true, false},
		`{"meetingInfo":{"token":"t"},` + observed + `,"requestedModalities":["audio"]}`:                       {true, false},
		`{"meetingInfo":{"@odata.type":"#microsoft.graph.organizerMeetingInfo","token":"t"},` + observed + `}`: {true, false},
	} {
		c := one(t, batchOf(created("/app/calls/a", data))).Call
		if got := [2]bool{c.Group, c.Recording}; got != want {
			t.Errorf("%s: group and recording %v, want %v", data, got, want)
		}
	}
}

func TestResultCodesMayBeNumbersOrNumericStrings(t *testing.T) {
	for info, want := range map[string]*Result{
		`null`: nil, `7`: nil, `{}`: {}, `{"code":0}`: {HasCode: true}, `{"code":"0","subcode":"7015"}`: {0, 7015, true, true},
		`{"Code":408,"subCode":10057}`: {408, 10057, true, true}, `{"code":"busy","subcode":1.5}`: {}, `{"code":99999999999}`: {},
		`{"code":"","subcode":-1}`: {Subcode: -1, HasSubcode: true},
	} {
		if diff := cmp.Diff(want, one(t, batchOf(created("/app/calls/a", `{"resultInfo":`+info+`}`))).Call.Result); diff != "" {
			t.Errorf("%s: %s", info, diff)
		}
	}
}

func TestMembersOfTheWrongTypeAreAsGoodAsMissing(t *testing.T) {
	data := `{"state":7,"direction":null,"subject":["x"],"tenantId":{},"callChainId":false,"source":"x","targets":{"identity":{}},"callRoutes":7,` +
		`"requestedModalities":[7,null,""],"incomingContext":[],"resultInfo":"x"}`
	if diff := cmp.Diff(&Call{}, one(t, batchOf(created("/app/calls/a", data))).Call); diff != "" {
		t.Error(diff)
	}
	data = `{"targets":[null,7,{},{"identity":null},{"identity":{"user":{"id":"u"}}}],"callRoutes":[null,{}],"source":{}}`
	want := &Call{Targets: []Identity{{Kind: "user", ID: "u"}}, Routes: []Route{{}}, Source: &Participant{}}
	if diff := cmp.Diff(want, one(t, batchOf(created("/app/calls/a", data))).Call); diff != "" {
		t.Error(diff)
	}
}
