package kubeconfig

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
)

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return b
}

func TestParse(t *testing.T) {
	c, err := Parse(readFile(t, "byhand.conf"))
	require.NoError(t, err)
	assert.Equal(t, &Config{
		Clusters: []Cluster{
			{Name: "prod", Line: 9, Server: "https://prod.example.com:6443", TLSServerName: "kubernetes", CAFile: "certs/prod.crt", ProxyURL: "socks5://localhost:1080"},
			{Name: "test", Line: 16, Server: "https://test:6443", InsecureSkipTLSVerify: true},
		},
		Contexts: []Context{
			{Name: "prod", Line: 19, Cluster: "prod", User: "sso", Namespace: "web"},
			{Name: "test", Line: 21, Cluster: "test", User: "robot"},
		},
		Users: []User{
			{Name: "sso", Line: 27, Exec: &Exec{APIVersion: "client.authentication.k8s.io/v1", Command: "./bin/login", InteractiveMode: "IfAvailable", Env: []string{"LOGIN_MODE"}}},
			{Name: "robot", Line: 39, Token: "0123"},
		},
		CurrentContext: "prod",
	}, c)
	e, err := c.Current()
	require.NoError(t, err)
	assert.Equal(t, Entry{Context: c.Contexts[0], Cluster: c.Clusters[0], User: c.Users[0]}, e)
	_, err = c.Resolve("nowhere")
	require.EqualError(t, err, `context "nowhere" does not exist`)
}

// Everything a user can be, once.
func TestParseUser(t *testing.T) {
	c, err := Parse([]byte(`users:
- name: a
  user:
    client-certificate-data: |
      Q0VS
      VA==
    client-certificate: a.crt
    client-key-data: "S0VZ"
    client-key: a.key
    token: t
    tokenFile: /t
    username: u
    password: p
    auth-provider: {name: gcp, config: {x: z}}
    as: bob
    as-groups: [x]
`))
	require.NoError(t, err)
	assert.Equal(t, []User{{
		Name: "a", Line: 2, ClientCert: []byte("CERT"), ClientCertFile: "a.crt", ClientKey: []byte("KEY"), ClientKeyFile: "a.key",
		Token: "t", TokenFile: "/t", Username: "u", HasPassword: true, AuthProvider: "gcp", Impersonate: "bob", ImpersonateMore: []string{"x"},
	}}, c.Users)
}

// What has no name is the entry of that name, and the context that is current if none is named.
func TestParseUnnamed(t *testing.T) {
	for name, in := range map[string]string{
		"context": "clusters: [{name: c, cluster: {server: https://a}}]\nusers: [{name: u}]\ncontexts: [{context: {cluster: c, user: u}, name: ''}]\ncurrent-context: ''\n",
		"all":     "clusters: [{cluster: {server: https://a}}]\nusers:\n-\ncontexts: [~]\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse([]byte(in))
			require.NoError(t, err)
			e, err := c.Current()
			require.NoError(t, err)
			assert.Equal(t, "https://a", e.Cluster.Server)
			for _, f := range c.Check() {
				assert.NotEqual(t, finding.Error, f.Severity, f.Text())
			}
			again, err := Edit{Server: "https://b"}.Apply([]byte(in))
			require.NoError(t, err)
			c, err = Parse(again)
			require.NoError(t, err)
			e, err = c.Current()
			require.NoError(t, err)
			assert.Equal(t, "https://b", e.Cluster.Server)
		})
	}
}

