//go:build linux && amd64

package faults_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// read makes a call of the registers, or nil where it changes nothing below the root.
func (t *tracer) read(tid int, r *syscall.PtraceRegs) *call {
	c := t.named(tid, r)
	if c == nil || !t.counts(c.Path) && !t.counts(c.To) {
		return nil
	}
	return c
}

func (t *tracer) counts(path string) bool {
	return path == t.dir || strings.HasPrefix(path, t.dir+"/")
}

// named reads the calls that change something. What goes by a path alone is put in the words of its sibling that takes
// a directory.
func (t *tracer) named(tid int, r *syscall.PtraceRegs) *call {
	const cwd = unix.AT_FDCWD
	at := func(dir int, ptr uint64) string { return t.resolve(dir, readString(tid, ptr)) }
	fd, fd2 := int(int32(r.Rdi)), int(int32(r.Rdx))
	switch r.Orig_rax {
	case unix.SYS_OPENAT:
		if int(r.Rdx)&(unix.O_CREAT|unix.O_TRUNC) != 0 {
			return &call{Name: "openat", Path: at(fd, r.Rsi), Flags: int(r.Rdx), Mode: uint32(r.R10)}
		}
	case unix.SYS_OPEN:
		if int(r.Rsi)&(unix.O_CREAT|unix.O_TRUNC) != 0 {
			return &call{Name: "openat", Path: at(cwd, r.Rdi), Flags: int(r.Rsi), Mode: uint32(r.Rdx)}
		}
	case unix.SYS_CREAT:
		return &call{Name: "openat", Path: at(cwd, r.Rdi), Flags: unix.O_CREAT | unix.O_TRUNC, Mode: uint32(r.Rsi)}
	case unix.SYS_WRITE, unix.SYS_PWRITE64:
		c := &call{Name: "write", Path: t.pathOf(fd), FD: fd, Offset: -1}
		if t.counts(c.Path) {
			c.Data = readBytes(tid, r.Rsi, int(r.Rdx))
		}
		if r.Orig_rax == unix.SYS_PWRITE64 {
			c.Name, c.Offset = "pwrite64", int64(r.R10)
		}
		return c
	case unix.SYS_FTRUNCATE:
		return &call{Name: "ftruncate", Path: t.pathOf(fd), FD: fd, Offset: int64(r.Rsi)}
	case unix.SYS_RENAME:
		return &call{Name: "renameat2", Path: at(cwd, r.Rdi), To: at(cwd, r.Rsi)}
	case unix.SYS_RENAMEAT:
		return &call{Name: "renameat2", Path: at(fd, r.Rsi), To: at(fd2, r.R10)}
	case unix.SYS_RENAMEAT2:
		return &call{Name: "renameat2", Path: at(fd, r.Rsi), To: at(fd2, r.R10), Flags: int(r.R8)}
	case unix.SYS_LINK:
		return &call{Name: "linkat", Path: at(cwd, r.Rdi), To: at(cwd, r.Rsi)}
	case unix.SYS_LINKAT:
		return &call{Name: "linkat", Path: at(fd, r.Rsi), To: at(fd2, r.R10)}
	case unix.SYS_SYMLINKAT:
		return &call{Name: "symlinkat", Path: at(int(int32(r.Rsi)), r.Rdx)}
	case unix.SYS_UNLINK:
		return &call{Name: "unlinkat", Path: at(cwd, r.Rdi)}
	case unix.SYS_RMDIR:
		return &call{Name: "unlinkat", Path: at(cwd, r.Rdi), Flags: unix.AT_REMOVEDIR}
	case unix.SYS_UNLINKAT:
		return &call{Name: "unlinkat", Path: at(fd, r.Rsi), Flags: int(r.Rdx)}
	case unix.SYS_MKDIR:
		return &call{Name: "mkdirat", Path: at(cwd, r.Rdi), Mode: uint32(r.Rsi)}
	case unix.SYS_MKDIRAT:
		return &call{Name: "mkdirat", Path: at(fd, r.Rsi), Mode: uint32(r.Rdx)}
	case unix.SYS_CHMOD:
		return &call{Name: "fchmodat", Path: at(cwd, r.Rdi), Mode: uint32(r.Rsi)}
	case unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2:
		return &call{Name: "fchmodat", Path: at(fd, r.Rsi), Mode: uint32(r.Rdx)}
	case unix.SYS_FCHMOD:
		return &call{Name: "fchmod", Path: t.pathOf(fd), FD: fd, Mode: uint32(r.Rsi)}
	case unix.SYS_CHOWN, unix.SYS_LCHOWN:
		return &call{Name: "fchownat", Path: at(cwd, r.Rdi)}
	case unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT:
		return &call{Name: "fchownat", Path: at(fd, r.Rsi)}
	}
	if name := byDescriptor[r.Orig_rax]; name != "" {
		return &call{Name: name, Path: t.pathOf(fd), FD: fd}
	}
	return nil
}

// byDescriptor are the calls of which only the open file matters. A program that uses one of the others of its family
// (writev, copy_file_range) would change files that the model of the power cut does not know of: they are here so that
// they count, and the model refuses them.
var byDescriptor = map[uint64]string{
	unix.SYS_FSYNC: "fsync", unix.SYS_FDATASYNC: "fsync", unix.SYS_SYNCFS: "syncfs", unix.SYS_SYNC_FILE_RANGE: "sync_file_range",
	unix.SYS_FLOCK: "flock", unix.SYS_FCHOWN: "fchown", unix.SYS_FALLOCATE: "fallocate",
	unix.SYS_WRITEV: "writev", unix.SYS_PWRITEV: "pwritev", unix.SYS_SENDFILE: "sendfile",
}

// resolve is the path that a directory's descriptor and a name in it lead to.
func (t *tracer) resolve(dir int, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	base := t.dir
	if dir != unix.AT_FDCWD {
		base = t.pathOf(dir)
	}
	return filepath.Join(base, name)
}

func (t *tracer) pathOf(fd int) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", t.pid, fd))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(path, " (deleted)")
}

func readBytes(tid int, ptr uint64, n int) []byte {
	if n <= 0 {
		return nil
	}
	data := make([]byte, n)
	local := []unix.Iovec{{Base: &data[0], Len: uint64(n)}}
	got, err := unix.ProcessVMReadv(tid, local, []unix.RemoteIovec{{Base: uintptr(ptr), Len: n}}, 0)
	if err != nil {
		return nil
	}
	return data[:got]
}

// readString reads page by page: what is behind the end of the string may not be there.
func readString(tid int, ptr uint64) string {
	var out []byte
	for len(out) < unix.PathMax {
		n := 4096 - int(ptr%4096)
		part := readBytes(tid, ptr, n)
		if i := bytes.IndexByte(part, 0); i >= 0 {
			return string(append(out, part[:i]...))
		}
		if len(part) < n {
			break
		}
		out, ptr = append(out, part...), ptr+uint64(n)
	}
	return string(out)
}
