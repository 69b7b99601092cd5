// Package cert keeps the certificate that the relay serves valid while it runs:
// from PEM files that somebody else renews ([Files]), or obtained and renewed by
// itself from a CA that speaks ACME ([ACME], RFC 8555 with TLS-ALPN-01, RFC 8737).
//
// Both never make things worse: what serves goes on serving until there is
// something better, and what went wrong is logged once, in words, and told by
// Ready. A handshake takes what is there: it asks no CA and waits for nobody.
package cert

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"
)

// soon is how long before its end a certificate is worth a warning. Whoever
// renews begins weeks earlier.
const soon = 7 * 24 * time.Hour

// judge says why a certificate does not serve now, or nil.
func judge(pair *tls.Certificate, now time.Time) error {
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the relay's certificate ended at %s", leaf.NotAfter.Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the relay's certificate begins at %s", leaf.NotBefore.Format(time.RFC3339))
	}
	return nil
}

// remind warns of an end that comes soon. It reports whether it did.
func remind(log *slog.Logger, pair *tls.Certificate, now time.Time) bool {
	end := pair.Leaf.NotAfter
	if end.Sub(now) > soon {
		return false
	}
	log.Warn("the relay's certificate ends soon or has ended, and nobody has renewed it", "end", end)
	return true
}

// serving is a configuration that asks pick at each handshake.
func serving(pick func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pick, NextProtos: protocols}
}
