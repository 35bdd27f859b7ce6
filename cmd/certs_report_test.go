package cmd_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pkitool/pkitool/phases/page"
)

// A page that is too large for a file is none: nothing is written, and standard output takes it.
func TestReportTooLarge(t *testing.T) {
	dir := t.TempDir()
	good(t, runAt(testNow, nil, append([]string{"init", "--key-algorithm", "ECDSA-P256"}, here(dir)...)...))
	file := filepath.Join(t.TempDir(), "large.html")
	args := []string{"certs", "report"}
	for i := range 200 {
		args = append(args, "--dir", fmt.Sprintf("cluster-%d=%s", i, dir))
	}
	r := runAt(testNow, nil, append(args, "--out", file)...)
	assert.Equal(t, 2, r.code)
	assert.Empty(t, r.stdout)
	assert.Equal(t, "error: is larger than 4 MiB ("+file+")\nhint: write a page for fewer directories, or the whole of it to standard output: --out -\n", r.stderr)
	assert.NoFileExists(t, file)
	r = good(t, runAt(testNow, nil, append(args, "--out", "-")...))
	assert.Greater(t, len(r.stdout), 4<<20)
	assert.True(t, page.Is([]byte(r.stdout)))
}
