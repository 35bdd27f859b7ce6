//go:build unix

package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Sixteen runs start at once on nothing: one makes the PKI, the others find it, whatever name they have for it.
func TestSixteenProcesses(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir, link := filepath.Join(top, "kubernetes"), filepath.Join(top, "link")
	require.NoError(t, os.Symlink(top, link))
	var runs []*exec.Cmd
	for i := range 16 {
		name, at := "converge", dir
		switch i % 4 {
		case 1:
			at = filepath.Join(link, "kubernetes")
		case 3:
			name = "refuse" // these make the directories and take them away again
		}
		cmd := child(t, name, at)
		require.NoError(t, cmd.Start())
		runs = append(runs, cmd)
	}
	for _, cmd := range runs {
		assert.NoError(t, cmd.Wait(), "%s", cmd.Stderr)
	}
	for _, pair := range pairs {
		s, err := state(filepath.Join(dir, pair))
		require.NoError(t, err)
		assert.Equal(t, "pair", s)
	}
	assert.Len(t, contents(t, dir), 5, "nothing is left over")
}

// Runs whose trees overlap in every way exclude each other and end.
func TestOverlappingTrees(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	a, b, sub, c := filepath.Join(top, "a"), filepath.Join(top, "b"), filepath.Join(top, "a/sub"), filepath.Join(top, "c")
	link := filepath.Join(top, "link")
	mkdir(t, c, 0o755) // the others come and go: each run takes away the empty directories that it made
	require.NoError(t, os.Symlink("c", link))
	sets := [][]string{
		{a, sub}, {sub, b}, {b, a, c}, {b, sub, a}, {sub, sub}, {link, a}, {sub + "/", b + "/../a/./sub"}, {c, b, link},
	}
	holders := map[string]*atomic.Int32{a: {}, b: {}, sub: {}, c: {}}
	var group sync.WaitGroup
	for _, set := range sets {
		for range 3 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				for range 10 {
					l, err := Lock(ctx, set...)
					if !assert.NoError(t, err) {
						return
					}
					for _, d := range l.dirs {
						assert.Equal(t, int32(1), holders[d.real].Add(1), "%s is held twice", d.real)
					}
					for _, d := range l.dirs {
						holders[d.real].Add(-1)
					}
					assert.NoError(t, l.Unlock())
				}
			})
		}
	}
	group.Wait()
}

func TestSameDirectoryIsLockedOnce(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, "pki"), 0o755)
	require.NoError(t, os.Symlink("pki", filepath.Join(dir, "link")))
	t.Chdir(dir)
	l := lock(t, "pki", "link", filepath.Join(dir, "pki"), "./link/../pki")
	assert.Len(t, l.dirs, 1)
	require.NoError(t, l.Save([]Write{
		{Path: "link/a", Data: []byte("a"), Mode: 0o644},
		{Path: filepath.Join(dir, "pki/b"), Data: []byte("b"), Mode: 0o644},
	}))
	err := l.Save([]Write{{Path: "link/c", Mode: 0o644}, {Path: "pki/c", Mode: 0o644}})
	assert.EqualError(t, err, "written twice in one save (pki/c)")
	assert.Equal(t, []string{"link 0777", "pki/ 0755", "pki/a 0644", "pki/b 0644"}, names(t, dir))
}

func TestLockWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := lock(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := Lock(ctx, filepath.Join(dir, "new"), dir)
	assert.EqualError(t, err, "locked by another process"+ownName()+": context deadline exceeded ("+dir+")")
	assert.ErrorIs(t, err, ErrLocked)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Empty(t, names(t, dir), "the directory made on the way is removed")

	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("interrupted"))
	_, err = Lock(ctx, dir)
	assert.EqualError(t, err, "interrupted ("+dir+")")

	got := make(chan error)
	go func() {
		l, err := Lock(t.Context(), dir)
		if err == nil {
			err = l.Unlock()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	require.NoError(t, holder.Unlock())
	require.NoError(t, <-got)
}

// Whoever only looks waits for the run that is at work, writes nothing and needs no right to.
func TestWait(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	missing := filepath.Join(dir, "missing")
	require.NoError(t, Wait(t.Context(), dir, missing, other))
	assert.NoDirExists(t, missing)
	lock, err := Lock(t.Context(), dir)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, Wait(ctx, other, dir), ErrLocked)
	var unlocked atomic.Bool
	go func() {
		time.Sleep(50 * time.Millisecond)
		unlocked.Store(true)
		assert.NoError(t, lock.Unlock())
	}()
	require.NoError(t, Wait(t.Context(), other, dir))
	assert.True(t, unlocked.Load())
	assert.Empty(t, contents(t, dir))
	require.NoError(t, os.Chmod(dir, 0o500))
	require.NoError(t, Wait(t.Context(), dir))
}

