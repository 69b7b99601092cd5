package journal

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// prepareDir makes the directory, or refuses one that others can enter or that
// is not a directory of its own.
func prepareDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	// Mkdir does not follow a link in the last place, as MkdirAll would.
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	return judgeDirs(dir)
}

// judgeDirs judges the directory and the store's own one below it.
func judgeDirs(dir string) error {
	for _, d := range []string{dir, filepath.Join(dir, "jetstream")} {
		info, err := os.Lstat(d)
		if os.IsNotExist(err) {
			continue // the store makes it, with mode 0700
		}
		if err != nil {
			return err
		}
		if err := judgeDir(d, info); err != nil {
			return err
		}
	}
	return nil
}

func judgeDir(dir string, info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link: name the directory itself", dir)
	case !mode.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	// Windows has no such modes: there a profile directory is private by its
	// access list.
	case runtime.GOOS != "windows" && mode.Perm()&0o077 != 0:
		return fmt.Errorf("%s is open to other users (mode %04o): run: chmod 700 %s", dir, mode.Perm(), shellQuote(dir))
	}
	return nil
}

// shellQuote makes a path safe to paste into a shell.
func shellQuote(path string) string {
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// syncTree makes the directories below dir durable, so that the files that the
// store syncs can be found after a power cut.
func syncTree(dir string) error {
	if runtime.GOOS == "windows" { // cannot sync a directory and need not
		return nil
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(path)
	})
}

func syncDir(path string) error {
	f, err := os.Open(path) //nolint:gosec // a directory below the one that was configured
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return f.Close()
}
