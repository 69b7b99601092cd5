package graph

import (
	"reflect"
	"strings"
	"testing"
)

func TestCloudsAreNamedAndChinaIsRefusedWithTheReason(t *testing.T) {
	for _, row := range []struct {
		name, authority, root string
		beta                  bool
	}{
		{"global", "https://login.microsoftonline.com", "https://graph.microsoft.com", true},
		{"GLOBAL", "https://login.microsoftonline.com", "https://graph.microsoft.com", true},
		{"us-gov-l4", "https://login.microsoftonline.us", "https://graph.microsoft.us", false},
		{"us-gov-l5", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us", false},
	} {
		c, err := CloudNamed(row.name)
		if err != nil || c.Authority != row.authority || c.Root != row.root || c.Metadata != defaultMetadata || len(c.Issuers) != 2 {
			t.Errorf("%s: %+v, %v", row.name, c, err)
		}
		if c.Supports("v1.0") != nil || (c.Supports("beta") == nil) != row.beta || c.Supports("v2") == nil {
			t.Errorf("%s: versions", row.name)
		}
	}
	if _, err := CloudNamed("china"); err == nil || !strings.Contains(err.Error(), "no calling API") {
		t.Errorf("china: %v", err)
	}
	if _, err := CloudNamed(""); err == nil || !strings.Contains(err.Error(), "us-gov-l4") {
		t.Errorf("blank: %v", err)
	}
}

func TestACloudsEndpointsAreReplacedOneByOne(t *testing.T) {
	c, err := CloudNamed("global")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.With(Cloud{}); !reflect.DeepEqual(got, c) {
		t.Errorf("nothing replaced: %+v", got)
	}
	got := c.With(Cloud{Root: "https://graph.example/", Issuers: []string{"https://issuer.example"}})
	want := c
	want.Root, want.Issuers = "https://graph.example", []string{"https://issuer.example"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
