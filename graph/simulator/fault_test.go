package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// tried is one reject of a faulty call, and how it must go.
type tried struct {
	status     int    // 0: no answer
	code       string // in the body, wherever it may be
	retryAfter string
}

func TestRejectsFailOnDemand(t *testing.T) {
	accepted, gone := tried{status: 202}, tried{status: 404, code: "8522"}
	for spec, want := range map[string][]tried{
		"gone":                {gone, gone},
		"not-registered":      {{403, "7503", ""}, {403, "7503", ""}},
		"no-consent":          {{403, "7504", ""}},
		"tenant-mismatch":     {{403, "7505", ""}},
		"no-consent*1":        {{403, "7504", ""}, accepted},
		"unauthorized":        {{401, "InvalidAuthenticationToken", ""}, accepted, gone},
		"throttled":           {{429, "TooManyRequests", "1"}, accepted},
		"throttled=3s*2":      {{429, "TooManyRequests", "3"}, {429, "TooManyRequests", "3"}, accepted},
		"throttled-fraction":  {{429, "TooManyRequests", "2.128"}, accepted},
		"throttled-date":      {{429, "TooManyRequests", "Sat, 01 Jan 2000 00:00:02 GMT"}, accepted},
		"throttled-long":      {{429, "TooManyRequests", "3600"}, {429, "TooManyRequests", "3600"}},
		"throttled-bare":      {{429, "TooManyRequests", ""}, accepted},
		"error-500":           {{500, "9999", ""}, accepted},
		"error-502":           {{502, "<html>", ""}, accepted},
		"error-503*2":         {{503, "", ""}, {503, "", ""}, accepted},
		"error-504":           {{504, "<html>", ""}, accepted},
		"reset":               {{}, accepted},
		"reset-after":         {{}, gone},
		"redirect":            {{307, "", ""}, {307, "", ""}},
		"wrong-tenant":        {{403, "7505", ""}},
		"error-500,error-503": {{500, "9999", ""}, {503, "", ""}, accepted},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, b := newWorld(t, Options{})
			id := place(t, s, CallSpec{Kind: "user", Fault: spec})
			for i, w := range want {
				a := send(t, s, rejectRequest(s, id, busy))
				rec := s.Rejections()[i]
				if w.status == 0 {
					if !a.aborted || rec.Status != 0 {
						t.Errorf("%s, try %d: aborted %v, on record %d", spec, i+1, a.aborted, rec.Status)
					}
					continue
				}
				if a.aborted || a.StatusCode != w.status || rec.Status != w.status ||
					!strings.Contains(a.body, w.code) || a.Header.Get("Retry-After") != w.retryAfter {
					t.Errorf("%s, try %d: %d %q, Retry-After %q, on record %d; want %+v",
						spec, i+1, a.StatusCode, a.body, a.Header.Get("Retry-After"), rec.Status, w)
				}
			}
			synctest.Wait()
			rejected := slices.Contains(want, accepted) || spec == "reset-after"
			if heard := b.changes() == "created deleted"; heard != rejected {
				t.Errorf("%s: bot heard %q", spec, b.changes())
			}
		})
	}
}

func TestASlowRejectIsJudgedWhenItArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newWorld(t, Options{Speed: 10})
		id := place(t, s, CallSpec{Kind: "user", Fault: "slow=3s,error-503"})
		start := time.Now()
		if a := send(t, s, rejectRequest(s, id, busy)); a.StatusCode != 503 || time.Since(start) != 3*time.Second {
			t.Errorf("%d after %v, want 503 after 3 s", a.StatusCode, time.Since(start))
		}
		time.Sleep(11900 * time.Millisecond)
		if a := send(t, s, rejectRequest(s, id, busy)); a.StatusCode != 202 {
			t.Errorf("100 ms before the end: %d", a.StatusCode)
		}
	})
}

func TestAHangingRejectEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{})
		id := place(t, s, CallSpec{Kind: "user", Fault: "hang"})
		ctx, cancel := contextFor(t, 3*time.Second)
		defer cancel()
		start := time.Now()
		a := send(t, s, rejectRequest(s, id, busy).WithContext(ctx))
		if !a.aborted || time.Since(start) != 3*time.Second || s.Rejections()[0].Accepted || b.changes() != "created" {
			t.Errorf("aborted %v after %v, bot heard %q", a.aborted, time.Since(start), b.changes())
		}
	})
}

func TestNotificationsFailOnDemand(t *testing.T) {
	for spec, want := range map[string]string{
		"":                "0s created, 3s deleted",
		"doubled":         "0s created, 0s created, 3s deleted",
		"out-of-order":    "0s deleted, 0s created",
		"late=2s":         "2s created, 3s deleted",
		"late=4s":         "3s deleted, 4s created",
		"lost":            "3s deleted",
		"legacy":          "0s legacy, 0s created, 3s deleted",
		"hangup=1s":       "0s created, 1s deleted",
		"deleted-lost":    "0s created",
		"deleted-late=2s": "0s created, 5s deleted",
		"deleted-doubled": "0s created, 3s deleted, 3s deleted",
		"key-roll":        "0s created, 3s deleted",
		"forged":          "",
		"legacy, doubled": "0s legacy, 0s created, 0s created, 3s deleted",
	} {
		synctest.Test(t, func(t *testing.T) {
			s, b := newWorld(t, Options{})
			before := s.signingKey().kid
			start := time.Now()
			go func() { _, _ = s.Place(t.Context(), CallSpec{Kind: "user", HangUp: 3 * time.Second, Fault: spec}) }()
			if strings.HasPrefix(spec, "hangup") {
				time.Sleep(time.Second)
				synctest.Wait()
				_ = s.HangUp(t.Context(), s.Calls()[0].ID)
			}
			time.Sleep(20 * time.Second)
			var got []string
			for _, n := range b.notices() {
				got = append(got, fmt.Sprintf("%v %s", n.at.Sub(start), n.change))
			}
			if line := strings.Join(got, ", "); line != want {
				t.Errorf("%s: %s; want %s", spec, line, want)
			}
			if rolled := s.signingKey().kid != before; rolled != (spec == "key-roll") {
				t.Errorf("%s: key rolled %v", spec, rolled)
			}
			if spec == "forged" && b.refused != 2 {
				t.Errorf("forged: %d refused", b.refused)
			}
		})
	}
}

func TestTheFaultHangupSetsTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newWorld(t, Options{})
		place(t, s, CallSpec{Kind: "user", Fault: "hangup"})
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if b.changes() != "created deleted" || s.Calls()[0].State != HungUp {
			t.Errorf("bot heard %q", b.changes())
		}
	})
}

func TestALegacyBodyThatIsNotAnswered204EndsTheCallsAnnouncement(t *testing.T) {
	s, b := newWorld(t, Options{})
	b.answers = []int{202}
	_, err := s.Place(t.Context(), CallSpec{Kind: "user", Fault: "legacy"})
	if err == nil || !strings.Contains(err.Error(), "answered 202, want 204 to the legacy body") || b.changes() != "legacy" {
		t.Errorf("%v; bot heard %q", err, b.changes())
	}
}

func TestAWrongTenantIsInTheTokenAndInTheCall(t *testing.T) {
	s, b := newWorld(t, Options{})
	place(t, s, CallSpec{Kind: "user", Fault: "wrong-tenant"})
	n := b.notices()[0]
	if n.tenant == DemoTenantID || n.data["tenantId"] != n.tenant || !slices.Contains(foreignTenants, n.tenant) {
		t.Errorf("token of %s, call of %v", n.tenant, n.data["tenantId"])
	}
}

