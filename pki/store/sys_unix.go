//go:build unix

package store

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// openNoWait keeps open(2) from waiting for the other end of a pipe, should one be there after all.
const openNoWait = syscall.O_NONBLOCK | syscall.O_NOCTTY

// openNoFollow opens a directory, never through a link.
const openNoFollow = syscall.O_NOFOLLOW | syscall.O_DIRECTORY

// newLock locks the directory itself: nothing is left behind, and a directory that may only be read can be locked.
func newLock(dir string) *flock.Flock { return flock.New(dir, flock.SetFlag(os.O_RDONLY)) }

// lockUnsupported says that the filesystem cannot lock a directory. NFS turns flock(2) into a record lock, which needs
// a file open for writing; flock then tries the directory for writing and gets EISDIR.
func lockUnsupported(err error) bool {
	codes := []error{syscall.EISDIR, syscall.EBADF, syscall.ENOLCK, syscall.ENOTSUP, syscall.ENOSYS}
	return slices.ContainsFunc(codes, func(code error) bool { return errors.Is(err, code) })
}

// identity gives what makes a directory the same one whatever it is called, through links and bind mounts.
func identity(info fs.FileInfo) (device, inode uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), uint64(st.Ino)
	}
	return 0, 0
}

// keepOwner gives f the owner and group of the file it is to replace: etcd may run as its own user, and its key must
// still be its own after a renewal. Who may not do that (not root) replaces the file as its own, as with any editor.
func keepOwner(f *os.File, old fs.FileInfo) error {
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok && is.Uid == was.Uid && is.Gid == was.Gid {
		return nil
	}
	if err := f.Chown(int(was.Uid), int(was.Gid)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// syncDir makes the names in a directory durable. Filesystems that cannot (EINVAL, ENOTSUP from FUSE and SMB) have no
// better way to offer.
func syncDir(dir *os.File) error {
	err := dir.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}

// ours says that a file belongs to this process's user or to root.
func ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (st.Uid == 0 || int(st.Uid) == os.Geteuid())
}
