package kubeconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func render(t testing.TB, s Single) string {
	t.Helper()
	b, err := s.Render()
	require.NoError(t, err)
	return string(b)
}

// newCluster is another cluster with kubeadm's names.
func newCluster() Single {
	s := admin()
	s.Server, s.CA, s.ClientCert, s.ClientKey = "https://10.9.9.9:6443", []byte("CA 2"), []byte("CERT 2"), []byte("KEY 2")
	return s
}

func alice() Single {
	return Single{
		Cluster: "kubernetes", Server: "https://10.0.0.1:6443", CA: []byte("CA PEM\n"),
		User: "alice", ClientCert: []byte("ALICE"), ClientKey: []byte("KEY"), Namespace: "dev",
	}
}

func TestMergeIntoFileByHand(t *testing.T) {
	in := string(readFile(t, "byhand.conf"))
	got, err := Merge([]byte(in), []byte(render(t, alice())), MergeOptions{})
	require.NoError(t, err)
	want := strings.NewReplacer(
		`insecure-skip-tls-verify: true}
`, `insecure-skip-tls-verify: true}
  - cluster:
      certificate-authority-data: Q0EgUEVNCg==
      server: https://10.0.0.1:6443
    name: kubernetes
`,
		`      user: robot
`, `      user: robot
  - context:
      cluster: kubernetes
      namespace: dev
      user: alice
    name: alice@kubernetes
`,
		`rotates weekly
`, `rotates weekly
  - name: alice
    user:
      client-certificate-data: QUxJQ0U=
      client-key-data: S0VZ
`).Replace(in)
	assert.Equal(t, want, string(got.Data))
	assert.Equal(t, []Change{
		{Kind: "cluster", Name: "kubernetes", Verb: Added},
		{Kind: "user", Name: "alice", Verb: Added},
		{Kind: "context", Name: "alice@kubernetes", Verb: Added},
	}, got.Changes)
	assert.Equal(t, "prod", got.CurrentContext)

	again, err := Merge(got.Data, []byte(render(t, alice())), MergeOptions{})
	require.NoError(t, err)
	assert.Equal(t, want, string(again.Data))
	for _, c := range again.Changes {
		assert.Equal(t, Unchanged, c.Verb, c)
	}
}

func TestMergeIntoNothing(t *testing.T) {
	minikube := string(readFile(t, "minikube.conf"))
	for name, tc := range map[string]struct{ into, want string }{
		"empty":    {"", minikube},
		"null":     {"null\n", minikube},
		"comments": {"# mine\n\n# for later\n", "# mine\n# for later\n\n" + minikube},
		"kubectl's empty file": {
			"apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: null\n",
			minikube,
		},
		"kubectl's other empty file": {
			"apiVersion: v1\nclusters: []\ncontexts: []\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: []\n", minikube,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Merge([]byte(tc.into), []byte(minikube), MergeOptions{})
			require.NoError(t, err)
			assert.Equal(t, tc.want, string(got.Data))
			assert.Equal(t, "minikube", got.CurrentContext)
			assert.Len(t, got.Changes, 3)
		})
	}
	byhand := string(readFile(t, "byhand.conf"))
	got, err := Merge(nil, []byte(byhand), MergeOptions{})
	require.NoError(t, err)
	assert.Equal(t, byhand, string(got.Data), "comments and all")

	for _, from := range []string{"", "# x\n", "null", "---\n", "{}", "apiVersion: v1\nclusters: null\ncontexts: []\ncurrent-context: a\nkind: Config\npreferences: {}\nusers: null\n"} {
		for _, into := range []string{"", byhand} {
			_, err := Merge([]byte(into), []byte(from), MergeOptions{})
			require.ErrorIs(t, err, ErrNothingToMerge)
			require.EqualError(t, err, "holds nothing to merge: no cluster, no user, no context")
		}
	}
}

func TestMergeRefuse(t *testing.T) {
	into := render(t, admin())
	got, err := Merge([]byte(into), []byte(render(t, newCluster())), MergeOptions{})
	require.EqualError(t, err, `cluster "kubernetes" is there already with another certificate-authority-data, server; `+
		`user "kubernetes-admin" is there already with another client-certificate-data, client-key-data`)
	assert.Nil(t, got)
	var ce *ConflictError
	require.ErrorAs(t, err, &ce)
	assert.Equal(t, []Change{
		{Kind: "cluster", Name: "kubernetes", Fields: []string{"certificate-authority-data", "server"}},
		{Kind: "user", Name: "kubernetes-admin", Fields: []string{"client-certificate-data", "client-key-data"}},
	}, ce.Conflicts)
}

