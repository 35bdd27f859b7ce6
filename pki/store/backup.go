package store

import (
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
// copies 0600, whatever the originals have. On an error nothing is left; a process that is killed leaves a directory
// with some of the copies in it. Errors are *Error.
func (l *Locked) Backup(dir string, files ...Copy) (err error) {
	made, err := makeDir(filepath.Dir(dir))
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
	l.step("make backup", dir)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fault(dir, err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	if err := setDirMode(dir, 0o700); err != nil {
		return fault(dir, err)
	}
	names := []string{filepath.Dir(dir), dir} // the directories whose names have to be made durable
	for _, path := range made {
		names = append(names, filepath.Dir(path))
	}
	below, err := l.copyAll(dir, files)
	if err != nil {
		return err
	}
	names = append(names, below...)
	return parallel(len(names), func(i int) error { return fault(names[i], syncDirAt(names[i])) })
}

// copyAll copies files into dir, durable but for their names, and gives the directories that it made for them.
func (l *Locked) copyAll(dir string, files []Copy) (made []string, err error) {
	root, err := os.OpenRoot(dir)
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
		f, below, err := l.copy(root, file)
		if err != nil {
			return nil, err
		}
		made = append(made, below...)
		if open = append(open, f); len(open) == syncEach {
			if err := syncCopies(open); err != nil {
				return nil, err
			}
			open = open[:0]
		}
	}
	return made, syncCopies(open)
}

func syncCopies(open []*os.File) error {
	return parallel(len(open), func(i int) error {
		f := open[i]
		return fault(f.Name(), errors.Join(f.Sync(), f.Close()))
	})
}

// copy writes one copy, not yet durable, and gives the directories that it made for it.
func (l *Locked) copy(root *os.Root, file Copy) (f *os.File, made []string, err error) {
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
			return nil, nil, fault(parent, err)
		}
		made = append(made, parent)
	}
	path := filepath.Join(root.Name(), name)
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