// Texts that are one and the same kubeconfig for kubectl.
func TestParseForms(t *testing.T) {
	want := []Cluster{{Name: "a", Server: "https://a", CA: []byte("CA")}}
	utf16le := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune("clusters:\r\n- name: a\r\n  cluster: {server: https://a, certificate-authority-data: Q0E=}\r\n")) {
		utf16le = append(utf16le, byte(u), byte(u>>8))
	}
	for name, in := range map[string]string{
		"JSON":            `{"kind":"Config","apiVersion":"v1","clusters":[{"name":"a","cluster":{"server":"https://a","certificate-authority-data":"Q0E="}}],"users":null}`,
		"tabs in JSON":    "{\n\t\"clusters\": [\n\t\t{\"name\": \"a\", \"cluster\": {\"server\": \"https://a\", \"certificate-authority-data\": \"Q0E=\"}}\n\t]\n}",
		"CRLF":            "clusters:\r\n- name: a\r\n  cluster:\r\n    server: https://a\r\n    certificate-authority-data: Q0E=\r\n",
		"byte order mark": "\xef\xbb\xbfclusters:\n- name: a\n  cluster:\n    server: https://a\n    certificate-authority-data: Q0E=\n",
		"PowerShell's":    string(utf16le),
		"markers":         "---\nclusters:\n- name: a\n  cluster: {server: https://a, certificate-authority-data: Q0E=}\n...\n",
		"aliases":         "x: &s https://a\nclusters:\n- name: a\n  cluster: {server: *s, certificate-authority-data: Q0E=, insecure-skip-tls-verify: no}\n",
		"nulls": "extensions: ~\npreferences: ~\nusers:\n- name: u\n  user: {exec: {args: ~, env: [~], provideClusterInfo: ~}, as-groups: [~], as-user-extra: {a: ~}, auth-provider: {config: ~}, extensions: [~]}\n" +
			"clusters:\n- name: a\n  cluster: {server: https://a, certificate-authority-data: Q0E=, extensions: ~, disable-compression: ~}\n",
		"tags":                    "clusters:\n- name: !!set a\n  cluster: {server: !own https://a, certificate-authority-data: Q0E=, disable-compression: !!bool 'no'}\n",
		"binary":                  "clusters:\n- !!binary bmFtZQ==: !!binary YQ==\n  cluster: {server: https://a, certificate-authority-data: !!binary UTBFPQ==}\n",
		"binary in a block":       "clusters:\n- name: a\n  cluster:\n    server: https://a\n    certificate-authority-data: !!binary |\n      UTBF\n      PQo=\n",
		"alias to binary":         "x: &x !!binary UTAKRT0K\nclusters:\n- name: a\n  cluster: {server: https://a, certificate-authority-data: *x}\n",
		"merge key":               "x: &x {certificate-authority-data: Q0E=, server: https://x}\nclusters:\n- name: a\n  cluster: {<<: *x, server: https://a}\n",
		"merge key last":          "x: &x {certificate-authority-data: Q0E=, server: https://a}\nclusters:\n- name: a\n  cluster: {server: https://b, <<: *x}\n",
		"merge key of a list":     "x: &x {server: https://a}\nclusters:\n- name: a\n  cluster: {<<: [*x, {certificate-authority-data: Q0E=, server: https://b}]}\n",
		"merge keys":              "clusters:\n- name: a\n  cluster: {<<: {certificate-authority-data: Q0E=, server: x}, !!merge <<: {server: https://a}}\n",
		"merged at the top":       "x: &x {clusters: [{name: a, cluster: {server: https://a, certificate-authority-data: Q0E=}}]}\n<<: *x\n",
		"merge key in quotes":     "clusters:\n- name: a\n  cluster: {server: https://a, '<<': {server: b}, certificate-authority-data: Q0E=}\n",
		"merged and taken away":   "clusters:\n- name: a\n  cluster: {<<: {tls-server-name: x}, tls-server-name: null, server: https://a, certificate-authority-data: Q0E=}\n",
		"separator at the end":    "clusters:\n- name: a\n  cluster: {server: https://a, certificate-authority-data: Q0E=}\n---\n",
		"separators and comments": "---\nclusters:\n- name: a\n  cluster: {server: https://a, certificate-authority-data: Q0E=}\n---\n# x\n---\nnull\n...\n",
		"tag":                     "clusters:\n- name: !!str a\n  cluster: {server: https://a, certificate-authority-data: Q0E=}\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse([]byte(in))
			require.NoError(t, err)
			assert.Equal(t, want, withoutLines(c).Clusters)
		})
	}
	for name, in := range map[string]string{
		"nothing": "", "comment": "# later\n", "null": "null\n", "{}": "{}", "marker": "---\n", "blank": "\n \n",
		"kubectl's": "apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: null\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse([]byte(in))
			require.NoError(t, err)
			assert.Equal(t, &Config{}, c)
			_, err = c.Current()
			require.EqualError(t, err, "current-context is not set")
		})
	}
}