func TestUnlockRemovesUnusedDirectories(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, "old"), 0o755)
	l := lock(t, filepath.Join(dir, "old"), filepath.Join(dir, "x/y/pki"), filepath.Join(dir, "x/y/pki/etcd"))
	require.NoError(t, l.Save([]Write{{Path: filepath.Join(dir, "x/y/pki/ca.crt"), Mode: 0o644}}))
	assert.Equal(t, []string{"old/ 0755", "x/ 0755", "x/y/ 0755", "x/y/pki/ 0755", "x/y/pki/ca.crt 0644", "x/y/pki/etcd/ 0755"}, names(t, dir))
	require.NoError(t, l.Unlock())
	require.NoError(t, l.Unlock(), "a second time does nothing")
	assert.Equal(t, []string{"old/ 0755", "x/ 0755", "x/y/ 0755", "x/y/pki/ 0755", "x/y/pki/ca.crt 0644"}, names(t, dir))

	l = lock(t, filepath.Join(dir, "p/q/r"))
	held := lock(t, filepath.Join(dir, "p")) // another run has begun in a parent that the first one made
	require.NoError(t, l.Unlock())
	assert.Contains(t, names(t, dir), "p/ 0755", "it is in use")
	require.NoError(t, held.Save([]Write{{Path: filepath.Join(dir, "p/admin.conf"), Mode: 0o600}}))
}

// A directory that is replaced while a run waits for it is not the one that the run then works in.
func TestLockFollowsTheName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pki")
	holder := lock(t, dir)
	locked := make(chan *Locked)
	go func() {
		l, err := Lock(t.Context(), dir)
		assert.NoError(t, err)
		locked <- l
	}()
	time.Sleep(30 * time.Millisecond) // the other is waiting now; if not, the test is only weaker
	require.NoError(t, os.Rename(dir, dir+".old"))
	mkdir(t, dir, 0o755)
	require.NoError(t, holder.Unlock())
	l := <-locked
	require.NoError(t, l.Save([]Write{{Path: filepath.Join(dir, "ca.crt"), Mode: 0o644}}))
	require.NoError(t, l.Unlock())
	assert.FileExists(t, filepath.Join(dir, "ca.crt"))
}

// A run that made a directory and does not use it takes it away again, but not another one that has its name by now.
func TestUnlockLeavesWhatTookItsPlace(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pki")
	maker := lock(t, dir)
	require.NoError(t, os.Rename(dir, dir+".old"))
	mkdir(t, dir, 0o755)
	user := lock(t, dir)
	require.NoError(t, maker.Unlock())
	require.NoError(t, user.Save([]Write{{Path: filepath.Join(dir, "ca.crt"), Mode: 0o644}}))
	require.NoError(t, user.Unlock())
	assert.FileExists(t, filepath.Join(dir, "ca.crt"))
}

// A run that waits for a directory which is replaced meanwhile must not go on waiting, with the others held, for the new
// one: that would be out of order. Here another run holds the new one and wants what the first holds.
func TestLockNeverWaitsOutOfOrder(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	var dirs []string
	for i := range 3 {
		dirs = append(dirs, filepath.Join(top, fmt.Sprint(i)))
		mkdir(t, dirs[i], 0o755)
	}
	slices.SortFunc(dirs, func(a, b string) int {
		x, errX := os.Stat(a)
		y, errY := os.Stat(b)
		require.NoError(t, errors.Join(errX, errY))
		_, inoX := identity(x)
		_, inoY := identity(y)
		return cmp.Compare(inoX, inoY)
	})
	a, b := dirs[1], filepath.Join(top, "b")
	require.NoError(t, os.Rename(dirs[2], b))
	holder := lock(t, b)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	waited := make(chan error)
	go func() {
		l, err := Lock(ctx, a, b)
		if err == nil {
			err = l.Unlock()
		}
		waited <- err
	}()
	for { // until the run has a and waits for b
		file, _ := heldBy(filepath.Join(a, lockName))
		if file != nil {
			break
		}
		require.NoError(t, ctx.Err(), "the run never takes a")
		time.Sleep(time.Millisecond)
	}
	other := lock(t, dirs[0])
	require.NoError(t, os.Rename(b, b+".old"))
	require.NoError(t, os.Rename(dirs[0], b))
	wanted, err := Lock(ctx, a)
	require.NoError(t, err, "the two wait for each other")
	require.NoError(t, errors.Join(wanted.Unlock(), other.Unlock(), <-waited, holder.Unlock()))
}

