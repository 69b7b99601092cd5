package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
)

const lockName = "lock"

// sharingViolation is what Windows answers when somebody else has the file open:
// ERROR_SHARING_VIOLATION.
const sharingViolation = syscall.Errno(32)

// lockDir takes the directory for this process: a file opened without sharing
// cannot be opened a second time, and the system closes it with the process.
func lockDir(dir string) (unlock func() error, err error) {
	path := filepath.Join(dir, lockName)
	h, err := openAlone(path, syscall.OPEN_ALWAYS)
	if errors.Is(err, sharingViolation) {
		return nil, fmt.Errorf("%s is in use by another relay: stop it, or give this one another data directory", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() error { return syscall.CloseHandle(h) }, nil
}

func openAlone(path string, mode uint32) (syscall.Handle, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return syscall.InvalidHandle, err
	}
	return syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		mode, syscall.FILE_ATTRIBUTE_NORMAL, 0)
}

// heldBy tells whether a process has the lock; which one the system does not tell.
func heldBy(path string) (held bool, pid int, err error) {
	h, err := openAlone(path, syscall.OPEN_EXISTING)
	switch {
	case errors.Is(err, sharingViolation):
		return true, 0, nil
	case errors.Is(err, syscall.ERROR_FILE_NOT_FOUND):
		return false, 0, nil
	case err != nil:
		return false, 0, fmt.Errorf("lock %s: %w", path, err)
	}
	return false, 0, syscall.CloseHandle(h)
}
