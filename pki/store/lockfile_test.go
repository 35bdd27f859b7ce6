//go:build unix

package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// ownName is how an error calls this process, where the system tells.
func ownName() string { return nameOf(os.Getpid()) }

func nameOf(pid int) string {
	if runtime.GOOS != "linux" {
		return ""
	}
	return fmt.Sprintf(" (pid %d, store.test)", pid)
}

// patient is a context whose locks are waited for as long as limit.
func patient(t *testing.T, limit time.Duration) context.Context {
	return WithPatience(t.Context(), Patience{Limit: limit})
}

// serve starts a child and returns when it says that it is ready. The test's end kills it.
func serve(t *testing.T, name, dir string) *exec.Cmd {
	t.Helper()
	cmd := child(t, name, dir)
	serveCmd(t, cmd)
	return cmd
}

func serveCmd(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	_, err = cmd.StdinPipe() // its end is the child's
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "%s", cmd.Stderr)
	require.Equal(t, "ready\n", line)
}

// ready tells the test, and waits for the end.
func ready() error {
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return nil
}

func childHold(dir string) error {
	if _, err := Lock(context.Background(), dir); err != nil {
		return err
	}
	return ready()
}

// childReader is a user who may only read, and who locks whatever that is enough for.
func childReader(dir string) error {
	if os.Geteuid() == 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
			return err
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	if os.Getuid() == 65534 {
		for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
			_, err := os.OpenFile(filepath.Join(dir, lockName), flag, 0)
			if !errors.Is(err, fs.ErrPermission) {
				return fmt.Errorf("the lock file opens with %d: %w", flag, err)
			}
		}
	}
	return ready()
}

// Who may only read a directory cannot hold up who writes: neither by the directory's own lock, nor by that of the lock file.
func TestReadersCannotLock(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("SKIPPED IN PART: only root can become another user, so that the lock file cannot be opened is not tried")
	}
	dir := filepath.Join(t.TempDir(), "pki")
	for _, up := range []string{filepath.Dir(filepath.Dir(dir)), filepath.Dir(dir)} {
		require.NoError(t, os.Chmod(up, 0o755))
	}
	mkdir(t, dir, 0o755)
	l := lock(t, dir)
	serve(t, "reader", dir)
	require.NoError(t, l.Unlock())
	l, err := Lock(patient(t, 0), dir)
	require.NoError(t, err)
	require.NoError(t, l.Save([]Write{{Path: filepath.Join(dir, "ca.crt"), Mode: 0o644}}))
	require.NoError(t, l.Unlock())
}

// The lock file has the rights of who may write in the directory, and no more.
func TestLockFileMode(t *testing.T) {
	t.Parallel()
	root := os.Geteuid() == 0
	if !root {
		t.Log("SKIPPED IN PART: only root can make directories of others")
	}
	for _, test := range []struct {
		dir, want fs.FileMode
		uid, gid  int
	}{
		{0o755, 0o600, -1, -1}, {0o700, 0o600, -1, -1}, {0o777, 0o666, -1, -1}, {0o1777, 0o666, -1, -1},
		{0o775, 0o660, -1, -1}, {0o755, 0o600, 65534, 65533}, {0o770, 0o660, 65534, 65533}, {0o775, 0o660, 0, 65533},
	} {
		if test.uid >= 0 && !root {
			continue
		}
		dir := t.TempDir()
		require.NoError(t, os.Chown(dir, test.uid, test.gid))
		require.NoError(t, unix.Chmod(dir, uint32(test.dir)))
		l := lock(t, dir)
		info, err := os.Stat(filepath.Join(dir, lockName))
		require.NoError(t, err)
		above, err := os.Stat(dir)
		require.NoError(t, err)
		assert.Equal(t, test.want, info.Mode(), "in a directory of %04o", test.dir)
		assert.Equal(t, above.Sys().(*syscall.Stat_t).Uid, info.Sys().(*syscall.Stat_t).Uid)
		assert.Equal(t, above.Sys().(*syscall.Stat_t).Gid, info.Sys().(*syscall.Stat_t).Gid)
		require.NoError(t, l.Unlock())
		assert.Empty(t, names(t, dir))
	}
}

// A lock that a dead process held is free; a stopped one's is not, and who waits is told whose it is.
func TestLockOfTheDeadAndTheStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := serve(t, "hold", dir)
	require.NoError(t, holder.Process.Signal(syscall.SIGSTOP))
	_, err := Lock(patient(t, 0), dir)
	assert.EqualError(t, err, "locked by another process"+nameOf(holder.Process.Pid)+" ("+dir+")")
	assert.ErrorIs(t, err, ErrLocked)
	begin := time.Now()
	_, err = Lock(patient(t, 30*time.Millisecond), dir)
	assert.ErrorIs(t, err, ErrLocked)
	assert.GreaterOrEqual(t, time.Since(begin), 30*time.Millisecond)

	require.NoError(t, holder.Process.Kill())
	_ = holder.Wait()
	assert.FileExists(t, filepath.Join(dir, lockName), "the dead cannot remove it")
	require.NoError(t, Wait(patient(t, 0), dir))
	l, err := Lock(patient(t, 0), dir)
	require.NoError(t, err)
	require.NoError(t, l.Unlock())
	assert.Empty(t, names(t, dir))
}

