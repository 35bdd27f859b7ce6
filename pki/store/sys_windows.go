package store

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

const openNoWait = 0

const openNoFollow = 0

// flock takes the exclusive lock of an open file, or gives errBusy.
func flock(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errBusy
	}
	return err
}

func lockUnsupported(error) bool { return false }

// admit does nothing: on Windows a file's access list is inherited from its directory.
func admit(*os.File, fs.FileInfo) error { return nil }

// mayWrite does not ask: who is refused the lock file waits for it.
func mayWrite(*os.File) error { return nil }

func identity(fs.FileInfo) (device, inode uint64) { return 0, 0 }

// keepOwner does nothing: on Windows a file's access list is inherited from its directory.
func keepOwner(*os.File, fs.FileInfo, fs.FileInfo) error { return nil }

// Superuser is nobody: no file is given away.
func Superuser() bool { return false }

// stranger and rights say nothing: the mode and the owner that Go makes up are not those that count.
func stranger(fs.FileInfo) string { return "" }

func rights(fs.FileInfo) Rights { return Rights{} }

// syncDir does nothing: NTFS journals names, and a directory handle cannot be flushed without being open for writing.
func syncDir(*os.File) error { return nil }

// ours says that a file belongs to this process's user: Windows has no directories with a sticky bit.
func ours(fs.FileInfo) bool { return true }
