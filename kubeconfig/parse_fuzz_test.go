package kubeconfig

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
)

// seeds are files of every kind for the fuzz targets.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	var out [][]byte
	for _, pattern := range []string{"testdata/*.golden", "testdata/*.conf"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, names, pattern)
		for _, name := range names {
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			out = append(out, b)
		}
	}
	for _, s := range []string{
		"", "#\n", "null", "{}", "#\n-\n-\n0", "#\n-\n{", "#\n - - QI\xd7", "a:\n.\n-", "{? [x] : y, <<: {a: 1}}", "a: &x [*x]",
		`{"apiVersion": "v1", "clusters": [{"name": "a", "cluster": {"server": "https:\/\/a"}}]}`,
		"a: &a {b: !!binary YQo=}\nc: # x\n  <<: [*a, {d: e}] # y\n  b: *a\n---\n# z\n", "users: [~]\ncontexts:\n- context: {user: ''}\n", "a-data: !!binary |\n  YQo=\n",
		"\xef\xbb\xbfclusters:\r\n- name: a # x\r\n",
	} {
		out = append(out, []byte(s))
	}
	return out
}

// Law: whatever the bytes, no panic; and every file that parses can be written again and then says the same.
func FuzzParse(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		d, c, err := open(data)
		if err != nil || d.root == nil {
			return
		}
		c.Current()
		c.Check()
		out, err := d.bytes()
		if err != nil {
			t.Fatalf("%v: %q", err, data)
		}
		back, err := Parse(out)
		require.NoError(t, err)
		require.Equal(t, withoutLines(c), withoutLines(back))
	})
}

// withoutLines makes a copy without line numbers, to compare what files say.
func withoutLines(c *Config) *Config {
	out := *c
	out.Clusters = append([]Cluster(nil), c.Clusters...)
	out.Contexts = append([]Context(nil), c.Contexts...)
	out.Users = append([]User(nil), c.Users...)
	for i := range out.Clusters {
		out.Clusters[i].Line = 0
	}
	for i := range out.Contexts {
		out.Contexts[i].Line = 0
	}
	for i := range out.Users {
		out.Users[i].Line = 0
	}
	return &out
}
