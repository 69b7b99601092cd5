// Package operator keeps who may screen calls: operators' names and their
// tokens, in one file of the relay's data directory. A token is shown once,
// when it is made; kept is only its SHA-256, which is enough because a token is
// 32 random bytes and cannot be guessed from a list of passwords.
//
// The relay of a user and the console of the same user on the same machine need
// no set-up: [Store.Local] keeps a private token beside the list, readable by
// that user alone, and [LocalToken] finds it.
package operator

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

const (
	listFile  = "operators.json"
	localFile = "local-token"
	prefix    = "cs_" // lets people and scanners of leaked secrets see what a token is
)

// Operator is one entry of the list.
type Operator struct {
	Name  string    `json:"name"`
	Hash  string    `json:"sha256"` // of the token, in hex
	Added time.Time `json:"added"`
}

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
	stamp time.Time // of the file that list was read from
	size  int64
	local *Operator // this process's own local token, not in the file
}

// Open reads the list in a directory, which is made for this user alone if it
// does not exist. A missing list is an empty one.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory cannot be used, choose another with --data-dir: %w", err)
	}
	s := &Store{dir: dir}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, s.reload()
}

// Add enters a new operator and returns the token, which is not kept.
func (s *Store) Add(name string) (token string, err error) {
	if !validName.MatchString(name) {
		return "", ErrName
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.reload(); err != nil {
		return "", err
	}
	if s.index(name) >= 0 {
		return "", ErrExists
	}
	token = newToken()
	list := append(slices.Clone(s.list), Operator{Name: name, Hash: hash(token), Added: time.Now().UTC()})
	return token, s.save(list)
}

// Revoke takes an operator off the list; the token is void from then on.
func (s *Store) Revoke(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.reload(); err != nil {
		return err
	}
	i := s.index(name)
	if i < 0 {
		return ErrUnknown
	}
	return s.save(slices.Delete(slices.Clone(s.list), i, i+1))
}

// List is every operator, the oldest first.
func (s *Store) List() ([]Operator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.reload()
	return slices.Clone(s.list), err
}

// Print writes the list as a table.
func (s *Store) Print(w io.Writer) error {
	list, err := s.List()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tADDED")
	for _, o := range list {
		fmt.Fprintf(table, "%s\t%s\n", o.Name, o.Added.Local().Format(time.DateTime))
	}
	return table.Flush()
}

// Authenticate finds whose token this is; ok is false for nobody's. Every entry
// is compared, in constant time, so that the time taken says nothing about the
// list. An error means that the list cannot be read and whose it is cannot be
// said; the local token is known all the same.
func (s *Store) Authenticate(token string) (name string, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := []byte(hash(token))
	if s.local != nil && subtle.ConstantTimeCompare(sum, []byte(s.local.Hash)) == 1 {
		return s.local.Name, true, nil
	}
	if err := s.reload(); err != nil {
		return "", false, err
	}
	for _, o := range s.list {
		if subtle.ConstantTimeCompare(sum, []byte(o.Hash)) == 1 {
			name, ok = o.Name, true
		}
	}
	return name, ok, nil
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

func (s *Store) index(name string) int {
	return slices.IndexFunc(s.list, func(o Operator) bool { return strings.EqualFold(o.Name, name) })
}

func (s *Store) reload() error {
	path := filepath.Join(s.dir, listFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		s.list, s.stamp, s.size = nil, time.Time{}, 0
		return nil
	}
	if err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	if info.ModTime().Equal(s.stamp) && info.Size() == s.size {
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
	s.list, s.stamp, s.size = list, info.ModTime(), info.Size()
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
	s.stamp = time.Time{}
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
