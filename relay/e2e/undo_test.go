package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The whole program, with real parts: a decision is taken back by typing z, the
// call rings on and is decided again; that decision is sent when its hold is over,
// and of the first one Graph never hears.
func TestUndoADecisionIsTakenBackInTheWholeProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	scenario := filepath.Join(dir, "one.toml")
	if err := os.WriteFile(scenario, []byte("[[call]]\nat = \"1s\"\nkind = \"phone\"\nname = \"Alice Meyer\"\nnumber = \"+442079460123\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	demo := startTyped(t, dir, nil, "demo", "--scenario", scenario, "--output", "plain", "--undo", "3s")
	demo.hears("call 1 rings")
	demo.types("f 1")
	demo.hears("call 1, you decided forbidden")
	demo.types("z")
	demo.hears("call 1, forbidden by you is taken back, nothing was sent, it rings on")
	demo.types("b 1")
	if line := demo.hears("call 1, you decided busy"); !strings.Contains(line, ", z 1 takes it back within ") {
		t.Errorf("told as %q", line)
	}
	demo.hears("call 1, Graph accepted busy")
	demo.types("z 1")
	demo.hears("call 1 ended, rejected as busy by you")
	demo.types("q")
	if code := demo.ends(); code != 0 {
		t.Errorf("the demo ends with %d", code)
	}
	if told := demo.stdout.String(); strings.Count(told, "is taken back") != 1 || strings.Contains(told, "accepted forbidden") {
		t.Errorf("told:\n%s", told)
	}
}
