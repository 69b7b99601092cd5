package relay

import (
	"encoding/json"
	"net/http"
)

// problem answers with application/problem+json (RFC 9457). The sentences are
// fixed texts of this package: an answer to a stranger carries no cause and
// nothing of the request.
func problem(w http.ResponseWriter, status int, detail string) {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(status), status, detail})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked may be gone; there is nobody to tell
}
