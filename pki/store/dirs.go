package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// makeDir makes the directory at path and its parents where they are missing, and gives those that it made, parents
// first, also beside an error. fs.ErrNotExist means that a parent vanished on the way.
func makeDir(path string) (made []string, err error) {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return nil, fault(path, ErrNotDir)
	}
	parent := filepath.Dir(path)
	if !errors.Is(err, fs.ErrNotExist) || parent == path {
		return nil, fault(path, err)
	}
	if made, err = makeDir(parent); err != nil {
		return made, err
	}
	err = os.Mkdir(path, dirMode)
	if errors.Is(err, fs.ErrExist) {
		return made, existing(path)
	}
	if err != nil {
		return made, fault(path, err)
	}
	made = append(made, path)
	return made, fault(path, setDirMode(path, dirMode))
}

// existing judges what is at path although a moment ago nothing was: a directory that another run made is as good as
// ours.
func existing(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fault(path, ErrNotDir)
	}
	if link, linkErr := os.Lstat(path); linkErr == nil && link.Mode().Type() == fs.ModeSymlink && err != nil {
		return fault(path, errDangling)
	}
	return fault(path, err)
}

// setDirMode gives a directory just made its mode, which the umask may have cut; a set-group-ID bit that it inherited
// stays.
func setDirMode(path string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_RDONLY|openNoFollow, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.IsDir() || info.Mode().Perm() == mode {
		return err
	}
	return f.Chmod(info.Mode()&^fs.ModePerm | mode)
}

// openRoot opens a directory. os.OpenRoot alone waits for the other end of a pipe that lies in its place.
func openRoot(path string) (*os.Root, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = ErrNotDir
	}
	if err != nil {
		return nil, err
	}
	return os.OpenRoot(path)
}
