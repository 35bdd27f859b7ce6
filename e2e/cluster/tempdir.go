package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// TempDir makes a folder for one run, whose name begins with prefix, and returns what removes it. A run that was killed
// couldn't remove its own, and there are private keys in it: such folders of the same prefix go first.
func TempDir(prefix string) (dir string, remove func(), err error) {
	removeForgotten(prefix, time.Now())
	dir, err = os.MkdirTemp("", prefix)
	if err != nil {
		return "", nil, fmt.Errorf("cluster: %w", err)
	}
	held, err := lockDir(dir) // until we end, however that is
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("cluster: lock %s: %w", dir, err)
	}
	return dir, func() {
		// Where we are interrupted, processes still write to it, though not for long: they have no folder any more.
		for tries := 20; os.RemoveAll(dir) != nil && tries > 0; tries-- {
			time.Sleep(50 * time.Millisecond)
		}
		held.Close()
	}, nil
}

// removeForgotten removes what nobody holds. What is young may be about to be locked.
func removeForgotten(prefix string, now time.Time) {
	const young = time.Minute
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*")) // the only error is of the pattern
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || now.Sub(info.ModTime()) < young {
			continue
		}
		if held, err := lockDir(dir); err == nil {
			os.RemoveAll(dir)
			held.Close()
		}
	}
}

// lockDir takes an advisory lock on a folder, or fails at once if somebody has it.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
