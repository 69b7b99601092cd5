package tui

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

// The README shows a screen and the keys. Both are made from what is tested:
// go test ./tui -run Readme -update writes them again.
func TestTheReadmeShowsTheScreenAndTheKeysAsTheyAre(t *testing.T) {
	const path = "../README.md"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	screen, err := os.ReadFile("testdata/TestScreens/five-80x24.golden")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	text = between(t, text, "screen", "```text\n"+strings.TrimRight(string(screen), "\n")+"\n```\n")
	text = between(t, text, "keys", keyTable())
	if text == string(raw) {
		return
	}
	if f := flag.Lookup("update"); f == nil || f.Value.String() != "true" {
		t.Fatal("README.md does not show the screen and the keys as they are: go test ./tui -run Readme -update")
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// between puts a text between two marks.
func between(t *testing.T, text, name, content string) string {
	t.Helper()
	head, rest, ok := strings.Cut(text, "<!-- begin "+name+" -->\n")
	_, tail, found := strings.Cut(rest, "<!-- end "+name+" -->\n")
	if !ok || !found {
		t.Fatalf("README.md has no marks for %s", name)
	}
	return head + "<!-- begin " + name + " -->\n" + content + "<!-- end " + name + " -->\n" + tail
}

// keyTable is the key map as the README shows it.
func keyTable() string {
	k := newKeyMap("↑↓")
	var b strings.Builder
	b.WriteString("| | |\n|---|---|\n")
	for _, g := range k.groups() {
		var keys []string
		for _, binding := range g.keys {
			if h := binding.Help(); binding.Enabled() {
				keys = append(keys, fmt.Sprintf("`%s` %s", h.Key, h.Desc))
			}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", g.title, strings.Join(keys, " · "))
	}
	return b.String()
}