// Whoever waits is told once, and not at once.
func TestWaitingIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := serve(t, "hold", dir)
	for name, wait := range map[string]func(ctx context.Context) error{
		"lock": func(ctx context.Context) error { _, err := Lock(ctx, dir); return err },
		"wait": func(ctx context.Context) error { return Wait(ctx, dir) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			var said []string
			var after time.Duration
			err := wait(WithPatience(t.Context(), Patience{Limit: 1300 * time.Millisecond, Waiting: func(dir string, by *LockedError) {
				after = time.Since(begin)
				said = append(said, dir+": "+by.Error())
			}}))
			assert.ErrorIs(t, err, ErrLocked)
			assert.Equal(t, []string{dir + ": locked by another process" + nameOf(holder.Process.Pid)}, said)
			assert.GreaterOrEqual(t, after, noteAfter)
		})
	}
}

// Many processes take a lock whose file each of them removes: never do two hold it, and nothing is left.
func TestLockFileIsRemovedWithoutRace(t *testing.T) {
	t.Parallel()
	countTogether(t, "count", 12, 60)
}

// countTogether has processes that each add one to a counter in rounds, and gives their directory.
func countTogether(t *testing.T, how string, processes, rounds int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	counter := filepath.Join(dir, "counter")
	write(t, counter, "0", 0o644)
	var runs []*exec.Cmd
	for range processes {
		cmd := child(t, how, dir, fmt.Sprintf("STORE_TEST_ROUNDS=%d", rounds))
		require.NoError(t, cmd.Start())
		runs = append(runs, cmd)
	}
	for _, cmd := range runs {
		assert.NoError(t, cmd.Wait(), "%s", cmd.Stderr)
	}
	assert.Equal(t, strconv.Itoa(processes*rounds), contents(t, dir)[counter], "an update is lost: two held the lock")
	assert.Equal(t, []string{"counter 0644"}, names(t, dir))
	return dir
}

// childCount adds one, without any care but the lock.
func childCount(dir string) error {
	path := filepath.Join(dir, "counter")
	ctx := WithPatience(context.Background(), Patience{Limit: time.Minute})
	for range number("STORE_TEST_ROUNDS", 0) {
		l, err := Lock(ctx, dir)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(data))
		if err != nil {
			return err
		}
		if err := errors.Join(os.WriteFile(path, []byte(strconv.Itoa(n+1)), 0o644), l.Unlock()); err != nil {
			return err
		}
	}
	return nil
}

// Whatever else lies at the lock file's place is named, not followed, and not waited for.
func TestLockFileIsNoFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		plant func(path string) error
		want  string
	}{
		"link":            {func(path string) error { return os.Symlink(filepath.Join(filepath.Dir(path), "victim"), path) }, "is not a regular file (PATH)"},
		"link to nothing": {func(path string) error { return os.Symlink("nothing", path) }, "is not a regular file (PATH)"},
		"link to itself":  {func(path string) error { return os.Symlink(lockName, path) }, "is not a regular file (PATH)"},
		"pipe":            {func(path string) error { return unix.Mkfifo(path, 0o666) }, "is not a regular file (PATH)"},
		"socket":          {func(path string) error { return unix.Mknod(path, unix.S_IFSOCK|0o666, 0) }, "is not a regular file (PATH)"},
		"directory":       {func(path string) error { return os.Mkdir(path, 0o755) }, "is a directory (PATH)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "victim"), "victim", 0o644)
			path := filepath.Join(dir, lockName)
			if err := test.plant(path); errors.Is(err, fs.ErrPermission) {
				t.Skipf("SKIPPED: cannot be made here: %v", err)
			} else {
				require.NoError(t, err)
			}
			before := names(t, dir)
			_, err := Lock(patient(t, 0), dir)
			assert.EqualError(t, err, strings.ReplaceAll(test.want, "PATH", path))
			assert.NoError(t, Wait(patient(t, 0), dir))
			assert.Equal(t, before, names(t, dir))
		})
	}
}

// A lock file that a run of another user left, or holds, and that may not be opened: who writes there waits, who only
// reads does so for a while.
func TestLockFileOfAnother(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can make files of others; run the tests as root to test lock files of other users")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	mkdir(t, filepath.Join(dir, "shared"), 0o777)
	mkdir(t, filepath.Join(dir, "closed"), 0o755)
	for _, sub := range []string{"shared", "closed"} {
		write(t, filepath.Join(dir, sub, lockName), "", 0o600)
	}
	require.NoError(t, os.Chmod(dir, 0o755))
	cmd := child(t, "other", dir)
	require.NoError(t, cmd.Run(), "%s", cmd.Stderr)
}

func childOther(dir string) error {
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
		return err
	}
	ctx := WithPatience(context.Background(), Patience{Limit: 30 * time.Millisecond})
	shared, closed := filepath.Join(dir, "shared"), filepath.Join(dir, "closed")
	if err := blind(shared); err != nil {
		return err
	}
	begin := time.Now()
	if err := errors.Join(Wait(ctx, closed), Wait(ctx, shared)); err != nil {
		return err
	}
	l, err := Lock(ctx, closed)
	if err != nil {
		return err
	}
	if time.Since(begin) < 90*time.Millisecond {
		return errors.New("a reader does not wait for the run that may be at work")
	}
	path := filepath.Join(closed, "ca.crt")
	return errors.Join(expect(l.Save([]Write{{Path: path, Mode: 0o644}}), "permission denied ("+path+")", fs.ErrPermission), l.Unlock())
}

// blind is for a directory whose lock file cannot be asked.
func blind(dir string) error {
	_, err := Lock(WithPatience(context.Background(), Patience{Limit: 30 * time.Millisecond}), dir)
	if err := expect(err, "locked by another process ("+dir+")", ErrLocked); err != nil {
		return err
	}
	var locked *LockedError
	if !errors.As(err, &locked) || !locked.Blind {
		return fmt.Errorf("%w: it is not said that only the file was seen", err)
	}
	return nil
}
