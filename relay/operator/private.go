package operator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// private refuses a file that others could read or that is not a plain file.
func private(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("operator: %s is not a plain file", path)
	}
	// Windows keeps access in lists that these bits do not show.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("operator: %s can be read by others; mend it with: chmod 600 %s", path, path)
	}
	return nil
}

// privateDir refuses a directory in which others could put a list of their own in
// the place of ours.
func privateDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("operator: others can write to the data directory %s; mend it with: chmod go-w %s", dir, dir)
	}
	return nil
}

// writePrivate replaces a file in one step, so that a reader sees the old or
// the new content and a crash leaves one of them.
func writePrivate(dir, name string, data []byte) (err error) {
	f, err := os.CreateTemp(dir, "."+name+"-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("operator: %w", err), ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}

func ignoreClosed(err error) error {
	if errors.Is(err, fs.ErrClosed) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
