package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"callscreen/relay/journal"
)

// Free space below which a relay will soon record nothing, and below which the
// journal cannot grow to its limit.
const (
	spaceWrong   = 16 << 20
	spaceWarning = journal.DefaultMaxBytes + 64<<20
)

func (x *examination) directory(context.Context) []Finding {
	dir := x.o.DataDir
	if dir == "" {
		return x.unfit(directory, errors.New("data-dir is not set"))
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return toBeMade(dir)
	}
	if err != nil {
		return found(Wrong, "let this user into it, or choose another with data-dir", "%v", err)
	}
	if !info.IsDir() {
		return found(Wrong, "move it away, or choose another place with data-dir", "%s is not a directory", dir)
	}
	if by, others := ownedByOthers(info); others {
		return found(Wrong, fmt.Sprintf("run this as the user of the relay, or: chown -R %d %s", os.Geteuid(), quoted(dir)),
			"%s belongs to another user (id %d)", dir, by)
	}
	var all []Finding
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		state, what := Warning, "be looked into"
		if mode&0o022 != 0 {
			state, what = Wrong, "be changed"
		}
		all = append(all, found(state, "chmod 700 "+quoted(dir), "%s can %s by other users (mode %04o): it is for tokens and callers' numbers", dir, what, mode)...)
	}
	if err := tryFile(dir); err != nil {
		return append(all, found(Wrong, "let this user write there (chmod u+w "+quoted(dir)+"), or choose another with data-dir", "nothing can be written in %s: %v", dir, err)...)
	}
	if all = append(all, scarce(dir)...); len(all) > 0 {
		return all
	}
	return good("%s, private to this user, writable%s", dir, room(dir))
}

// toBeMade judges a directory that is not there yet by the nearest that is.
func toBeMade(dir string) []Finding {
	near := filepath.Dir(dir)
	for near != filepath.Dir(near) {
		if _, err := os.Stat(near); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		near = filepath.Dir(near)
	}
	if err := tryFile(near); err != nil {
		return found(Wrong, "make it for this user with mode 700, or choose another with data-dir", "%s is not there and cannot be made: %v", dir, err)
	}
	if all := scarce(near); len(all) > 0 {
		return all
	}
	return good("%s is not there yet, and the relay can make it%s", dir, room(near))
}

// tryFile makes a file and removes it: nothing else tells for sure.
func tryFile(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func scarce(dir string) []Finding {
	const mend = "free some, or choose a data-dir on another disk"
	free, ok := freeSpace(dir)
	switch {
	case !ok:
		return nil
	case free < spaceWrong:
		return found(Wrong, mend, "%s free for %s: what cannot be recorded is not screened", size(free), dir)
	case free < spaceWarning:
		return found(Warning, mend, "%s free for %s, and the journal may grow to %s", size(free), dir, size(journal.DefaultMaxBytes))
	}
	return nil
}

func room(dir string) string {
	free, ok := freeSpace(dir)
	if !ok {
		return ""
	}
	return ", " + size(free) + " free"
}

func (x *examination) journal(context.Context) []Finding {
	switch {
	case x.o.DataDir == "":
		return x.unfit(theJournal, errors.New("data-dir is not set"))
	case x.o.Shared:
		return notChecked("it is kept at nats-url; whether that answers, a running relay tells below")
	}
	dir := filepath.Join(x.o.DataDir, "journal")
	c, err := journal.Look(dir)
	x.held, x.holder = c.Held, c.Holder
	switch {
	case errors.Is(err, fs.ErrPermission):
		return found(Wrong, "run this as the user of the relay", "%v", err)
	case err != nil:
		detail, mend := parted(err)
		return found(Wrong, mend, "%s", detail)
	case !c.Exists:
		return good("there is none yet; the relay begins one")
	case c.Held && c.Holder != 0:
		return good("in use by process %d, a running relay: that is as it should be", c.Holder)
	case c.Held:
		return good("in use by a running relay: that is as it should be")
	}
	return good("%s of records, whole, in use by nobody", size(c.Bytes))
}
