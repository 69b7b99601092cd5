package journal

import (
	"os"
	"path/filepath"
)

// Condition is how the directory of an embedded journal stands.
type Condition struct {
	Exists bool
	// Held says that a process has the journal open, which only one can. Holder
	// is its process id, 0 where the system does not tell.
	Held   bool
	Holder int
	Bytes  int64 // of the records kept
}

// Look judges the directory of an embedded journal as Open would, without
// changing, making or opening anything. The error is Open's. A journal that a
// process has open is that process's to judge: its files change while one looks.
func Look(dir string) (Condition, error) {
	if _, err := os.Lstat(dir); os.IsNotExist(err) {
		return Condition{}, nil
	}
	c := Condition{Exists: true}
	if err := judgeDirs(dir); err != nil {
		return c, err
	}
	var err error
	if c.Held, c.Holder, err = heldBy(filepath.Join(dir, lockName)); err != nil {
		return c, err
	}
	blocks, err := blockFiles(dir)
	if err != nil {
		return c, err
	}
	for _, path := range blocks {
		if info, err := os.Stat(path); err == nil { // gone by age since it was listed
			c.Bytes += info.Size()
		}
	}
	if c.Held {
		return c, nil
	}
	return c, survey(dir, readMark(dir))
}
