package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"

	"callscreen/relay/wire"
)

// parseRelays checks addresses that are separated by commas.
func parseRelays(raw string) (relays []*url.URL, err error) {
	for one := range strings.SplitSeq(raw, ",") {
		relay, err := parseRelay(strings.TrimSpace(one))
		if err != nil {
			return nil, err
		}
		relays = append(relays, relay)
	}
	return relays, nil
}

// parseRelay checks the relay's address. Plain text is for loopback only, since
// the token travels with every connection.
func parseRelay(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The parser's own error would repeat the address with all that is in it.
		return nil, errors.New("the relay's address cannot be read: it looks like https://relay.example.com or http://127.0.0.1:8080")
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the relay's address has no user, no query and no fragment: the token belongs into its own setting, never into an address")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the relay's address begins with https:// (or http:// on this machine), not with %q", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("the relay's address names no host: it looks like https://relay.example.com or http://127.0.0.1:8080")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("the relay at %s is not on this machine, so the link must be encrypted: use https:// "+
			"(or a tunnel to this machine, such as ssh -L)", u.Host)
	}
	return u, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// dialer makes the connections. Under plain http it also looks where it arrived:
// "localhost" is only a name.
func (o Options) dialer(relay *url.URL) func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: handshakeWithin}
	switch {
	case o.Dial != nil:
		return o.Dial
	case relay.Scheme == "https":
		return d.DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
			_ = conn.Close()
			return nil, fmt.Errorf("%s is not on this machine, and the link is not encrypted", addr)
		}
		return conn, nil
	}
}

// trust takes roots and own certificates from the options and nothing else, so
// that no setting can switch the verification off.
func (o Options) trust() *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		cfg.RootCAs, cfg.Certificates = o.TLS.RootCAs, o.TLS.Certificates
	}
	return cfg
}

// bearer asks for the token and checks that it can stand in a header.
func (o Options) bearer() (string, error) {
	token, err := o.Token()
	if err != nil {
		return "", fmt.Errorf("no token for the relay: %w", err)
	}
	if token == "" {
		return "", errors.New("no token for the relay: it is empty")
	}
	for _, b := range []byte(token) {
		if b <= ' ' || b > '~' {
			return "", errors.New("no token for the relay: it has characters that a token cannot have")
		}
	}
	return "Bearer " + token, nil
}

// dial is one try, up to the answer of the handshake. The error is in words for
// the operator.
func (c *Client) dial(ctx context.Context, relay *url.URL) (*websocket.Conn, error) {
	bearer, err := c.opts.bearer()
	if err != nil {
		return nil, err
	}
	header := http.Header{"Authorization": {bearer}}
	if c.opts.UserAgent != "" {
		header.Set("User-Agent", c.opts.UserAgent)
	}
	if cursor, ok := c.cursor(); ok {
		header.Set(wire.CursorHeader, cursor.String())
	}

	ctx, cancel := context.WithTimeout(ctx, handshakeWithin)
	defer cancel()
	// The library looks at ctx while it dials but not while it reads the answer.
	stop, dialTo := func() bool { return true }, c.opts.dialer(relay)
	d := websocket.Dialer{
		NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialTo(ctx, network, addr)
			if err == nil {
				stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		},
		Proxy:           http.ProxyFromEnvironment, // by CONNECT; never for loopback
		TLSClientConfig: c.opts.trust(),
		Subprotocols:    []string{wire.Subprotocol},
	}
	conn, resp, err := d.DialContext(ctx, streamURL(relay), header)
	if resp != nil {
		defer resp.Body.Close()
	}
	switch {
	case !stop():
		if conn != nil {
			_ = conn.Close()
		}
		return nil, timedOut(relay.Host)
	case err != nil:
		return nil, dialError(relay.Host, resp, err)
	}
	if err := agreed(conn, resp); err != nil {
		_ = conn.Close()
		return nil, err
	}
	conn.SetReadLimit(maxFrame)
	return conn, nil
}

// agreed checks what the relay made of the handshake. The library itself would
// take a compression that nobody asked for, and with it a bomb behind maxFrame.
func agreed(conn *websocket.Conn, resp *http.Response) error {
	if conn.Subprotocol() != wire.Subprotocol {
		return &finalError{"the relay does not speak " + wire.Subprotocol + ": console and relay are of versions that do not fit"}
	}
	if resp.Header.Get("Sec-Websocket-Extensions") != "" {
		return errors.New("the relay insists on an extension that was not asked for")
	}
	return nil
}

func streamURL(relay *url.URL) string {
	u := relay.JoinPath("v1/stream")
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	return u.String()
}

// cursor is where to resume from, if anywhere.
func (c *Client) cursor() (wire.Cursor, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch == "" || c.board == nil {
		return wire.Cursor{}, false
	}
	return wire.Cursor{Epoch: c.epoch, Seq: c.board.Seq()}, true
}
