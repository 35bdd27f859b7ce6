package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pkitool/pkitool/cmd"
	"github.com/pkitool/pkitool/pki"
)

// nobody is who the children are where the tests are root, from whom no memory can be kept.
const nobody = 65534

// open is a directory that nobody can work in: with a PKI, and with this test binary, which is the program.
func open(t *testing.T) (dir, exe string) {
	t.Helper()
	dir = t.TempDir()
	var said bytes.Buffer
	code := cmd.Run(context.Background(), []string{"init", "phase", "certs", "ca", "--cert-dir", filepath.Join(dir, "pki"), "--key-algorithm", "ECDSA-P256"},
		cmd.Env{Stdin: &bytes.Buffer{}, Stdout: io.Discard, Stderr: &said, Now: time.Now(), LookupEnv: func(string) (string, bool) { return "", false }})
	require.Zero(t, code, said.String())
	ca := filepath.Join(dir, "pki", "ca.crt")
	one, err := os.ReadFile(ca)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(ca, bytes.Repeat(one, 8), 0o644)) // a kubeconfig that no pipe of one page holds
	self, err := os.Executable()
	require.NoError(t, err)
	data, err := os.ReadFile(self)
	require.NoError(t, err)
	exe = filepath.Join(dir, "pkitool")
	require.NoError(t, os.WriteFile(exe, data, 0o755))
	if os.Getuid() == 0 {
		require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
		require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			require.NoError(t, err)
			return os.Chown(path, nobody, nobody)
		}))
	}
	return dir, exe
}

// asNobody is a command that is not root's. It may dump core, as far as the limits of the machine let it.
func asNobody(dir string, env []string, args ...string) *exec.Cmd {
	c := exec.Command("sh", append([]string{"-c", `ulimit -c unlimited 2>/dev/null; exec "$@"`, "sh"}, args...)...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return c
}

// holding starts the program and waits until it writes a key to a pipe that nobody empties.
func holding(t *testing.T, dir, exe string, env ...string) (c *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	size, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096)
	require.NoError(t, err)
	c = asNobody(dir, append(env, "GOTRACEBACK=crash"), exe, "kubeconfig", "user", "--cn", "alice", "--cert-dir", "pki", "--server", "https://192.0.2.10:6443")
	stderr = &bytes.Buffer{}
	c.Stdout, c.Stderr = w, stderr
	require.NoError(t, c.Start())
	t.Cleanup(func() { r.Close(); w.Close(); _ = c.Process.Kill() })
	require.Eventually(t, func() bool {
		n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
		return err == nil && n == size
	}, time.Minute, time.Millisecond, "it does not write: %s", stderr)
	return c, stderr
}

// memoryReadable reports whether a process of the same user can open the memory of another.
func memoryReadable(c *exec.Cmd) bool {
	path := "/proc/" + strconv.Itoa(c.Process.Pid) + "/mem"
	if os.Getuid() == 0 {
		return asNobody("/", nil, "sh", "-c", "exec 3<"+path).Run() == nil
	}
	f, err := os.Open(path)
	if err == nil {
		f.Close()
	}
	return err == nil
}

// TestMemoryClosed looks at a run while it holds a key: nobody but root reads its memory, and the core that a crash would
// leave is not written, whatever the limits say. The second process, which does not close its memory, shows what this
// machine lets others do.
func TestMemoryClosed(t *testing.T) {
	t.Parallel()
	dir, exe := open(t)
	for _, tt := range []struct {
		name string
		env  string
		open bool
	}{{"the program", childEnv + "=1", false}, {"another process", otherEnv + "=1", true}} {
		c, stderr := holding(t, dir, exe, tt.env)
		readable := memoryReadable(c)
		require.NoError(t, c.Process.Signal(syscall.SIGABRT))
		_ = c.Wait()
		ended, ok := c.ProcessState.Sys().(syscall.WaitStatus)
		require.True(t, ok)
		assert.Equal(t, syscall.SIGABRT, ended.Signal(), "%s: %s", tt.name, stderr)
		if !tt.open {
			assert.False(t, readable, "another process of the same user can open its memory")
			assert.False(t, ended.CoreDump(), "it left a core")
			noKeyIn(t, stderr.String(), filepath.Join(dir, "pki", "ca.key"))
			continue
		}
		if !readable {
			t.Log("NOT SHOWN: this machine keeps the memory of every process closed")
		}
		if !ended.CoreDump() {
			t.Log("NOT SHOWN: this machine writes no core at all")
		}
	}
}

// noKeyIn looks for an ECDSA key in a trace: as text, and as words, in which Go prints arguments.
func noKeyIn(t *testing.T, trace, file string) {
	t.Helper()
	require.Contains(t, trace, "goroutine ", "no trace")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, trace, string(data[40:90]))
	key, err := pki.ParsePrivateKey(data)
	require.NoError(t, err)
	ec, ok := key.(*ecdsa.PrivateKey)
	require.True(t, ok)
	d, err := ec.Bytes()
	require.NoError(t, err)
	for i := 0; i < len(d); i += 8 {
		assert.NotContains(t, trace, fmt.Sprintf("%x", d[i:i+8]))
	}
}

// A process that others may not look at has the files of its own in /proc owned by root: the inputs that lie there, such
// as a shell's <(command), are read all the same.
func TestOwnFilesInProc(t *testing.T) {
	t.Parallel()
	dir, exe := open(t)
	for _, path := range []string{"/dev/stdin", "/proc/self/fd/0", "/dev/fd/0"} {
		out, err := asNobody(dir, []string{childEnv + "=1"}, "sh", "-c", `cat pki/ca.crt | "$@"`, "sh", exe, "certs", "show", path).CombinedOutput()
		assert.NoError(t, err, "%s", out)
	}
	c := asNobody(dir, []string{childEnv + "=1"}, exe, "init", "--dry-run", "--cert-dir", "new", "--kubeconfig-dir", "new") // looks at this host
	out, err := c.CombinedOutput()
	assert.NoError(t, err, "%s", out)
}
