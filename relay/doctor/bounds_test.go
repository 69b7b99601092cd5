package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callscreen/graph"
	"callscreen/relay/doctor"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAllTogetherEndsWhereEverythingHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := doctor.Options{
			ClientID: otherGUID, TenantID: otherGUID, Credential: secret(t, "s"), APIVersion: "v1.0",
			Cloud: graph.Cloud{Authority: "https://login.example", Root: "https://graph.example", Metadata: "https://keys.example/m"},
			HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})},
			PublicURL: "https://bot.example", WebhookPath: "/api/calls", Timeout: 30 * time.Second,
			Stage: func(context.Context, string) (doctor.Stage, error) { return doctor.Stage{}, errors.New("never asked") },
		}
		began := time.Now()
		all := doctor.Examine(t.Context(), o, nil, nil)
		if took := time.Since(began); took != 28*time.Second {
			t.Errorf("all together took %v", took)
		}
		for check, want := range map[string]string{
			"webhook keys": "no answer in time", "sign-in": "no answer within 3 s", "public address": "no answer in time",
			"rehearsal": "not checked, because all checks together took too long",
		} {
			if got := finding(t, all, check); !strings.Contains(got.Detail, want) {
				t.Errorf("%s: %s: %s, want %q", check, got.State, got.Detail, want)
			}
		}
		if got := finding(t, all, "webhook keys").Took; got != 5*time.Second {
			t.Errorf("the keys took %v", got)
		}

		o.Timeout = 2 * time.Second
		began = time.Now()
		all = doctor.Examine(t.Context(), o, nil, nil)
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("three checks that hang took %v with 2 s each:\n%s", took, text(t, all))
		}
	})
}

func TestWhoeverIsInterruptedIsToldWhatWasNotChecked(t *testing.T) {
	c := newClinic(t)
	ctx, cancel := context.WithCancel(t.Context())
	all := doctor.Examine(ctx, c.options(t), func(about string) {
		if strings.Contains(about, "relay runs") {
			cancel()
		}
	}, nil)
	for i, f := range all {
		if early := i < 9; early != (f.State == doctor.OK) || !early && f.State != doctor.NotChecked {
			t.Errorf("%s: %s: %s", f.Name, f.State, f.Detail)
		}
	}
}

// What the relay would not send to a stranger the doctor does not either: who
// answers at the public address is what it wants to find out.
func TestNothingSecretGoesToWhoeverAnswersAtThePublicAddress(t *testing.T) {
	c := newClinic(t)
	var asked atomic.Int32
	var seen http.Header
	c.dialled["example.com:443"] = c.behind(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		seen = r.Header.Clone()
		http.Redirect(w, r, "https://example.com/elsewhere", http.StatusTemporaryRedirect)
	})).Listener.Addr().String()
	doctor.Examine(t.Context(), c.options(t), nil, nil)
	if asked.Load() != 1 {
		t.Errorf("%d requests, want one that is not led on", asked.Load())
	}
	for name, values := range seen {
		switch name {
		case "User-Agent", "Content-Length", "Content-Type", "Accept-Encoding":
		default:
			t.Errorf("it was sent %s: %s", name, values)
		}
	}
}

func TestTextsOfOthersAreCleaned(t *testing.T) {
	c := newClinic(t)
	o := c.options(t)
	hostile := "not \x1b]0;owned\x07 ready\u202e now\nok  all is well"
	relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Callscreen-Relay", "X")
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, `{"detail":%q}`, strings.NewReplacer("\x1b", "\\u001b", "\x07", "\\u0007").Replace(hostile))
	}))
	defer relay.Close()
	o.Console.URL = relay.URL
	said := text(t, doctor.Examine(t.Context(), o, nil, nil))
	if !strings.Contains(said, "is not ready: not ") || strings.Contains(said, "\u202e") || strings.Contains(said, "\nok  all is well") {
		t.Errorf("the relay's words are not there, or not cleaned:\n%q", said)
	}
	for _, r := range said {
		if r < ' ' && r != '\n' || r == 0x7f {
			t.Fatalf("%q is printed:\n%q", r, said)
		}
	}
}

