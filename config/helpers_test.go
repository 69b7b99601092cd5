package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"callscreen/config"
)

const (
	someGUID  = "01234567-89ab-cdef-0123-456789abcdef"
	otherGUID = "FEDCBA98-7654-3210-fedc-ba9876543210"
	canary    = "s3cr3t-canary"
)

// flagNames are the settings that have a flag.
var flagNames = []string{
	"listen", "webhook-path", "webhook-max-body", "client-id", "tenant-id", "client-secret-file", "client-certificate-file", "client-certificate-password-file",
	"workload-identity-token-file", "managed-identity", "cloud", "api-version",
	"authority-url", "graph-url", "webhook-metadata-url", "webhook-issuers", "webhook-audiences", "allowed-tenants", "ca-file",
	"public-url", "callback-uri", "ring-timeout", "reject-margin", "undo", "unattended", "on-call", "data-dir", "journal-max-age", "journal-max-bytes", "nats-url", "nats-creds-file", "nats-ca-file", "nats-tls-cert", "nats-tls-key", "nats-replicas", "nats-monitor-url", "tls-cert", "tls-key",
	"acme-host", "acme-email", "acme-directory-url", "metrics-listen",
	"log-level", "log-format", "log-file", "relay", "token-file", "theme", "mute", "keys",
}

// flags are a command's, with some of its own, after parsing.
func flags(t testing.TB, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	fs.String("config", "", "")
	fs.Int("seed", 0, "a flag of the command's own")
	config.AddFlags(fs, flagNames...)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fs
}

// home is an environment in which nothing is set up.
func home(t testing.TB, more ...string) []string {
	t.Helper()
	dir := t.TempDir()
	return append([]string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir + "/c", "XDG_DATA_HOME=" + dir + "/d"}, more...)
}

// file writes a private file.
func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, fs *pflag.FlagSet, environ []string) config.Settings {
	t.Helper()
	s, err := config.Load(fs, environ)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ready are settings with which a relay could start.
func ready(t testing.TB) config.Settings {
	t.Helper()
	return load(t, nil, home(t,
		"CALLSCREEN_CLIENT_ID="+someGUID, "CALLSCREEN_TENANT_ID="+otherGUID, "CALLSCREEN_CLIENT_SECRET="+canary))
}

func wantAll(t testing.TB, err error, wants ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want %q", wants)
		return
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("an error repeats a secret: %v", err)
	}
}

// mkfile writes a private file and the folders above it.
func mkfile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
