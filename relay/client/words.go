package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"

	"github.com/gorilla/websocket"

	"callscreen/relay/call"
	"callscreen/relay/wire"
)

// finalError says, in words for the operator, why coming back is pointless.
type finalError struct{ words string }

func (e *finalError) Error() string { return e.words }

// spoken is an error already in words for the operator.
type spoken string

func (e spoken) Error() string { return string(e) }

const (
	errAgain  spoken = "reconnecting, as asked"
	errLeft   spoken = "leaving"
	errSilent spoken = "the relay has been silent for too long: the link is lost"
	errHungUp spoken = "the relay hung up without a word"
	errFrame  spoken = "the relay sent what is not a frame of " + wire.Subprotocol
	errResume spoken = "the relay resumed from a place it cannot know: asking it for a fresh board"
)

func timedOut(host string) error {
	return fmt.Errorf("the relay at %s did not answer within %d s", host, int(handshakeWithin.Seconds()))
}

// dialError puts a failed try into words. resp is the relay's answer, if it gave one.
func dialError(host string, resp *http.Response, err error) error {
	if resp != nil {
		return refusal(host, resp)
	}
	return unreachable(host, err)
}

// unreachable puts into words why there is no connection.
func unreachable(host string, err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("the certificate of the relay at %s is not signed by an authority that this console trusts "+
			"(ca-file names further ones)", host)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Errorf("the certificate of the relay at %s is for another name", host)
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		return fmt.Errorf("the certificate of the relay at %s has expired or is not valid yet", host)
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("the certificate of the relay at %s cannot be trusted: %s", host, clean(bad.Err.Error()))
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Errorf("the relay at %s does not speak TLS: is it http:// there?", host)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("the relay's name %s cannot be found", clean(dns.Name))
	}
	switch netErr, ok := errors.AsType[net.Error](err); {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("the relay does not answer at %s", host)
	case errors.Is(err, context.DeadlineExceeded), ok && netErr.Timeout():
		return timedOut(host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("the relay at %s hung up before it answered", host)
	default:
		return fmt.Errorf("the relay at %s cannot be reached: %s", host, clean(err.Error()))
	}
}

// refusal puts an HTTP answer into words; it is final where the same request
// cannot succeed later.
func refusal(host string, resp *http.Response) error {
	why := problem(resp)
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		return &finalError{"the relay refused the token" + why}
	case code == http.StatusForbidden:
		return &finalError{"the relay refused this console" + why}
	case code == http.StatusBadRequest, code == http.StatusUpgradeRequired:
		return &finalError{"the relay does not understand this console" + why}
	case code >= 300 && code < 400:
		return fmt.Errorf("%s answers with a redirect (%d), which is not followed: is this the relay's address?", host, code)
	case code == http.StatusNotFound:
		return fmt.Errorf("there is no relay at %s (404)%s", host, why)
	case code == http.StatusServiceUnavailable:
		return fmt.Errorf("the relay at %s is not ready%s", host, why)
	default:
		return fmt.Errorf("the relay at %s answered %d%s", host, code, why)
	}
}

// problem is the sentence of an answer in application/problem+json, after a
// colon, or nothing.
func problem(resp *http.Response) string {
	var p struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&p); err != nil {
		return ""
	}
	if p.Detail == "" {
		p.Detail = p.Title
	}
	if p.Detail == "" {
		return ""
	}
	return ": " + clean(p.Detail)
}

// brokenBy puts the end of a link into words.
func brokenBy(err error) error {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		words := closeWords(closed)
		if wire.Retry(closed.Code) {
			return spoken(words)
		}
		return &finalError{words}
	}
	if words, ok := errors.AsType[spoken](err); ok {
		return words
	}
	switch netErr, ok := errors.AsType[net.Error](err); {
	case ok && netErr.Timeout():
		return errSilent
	case errors.Is(err, websocket.ErrReadLimit):
		return fmt.Errorf("the relay sent a frame of more than %d MiB", maxFrame>>20)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errHungUp
	default:
		return fmt.Errorf("the link to the relay broke: %s", clean(err.Error()))
	}
}

func closeWords(e *websocket.CloseError) string {
	words := ""
	switch e.Code {
	case wire.Shutdown:
		words = "the relay is going down"
	case wire.TooSlow:
		words = "this console did not read fast enough"
	case wire.NotReady:
		words = "the relay is not ready"
	case wire.BadToken:
		words = "the relay refused the token"
	case wire.BadVersion:
		words = "the relay does not speak this console's version"
	case wire.BadFrame:
		words = "the relay did not understand this console"
	case wire.TooMany:
		words = "too many consoles of this operator, or too many decisions at once"
	case websocket.CloseAbnormalClosure:
		return errHungUp.Error()
	default:
		words = "the relay closed the link (" + strconv.Itoa(e.Code) + ")"
	}
	if e.Text == "" {
		return words
	}
	return words + ": " + clean(e.Text)
}

// clean makes what came from outside fit for a sentence on a screen.
func clean(s string) string {
	s, _ = call.Clean(s, call.TextCells)
	return s
}
