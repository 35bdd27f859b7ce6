//go:build unix

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A process is killed before each single step of a save. What it leaves must be sound, and the next run must finish it.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		child string
		plant func(t *testing.T, dir string)
	}{
		{"from nothing", "converge", func(*testing.T, string) {}},
		{"from a lone key", "converge", func(t *testing.T, dir string) {
			mkdir(t, filepath.Join(dir, "pki"), 0o755)
			write(t, filepath.Join(dir, "pki/ca.key"), string(newKey()), 0o600)
		}},
		{"over old pairs", "reissue", func(t *testing.T, dir string) {
			require.NoError(t, converge(lock(t, lockedDirs(dir)...), dir, false))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for kill := 1; ; kill++ {
				require.Less(t, kill, 200, "the child never runs out of steps")
				if !killOnce(t, test.child, test.plant, kill) {
					require.Greater(t, kill, 20, "the steps of the save were not met")
					break
				}
			}
		})
	}
}

// killOnce lets a child die at the given step and the next run repair it; false if the child ended before that step.
func killOnce(t *testing.T, name string, plant func(*testing.T, string), kill int) bool {
	dir := filepath.Join(t.TempDir(), "kubernetes")
	t.Run(fmt.Sprintf("before step %d", kill), func(t *testing.T) {
		mkdir(t, dir, 0o755)
		plant(t, dir)
	}) // the subtest's end gives the planter's lock back
	stranger := filepath.Join(dir, stagingPrefix+"notes")
	write(t, stranger, "not ours", 0o644)
	before := contents(t, dir)

	cmd := child(t, name, dir, fmt.Sprintf("STORE_TEST_KILL_AT=%d", kill), umask(0))
	err := cmd.Run()
	killed := false
	if err != nil {
		exit, ok := err.(*exec.ExitError)
		require.True(t, ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL, "%v: %s", err, cmd.Stderr)
		killed = true
	}

	var staging []string
	for path, data := range contents(t, dir) {
		info, err := os.Lstat(path)
		require.NoError(t, err)
		if IsStaging(filepath.Base(path)) {
			staging = append(staging, path)
		}
		if strings.Contains(data, secret) {
			assert.Equal(t, fs.FileMode(0o600), info.Mode(), path)
		}
	}
	if !killed {
		require.Empty(t, staging)
	}
	for _, pair := range pairs {
		s, err := state(filepath.Join(dir, pair))
		require.NoError(t, err, "killed before step %d", kill)
		_, had := before[filepath.Join(dir, pair+".key")]
		require.False(t, had && s == "none", "killed before step %d: an old key is lost", kill)
	}

	complete := contents(t, dir)
	l := lock(t, lockedDirs(dir)...)
	for _, pair := range pairs {
		if _, had := before[filepath.Join(dir, pair+".crt")]; had {
			s, err := state(filepath.Join(dir, pair))
			require.NoError(t, err, "killed before step %d", kill)
			require.Equal(t, "pair", s, "killed before step %d: the next lock makes it a pair", kill)
		}
	}
	finished := l.Finished()
	require.NoError(t, converge(l, dir, false))
	require.NoError(t, l.Unlock())
	for _, pair := range pairs {
		s, err := state(filepath.Join(dir, pair))
		require.NoError(t, err)
		require.Equal(t, "pair", s)
	}
	after := contents(t, dir)
	assert.Len(t, after, 6, "two pairs, one configuration and the stranger's file")
	for path, data := range complete {
		if !IsStaging(filepath.Base(path)) && !slices.Contains(finished, path) {
			assert.Equal(t, data, after[path], path)
		}
	}
	return killed
}

// contents gives the text of each file under dir.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || heldLock(path) {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	}))
	return files
}

// While saves run in a process whose umask takes nothing away, nothing that others may read ever holds a byte of a key.
func TestModesAtEveryInstant(t *testing.T) {
	t.Parallel()
	for _, mask := range []int{0, 0o022, 0o077, 0o277} {
		dir := t.TempDir()
		cmd := child(t, "modes", dir, umask(mask))
		require.NoError(t, cmd.Run(), "%s", cmd.Stderr)
		assert.Equal(t, []string{
			"admin.conf 0600", "pki/ 0755", "pki/ca.crt 0644", "pki/ca.key 0600",
			"pki/etcd/ 0755", "pki/etcd/server.crt 0644", "pki/etcd/server.key 0600",
			"pki/old/ 0700", "pki/old/deep/ 0700", "pki/old/deep/ca.key 0600",
		}, names(t, dir), "umask %04o", mask)
	}
}

func childModes(dir string) error {
	done, found := make(chan bool), make(chan error, 1)
	go func() {
		for looked := 0; ; looked++ {
			select {
			case <-done:
				var err error
				if looked < 10 {
					err = fmt.Errorf("the watcher looked only %d times", looked)
				}
				found <- err
				return
			default:
			}
			if err := looseKeys(lockedDirs(dir)); err != nil {
				found <- err
				return
			}
		}
	}()
	if err := saveKeyStepwise(dir); err != nil {
		return err
	}
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		if err := convergeOnce(dir, true); err != nil {
			return err
		}
	}
	close(done)
	return <-found
}

// saveKeyStepwise saves a key and backs it up; at each step, no file at all may be open to others: who opens one while
// it is still empty can read what is written later.
func saveKeyStepwise(dir string) error {
	l, err := Lock(context.Background(), lockedDirs(dir)...)
	if err != nil {
		return err
	}
	var loose error
	l.step = func(name, _ string) {
		for _, at := range []string{filepath.Join(dir, "pki"), filepath.Join(dir, "pki/old/deep")} {
			entries, _ := os.ReadDir(at)
			for _, entry := range entries {
				info, err := entry.Info()
				if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
					loose = fmt.Errorf("before the step %s: %s has mode %v", name, entry.Name(), info.Mode())
				}
			}
		}
	}
	key := filepath.Join(dir, "pki/ca.key")
	err = errors.Join(
		l.Save([]Write{{Path: key, Data: newKey(), Mode: 0o600}}),
		l.Backup(filepath.Join(dir, "pki/old"), Copy{key, "deep/ca.key"}),
		l.Unlock(),
	)
	return errors.Join(err, loose)
}

// looseKeys finds a file that others may read and that holds key bytes.
func looseKeys(dirs []string) error {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			// One open file, so that mode and content are of the same file.
			f, err := os.Open(filepath.Join(dir, entry.Name()))
			if err != nil {
				continue
			}
			info, statErr := f.Stat()
			head := make([]byte, len(secret))
			_, _ = f.Read(head)
			_ = f.Close()
			if statErr == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && bytes.Equal(head, []byte(secret)) {
				return fmt.Errorf("%s holds a key and has mode %v", entry.Name(), info.Mode())
			}
		}
	}
	return nil
}
