package store

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/pkitool/pkitool/internal/hidden"
)

const (
	// syncWorkers is how many files are flushed at once: enough to let one journal commit serve many of them.
	syncWorkers = 8
	// syncEach is up to how many files each gets its own fsync. That waits for our own bytes only; a syncfs waits for
	// whatever the whole machine has yet to write, so it pays only when our own files are most of it. See
	// docs/decisions/0002-durable-saves.md.
	syncEach = 256
)

// Write is one change: a file to appear, with its content and mode, or a file to go.
type Write struct {
	hidden.Secret
	// Path is the file's path, directly in a locked directory.
	Path string
	Data []byte
	// Mode holds the permission bits, which the file has from its first byte, whatever the umask and whatever mode
	// the file had that it replaces.
	Mode fs.FileMode
	// IfAbsent makes it fs.ErrExist when a file is there already, even one that appears at the last moment.
	IfAbsent bool
	// Remove removes the file; the other fields stay empty. One that is not there is as good as removed.
	Remove bool
}

// Save makes the changes of all sets, or, if anything is in the way, none of them.
//
// A set is what belongs together: a key and its certificate, in this order. Every file of every set is first written
// under another name beside its target and made durable. Only then does anything become visible: set by set, and in a
// set in the order given. A set is durable before the next begins.
//
// Where a file is replaced or removed, what was there keeps a second name until all sets are visible. So an error,
// whenever it comes, takes everything back to what it was; if that fails too, or if the process is killed or the power is
// cut, the next Lock of the directory finishes each set or takes it back (see recover.go). Where a set begins with a file
// that is replaced, its other files are taken away before it and come back after it: who looks meanwhile sees a key
// alone, never a key and a certificate that do not fit.
//
// New files have no second name: a kill leaves the beginning of the list, a power cut whole sets and some of the next
// one. So keys that are new belong in an earlier set than their certificates.
//
// Refused before anything is written: a path outside the locked directories (ErrNotLocked), a final name that is a
// symbolic link (ErrSymlink), a directory or no regular file (ErrNotRegular), more than MaxSize bytes (ErrTooLarge),
// a PEM private key with a mode looser than 0600 (ErrLooseKey), the same path twice, and an IfAbsent file that is there.
// A replaced file keeps its owner and group where the process may set them. Errors are *Error with the target's path, or
// *UnfinishedError where something could not be taken back.
func (l *Locked) Save(sets ...[]Write) error {
	changes, err := l.check(sets)
	if err != nil {
		return err
	}
	defer discard(changes)
	if err := l.stage(changes); err != nil {
		return err
	}
	if err := l.keepOld(changes); err != nil {
		return l.takeBack(changes, err)
	}
	for rest := changes; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].set == rest[0].set {
			n++
		}
		if err := l.publish(rest[:n]); err != nil {
			return l.takeBack(changes, err)
		}
		rest = rest[n:]
	}
	l.forget(changes)
	return nil
}

// change is a Write with its place and what has become of it.
type change struct {
	Write
	set     int
	dir     *dir
	base    string      // the file's name in dir
	old     fs.FileInfo // what it replaces; nil if nothing
	staged  string      // its name in dir until it is published; "" before and after
	kept    string      // the second name of what it replaces, while that may have to come back
	touched bool        // the final name is not what it was
	file    *os.File    // the staged file while it is open
}

