package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// stagingPrefix and a random text make the name of a file that is not yet what it will be.
	stagingPrefix = ".pkitool-"

	dirMode  = 0o755
	maxTurns = 1000
)

// Locked is the right to write in a set of directories, against every other process and every other Locked of this one.
// Its methods are for one goroutine at a time. The zero value is of no use.
type Locked struct {
	dirs     []*dir
	byName   map[string]*dir
	made     []string // directories that were not there before, parents first
	unsynced []string // those of them that are not durable yet
	swept    []string
	finished []string

	// step is called before each change of the disk with its name and path; tests end the process in it.
	step func(name, path string)
}

// dir is one locked directory. All work in it goes through root, so that a directory renamed or replaced by a link
// while it is locked cannot lead a write elsewhere.
type dir struct {
	path string // as the caller spelled it
	real string // absolute, without links: what all processes agree on
	root *os.Root
	file *os.File // the directory again, for fsync
	info fs.FileInfo

	held     *os.File    // the lock file, while its lock is ours
	readOnly error       // why nothing can be made in the directory, and so nothing is locked
	seen     fs.FileInfo // the lock file that was seen last
	blind    bool        // it cannot be asked whether it is locked
}

// Lock takes the exclusive lock of every directory in dirs, waiting for others to finish until ctx, or the patience in
// it, ends; then the error is a *LockedError. Directories that are missing, and their parents, are made with mode 0755
// whatever the umask.
//
// A lock covers the files directly in a directory, not those further down. So a run names each directory that it will
// write in or whose files its decisions rest on (pki, pki/etcd, the kubeconfigs'), and takes them all at once, before it
// reads: two runs that meet in any one directory then exclude each other, however their trees overlap and whatever
// else they lock. The order is the same for all processes (device and inode), so they cannot wait for each other
// in a ring; a directory named twice, or through a link, is locked once. Do not take a second lock while holding one.
// Only who may write in a directory can take its lock. Who may not, or cannot since the disk is full, goes on without
// when nobody holds it, and Save says why it cannot save there.
//
// With the lock held, what a killed run had begun to replace in these directories is finished or taken back (see
// Locked.Finished), and its staging files are removed (see Locked.Swept).
// Errors are *Error.
func Lock(ctx context.Context, dirs ...string) (*Locked, error) {
	return lockWith(ctx, func(string, string) {}, dirs...)
}

func lockWith(ctx context.Context, step func(name, path string), dirs ...string) (*Locked, error) {
	l := &Locked{byName: make(map[string]*dir, len(dirs)), step: step}
	w := newWaiting(ctx)
	for turn := 1; ; turn++ {
		again, err := l.acquire(ctx, w, dirs)
		if err == nil {
			break
		}
		if !again || turn == maxTurns {
			_ = l.Unlock()
			return nil, err
		}
		_ = l.release()
	}
	for _, d := range l.dirs {
		if d.held == nil {
			continue // others may be at work there
		}
		if err := l.sweep(d); err != nil {
			_ = l.Unlock()
			return nil, err
		}
	}
	return l, nil
}

// acquire makes, opens and locks dirs. Beside an error, again says that another turn may do better: a directory was
// removed or replaced meanwhile, perhaps by a run that had made it and not used it.
func (l *Locked) acquire(ctx context.Context, w *waiting, dirs []string) (again bool, err error) {
	for _, path := range dirs {
		if ctx.Err() != nil {
			return false, fault(path, context.Cause(ctx))
		}
		made, err := makeDir(path)
		l.made = append(l.made, made...)
		l.unsynced = append(l.unsynced, made...)
		if err == nil {
			err = l.open(path)
		}
		if err != nil {
			return errors.Is(err, fs.ErrNotExist), err
		}
	}
	slices.SortFunc(l.dirs, func(a, b *dir) int {
		aDev, aIno := identity(a.info)
		bDev, bIno := identity(b.info)
		return cmp.Or(cmp.Compare(aDev, bDev), cmp.Compare(aIno, bIno), strings.Compare(a.real, b.real))
	})
	for _, d := range l.dirs {
		if err := d.lock(ctx, w); err != nil {
			return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errReplaced), err
		}
	}
	return false, nil
}

// open adds the directory at path to the lock's, unless it is there under another name.
func (l *Locked) open(path string) error {
	name := filepath.Clean(path)
	if l.byName[name] != nil {
		return nil
	}
	d, err := openDir(path)
	if err != nil {
		_ = d.close()
		return fault(path, err)
	}
	for _, other := range l.dirs {
		if os.SameFile(d.info, other.info) {
			l.byName[name] = other
			return d.close()
		}
	}
	l.dirs = append(l.dirs, d)
	l.byName[name] = d
	return nil
}

