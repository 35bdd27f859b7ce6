package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

const (
	// stagingPrefix and a random text make the name of a file that is not yet what it will be.
	stagingPrefix = ".pkitool-"
	// lockName is the lock file of systems and filesystems where a directory cannot be locked itself.
	lockName = ".pkitool.lock"

	dirMode    = 0o755
	retryDelay = 5 * time.Millisecond
	maxTurns   = 1000
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
	path  string // as the caller spelled it
	real  string // absolute, without links: what all processes agree on
	root  *os.Root
	file  *os.File // the directory again, for fsync
	info  fs.FileInfo
	flock *flock.Flock
}

// Lock takes the exclusive lock of every directory in dirs, waiting until ctx ends for others to finish; then the
// error is ErrLocked and the context's cause. Directories that are missing, and their parents, are made with mode 0755
// whatever the umask.
//
// A lock covers the files directly in a directory, not those further down. So a run names each directory that it will
// write in or whose files its decisions rest on (pki, pki/etcd, the kubeconfigs'), and takes them all at once, before it
// reads: two runs that meet in any one directory then exclude each other, however their trees overlap and whatever
// else they lock. The order is the same for all processes (device and inode), so they cannot wait for each other
// in a ring; a directory named twice, or through a link, is locked once. Do not take a second lock while holding one.
//
// With the lock held, what a killed run had begun to replace in these directories is finished or taken back (see
// Locked.Finished), and its staging files are removed (see Locked.Swept).
// Errors are *Error.
func Lock(ctx context.Context, dirs ...string) (*Locked, error) {
	return lockWith(ctx, func(string, string) {}, dirs...)
}

func lockWith(ctx context.Context, step func(name, path string), dirs ...string) (*Locked, error) {
	l := &Locked{byName: make(map[string]*dir, len(dirs)), step: step}
	for turn := 1; ; turn++ {
		again, err := l.acquire(ctx, dirs)
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
		if err := l.sweep(d); err != nil {
			_ = l.Unlock()
			return nil, err
		}
	}
	return l, nil
}

// Wait returns when nobody holds the lock of any of the directories, or when ctx ends, with ErrLocked. It changes
// nothing and needs only the right to read: it is for whoever looks at a directory in which a run may be at work, and
// sees half of something. Directories that are missing or cannot be locked are passed over. Errors are *Error.
func Wait(ctx context.Context, dirs ...string) error {
	for _, path := range dirs {
		l := newLock(path)
		file := filepath.Join(path, lockName)
		if l.Path() == file { // not to be made here
			l = flock.New(file, flock.SetFlag(os.O_RDONLY))
		}
		free, err := l.TryRLock()
		if lockUnsupported(err) {
			l = flock.New(file, flock.SetFlag(os.O_RDONLY))
			free, err = l.TryRLock()
		}
		for err == nil && !free {
			select {
			case <-ctx.Done():
				_ = l.Close()
				return fault(path, fmt.Errorf("%w: %w", ErrLocked, context.Cause(ctx)))
			case <-time.After(retryDelay):
				free, err = l.TryRLock()
			}
		}
		_ = l.Close()
	}
	return nil
}

// acquire makes, opens and locks dirs. Beside an error, again says that another turn may do better: a directory was
// removed or replaced meanwhile, perhaps by a run that had made it and not used it.
func (l *Locked) acquire(ctx context.Context, dirs []string) (again bool, err error) {
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
		if err := d.lock(ctx); err != nil {
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
func (d *dir) lock(ctx context.Context) error {
	d.flock = newLock(d.real)
	for {
		got, err := d.flock.TryLock()
		if lockUnsupported(err) {
			d.flock = flock.New(filepath.Join(d.real, lockName))
			got, err = d.flock.TryLock()
		}
		if err == nil {
			err = d.verify(got)
		}
		if got || err != nil {
			return fault(d.path, err)
		}
		select {
		case <-ctx.Done():
			return fault(d.path, fmt.Errorf("%w: %w", ErrLocked, context.Cause(ctx)))
		case <-time.After(retryDelay):
		}
	}
}

// verify says whether the directory is still where it was opened, and is what is locked, if it is.
func (d *dir) verify(locked bool) error {
	now, err := os.Stat(d.real)
	if err != nil {
		return err
	}
	if !os.SameFile(now, d.info) {
		return errReplaced
	}
	if !locked {
		return nil
	}
	// The lock opened the path by itself, perhaps while yet another directory stood there.
	held, err := d.flock.Stat()
	if err == nil && held.IsDir() && !os.SameFile(held, d.info) {
		err = errReplaced
	}
	return err
}

func (d *dir) close() (err error) {
	if d.flock != nil {
		err = d.flock.Close()
	}
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

// removeUnused removes the directory at path if it is empty and locked by us, or by nobody: another run may have locked
// a directory that this one only made as a parent, or made and then failed to lock.
func (l *Locked) removeUnused(path string) {
	if d := l.byName[path]; d != nil && d.flock != nil && d.flock.Locked() {
		// Another directory may have taken the place of ours, and another run may be at work in it.
		if now, err := os.Stat(path); err == nil && os.SameFile(now, d.info) {
			_ = os.Remove(path)
			return
		}
	}
	probe := newLock(path)
	if got, err := probe.TryLock(); got && err == nil {
		_ = os.Remove(path)
		_ = probe.Close()
	}
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