func TestMergeRename(t *testing.T) {
	into, from := render(t, admin()), render(t, newCluster())
	o := MergeOptions{OnConflict: Rename}
	got, err := Merge([]byte(into), []byte(from), o)
	require.NoError(t, err)
	want := `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0EgUEVNCg==
    server: https://10.0.0.1:6443
  name: kubernetes
- cluster:
    certificate-authority-data: Q0EgMg==
    server: https://10.9.9.9:6443
  name: kubernetes-2
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
- context:
    cluster: kubernetes-2
    user: kubernetes-admin-2
  name: kubernetes-admin-2@kubernetes-2
current-context: kubernetes-admin@kubernetes
kind: Config
users:
- name: kubernetes-admin
  user:
    client-certificate-data: Q0VSVCBQRU0K
    client-key-data: S0VZIFBFTQo=
- name: kubernetes-admin-2
  user:
    client-certificate-data: Q0VSVCAy
    client-key-data: S0VZIDI=
`
	assert.Equal(t, want, string(got.Data))
	assert.Equal(t, []Change{
		{Kind: "cluster", Name: "kubernetes", Verb: Renamed, NewName: "kubernetes-2", Fields: []string{"certificate-authority-data", "server"}},
		{Kind: "user", Name: "kubernetes-admin", Verb: Renamed, NewName: "kubernetes-admin-2", Fields: []string{"client-certificate-data", "client-key-data"}},
		{Kind: "context", Name: "kubernetes-admin@kubernetes", Verb: Renamed, NewName: "kubernetes-admin-2@kubernetes-2", Fields: []string{"cluster", "user"}},
	}, got.Changes)

	again, err := Merge(got.Data, []byte(from), o)
	require.NoError(t, err)
	assert.Equal(t, want, string(again.Data), "the second time finds what the first has renamed")
	assert.Equal(t, Change{Kind: "cluster", Name: "kubernetes", Verb: Unchanged, NewName: "kubernetes-2", Fields: []string{"certificate-authority-data", "server"}}, again.Changes[0])

	o.SetCurrent = true
	again, err = Merge(got.Data, []byte(from), o)
	require.NoError(t, err)
	assert.Equal(t, "kubernetes-admin-2@kubernetes-2", again.CurrentContext)
	assert.Equal(t, strings.Replace(want, "current-context: kubernetes-admin@kubernetes", "current-context: kubernetes-admin-2@kubernetes-2", 1), string(again.Data))
}

// The new name is free in both files, and a context that was not called USER@CLUSTER is counted.
func TestMergeRenameTaken(t *testing.T) {
	into := "clusters: [{name: c, cluster: {server: https://1}}, {name: c-3, cluster: {server: https://3}}]\n" +
		"contexts: [{name: work, context: {cluster: c, user: u}}, {name: u@c, context: {cluster: c}}, {name: u@c-4, context: {cluster: c}}]\n"
	from := "clusters: [{name: c, cluster: {server: https://2}}, {name: c-2, cluster: {server: https://4}}]\n" +
		"contexts: [{name: work, context: {cluster: c, user: u}}, {name: u@c, context: {cluster: c, user: u}}, {name: u@x, context: {cluster: c, user: u}}]\n"
	got, err := Merge([]byte(into), []byte(from), MergeOptions{OnConflict: Rename})
	require.NoError(t, err)
	var names []string
	for _, c := range got.Changes {
		names = append(names, c.Kind+" "+c.Name+" "+string(c.Verb)+" "+c.NewName)
	}
	assert.Equal(t, []string{
		"cluster c renamed c-4", "cluster c-2 added ",
		"context work renamed work-2", "context u@c renamed u@c-4-2", "context u@x added ",
	}, names)
	c, err := Parse(got.Data)
	require.NoError(t, err)
	for _, name := range []string{"work-2", "u@c-4-2", "u@x"} {
		ctx, ok := c.Context(name)
		require.True(t, ok, name)
		assert.Equal(t, "c-4", ctx.Cluster, name)
	}
}

