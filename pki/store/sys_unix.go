//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// openNoWait keeps open(2) from waiting for the other end of a pipe, should one be there after all.
const openNoWait = syscall.O_NONBLOCK | syscall.O_NOCTTY

// openNoFollow opens a directory, never through a link.
const openNoFollow = syscall.O_NOFOLLOW | syscall.O_DIRECTORY

// flock takes the exclusive lock of an open file, or gives errBusy. It belongs to the open file: closing it, and the end
// of the process, give it back. NFS makes a record lock of it, for which the file must be open for writing.
func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK), errors.Is(err, unix.EACCES): // EACCES: a record lock
			return errBusy
		default:
			return err
		}
	}
}

// lockUnsupported says that the filesystem has no locks.
func lockUnsupported(err error) bool {
	codes := []error{syscall.ENOLCK, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS}
	return slices.ContainsFunc(codes, func(code error) bool { return errors.Is(err, code) })
}

// admit lets those who may write in the directory open its new lock file, and nobody else: it belongs to the directory's
// owner, where we may give it away, and to the directory's group.
func admit(f *os.File, dir fs.FileInfo) error {
	want, ok := dir.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	mode := fs.FileMode(0o600)
	if want.Uid != uint32(os.Geteuid()) || dir.Mode()&0o020 != 0 {
		uid := -1
		if os.Geteuid() == 0 {
			uid = int(want.Uid)
		}
		err := f.Chown(uid, int(want.Gid))
		if err == nil && dir.Mode()&0o020 != 0 {
			mode |= 0o060
		}
	}
	if dir.Mode()&0o002 != 0 {
		mode |= 0o066
	}
	if mode == 0o600 {
		return nil
	}
	return f.Chmod(mode)
}

// mayWrite says why nothing can be made in a directory; nil if something can.
func mayWrite(dir *os.File) error {
	return unix.Faccessat(int(dir.Fd()), ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}

// identity gives what makes a directory the same one whatever it is called, through links and bind mounts.
func identity(info fs.FileInfo) (device, inode uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), uint64(st.Ino)
	}
	return 0, 0
}

// Superuser reports whether this process may give files away.
func Superuser() bool { return os.Geteuid() == 0 }

// stranger names the owner of a file if that is neither root nor the user of this process.
func stranger(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 || st.Uid == uint32(os.Geteuid()) {
		return ""
	}
	return fmt.Sprintf("user %d", st.Uid)
}

// rights are those in a directory. The group of root, and the process's own, are as good as their user.
func rights(dir fs.FileInfo) Rights {
	r := Rights{Mode: dir.Mode(), Owner: stranger(dir), Everybody: dir.Mode()&0o002 != 0}
	if st, ok := dir.Sys().(*syscall.Stat_t); ok && dir.Mode()&0o020 != 0 && st.Gid != 0 && st.Gid != uint32(os.Getegid()) {
		r.Group = fmt.Sprintf("group %d", st.Gid)
	}
	return r
}

// keepOwner gives f the owner and group of the file in dir that it is to replace: etcd may run as its own user, and its
// key must still be its own after a renewal. But where others than root and this user can put files into the directory,
// whoever put the old one there would be given the new one. Who may not give files away (not root) replaces the file as
// its own, as with any editor.
func keepOwner(f *os.File, old, dir fs.FileInfo) error {
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if owner := stranger(old); owner != "" && Superuser() && rights(dir).Shared() {
		return fmt.Errorf("belongs to %s, and %w", owner, ErrOwner)
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
