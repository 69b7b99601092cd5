package config_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"callscreen/config"
)

func TestTheApplicationProvesWhoItIsInExactlyOneWay(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*config.Settings){
		"client-secret":                func(s *config.Settings) { s.ClientSecret = canary },
		"client-certificate-file":      func(s *config.Settings) { s.ClientCertificateFile = "bot.pfx" },
		"workload-identity-token-file": func(s *config.Settings) { s.WorkloadIdentityTokenFile = "token" },
		"managed-identity":             func(s *config.Settings) { s.ManagedIdentity = "system" },
	}
	for name, set := range ways {
		s := ready(t)
		s.ClientSecret = ""
		set(&s)
		if err := s.CheckRelay(); err != nil || s.Credential() != name {
			t.Errorf("%s alone: %v, chosen is %q", name, err, s.Credential())
		}
		for other, too := range ways {
			if other == name {
				continue
			}
			both := s
			too(&both)
			wantAll(t, both.CheckRelay(), name, other, "keep one of them")
		}
	}
	s := ready(t)
	s.ClientSecret = ""
	wantAll(t, s.CheckRelay(), "client-secret: ", "instead of it one of client-certificate-file, workload-identity-token-file, managed-identity")
	if s.Credential() != "" {
		t.Errorf("chosen is %q where none is set", s.Credential())
	}
}

func TestTwoWaysAreToldWithWhereEachCameFrom(t *testing.T) {
	t.Parallel()
	s := load(t, flags(t, "--managed-identity", "system"), home(t, "CALLSCREEN_CLIENT_SECRET="+canary))
	wantAll(t, s.CheckRelay(), "client-secret (environment CALLSCREEN_CLIENT_SECRET) and managed-identity (flag --managed-identity)")
}

func TestRulesOfTheCredentialsSettings(t *testing.T) {
	t.Parallel()
	managed := func(id string) func(*config.Settings) {
		return func(s *config.Settings) { s.ClientSecret, s.ManagedIdentity = "", id }
	}
	judgeAll(t, config.Settings.CheckRelay, map[string]row{
		"system":         {managed("system"), ""},
		"user-assigned":  {managed(otherGUID), ""},
		"other letters":  {managed("System"), "managed-identity: "},
		"a resource":     {managed("/subscriptions/x"), "managed-identity: "},
		"lost password":  {func(s *config.Settings) { s.ClientCertificatePassword = canary }, "no client-certificate-file"},
		"blank, another": {func(s *config.Settings) { s.ClientSecret, s.ManagedIdentity = " ", "system" }, ""},
	})
}

func TestThePasswordOfACertificateHasNoFlagAndAFile(t *testing.T) {
	t.Parallel()
	path := file(t, "password", canary+"\n")
	s := load(t, flags(t, "--client-certificate-file", "bot.pfx", "--client-certificate-password-file", path), home(t))
	if s.ClientCertificatePassword.Reveal() != canary || s.Origin("client-certificate-password") != "file "+path {
		t.Errorf("password from %s", s.Origin("client-certificate-password"))
	}
}

func TestAWorkloadTokenIsReadAnewWhateverItsModeAndThroughLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var s config.Settings
	s.WorkloadIdentityTokenFile = filepath.Join(dir, "token")
	for _, token := range []string{"one", "two"} {
		// As a cluster does it: a new folder, and a link that is replaced.
		content := filepath.Join(dir, token)
		if err := os.WriteFile(content, []byte(token+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(s.WorkloadIdentityTokenFile)
		if err := os.Symlink(content, s.WorkloadIdentityTokenFile); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
		if got, err := s.ReadWorkloadToken(); got != token || err != nil {
			t.Errorf("%q, %v; want %q", got, err, token)
		}
	}
	s.WorkloadIdentityTokenFile = file(t, "empty", "\n")
	if _, err := s.ReadWorkloadToken(); err == nil || !strings.Contains(err.Error(), "workload-identity-token-file: ") {
		t.Errorf("an empty file: %v", err)
	}
	s.WorkloadIdentityTokenFile = dir
	if _, err := s.ReadWorkloadToken(); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestK02ACertificatesKeyThatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	var s config.Settings
	s.ClientCertificateFile = file(t, "bot.pem", "key")
	if b, err := s.ReadClientCertificate(); string(b) != "key" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660} {
		if err := os.Chmod(s.ClientCertificateFile, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReadClientCertificate(); err == nil || !strings.Contains(err.Error(), "client-certificate-file: ") || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestTheHostsEndpointForIdentitiesIsTakenFromTheEnvironment(t *testing.T) {
	t.Parallel()
	if s := load(t, nil, home(t, "IDENTITY_ENDPOINT=http://127.0.0.1:1/x")); s.IdentityEndpoint() != "http://127.0.0.1:1/x" {
		t.Errorf("%q", s.IdentityEndpoint())
	}
	if s := load(t, nil, home(t)); s.IdentityEndpoint() != "" {
		t.Errorf("%q", s.IdentityEndpoint())
	}
}
