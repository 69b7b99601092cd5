package tui

import (
	"slices"
	"testing"

	"callscreen/relay/call"
)

func TestTheDetailsHaveTheRequestThatMicrosoftsSupportAsksFor(t *testing.T) {
	want := field{label: "Request id", fact: "0388b0d5-a877-4f90-ab58-e0ef0fd6c0a7"}
	answered := &call.Call{ID: "A", Reply: &call.Reply{Status: 403, Request: want.fact}}
	if got := fields(answered); !slices.Contains(got, want) {
		t.Errorf("%+v", got)
	}
	for _, silent := range []*call.Reply{nil, {Status: 502}} {
		for _, f := range fields(&call.Call{ID: "A", Reply: silent}) {
			if f.label == want.label {
				t.Errorf("%+v: %+v", silent, f)
			}
		}
	}
}
