//go:build unix

package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"callscreen/config"
)

func chmod(t *testing.T, path string, mode os.FileMode) string {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestK02ASecretFileThatOthersCanUseIsRefusedWithTheCommandThatMendsIt(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o604, 0o620, 0o640, 0o644, 0o660, 0o666, 0o777, 0o601} {
		path := chmod(t, file(t, "it's secret", canary), mode)
		_, err := config.Load(flags(t, "--client-secret-file", path), home(t))
		wantAll(t, err, "client-secret-file: ", "chmod 600 '"+strings.ReplaceAll(path, "'", `'\''`)+"'")
	}
	for _, mode := range []os.FileMode{0o400, 0o600, 0o700} {
		path := chmod(t, file(t, "secret", canary), mode)
		if s := load(t, flags(t, "--client-secret-file", path), home(t)); s.ClientSecret.Reveal() != canary {
			t.Errorf("mode %v gave another secret", mode)
		}
	}
}

func TestK02AKeyThatOthersCanUseIsRefusedAndACertificateIsNot(t *testing.T) {
	t.Parallel()
	s := ready(t)
	s.TLSCert, s.TLSKey = chmod(t, file(t, "cert.pem", "C"), 0o644), file(t, "key.pem", "K")
	if cert, key, err := s.ReadTLS(); err != nil || string(cert) != "C" || string(key) != "K" {
		t.Errorf("%q %q %v", cert, key, err)
	}
	for _, mode := range []os.FileMode{0o604, 0o620, 0o640, 0o644, 0o666, 0o777} {
		chmod(t, s.TLSKey, mode)
		_, _, err := s.ReadTLS()
		wantAll(t, err, "tls-key: ", "run: chmod 600 '"+s.TLSKey+"'")
	}
}

func TestK02WhatOpensNATSIsPrivateToo(t *testing.T) {
	t.Parallel()
	s := ready(t)
	s.NATSCredsFile, s.NATSTLSCert, s.NATSTLSKey = file(t, "relay.creds", canary), chmod(t, file(t, "cert.pem", "C"), 0o644), file(t, "key.pem", "K")
	if creds, err := s.ReadNATSCreds(); err != nil || string(creds) != canary {
		t.Errorf("%v", err)
	}
	if cert, key, err := s.ReadNATSTLS(); err != nil || string(cert) != "C" || string(key) != "K" {
		t.Errorf("%q %q %v", cert, key, err)
	}
	for _, mode := range []os.FileMode{0o604, 0o640, 0o644, 0o666} {
		chmod(t, s.NATSCredsFile, mode)
		_, err := s.ReadNATSCreds()
		wantAll(t, err, "nats-creds-file: ", "run: chmod 600 '"+s.NATSCredsFile+"'")
		chmod(t, s.NATSTLSKey, mode)
		_, _, err = s.ReadNATSTLS()
		wantAll(t, err, "nats-tls-key: ", "run: chmod 600 '"+s.NATSTLSKey+"'")
	}
}

func TestK02ASettingsFileMayBeReadByOthersOnlyWithoutASecret(t *testing.T) {
	t.Parallel()
	for content, secret := range map[string]bool{
		"theme = \"dark\"":                                false,
		"nats-url = \"nats://host\"":                      false,
		"client-secret = \"" + canary + "\"":              true,
		"token = \"" + canary + "\"":                      true,
		"nats-url = \"nats://u:" + canary + "@host\"":     true,
		"nats-url = \"nats://h,tls://" + canary + "@h2\"": true,
	} {
		for mode, shared := range map[os.FileMode]bool{0o600: false, 0o640: true, 0o644: true} {
			path := chmod(t, file(t, "c.toml", content), mode)
			_, err := config.Load(flags(t, "--config", path), home(t))
			if secret && shared {
				wantAll(t, err, "settings file with a secret in it", "chmod 600 ")
			} else if err != nil {
				t.Errorf("mode %v: %v", mode, err)
			}
		}
		for _, mode := range []os.FileMode{0o620, 0o602, 0o666} {
			path := chmod(t, file(t, "c.toml", content), mode)
			_, err := config.Load(flags(t, "--config", path), home(t))
			wantAll(t, err, "settings file", "run: chmod ")
		}
	}
}

func TestAPipeInPlaceOfAFileIsRefusedAndNotWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(flags(t, "--config", path, "--token-file", path), home(t))
	wantAll(t, err, "settings file: "+path+" is not a regular file", "token-file: "+path+" is not a regular file")
}

func TestWhatASimulatorWritesIsPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loose := chmod(t, filepath.Join(mkdir(t, dir), "client-secret"), 0o644) // left from before
	if _, err := config.WriteSimulated(dir, map[string]string{"client-id": someGUID}, []byte("PEM"), canary); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v (%v)", e.Name(), info.Mode(), err)
		}
	}
	if b, err := os.ReadFile(loose); err != nil || string(b) != canary+"\n" {
		t.Errorf("the old secret stayed (%v)", err)
	}
}

// mkdir leaves an old client secret in a folder.
func mkdir(t *testing.T, dir string) string {
	t.Helper()
	mkfile(t, filepath.Join(dir, "client-secret"), "old")
	return dir
}

func TestAFaultThatSaysItsOriginOrItsMendIsNotTalkedOver(t *testing.T) {
	t.Parallel()
	path := chmod(t, file(t, "secret", canary), 0o644)
	s, err := config.Load(flags(t, "--client-secret-file", path), home(t, "CALLSCREEN_MUTE=perhaps"))
	var all []string
	for _, f := range s.Faults(err) {
		all = append(all, f.Words+" -> "+f.Mend)
		if strings.Count(f.Words, "CALLSCREEN_MUTE") > 1 {
			t.Errorf("said twice: %s", f.Words)
		}
	}
	for _, want := range []string{"mute (environment CALLSCREEN_MUTE) is neither", "-> run: chmod 600 '" + path + "'"} {
		if !slices.ContainsFunc(all, func(one string) bool { return strings.Contains(one, want) }) {
			t.Errorf("%q, want %q", all, want)
		}
	}
}
