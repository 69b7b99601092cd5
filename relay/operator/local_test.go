package operator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheLocalOperatorIsNamedAsAnOperatorCanBe(t *testing.T) {
	for user, want := range map[string]string{
		"ana":                   "ana",
		`CORP\ana`:              "ana",
		"corp/ana":              "ana",
		"Ana Maria":             "Ana_Maria",
		"山田":                    "山田",
		"a\x1b[31m\u202e":       "a__31m_",
		"":                      "local",
		strings.Repeat("ä", 40): strings.Repeat("ä", 32),
	} {
		got := localName(user)
		if got != want || !validName.MatchString(got) {
			t.Errorf("%q is called %q, want %q", user, got, want)
		}
	}
	if !validName.MatchString(LocalName()) {
		t.Errorf("this user is called %q", LocalName())
	}
}

func TestATokenIsTheGivenOneElseTheLocalOneOnceThereIsOne(t *testing.T) {
	dir := t.TempDir()
	if token, err := Source("cs_given", dir)(); err != nil || token != "cs_given" {
		t.Errorf("got %q, %v", token, err)
	}
	local := Source("", dir)
	if _, err := local(); err == nil || !strings.Contains(err.Error(), "callscreen operator add") {
		t.Errorf("without any: %v", err)
	}
	if err := open(t, dir).Local("me"); err != nil {
		t.Fatal(err)
	}
	if token, err := local(); err != nil || !strings.HasPrefix(token, prefix) {
		t.Errorf("after a relay has run: %q, %v", token, err)
	}
	if err := os.WriteFile(filepath.Join(dir, localFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := local(); err == nil || !strings.Contains(err.Error(), "holds no token") {
		t.Errorf("a damaged one: %v", err)
	}
}
