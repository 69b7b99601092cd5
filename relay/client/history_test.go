package client

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"callscreen/relay/call"
	"callscreen/relay/history"
)

func TestHistoryAsksAsTheRelayExpectsAndHandsRowsOnAsTheyCome(t *testing.T) {
	var path, auth string
	next := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, auth = r.URL.String(), r.Header.Get("Authorization")
		_, _ = io.WriteString(w, `{"call_id":"a","ending":"gone"}`+"\n")
		_ = http.NewResponseController(w).Flush()
		<-next // the first row was taken before there was a second
		_, _ = io.WriteString(w, `{"call_id":"b","later":"members"}`+"\n")
	}))
	defer server.Close()
	var got []string
	q := history.Query{Since: time.Date(2026, 3, 31, 14, 0, 0, 0, time.UTC), Operators: []string{"ana"}}
	err := History(t.Context(), options(server.URL+"/base/"), q, func(r history.Row) error {
		if got = append(got, string(r.Call)+" "+string(r.Ending)); len(got) == 1 {
			close(next)
		}
		return nil
	})
	if err != nil || strings.Join(got, ",") != "a gone,b " {
		t.Errorf("%q, %v", got, err)
	}
	if path != "/base/v1/history?operator=ana&since=2026-03-31T14%3A00%3A00Z" || auth != "Bearer "+theToken {
		t.Errorf("it asked %s as %s", path, auth)
	}
}

func TestHistoryTellsInWordsWhatWentWrong(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		words  string
	}{
		{"token", 401, `{"detail":"unknown token"}`, "the relay refused the token: unknown token"},
		{"an old relay", 404, `{"detail":"Nothing is served at this address."}`, "(404): Nothing is served at this address."},
		{"busy", 503, `{"detail":"Others are reading"}`, "is not ready: Others are reading"},
		{"not json", 200, "<html>\n", "sent what is no row of a history"},
		{"no row", 200, "{}\n", "sent what is no row of a history"},
		{"an endless row", 200, `{"call_id":"` + strings.Repeat("x", 1<<20), "broke off: what came before is not all of it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer server.Close()
			err := History(t.Context(), options(server.URL), history.Query{}, func(history.Row) error { return nil })
			if err == nil || !strings.HasSuffix(err.Error(), tc.words) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestAHistoryThatBreaksOffIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"call_id":"a"}`+"\n"+`{"call_id":"b"`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	n := 0
	err := History(t.Context(), options(server.URL), history.Query{}, func(history.Row) error { n++; return nil })
	if err == nil || n > 1 {
		t.Errorf("%d rows and %v", n, err)
	}
	full := errors.New("disk full")
	ok := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"call_id":"a"}`+"\n")
	}))
	defer ok.Close()
	if err := History(t.Context(), options(ok.URL), history.Query{}, func(history.Row) error { return full }); !errors.Is(err, full) {
		t.Errorf("a reader that cannot go on: %v", err)
	}
}

func TestHistoryWithoutARelaySaysThatItIsReadThroughOne(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := History(t.Context(), options(server.URL), history.Query{}, nil)
	if err == nil || !strings.Contains(err.Error(), "does not answer at") || !strings.Contains(err.Error(), "read through a running relay") {
		t.Errorf("got %v", err)
	}
	if err := History(t.Context(), options(server.URL), history.Query{Endings: []call.Ending{"lost"}}, nil); !errors.Is(err, history.ErrEnding) {
		t.Errorf("a query that cannot be: %v", err)
	}
	// One of several relays is enough.
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"call_id":"a"}`+"\n")
	}))
	defer up.Close()
	n := 0
	if err := History(t.Context(), options(server.URL+","+up.URL), history.Query{}, func(history.Row) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}
