package kubeconfig

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Files merged into a Target give what they give one call of Merge after the other; one that is refused leaves no trace.
func TestTarget(t *testing.T) {
	for name, files := range map[string][]string{
		"into a file": {
			"# mine\nusers:\n- name: a # first\n  user: {token: x}\n",
			"users: [{name: b, user: {token: z}}]\ncurrent-context: b\ncontexts: [{name: b, context: {user: b}}]\n",
			"users:\n- name: a\n  user: {token: x}\nextensions:\n- name: e\n  extension: {k: v}\n",
			"contexts: [{name: c, context: {user: a, cluster: c}}]\ncurrent-context: c\nclusters:\n- name: c\n  cluster: {server: 'https://c'}\n",
		},
		"into nothing": {
			"", "# all\nkind: Config\r\nusers:\r\n  - name: a\r\n    user: {token: x}\r\n", `{"users":[{"name":"b","user":{}}]}`,
		},
		"the same into a file": {"users:\n-   name: a\n", "users: [{name: a}]"},
	} {
		t.Run(name, func(t *testing.T) {
			target, err := NewTarget([]byte(files[0]))
			require.NoError(t, err)
			want := []byte(files[0])
			for _, f := range files[1:] {
				one, err := Merge(want, []byte(f), MergeOptions{})
				require.NoError(t, err)
				want = one.Data
				changes, err := target.Merge([]byte(f), MergeOptions{})
				require.NoError(t, err)
				assert.Equal(t, one.Changes, changes)
				assert.Equal(t, one.CurrentContext, target.CurrentContext())

				_, err = target.Merge([]byte("users:\n- {name: new, user: {token: x}}\n- {name: a, user: {token: other}}\n"), MergeOptions{})
				require.EqualError(t, err, `user "a" is there already with another token`)
				_, err = target.Merge([]byte("# nothing"), MergeOptions{})
				require.ErrorIs(t, err, ErrNothingToMerge)
				_, err = target.Merge([]byte("users: 7"), MergeOptions{})
				require.EqualError(t, err, "line 1: users: must be a list, not a number")
			}
			got, err := target.Bytes()
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		})
	}
}
