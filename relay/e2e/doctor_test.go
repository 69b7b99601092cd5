package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"callscreen/graph/simulator"
)

// doctorOf runs the doctor and reads what it tells programs: the finding of each
// check that is the worst.
func doctorOf(t *testing.T, dir string, args ...string) (code int, findings map[string][2]string, raw string) {
	t.Helper()
	code, stdout, _ := run(t, dir, append([]string{"doctor", "--output", "json", "--timeout", "20s"}, args...)...)
	var report struct {
		Checks []struct{ Name, State, Detail string }
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	findings = map[string][2]string{}
	for _, c := range report.Checks {
		if findings[c.Name][0] == "" || c.State == "wrong" {
			findings[c.Name] = [2]string{c.State, c.Detail}
		}
	}
	return code, findings, stdout
}

// As a new user would: the simulated Microsoft, the relay, and the doctor with the
// settings of the relay; then one thing after another breaks.
func TestTheDoctorLooksAtARealRelay(t *testing.T) {
	dir, listen, tmp := t.TempDir(), freeAddress(t), t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ms := newMicrosoft(t, dir, listen)
	relay := ms.startRelay(t, dir, listen)
	args := append(ms.relayArgs(listen)[1:], "--client-secret-file", filepath.Join(dir, "client-secret"), "--relay", "http://"+listen)

	code, all, raw := doctorOf(t, dir, args...)
	for name, f := range all {
		want := "ok"
		if name == "public address" {
			want = "warning" // there is none here
		}
		if f[0] != want {
			t.Errorf("%s: %s: %s", name, f[0], f[1])
		}
	}
	if code != 0 || len(all) != 13 {
		t.Errorf("exit %d, %d checks:\n%s", code, len(all), raw)
	}
	if !strings.Contains(all["rehearsal"][1], "rejected in ") || !strings.Contains(all["journal"][1], "in use by process") {
		t.Errorf("rehearsal: %s\njournal: %s", all["rehearsal"][1], all["journal"][1])
	}
	if n := len(ms.Calls()) + len(ms.Rejections()); n != 0 {
		t.Errorf("the rehearsal left %d traces at the relay's own Microsoft", n)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	wrong := filepath.Join(dir, "wrong-secret")
	if err := os.WriteFile(wrong, []byte("canary-wrong-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, all, raw = doctorOf(t, dir, append(args, "--client-secret-file", wrong)...)
	if code != 1 || all["sign-in"][0] != "wrong" || !strings.Contains(all["sign-in"][1], "AADSTS7000215") || all["Graph"][0] != "not checked" {
		t.Errorf("a wrong secret: exit %d\n%s", code, raw)
	}
	for _, secret := range []string{"canary", simulator.DemoSecret, "cs_"} {
		if strings.Contains(raw, secret) {
			t.Errorf("a secret is printed: %s", secret)
		}
	}

	if err := ms.SetFaults(simulator.Faults{Rules: []simulator.FaultRule{{Fault: "no-roles"}, {Fault: "not-registered"}, {Fault: "clock=1m"}}}); err != nil {
		t.Fatal(err)
	}
	code, all, raw = doctorOf(t, dir, append(args, "--ring-timeout", "30s")...)
	if code != 1 || all["permissions"][0] != "warning" || all["clock"][0] != "warning" || !strings.Contains(all["Graph"][1], "403 7503") ||
		all["settings"][0] != "warning" || !strings.Contains(all["settings"][1], "ring-timeout: is 30s") {
		t.Errorf("a faulty Microsoft: exit %d\n%s", code, raw)
	}

	relay.kill()
	// Whatever this set-up does with a decision or without one, the rehearsal does without it.
	code, all, raw = doctorOf(t, dir, append(args, "--timeout", "10s", "--undo", "12s", "--unattended", "run", "--on-call", "false")...)
	if code != 1 || all["relay"][0] != "wrong" || all["console link"][0] != "not checked" || !strings.Contains(all["journal"][1], "in use by nobody") || all["rehearsal"][0] != "ok" {
		t.Errorf("without the relay: exit %d\n%s", code, raw)
	}
}
