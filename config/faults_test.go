package config_test

import (
	"errors"
	"strings"
	"testing"
)

func TestFaultsAreToldOneByOneWithWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	s := load(t, flags(t, "--tenant-id", "contoso", "--cloud", "china"), home(t, "CALLSCREEN_RING_TIMEOUT=1s"))
	got := s.Faults(errors.Join(s.CheckRelay(), s.CheckRelay(), s.CheckConsole()))
	wants := [][]string{
		{"client-id is missing: ", "-> set --client-id or CALLSCREEN_CLIENT_ID"},
		{"client-secret is missing: ", "-> set CALLSCREEN_CLIENT_SECRET or --client-secret-file, or instead of it one of client-certificate-file"},
		{"tenant-id: \"contoso\" is not a GUID", "(flag --tenant-id)"},
		{"cloud: Graph has no calling API in the China cloud", "(flag --cloud)"},
		{"ring-timeout: 1s is not between", "(environment CALLSCREEN_RING_TIMEOUT)"},
	}
	if len(got) != len(wants) {
		t.Fatalf("%d faults, want %d: %q", len(got), len(wants), got)
	}
	for i, want := range wants {
		if said := got[i].Words + " -> " + got[i].Mend; !strings.HasPrefix(said, want[0]) || !strings.Contains(said, want[1]) {
			t.Errorf("fault %d: %q, want %q", i+1, said, want)
		}
	}
	if s.Faults(nil) != nil {
		t.Error("no error has faults")
	}
}
