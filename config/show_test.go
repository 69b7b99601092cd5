package config_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"callscreen/config"
)

func show(t *testing.T, s config.Settings, format string) string {
	t.Helper()
	var out bytes.Buffer
	if err := s.Show(&out, format); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// proves K-01 for "config show": every format, every place a secret can be.
func TestK01WhatIsShownTellsWhereAValueComesFromAndNoSecret(t *testing.T) {
	t.Parallel()
	path := file(t, "c.toml", "theme = \"dark\"\nallowed-tenants = [\"a\", \"b\"]\n")
	secret := file(t, "secret", canary)
	s := load(t, flags(t, "--config", path, "--mute", "--token-file", secret),
		home(t, "CALLSCREEN_CLIENT_SECRET="+canary, "CALLSCREEN_NATS_URL=nats://relay:"+canary+"@host", "CALLSCREEN_LOG_LEVEL=warn"))
	for format, wants := range map[string][]string{
		"table": {
			"theme                             dark ", " file " + path, "allowed-tenants                   a,b", "client-secret                     [secret]",
			"token                             [secret]", " file " + secret, "nats-url                          [secret]", "ca-file                           -", "ring-timeout                      15s ",
		},
		"json": {
			`{"name":"theme","value":"dark","origin":"file ` + path + `"}`, `{"name":"allowed-tenants","value":["a","b"],`,
			`{"name":"client-secret","value":"[secret]","origin":"environment CALLSCREEN_CLIENT_SECRET"}`,
			`{"name":"mute","value":true,"origin":"flag --mute"}`, `{"name":"webhook-issuers","value":[],"origin":"default"}`,
		},
		"toml": {"\ntheme = \"dark\"  # file ", "\n# client-secret = \"[secret]\"  # environment ", "\nlog-level = \"warn\"  # environment CALLSCREEN_LOG_LEVEL\n"},
	} {
		got := show(t, s, format)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in\n%s", format, want, got)
			}
		}
		if strings.Contains(got, canary) {
			t.Errorf("%s shows a secret:\n%s", format, got)
		}
	}
	if err := s.Show(&bytes.Buffer{}, "xml"); err == nil || err.Error() != `"xml" is not one of table, json, toml` {
		t.Errorf("xml: %v", err)
	}
	// The twin: what is no secret is shown as it is.
	s.LogFile = canary
	if !strings.Contains(show(t, s, "table"), canary) {
		t.Error("the check could not notice a secret")
	}
}

func TestShownJSONIsOneObjectALine(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for line := range strings.Lines(show(t, ready(t), "json")) {
		var got struct{ Name, Origin string }
		if err := json.Unmarshal([]byte(line), &got); err != nil || got.Origin == "" {
			t.Errorf("%q: %v", line, err)
		}
		names[got.Name] = true
	}
	for _, name := range append(flagNames, "client-secret", "token") {
		if !names[name] {
			t.Errorf("%s is not shown", name)
		}
	}
}

func TestWhatIsShownAsASettingsFileGivesTheSameSettings(t *testing.T) {
	t.Parallel()
	odd := file(t, `odd "name" \ # x`, "secret")
	want := load(t, flags(t, "--client-secret-file", odd, "--ring-timeout", "9s", "--mute", "--keys", "busy=x,up=w up", "--public-url", "https://p"),
		home(t, "CALLSCREEN_WEBHOOK_ISSUERS=https://i, https://j", "CALLSCREEN_LOG_LEVEL=error"))
	got := load(t, flags(t, "--config", file(t, "c.toml", show(t, want, "toml"))), home(t))
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(config.Settings{})); diff != "" {
		t.Error(diff)
	}
	if path, found := got.File(); !found || !strings.HasSuffix(path, "c.toml") {
		t.Errorf("read from %q, %v", path, found)
	}
	if path, found := want.File(); found || !strings.HasSuffix(path, "config.toml") {
		t.Errorf("read from %q, %v", path, found)
	}
}

func TestAFaultySettingIsShownAsFaulty(t *testing.T) {
	t.Parallel()
	s, err := config.Load(nil, home(t, "CALLSCREEN_RING_TIMEOUT=15", "CALLSCREEN_THEME=dark"))
	wantAll(t, err, "ring-timeout (environment CALLSCREEN_RING_TIMEOUT) is not a duration")
	for format, wants := range map[string][]string{
		"table": {"ring-timeout                      (faulty) ", "theme                             dark "},
		"json":  {`{"name":"ring-timeout","value":null,`, `{"name":"theme","value":"dark",`},
		"toml":  {"\n# ring-timeout = ", "\ntheme = \"dark\""},
	} {
		for _, want := range wants {
			if got := show(t, s, format); !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in\n%s", format, want, got)
			}
		}
	}
}

func TestCheckJudgesEveryRuleAndMissesNothing(t *testing.T) {
	t.Parallel()
	if err := load(t, nil, home(t)).Check(); err != nil {
		t.Errorf("nothing set: %v", err)
	}
	wantAll(t, load(t, nil, home(t, "CALLSCREEN_THEME=pink", "CALLSCREEN_CLOUD=moon", "CALLSCREEN_LOG_FORMAT=xml")).Check(), "theme: ", "cloud: ", "log-format: ")
}
