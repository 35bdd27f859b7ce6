package store

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A disk that is full, of bytes or of names, or read-only: nothing is torn or left over, and the run after the cure completes.
func TestDisk(t *testing.T) {
	for _, test := range []struct {
		name, options string
		spoil, cure   func(dir string) error
		want          string
		is            error
	}{
		{"full", "size=32k,mode=0755", fill, empty, "no space left on device (PATH)", syscall.ENOSPC},
		{"out of inodes", "nr_inodes=15,mode=0755", crowd, empty, "no space left on device (PATH)", syscall.ENOSPC},
		{"read-only", "size=1m,mode=0755", remount(unix.MS_RDONLY), remount(0), "read-only file system (PATH)", syscall.EROFS},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := unix.Mount("none", dir, "tmpfs", 0, test.options); err != nil {
				t.Skipf("SKIPPED: no small disk to fill, mounting a tmpfs takes root and a kernel that lets it: %v", err)
			}
			t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, 0)) })
			for _, sub := range lockedDirs(dir) {
				mkdir(t, sub, 0o755)
			}
			old := newKey()
			write(t, filepath.Join(dir, "pki/ca.key"), string(old), 0o600)
			write(t, filepath.Join(dir, "pki/ca.crt"), string(certOf(old)), 0o644)
			require.NoError(t, test.spoil(dir))
			before := contents(t, dir)
			l := lock(t, lockedDirs(dir)...)
			err := converge(l, dir, true)
			var named *Error
			require.ErrorAs(t, err, &named)
			assert.EqualError(t, err, strings.ReplaceAll(test.want, "PATH", named.Path))
			assert.Contains(t, []string{".key", ".crt", ".conf"}, filepath.Ext(named.Path), "the target is named, not the staging file")
			assert.ErrorIs(t, err, test.is)
			assert.Equal(t, before, contents(t, dir))
			require.NoError(t, l.Unlock())

			require.NoError(t, test.cure(dir))
			l = lock(t, lockedDirs(dir)...)
			assert.Empty(t, l.Swept())
			require.NoError(t, converge(l, dir, true))
			require.NoError(t, l.Unlock())
			for _, pair := range pairs {
				s, err := state(filepath.Join(dir, pair))
				require.NoError(t, err)
				assert.Equal(t, "pair", s)
			}
		})
	}
}

// fill leaves one page: the first file fits, a later one does not.
func fill(dir string) error {
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		return err
	}
	defer f.Close()
	size := 0
	for err = error(nil); err == nil; size += 4096 {
		_, err = f.Write(make([]byte, 4096))
	}
	return f.Truncate(int64(size - 2*4096))
}

func crowd(dir string) error {
	for name := "ballast"; ; name += "x" {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			return os.Remove(filepath.Join(dir, "ballast"))
		}
	}
}

func empty(dir string) error {
	ballast, err := filepath.Glob(filepath.Join(dir, "ballast*"))
	for _, path := range ballast {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return err
}

func remount(flags uintptr) func(string) error {
	return func(dir string) error { return unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT|flags, "size=1m") }
}
