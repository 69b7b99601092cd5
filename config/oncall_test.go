package config_test

import (
	"slices"
	"testing"

	"callscreen/config"
)

func TestACommandLineIsTakenApartWithoutAShell(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"":                           nil,
		"  ":                         nil,
		"/opt/decide":                {"/opt/decide"},
		"  decide  -v\ta ":           {"decide", "-v", "a"},
		`decide "a b" 'c "d"' e"f"g`: {"decide", "a b", `c "d"`, "efg"},
		`decide "" x`:                {"decide", "", "x"},
		`C:\bin\decide.exe $HOME *`:  {`C:\bin\decide.exe`, "$HOME", "*"},
		"decide; rm -rf / && `id`":   {"decide;", "rm", "-rf", "/", "&&", "`id`"},
	} {
		s := config.Settings{OnCall: line}
		if got := s.OnCallCommand(); !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}

func TestUnattendedAndOnCallAreJudged(t *testing.T) {
	t.Parallel()
	set := func(unattended, onCall string) func(*config.Settings) {
		return func(s *config.Settings) { s.Unattended, s.OnCall = unattended, onCall }
	}
	judgeAll(t, config.Settings.CheckRelay, map[string]row{
		"ring":          {set("ring", ""), ""},
		"busy":          {set("busy", ""), ""},
		"none":          {set("none", ""), ""},
		"forbidden":     {set("forbidden", "decide"), ""},
		"run":           {set("run", "decide -v"), ""},
		"another":       {set("hang-up", ""), "unattended: "},
		"run nothing":   {set("run", " "), "unattended: "},
		"an open quote": {set("ring", `decide "a`), "on-call: "},
		"two lines":     {set("ring", "decide\nrm"), "on-call: "},
		"no name":       {set("ring", `"" x`), "on-call: "},
	})
}

// Whoever is run learns no secret: what is not known to be harmless stays here.
func TestACommandGetsNoSecretOfTheEnvironment(t *testing.T) {
	t.Parallel()
	got := config.CommandEnviron([]string{
		"PATH=/bin", "Path=C:\\", "HOME=/h", "CALLSCREEN_CLIENT_SECRET=" + canary, "AZURE_CLIENT_SECRET=" + canary, "LANG=C", "NATS_PASSWORD=" + canary, "IDENTITY_HEADER=" + canary, "=C:=x",
	})
	if want := []string{"PATH=/bin", "Path=C:\\", "HOME=/h", "LANG=C"}; !slices.Equal(got, want) {
		t.Errorf("it gets %q", got)
	}
}
