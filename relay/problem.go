package relay

import (
	"encoding/json"
	"net/http"
	"time"
)

// requestID names a request in its answer and in our log, so that the one who was
// refused and the one who can say why talk of the same.
const requestID = "X-Request-Id"

// identified gives each request its id. An id that it brings along is a
// stranger's text and is not taken over.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(requestID, newID())
		next.ServeHTTP(w, r)
	})
}

// problem answers with application/problem+json (RFC 9457), with the request's id
// as one more member. The sentences are fixed texts of this package: an answer to
// a stranger carries no cause and nothing of the request. Nor does its connection
// carry another one: what a refused request left unread, or where it ended, is not
// worth finding out; waiting for it would hold a place that a genuine request may
// need (P-02).
func problem(w http.ResponseWriter, status int, detail string) {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		ID     string `json:"request_id"`
	}{"about:blank", http.StatusText(status), status, detail, w.Header().Get(requestID)})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now())
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked may be gone; there is nobody to tell
}
