package certs_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/config"
)

// TestUptakes states who must be restarted when a row's files change, for
// every row: a new row has to say so too.
func TestUptakes(t *testing.T) {
	restart := map[string][]string{
		"ca":                       {"kube-controller-manager", "kubelet", "every kubeconfig"},
		"apiserver":                nil,
		"apiserver-kubelet-client": nil,
		"front-proxy-ca":           nil,
		"front-proxy-client":       nil,
		"etcd-ca":                  {"etcd", "kube-apiserver"},
		"etcd-server":              nil,
		"etcd-peer":                nil,
		"etcd-healthcheck-client":  nil,
		"apiserver-etcd-client":    nil,
		"sa":                       {"kube-apiserver", "kube-controller-manager"},
		"admin":                    nil,
		"super-admin":              nil,
		"kubelet":                  {"kubelet"},
		"controller-manager":       {"kube-controller-manager"},
		"scheduler":                {"kube-scheduler"},
	}
	tree, err := certs.New(config.Defaults().Cluster)
	require.NoError(t, err)
	require.Len(t, slices.Collect(tree.Rows()), len(restart))
	for s := range tree.Rows() {
		want, known := restart[s.Name]
		require.True(t, known, s.Name)
		var got, all []string
		for _, u := range s.Uptakes() {
			all = append(all, u.Component)
			assert.NotEmpty(t, u.How, s.Name)
			if u.Restart {
				got = append(got, u.Component)
			}
		}
		assert.Equal(t, s.UsedBy, all, s.Name)
		assert.True(t, slices.Equal(want, got), "%s: restart %v, wanted %v", s.Name, got, want)
	}
	for name, how := range map[string]string{
		"apiserver":             "takes up a changed pair by itself",
		"etcd-peer":             "reads the pair anew at every handshake",
		"apiserver-etcd-client": "reads the pair anew at every connection to etcd",
		"admin":                 "reads the file at every call; copies of it, such as ~/.kube/config, are still the old one",
		"front-proxy-ca":        "takes up a changed file by itself",
	} {
		s, ok := tree.Row(certs.ID{Role: name})
		require.True(t, ok, name)
		assert.Equal(t, how, s.Uptakes()[0].How, name)
	}
}

// TestServing: who can be asked what it serves has one port, a component, and CAs of its clients.
func TestServing(t *testing.T) {
	ports := map[uint16]string{}
	for _, r := range certs.Roles() {
		if r.Kind.Serves() {
			assert.NotZero(t, r.Port, r.Name)
		}
		assert.Equal(t, r.Port != 0, len(r.Admits) > 0, r.Name)
		if r.Port == 0 {
			continue
		}
		assert.Empty(t, ports[r.Port], "%s has the port of another", r.Name)
		ports[r.Port] = r.Name
		assert.NotEmpty(t, r.UsedBy, r.Name)
		for _, name := range r.Admits {
			ca, ok := certs.RoleNamed(name)
			assert.True(t, ok && ca.Kind == certs.CA, "%s: %s", r.Name, name)
		}
	}
	assert.Len(t, ports, 6)
}
