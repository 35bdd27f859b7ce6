//go:build unix

package phases_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func mkfifo(t testing.TB, path string) {
	t.Helper()
	require.NoError(t, syscall.Mkfifo(path, 0o600))
}

func mksocket(t testing.TB, path string) {
	t.Helper()
	require.NoError(t, syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0))
}
