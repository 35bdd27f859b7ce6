package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/internal/fuzzbound"
)

// FuzzManifest: whatever lies in a static pod's place, it says what stands there and nothing else, and costs no more
// than it is long.
func FuzzManifest(f *testing.F) {
	require.NotEmpty(f, hostileManifests)
	for _, s := range hostileManifests {
		f.Add([]byte(s))
	}
	f.Add([]byte("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --advertise-address=10.0.0.1\n    - --service-cluster-ip-range=10.43.0.0/16,fd00::/112\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		var got map[certs.Facts]certs.Found
		fuzzbound.Within(t, len(data), func() { got = ParseManifest("x", data) })
		for _, found := range got {
			require.NotEmpty(t, found.Values)
			require.Equal(t, "x", found.Path)
			require.Empty(t, found.Unclear)
		}
		// What it says is judged as if somebody had given it: no file makes another setting than a flag could.
		_, _, err := Load(Input{Host: NeutralHost(), Files: func(Settings) map[certs.Facts]certs.Found { return got }})
		require.NoError(t, err, "a file that is wrong leaves a value unknown")
	})
}
