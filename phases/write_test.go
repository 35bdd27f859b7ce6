package phases_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
)

// One file that is no row's is changed under its lock, with its old content beside it.
func TestChangeFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config")
	to := func(text string) func([]byte) ([]byte, error) {
		return func([]byte) ([]byte, error) { return []byte(text), nil }
	}
	content := func(path string) string {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(data)
	}
	backup, mode, err := phases.ChangeFile(t.Context(), path, now, to("one"))
	require.NoError(t, err)
	assert.Empty(t, backup)
	assert.Zero(t, mode)
	require.NoError(t, os.Chmod(path, 0o644))
	for _, name := range []string{"config.20261124T120000Z.bak", "config.20261124T120000Z-2.bak"} {
		old := content(path)
		backup, _, err = phases.ChangeFile(t.Context(), path, now, to(old+"+"))
		require.NoError(t, err)
		assert.Equal(t, filepath.Join(dir, name), backup)
		assert.Equal(t, old, content(backup))
		assert.Equal(t, old+"+", content(path))
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), info.Mode())
	}
	require.NoError(t, os.Chmod(path, 0o644))
	backup, mode, err = phases.ChangeFile(t.Context(), path, now, to("one++"))
	require.NoError(t, err)
	assert.Empty(t, backup, "nothing changes but the mode")
	assert.Equal(t, fs.FileMode(0o644), mode)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode())

	_, _, err = phases.ChangeFile(t.Context(), path, now, func([]byte) ([]byte, error) { return nil, errors.New("no") })
	assert.EqualError(t, err, "no")
	_, _, err = phases.ChangeFile(t.Context(), dir, now, to("x"))
	assert.EqualError(t, err, "is a directory ("+dir+")")
}

// A refusal gives its findings with the remedy for who asked.
func TestRefusedFindings(t *testing.T) {
	w := complete(t)
	w.forge(w.row("admin"), expiredCert)
	_, err := w.init(at(now), "admin")
	var refused *phases.RefusedError
	require.ErrorAs(t, err, &refused)
	list := refused.Findings()
	require.Len(t, list, 1)
	assert.Equal(t, finding.CertificateExpired, list[0].ID)
	assert.Equal(t, "`pkitool certs renew admin` renews it", list[0].Hint)
	external := &phases.ExternalCAError{Path: "ca.crt"}
	assert.Contains(t, external.Hint(), "`pkitool certs generate-csr`")
}

func TestChooseExpiringAndRequests(t *testing.T) {
	tree := treeOf(t, cluster())
	for _, tt := range []struct {
		choose func(certs.Tree, []string) (judge.Selection, error)
		names  []string
		want   string
		err    string
	}{
		{phases.ChooseExpiring, []string{"ca", "admin.conf"}, "ca admin", ""},
		{phases.ChooseExpiring, []string{"sa"}, "", `unknown name "sa": must be one of ca, apiserver, apiserver-kubelet-client, front-proxy-ca, front-proxy-client, etcd-ca, etcd-server, etcd-peer, ` +
			`etcd-healthcheck-client, apiserver-etcd-client, admin, super-admin, kubelet, controller-manager, scheduler`},
		{phases.ChooseRequests, []string{"apiserver", "scheduler.conf"}, "apiserver scheduler", ""},
		{phases.ChooseRequests, []string{"ca"}, "", `unknown name "ca": must be one of all, apiserver, apiserver-kubelet-client, front-proxy-client, etcd-server, etcd-peer, ` +
			`etcd-healthcheck-client, apiserver-etcd-client, admin, super-admin, kubelet, controller-manager, scheduler`},
	} {
		got, err := tt.choose(tree, tt.names)
		if tt.err != "" {
			assert.EqualError(t, err, tt.err)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, tt.want, chosenIn(tree, got))
	}
	all, err := phases.ChooseExpiring(tree, nil)
	require.NoError(t, err)
	assert.Nil(t, all)
	requests, err := phases.ChooseRequests(tree, nil)
	require.NoError(t, err)
	assert.Len(t, requests, 12)
}

// Every context of a kubeconfig is told of: who one is there, and how.
func TestDescribeKubeconfig(t *testing.T) {
	w := complete(t)
	data := append(w.read(w.certFile(w.row("admin"))), ""...)
	r, err := phases.DescribeKubeconfig("admin.conf", data, nil, now)
	require.NoError(t, err)
	assert.False(t, r.Bad())
	require.Len(t, r.Contexts, 1)
	c := r.Contexts[0]
	assert.Equal(t, "certificate kubernetes-admin [kubeadm:cluster-admins] https://192.0.2.10:6443", c.Auth+" "+c.User+" ["+c.Groups[0]+"] "+c.Server)
	assert.True(t, c.Current)
	base := "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\nclusters:\n- name: c\n  cluster: {server: https://192.0.2.10:6443}\nusers:\n- name: u\n  user: "
	for user, auth := range map[string]string{
		"{token: t}": "token", "{tokenFile: /t}": "token", "{username: a, password: b}": "password", "{}": "none", "{auth-provider: {name: oidc}}": "auth-provider",
		"{exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never}}": "exec",
	} {
		r, err := phases.DescribeKubeconfig("a.conf", []byte(base+user+"\n"), func(string) ([]byte, error) { return []byte("t"), nil }, now)
		require.NoError(t, err)
		assert.Equal(t, auth, r.Contexts[0].Auth, user)
	}
	_, err = phases.DescribeKubeconfig("a.conf", []byte("{]"), nil, now)
	assert.Error(t, err)
}
