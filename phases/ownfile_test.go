package phases_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/phases"
)

// A report replaces a report and nothing else.
func TestWriteReport(t *testing.T) {
	own := func(data []byte) bool { return bytes.HasPrefix(data, []byte("report ")) }
	for _, tt := range []struct {
		name, old string
		refused   bool
	}{
		{"nothing there", "", false},
		{"an older report", "report 1", false},
		{"a key", "-----BEGIN PRIVATE KEY-----", true},
		{"one byte", "\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r")
			if tt.old != "" {
				require.NoError(t, os.WriteFile(path, []byte(tt.old), 0o600))
			}
			err := phases.WriteReport(t.Context(), path, []byte("report 2"), 0o600, own)
			data, readErr := os.ReadFile(path)
			require.NoError(t, readErr)
			if !tt.refused {
				require.NoError(t, err)
				assert.Equal(t, "report 2", string(data))
				return
			}
			assert.Equal(t, tt.old, string(data))
			var other *phases.NotOwnError
			require.ErrorAs(t, err, &other)
			assert.Equal(t, "file holds something else than such a report, and is not replaced ("+path+")", err.Error())
			assert.Equal(t, "name another file: only a report of the same command, or an empty file, is replaced", other.Hint())
		})
	}
	t.Run("an empty file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "r")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, phases.WriteReport(t.Context(), path, []byte("report 2"), 0o600, own))
	})
	t.Run("a directory", func(t *testing.T) {
		dir := t.TempDir()
		assert.EqualError(t, phases.WriteReport(t.Context(), dir, []byte("report 2"), 0o600, own), "is a directory ("+dir+")")
	})
	t.Run("a link", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "r")
		require.NoError(t, os.WriteFile(path+"1", []byte("report 1"), 0o600))
		require.NoError(t, os.Symlink("r1", path))
		assert.EqualError(t, phases.WriteReport(t.Context(), path, []byte("report 2"), 0o600, own), "is a symbolic link, not written through ("+path+")")
	})
}
