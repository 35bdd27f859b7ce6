package opensslcmd_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/cmd/internal/opensslcmd"
	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/internal/openssltest"
	"github.com/pkitool/pkitool/pki/verify"
)

const mostRead = 16 << 20

// endless is /dev/zero, and counts.
type endless struct{ given int }

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	e.given += len(p)
	return len(p), nil
}

// TestVerifyBoundedFiles: what is larger than the bound is read no further, wherever it is named, and the bound is said
// beside openssl's words.
func TestVerifyBoundedFiles(t *testing.T) {
	dir := t.TempDir()
	ca, targets := fleet(t, dir, 1, algorithms[0].newKey)
	good := targets[0]
	large := filepath.Join(dir, "large")
	data, err := os.ReadFile(good)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(large, data, 0o644))
	require.NoError(t, os.Truncate(large, mostRead+1)) // zeros behind it, that lie nowhere
	hashed := filepath.Join(dir, "hashed")
	require.NoError(t, os.Mkdir(hashed, 0o755))
	require.NoError(t, os.Symlink(large, filepath.Join(hashed, anchorHash(t, ca)+".0")))
	said := "verify: " + large + " is larger than 16 MiB\n"
	const unable = "Unable to load certificate file\n"
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-CAfile", ca, large}, 2, "Could not read certificate file from " + large + "\n" + said + unable},
		{[]string{"-CAfile", large, good}, 1, "Error loading file " + large + "\n" + said},
		{[]string{"-trusted", large, good}, 1, "Could not read any trusted certificates from " + large + "\n" + said},
		{[]string{"-CAfile", ca, "-untrusted", large, good}, 1, "Could not read any untrusted certificates from " + large + "\n" + said},
		{[]string{"-CAfile", ca, "-CRLfile", large, good}, 1, "Could not read any other CRLs from " + large + "\n" + said},
	} {
		stdout, stderr, code := verifyRun(t.Context(), "", c.args...)
		assert.Equal(t, c.code, code, c.args)
		assert.Equal(t, c.want, stderr)
		assert.Empty(t, stdout)
	}
	for _, args := range [][]string{{"-CApath", hashed, good}, {"-CAstore", hashed, good}, {"-CAstore", large, good}} {
		_, stderr, code := verifyRun(t.Context(), "", args...)
		assert.Equal(t, 2, code, args)
		assert.Contains(t, stderr, " is larger than 16 MiB\n", args)
	}

	stream := &endless{}
	var out, errs bytes.Buffer
	taken := fuzzbound.Allocated(func() {
		code := opensslcmd.Run(t.Context(), opensslcmd.Env{Stdin: stream, Stdout: &out, Stderr: &errs, Now: time.Now()}, []string{"-CAfile", ca})
		assert.Equal(t, 2, code)
	})
	assert.Equal(t, "Could not read certificate file from <stdin>\nverify: <stdin> is larger than 16 MiB\n"+unable, errs.String())
	assert.LessOrEqual(t, stream.given, 2*mostRead)
	assert.Less(t, taken, uint64(8*mostRead))
}

// TestVerifyBoundStillDiffers: openssl reads on to the end, and takes what stands before.
func TestVerifyBoundStillDiffers(t *testing.T) {
	path := openssltest.Path(t)
	dir := t.TempDir()
	ca, targets := fleet(t, dir, 1, algorithms[0].newKey)
	for size, differs := range map[int64]bool{mostRead: false, mostRead + 1: true} {
		data, err := os.ReadFile(targets[0])
		require.NoError(t, err)
		large := filepath.Join(dir, "large")
		require.NoError(t, os.WriteFile(large, append(data, bytes.Repeat([]byte("\n"), int(size)-len(data))...), 0o644))
		theirs, err := openssltest.Verify(path, dir, []string{"-CAfile", ca, large})
		require.NoError(t, err)
		assert.Zero(t, theirs.Exit)
		_, _, code := verifyRun(t.Context(), "", "-CAfile", ca, large)
		assert.Equal(t, differs, code != 0, "%d", size)
	}
}

// anchorHash is the name by which -CApath finds the certificate of a file, without its number.
func anchorHash(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	block, _ := pem.Decode(data)
	c, err := verify.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return fmt.Sprintf("%08x", c.Subject().Hash())
}