func TestParseErrors(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'h'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 10) + "]\n"
	}
	mergeBomb := "a: &a {x: y}\n"
	for c := 'b'; c <= 'i'; c++ {
		mergeBomb += string(c) + ": &" + string(c) + " {<<: [" + strings.Repeat("*"+string(c-1)+", ", 10) + "]}\n"
	}
	for name, tc := range map[string]struct{ in, want string }{
		"no YAML":            {"clusters: [", "line 1: not YAML: did not find expected node content"},
		"tab":                {"a:\n\t- b\n", "line 2: not YAML: found character that cannot start any token"},
		"binary":             {"\x00\x01", "not YAML: control characters are not allowed"},
		"PEM":                {"-----BEGIN CERTIFICATE-----\nAAAA\n", "line 1: not a kubeconfig: the document is a string, not a mapping"},
		"UTF-16, odd":        {"\xff\xfea\x00:\x00 \x00b", "not YAML: incomplete UTF-16 character"},
		"list":               {"- a\n", "line 1: not a kubeconfig: the document is a list, not a mapping"},
		"number":             {"1\n", "line 1: not a kubeconfig: the document is a number, not a mapping"},
		"truth":              {"true\n", "line 1: not a kubeconfig: the document is a truth value, not a mapping"},
		"own type":           {"!x y\n", "line 1: not a kubeconfig: the document is a string, not a mapping"},
		"second document":    {"kind: Config\n---\nkind: Config\n", "line 2: a second document begins here; a kubeconfig is one document, and kubectl would ignore the others"},
		"broken second":      {"kind: Config\n---\n[\n", "line 3: not YAML: did not find expected node content"},
		"key twice":          {"kind: Config\nusers: []\nkind: Config\n", `line 3: key "kind" is given twice, first on line 1`},
		"unknown key twice":  {"extensions:\n- a: 1\n  a: 2\n", `line 3: key "a" is given twice, first on line 2`},
		"merge of nothing":   {"d:\n  <<: null\n", "line 2: a merge key (<<) must have a mapping, or a list of mappings"},
		"merge of a text":    {"d:\n  <<: [{a: b}, c]\n", "line 2: a merge key (<<) must have a mapping, or a list of mappings"},
		"merge of an alias":  {"a: &a [{b: c}]\nd:\n  <<: *a\n", "line 3: a merge key (<<) must have a mapping, or a list of mappings"},
		"merge of itself":    {"a: &a {<<: *a}\n", "line 1: nested more than 64 deep"},
		"merge bomb":         {mergeBomb, "line 1: too many entries for a kubeconfig, the limit is 400000 with aliases written out"},
		"merged, then twice": {"a: &a {b: c}\nd:\n  <<: *a\n  b: d\n  b: e\n", `line 5: key "b" is given twice, first on line 4`},
		"merged null key":    {"d:\n  <<: {~: c}\n", "line 2: null is used as a key"},
		"binary, broken":     {"users:\n- name: !!binary Y\n", "line 2: a !!binary value is not base64"},
		"PEM in binary":      {"users:\n- name: a\n  user:\n    client-key-data: !!binary LS0tLS1CRUdJTg==\n", "line 4: users[0].user.client-key-data: is not base64"},
		"type that is none":  {"users:\n- name: !!int x\n", `line 2: "x" is not of the type !!int`},
		"truth that is none": {"preferences: {colors: !!bool x}\n", `line 1: "x" is not of the type !!bool`},
		"YAML 1.2":           {"%YAML 1.2\n---\nkind: Config\n", "not YAML: found incompatible YAML document"},
		"third document":     {"kind: Config\n---\n# later\n---\nkind: Config\n", "line 4: a second document begins here; a kubeconfig is one document, and kubectl would ignore the others"},
		"behind nothing":     {"---\n# copied\n---\nkind: Config\n", "line 3: a second document begins here; a kubeconfig is one document, and kubectl would ignore the others"},
		"panics in yaml.v3":  {"{? [x] : y, <<: {a: 1}}", "line 1: a list is used as a key"},
		"null as key":        {"~: x\n", "line 1: null is used as a key"},
		"mapping as key":     {"? {a: b}\n: c\n", "line 1: a mapping is used as a key"},
		"alias bomb":         {bomb, "line 1: too many entries for a kubeconfig, the limit is 400000 with aliases written out"},
		"endless alias":      {"a: &a [*a]\n", "line 1: nested more than 64 deep"},
		"endless, wide":      {"a: &a [*a, *a, *a]\n", "line 1: nested more than 64 deep"},
		"unknown alias":      {"a: *b\n", "not YAML: unknown anchor 'b' referenced"},
		"deep lists":         {"a: " + strings.Repeat("[", 100) + strings.Repeat("]", 100), "line 1: nested more than 64 deep"},
		"big":                {strings.Repeat(" ", maxSize+1), "8388609 bytes are too many for a kubeconfig, the limit is 8388608"},
		"many":               {"a: [" + strings.Repeat("x,", 200_000) + "]", "too many entries for a kubeconfig, the limit is 200000 lines and punctuation marks"},
		"many items":         {strings.Repeat("- - - - - -\n", 40_000), "too many entries for a kubeconfig, the limit is 200000 lines and punctuation marks"},
		"apiVersion":         {"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n", `line 1: apiVersion: "kubeadm.k8s.io/v1beta4" is not the version of a kubeconfig, which is v1`},
		"kind":               {"apiVersion: v1\nkind: Secret\n", `line 2: kind: "Secret" is not the kind of a kubeconfig, which is Config`},
		"clusters a mapping": {"clusters: {}\n", "line 1: clusters: must be a list, not a mapping"},
		"cluster a string":   {"clusters:\n- a\n", "line 2: clusters[0]: must be a mapping, not a string"},
		"body a list":        {"clusters:\n- name: a\n  cluster: []\n", "line 3: clusters[0].cluster: must be a mapping, not a list"},
		"no name twice":      {"users:\n- name: a\n- user: {}\n- null\n", `line 4: users[2]: the name "" is given twice, first on line 3`},
		"name twice":         {"contexts:\n- name: a\n- name: b\n- name: a\n", `line 4: contexts[2]: the name "a" is given twice, first on line 2`},
		"number as name":     {"users:\n- name: 12\n", "line 2: users[0].name: must be a string; put it in quotes"},
		"float as token":     {"users:\n- name: a\n  user: {token: 1e3}\n", "line 3: users[0].user.token: must be a string; put it in quotes"},
		"YAML 1.1 truth":     {"current-context: yes\n", "line 1: current-context: must be a string; put it in quotes"},
		"YAML 1.1 letter":    {"current-context: n\n", "line 1: current-context: must be a string; put it in quotes"},
		"list as string":     {"users:\n- name: a\n  user: {token: [x]}\n", "line 3: users[0].user.token: must be a string, not a list"},
		"quoted truth":       {"clusters:\n- name: a\n  cluster: {insecure-skip-tls-verify: 'true'}\n", "line 3: clusters[0].cluster.insecure-skip-tls-verify: must be true or false, not a string"},
		"key as a path":      {"users:\n- name: a\n  user:\n    client-key: LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0t\n", "line 4: users[0].user.client-key: is not a path, but what belongs in client-key-data"},
		"PEM as a path":      {"users:\n- name: a\n  user:\n    client-certificate: |\n      -----BEGIN CERTIFICATE-----\n", "line 4: users[0].user.client-certificate: is not a path, but what belongs in client-certificate-data"},
		"CA as a path":       {"clusters:\n- name: a\n  cluster:\n    certificate-authority: LS0tLS1CRUdJTiBD\n", "line 4: clusters[0].cluster.certificate-authority: is not a path, but what belongs in certificate-authority-data"},
		"token as a path":    {"users:\n- name: a\n  user:\n    tokenFile: eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln\n", "line 4: users[0].user.tokenFile: is not a path, but what belongs in token"},
		"base64":             {"users:\n- name: a\n  user:\n    client-key-data: '-----BEGIN'\n", "line 4: users[0].user.client-key-data: is not base64"},
		"exec":               {"users:\n- name: a\n  user: {exec: aws}\n", "line 3: users[0].user.exec: must be a mapping, not a string"},
		"compression":        {"clusters:\n- name: a\n  cluster: {disable-compression: 'yes'}\n", "line 3: clusters[0].cluster.disable-compression: must be true or false, not a string"},
		"cluster extensions": {"clusters:\n- name: a\n  cluster: {extensions: {a: b}}\n", "line 3: clusters[0].cluster.extensions: must be a list, not a mapping"},
		"context extension":  {"contexts:\n- name: a\n  context: {extensions: [a]}\n", "line 3: contexts[0].context.extensions[0]: must be a mapping, not a string"},
		"extension twice":    {"extensions:\n- name: a\n- name: b\n- name: a\n", `line 4: extensions[2]: the name "a" is given twice, first on line 2`},
		"extension's name":   {"users:\n- name: a\n  user: {extensions: [{name: 1}]}\n", "line 3: users[0].user.extensions[0].name: must be a string; put it in quotes"},
		"preferences":        {"preferences: x\n", "line 1: preferences: must be a mapping, not a string"},
		"colors":             {"preferences: {colors: x}\n", "line 1: preferences.colors: must be true or false, not a string"},
		"exec args a string": {"users:\n- name: a\n  user: {exec: {args: get token}}\n", "line 3: users[0].user.exec.args: must be a list, not a string"},
		"exec args a number": {"users:\n- name: a\n  user: {exec: {args: [a, 1]}}\n", "line 3: users[0].user.exec.args[1]: must be a string; put it in quotes"},
		"exec env a mapping": {"users:\n- name: a\n  user: {exec: {env: {A: b}}}\n", "line 3: users[0].user.exec.env: must be a list, not a mapping"},
		"exec env a number":  {"users:\n- name: a\n  user: {exec: {env: [{name: A, value: 1}]}}\n", "line 3: users[0].user.exec.env[0].value: must be a string; put it in quotes"},
		"exec env's name":    {"users:\n- name: a\n  user: {exec: {env: [{name: 1, value: a}]}}\n", "line 3: users[0].user.exec.env[0].name: must be a string; put it in quotes"},
		"exec cluster info":  {"users:\n- name: a\n  user: {exec: {provideClusterInfo: 'true'}}\n", "line 3: users[0].user.exec.provideClusterInfo: must be true or false, not a string"},
		"exec hint":          {"users:\n- name: a\n  user: {exec: {installHint: []}}\n", "line 3: users[0].user.exec.installHint: must be a string, not a list"},
		"exec mode":          {"users:\n- name: a\n  user: {exec: {interactiveMode: no}}\n", "line 3: users[0].user.exec.interactiveMode: must be a string; put it in quotes"},
		"as-uid":             {"users:\n- name: a\n  user: {as-uid: 0123}\n", "line 3: users[0].user.as-uid: must be a string; put it in quotes"},
		"as-groups":          {"users:\n- name: a\n  user: {as-groups: g}\n", "line 3: users[0].user.as-groups: must be a list, not a string"},
		"as-user-extra":      {"users:\n- name: a\n  user: {as-user-extra: {k: [1]}}\n", "line 3: users[0].user.as-user-extra.k[0]: must be a string; put it in quotes"},
		"provider's config":  {"users:\n- name: a\n  user: {auth-provider: {name: oidc, config: {a: 1}}}\n", "line 3: users[0].user.auth-provider.config.a: must be a string; put it in quotes"},
		"long key":           {strings.Repeat("k", 100) + ": 1\n" + strings.Repeat("k", 100) + ": 1\n", `line 2: key "` + strings.Repeat("k", 80) + `..." is given twice, first on line 1`},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse([]byte(tc.in))
			require.EqualError(t, err, tc.want)
			assert.Nil(t, c)
			var se *SyntaxError
			require.ErrorAs(t, err, &se)
		})
	}
}

