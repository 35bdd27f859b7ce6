package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// lockName is the file whose lock is the lock of its directory. It is there while a run is at work, and has the rights
// of the directory's writers: whoever may only read cannot open it, and so cannot hold up who writes.
const lockName = ".pkitool.lock"

const (
	firstDelay = time.Millisecond
	lastDelay  = 100 * time.Millisecond
	noteAfter  = time.Second
	// blindLimit is how long to wait for a lock file that may not be opened, so that a run that was killed long ago looks
	// like one at work. Half of a pair is there for a much shorter time.
	blindLimit = 10 * time.Second
)

// Patience says how to wait for a lock that another process holds. It travels in the context, since every call that
// writes takes a lock. Without one, the wait lasts as long as the context.
type Patience struct {
	// Limit is how long to wait; 0: not at all.
	Limit time.Duration
	// Waiting, if not nil, is told once a wait that lasts a second: for which directory, and who holds it.
	Waiting func(dir string, by *LockedError)
}

type patienceKey struct{}

// WithPatience gives a context a patience.
func WithPatience(ctx context.Context, p Patience) context.Context {
	return context.WithValue(ctx, patienceKey{}, p)
}

// LockedError says that a lock was waited for in vain. It is ErrLocked, and the cause of the context if that has ended.
type LockedError struct {
	// PID is the process that holds the lock, and Name its program, for pkitool with the names of its commands; 0 and ""
	// where the operating system does not tell. Name is text that others chose.
	PID  int
	Name string
	// File is the lock file. Blind says that only the file was seen: it may be one that a killed run left.
	File  string
	Blind bool
	// Cause is why the context has ended; nil where the patience has.
	Cause error
}

// Error gives who holds the lock where that is known: "locked by another process (pid 123, pkitool certs renew all)".
func (e *LockedError) Error() string {
	text := ErrLocked.Error()
	if e.PID != 0 {
		text += fmt.Sprintf(" (pid %d, %s)", e.PID, e.Name)
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives ErrLocked and the cause.
func (e *LockedError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrLocked}
	}
	return []error{ErrLocked, e.Cause}
}

// waiting is one wait for all directories of a lock. How long it lasts is the real time that goes by, which no argument can
// say: the clock is read here, and nothing that is decided or written depends on what it shows.
type waiting struct {
	Patience
	limited bool
	since   time.Time // zero before the first pause
	delay   time.Duration
	told    bool
}

func newWaiting(ctx context.Context) *waiting {
	p, limited := ctx.Value(patienceKey{}).(Patience)
	return &waiting{Patience: p, limited: limited, delay: firstDelay}
}

// pause waits a little longer each time. It is over with a *LockedError when the patience or the context is.
func (w *waiting) pause(ctx context.Context, dir string, lockFile fs.FileInfo, blind bool) error {
	if w.since.IsZero() {
		w.since = time.Now()
	}
	waited := time.Since(w.since)
	locked := &LockedError{File: filepath.Join(dir, lockName), Blind: blind}
	tell := !w.told && waited >= noteAfter && w.Waiting != nil
	over := w.limited && waited >= w.Limit
	if (tell || over) && lockFile != nil {
		locked.PID, locked.Name = holder(lockFile)
	}
	if over {
		return fault(dir, locked)
	}
	if tell {
		w.told = true
		w.Waiting(dir, locked)
	}
	delay := w.delay
	if w.limited {
		delay = min(delay, w.Limit-waited)
	}
	w.delay = min(2*w.delay, lastDelay)
	select {
	case <-ctx.Done():
		if lockFile != nil {
			locked.PID, locked.Name = holder(lockFile)
		}
		locked.Cause = context.Cause(ctx)
		return fault(dir, locked)
	case <-time.After(delay):
		return nil
	}
}

