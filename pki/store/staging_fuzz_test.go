package store

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
)

// FuzzStagingName: only names that this package gives are swept away, and each of those is one element of a path.
func FuzzStagingName(f *testing.F) {
	seeds := []string{stagingName(), stagingPrefix, stagingPrefix + strings.Repeat("A", 26), stagingPrefix + strings.Repeat("a", 26), stagingPrefix + "../" + strings.Repeat("A", 23), "ca.key", lockName}
	require.True(f, IsStaging(seeds[0]))
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		defer fuzzbound.Hold(t, len(name))()
		if !IsStaging(name) {
			return
		}
		require.Len(t, name, len(stagingName()))
		require.Equal(t, name, filepath.Base(name))
		require.True(t, filepath.IsLocal(name))
		require.NotEqual(t, lockName, name)
	})
}