func TestCurrentErrors(t *testing.T) {
	const tail = "\nclusters: [{name: c}]\nusers: [{name: u}]\n"
	for name, tc := range map[string]struct{ in, want string }{
		"unknown context": {"current-context: x\ncontexts: [{name: z}]", `current-context "x" is not among the contexts`},
		"no cluster":      {"current-context: x\ncontexts: [{name: x, context: {user: u}}]", `context "x": names no cluster`},
		"no user":         {"current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", `context "x": names no user`},
		"unknown cluster": {"current-context: x\ncontexts: [{name: x, context: {cluster: d, user: u}}]", `context "x": cluster "d" does not exist`},
		"unknown user":    {"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: v}}]", `context "x": user "v" does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse([]byte(tc.in + tail))
			require.NoError(t, err)
			_, err = c.Current()
			require.EqualError(t, err, tc.want)
		})
	}
}

// A file of a thousand clusters with RSA certificates is within the limits.
func TestParseLarge(t *testing.T) {
	pem := func(size int) string { return base64.StdEncoding.EncodeToString(make([]byte, size)) }
	var clusters, users strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&clusters, "- name: cluster-%d\n  cluster:\n    server: https://cluster-%d:6443\n    certificate-authority-data: %s\n", i, i, pem(1107))
		fmt.Fprintf(&users, "- name: user-%d\n  user:\n    client-certificate-data: %s\n    client-key-data: %s\n", i, pem(1147), pem(1679))
	}
	c, err := Parse([]byte("clusters:\n" + clusters.String() + "users:\n" + users.String()))
	require.NoError(t, err)
	assert.Len(t, c.Clusters, 1000)
	assert.Len(t, c.Users, 1000)
}
