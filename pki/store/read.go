package store

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkitool/pkitool/internal/hidden"
)

// File is what Read found.
type File struct {
	hidden.Secret
	Data []byte
	// Mode is the mode of the file itself, of the target where the path is a link.
	Mode fs.FileMode
	// Symlink is true when the last element of the path is a symbolic link: such a file can be read but not saved.
	Symlink bool
	// Owner is who the file belongs to, or the link to it, if that is neither root nor the user of this process:
	// "user 1000"; "" else, and where files have no such owner.
	Owner string
}

// Rights say who else than root and the user of this process may change what a directory holds. The zero value: nobody.
type Rights struct {
	// Mode is the directory's mode, 0 where that says nothing.
	Mode fs.FileMode
	// Owner is its owner: "user 1000". Group is the group that may write in it: "group 2000".
	Owner, Group string
	// Everybody may put files into it, and replace those of others unless the mode has the sticky bit.
	Everybody bool
}

// Shared reports whether others may put files into the directory.
func (r Rights) Shared() bool { return r.Owner != "" || r.Group != "" || r.Everybody }

// RightsIn says who else may change what lies in a directory; of one that is not there, nobody.
func RightsIn(dir string) Rights {
	info, err := os.Stat(dir)
	if err != nil {
		return Rights{}
	}
	return rights(info)
}

// Read reads the regular file at path, following symbolic links. It never waits: a pipe, a socket or a device is
// ErrNotRegular, even one that takes the file's place between two system calls. More than MaxSize bytes are ErrTooLarge.
// A file that is not there, or a link to nothing, is fs.ErrNotExist. Errors are *Error.
func Read(path string) (File, error) {
	link, err := os.Lstat(path)
	if err != nil {
		return File{}, fault(path, err)
	}
	// Opening a device can act on it, so the type is asked for before the file is opened, and again after.
	info := link
	if link.Mode().Type() == fs.ModeSymlink {
		info, err = os.Stat(path)
	}
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return File{}, fault(path, err)
	}
	data, info, err := readRegular(path)
	if err != nil {
		return File{}, fault(path, err)
	}
	return File{Data: data, Mode: info.Mode(), Symlink: link.Mode().Type() == fs.ModeSymlink, Owner: cmp.Or(stranger(info), stranger(link))}, nil
}

// Real is where a path leads when all symbolic links in it are followed; "" where that is nowhere.
func Real(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return real
}

func readRegular(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openNoWait, 0)
	if err != nil {
		return nil, nil, err
	}
	return readOpen(f)
}

// readIn reads a regular file in root.
func readIn(root *os.Root, name string) ([]byte, fs.FileInfo, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|openNoWait, 0)
	if err != nil {
		return nil, nil, err
	}
	return readOpen(f)
}

// readOpen reads an open file and closes it.
func readOpen(f *os.File) ([]byte, fs.FileInfo, error) {
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > MaxSize {
		return nil, nil, ErrTooLarge
	}
	// A file has as much as it says; one of those that the kernel writes as they are read says that it has nothing.
	data := make([]byte, info.Size())
	if _, err = io.ReadFull(f, data); err == nil && len(data) > 0 {
		return data, info, nil
	}
	if _, err = f.Seek(0, io.SeekStart); err == nil { // it became shorter meanwhile
		data, err = readBounded(f, len(data))
	}
	return data, info, err
}

// ReadFrom reads r to its end, at most MaxSize bytes, else ErrTooLarge. It is for standard input and pipes, and waits as
// long as r does. Name stands for the path in errors, which are *Error.
func ReadFrom(r io.Reader, name string) ([]byte, error) {
	data, err := readBounded(r, 0)
	return data, fault(name, err)
}

// readBounded reads r to its end into a buffer that starts at size bytes and never grows past MaxSize+1.
func readBounded(r io.Reader, size int) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(size + bytes.MinRead) // ReadFrom wants room for one more read to see the end
	n, err := buf.ReadFrom(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if n > MaxSize {
		return nil, ErrTooLarge
	}
	return buf.Bytes(), nil
}

// List gives the paths, sorted, of all regular files in the tree under dir, and of symbolic links to regular files.
// Links to directories are not followed, but dir itself may be one; this package's staging and lock files are left out.
// It looks at no more than limit entries, directories included: one more is ErrTooMany and no list. A subdirectory that
// cannot be read does not hide the others: the list is complete without it, and the error (joined *Errors) names each.
func List(dir string, limit int) ([]string, error) { return list(dir, limit, true) }

// Files is List of what lies in dir itself.
func Files(dir string, limit int) ([]string, error) { return list(dir, limit, false) }

func list(dir string, limit int, below bool) ([]string, error) {
	var (
		files  []string
		faults []error
		open   = []string{dir}
	)
	for len(open) > 0 {
		next := open[len(open)-1]
		open = open[:len(open)-1]
		entries, err := ReadDir(next, limit)
		if errors.Is(err, ErrTooMany) {
			return nil, fault(dir, err)
		}
		if err != nil {
			faults = append(faults, fault(next, err))
		}
		limit -= len(entries)
		for _, entry := range entries {
			path := join(next, entry.Name())
			switch {
			case entry.IsDir():
				if below {
					open = append(open, path)
				}
			case IsStaging(entry.Name()), entry.Name() == lockName:
			case entry.Type().IsRegular():
				files = append(files, path)
			case entry.Type() == fs.ModeSymlink:
				if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
					files = append(files, path)
				}
			}
		}
	}
	slices.Sort(files)
	return files, errors.Join(faults...)
}

// ReadDir reads up to limit entries of a directory; with one more it is those that came first, and ErrTooMany. Unlike
// os.ReadDir it does not take in the whole of a directory with millions of names first, and does not wait where a pipe
// lies in its place.
func ReadDir(dir string, limit int) ([]fs.DirEntry, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|openNoWait, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(limit + 1)
	switch {
	case len(entries) > limit:
		return entries[:max(limit, 0)], ErrTooMany
	case errors.Is(err, io.EOF):
		err = nil
	}
	return entries, err
}

// join is filepath.Join without Clean, so that paths in a listing begin as the caller spelled the directory.
func join(dir, name string) string {
	if strings.HasSuffix(dir, string(os.PathSeparator)) {
		return dir + name
	}
	return dir + string(os.PathSeparator) + name
}
