package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A disk that is full, and one that is read-only: exit 2, the path, a hint,
// nothing torn and nothing left over; the run after the cure completes.
func TestDisk(t *testing.T) {
	tests := []struct {
		name, options string
		cure          uintptr
		options2      string
		says          string
	}{
		{"full", "size=64k,mode=0755", unix.MS_REMOUNT, "size=4m",
			`^error: no space left on device \(.*\.(key|crt|pub|conf)\)\nhint: make room and run the same command again: all files are as they were\n$`},
		{"out of names", "nr_inodes=20,mode=0755", unix.MS_REMOUNT, "nr_inodes=200",
			`^error: no space left on device \(.*\.(key|crt|pub|conf)\)\nhint: make room and run the same command again: all files are as they were\n$`},
		{"read-only", "size=4m,mode=0755", unix.MS_REMOUNT, "size=4m",
			`^error: read-only file system \(.*\)\nhint: choose directories on a file system that can be written, with --cert-dir and --kubeconfig-dir\n$`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := unix.Mount("none", dir, "tmpfs", 0, tt.options); err != nil {
				t.Skipf("SKIPPED: no small disk to fill, mounting a tmpfs takes root and a kernel that lets it: %v", err)
			}
			t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, 0)) })
			args := append([]string{"init"}, here(dir, "--key-algorithm", "ECDSA-P256")...)
			// A part of it is there already, and stays as it is.
			good(t, runAt(testNow, nil, append([]string{"init", "phase", "certs", "ca", "apiserver"}, here(dir, "--key-algorithm", "ECDSA-P256")...)...))
			before := files(t, dir)
			require.Len(t, before, 4)
			if tt.name == "read-only" {
				require.NoError(t, unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, tt.options))
			}
			r := runAt(testNow, nil, args...)
			assert.Equal(t, 2, r.code, r.stderr)
			assert.Regexp(t, regexp.MustCompile(tt.says), r.stderr)
			assert.Empty(t, r.stdout)
			assert.Equal(t, before, files(t, dir))

			require.NoError(t, unix.Mount("none", dir, "tmpfs", tt.cure, tt.options2))
			r = good(t, runAt(testNow, nil, args...))
			assert.Contains(t, r.stdout, "done and proven: 14 created, 0 renewed, 2 kept")
			after := files(t, dir)
			assert.Len(t, after, 27)
			for path, data := range before {
				assert.Equal(t, data, after[path], path)
			}
			_, err := os.Stat(filepath.Join(dir, "pki", "etcd", "peer.crt"))
			assert.NoError(t, err)
		})
	}
}
