package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"callscreen/graph"
)

func found(s State, mend, format string, args ...any) []Finding {
	return []Finding{{State: s, Detail: fmt.Sprintf(format, args...), Mend: mend}}
}

func good(format string, args ...any) []Finding { return found(OK, "", format, args...) }

func notChecked(because string, args ...any) []Finding {
	return found(NotChecked, "", "not checked, because "+because, args...)
}

// unreachable puts into words why there was no answer from a host, and what to do
// about it.
func unreachable(ctx context.Context, host string, err error) (detail, mend string) {
	const proxy = "check this machine's network; if a proxy is needed, set HTTPS_PROXY"
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("the certificate of %s is signed by an authority that this machine does not trust", host),
			"if a company proxy opens the traffic, set ca-file to its certificate; otherwise somebody else answers for " + host
	}
	if bad, ok := errors.AsType[x509.HostnameError](err); ok {
		names := ""
		if bad.Certificate != nil && len(bad.Certificate.DNSNames) > 0 {
			names = " (it is for " + strings.Join(bad.Certificate.DNSNames[:min(3, len(bad.Certificate.DNSNames))], ", ") + ")"
		}
		return fmt.Sprintf("the certificate that %s shows is for another name%s", host, names),
			"check the address, and what name resolution makes of it here"
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		return fmt.Sprintf("the certificate of %s has expired, or is not valid yet by this machine's clock", host),
			"renew it if it is yours; else check the clock of this machine"
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Sprintf("the certificate of %s cannot be trusted: %v", host, bad.Err), "check who answers at that address"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return host + " does not speak TLS", "check the address: is it https there, on that port?"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the name %s cannot be found", host), "check how it is written, and this machine's name resolution (DNS)"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		return fmt.Sprintf("%s is not reached: the proxy that the environment names does not answer", host), "check HTTPS_PROXY, and NO_PROXY for what needs no proxy"
	}
	if refused, ok := errors.AsType[*graph.ProxyError](err); ok {
		return fmt.Sprintf("%s is not reached: %v", host, refused), "ask whoever runs the proxy to let this machine through to " + host + "; check HTTPS_PROXY and NO_PROXY"
	}
	netErr, isNet := errors.AsType[net.Error](err)
	_, isStream := errors.AsType[streamError](err)
	switch {
	case errors.Is(err, graph.ErrPage):
		return fmt.Sprintf("%s: %v", host, graph.ErrPage),
			"let this machine through to it without a sign-in page, or set HTTPS_PROXY to the proxy that does"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing answers at " + host + ": the connection was refused", proxy
	case errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil, isNet && netErr.Timeout():
		return host + " gave no answer in time", proxy + "; where the way is just slow, give more time with --timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), isStream:
		return host + " hung up before it answered", "a firewall may cut the connection: ask whoever runs it to let " + host + " through"
	}
	if at, ok := errors.AsType[*url.Error](err); ok {
		err = at.Err // the address was said
	}
	return fmt.Sprintf("%s: %v", host, err), proxy
}

// streamError is how net/http shows the end of an HTTP/2 stream to whoever asks for
// a type with these fields.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string { return "the stream was ended" }

// parted parts the sentence of an error that ends with how to mend it, as those
// of this house do.
func parted(err error) (detail, mend string) {
	text := err.Error()
	for _, sign := range []string{": run: ", ": restore ", ": stop it", ": name ", ": remove ", ": set ", "; mend it with: "} {
		if detail, mend, ok := strings.Cut(text, sign); ok {
			return detail, strings.TrimPrefix(strings.TrimPrefix(sign, ": "), "; mend it with: ") + mend
		}
	}
	return text, ""
}
