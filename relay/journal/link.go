package journal

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// A denied error says what the NATS user may not do.
type denied string

func (d denied) Error() string {
	return string(d) + ": give it the permissions that the README lists under Several relays"
}

// linkOptions are common to both kinds of link.
func (j *Journal) linkOptions() []nats.Option {
	return []nats.Option{
		nats.Name("callscreen relay"),
		nats.PingInterval(2 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		// Nothing is kept back while the link is down: an append that was
		// reported as failed must not be sent after all when it comes back.
		nats.ReconnectBufSize(-1),
		// A user who is locked out for a while comes back by itself when he is not.
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil is our own Close
				j.log.Warn("journal link lost", slog.String("error", err.Error()))
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			j.log.Info("journal link is back", slog.String("server", nc.ConnectedUrlRedacted()))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			j.log.Warn("journal link", slog.String("error", err.Error()))
			if errors.Is(err, nats.ErrPermissionViolation) {
				j.deny(denialOf(err)) // the request itself would just never be answered
			}
		}),
	}
}

var violation = regexp.MustCompile(`for (Publish|Subscription) to ("[^"]+")`)

func denialOf(err error) denied {
	found := violation.FindStringSubmatch(err.Error())
	if found == nil {
		return denied("the NATS user lacks a permission (" + err.Error() + ")")
	}
	may := map[string]string{"Publish": "publish", "Subscription": "subscribe"}[found[1]]
	return denied(fmt.Sprintf("the NATS user may not %s to %s", may, found[2]))
}

// dial connects to an external server. The error never holds the URL, which may
// carry a password.
func (j *Journal) dial(o Options) (*nats.Conn, error) {
	options := append(j.linkOptions(), nats.Timeout(dialPatience))
	security, err := o.security()
	if err != nil {
		return nil, err
	}
	if security != nil {
		options = append(options, nats.Secure(security))
	}
	if o.Credentials != nil {
		sign, err := signIn(o.Credentials)
		if err != nil {
			return nil, err
		}
		options = append(options, sign)
	}
	nc, err := nats.Connect(o.URL, options...)
	if err != nil {
		return nil, unreached(err)
	}
	return nc, nil
}

// security is how TLS is spoken; nil where nothing asks for it. Once it is not
// nil a server that offers none is refused, so nobody between can take it away.
func (o Options) security() (*tls.Config, error) {
	if o.CA == nil && o.Certificate == nil && !strings.Contains(o.URL, "tls://") && !strings.Contains(o.URL, "wss://") {
		return nil, nil //nolint:nilnil // plain text to this machine is what was asked for
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != nil {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(o.CA) {
			return nil, errors.New("the file with certificates to trust for NATS holds none")
		}
	}
	if o.Certificate != nil {
		// Read once now, so that a fault is told at the start, and for each
		// handshake, because it is renewed.
		if _, err := o.pair(); err != nil {
			return nil, err
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return o.pair() }
	}
	return c, nil
}

func (o Options) pair() (*tls.Certificate, error) {
	cert, key, err := o.Certificate()
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the certificate for NATS: %w", err)
	}
	return &pair, nil
}

// signIn is by JWT and seed, which are read anew for each connection, or by a
// seed alone, whose public half is the user's name and cannot change.
func signIn(read func() ([]byte, error)) (nats.Option, error) {
	content, err := read()
	if err != nil {
		return nil, err
	}
	sign := func(nonce []byte) ([]byte, error) {
		content, err := read()
		if err != nil {
			return nil, err
		}
		pair, err := nkeys.ParseDecoratedUserNKey(content)
		if err != nil {
			return nil, err
		}
		defer pair.Wipe()
		return pair.Sign(nonce)
	}
	pair, err := nkeys.ParseDecoratedUserNKey(content)
	if err != nil {
		return nil, fmt.Errorf("the file with the NATS credentials holds no seed of a user (%w): it is a .creds file, or a seed that begins with SU", err)
	}
	defer pair.Wipe()
	if strings.Contains(string(content), "NATS USER JWT") {
		return nats.UserJWT(func() (string, error) {
			content, err := read()
			if err != nil {
				return "", err
			}
			return nkeys.ParseDecoratedJWT(content)
		}, sign), nil
	}
	user, err := pair.PublicKey()
	return nats.Nkey(user, sign), err
}

// unreached says why there is no link, for the person who starts the relay.
func unreached(err error) error {
	say := func(sentence string) error { return fmt.Errorf("NATS server: %s: %w", sentence, err) }
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return say("its certificate is signed by nobody who is trusted; if it is the right server, name its CA with nats-ca-file")
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return say("its certificate is for another name; use a name that the certificate has in nats-url")
	}
	alert, ok := errors.AsType[*net.OpError](err)
	alerted := ok && alert.Op == "remote error" // as crypto/tls says that the other side complained
	switch {
	case errors.Is(err, nats.ErrNoServers):
		return fmt.Errorf("no NATS server answers at the configured address: %w", err)
	case errors.Is(err, nats.ErrSecureConnWanted):
		return say("it offers no TLS")
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		return say("it does not admit this user; check nats-creds-file, or user and password in nats-url")
	case alerted, errors.Is(err, nats.ErrTLS):
		// With TLS 1.3 a client learns that its certificate was refused after it
		// has thought the handshake done, and perhaps by being hung up on alone.
		return say("it hung up at the TLS handshake; if it wants a certificate of the relay, set nats-tls-cert and nats-tls-key to one that it trusts")
	}
	return fmt.Errorf("NATS server: %w", err)
}
