package config

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// Limits for what is read, in bytes.
const (
	maxSecret = 16 << 10
	maxConfig = 1 << 20
	maxFile   = 8 << 20
)

// ReadFile reads a file that a person named, such as a scenario: a regular file
// of at most 8 MiB.
func ReadFile(path string) ([]byte, error) {
	b, _, err := readRegular(path, maxFile)
	return b, err
}

// ReadCA is the content of CAFile, or nil if none is set.
func (s Settings) ReadCA() ([]byte, error) {
	if s.CAFile == "" {
		return nil, nil
	}
	b, err := ReadFile(s.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca-file: %w", err)
	}
	return b, nil
}

// ReadTLS is the content of TLSCert and TLSKey, or nil if none is set. A key
// that others can read is refused.
func (s Settings) ReadTLS() (cert, key []byte, err error) {
	if s.TLSCert == "" && s.TLSKey == "" {
		return nil, nil, nil
	}
	if cert, err = ReadFile(s.TLSCert); err != nil {
		return nil, nil, fmt.Errorf("tls-cert: %w", err)
	}
	if key, err = readPrivate(s.TLSKey, maxFile); err != nil {
		return nil, nil, fmt.Errorf("tls-key: %w", err)
	}
	return cert, key, nil
}

// ReadNATSCreds is the content of NATSCredsFile at this moment. One that others can
// read is refused.
func (s Settings) ReadNATSCreds() ([]byte, error) {
	b, err := readPrivate(s.NATSCredsFile, maxSecret)
	return b, field("nats-creds-file", err)
}

// ReadNATSCA is the content of NATSCAFile, or nil if none is set.
func (s Settings) ReadNATSCA() ([]byte, error) {
	if s.NATSCAFile == "" {
		return nil, nil
	}
	b, err := ReadFile(s.NATSCAFile)
	return b, field("nats-ca-file", err)
}

// ReadNATSTLS is the content of NATSTLSCert and NATSTLSKey at this moment. A key
// that others can read is refused.
func (s Settings) ReadNATSTLS() (cert, key []byte, err error) {
	if cert, err = ReadFile(s.NATSTLSCert); err != nil {
		return nil, nil, field("nats-tls-cert", err)
	}
	key, err = readPrivate(s.NATSTLSKey, maxFile)
	return cert, key, field("nats-tls-key", err)
}

// readRegular reads a file and tells what it is. Anything but a regular file is
// refused, because reading a pipe or a device can wait for ever.
func readRegular(path string, limit int64) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path) //nolint:gosec // a person named it
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	// Judge what was opened, not what the name meant a moment ago.
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, nil, err
	}
	if int64(len(b)) > limit {
		return nil, nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return b, info, nil
}

// readPrivate reads a file with a secret in it. One that others can use is
// refused (K-02).
func readPrivate(path string, limit int64) ([]byte, error) {
	b, info, err := readRegular(path, limit)
	if err == nil {
		err = judgePrivate(path, info)
	}
	return b, err
}

// readSecret reads a file that holds nothing but a secret, on one line.
func readSecret(path string) (Secret, error) {
	b, err := readPrivate(path, maxSecret)
	if err != nil {
		return "", err
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	if _, err := asText(text); err != nil {
		return "", fmt.Errorf("%s must hold the secret on one line and nothing else", path)
	}
	return Secret(text), nil
}

// judgePrivate refuses a file that anybody but its owner can open, and one that
// somebody else owns. Windows has no such modes: there a profile is private by
// its access list.
func judgePrivate(path string, info fs.FileInfo) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s can be used by others (mode %04o): run: chmod 600 %s", path, mode, shellQuote(path))
	}
	return judgeOwner(path, info)
}

// judgeConfigMode refuses a settings file that others can write, since it says
// where the secret is sent, and one with a secret in it that others can read.
func judgeConfigMode(path string, info fs.FileInfo, secret bool) error {
	if secret {
		if err := judgePrivate(path, info); err != nil {
			return fmt.Errorf("settings file with a secret in it: %w", err)
		}
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("settings file: %s can be changed by others (mode %04o): run: chmod go-w %s", path, mode, shellQuote(path))
	}
	if err := judgeOwner(path, info); err != nil {
		return fmt.Errorf("settings file: %w", err)
	}
	return nil
}

// shellQuote makes a path safe to paste into a shell.
func shellQuote(path string) string {
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