func TestMergeReplace(t *testing.T) {
	into := `# mine
clusters:
# the lab
- name: kubernetes # old name
  cluster:
    # moved in May
    server: https://10.0.0.1:6443
    proxy-url: http://proxy
    certificate-authority: ca.crt
    extensions:
    - name: lab
contexts:
- name: kubernetes-admin@kubernetes
  context:
    cluster: kubernetes
    user: kubernetes-admin
    namespace: web # mine
users:
- name: kubernetes-admin
  user:
    exec: {command: login, apiVersion: v1}
`
	got, err := Merge([]byte(into), []byte(render(t, newCluster())), MergeOptions{OnConflict: Replace})
	require.NoError(t, err)
	assert.Equal(t, `# mine
clusters:
# the lab
- name: kubernetes # old name
  cluster:
    # moved in May
    server: https://10.9.9.9:6443
    extensions:
    - name: lab
    certificate-authority-data: Q0EgMg==
contexts:
- name: kubernetes-admin@kubernetes
  context:
    cluster: kubernetes
    user: kubernetes-admin
    namespace: web # mine
current-context: kubernetes-admin@kubernetes
users:
- name: kubernetes-admin
  user:
    client-certificate-data: Q0VSVCAy
    client-key-data: S0VZIDI=
`, string(got.Data))
	assert.Equal(t, []Change{
		{Kind: "cluster", Name: "kubernetes", Verb: Replaced, Fields: []string{"certificate-authority", "certificate-authority-data", "proxy-url", "server"}},
		{Kind: "user", Name: "kubernetes-admin", Verb: Replaced, Fields: []string{"client-certificate-data", "client-key-data", "exec"}},
		{Kind: "context", Name: "kubernetes-admin@kubernetes", Verb: Unchanged},
	}, got.Changes)
}

// Entries that say the same in other words are unchanged, and the file keeps its words.
func TestMergeUnchanged(t *testing.T) {
	for name, tc := range map[string]struct{ into, from string }{
		"order, quotes, comments": {
			"clusters:\n- name: a # x\n  cluster:\n    server: \"https://a\"\n    certificate-authority-data: |\n      Q0\n      E=\n",
			"clusters: [{cluster: {certificate-authority-data: Q0E=, server: https://a}, name: a}]",
		},
		"nothing in other words": {
			"clusters:\n- name: a\n  cluster: {insecure-skip-tls-verify: false, tls-server-name: '', extensions: []}\nusers: [{name: u, user: {}}]\n",
			"clusters: [{name: a}]\nusers: [{name: u, user: {exec: null, impersonate-groups: []}}]\n",
		},
		"namespace of the target":  {"contexts: [{name: a, context: {cluster: c, namespace: mine}}]", "contexts: [{name: a, context: {cluster: c}}]"},
		"extensions":               {"contexts: [{name: a, context: {extensions: [{name: x}]}}]", "contexts: [{name: a, context: {extensions: [{name: z}]}}]"},
		"both given in the source": {"users: [{name: a, user: {client-key-data: S0VZ}}]", "users: [{name: a, user: {client-key-data: S0VZ, client-key: a.key}}]"},
		"both given in the target": {"users: [{name: a, user: {client-key-data: S0VZ, client-key: a.key}}]", "users: [{name: a, user: {client-key-data: S0VZ}}]"},
		"exec": {
			"users:\n- name: a\n  user:\n    exec: {command: x, args: [a, b], env: [{name: A, value: b}], apiVersion: v1}",
			"users:\n- name: a\n  user:\n    exec:\n      apiVersion: v1\n      args:\n      - a\n      - \"b\"\n      env:\n      - value: b\n        name: A\n      command: x",
		},
		"truth and dates": {
			"clusters: [{name: a, cluster: {insecure-skip-tls-verify: yes, disable-compression: off}}]\nusers: [{name: u, user: {token: 2001-01-01}}]\n",
			"clusters: [{name: a, cluster: {insecure-skip-tls-verify: true}}]\nusers: [{name: u, user: {token: '2001-01-01'}}]\n",
		},
		"binary":      {"users: [{name: u, user: {client-key-data: !!binary UzBWWg==}}]\n", "users: [{name: u, user: {client-key-data: S0VZ}}]\n"},
		"aliases":     {"x: &x {client-key-data: S0VZ}\nusers: [{name: u, user: *x}, {name: v, user: {<<: *x}}]\n", "users: [{name: u, user: {client-key-data: S0VZ}}, {name: v, user: {client-key-data: S0VZ}}]\n"},
		"preferences": {"preferences: {colors: true}", "preferences: {colors: false}\nextensions: []"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Merge([]byte(tc.into), []byte(tc.from), MergeOptions{})
			require.NoError(t, err)
			assert.Equal(t, tc.into, string(got.Data))
			for _, c := range got.Changes {
				assert.Equal(t, Unchanged, c.Verb)
			}
		})
	}
}