// check turns sets into changes, refusing what can be seen to be wrong before the first byte is written.
func (l *Locked) check(sets [][]Write) ([]*change, error) {
	type place struct {
		dir  *dir
		base string
	}
	var (
		changes []*change
		seen    = make(map[place]bool)
	)
	for set, writes := range sets {
		for _, w := range writes {
			path := filepath.Clean(w.Path)
			d, err := l.dirOf(path)
			if err == nil {
				err = fault(w.Path, d.readOnly)
			}
			if err != nil {
				return nil, err
			}
			c := &change{Write: w, set: set, dir: d, base: filepath.Base(path)}
			at := place{d, c.base}
			if err := c.check(seen[at]); err != nil {
				return nil, fault(w.Path, err)
			}
			seen[at] = true
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// check looks at what c is to replace; twice says that the same path was named before.
func (c *change) check(twice bool) error {
	info, err := c.dir.root.Lstat(c.base)
	switch {
	case err == nil:
		if err := regular(info); err != nil {
			return err
		}
		c.old = info
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	switch {
	case twice:
		return errTwice
	case c.Remove:
		return nil
	case c.Mode.Perm() == 0:
		return errNoMode
	case c.IfAbsent && c.old != nil:
		return fs.ErrExist
	case len(c.Data) > MaxSize:
		return ErrTooLarge
	case c.Mode&0o077 != 0 && bytes.Contains(c.Data, []byte("PRIVATE KEY-----")):
		return ErrLooseKey
	}
	return nil
}

// stage writes the new files beside their targets and makes them durable, and the directories that the lock made.
func (l *Locked) stage(changes []*change) error {
	var open, closed []*change
	name(changes)
	atOnce := canSyncFilesystem && countStaging(changes) > syncEach
	for _, c := range changes {
		if c.Remove {
			continue
		}
		if err := l.stageOne(c); err != nil {
			return fault(c.Path, err)
		}
		if atOnce {
			if err := c.close(); err != nil {
				return fault(c.Path, err)
			}
			closed = append(closed, c)
			continue
		}
		startSync(c.file)
		if open = append(open, c); len(open) == syncEach {
			if err := l.syncFiles(open); err != nil {
				return err
			}
			open = open[:0]
		}
	}
	if err := l.syncFiles(open); err != nil {
		return err
	}
	if err := l.syncFilesystems(closed); err != nil {
		return err
	}
	return l.syncMade()
}

func (l *Locked) stageOne(c *change) error {
	l.step("create", c.Path)
	f, err := c.dir.root.OpenFile(c.staged, os.O_WRONLY|os.O_CREATE|os.O_EXCL, c.Mode.Perm())
	if err != nil {
		c.staged = ""
		return err
	}
	c.file = f
	if c.old != nil {
		if err := keepOwner(f, c.old, c.dir.info); err != nil {
			return err
		}
	}
	l.step("mode", c.Path)
	// The umask may have taken bits away; nothing but this adds any.
	if err := f.Chmod(c.Mode.Perm()); err != nil {
		return err
	}
	l.step("write", c.Path)
	_, err = f.Write(c.Data)
	return err
}

func countStaging(changes []*change) (n int) {
	for _, c := range changes {
		if !c.Remove {
			n++
		}
	}
	return n
}

// syncFiles makes staged files durable and closes them.
func (l *Locked) syncFiles(open []*change) error {
	return parallel(len(open), func(i int) error {
		c := open[i]
		l.step("sync", c.Path)
		return fault(c.Path, errors.Join(c.file.Sync(), c.close()))
	})
}

// syncFilesystems writes out each filesystem that changes are on.
func (l *Locked) syncFilesystems(changes []*change) error {
	synced := make(map[uint64]bool)
	for _, c := range changes {
		device, _ := identity(c.dir.info)
		if synced[device] {
			continue
		}
		synced[device] = true
		l.step("sync filesystem", c.dir.path)
		if err := syncFilesystem(c.dir.file); err != nil {
			return fault(c.dir.path, err)
		}
	}
	return nil
}

// syncMade makes the names of the directories durable that the lock made.
func (l *Locked) syncMade() error {
	err := parallel(len(l.unsynced), func(i int) error {
		parent := filepath.Dir(l.unsynced[i])
		l.step("sync directory", parent)
		return fault(parent, syncDirAt(parent))
	})
	if err == nil {
		l.unsynced = nil
	}
	return err
}

func (c *change) close() error {
	f := c.file
	c.file = nil
	return f.Close()
}

// discard removes what is staged and was not published. It cannot report: there is a first fault already.
func discard(changes []*change) {
	for _, c := range changes {
		if c.file != nil {
			_ = c.close()
		}
		if c.staged != "" {
			_ = c.dir.root.Remove(c.staged)
			c.staged = ""
		}
	}
}

// Tighten takes from the file at path the permission bits that are not in most: a key's 0644 becomes 0600 with most
// 0600, and 0400 stays. The file must be directly in a locked directory, and a regular file: a link is ErrSymlink and
// what it points to keeps its mode. On Windows, which has no such bits, it does nothing. Errors are *Error.
func (l *Locked) Tighten(path string, most fs.FileMode) error {
	d, err := l.dirOf(path)
	if err != nil {
		return err
	}
	return fault(path, l.tighten(d, path, most))
}

func (l *Locked) tighten(d *dir, path string, most fs.FileMode) error {
	base := filepath.Base(path)
	seen, err := d.root.Lstat(base)
	if err == nil {
		err = regular(seen)
	}
	if err != nil {
		return err
	}
	l.step("open", path)
	f, err := d.root.OpenFile(base, os.O_RDONLY|openNoWait, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(seen, info) {
		return ErrSymlink // it was swapped for one between the two calls
	}
	mode := info.Mode().Perm() & most
	if mode == info.Mode().Perm() {
		return nil
	}
	l.step("chmod", path)
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return f.Sync()
}

// linkAbsent is a rename that never replaces, for systems without one: the second name fails if it is taken.
func linkAbsent(root *os.Root, from, to string) error {
	if err := root.Link(from, to); err != nil {
		return err
	}
	return root.Remove(from)
}

// syncDirAt makes the names in the directory at path durable.
func syncDirAt(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(f), f.Close())
}

// parallel calls do for 0 to n-1, a few at a time, and gives the fault of the lowest number: which fault is told depends
// on the list, not on a race.
func parallel(n int, do func(i int) error) error {
	var group errgroup.Group
	group.SetLimit(syncWorkers)
	faults := make([]error, n)
	for i := range n {
		group.Go(func() error {
			faults[i] = do(i)
			return nil
		})
	}
	_ = group.Wait()
	return cmp.Or(faults...)
}