// Wait returns when nobody holds the lock of any of the directories, or with ErrLocked when ctx or its patience ends. It
// changes nothing and needs only the right to read: it is for whoever looks at a directory in which a run may be at
// work, and sees half of something. A lock file that may not be opened is waited for as well, but not for long: a run
// that was killed may have left it. Directories that are missing are passed over. Errors are *Error.
func Wait(ctx context.Context, dirs ...string) error {
	w := newWaiting(ctx)
	for _, path := range dirs {
		if err := w.free(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// free waits until nobody holds the lock of the directory at path.
func (w *waiting) free(ctx context.Context, path string) error {
	for begin := time.Now(); ; {
		file, blind := heldBy(filepath.Join(path, lockName))
		if file == nil || blind && time.Since(begin) >= blindLimit {
			return nil
		}
		err := w.pause(ctx, path, file, blind)
		if blind && err != nil && ctx.Err() == nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// heldBy gives the lock file at path if somebody holds its lock; blind says that it is there, and cannot be asked.
func heldBy(path string) (file fs.FileInfo, blind bool) {
	file, err := os.Lstat(path)
	if err != nil || !file.Mode().IsRegular() {
		return nil, false
	}
	f, err := os.OpenFile(path, os.O_RDWR|openNoWait, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		return file, true
	}
	defer f.Close()
	switch err := flock(f); {
	case err == nil:
		return nil, false
	case errors.Is(err, errBusy):
		return file, false
	default:
		return file, true
	}
}

// try takes the lock of the directory if nobody has it. It is also content with a directory that may only be read, and
// then d.readOnly says why nothing can be saved in it.
//
// Whoever holds the lock removes the file, and then lets go. So who has locked the file looks whether it is still the
// one in the directory: another may have locked, removed and made it anew meanwhile.
func (d *dir) try() (got bool, err error) {
	f, made, err := d.openLock()
	if f == nil || err != nil {
		return d.readOnly != nil, err
	}
	err = flock(f)
	if lockUnsupported(err) { // no locks in this file system: the file is the lock, and whoever made it has it
		if d.blind = !made; made {
			err = nil
		}
	}
	if err == nil && d.contains(f) {
		d.held = f
		return true, nil
	}
	if err == nil || d.blind || errors.Is(err, errBusy) {
		return false, f.Close()
	}
	if made {
		_ = d.root.Remove(lockName)
	}
	_ = f.Close()
	return false, fault(filepath.Join(d.path, lockName), err)
}

// openLock makes the lock file or opens the one that is there. It gives none for a directory that may only be read, and
// for one whose lock somebody else holds, or held a moment ago.
func (d *dir) openLock() (f *os.File, made bool, err error) {
	d.blind, d.seen = false, nil
	f, err = d.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE|os.O_EXCL|openNoWait, 0o600)
	switch {
	case err == nil:
		if d.seen, err = f.Stat(); err == nil {
			err = admit(f, d.info)
		}
		if err != nil {
			err = errors.Join(fault(filepath.Join(d.path, lockName), err), d.root.Remove(lockName), f.Close())
		}
		return f, true, err
	case readOnly(err):
		d.readOnly = err
		return nil, false, nil
	case !errors.Is(err, fs.ErrExist):
		return nil, false, err // also fs.ErrNotExist: the directory is gone
	}
	f, err = d.openOther()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return f, false, fault(filepath.Join(d.path, lockName), err)
}

// openOther opens the lock file that another run made.
func (d *dir) openOther() (*os.File, error) {
	seen, err := d.root.Lstat(lockName)
	if err != nil {
		return nil, err
	}
	if err := regular(seen); err != nil {
		if errors.Is(err, ErrSymlink) {
			err = ErrNotRegular // it is not followed for reading either
		}
		return nil, err
	}
	d.seen = seen
	f, err := d.root.OpenFile(lockName, os.O_RDWR|openNoWait, 0)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		if d.readOnly = mayWrite(d.file); d.readOnly == nil {
			d.blind = true // another user's
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && os.SameFile(seen, info) {
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

// contains reports whether a lock file is the one in the directory.
func (d *dir) contains(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := d.root.Lstat(lockName)
	return err == nil && os.SameFile(now, info)
}

// unlock removes the lock file and gives the lock back, in this order.
func (d *dir) unlock() (err error) {
	if d.held == nil {
		return nil
	}
	if d.contains(d.held) {
		_ = d.root.Remove(lockName) // where it may not be removed, it is in nobody's way
	}
	err = d.held.Close()
	d.held = nil
	return err
}

// readOnly recognizes the refusals to make a file in a directory. Who meets one can write nothing there, now, and so
// needs no lock to read.
func readOnly(err error) bool {
	codes := []error{fs.ErrPermission, syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT}
	return slices.ContainsFunc(codes, func(code error) bool { return errors.Is(err, code) })
}
