package simulator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const script = `# an afternoon
[[call]]
at = "4s"
kind = "phone"
name = "Alice Meyer"   # a comment
number = "+14255550100"
subject = "About the invoice"

[[call]]
kind = "hostile"
hangup = "6s"
fault = "doubled, error-503*2"

[[call]]
at = "2s"
ring = "3s"
`

func TestAScenarioIsPlayedAtItsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{Speed: 2})
		sc, err := LoadScenario(strings.NewReader(script))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := s.Play(t.Context(), sc); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("played in %v, want 3 s (a hang-up after 6 s at speed 2)", took)
		}
		var lines []string
		for _, n := range b.notices() {
			lines = append(lines, fmt.Sprintf("%v %s", n.at.Sub(start), n.change))
		}
		if got := strings.Join(lines, ", "); got != "0s created, 0s created, 1s created, 2s created, 3s deleted" {
			t.Errorf("bot heard %s", got)
		}
		last := s.Calls()[2]
		if last.Kind != "phone" || last.Name != "Alice Meyer" || last.Number != "+14255550100" || s.Calls()[0].Kind != "hostile" {
			t.Errorf("calls %+v", s.Calls())
		}
		if got := b.notices()[3].data["subject"]; got != "About the invoice" {
			t.Errorf("subject %v", got)
		}
	})
}

func TestAScenarioGoesOnWhenTheWebhookRefusesAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{})
		b.answers = []int{500}
		sc := Scenario{Calls: []ScriptedCall{{CallSpec: CallSpec{Kind: "user"}}, {At: time.Second, CallSpec: CallSpec{Kind: "acs"}}}}
		err := s.Play(t.Context(), sc)
		bad, ok := errors.AsType[*WebhookError](err)
		if !ok || bad.Status != 500 || !strings.Contains(err.Error(), "call 1 (user)") || len(b.notices()) != 2 {
			t.Errorf("%v; %d notices", err, len(b.notices()))
		}
		if err := s.Play(t.Context(), Scenario{Calls: []ScriptedCall{{CallSpec: CallSpec{Kind: "robot"}}}}); err == nil {
			t.Error("a robot played")
		}
	})
}

func TestABadScenarioIsRefusedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "line 1: no [[call]]",
		"# nothing\n":                          "line 1: no [[call]]",
		"[[call]]\nat = \"soon\"":              `line 2: "soon" is not a duration`,
		"[[call]]\nat = \"-2s\"":               "line 2: ",
		"[[call]]\nat = 2":                     "line 2: ",
		"[[call]]\nat = [\"2s\"]":              "line 2: ",
		"[[call]]\n\n[[call]]\nkind=\"robot\"": `line 4: no kind of caller is called "robot"; there are user`,
		"[[call]]\nkind = \"\"":                "line 2: ",
		"[[call]]\nfault = \"explode\"":        `line 2: no fault is called "explode"; there are gone`,
		"[[call]]\nfault = \"gone=2s\"":        "line 2: fault gone takes no duration",
		"[[call]]\nnickname = \"A\"":           `line 2: a call has no "nickname"`,
		"[[call]]\nname = 7":                   "line 2: ",
		"[[call]]\nname = \"A":                 "line 2: ",
		"[[call]]\nname = \"A\"\nname = \"B\"": `line 3: "name" is said twice`,
		"[[call]]\n[[call]]\nkind = \"user\"\nnumber = \"+1\"": `line 2: call 2: a caller of kind "user" has no number`,
		"[[calls]]\nat = \"2s\"":                               "line 1: only [[call]] tables",
		"[call]\nat = \"2s\"":                                  "line 1: only [[call]] tables",
		"[[call.more]]":                                        "line 1: only [[call]] tables",
		"seed = 3\n[[call]]":                                   `line 1: "seed" stands before`,
		"call = 3":                                             `line 1: "call" stands before`,
		"[[call]]\na.b = 3":                                    `line 2: "a" has members`,
		"[[call]\n":                                            "line 1: ",
		"[[call]]\nname = \"\xff\"":                            "line 2: ",
		"[[call]]\nhangup = {}":                                "line 2: ",
		strings.Repeat("#", maxScenario+1):                     "more than",
		strings.Repeat("[[call]]\n", maxScenarioCalls+1):       "line 10001: more than",
	} {
		if sc, err := LoadScenario(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, %d calls; want %q", text, err, len(sc.Calls), want)
		}
	}
}

func FuzzScenario(f *testing.F) {
	f.Add(script)
	f.Add("[[call]]\nat = 2\n[call]")
	f.Add("call = [{at=\"1s\"}]")
	f.Add("[[call]]\n\"\" = 3\nname = '''\n'''")
	f.Fuzz(func(t *testing.T, text string) {
		sc, err := LoadScenario(strings.NewReader(text))
		switch {
		case err == nil && len(sc.Calls) == 0:
			t.Error("no calls and no error")
		case err != nil && !strings.Contains(err.Error(), "line ") && len(text) <= maxScenario:
			t.Errorf("%q: no line in %v", text, err)
		}
	})
}
