package cert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

const (
	// tryAgain bounds the waits between tries for a certificate, which double.
	// Let's Encrypt allows five failed validations of a name an hour.
	tryAgainFirst = 2 * time.Minute
	tryAgainLast  = time.Hour
	// renewedWithin is how old a renewal can be before it is served.
	renewedWithin = time.Hour
)

// ACMEOptions say whose certificates to obtain where. All but Email are required.
type ACMEOptions struct {
	Hosts     []string     // DNS names, lower case; a certificate for each
	Email     string       // told to the CA for its notices; "" for none
	Directory string       // the CA's ACME directory, https
	Dir       string       // private directory for account key and certificates; made if need be
	HTTP      *http.Client // for the CA; it is only ever sent to Directory's host
	Logger    *slog.Logger
}

// ACME obtains certificates and renews them in good time. Make it with
// [NewACME], run it once with [ACME.Run], while its TLS configuration serves:
// the CA knocks at port 443 of each host to see who answers. Using it agrees to
// the CA's terms of service. Safe for concurrent use.
//
// Only Run asks for certificates. A handshake that could would let any stranger
// who names the host spend the CA's patience, and would itself wait longer than
// Graph does.
type ACME struct {
	opts    ACMEOptions
	manager *autocert.Manager

	mu    sync.Mutex
	pairs map[string]*tls.Certificate
}

// NewACME prepares. Nothing is sent yet.
func NewACME(o ACMEOptions) (*ACME, error) {
	directory, err := url.Parse(o.Directory)
	if err != nil {
		return nil, fmt.Errorf("acme-directory-url: %w", err)
	}
	if err := privateDir(o.Dir); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	own := *o.HTTP
	own.Transport = &oneHost{directory.Host, own.Transport}
	return &ACME{
		opts: o,
		manager: &autocert.Manager{
			Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(o.Dir), Email: o.Email,
			HostPolicy: autocert.HostWhitelist(o.Hosts...),
			Client:     &acme.Client{DirectoryURL: o.Directory, HTTPClient: &own, UserAgent: "callscreen"},
		},
		pairs: map[string]*tls.Certificate{},
	}, nil
}

// TLS is the configuration to serve with; it also answers the CA's challenges.
func (a *ACME) TLS() *tls.Config {
	return serving(a.pick, "h2", "http/1.1", acme.ALPNProto)
}

func (a *ACME) pick(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto {
		return a.manager.GetCertificate(hello) // looked up, as all here
	}
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if pair := a.pair(name); pair != nil {
		return pair, nil
	}
	return nil, errors.New("cert: there is no certificate for this name")
}

// Ready is nil as long as there is a certificate for each host within its time.
func (a *ACME) Ready() error {
	for _, host := range a.opts.Hosts {
		pair := a.pair(host)
		if pair == nil {
			return fmt.Errorf("there is no certificate for %s yet", host)
		}
		if err := judge(pair, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// Run obtains what is missing and takes over what was renewed, until the context
// ends.
func (a *ACME) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	for _, host := range a.opts.Hosts {
		work.Go(func() { a.keep(ctx, host) })
	}
	return nil
}

// keep does Run's work for one host.
func (a *ACME) keep(ctx context.Context, host string) {
	wait, reminded := tryAgainFirst, false
	for {
		pair, err := a.obtain(ctx, host)
		pause := renewedWithin
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			pause, wait = wait, min(2*wait, tryAgainLast)
			a.opts.Logger.Error("no certificate could be obtained", "host", host, "err", err, "next_try_in", pause)
		case a.take(host, pair):
			wait, reminded = tryAgainFirst, false
			a.opts.Logger.Info("a new certificate is served", "names", pair.Leaf.DNSNames, "end", pair.Leaf.NotAfter)
		default:
			reminded = reminded || remind(a.opts.Logger, pair, time.Now())
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// obtain gives the manager's certificate for a host, from its memory, its cache
// or the CA. The manager cannot be told to stop (it gives up after five minutes):
// when the context ends first it is left behind, and the process with it.
func (a *ACME) obtain(ctx context.Context, host string) (*tls.Certificate, error) {
	type answer struct {
		pair *tls.Certificate
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		pair, err := a.manager.GetCertificate(modern(host))
		done <- answer{pair, err}
	}()
	select {
	case got := <-done:
		return got.pair, got.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// modern is the greeting of a client that takes ECDSA, as everybody does. The
// manager would keep a second certificate for those that do not.
func modern(host string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
}

// take serves a certificate from now on. It reports whether it is a new one.
func (a *ACME) take(host string, pair *tls.Certificate) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.pairs[host]
	a.pairs[host] = pair
	return old == nil || !old.Leaf.Equal(pair.Leaf)
}

func (a *ACME) pair(host string) *tls.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pairs[host]
}

// oneHost sends to the CA's own host and over https only. Where the CA's
// directory points is not for a stranger's document to say.
type oneHost struct {
	host string
	base http.RoundTripper
}

func (o *oneHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" && strings.EqualFold(r.URL.Host, o.host) {
		return o.base.RoundTrip(r)
	}
	if r.Body != nil {
		_ = r.Body.Close() // the contract of RoundTripper, also on errors
	}
	return nil, fmt.Errorf("the CA at %s names an address elsewhere, which is not asked: %s", o.host, r.URL.Host)
}

// privateDir makes a directory for this user alone, or refuses one that others
// can enter.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "open", Path: dir, Err: errors.New("not a directory of its own")}
	}
	// Windows keeps access in lists that these bits do not show.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return fmt.Errorf("%s is open to other users (mode %04o): run: chmod 700 '%s'", dir, mode, strings.ReplaceAll(dir, "'", `'\''`))
	}
	return nil
}
