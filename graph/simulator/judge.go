package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// verdict is how a request to Graph is answered. The zero verdict is 202.
type verdict struct {
	status     int
	code       string // Graph's code
	message    string
	retryAfter string
	fault      fault
	silent     bool // no answer at all
	reset      bool
	page       bool // a proxy's web page
}

func refused(status int, code, message string) verdict {
	return verdict{status: status, code: code, message: message}
}

var (
	callNotFound   = refused(http.StatusNotFound, "8522", "Call not found.")
	tenantMismatch = refused(http.StatusForbidden, "7505", "Request authorization tenant mismatch.")
)

// verdict is what a fault answers in the place of Graph.
func (f fault) verdict() verdict {
	throttled := refused(http.StatusTooManyRequests, "TooManyRequests", "Too many requests. Please retry later.")
	v := verdict{}
	switch f.kind.name {
	case faultGone:
		v = callNotFound
	case faultNotRegistered:
		v = refused(http.StatusForbidden, "7503", "Application is not registered in our store.")
	case faultNoConsent:
		v = refused(http.StatusForbidden, "7504", "Insufficient enterprise tenant permissions, cannot access this API.")
	case faultTenantMismatch:
		v = tenantMismatch
	case faultUnauthorized:
		v = refused(http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
	case faultThrottled, faultThrottledLong:
		v = throttled
		v.retryAfter = strconv.Itoa(int(f.arg.Round(time.Second).Seconds()))
	case faultThrottledFraction:
		v = throttled
		v.retryAfter = strconv.FormatFloat(f.arg.Seconds(), 'f', -1, 64)
	case faultThrottledDate:
		v = throttled
		v.retryAfter = time.Now().Add(f.arg).UTC().Format(http.TimeFormat)
	case faultThrottledBare:
		v = throttled
	case faultError500:
		v = refused(http.StatusInternalServerError, "9999", "An internal server error has occurred.")
	case faultError502:
		v = verdict{status: http.StatusBadGateway}
	case faultError503:
		v = verdict{status: http.StatusServiceUnavailable}
	case faultError504:
		v = verdict{status: http.StatusGatewayTimeout}
	case faultRedirect:
		v = verdict{status: http.StatusTemporaryRedirect}
	case faultPage:
		v = verdict{status: http.StatusOK, page: true}
	case faultReset:
		v.reset = true
	case faultHang:
		v.silent = true
	}
	v.fault = f
	return v
}

// judgeReject reads a reject's body as the front door does. Names are exact, as OData has them; reasons are
// taken in any case.
func judgeReject(contentType string, body []byte) (reason string, v verdict) {
	bad := func(message string) (string, verdict) {
		return reason, refused(http.StatusBadRequest, "BadRequest", message)
	}
	media, params, err := mime.ParseMediaType(contentType)
	switch charset := strings.ToLower(params["charset"]); {
	case contentType == "":
		return bad("Write requests (excluding DELETE) must contain the Content-Type header declaration.")
	case err != nil || media != "application/json" || (charset != "" && charset != "utf-8"):
		return "", refused(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The content type is not supported.")
	}
	var members map[string]json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(&members); err != nil || members == nil {
		return bad("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return bad("Unable to read JSON request payload: there is more than one value.")
	}
	for name := range members {
		if name != "reason" && name != "callbackUri" && !strings.Contains(name, "@") {
			return bad("A parameter in the request payload is not a valid parameter for the operation 'reject'.")
		}
	}
	if json.Unmarshal(members["reason"], &reason) != nil || !isReason(reason) {
		return bad("The reason is not one of none, busy, forbidden.")
	}
	if !isCallback(members["callbackUri"]) {
		return bad("The callbackUri is not an absolute https URI.")
	}
	return reason, verdict{}
}

func isReason(reason string) bool {
	switch strings.ToLower(reason) {
	case "none", "busy", "forbidden":
		return true
	}
	return false
}

func isCallback(raw json.RawMessage) bool {
	if raw == nil || string(raw) == "null" {
		return true
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && strings.EqualFold(u.Scheme, "https") && u.Host != ""
}
