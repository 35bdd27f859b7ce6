package store

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

const openNoWait = 0

const openNoFollow = 0

// newLock locks a file in the directory: Windows cannot lock a directory.
func newLock(dir string) *flock.Flock { return flock.New(filepath.Join(dir, lockName)) }

func lockUnsupported(error) bool { return false }

func identity(fs.FileInfo) (device, inode uint64) { return 0, 0 }

// keepOwner does nothing: on Windows a file's access list is inherited from its directory.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// syncDir does nothing: NTFS journals names, and a directory handle cannot be flushed without being open for writing.
func syncDir(*os.File) error { return nil }

// ours says that a file belongs to this process's user: Windows has no directories with a sticky bit.
func ours(fs.FileInfo) bool { return true }