func TestRulesHitByCountAndProbability(t *testing.T) {
	s, _ := newWorld(t, Options{})
	set := func(rules ...FaultRule) {
		t.Helper()
		if err := s.SetFaults(Faults{Rules: rules}); err != nil {
			t.Fatal(err)
		}
	}
	statuses := func(n int) (list []int) {
		for range n {
			id := place(t, s, CallSpec{Kind: "user"})
			list = append(list, send(t, s, rejectRequest(s, id, busy)).StatusCode)
		}
		return list
	}
	set(FaultRule{Fault: "error-503", Count: 2})
	if got := statuses(4); !slices.Equal(got, []int{503, 503, 202, 202}) {
		t.Errorf("count 2: %v", got)
	}
	if got := s.CurrentFaults(); len(got.Rules) != 0 {
		t.Errorf("a spent rule is still in force: %v", got)
	}
	set(FaultRule{Fault: "error-503", Probability: 0.5}, FaultRule{Fault: "no-consent", Probability: 0.5})
	count := map[int]int{}
	for _, status := range statuses(200) {
		count[status]++
	}
	if count[503] < 75 || count[503] > 125 || count[403] < 30 || count[403] > 70 || count[202] < 30 {
		t.Errorf("half, and half of the rest: %v", count)
	}
	set()
	if got := statuses(1); got[0] != 202 {
		t.Errorf("after the end of all faults: %v", got)
	}
}

func TestBadRulesAreNamedAllAtOnceAndChangeNothing(t *testing.T) {
	s, _ := newWorld(t, Options{})
	if err := s.SetFaults(Faults{Rules: []FaultRule{{Fault: "lost"}}}); err != nil {
		t.Fatal(err)
	}
	err := s.SetFaults(Faults{Rules: []FaultRule{
		{Fault: "explode"}, {Fault: "slow", Probability: 1.5}, {Fault: "slow", Count: -1}, {Fault: "slow*2"}, {Fault: "late"},
	}})
	for i, want := range []string{
		"rule 1: no fault is called \"explode\"; there are gone, not-registered", "rule 2: probability 1.5",
		"rule 3: count -1", "rule 4:",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("rule %d: %v, want %q", i+1, err, want)
		}
	}
	if got := s.CurrentFaults(); len(got.Rules) != 1 || got.Rules[0].Fault != "lost" {
		t.Errorf("in force: %v", got)
	}
	if err := s.SetFaults(Faults{Rules: make([]FaultRule, maxRules+1)}); err == nil {
		t.Error("more than the most rules were taken")
	}
}

func TestEveryFaultHasHelpAndIsUnderstood(t *testing.T) {
	help := FaultHelp()
	for _, name := range FaultNames() {
		if help[name] == "" {
			t.Errorf("%s: no help", name)
		}
		if f, err := parseFault(name); err != nil || f.kind.name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(help) != len(FaultNames()) {
		t.Error("two faults have one name")
	}
}

func TestNumericCodesComePlainAndWrapped(t *testing.T) {
	s, _ := newWorld(t, Options{})
	forms := map[string]int{}
	for range 40 {
		a := send(t, s, rejectRequest(s, "11111111-2222-4333-8444-555555555555", busy))
		var body struct {
			Error struct{ Code, Message string } `json:"error"`
		}
		if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.StatusCode != http.StatusNotFound {
			t.Fatalf("%d %s: %v", a.StatusCode, a.body, err)
		}
		forms[body.Error.Code]++
		var inner struct{ ErrorCode string }
		if body.Error.Code == "UnknownError" && (json.Unmarshal([]byte(body.Error.Message), &inner) != nil || inner.ErrorCode != "8522") {
			t.Errorf("wrapped: %s", body.Error.Message)
		}
	}
	if forms["8522"] < 5 || forms["UnknownError"] < 5 || len(forms) != 2 {
		t.Errorf("codes %v", forms)
	}
}

func FuzzFaults(f *testing.F) {
	for _, seed := range []string{"gone", "slow=3s*2, legacy", "hang*always", ",,", "=*", "late=9999999h", "slow=*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseFaults(text)
		for _, one := range list {
			if err != nil || one.left == 0 || one.arg < 0 || one.arg > maxDuration {
				t.Errorf("%q: %+v, %v", text, one, err)
			}
		}
	})
}
