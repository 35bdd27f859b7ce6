package kubeconfig

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rewrite reads a file and writes it again.
func rewrite(t *testing.T, data string) (string, error) {
	t.Helper()
	d, err := load([]byte(data))
	require.NoError(t, err)
	require.NotNil(t, d.root)
	b, err := d.bytes(layoutOf([]byte(data), d.root))
	return string(b), err
}

func TestRewriteKeeps(t *testing.T) {
	for name, in := range map[string]string{
		"kubectl's layout": `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    extensions:
    - extension:
        last-update: Mon, 24 Nov 2025 10:00:00 UTC
        version: v1.37.0
      name: cluster_info
    server: https://a:6443
  name: a
- cluster:
    server: https://b:6443
  name: b
contexts: []
current-context: ""
kind: Config
preferences: {}
users:
- name: a
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args:
      - --region
      - eu-central-1
      - 'yes'
      command: aws
      env:
      - name: AWS_PROFILE
        value: "123"
      interactiveMode: IfAvailable
      installHint: |
        Install it.

          Then log in.
      provideClusterInfo: false
`,
		"indented lists": `apiVersion: v1
kind: Config
clusters:
  - name: a
    cluster:
      server: https://a:6443
  - name: b
    cluster: {server: "https://b", insecure-skip-tls-verify: true}
users:
  - name: u
    user:
      exec:
        args:
          - a
          - b
`,
		"comments": `# my clusters
# of two lines
apiVersion: v1 # always
# the list
clusters:
# the first
- cluster: # its body
    # where it is
    server: https://a:6443 # the address
    # after the fields
  name: a
# the second
- cluster:
    server: https://b:6443
  name: b
# the users
users:
- name: u
  # who
  user:
    token: abc # secret
# the end
`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rewrite(t, in)
			require.NoError(t, err)
			assert.Equal(t, in, got)
		})
	}
}
