package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// UnfinishedError says that a save failed and that not everything could be taken back. The next Lock of the directories
// tries again.
type UnfinishedError struct {
	// Err is why the save failed, Back why it could not be taken back.
	Err, Back error
}

// Error gives both faults.
func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("%v; what was there before could not be put back: %v", e.Err, e.Back)
}

// Unwrap gives the first fault.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// name chooses the names that files are staged under. Where something is replaced or removed they say what would be
// needed to finish, and what is there gets a name to be kept under.
func name(changes []*change) {
	revocable := slices.ContainsFunc(changes, func(c *change) bool { return c.old != nil })
	save := stagingName()
	for i, c := range changes {
		mark := mark{save: save, set: c.set, index: i, base: c.base}
		switch {
		case !revocable:
			c.staged = stagingName()
			continue
		case c.Remove:
			mark.kind = markGoing
		case c.old != nil:
			mark.kind = markNext
		default:
			mark.kind = markNew
		}
		if !c.Remove {
			c.staged = mark.String()
			mark.kind = markOld
		}
		if c.old != nil {
			c.kept = mark.String()
		}
	}
}

// keepOld gives everything that is to be replaced or removed its second name, durably. The names of what is staged are
// durable before: a set of which only a part came back after a power cut must not look like a smaller one.
func (l *Locked) keepOld(changes []*change) error {
	if !slices.ContainsFunc(changes, func(c *change) bool { return c.kept != "" }) {
		return nil
	}
	if err := l.syncDirs(changes); err != nil {
		return err
	}
	for _, c := range changes {
		if c.kept == "" {
			continue
		}
		l.step("keep", c.Path)
		if err := c.keep(); err != nil {
			return fault(c.Path, err)
		}
	}
	return l.syncDirs(changes)
}

// keep makes the second name: another link to the same file, and where there is no such thing a copy.
func (c *change) keep() error {
	err := c.dir.root.Link(c.base, c.kept)
	for _, code := range []error{fs.ErrPermission, syscall.EMLINK, errors.ErrUnsupported} {
		if errors.Is(err, code) {
			return c.copyOld()
		}
	}
	return err
}

func (c *change) copyOld() (err error) {
	data, _, err := readIn(c.dir.root, c.base)
	if err != nil {
		return err
	}
	f, err := c.dir.root.OpenFile(c.kept, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := keepOwner(f, c.old, c.dir.info); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(c.old.Mode().Perm()); err != nil { // now that it is whole: a certificate may be for all to read
		return err
	}
	return f.Sync()
}

// publish makes the changes of one set visible, in order, and then durable.
func (l *Locked) publish(set []*change) error {
	if set[0].old != nil && !set[0].Remove {
		for _, c := range slices.Backward(set[1:]) {
			if c.old == nil || c.Remove {
				continue
			}
			l.step("remove", c.Path)
			c.touched = true
			if err := c.dir.root.Remove(c.base); err != nil {
				return fault(c.Path, err)
			}
		}
	}
	for _, c := range set {
		if err := l.publishOne(c); err != nil {
			return fault(c.Path, err)
		}
	}
	return l.syncDirs(set)
}

func (l *Locked) publishOne(c *change) error {
	if c.Remove {
		l.step("remove", c.Path)
		c.touched = true
		if err := c.dir.root.Remove(c.base); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	l.step("rename", c.Path)
	var err error
	if c.IfAbsent {
		err = renameAbsent(c.dir.file, c.dir.root, c.staged, c.base)
	} else {
		err = c.dir.root.Rename(c.staged, c.base)
	}
	done := err == nil
	if !done {
		_, gone := c.dir.root.Lstat(c.staged)
		done = errors.Is(gone, fs.ErrNotExist)
	}
	if done {
		c.staged, c.touched = "", true // also where a server did it and the answer was lost
	}
	return err
}

// syncDirs makes the names in the directories of changes durable.
func (l *Locked) syncDirs(changes []*change) error {
	var touched []*dir
	for _, c := range changes {
		if !slices.Contains(touched, c.dir) {
			touched = append(touched, c.dir)
		}
	}
	return parallel(len(touched), func(i int) error {
		l.step("sync directory", touched[i].path)
		return fault(touched[i].path, syncDir(touched[i].file))
	})
}

// takeBack undoes what was published and returns why, or an *UnfinishedError. At every moment, and after any part of it
// reached the disk, the names that are left tell the next Lock to go back as well: of a set that was touched first what is
// staged is removed, of another one first what was kept.
func (l *Locked) takeBack(changes []*change, why error) error {
	for end := len(changes); end > 0; {
		begin := end - 1
		for begin > 0 && changes[begin-1].set == changes[begin].set {
			begin--
		}
		set := changes[begin:end]
		end = begin
		if !slices.ContainsFunc(set, func(c *change) bool { return c.touched }) {
			l.forget(set)
			continue
		}
		discard(set)
		if err := l.restore(set); err != nil {
			return &UnfinishedError{Err: why, Back: err}
		}
	}
	if err := l.syncDirs(changes); err != nil {
		return &UnfinishedError{Err: why, Back: err}
	}
	l.forget(changes)
	return why
}

// restore puts a set back: what was published goes, the last first, and what was kept comes in order.
func (l *Locked) restore(set []*change) error {
	for _, c := range slices.Backward(set) {
		if !c.touched || c.old != nil && c == set[0] {
			continue
		}
		l.step("take back", c.Path)
		if err := c.dir.root.Remove(c.base); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault(c.Path, err)
		}
	}
	for _, c := range set {
		if !c.touched || c.kept == "" {
			continue
		}
		l.step("restore", c.Path)
		if err := c.dir.root.Rename(c.kept, c.base); err != nil {
			return fault(c.Path, err)
		}
		c.kept, c.touched = "", false
	}
	return nil
}

// forget removes the second names: of what was replaced, or of what was not touched. What cannot be removed now is
// removed by the next Lock.
func (l *Locked) forget(changes []*change) {
	for _, c := range changes {
		if c.kept != "" {
			l.step("forget", c.Path)
			_ = c.dir.root.Remove(c.kept)
			c.kept = ""
		}
	}
}
