package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// startSync starts writing f to the disk without waiting, so that the disk is busy while further files are staged and
// the fsync that follows finds little left to do. A filesystem that cannot start early is no fault: fsync decides.
func startSync(f *os.File) {
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
}

// canSyncFilesystem says that syncFilesystem works here.
const canSyncFilesystem = true

// syncFilesystem writes out everything on the filesystem of dir. It reports failed writes since Linux 5.8.
func syncFilesystem(dir *os.File) error {
	return retry(func() error { return unix.Syncfs(int(dir.Fd())) })
}

// renameDirAbsent renames a directory unless to is there.
func renameDirAbsent(from, to string) error {
	err := retry(func() error { return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE) })
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return os.Rename(from, to) // fails if to holds anything
	}
	return err
}

// retry calls do again where a signal interrupted it, as package os does.
func retry(do func() error) error {
	for {
		if err := do(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// renameAbsent renames from to to in one directory unless to is there (fs.ErrExist).
func renameAbsent(dir *os.File, root *os.Root, from, to string) error {
	fd := int(dir.Fd())
	err := retry(func() error { return unix.Renameat2(fd, from, fd, to, unix.RENAME_NOREPLACE) })
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // NFS, old FUSE
		return linkAbsent(root, from, to)
	}
	return err
}
