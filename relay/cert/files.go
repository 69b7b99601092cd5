package cert

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// lookEvery is how often the files are compared with what is served. Their
// content is compared and not their times, so that neither a link that is turned
// (as containers do) nor a clock that is set can hide a change.
const lookEvery = 10 * time.Second

// Files is a certificate and key that are read again when they have changed.
// Make it with [Open], run it once with [Files.Run]. Safe for concurrent use.
type Files struct {
	read func() (cert, key []byte, err error)
	log  *slog.Logger

	mu   sync.Mutex
	pair *tls.Certificate

	// Run's own.
	cert, key []byte // what pair was made of
	trouble   string // what was said about the files last
	reminded  bool   // of the end of pair
}

// Open reads the files for the first time, through a function that gives the
// content of both in PEM and says what is wrong with them, modes included. What
// cannot be served is an error.
func Open(read func() (cert, key []byte, err error), log *slog.Logger) (*Files, error) {
	f := &Files{read: read, log: log}
	pair, err := f.load()
	if err != nil {
		return nil, err
	}
	f.pair = pair
	return f, nil
}

// TLS is the configuration to serve with.
func (f *Files) TLS() *tls.Config {
	return serving(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current(), nil })
}

// Ready is nil as long as the certificate is within its time.
func (f *Files) Ready() error { return judge(f.current(), time.Now()) }

// Run looks for changes until the context ends. A pair that does not serve, such
// as one that is only half written or not valid yet, leaves the old one in place; that is said
// once, and once more when it is over.
func (f *Files) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		f.reminded = f.reminded || remind(f.log, f.current(), time.Now())
		select {
		case <-tick.C:
			f.look()
		case <-ctx.Done():
			return nil
		}
	}
}

func (f *Files) look() {
	pair, err := f.load()
	if err != nil {
		if f.trouble != err.Error() {
			f.trouble = err.Error()
			f.log.Warn("the new certificate cannot be served, the old one stays", "err", err, "old_end", f.current().Leaf.NotAfter)
		}
		return
	}
	if pair == nil && f.trouble != "" {
		f.log.Info("the files hold the certificate that is served again")
	}
	f.trouble = ""
	if pair == nil {
		return
	}
	f.mu.Lock()
	f.pair, f.reminded = pair, false
	f.mu.Unlock()
	f.log.Info("a new certificate is served", "names", pair.Leaf.DNSNames, "end", pair.Leaf.NotAfter)
}

// load reads the files. It returns nil if they are what is served already. A pair
// that is out of its time is refused only as long as the old one is within its own:
// it is looked at again each time, since its time may come.
func (f *Files) load() (*tls.Certificate, error) {
	cert, key, err := f.read()
	if err != nil {
		return nil, err
	}
	if f.cert != nil && bytes.Equal(cert, f.cert) && bytes.Equal(key, f.key) {
		return nil, nil //nolint:nilnil // nothing new is no fault
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tls-cert, tls-key: %w", err)
	}
	if old, now := f.current(), time.Now(); old != nil && judge(old, now) == nil {
		if err := judge(&pair, now); err != nil {
			return nil, err
		}
	}
	f.cert, f.key = cert, key
	return &pair, nil
}

func (f *Files) current() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pair
}
