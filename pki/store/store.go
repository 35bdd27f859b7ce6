// Package store is the only place where pkitool touches files. It locks directories, reads PKI files without being
// stalled or flooded by what lies there, and saves sets of files so that no run, however it ends, leaves a torn file, a
// private key that others can read, or a certificate without its key.
//
// It knows nothing of certificates: callers say what to write and in which order, store says whether it is on the disk.
package store

import (
	"errors"
	"io/fs"
	"os"
)

// MaxSize is the largest file, in bytes, that is read or written: 4 MiB. A CA bundle of a whole operating system is
// 0.2 MiB; what is larger is not PKI material.
const MaxSize = 4 << 20

// Faults that are not the operating system's. Each is wrapped in an *Error that names the path.
var (
	// ErrSymlink says that the last element of a path is a symbolic link. Links are followed for reading only:
	// a rename would replace the link and leave what it points to unchanged.
	ErrSymlink = errors.New("is a symbolic link, not written through")
	// ErrNotRegular says that a path is a pipe, a socket or a device.
	ErrNotRegular = errors.New("is not a regular file")
	// ErrIsDir says that a directory stands where a file belongs, ErrNotDir that something else stands where a directory does.
	ErrIsDir  = errors.New("is a directory")
	ErrNotDir = errors.New("is not a directory")
	// ErrTooLarge says that a file or stream holds more than MaxSize bytes.
	ErrTooLarge = errors.New("is larger than 4 MiB")
	// ErrLocked says that another process held the lock of a directory for longer than the caller would wait.
	ErrLocked = errors.New("locked by another process")
	// ErrNotLocked says that a path to be written is not directly in a directory that is locked.
	ErrNotLocked = errors.New("directory is not locked")
	// ErrOwner says why a file is not replaced: its owner, who would get the new one, could have put the old one there.
	ErrOwner = errors.New("others can put files into its directory")
	// ErrLooseKey says that a PEM private key was to be written with a mode looser than 0600.
	ErrLooseKey = errors.New("a private key may not be readable by others")
	// ErrTooMany says that a directory tree holds more entries than the caller wanted to see.
	ErrTooMany = errors.New("too many files")

	errNoMode    = errors.New("no file mode given")
	errTwice     = errors.New("written twice in one save")
	errNotInside = errors.New("is not a file name inside the backup")
	errReplaced  = errors.New("directory is replaced again and again")
	errBusy      = errors.New("its lock is held")
	errDangling  = errors.New("is a symbolic link to nothing")
)

// Error is every error of this package: a fault and the path it was met at, as the caller spelled the path.
// errors.Is reaches the fault: fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, syscall.ENOSPC, ErrSymlink and so on.
type Error struct {
	Path string
	Err  error
}

// Error gives the fault and, in parentheses, the path: "permission denied (pki/ca.key)".
func (e *Error) Error() string { return e.Err.Error() + " (" + e.Path + ")" }

// Unwrap gives the fault.
func (e *Error) Unwrap() error { return e.Err }

// fault names path in err, in place of whatever path and system call the os package put there. A nil err stays nil, and
// an *Error keeps the path it has.
func fault(path string, err error) error {
	if err == nil {
		return nil
	}
	var named *Error
	if errors.As(err, &named) {
		return err
	}
	for {
		var (
			pathErr *fs.PathError
			linkErr *os.LinkError
			callErr *os.SyscallError
		)
		switch {
		case errors.As(err, &pathErr):
			err = pathErr.Err
		case errors.As(err, &linkErr):
			err = linkErr.Err
		case errors.As(err, &callErr):
			err = callErr.Err
		default:
			return &Error{Path: path, Err: err}
		}
	}
}

// regular says why a file with this information cannot be read or replaced as a plain file; nil if it can.
func regular(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return ErrIsDir
	case mode.Type() == fs.ModeSymlink:
		return ErrSymlink
	default:
		return ErrNotRegular
	}
}
