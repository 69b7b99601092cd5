package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestTheControlAPIDrivesACall(t *testing.T) {
	s, b := newWorld(t, Options{})
	a := send(t, s, request(http.MethodPost, "/simulator/calls", `{"kind":"phone","name":"Alice","number":"+14255550100","ring":"10s"}`))
	var made struct {
		ID     string
		Status int `json:"webhook_status"`
	}
	if err := json.Unmarshal([]byte(a.body), &made); err != nil || a.StatusCode != 201 || made.ID == "" || made.Status != 202 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a = send(t, s, request(http.MethodGet, "/simulator/calls", ""))
	if a.StatusCode != 200 || !strings.Contains(a.body, made.ID) || !strings.Contains(a.body, `"state":"ringing"`) || !strings.Contains(a.body, "Alice") {
		t.Errorf("calls: %d %s", a.StatusCode, a.body)
	}
	if a = send(t, s, request(http.MethodPost, "/simulator/calls/"+made.ID+"/hangup", "")); a.StatusCode != 204 || b.changes() != "created deleted" {
		t.Errorf("hang up: %d %s; bot heard %q", a.StatusCode, a.body, b.changes())
	}
	if a = send(t, s, request(http.MethodPost, "/simulator/calls/"+made.ID+"/hangup", "")); a.StatusCode != 404 {
		t.Errorf("hang up twice: %d", a.StatusCode)
	}
	if a = send(t, s, request(http.MethodPost, "/simulator/calls", "")); a.StatusCode != 201 {
		t.Errorf("a call without wishes: %d %s", a.StatusCode, a.body)
	}
	send(t, s, rejectRequest(s, s.Calls()[1].ID, busy))
	a = send(t, s, request(http.MethodGet, "/simulator/rejections", ""))
	if !strings.Contains(a.body, `"body":"{\"reason\":\"busy\"}"`) || !strings.Contains(a.body, `"bearer_valid":true`) || !strings.Contains(a.body, `"status":202`) {
		t.Errorf("rejections: %s", a.body)
	}
}

func TestTheControlAPISetsFaultsAndRollsKeys(t *testing.T) {
	s, b := newWorld(t, Options{})
	if a := send(t, s, request(http.MethodPut, "/simulator/faults", `{"rules":[{"fault":"lost","probability":1}]}`)); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := send(t, s, request(http.MethodPost, "/simulator/calls", `{}`)); a.StatusCode != 201 || !strings.Contains(a.body, `"webhook_status":0`) || b.changes() != "" {
		t.Errorf("lost: %d %s", a.StatusCode, a.body)
	}
	if a := send(t, s, request(http.MethodGet, "/simulator/faults", "")); !strings.Contains(a.body, `"fault":"lost"`) || !strings.Contains(a.body, `"throttled-date":`) {
		t.Errorf("faults: %s", a.body)
	}
	before := s.signingKey().kid
	if a := send(t, s, request(http.MethodPost, "/simulator/keys/roll", "")); a.StatusCode != 200 || s.signingKey().kid == before || !strings.Contains(a.body, s.signingKey().kid) {
		t.Errorf("roll: %d %s", a.StatusCode, a.body)
	}
}

func TestWhatTheWebhookSaysReachesWhoeverPlacedTheCall(t *testing.T) {
	s, b := newWorld(t, Options{})
	b.answers = []int{503}
	if a := send(t, s, request(http.MethodPost, "/simulator/calls", `{}`)); a.StatusCode != 201 || !strings.Contains(a.body, `"webhook_status":503`) {
		t.Errorf("refusing webhook: %d %s", a.StatusCode, a.body)
	}
	s.client.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed })
	a := send(t, s, request(http.MethodPost, "/simulator/calls", `{}`))
	if a.StatusCode != 502 || a.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(a.body, `"id":`) {
		t.Errorf("no webhook: %d %s", a.StatusCode, a.body)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheControlAPIRefusesWithAProblem(t *testing.T) {
	s, _ := newWorld(t, Options{})
	huge := `{"name":"` + strings.Repeat("x", maxControlBody) + `"}`
	for _, row := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/simulator/calls", `{"kind":"robot"}`, 400, "there are user, external"},
		{"POST", "/simulator/calls", `{"fault":"explode"}`, 400, "there are gone,"},
		{"POST", "/simulator/calls", `{"hangup":"soon"}`, 400, "hangup: \\\"soon\\\" is not a duration"},
		{"POST", "/simulator/calls", `{"ring":"-1s"}`, 400, "ring:"},
		{"POST", "/simulator/calls", `{"nickname":"A"}`, 400, "nickname"},
		{"POST", "/simulator/calls", `{} {}`, 400, "more than one value"},
		{"POST", "/simulator/calls", `[`, 400, "not what is wanted"},
		{"POST", "/simulator/calls", huge, 413, "bytes"},
		{"POST", "/simulator/calls/x/hangup", ``, 404, "no such call"},
		{"PUT", "/simulator/faults", `{"rules":[{"fault":"explode"}]}`, 400, "rule 1"},
		{"GET", "/simulator/nothing", ``, 404, "nothing here"},
	} {
		a := send(t, s, request(row.method, row.path, row.body))
		var p struct {
			Title, Detail string
			Status        int
		}
		if a.StatusCode != row.status || a.Header.Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(a.body, row.want) || json.Unmarshal([]byte(a.body), &p) != nil || p.Status != row.status || p.Title == "" {
			t.Errorf("%s %s %.40s: %d %s", row.method, row.path, row.body, a.StatusCode, a.body)
		}
	}
	if len(s.Calls()) != 0 {
		t.Error("a refused call was placed")
	}
}

func TestAWebPageMayNotDriveTheSimulator(t *testing.T) {
	s, _ := newWorld(t, Options{})
	r := request(http.MethodPost, "/simulator/calls", "{}")
	r.Header.Set("Origin", "https://page.example")
	if a := send(t, s, r); a.StatusCode != 403 || len(s.Calls()) != 0 {
		t.Errorf("%d", a.StatusCode)
	}
}
