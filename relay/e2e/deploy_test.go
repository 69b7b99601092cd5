//go:build !windows

package e2e

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"callscreen/relay/cert/pebble"
)

// block is a fenced block of the README, between its markers.
func block(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(raw), "<!-- begin "+name+" -->\n```")
	text, _, ended := strings.Cut(rest, "```\n<!-- end "+name+" -->")
	_, text, fenced := strings.Cut(text, "\n")
	if !ok || !ended || !fenced {
		t.Fatalf("the README has no block %q", name)
	}
	return text
}

// values are what a unit or a container file says under a key, line by line.
func values(text, key string) (list []string) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), key); ok {
			list = append(list, strings.TrimSpace(value))
		}
	}
	return list
}

func one(t *testing.T, text, key string) string {
	t.Helper()
	list := values(text, key)
	if len(list) != 1 {
		t.Fatalf("%d lines of %q, want one", len(list), key)
	}
	return list[0]
}

// The unit and the settings of the README, word by word except for places and
// ports, run a relay at a public name: it obtains a certificate, becomes ready,
// and ends in time when systemd would have it end.
func TestTheUnitAndTheSettingsOfTheReadmeRunARelay(t *testing.T) {
	dir, listen, health := t.TempDir(), freeAddress(t), freeAddress(t)
	_, port, _ := net.SplitHostPort(listen)
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	ca, ms := pebble.New(t, number), newMicrosoft(t, dir, listen)
	unit, settings := block(t, "unit"), block(t, "settings")
	here := strings.NewReplacer("/etc/callscreen", dir, "/var/lib/callscreen", filepath.Join(dir, "state"),
		`":443"`, `"`+listen+`"`, "127.0.0.1:9090", health)
	config, secret := filepath.Join(dir, "config.toml"), filepath.Join(dir, "client-secret")
	err = errors.Join(os.WriteFile(config, []byte(here.Replace(settings)), 0o600), os.WriteFile(secret, []byte(ms.ClientSecret()), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	// systemd gives little; the rest points the relay at this test's Microsoft and CA.
	environ := []string{"PATH=" + os.Getenv("PATH"), "CALLSCREEN_ACME_DIRECTORY_URL=" + ca.Directory}
	for name, value := range ms.Settings(ms.base) {
		if name == "ca-file" {
			pem, err := os.ReadFile(value)
			value = filepath.Join(dir, "ca.pem")
			if err = errors.Join(err, os.WriteFile(value, append(pem, ca.PEM()...), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		environ = append(environ, "CALLSCREEN_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+value)
	}
	program := func(arguments ...string) *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), binary, arguments...)
		cmd.Env = environ
		return cmd
	}
	started := strings.Fields(here.Replace(one(t, unit, "ExecStart=")))
	if started[0] != "/usr/local/bin/callscreen" || one(t, unit, "StateDirectory=") != "callscreen" {
		t.Errorf("it starts %q with the state in %q", started, one(t, unit, "StateDirectory="))
	}
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil { // as StateDirectory= does
		t.Fatal(err)
	}
	relay := startCommand(t, program(started[1:]...))
	awaitReady(t, relay, "http://"+health)
	if ca.Orders() != 1 {
		t.Errorf("%d certificates were ordered", ca.Orders())
	}
	if said, err := program("operator", "add", "ana", "--config", config).Output(); err != nil || !strings.HasPrefix(string(said), "cs_") {
		t.Errorf("operator add: %q, %v", said, err)
	}

	patience, err := time.ParseDuration(one(t, unit, "TimeoutStopSec=") + "s")
	if err != nil {
		t.Fatal(err)
	}
	if err := relay.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-relay.done:
	case <-time.After(patience):
		t.Errorf("it has not ended after %v", patience)
	}
	if code := relay.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("told to end, it exits %d", code)
	}
	// What it must not be started again with.
	err = program(append(started[1:], "--cloud", "moon")...).Run()
	if e, ok := errors.AsType[*exec.ExitError](err); !ok || strconv.Itoa(e.ExitCode()) != one(t, unit, "RestartPreventExitStatus=") {
		t.Errorf("with wrong settings it ends with %v", err)
	}
}

func TestSystemdUnderstandsTheUnitOfTheReadme(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd is not installed here")
	}
	verify := func(unit string) string {
		path := filepath.Join(t.TempDir(), "callscreen.service")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(unit, "/usr/local/bin/callscreen", binary)), 0o600); err != nil {
			t.Fatal(err)
		}
		said, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", path).CombinedOutput()
		if err != nil {
			said = append(said, err.Error()...)
		}
		return string(said)
	}
	if said := verify(block(t, "unit")); said != "" {
		t.Errorf("it says: %s", said)
	}
	if said := verify(strings.Replace(block(t, "unit"), "ProtectHome=yes", "ProtectHome=perhaps", 1)); said == "" {
		t.Error("the check could not notice a fault")
	}
}

// No container engine is needed to know most of what the container file needs:
// the image has the Go of go.mod, its build command is one, and the program runs
// with the image's environment. The compiling itself is done where everything is
// built for every platform (.ci/run), and only planned here.
func TestTheContainerFileOfTheReadmeBuildsAndItsProgramRuns(t *testing.T) {
	t.Parallel()
	text, dir := block(t, "container"), t.TempDir()
	gomod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(gomod)
	if from := values(text, "FROM "); len(from) != 2 || want == nil || from[0] != "golang:"+string(want[1])+" AS build" {
		t.Errorf("it is built in %q, and go.mod says %q", from, want)
	}
	for _, copied := range []string{"--from=build /callscreen /callscreen", "--from=build --chown=nonroot:nonroot /data /data"} {
		if !strings.Contains(text, "COPY "+copied) {
			t.Errorf("it does not copy %q", copied)
		}
	}
	places := strings.NewReplacer("/callscreen", filepath.Join(dir, "callscreen"), "/data", filepath.Join(dir, "data"))
	build := exec.CommandContext(t.Context(), "sh", "-c", places.Replace(one(t, text, "RUN ")))
	build.Dir, build.Env = "../..", append(os.Environ(), "GOFLAGS=-n")
	if said, err := build.CombinedOutput(); err != nil || !strings.Contains(string(said), filepath.Join(dir, "callscreen")) {
		t.Fatalf("%v: %.2000s", err, said)
	}
	if info, err := os.Stat(filepath.Join(dir, "data")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the volume: %v, %v", info, err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "relay")
	cmd.Env = strings.Fields(places.Replace(one(t, text, "ENV ")))
	var said bytes.Buffer
	cmd.Stderr = &said
	err = cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.ExitCode() != 2 {
		t.Errorf("without its settings it ends with %v", err)
	}
	for _, missing := range []string{"CALLSCREEN_CLIENT_ID", "CALLSCREEN_TENANT_ID", "CALLSCREEN_CLIENT_SECRET", "or acme-host"} {
		if !strings.Contains(said.String(), missing) {
			t.Errorf("%q is not in what it asks for: %s", missing, &said)
		}
	}
	if strings.Contains(said.String(), "data-dir:") || strings.Contains(said.String(), "there is no setting") {
		t.Errorf("the image's environment is not what it needs: %s", &said)
	}
}

func TestTheSettingsOfTheReadmeForSeveralRelaysPass(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(path, []byte(block(t, "shared")), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, said := run(t, dir, "config", "show", "--config", path)
	if code != 0 || len(regexp.MustCompile(`(?m)^nats-(creds-file|ca-file|monitor-url|url) .* file `).FindAllString(out, -1)) != 4 {
		t.Errorf("exit code %d: %s %s", code, said, out)
	}
}
