package store

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Copy is one file of a backup.
type Copy struct {
	// Path is the file to be copied; links are followed.
	Path string
	// Name is where the copy goes, relative to the backup directory: "pki/etcd/ca.key".
	Name string
}

// Backup copies files into the new directory dir, and returns when the copies are durable. Dir must not exist yet
// (fs.ErrExist); missing parents of it are made with mode 0755. Dir and the directories in it have mode 0700, the
// copies 0600, whatever the originals have. The copies are made in a directory beside it, which gets its name when all
// are durable: what has the name of a backup is whole. On an error nothing is left; what a process that is killed leaves
// is removed by the next Backup beside it, SweepBackups or Lock of the parent directory. Errors are *Error.
func (l *Locked) Backup(dir string, files ...Copy) (err error) {
	parent := filepath.Dir(dir)
	made, err := makeDir(parent)
	defer func() {
		if err == nil {
			return
		}
		for _, path := range slices.Backward(made) {
			l.removeUnused(path)
		}
	}()
	if err != nil {
		return err
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return fault(dir, cmp.Or(err, fs.ErrExist))
	}
	l.SweepBackups(parent)
	l.step("make backup", dir)
	staged, held, err := stageDir(parent)
	if err != nil {
		return fault(dir, err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(staged)
		}
		_ = held.Close()
	}()
	below, err := l.copyAll(staged, dir, files)
	if err == nil {
		err = syncAll(dir, append(below, staged))
	}
	if err != nil {
		return err
	}
	l.step("show backup", dir)
	if err := renameDirAbsent(staged, dir); err != nil {
		return fault(dir, err)
	}
	staged = dir
	names := []string{parent} // the directories whose names have to be made durable
	for _, path := range made {
		names = append(names, filepath.Dir(path))
	}
	return syncAll("", names)
}

// DropBackup removes a backup that was made for nothing: no file was replaced.
func (l *Locked) DropBackup(dir string) { _ = os.RemoveAll(dir) }

// SweepBackups removes from parent the beginnings of backups whose process was killed.
func (l *Locked) SweepBackups(parent string) {
	d, err := openDir(parent)
	defer d.close()
	if err != nil {
		return
	}
	names, err := staging(d)
	if err != nil {
		return
	}
	for _, name := range names {
		l.sweepBackup(join(parent, name))
	}
}

// sweepBackup removes the directory at path if nobody is copying into it, and reports whether it is gone.
func (l *Locked) sweepBackup(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	held, err := os.OpenFile(path, os.O_RDONLY|openNoFollow, 0)
	if err != nil {
		return false
	}
	defer held.Close()
	if flock(held) != nil {
		return false
	}
	l.step("sweep", path)
	return os.RemoveAll(path) == nil
}

// stageDir makes a directory for copies. It is locked as long as copies are made: parent need not be, and whoever sweeps
// parent has to know that this one is in use.
func stageDir(parent string) (path string, held *os.File, err error) {
	for range maxTurns {
		path = join(parent, stagingName())
		if err := os.Mkdir(path, 0o700); err != nil {
			return "", nil, err
		}
		held, err = os.OpenFile(path, os.O_RDONLY|openNoFollow, 0)
		if err == nil {
			lockErr := flock(held) // where directories cannot be locked nobody sweeps them either
			if err = setDirMode(path, 0o700); err == nil && !errors.Is(lockErr, errBusy) {
				return path, held, nil
			}
			_ = held.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, errors.Join(err, os.RemoveAll(path))
		}
		// somebody took it for a dead process's in the instant between
	}
	return "", nil, errReplaced
}

// syncAll makes the names in directories durable. Errors name the directory, or shown where that is not "".
func syncAll(shown string, dirs []string) error {
	return parallel(len(dirs), func(i int) error { return fault(cmp.Or(shown, dirs[i]), syncDirAt(dirs[i])) })
}

// copyAll copies files into dir, durable but for their names, and gives the directories that it made for them. Errors
// name the place that the copies will have in the end, below shown.
func (l *Locked) copyAll(dir, shown string, files []Copy) (made []string, err error) {
	root, err := openRoot(dir)
	if err != nil {
		return nil, fault(dir, err)
	}
	defer root.Close()
	var open []*os.File
	defer func() {
		for _, f := range open {
			_ = f.Close() // closed already unless something went wrong
		}
	}()
	for _, file := range files {
		f, below, err := l.copy(root, shown, file)
		if err != nil {
			return nil, err
		}
		made = append(made, below...)
		if open = append(open, f); len(open) == syncEach {
			if err := syncCopies(shown, open); err != nil {
				return nil, err
			}
			open = open[:0]
		}
	}
	return made, syncCopies(shown, open)
}

func syncCopies(shown string, open []*os.File) error {
	return parallel(len(open), func(i int) error {
		f := open[i]
		return fault(shown, errors.Join(f.Sync(), f.Close()))
	})
}

// copy writes one copy, not yet durable, and gives the directories that it made for it.
func (l *Locked) copy(root *os.Root, shown string, file Copy) (f *os.File, made []string, err error) {
	name := filepath.FromSlash(file.Name)
	if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
		return nil, nil, fault(file.Name, errNotInside)
	}
	name = filepath.Clean(name)
	from, err := Read(file.Path)
	if err != nil {
		return nil, nil, err
	}
	for i := range name {
		if !os.IsPathSeparator(name[i]) {
			continue
		}
		parent := filepath.Join(root.Name(), name[:i])
		err := root.Mkdir(name[:i], 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = setDirMode(parent, 0o700)
		}
		if err != nil {
			return nil, nil, fault(filepath.Join(shown, name[:i]), err)
		}
		made = append(made, parent)
	}
	path := filepath.Join(shown, name)
	l.step("copy", path)
	f, err = root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, nil, fault(path, err)
	}
	err = f.Chmod(0o600)
	if err == nil {
		_, err = f.Write(from.Data)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, fault(path, err)
	}
	startSync(f)
	return f, made, nil
}
