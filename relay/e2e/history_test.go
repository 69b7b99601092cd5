package e2e

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"callscreen/graph/simulator"
	"callscreen/relay/history"
)

// awaitHistory asks until there are so many rows, or what is asked for is not met.
func awaitHistory(t *testing.T, what string, ask func() (string, bool)) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		out, ok := ask()
		if ok {
			return out
		}
		if time.Now().After(end) {
			t.Fatalf("never: %s; the last answer was\n%s", what, out)
		}
		time.Sleep(20 * time.Millisecond) // another process: there is nothing to be told by
	}
}

func TestHistoryIsReadFromTheProgramInEveryFormat(t *testing.T) {
	t.Parallel()
	dir, listen := t.TempDir(), freeAddress(t)
	ms := newMicrosoft(t, dir, listen)
	relay := ms.startRelay(t, dir, listen)
	at := "http://" + listen
	name := `=cmd|' /C calc'!A0`
	first, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "phone", Number: "+442079460123", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	second, err := ms.Place(t.Context(), simulator.CallSpec{Kind: "user", Name: "Alice Meyer", Fault: "no-consent"})
	if err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := run(t, dir, "reject", first, "--reason", "busy", "--relay", at); code != 0 {
		t.Fatalf("reject exits %d: %s", code, stderr)
	}
	if code, _, stderr := run(t, dir, "reject", second, "--reason", "none", "--relay", at); code != 13 {
		t.Fatalf("reject exits %d: %s", code, stderr)
	}
	ask := func(more ...string) string {
		t.Helper()
		code, stdout, stderr := run(t, dir, append([]string{"history", "--relay", at}, more...)...)
		if code != 0 {
			t.Fatalf("history exits %d: %s", code, stderr)
		}
		return stdout
	}
	rejected := func() (string, bool) {
		out := ask()
		return out, strings.Contains(out, "rejected busy")
	}
	awaitHistory(t, "a rejected call", rejected) // its end is confirmed a moment later
	relay.kill()                                 // what follows is from the journal
	ms.startRelay(t, dir, listen)

	table := awaitHistory(t, "a rejected call", rejected)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "RANG") || !strings.HasSuffix(lines[1], name) || !strings.HasSuffix(lines[2], "Alice Meyer") {
		t.Errorf("the table:\n%s", table)
	}
	rows := strings.Split(strings.TrimSpace(ask("--output", "json", "--since", "1h")), "\n")
	var got history.Row
	if len(rows) != 2 || json.Unmarshal([]byte(rows[1]), &got) != nil {
		t.Fatalf("rows %q", rows)
	}
	if string(got.Call) != second || got.Reason != "none" || got.Status != 403 || got.Code != "7504" || got.Request == "" || got.After <= 0 || got.By == "" {
		t.Errorf("the refused one: %s", rows[1])
	}
	sheet, err := csv.NewReader(strings.NewReader(ask("--output", "csv", "--ending", "rejected,unconfirmed"))).ReadAll()
	if err != nil || len(sheet) != 2 || sheet[1][1] != first || sheet[1][4] != "'"+name || sheet[1][3] != "'+442079460123" {
		t.Errorf("the sheet: %q, %v", sheet, err)
	}
	if out := ask("--operator", "nobody"); out != "" {
		t.Errorf("calls that nobody decided: %q", out)
	}
	if out := ask("--limit", "1", "--output", "json"); !strings.Contains(out, second) || strings.Contains(out, first) {
		t.Errorf("the newest one: %s", out)
	}
}
