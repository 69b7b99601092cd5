//go:build !windows

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	aCommand = regexp.MustCompile(`(?m)^  ([a-z]+) +\S`)
	aFlag    = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z0-9-]+)(?: (\w+))?  `)
	aSecret  = regexp.MustCompile(`secret|token|password|key|credential`)
)

// helps is the help of every command, by the command.
func helps(t *testing.T, found map[string]string, command ...string) {
	t.Helper()
	code, text, stderr := run(t, t.TempDir(), append(slices.Clone(command), "--help")...)
	if code != 0 {
		t.Fatalf("%q --help: %d %s", command, code, stderr)
	}
	found[strings.Join(command, " ")] = text
	_, below, ok := strings.Cut(text, "Available Commands:")
	if !ok {
		return
	}
	below, _, _ = strings.Cut(below, "\n\n")
	for _, m := range aCommand.FindAllStringSubmatch(below, -1) {
		helps(t, found, append(slices.Clone(command), m[1])...)
	}
}

// proves K-01: no flag of any command takes a secret, only files that hold one.
func TestK01NoFlagTakesASecret(t *testing.T) {
	t.Parallel()
	found, flags := map[string]string{}, map[string]bool{}
	helps(t, found)
	harmless := []string{"tls-key", "nats-tls-key", "keys"} // files; the keys of the screen
	for command, text := range found {
		for _, m := range aFlag.FindAllStringSubmatch(text, -1) {
			flags[m[1]] = true
			if aSecret.MatchString(m[1]) && !strings.HasSuffix(m[1], "-file") && !slices.Contains(harmless, m[1]) {
				t.Errorf("callscreen %s takes --%s", command, m[1])
			}
		}
	}
	for _, there := range []string{"client-secret-file", "token-file", "listen", "seed", "reason", "output", "config"} {
		if !flags[there] {
			t.Errorf("the check does not see --%s: %v", there, flags)
		}
	}
	if len(found) < 15 {
		t.Errorf("only %d commands were asked: %v", len(found), found)
	}
}

// proves K-01 for a running relay: what other users can read of a process, and
// what is left of it when it crashes, tells no secret.
func TestK01NeitherTheArgumentsNorACrashTellASecret(t *testing.T) {
	t.Parallel()
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen)
	cmd := command(dir, append(ms.relayArgs(listen), "--log-level", "debug")...)
	cmd.Env = append(cmd.Env, "CALLSCREEN_CLIENT_SECRET="+ms.ClientSecret(), "GOTRACEBACK=all")
	relay := startCommand(t, cmd)
	awaitReady(t, relay, "http://"+listen)
	token, err := os.ReadFile(filepath.Join(dir, "data", "local-token"))
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{ms.ClientSecret(), strings.TrimSpace(string(token))}
	if runtime.GOOS == "linux" {
		arguments := proc(t, relay, "cmdline")
		for _, secret := range secrets {
			if strings.Contains(arguments, secret) {
				t.Errorf("the arguments tell a secret: %q", arguments)
			}
		}
		// The twin: the environment, which only this user can read, has it.
		if !strings.Contains(proc(t, relay, "environ"), ms.ClientSecret()) {
			t.Error("the check could not notice a secret")
		}
	}
	if err := relay.cmd.Process.Signal(syscall.SIGQUIT); err != nil { // as a fatal error would, all goroutines are written out
		t.Fatal(err)
	}
	select {
	case <-relay.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the relay did not crash")
	}
	crash := relay.stderr.String()
	if !strings.Contains(crash, "goroutine ") || !strings.Contains(crash, "callscreen/relay") {
		t.Errorf("no crash: %s", crash)
	}
	for _, secret := range secrets {
		if strings.Contains(crash, secret) {
			t.Error("the crash tells a secret")
		}
	}
}

func proc(t *testing.T, p *process, name string) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