func TestMergeDifferent(t *testing.T) {
	for name, tc := range map[string]struct{ into, from, want string }{
		"namespace":         {"contexts: [{name: a, context: {namespace: web}}]", "contexts: [{name: a, context: {namespace: dev}}]", `context "a" is there already with another namespace`},
		"number for string": {"users: [{name: a, user: {x: [1]}}]", "users: [{name: a, user: {x: ['1']}}]", `user "a" is there already with another x`},
		"longer list":       {"users: [{name: a, user: {as-groups: [x]}}]", "users: [{name: a, user: {as-groups: [x, z]}}]", `user "a" is there already with another as-groups`},
		"unknown field":     {"users: [{name: a, user: {x: {y: 1}}}]", "users: [{name: a, user: {x: {z: 1}}}]", `user "a" is there already with another x`},
		"other kind":        {"users: [{name: a, user: {x: {y: 1}}}]", "users: [{name: a, user: {x: [y]}}]", `user "a" is there already with another x`},
		"only in target":    {"users: [{name: a, user: {token: x}}]", "users: [{name: a}]", `user "a" is there already with another token`},
		"only in source":    {"users: [{name: a}]", "users: [{name: a, user: {token: x}}]", `user "a" is there already with another token`},
		"insecure": {"clusters: [{name: a, cluster: {insecure-skip-tls-verify: false}}]", "clusters: [{name: a, cluster: {insecure-skip-tls-verify: true}}]",
			`cluster "a" is there already with another insecure-skip-tls-verify`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Merge([]byte(tc.into), []byte(tc.from), MergeOptions{})
			require.EqualError(t, err, tc.want)
		})
	}
}

func TestMergeCurrent(t *testing.T) {
	const a, b = "contexts: [{name: a}]\n", "contexts: [{name: b}]\n"
	for name, tc := range map[string]struct {
		into, from string
		set        bool
		want, err  string
	}{
		"kept":                 {"current-context: a\n" + a, "current-context: b\n" + b, false, "a", ""},
		"set":                  {"current-context: a\n" + a, "current-context: b\n" + b, true, "b", ""},
		"taken where none was": {a, "current-context: b\n" + b, false, "b", ""},
		"dangling, kept":       {"current-context: x\n" + a, "current-context: b\n" + b, false, "x", ""},
		"dangling, not taken":  {a, "current-context: x\n" + b, false, "", ""},
		"none to set":          {a, b, true, "", "current-context is not set"},
		"dangling to set":      {a, "current-context: x\n" + b, true, "", `current-context "x" is not among the contexts`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Merge([]byte(tc.into), []byte(tc.from), MergeOptions{SetCurrent: tc.set})
			if tc.err != "" {
				require.EqualError(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got.CurrentContext)
			c, err := Parse(got.Data)
			require.NoError(t, err)
			assert.Equal(t, tc.want, c.CurrentContext)
		})
	}
}

func TestMergePaths(t *testing.T) {
	from := `clusters:
- name: a
  cluster: {certificate-authority: ca.crt, server: https://a}
- name: b
  cluster: {certificate-authority: /ca.crt, server: https://b}
users:
- name: a
  user:
    client-certificate: pki/a.crt # here
    client-key: ../a.key
    tokenFile: token
    exec:
      command: ./login
      args: [./stays]
- name: b
  user:
    client-certificate: drop.crt
    client-certificate-data: eA==
    exec: {command: login}
`
	got, err := Merge(nil, []byte(from), MergeOptions{FromDir: "/home/a/lab"})
	require.NoError(t, err)
	assert.Equal(t, `clusters:
- name: a
  cluster: {certificate-authority: /home/a/lab/ca.crt, server: 'https://a'}
- name: b
  cluster: {certificate-authority: /ca.crt, server: 'https://b'}
users:
- name: a
  user:
    client-certificate: /home/a/lab/pki/a.crt # here
    client-key: /home/a/a.key
    tokenFile: /home/a/lab/token
    exec:
      command: /home/a/lab/login
      args: [./stays]
- name: b
  user:
    client-certificate-data: eA==
    exec: {command: login}
`, string(got.Data))
}

