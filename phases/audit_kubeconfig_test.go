package phases_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/audit"
)

// change is one change of the text of a kubeconfig: what stands behind from on its line becomes to, and {dir} in it the
// directory of the test. token: of a user with a token instead of a certificate.
type change struct {
	from, to string
	token    bool
	// row is what an audit calls it in a row's own file, "" the same; otherwise a row cannot have it.
	row finding.ID
}

const noRows = "-"

var kubeconfigChanges = map[finding.ID]change{
	finding.ContextsMissing:       {from: "contexts:", to: "", row: noRows},
	finding.CurrentContextMissing: {from: "current-context: ", to: `current-context: ""`},
	finding.CurrentContextUnknown: {from: "current-context: ", to: "current-context: nobody"},
	finding.ContextWithoutCluster: {from: "cluster: kubernetes", to: `cluster: ""`},
	finding.ContextClusterUnknown: {from: "cluster: kubernetes", to: "cluster: nowhere"},
	finding.ContextWithoutUser:    {from: "user: ", to: `user: ""`},
	finding.ContextUserUnknown:    {from: "user: ", to: "user: nobody"},
	finding.NamespaceInvalid:      {from: "cluster: kubernetes", to: "cluster: kubernetes\n    namespace: Not_Valid"},
	finding.ClusterUnused:         {from: "clusters:", to: "clusters:\n- name: unused\n  cluster: {server: 'https://192.0.2.10:6443', certificate-authority: '{dir}/pki/ca.crt'}"},
	finding.UserUnused:            {from: "users:", to: "users:\n- name: unused\n  user: {token: abc}"},

	finding.ServerMissing:       {from: "server: ", to: `server: ""`},
	finding.ServerInvalid:       {from: "server: ", to: "server: 'https://192.0.2.10:port'"},
	finding.ServerWithoutScheme: {from: "server: ", to: "server: 192.0.2.10:6443"},
	finding.ServerNotHTTPS:      {from: "server: ", to: "server: http://192.0.2.10:6443"},
	finding.ProxyURLInvalid:     {from: "server: ", to: "server: https://192.0.2.10:6443\n    proxy-url: gopher://192.0.2.1"},
	finding.CAGivenTwice:        {from: "server: ", to: "server: https://192.0.2.10:6443\n    certificate-authority: '{dir}/pki/ca.crt'"},
	finding.CANotGiven:          {from: "certificate-authority-data: ", row: finding.TrustMissing},
	finding.InsecureWithCA:      {from: "server: ", to: "server: https://192.0.2.10:6443\n    insecure-skip-tls-verify: true"},
	finding.Insecure:            {from: "certificate-authority-data: ", to: "insecure-skip-tls-verify: true", row: finding.TrustMissing},
	finding.PathRelative:        {from: "certificate-authority-data: ", to: "certificate-authority: pki/ca.crt"},

	finding.ClientCertificateGivenTwice: {from: "client-certificate-data: ", to: "client-certificate: /x\n    {old}"},
	finding.ClientCertificateMissing:    {from: "client-certificate-data: "},
	finding.ClientKeyGivenTwice:         {from: "client-key-data: ", to: "client-key: /x\n    {old}"},
	finding.ClientKeyMissing:            {from: "client-key-data: "},
	finding.TokenGivenTwice:             {from: "token: ", to: "token: abc\n    tokenFile: '{dir}/token'", token: true, row: noRows},
	finding.TokenWithSpace:              {from: "token: ", to: "token: a b", token: true, row: noRows},
	finding.HeaderInvalid:               {from: "token: ", to: `token: "abc\n"`, token: true, row: noRows},
	finding.TokenFileEmpty:              {from: "token: ", to: "tokenFile: '{dir}/empty'", token: true, row: noRows},
	finding.CredentialsMissing:          {from: "token: ", token: true, row: noRows},
	finding.BasicAuth:                   {from: "token: ", to: "username: jane\n    password: secret", token: true, row: noRows},
	finding.ExecAndAuthProvider: {from: "token: ", token: true, row: noRows,
		to: "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never}\n    auth-provider: {name: oidc}"},
	finding.CredentialsSeveral:     {from: "client-key-data: ", to: "token: abc\n    {old}"},
	finding.ImpersonateWithoutUser: {from: "client-key-data: ", to: "as-groups: [ops]\n    {old}"},
	finding.AuthProvider:           {from: "token: ", to: "auth-provider: {name: gcp}", token: true, row: noRows},
	finding.ExecIncomplete:         {from: "token: ", to: "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}", token: true, row: noRows},
	finding.ExecVersion:            {from: "token: ", to: "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: aws}", token: true, row: noRows},
	finding.ExecMode:               {from: "token: ", to: "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Maybe}", token: true, row: noRows},
}

// make makes the change.
func (c change) make(w *world, path string) {
	w.t.Helper()
	text := string(w.read(path))
	if c.from == "contexts:" {
		w.write(path, []byte(regexp.MustCompile(`(?s)contexts:.*?current-context: [^\n]*\n`).ReplaceAllString(text, "")))
		return
	}
	old := regexp.MustCompile(`(?m)` + regexp.QuoteMeta(c.from) + `.*$`).FindString(text)
	require.NotEmpty(w.t, old)
	to := strings.NewReplacer("{dir}", w.dir, "{old}", old).Replace(c.to)
	w.write(path, []byte(strings.Replace(text, old, to, 1)))
}

// TestAuditFindsEveryFaultOfKubeconfigs: for every id of a kubeconfig as a file one change of its text is found, and
// nothing else: in the file of a person, in one that is asked for by name, and in a row's own.
func TestAuditFindsEveryFaultOfKubeconfigs(t *testing.T) {
	for _, id := range idsIn(t, "table_kubeconfigs.go") {
		c, ok := kubeconfigChanges[id]
		require.True(t, ok, id)
		person := func(t testing.TB) *world {
			w := complete(t)
			w.write(filepath.Join(w.dir, "token"), []byte("abc"))
			w.write(filepath.Join(w.dir, "empty"), nil)
			w.person("jane.conf", nil, func(k *kubeconfig.Single) {
				if c.token {
					k.ClientCert, k.ClientKey, k.Token = nil, nil, "abc"
				}
			})
			return w
		}
		t.Run(string(id), func(t *testing.T) {
			t.Parallel()
			_, found := auditFault{sound: person, plant: func(w *world) { c.make(w, filepath.Join(w.dir, "jane.conf")) }}.try(t, id)
			for _, f := range found {
				assert.LessOrEqual(t, f.Severity, finding.Warning, "nobody of Kubernetes is known to read it")
			}
		})
		t.Run(string(id)+"/by name", func(t *testing.T) {
			t.Parallel()
			name := ""
			w := person(t)
			name = filepath.Join(w.dir, "jane")
			require.NoError(t, os.Rename(name+".conf", name))
			_, found := auditFault{sound: func(testing.TB) *world { return w }, is: audit.Options{Kubeconfigs: []string{name}}, plant: func(w *world) { c.make(w, name) }}.try(t, id)
			rule, _ := finding.Lookup(id)
			assert.Equal(t, rule.Severity, found[0].Severity)
		})
		if c.row == noRows {
			continue
		}
		t.Run(string(id)+"/row", func(t *testing.T) {
			t.Parallel()
			want := id
			if c.row != "" {
				want = c.row
			}
			auditFault{plant: func(w *world) { c.make(w, w.certFile(w.row("admin"))) }}.try(t, want)
		})
	}
}
