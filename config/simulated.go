package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// WriteSimulated writes, into a private directory that it makes if need be, all
// that a relay needs to talk to a simulated Microsoft: a settings file with the
// given settings, the certificate to trust (ca-file, unless the settings name
// one) and the client secret in a file of its own. It returns the path of the
// settings file, for --config.
func WriteSimulated(dir string, settings map[string]string, caPEM []byte, clientSecret string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	settings = maps.Clone(settings)
	settings["client-secret-file"] = filepath.Join(dir, "client-secret")
	files := map[string][]byte{settings["client-secret-file"]: []byte(clientSecret + "\n")}
	if settings["ca-file"] == "" {
		settings["ca-file"] = filepath.Join(dir, "ca.pem")
		files[settings["ca-file"]] = caPEM
	}
	text, err := tomlOf(settings)
	if err != nil {
		return "", err
	}
	relay := filepath.Join(dir, "relay.toml")
	files[relay] = text
	for path, content := range files {
		if err := writePrivate(path, content); err != nil {
			return "", err
		}
	}
	return relay, nil
}

// Simulated is s for a relay and a console in this process that talk to a simulated
// Microsoft: with the settings file that WriteSimulated wrote, and all data in dir.
// What would lead to anybody else, or was made for a real tenant, is left out: a
// shared journal above all, on which invented calls would ring at real consoles.
func (s Settings) Simulated(file, dir, relay string) (Settings, error) {
	s.NATSURL, s.NATSCredsFile, s.NATSCAFile, s.NATSTLSCert, s.NATSTLSKey, s.NATSReplicas, s.NATSMonitorURL = "", "", "", "", "", 0, nil
	s.AllowedTenants, s.WebhookIssuers, s.PublicURL, s.CallbackURI = nil, nil, "", ""
	s.TLSCert, s.TLSKey, s.ACMEHost, s.MetricsListen = "", "", nil, ""
	s.Cloud, s.Token, s.Unattended, s.OnCall = "global", "", unattended[0], ""
	s.ClientCertificateFile, s.WorkloadIdentityTokenFile, s.ManagedIdentity = "", "", ""
	s, err := s.With(file)
	s.DataDir, s.Relay = dir, relay
	return s, err
}

// tomlOf writes settings of text. Names that are no settings are refused here
// rather than by the relay.
func tomlOf(settings map[string]string) ([]byte, error) {
	var b strings.Builder
	b.WriteString("# Written for a simulated Microsoft; holds nothing of a real one.\n")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if _, ok := find(name); !ok {
			return nil, fmt.Errorf("there is no setting %q", name)
		}
		fmt.Fprintf(&b, "%s = %s\n", name, tomlText(settings[name]))
	}
	return []byte(b.String()), nil
}

// tomlText is a basic string of TOML, whose escapes are JSON's.
func tomlText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// writePrivate replaces a file in one step. The mode is set on a new file, so
// that an old one's looser mode does not stay.
func writePrivate(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
