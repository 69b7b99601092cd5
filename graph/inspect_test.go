package graph

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestATokensFactsAreReadForPeopleAndNothingOfItIsRepeated(t *testing.T) {
	token := microsoft().sign(`{"alg":"RS256"}`, `{"tid":"`+testTenant+`","appid":"`+testApp+`","exp":1900003600,"aud":"https://graph.microsoft.com",`+
		`"roles":["Calls.Initiate.All","Calls.JoinGroupCall.All",7,"\u001b[2J"]}`)
	facts, err := InspectToken(token)
	if err != nil || facts.Tenant != testTenant || facts.App != testApp || !facts.Expires.Equal(issuedAt.Add(time.Hour)) ||
		!slices.Equal(facts.Roles, []string{"Calls.Initiate.All", "Calls.JoinGroupCall.All"}) {
		t.Errorf("%+v, %v", facts, err)
	}
	facts, err = InspectToken(microsoft().sign(`{}`, `{"azp":"`+testApp+`"}`))
	if err != nil || facts.App != testApp || facts.Roles != nil || !facts.Expires.IsZero() {
		t.Errorf("of version 2: %+v, %v", facts, err)
	}
	for _, opaque := range []string{"", "CANARY", "CANARY.CANARY.CANARY", "a.!CANARY.c", "a." + b64([]byte("[]")) + ".c", "a." + b64([]byte(`{"tid":"a","TID":"b"}`)) + ".c", "a.b.c.d.e"} {
		if facts, err := InspectToken(opaque); err == nil || strings.Contains(err.Error(), "CANARY") || facts.Tenant != "" {
			t.Errorf("%q: %+v, %v", opaque, facts, err)
		}
	}
}