func TestOneOfSeveralRelaysMayBeMissing(t *testing.T) {
	c := newClinic(t)
	o := c.options(t)
	o.Console.URL = "http://" + nobody(t) + ", " + c.relay
	all := doctor.Examine(t.Context(), o, nil, nil)
	var states []doctor.State
	for _, f := range all {
		if f.Name == "relay" {
			states = append(states, f.State)
		}
	}
	if fmt.Sprint(states) != "[warning ok]" || finding(t, all, "console link").State == doctor.NotChecked || finding(t, all, "public address").State != doctor.OK {
		t.Errorf("%v:\n%s", states, text(t, all))
	}
}

func TestTheTimeOfACacheIsNotTheTime(t *testing.T) {
	answer := func(age string, off time.Duration) doctor.Finding {
		t.Helper()
		o := doctor.Options{
			Cloud: graph.Cloud{Metadata: "https://keys.example/m"}, Timeout: time.Second,
			HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				h := http.Header{"Date": {time.Now().Add(off).UTC().Format(http.TimeFormat)}}
				if age != "" {
					h.Set("Age", age)
				}
				return &http.Response{StatusCode: http.StatusNotFound, Header: h, Body: http.NoBody}, nil
			})},
		}
		return finding(t, doctor.Examine(t.Context(), o, nil, nil), "clock")
	}
	for _, row := range []struct {
		age  string
		off  time.Duration
		want doctor.State
	}{
		{"", 0, doctor.OK},
		{"", 25 * time.Second, doctor.OK},
		{"", -35 * time.Second, doctor.Warning},
		{"", 35 * time.Second, doctor.Warning},
		{"", 295 * time.Second, doctor.Warning},
		{"", 305 * time.Second, doctor.Wrong},
		{"", -305 * time.Second, doctor.Wrong},
		{"305", -305 * time.Second, doctor.NotChecked},
	} {
		if got := answer(row.age, row.off); got.State != row.want {
			t.Errorf("age %q, off by %v: %s: %s", row.age, row.off, got.State, got.Detail)
		}
	}
}

func TestARehearsalThatFailsSaysHowFarItCame(t *testing.T) {
	c := newClinic(t)
	for _, row := range []struct {
		name, want string
		within     time.Duration // 0: nothing is waited for to no end
		stage      func(doctor.Stage) doctor.Stage
	}{
		{"a relay that is never ready", "the relay was not ready: no keys", 200 * time.Millisecond, func(s doctor.Stage) doctor.Stage {
			s.Ready = func() error { return errors.New("no keys") }
			return s
		}},
		{"a webhook that refuses", "the webhook did not take it: 401 (until then: ready after ", 0, func(s doctor.Stage) doctor.Stage {
			s.Ring = func(context.Context) (string, error) { return "", errors.New("401") }
			return s
		}},
		{"a call that does not come", "it was not shown: no answer in time", 3 * time.Second, func(s doctor.Stage) doctor.Stage {
			s.Ring = func(context.Context) (string, error) { return "nosuchcall", nil }
			return s
		}},
		{"a part that breaks", "the end: broken", 0, func(s doctor.Stage) doctor.Stage {
			run := s.Run
			s.Run = func(ctx context.Context) error { return errors.Join(run(ctx), errors.New("broken")) }
			return s
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := c.options(t)
			if row.within != 0 {
				o.Timeout = row.within
			}
			well := stage(t)
			o.Stage = func(ctx context.Context, dir string) (doctor.Stage, error) {
				s, err := well(ctx, dir)
				return row.stage(s), err
			}
			if got := finding(t, doctor.Examine(t.Context(), o, nil, nil), "rehearsal"); got.State != doctor.Wrong || !strings.Contains(got.Detail, row.want) || got.Mend == "" {
				t.Errorf("%s: %s, want %q", got.State, got.Detail, row.want)
			}
		})
	}
}
