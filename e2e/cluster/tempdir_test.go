package cluster

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTempDirRemovesWhatAKilledRunLeft(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	mine, remove, err := TempDir("run-")
	require.NoError(t, err)
	for _, name := range []string{"run-killed", "run-young", "other"} {
		require.NoError(t, os.MkdirAll(filepath.Join(temp, name, "pki"), 0o755))
	}
	hourAgo := time.Now().Add(-time.Hour)
	for _, dir := range []string{mine, filepath.Join(temp, "run-killed"), filepath.Join(temp, "other")} {
		require.NoError(t, os.Chtimes(dir, hourAgo, hourAgo))
	}
	next, removeNext, err := TempDir("run-")
	require.NoError(t, err)
	left, err := filepath.Glob(filepath.Join(temp, "*"))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{mine, next, filepath.Join(temp, "run-young"), filepath.Join(temp, "other")}, left)
	remove()
	removeNext()
	assert.NoDirExists(t, mine)
	assert.NoDirExists(t, next)
}