func TestMergeRest(t *testing.T) {
	into := "apiVersion: v1\nkind: Config\nusers: [] # nobody yet\n"
	from := "x-team: {name: web} # of ours\npreferences: {}\nextensions:\n- name: e\nusers:\n# the robot\n- name: u\n"
	got, err := Merge([]byte(into), []byte(from), MergeOptions{})
	require.NoError(t, err)
	assert.Equal(t, "apiVersion: v1\nextensions:\n- name: e\nkind: Config\n# nobody yet\nusers:\n# the robot\n- name: u\nx-team: {name: web} # of ours\n", string(got.Data))
}

// kubectl with KUBECONFIG=into:from says the same.
func TestMergeByName(t *testing.T) {
	into := "extensions: # mine\n- name: a\n  extension: {v: 1} # stays\n- name: c\n  extension: {v: 1}\npreferences:\n  extensions: [{name: p, extension: 1}]\n"
	from := "extensions:\n- {name: a, extension: {v: 2}}\n- {extension: {v: 2}} # no name\n- {name: b, extension: {v: 2}}\n" +
		"preferences: {colors: true, extensions: [{name: q, extension: 2}, {name: p, extension: 2}]}\n"
	got, err := Merge([]byte(into), []byte(from), MergeOptions{})
	require.NoError(t, err)
	assert.Equal(t, "extensions: # mine\n- name: a\n  extension: {v: 1} # stays\n- name: c\n  extension: {v: 1}\n- {extension: {v: 2}} # no name\n- {name: b, extension: {v: 2}}\n"+
		"preferences:\n  colors: true\n  extensions: [{name: p, extension: 1}, {name: q, extension: 2}]\n", string(got.Data))
	again, err := Merge(got.Data, []byte(from), MergeOptions{})
	require.NoError(t, err)
	assert.Equal(t, string(got.Data), string(again.Data))
}

// Entries without a name are merged as those with one, and the context that has none stays the current one.
func TestMergeUnnamed(t *testing.T) {
	const kubelet = "clusters: [{cluster: {server: https://a}}]\nusers: [{user: {token: t}}]\ncontexts: [{context: {}}]\n"
	named := render(t, alice())
	got, err := Merge([]byte(kubelet), []byte(named), MergeOptions{})
	require.NoError(t, err)
	assert.Empty(t, got.CurrentContext)
	got, err = Merge([]byte(kubelet), []byte(named), MergeOptions{SetCurrent: true})
	require.NoError(t, err)
	assert.Equal(t, "alice@kubernetes", got.CurrentContext)
	got, err = Merge([]byte(named), []byte(kubelet), MergeOptions{SetCurrent: true})
	require.NoError(t, err)
	assert.Empty(t, got.CurrentContext)

	other := strings.NewReplacer("https://a", "https://b", "token: t", "token: u").Replace(kubelet)
	_, err = Merge([]byte(kubelet), []byte(other), MergeOptions{})
	require.EqualError(t, err, `cluster "" is there already with another server; user "" is there already with another token`)
	got, err = Merge([]byte(kubelet), []byte(other), MergeOptions{OnConflict: Rename, SetCurrent: true})
	require.NoError(t, err)
	c, err := Parse(got.Data)
	require.NoError(t, err)
	e, err := c.Current()
	require.NoError(t, err)
	assert.Equal(t, "https://b", e.Cluster.Server)
	assert.Equal(t, "u", e.User.Token)
	assert.Equal(t, []string{"context-2", "cluster-2", "user-2"}, []string{e.Context.Name, e.Cluster.Name, e.User.Name})
}

func TestMergeErrors(t *testing.T) {
	_, err := Merge([]byte("["), nil, MergeOptions{})
	require.EqualError(t, err, "line 1: not YAML: did not find expected node content")
	_, err = Merge(nil, []byte("users: {}"), MergeOptions{})
	require.EqualError(t, err, "line 1: users: must be a list, not a mapping")
}