// A directory that is swapped for a link while it is locked does not lead a save elsewhere.
func TestSaveStaysInTheLockedDirectory(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir, elsewhere := filepath.Join(top, "pki"), filepath.Join(top, "elsewhere")
	mkdir(t, elsewhere, 0o755)
	l := lock(t, dir)
	require.NoError(t, os.Rename(dir, dir+".moved"))
	require.NoError(t, os.Symlink(elsewhere, dir))
	require.NoError(t, l.Save([]Write{{Path: filepath.Join(dir, "ca.key"), Data: []byte(secret), Mode: 0o600}}))
	assert.Equal(t, []string{"elsewhere/ 0755", "pki 0777", "pki.moved/ 0755", "pki.moved/ca.key 0600"}, names(t, top))
}

func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	random := strings.TrimPrefix(stagingName(), stagingPrefix)
	for i := range 1500 { // more than one read of the directory
		write(t, filepath.Join(dir, fmt.Sprintf("f%d", i)), "", 0o644)
	}
	stale := filepath.Join(dir, stagingPrefix+random)
	write(t, stale, secret, 0o600)
	kept := []string{
		stagingPrefix + random + "A", stagingPrefix + random[:25], stagingPrefix + random[:25] + "a", "x" + stagingPrefix + random,
		stagingPrefix, "sub/" + stagingPrefix + random,
	}
	mkdir(t, filepath.Join(dir, "sub"), 0o755)
	backup := filepath.Join(dir, stagingName()) // the beginning of one
	mkdir(t, filepath.Join(backup, "pki"), 0o700)
	for _, name := range kept {
		write(t, filepath.Join(dir, name), "", 0o644)
	}
	link := filepath.Join(dir, stagingName())
	require.NoError(t, os.Symlink("f0", link))
	before := names(t, dir)
	l := lock(t, dir)
	assert.ElementsMatch(t, []string{stale, backup}, l.Swept())
	assert.Len(t, names(t, dir), len(before)-3)
	assert.NoFileExists(t, stale)
	assert.NoDirExists(t, backup)
}

func TestStagingNamesAreRecognized(t *testing.T) {
	for range 1000 {
		require.True(t, IsStaging(stagingName()))
	}
}

func TestLockErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "", 0o644)
	require.NoError(t, os.Symlink("nothing", filepath.Join(dir, "dangling")))
	require.NoError(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	for _, test := range []struct {
		path, want string
		is         error
	}{
		{"file", "is not a directory (DIR/file)", nil},
		{"file/pki", "not a directory (DIR/file/pki)", nil},
		{"dangling", "is a symbolic link to nothing (DIR/dangling)", nil},
		{"dangling/pki", "is a symbolic link to nothing (DIR/dangling)", nil},
		{"loop/pki", "too many levels of symbolic links (DIR/loop/pki)", nil},
		{strings.Repeat("n", 300), "file name too long (DIR/" + strings.Repeat("n", 300) + ")", nil},
		{"a\x00b", "invalid argument (DIR/a\x00b)", syscall.EINVAL},
	} {
		_, err := Lock(t.Context(), filepath.Join(dir, "fresh"), filepath.Join(dir, test.path))
		assert.EqualError(t, err, strings.ReplaceAll(test.want, "DIR", dir))
		if test.is != nil {
			assert.ErrorIs(t, err, test.is)
		}
		assert.NoDirExists(t, filepath.Join(dir, "fresh"))
	}
}
