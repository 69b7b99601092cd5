package doctor_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"callscreen/relay/doctor"
)

func TestAFindingIsReadInColumnsAndBrokenAtBlanksOnly(t *testing.T) {
	const command = "chmod 700 '/var/lib/a-directory-with-a-name-that-is-longer-than-the-whole-line-is-wide/callscreen'"
	for _, row := range []struct {
		f    doctor.Finding
		want string
	}{
		{
			doctor.Finding{Name: "clock", State: doctor.OK, Detail: "right within 1s"},
			"ok           clock           right within 1s\n",
		},
		{
			doctor.Finding{Name: "Graph", State: doctor.NotChecked, Detail: `not checked, because "sign-in" is wrong`},
			"not checked  Graph           because \"sign-in\" is wrong\n",
		},
		{
			doctor.Finding{Name: "data directory", State: doctor.Wrong, Detail: "it can be changed by other users (mode 0777)", Mend: command},
			"wrong        data directory  it can be changed by other\n" +
				"                             users (mode 0777)\n" +
				"                             -> chmod 700\n" +
				"                                '/var/lib/a-directory-with-a-name-that-is-longer-than-the-whole-line-is-wide/callscreen'\n",
		},
	} {
		var b bytes.Buffer
		if err := doctor.Write(&b, row.f, 58); err != nil || b.String() != row.want {
			t.Errorf("%v\n%s\nwant\n%s", err, b.String(), row.want)
		}
	}
}

func TestTheLastLinesSayHowItStands(t *testing.T) {
	of := func(states ...doctor.State) (list []doctor.Finding) {
		for i, s := range states {
			list = append(list, doctor.Finding{Name: names[i], State: s})
		}
		return list
	}
	for _, row := range []struct {
		found []doctor.Finding
		want  string
	}{
		{of(doctor.OK, doctor.OK), "2 ok, 0 warnings, 0 wrong, 0 not checked, in 1.5 s. All is well."},
		{of(doctor.OK, doctor.Warning), "1 ok, 1 warning, 0 wrong, 0 not checked, in 1.5 s. Nothing keeps calls from being screened; read what the warnings say."},
		{of(doctor.OK, doctor.Wrong, doctor.Wrong, doctor.NotChecked), `1 ok, 0 warnings, 2 wrong, 1 not checked, in 1.5 s. Begin with the first that is wrong, "data directory": it may explain the others.`},
		{of(doctor.OK, doctor.NotChecked), "1 ok, 0 warnings, 0 wrong, 1 not checked, in 1.5 s."},
	} {
		var b bytes.Buffer
		if err := doctor.WriteSum(&b, row.found, 1500*time.Millisecond, 200); err != nil || b.String() != "\n"+row.want+"\n" {
			t.Errorf("%v\n%s\nwant\n%s", err, b.String(), row.want)
		}
	}
}

func TestShowSpeaksToPeopleToProgramsAndToATerminal(t *testing.T) {
	c := newClinic(t)
	o := c.options(t)
	o.PublicURL = ""
	var out, progress bytes.Buffer
	wrong, err := doctor.Show(t.Context(), o, doctor.Screen{Out: &out, Width: 80, Progress: &progress})
	if err != nil || wrong != 0 {
		t.Fatalf("%d wrong, %v", wrong, err)
	}
	for line := range strings.Lines(out.String()) {
		if w := ansi.StringWidth(strings.TrimRight(line, "\n")); w > 80 && strings.Contains(strings.TrimSpace(line[29:]), " ") {
			t.Errorf("%d cells: %q", w, line)
		}
	}
	if !strings.Contains(out.String(), "\nwarning      public address  public-url is not set") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("for people:\n%q", out.String())
	}
	if got := progress.String(); !strings.HasPrefix(got, "looking at the settings ...\r\x1b[K") || strings.Count(got, "\r\x1b[K") != len(names) || !strings.HasSuffix(got, "\x1b[K") {
		t.Errorf("progress: %q", got)
	}

	out.Reset()
	c.fault(t, "secret-expired")
	wrong, err = doctor.Show(t.Context(), o, doctor.Screen{Out: &out, JSON: true})
	var report struct {
		State  string `json:"state"`
		TookMS *int64 `json:"took_ms"`
		Checks []struct {
			Name, State, Detail, Mend string
			TookMS                    *int64 `json:"took_ms"`
		} `json:"checks"`
	}
	if e := json.Unmarshal(out.Bytes(), &report); e != nil || err != nil || wrong != 1 {
		t.Fatalf("%v, %v, %d wrong:\n%s", e, err, wrong, out.String())
	}
	if report.State != "wrong" || report.TookMS == nil || len(report.Checks) != len(names) {
		t.Errorf("%+v", report)
	}
	for i, got := range report.Checks {
		want := map[string]string{"sign-in": "wrong", "permissions": "not checked", "tenant": "not checked", "Graph": "not checked", "public address": "warning", "rehearsal": "not checked"}[names[i]]
		if want == "" {
			want = "ok"
		}
		if got.Name != names[i] || got.State != want || got.Detail == "" || got.TookMS == nil || (got.Mend == "") != (want == "ok" || want == "not checked") {
			t.Errorf("%+v, want %s %s", got, names[i], want)
		}
	}
}
