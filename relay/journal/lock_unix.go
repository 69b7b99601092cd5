//go:build unix

package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const lockName = "lock"

// lockDir takes the directory for this process, or says who has it. The lock is
// the kernel's: it ends with the process, however that ends, so a file left
// behind means nothing.
func lockDir(dir string) (unlock func() error, err error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o600) //nolint:gosec // the configured directory
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			by := ""
			if pid := holder(f); pid != 0 {
				by = fmt.Sprintf(" (process %d)", pid)
			}
			return nil, fmt.Errorf("%s is in use by another relay%s: stop it, or give this one another data directory", dir, by)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := sign(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() error {
		// Said and not left to Close: a child process that is just being started
		// holds a copy of the file until its exec.
		return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
	}, nil
}

// sign writes our process id for the benefit of the one who comes second.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// heldBy tells whether a process has the lock, and which. To know it the lock is
// taken for a moment, shared, so that two who ask do not see each other; a relay
// that starts in this very moment is refused, and whoever starts it tries again.
func heldBy(path string) (held bool, pid int, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0) //nolint:gosec // in the configured directory
	if os.IsNotExist(err) {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, fmt.Errorf("lock: %w", err)
	}
	defer func() { _ = f.Close() }()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, holder(f), nil
	}
	if err != nil {
		return false, 0, fmt.Errorf("lock %s: %w", path, err)
	}
	return false, 0, syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
}

// holder reads what sign wrote; 0 if that is not to be read.
func holder(f *os.File) int {
	b, err := io.ReadAll(io.LimitReader(f, 20))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return pid
}
