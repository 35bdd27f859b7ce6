package store

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A file system without locks: the kernel answers flock(2) with ENOLCK in these children, as NFS does without its lock
// daemon. Then the lock file alone keeps runs apart, and one that a killed run left is told as such.
func TestNoLocks(t *testing.T) {
	t.Parallel()
	dir := countTogether(t, "count without locks", 6, 15)
	write(t, filepath.Join(dir, lockName), "", 0o600)
	cmd := child(t, "blind without locks", dir)
	require.NoError(t, cmd.Run(), "%s", cmd.Stderr)
}

// Of pkitool itself the names of commands are told, and nothing that may be a value.
func TestHolderIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	exe, err := os.Executable()
	require.NoError(t, err)
	named := filepath.Join(t.TempDir(), "pkitool")
	// A second name, no copy: a file that was open for writing cannot be run while a child that another test starts at
	// that moment has it open as well.
	require.NoError(t, os.Link(exe, named))
	holder := child(t, "hold", dir)
	holder.Path, holder.Args = named, []string{"pkitool", "kubeconfig", "user", "--token", "secret"}
	serveCmd(t, holder)
	_, err = Lock(patient(t, 0), dir)
	assert.EqualError(t, err, fmt.Sprintf("locked by another process (pid %d, pkitool kubeconfig user) (%s)", holder.Process.Pid, dir))
}

func init() {
	children["count without locks"] = func(dir string) error {
		if err := withoutLocks(); err != nil {
			return err
		}
		return childCount(dir)
	}
	children["blind without locks"] = func(dir string) error {
		if err := withoutLocks(); err != nil {
			return err
		}
		return blind(dir)
	}
}

// withoutLocks makes every flock(2) of this process fail.
func withoutLocks() error {
	arch := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 4}, // the architecture
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: arch, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the system call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FLOCK, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOLCK)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // TSYNC wants all threads alike but this one
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}
