package operator

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestATokenIsShownOnceAndAdmitsItsOperator(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, dir)
	token, err := s.Add("ana", Grant{})
	if err != nil {
		t.Fatal(err)
	}
	if who, ok, _ := s.Authenticate(token); !ok || who.Name != "ana" {
		t.Errorf("Authenticate = %q, %v; want ana", who.Name, ok)
	}
	raw, err := os.ReadFile(filepath.Join(dir, listFile))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), token) {
		t.Error("the list holds the token itself")
	}
}

func TestC01WrongTokensAdmitNobody(t *testing.T) {
	s := open(t, t.TempDir())
	token, err := s.Add("ana", Grant{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Local("me"); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{
		"", " ", prefix, token[:len(token)-1], token + "A", strings.ToUpper(token), " " + token, token + "\n",
		hash(token), "Bearer " + token, strings.Repeat("A", 10_000),
	} {
		if who, ok, _ := s.Authenticate(wrong); ok {
			t.Errorf("%.40q admitted %s", wrong, who.Name)
		}
	}
}

func TestAnotherProcessAddsAndRevokes(t *testing.T) {
	dir := t.TempDir()
	relay, command := open(t, dir), open(t, dir)
	token, err := command.Add("ben", Grant{})
	if err != nil {
		t.Fatal(err)
	}
	if who, ok, _ := relay.Authenticate(token); !ok || who.Name != "ben" {
		t.Fatalf("the relay does not see the new operator: %q, %v", who.Name, ok)
	}
	if err := command.Revoke("BEN"); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := relay.Authenticate(token); ok {
		t.Error("a revoked token still admits")
	}
	if err := command.Revoke("ben"); !errors.Is(err, ErrUnknown) {
		t.Errorf("revoking twice: %v, want ErrUnknown", err)
	}
}

func TestNamesAreCheckedAndUnique(t *testing.T) {
	s := open(t, t.TempDir())
	for _, name := range []string{"", "a b", "a/b", "\x1b[31m", strings.Repeat("a", 33), "a\n"} {
		if _, err := s.Add(name, Grant{}); !errors.Is(err, ErrName) {
			t.Errorf("Add(%q) = %v, want ErrName", name, err)
		}
	}
	if _, err := s.Add("Ana", Grant{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add("ana", Grant{}); !errors.Is(err, ErrExists) {
		t.Errorf("adding twice: %v, want ErrExists", err)
	}
	list, err := s.List()
	if err != nil || len(list) != 1 || list[0].Name != "Ana" {
		t.Errorf("List = %v, %v", list, err)
	}
}

func TestTheLocalTokenIsPrivateAndStays(t *testing.T) {
	dir := t.TempDir()
	if _, err := LocalToken(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("before the relay ran: %v, want not exist", err)
	}
	s := open(t, dir)
	if err := s.Local("me"); err != nil {
		t.Fatal(err)
	}
	token, err := LocalToken(dir)
	if err != nil {
		t.Fatal(err)
	}
	if who, ok, _ := s.Authenticate(token); !ok || who.Name != "me" {
		t.Errorf("Authenticate = %q, %v; want me", who.Name, ok)
	}
	again := open(t, dir)
	if err := again.Local("me"); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := again.Authenticate(token); !ok {
		t.Error("a restart of the relay made another local token")
	}
}

func TestS06FilesThatOthersCanReadAreRefusedWithTheMend(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps access in lists, not in these bits")
	}
	dir := t.TempDir()
	s := open(t, dir)
	token, err := s.Add("ana", Grant{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Local("me"); err != nil {
		t.Fatal(err)
	}
	local, err := LocalToken(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{listFile, localFile} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", name, info.Mode().Perm())
		}
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		// A change of mode alone does not change what the list says, so make the
		// store look at it again.
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := LocalToken(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("LocalToken = %v, want the command that mends it", err)
	}
	if _, err := s.List(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("List = %v, want the command that mends it", err)
	}
	if _, ok, err := s.Authenticate(token); ok || err == nil {
		t.Error("a list that others can read still admits, or is not called unreadable")
	}
	if who, ok, err := s.Authenticate(local); !ok || err != nil || who.Name != "me" {
		t.Errorf("the local token with an unreadable list: %q, %v, %v", who.Name, ok, err)
	}
}

func TestADamagedListAdmitsNobodyAndSaysSo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, listFile), []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Open = %v, want damaged", err)
	}
}

func TestS06ADirectoryThatOthersCanWriteToIsRefusedWithTheMend(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps access in lists, not in these bits")
	}
	for mode, refused := range map[os.FileMode]bool{0o700: false, 0o750: false, 0o755: false, 0o770: true, 0o775: true, 0o702: true, 0o777: true} {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); (err != nil) != refused || refused && !strings.Contains(err.Error(), "chmod go-w "+dir) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestS06ALinkInPlaceOfAFileIsRefused(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(outside, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{listFile, localFile} {
		if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is not a plain file") {
		t.Errorf("Open = %v", err)
	}
	if _, err := LocalToken(dir); err == nil || !strings.Contains(err.Error(), "is not a plain file") {
		t.Errorf("LocalToken = %v", err)
	}
}
