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
	b, err := d.bytes()
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

func TestRewriteChanges(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"JSON":        {`{"kind": "Config", "users": [{"name": "on", "user": {"token": "a\nb", "x": [1, true, null, 1.5, {}]}}]}`, "kind: Config\nusers:\n- name: \"on\"\n  user:\n    token: |-\n      a\n      b\n    x:\n    - 1\n    - true\n    - null\n    - 1.5\n    - {}\n"},
		"nothing":     {"a: {b, c: , d: [~]}\ne:\n- # x\n- y\n", "a: {b: null, c: null, d: [~]}\ne:\n-\n# x\n- y\n"},
		"aliases":     {"a: &a\n  b: c\nd: *a\ne: *a # x\n", "a:\n  b: c\nd:\n  b: c\n# x\ne:\n  b: c\n"},
		"blank lines": {"a: b\n\n# x\n\nc: d\n", "a: b\n# x\nc: d\n"},
		"tags":        {"a: !!str 1\nb: !own x\nc: !!binary Zm9v\n", "a: !!str 1\nb: !own x\nc: foo\n"},
		"binary":      {"a: !!binary eWVz\nc-data: !!binary |\n  Wm05\n  dgo=\nd: [!!binary YQpi]\n", "a: \"yes\"\nc-data: Zm9v\nd: [\"a\\nb\"]\n"},
		"merge keys": {"a: &a # one\n  b: c # two\n  d: e\nf:\n  # three\n  <<: *a # four\n  # five\n  d: g\n  <<: {h: i}\n  # six\n  j: k\n",
			"a:\n  b: c # two\n  d: e # one\nf:\n  # three\n  # four\n  b: c # two\n  # five\n  d: g # one\n  h: i\n  # six\n  j: k\n"},
		"separator":       {"a: b\n---\n", "a: b\n"},
		"comments behind": {"a: b\n# one\n---\n# two\n\n# three\n---\n# four\n", "a: b\n# one\n\n# two\n# three\n# four\n"},
		"list in a list":  {"a:\n- - b\n  - c\n- d:\n  - e\n", "a:\n- - b\n  - c\n- d:\n  - e\n"},
		"texts":           {"a: |2\n    x\n   y\nb: >-\n  one\n  two\n\n  three\nc:\n- |+\n  z\n\n- 'it''s'\n", "a: |2\n    x\n   y\nb: >-\n  one two\n\n  three\nc:\n- |+\n  z\n\n- 'it''s'\n"},
		"PowerShell":      {"\xff\xfe#\x00x\x00\n\x00a\x00:\x00 \x00\xe4\x00\n\x00-\x00-\x00-\x00", "#x\na: ä\n"},
		"UTF-16":          {"\xfe\xff\x00a\x00:\x00 \x00b\x00\n\x00-\x00-\x00-\x00\n\x00#", "a: b\n"},
		"Windows":         {"# x\r\na: # y\r\n- |\r\n  b\r\n  c\r\n", "# x\r\na: # y\r\n- |\r\n  b\r\n  c\r\n"},
		"folded":          {"a: >\n\n b\n", "a: >2\n\n  b\n\n"},
		"yaml.v3's fault": {"a: |2\n  \t\n", "a: \"\\t\\n\"\n"},
		"four blanks":     {"a:\n    - b: c\n      d:\n          e: f\n", "a:\n  - b: c\n    d:\n      e: f\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rewrite(t, tc.in)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}
