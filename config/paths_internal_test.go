package config

import (
	"path/filepath"
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
