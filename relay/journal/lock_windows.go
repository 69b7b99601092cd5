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
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, sharingViolation) {
		return nil, fmt.Errorf("%s is in use by another relay: stop it, or give this one another data directory", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() error { return syscall.CloseHandle(h) }, nil
}
