package config

import (
	"errors"
	"fmt"
	"strings"
)

// credentials are the settings of which the relay needs exactly one.
var credentials = []string{"client-secret", "client-certificate-file", "workload-identity-token-file", "managed-identity"}

// Credential is the name of the setting by which the application proves who it
// is: client-secret, client-certificate-file, workload-identity-token-file or
// managed-identity; empty if none is set. CheckRelay refuses several.
func (s Settings) Credential() string {
	if set := s.credentialsSet(); len(set) > 0 {
		return set[0]
	}
	return ""
}

func (s Settings) credentialsSet() (set []string) {
	for _, name := range credentials {
		if row, ok := find(name); ok && !row.empty(&s) {
			set = append(set, name)
		}
	}
	return set
}

// checkCredential names those that are too many, with where each came from. That
// there is none is told with all else that is missing.
func (s Settings) checkCredential() error {
	var faults []error
	if set := s.credentialsSet(); len(set) > 1 {
		for i, name := range set {
			set[i] = name + s.from(name)
		}
		faults = append(faults, fmt.Errorf("%s are set, and the application proves who it is in one way: keep one of them", strings.Join(set, " and ")))
	}
	if s.ClientCertificatePassword != "" && s.ClientCertificateFile == "" {
		faults = append(faults, errors.New("client-certificate-password: is set, but no client-certificate-file that it could open"))
	}
	if s.ManagedIdentity != "system" {
		if err := guid(s.ManagedIdentity); err != nil {
			faults = append(faults, fmt.Errorf("managed-identity: %q is neither system nor the client ID (a GUID) of a user-assigned identity", s.ManagedIdentity))
		}
	}
	return errors.Join(faults...)
}

func (s Settings) from(name string) string {
	if origin := s.Origin(name); origin != "" {
		return " (" + origin + ")"
	}
	return ""
}

// ReadClientCertificate is the content of ClientCertificateFile. Since the private
// key is in it, one that others can read is refused.
func (s Settings) ReadClientCertificate() ([]byte, error) {
	b, err := readPrivate(s.ClientCertificateFile, maxFile)
	if err != nil {
		return nil, fmt.Errorf("client-certificate-file: %w", err)
	}
	return b, nil
}

// ReadWorkloadToken is the content of WorkloadIdentityTokenFile at this moment. It
// is a link in a folder that the cluster mounts, and its mode is the cluster's.
func (s Settings) ReadWorkloadToken() (string, error) {
	b, _, err := readRegular(s.WorkloadIdentityTokenFile, maxSecret)
	if err != nil {
		return "", fmt.Errorf("workload-identity-token-file: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" {
		return "", fmt.Errorf("workload-identity-token-file: %s is empty", s.WorkloadIdentityTokenFile)
	}
	return token, nil
}

// IdentityEndpoint is the address at which the machine's host gives tokens to a
// managed identity, as the host has set it in the environment; empty if it has not.
func (s Settings) IdentityEndpoint() string { return s.identityEndpoint }
