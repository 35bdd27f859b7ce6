//go:build !unix

package phases_test

import "testing"

func mkfifo(t testing.TB, _ string) {
	t.Helper()
	t.Skip("SKIPPED: no pipes in the file system")
}

func mksocket(t testing.TB, _ string) {
	t.Helper()
	t.Skip("SKIPPED: no sockets in the file system")
}
