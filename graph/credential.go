package graph

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"software.sslmate.com/src/go-pkcs12"
)

// Credential is how the app proves to Microsoft who it is. It is made by [ClientSecret], [ClientCertificate],
// [WorkloadIdentity] or [ManagedIdentity]; the zero value is refused by [NewTokens]. However it is printed, it tells
// which of them it is and never what is secret.
type Credential struct {
	words  string
	secret string // must stand in no error; "": there is nothing of the kind
	// provider makes the library's credential, for one use.
	provider func(tenant, clientID string, o azcore.ClientOptions) (azcore.TokenCredential, error)
	// local is how a managed identity's endpoint is reached; nil: the tokens come from Entra.
	local *http.Client
	host  string // of that endpoint, as far as it is known before it is asked
	ends  time.Time
}

// String says in words which credential it is and by which settings, for doctor and for logs.
func (c Credential) String() string {
	if c.provider == nil {
		return "no credential"
	}
	return c.words
}

// SoonEnded is how long before the end of a client certificate there is a warning: a new one takes people, a change of
// the app registration and a restart.
const SoonEnded = 14 * 24 * time.Hour

// Ends is when a client certificate is of no more use; zero for what has no end that is known here.
func (c Credential) Ends() time.Time { return c.ends }

// Format prints String whatever the verb, because %#v would print the fields.
func (c Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// ClientSecret is a secret that the app registration holds as well. One that is blank is refused.
func ClientSecret(secret string) (Credential, error) {
	if strings.TrimSpace(secret) == "" {
		return Credential{}, errors.New("client-secret: is blank")
	}
	return Credential{
		words: "client secret (client-secret)", secret: secret,
		provider: func(tenant, clientID string, o azcore.ClientOptions) (azcore.TokenCredential, error) {
			return azidentity.NewClientSecretCredential(tenant, clientID, secret, &azidentity.ClientSecretCredentialOptions{
				ClientOptions: o, DisableInstanceDiscovery: true,
			})
		},
	}, nil
}

// ClientCertificate is a certificate of the app registration with its RSA private key, which signs a fresh assertion for
// each token and never leaves. file holds both, as PEM (the key not encrypted; then there is no password) or as PKCS#12
// (.pfx). A certificate that is not valid at now is refused; Microsoft would refuse each token.
func ClientCertificate(file []byte, password string, now time.Time) (Credential, error) {
	certs, key, err := parseCertificate(file, password)
	if err != nil {
		return Credential{}, fmt.Errorf("client-certificate-file: %w", err)
	}
	leaf, err := leafOf(certs, key)
	if err == nil {
		err = validAt(leaf, now)
	}
	if err != nil {
		return Credential{}, fmt.Errorf("client-certificate-file: %w", err)
	}
	sum := sha256.Sum256(leaf.Raw)
	return Credential{
		ends:  leaf.NotAfter,
		words: fmt.Sprintf("client certificate (client-certificate-file), SHA-256 %X, valid until %s", sum, leaf.NotAfter.UTC().Format(time.DateOnly)),
		provider: func(tenant, clientID string, o azcore.ClientOptions) (azcore.TokenCredential, error) {
			return azidentity.NewClientCertificateCredential(tenant, clientID, certs, key, &azidentity.ClientCertificateCredentialOptions{
				ClientOptions: o, DisableInstanceDiscovery: true,
			})
		},
	}, nil
}

// parseCertificate reads PEM by Microsoft's own function, and PKCS#12 by a library that also reads what OpenSSL 3 and
// today's Windows write; Microsoft's reads only the ciphers of 1999. No error repeats anything of the file.
func parseCertificate(file []byte, password string) ([]*x509.Certificate, crypto.PrivateKey, error) {
	if block, _ := pem.Decode(file); block != nil {
		if password != "" {
			return nil, nil, errors.New("a PEM file takes no client-certificate-password: keep its key unencrypted in a file of mode 0600, or use a .pfx file")
		}
		certs, key, err := azidentity.ParseCertificates(file, nil)
		if err != nil {
			return nil, nil, errors.New("the PEM file needs a CERTIFICATE and one unencrypted PRIVATE KEY")
		}
		return certs, key, nil
	}
	key, leaf, chain, err := pkcs12.DecodeChain(file, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, nil, errors.New("the password is wrong: set client-certificate-password")
	case err != nil:
		return nil, nil, errors.New("it is neither PEM nor a PKCS#12 (.pfx) file with a certificate and its key")
	}
	return append([]*x509.Certificate{leaf}, chain...), key, nil
}

func leafOf(certs []*x509.Certificate, key crypto.PrivateKey) (*x509.Certificate, error) {
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key is not an RSA key, and Microsoft takes no other here")
	}
	i := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return private.PublicKey.Equal(c.PublicKey) })
	if i < 0 {
		return nil, errors.New("the private key belongs to none of the certificates")
	}
	return certs[i], nil
}

func validAt(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate expired on %s: make a new one and add it to the app registration", leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s: is the clock of this machine right?", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// WorkloadIdentity is a token of another issuer, such as a Kubernetes cluster's, that the app registration trusts by a
// federated credential. read gives it anew for each sign-in, because its issuer replaces it every hour or so.
func WorkloadIdentity(read func() (string, error)) Credential {
	return Credential{
		words: "workload identity (workload-identity-token-file)",
		provider: func(tenant, clientID string, o azcore.ClientOptions) (azcore.TokenCredential, error) {
			assertion, err := read()
			if err != nil {
				return nil, err
			}
			return azidentity.NewClientAssertionCredential(tenant, clientID,
				func(context.Context) (string, error) { return assertion, nil },
				&azidentity.ClientAssertionCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: true})
		},
	}
}
