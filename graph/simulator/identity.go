package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"time"
)

// Files in Options.Dir. The private file holds the CA key, the CA certificate and the callback signing
// key together, so that a crash can not leave a key beside somebody else's certificate.
const (
	privateFile = "simulator-private.pem"
	caFile      = "simulator-ca.pem"
)

const (
	typeCert      = "CERTIFICATE"
	typeCAKey     = "EC PRIVATE KEY"
	typeCallback  = "RSA PRIVATE KEY"
	identityYears = 10
	keyBits       = 2048 // of keys that sign callbacks
)

// identity is what a client of the simulator comes to trust: the CA its TLS hangs on and the key that
// signs its callbacks. Kept in Dir, a restart is not noticed; in memory, a restart is a stranger.
type identity struct {
	caKey    *ecdsa.PrivateKey
	ca       *x509.Certificate
	callback *rsa.PrivateKey
}

func openIdentity(dir string, newKey func() (*rsa.PrivateKey, error)) (*identity, error) {
	if dir == "" {
		return makeIdentity(newKey)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("simulator: identity: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("simulator: identity: %w", err)
	}
	defer func() { _ = root.Close() }()
	id, err := loadIdentity(root)
	if errors.Is(err, fs.ErrNotExist) {
		if id, err = makeIdentity(newKey); err == nil {
			err = id.save(root)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("simulator: identity in %s: %w", dir, err)
	}
	// The public half is written at every start: it is what `ca-file` points to, and cheap to mend.
	if err := root.WriteFile(caFile, id.caPEM(), 0o644); err != nil {
		return nil, fmt.Errorf("simulator: identity in %s: %w", dir, err)
	}
	return id, nil
}

func makeIdentity(newKey func() (*rsa.PrivateKey, error)) (*identity, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "callscreen simulator (test only)"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(identityYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		// Somebody may add this CA to the trust store of a whole machine: it must be worth nothing there.
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{"localhost"},
		PermittedIPRanges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
	}
	ca, err := certify(template, template, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	callback, err := newKey()
	if err != nil {
		return nil, err
	}
	return &identity{caKey: caKey, ca: ca, callback: callback}, nil
}

func loadIdentity(root *os.Root) (*identity, error) {
	rest, err := root.ReadFile(privateFile)
	if err != nil {
		return nil, err
	}
	id := &identity{}
	for block, more := pem.Decode(rest); block != nil; block, more = pem.Decode(more) {
		switch block.Type {
		case typeCert:
			id.ca, err = x509.ParseCertificate(block.Bytes)
		case typeCAKey:
			id.caKey, err = x509.ParseECPrivateKey(block.Bytes)
		case typeCallback:
			id.callback, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", privateFile, err)
		}
	}
	switch {
	case id.ca == nil || id.caKey == nil || id.callback == nil:
		return nil, fmt.Errorf("%s: incomplete; remove it to start with a new identity", privateFile)
	case !id.caKey.PublicKey.Equal(id.ca.PublicKey):
		return nil, fmt.Errorf("%s: key and certificate do not belong together", privateFile)
	case time.Now().After(id.ca.NotAfter):
		return nil, fmt.Errorf("%s: expired on %s; remove it to start with a new identity",
			privateFile, id.ca.NotAfter.Format(time.DateOnly))
	}
	return id, nil
}

// save replaces the private file as a whole or not at all.
func (id *identity) save(root *os.Root) error {
	caKey, err := x509.MarshalECPrivateKey(id.caKey)
	if err != nil {
		return err
	}
	data := pem.EncodeToMemory(&pem.Block{Type: typeCAKey, Bytes: caKey})
	data = append(data, id.caPEM()...)
	data = append(data, pem.EncodeToMemory(&pem.Block{
		Type: typeCallback, Bytes: x509.MarshalPKCS1PrivateKey(id.callback),
	})...)
	const draft = privateFile + ".new"
	if err := root.WriteFile(draft, data, 0o600); err != nil {
		return err
	}
	return root.Rename(draft, privateFile)
}

func (id *identity) caPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: typeCert, Bytes: id.ca.Raw})
}

// leaf makes the server's certificate; a new one at each start, since only the CA is what clients know.
func (id *identity) leaf() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := certify(&x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     id.ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}, id.ca, key.Public(), id.caKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, id.ca.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func certify(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}
