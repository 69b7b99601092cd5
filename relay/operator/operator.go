// Package operator keeps who may screen calls: operators' names, their roles and
// their tokens, in one file of the relay's data directory. A token is shown once,
// when it is made; kept is only its SHA-256, which is enough because a token is
// 32 random bytes and cannot be guessed from a list of passwords.
//
// The relay of a user and the console of the same user on the same machine need
// no set-up: [Store.Local] keeps a private token beside the list, readable by
// that user alone, and [LocalToken] finds it.
package operator

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"callscreen/relay/call"
)

const (
	listFile  = "operators.json"
	localFile = "local-token"
	prefix    = "cs_" // lets people and scanners of leaked secrets see what a token is
)

// Sentences a caller decides by.
var (
	ErrName    = errors.New("an operator's name has 1 to 32 letters, digits, dots, dashes and underscores")
	ErrExists  = errors.New("an operator of this name exists already")
	ErrUnknown = errors.New("no operator of this name")
)

var validName = regexp.MustCompile(`^[\p{L}\p{N}._-]{1,32}$`)

const longestName = 32 // as in validName

// Store is the list on disk and what is known of it in memory. Other processes
// may change the file: it is read again whenever it has changed. Safe for
// concurrent use.
type Store struct {
	dir string

	mu    sync.Mutex
	list  []Operator
	stamp fs.FileInfo // of the file that list was read from; nil: there was none
	local *Operator   // this process's own local token, not in the file
}

// Open reads the list in a directory, which is made for this user alone if it
// does not exist, and refused if others can write to it. A missing list is an
// empty one.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory cannot be used, choose another with --data-dir: %w", err)
	}
	if err := privateDir(dir); err != nil {
		return nil, err
	}
	s := &Store{dir: dir}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, s.reload()
}

// Add enters a new operator and returns the token, which is not kept.
func (s *Store) Add(name string, g Grant) (token string, err error) {
	if !validName.MatchString(name) {
		return "", ErrName
	}
	now := time.Now().UTC()
	if g, err = g.judge(now); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token = newToken()
	err = s.edit(func(list []Operator) ([]Operator, error) {
		if index(list, name) >= 0 {
			return nil, ErrExists
		}
		return append(list, Operator{Name: name, Hash: hash(token), Role: g.Role, Added: now, Expires: g.Expires.UTC()}), nil
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// Revoke takes an operator off the list; the token is void from then on.
func (s *Store) Revoke(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.edit(func(list []Operator) ([]Operator, error) {
		i := index(list, name)
		if i < 0 {
			return nil, ErrUnknown
		}
		return slices.Delete(list, i, i+1), nil
	})
}

// edit replaces the list by what change makes of the one on disk. The caller
// holds mu.
func (s *Store) edit(change func([]Operator) ([]Operator, error)) error {
	if err := s.reload(); err != nil {
		return err
	}
	list, err := change(slices.Clone(s.list))
	if err != nil {
		return err
	}
	return s.save(list)
}

// List is every operator, the oldest first.
func (s *Store) List() ([]Operator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.reload()
	return slices.Clone(s.list), err
}

// Authenticate finds whose token this is; ok is false for nobody's and for one
// that is void by now. Every entry is compared, in constant time, so that the time
// taken says nothing about the list. An error means that the list cannot be read
// and whose it is cannot be said; the local token is known all the same.
func (s *Store) Authenticate(token string) (who call.Operator, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := []byte(hash(token))
	if s.local != nil && subtle.ConstantTimeCompare(sum, []byte(s.local.Hash)) == 1 {
		return call.Operator{Name: s.local.Name, Role: call.Deciding}, true, nil
	}
	if err := s.reload(); err != nil {
		return call.Operator{}, false, err
	}
	now := time.Now()
	for _, o := range s.list {
		if subtle.ConstantTimeCompare(sum, []byte(o.Hash)) == 1 && o.Valid(now) {
			who, ok = call.Operator{Name: o.Name, Role: o.Role}, true
		}
	}
	return who, ok, nil
}

// Local makes sure that this user's private token exists and admits it under a
// name. The relay calls it once at its start.
func (s *Store) Local(name string) error {
	token, err := LocalToken(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		token = newToken()
		err = writePrivate(s.dir, localFile, []byte(token+"\n"))
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.local = &Operator{Name: name, Hash: hash(token)}
	return nil
}

// LocalToken reads the private token that a relay of this user left in its data
// directory. A file that others can read is refused with the command that mends it.
func LocalToken(dir string) (string, error) {
	path := filepath.Join(dir, localFile)
	if err := private(path); err != nil {
		return "", err
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the path is the data directory's own file
	if err != nil {
		return "", fmt.Errorf("operator: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if !strings.HasPrefix(token, prefix) {
		return "", fmt.Errorf("operator: %s holds no token; remove it and start the relay again", path)
	}
	return token, nil
}

func index(list []Operator, name string) int {
	return slices.IndexFunc(list, func(o Operator) bool { return strings.EqualFold(o.Name, name) })
}

// reload reads the list if it is another file than before. Every change makes a
// new file, so that two changes within one tick of the file system's clock, to
// the same length, are told apart.
func (s *Store) reload() error {
	path := filepath.Join(s.dir, listFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		s.list, s.stamp = nil, nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	if s.stamp != nil && os.SameFile(info, s.stamp) && info.ModTime().Equal(s.stamp.ModTime()) && info.Size() == s.stamp.Size() {
		return nil
	}
	if err := private(path); err != nil {
		return err
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the path is the data directory's own file
	if err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	var list []Operator
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("operator: %s is damaged: %w", path, err)
	}
	for i := range list {
		list[i].Role = cmp.Or(list[i].Role, call.Deciding) // of a version without roles
	}
	s.list, s.stamp = list, info
	return nil
}

func (s *Store) save(list []Operator) error {
	raw, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	if err := writePrivate(s.dir, listFile, append(raw, '\n')); err != nil {
		return err
	}
	s.stamp = nil
	return s.reload()
}

func newToken() string {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	return prefix + base64.RawURLEncoding.EncodeToString(raw[:])
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