// openDir opens a directory without locking it. What it gives is to be closed, also beside an error.
func openDir(path string) (*dir, error) {
	d := &dir{path: path}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return d, err
	}
	if d.real, err = filepath.EvalSymlinks(absolute); err != nil {
		return d, err
	}
	if d.root, err = openRoot(d.real); err != nil {
		return d, err
	}
	if d.file, err = d.root.Open("."); err != nil {
		return d, err
	}
	d.info, err = d.file.Stat()
	return d, err
}

// lock waits for the directory's lock. If the path comes to lead to another directory meanwhile, the error is
// errReplaced or fs.ErrNotExist: to wait on for the new one would be out of the order that keeps runs from waiting for
// each other in a ring.
func (d *dir) lock(ctx context.Context, w *waiting) error {
	for {
		got, err := d.try()
		if err == nil {
			err = d.verify()
		}
		switch {
		case err != nil:
			return fault(d.path, err)
		case got && d.held == nil:
			return w.free(ctx, d.path)
		case got:
			return nil
		}
		if err := w.pause(ctx, d.path, d.seen, d.blind); err != nil {
			return err
		}
	}
}

// verify says whether the directory is still where it was opened.
func (d *dir) verify() error {
	now, err := os.Stat(d.real)
	if err == nil && !os.SameFile(now, d.info) {
		err = errReplaced
	}
	return err
}

func (d *dir) close() (err error) {
	err = d.unlock()
	if d.file != nil {
		err = errors.Join(err, d.file.Close())
	}
	if d.root != nil {
		err = errors.Join(err, d.root.Close())
	}
	return err
}

// Swept gives the paths of the staging files of earlier, killed runs that were removed when the lock was taken.
func (l *Locked) Swept() []string { return l.swept }

// Finished gives the paths of the files that an earlier run had begun to replace when it was killed, and that are now
// new, or old again, as the set that they belong to.
func (l *Locked) Finished() []string { return l.finished }

// Unlock gives all directories back, and removes those that the lock made and that are still empty: a run that refuses
// to write leaves nothing. A second call does nothing.
func (l *Locked) Unlock() error {
	for _, path := range slices.Backward(l.made) {
		l.removeUnused(path)
	}
	l.made = nil
	return l.release()
}

func (l *Locked) release() (err error) {
	for _, d := range slices.Backward(l.dirs) {
		if closeErr := d.close(); closeErr != nil {
			err = errors.Join(err, fault(d.path, closeErr))
		}
	}
	l.dirs = nil
	clear(l.byName)
	return err
}

// removeUnused removes the directory at path if it is empty, but not one that has taken the place of ours. Another run
// that is at work in it has its lock file there.
func (l *Locked) removeUnused(path string) {
	now, err := os.Lstat(path)
	if err != nil || !now.IsDir() {
		return
	}
	if d := l.byName[path]; d != nil {
		if !os.SameFile(now, d.info) {
			return
		}
		_ = d.unlock()
	}
	_ = os.Remove(path)
}

// dirOf gives the locked directory that path is directly in, else ErrNotLocked.
func (l *Locked) dirOf(path string) (*dir, error) {
	parent := filepath.Dir(path)
	if d := l.byName[parent]; d != nil {
		return d, nil
	}
	if info, err := os.Stat(parent); err == nil {
		for _, d := range l.dirs {
			if os.SameFile(info, d.info) {
				return d, nil
			}
		}
	}
	return nil, fault(path, ErrNotLocked)
}

// sweep settles what an earlier run was killed in, and removes its staging files in d. Nobody is staging now: the lock
// is held. What may not be removed stays (another user's file in a directory with the sticky bit, a directory only to be
// read): it is in nobody's way.
func (l *Locked) sweep(d *dir) error {
	names, err := staging(d)
	if err != nil {
		return err
	}
	var marks []mark
	var stale []string
	for _, name := range names {
		info, err := d.root.Lstat(name)
		if err != nil || !info.Mode().IsRegular() && !info.IsDir() {
			continue
		}
		m, marked := parseMark(name)
		switch {
		case info.IsDir():
			if path := join(d.path, name); l.sweepBackup(path) {
				l.swept = append(l.swept, path)
			}
		case !marked:
			stale = append(stale, name)
		case d.info.Mode()&fs.ModeSticky == 0 || ours(info): // else a stranger could have us rename for him
			marks = append(marks, m)
		}
	}
	first, then, err := l.settle(d, marks)
	if err != nil {
		return err
	}
	l.remove(d, append(stale, first...))
	if len(first) > 0 {
		l.step("sync directory", d.path)
		if err := syncDir(d.file); err != nil {
			return fault(d.path, err)
		}
	}
	l.remove(d, then)
	return nil
}

func (l *Locked) remove(d *dir, names []string) {
	for _, name := range names {
		path := join(d.path, name)
		l.step("sweep", path)
		if d.root.Remove(name) == nil {
			l.swept = append(l.swept, path)
		}
	}
}

// stagingName gives a new name for a file that is being written.
func stagingName() string { return stagingPrefix + rand.Text() }
