package e2e

import (
	"io"
	"strings"
	"testing"
	"time"
)

// typist is a console of lines, and the hand that types into it.
type typist struct {
	*process
	keys io.WriteCloser
	next int // the first line that was not looked at yet
}

// startTyped runs the program with a pipe to its standard input.
func startTyped(t *testing.T, dir string, env []string, args ...string) *typist {
	t.Helper()
	cmd := command(dir, args...)
	cmd.Env = append(cmd.Env, env...)
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	return &typist{process: startCommand(t, cmd), keys: keys}
}

// types types a line.
func (p *typist) types(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.keys, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// hears waits for a line that has not been waited for yet.
func (p *typist) hears(words string) string {
	p.t.Helper()
	var found string
	found, p.next = p.stdout.await(p.t, words, p.next, func(l string) bool { return strings.Contains(l, words) })
	return found
}

// ends waits for the end of the program and returns its exit code.
func (p *typist) ends() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.t.Fatalf("the program does not end; it wrote:\n%s", p.stdout)
	}
	return p.cmd.ProcessState.ExitCode()
}
