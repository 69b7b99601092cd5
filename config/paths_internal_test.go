package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestEachPlatformKeepsSettingsWhereItsUsersLook(t *testing.T) {
	t.Parallel()
	abs, err := filepath.Abs("x")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		goos    string
		environ []string
		want    string
	}{
		{"linux", []string{"HOME=/h"}, "/h/.local/share/callscreen"},
		{"linux", []string{"HOME=/h", "XDG_DATA_HOME=" + abs}, abs + "/callscreen"},
		{"linux", []string{"HOME=/h", "XDG_DATA_HOME=relative"}, "/h/.local/share/callscreen"},
		{"linux", nil, ""},
		{"freebsd", []string{"HOME=/h"}, "/h/.local/share/callscreen"},
		{"darwin", []string{"HOME=/h"}, "/h/Library/Application Support/callscreen"},
		{"windows", []string{"HOME=/h", `LocalAppData=C:/u`}, "C:/u/callscreen"},
		{"windows", []string{`LOCALAPPDATA=C:/u`}, "C:/u/callscreen"},
		{"windows", []string{"HOME=/h"}, ""},
	} {
		got := filepath.ToSlash(userDir(c.environ, c.goos, "XDG_DATA_HOME", "LocalAppData", ".local/share"))
		if got != filepath.ToSlash(c.want) {
			t.Errorf("%s %v: %q, want %q", c.goos, c.environ, got, c.want)
		}
	}
}

func TestTheTableAndItsNamesAgree(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	places := map[any]string{}
	var s Settings
	for _, row := range table {
		if seen[row.name] || row.help == "" {
			t.Errorf("%s is there twice or has no help", row.name)
		}
		seen[row.name] = true
		if other := places[row.at(&s)]; other != "" {
			t.Errorf("%s and %s share one place", row.name, other)
		}
		places[row.at(&s)] = row.name
		if row.preset != "" {
			if err := row.set(&s, row.preset); err != nil {
				t.Errorf("the default of %s %v", row.name, err)
			}
		}
		if row.file != "" {
			if _, ok := find(row.file); !ok || !row.secret {
				t.Errorf("%s: %s is no setting, or it is not secret", row.name, row.file)
			}
		}
	}
}

// Every exported field can be set, and what is secret has the type that hides it.
func TestEveryFieldOfTheSettingsIsInTheTable(t *testing.T) {
	t.Parallel()
	var s Settings
	places := map[any]setting{}
	for _, row := range table {
		places[row.at(&s)] = row
	}
	fields := reflect.ValueOf(&s).Elem()
	for i := range fields.NumField() {
		name := fields.Type().Field(i)
		if !name.IsExported() {
			continue
		}
		row, ok := places[fields.Field(i).Addr().Interface()]
		if !ok || strings.ReplaceAll(row.name, "-", "") != strings.ToLower(name.Name) {
			t.Errorf("field %s has no setting of its name: %q", name.Name, row.name)
		}
		if row.secret && !row.masked() {
			t.Errorf("%s is secret and a %s", row.name, name.Type)
		}
	}
}

func TestASlipOfTheFingersIsUnderstood(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"listne": "listen", "lisen": "listen", "listenn": "listen", "liten": "listen", "client-di": "client-id",
		"rng-timeout": "ring-timeout", "ring-tmeot": "ring-timeout", "web-hook-path": "webhook-path",
		"": "", "x": "", "key": "keys", "colour": "", "lsiten-x": "", "table.theme": "", "mute": "mute",
	} {
		if got := closest(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func TestDistanceCountsWhatFingersDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"ab", "ba", 1}, {"abc", "abd", 1}, {"abc", "bc", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
