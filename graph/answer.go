package graph

import (
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxErrorBody = 64 << 10

// answer is what is kept of one response of Graph: status, code and ids, all cleaned to plain words.
type answer struct {
	status    int
	code      string
	requestID string
	after     time.Duration // Retry-After
	hadAfter  bool
	page      bool // a web page, which Graph never sends with a 2xx
}

// readAnswer takes what it needs; the caller closes the body. A success's body is not read: it has none by contract, and an
// endless one must not hold up the operator. Of an error's at most 64 KiB are.
func readAnswer(resp *http.Response, now time.Time) answer {
	a := answer{status: resp.StatusCode, requestID: word(resp.Header.Get("request-id"))}
	a.after, a.hadAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	a.page = IsPage(resp.Header, nil)
	if a.status >= 400 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // cut or broken: the status remains
		code, id := errorCode(body)
		a.code = code
		if a.requestID == "" {
			a.requestID = id
		}
	}
	return a
}

// errorCode reads Graph's error object. Calling errors may be wrapped: code "UnknownError" with a message that is
// itself JSON holding errorCode; one level of that is unwrapped. Bodies that are empty or no JSON have no code.
func errorCode(body []byte) (code, requestID string) {
	v, err := parseJSON(body)
	if err != nil {
		return "", ""
	}
	outer, err := v.fields("error")
	if err != nil {
		return "", ""
	}
	f, err := outer.get("error").fields("code", "message", "innerError")
	if err != nil {
		return "", ""
	}
	code = f.get("code").plain()
	if strings.EqualFold(code, "UnknownError") {
		if inner := wrappedCode(f.get("message").string()); inner != "" {
			code = inner
		}
	}
	inner, err := f.get("innerError").fields("request-id", "requestId")
	if err != nil {
		return code, ""
	}
	if requestID = inner.get("request-id").plain(); requestID == "" {
		requestID = inner.get("requestId").plain()
	}
	return code, requestID
}

func wrappedCode(message string) string {
	v, err := parseJSON([]byte(message))
	if err != nil {
		return ""
	}
	f, err := v.fields("errorCode")
	if err != nil {
		return ""
	}
	return f.get("errorCode").plain()
}

// plain gives a string or a number as one plain word, or "".
func (v value) plain() string {
	if v.is('"') {
		return word(v.string())
	}
	if _, ok := v.integer(); ok {
		return string(v)
	}
	return ""
}

// retryAfter reads Retry-After: seconds, which Graph sends with a fraction (documented sample: 2.128), or an HTTP
// date. Nonsense counts as absent. Waits beyond a day are cut to one.
func retryAfter(s string, now time.Time) (time.Duration, bool) {
	const day = 24 * time.Hour
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 64 {
		return 0, false
	}
	if strings.Trim(s, "0123456789.") == "" {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(f, 1) {
			return 0, false
		}
		return time.Duration(min(f, day.Seconds()) * float64(time.Second)), true
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), day), true
}
