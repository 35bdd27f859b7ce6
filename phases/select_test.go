package phases_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
)

// chosenIn names the chosen rows, in the order of the tree.
func chosenIn(tree certs.Tree, chosen judge.Selection) string {
	var out []string
	for s := range tree.Rows() {
		if chosen.Has(s.ID) {
			out = append(out, s.ID.String())
		}
	}
	return strings.Join(out, " ")
}

func TestChoose(t *testing.T) {
	c := cluster()
	tree := treeOf(t, c)
	c.ExternalEtcd = &certs.ExternalEtcd{Endpoints: []string{"https://10.0.0.5:2379"}}
	external := treeOf(t, c)
	c = cluster()
	c.Nodes = append(c.Nodes, certs.Node{Name: "cp-2", AdvertiseAddress: c.Nodes[0].AdvertiseAddress, BindPort: 6443})
	two := treeOf(t, c)
	const leaves = "apiserver apiserver-kubelet-client"
	tests := []struct {
		name       string
		tree       certs.Tree
		want, skip []string
		chosen     string
		err        string
	}{
		{name: "everything", tree: tree, chosen: "ca " + leaves + " front-proxy-ca front-proxy-client etcd-ca etcd-server etcd-peer etcd-healthcheck-client apiserver-etcd-client sa admin super-admin kubelet controller-manager scheduler"},
		{name: "a phase", tree: tree, want: []string{"kubeconfig"}, chosen: "admin super-admin kubelet controller-manager scheduler"},
		{name: "rows, in the tree's order", tree: tree, want: []string{"kubeconfig/admin", "certs/sa", "certs/ca"}, chosen: "ca sa admin"},
		{name: "without a phase and a row", tree: tree, skip: []string{"kubeconfig", "certs/etcd-ca"}, chosen: "ca " + leaves + " front-proxy-ca front-proxy-client etcd-server etcd-peer etcd-healthcheck-client apiserver-etcd-client sa"},
		{name: "nothing left", tree: tree, want: []string{"certs/ca"}, skip: []string{"certs"}, chosen: ""},
		{name: "a row that this cluster lacks", tree: external, want: []string{"certs/ca", "certs/etcd-server"}, chosen: "ca"},
		{name: "a plain name for the rows of all nodes", tree: two, want: []string{"certs/apiserver"}, chosen: "apiserver@cp-1 apiserver@cp-2"},
		{name: "a row without its phase", tree: tree, want: []string{"ca"}, err: `unknown phase "ca": must be one of `},
		{name: "unknown to skip", tree: tree, skip: []string{"certs/bogus"}, err: `unknown phase "certs/bogus": must be one of `},
		{name: "empty", tree: tree, want: []string{""}, err: `unknown phase "": must be one of `},
		{name: "of the wrong phase", tree: tree, want: []string{"certs/admin"}, err: `unknown phase "certs/admin": must be one of `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := phases.Choose(tt.tree, tt.want, tt.skip)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err+strings.Join(phases.Paths(), ", "))
				return
			}
			require.NoError(t, err)
			assert.NotNil(t, got, "nothing chosen is not everything")
			assert.Equal(t, tt.chosen, chosenIn(tt.tree, got))
		})
	}
	paths := phases.Paths()
	assert.Len(t, paths, 18)
	assert.Equal(t, "certs", paths[0])
	assert.Equal(t, "kubeconfig", paths[12])
	assert.Equal(t, "kubeconfig/scheduler", paths[17])
}

// A run for nothing does nothing: "no row" must never be read as "all rows".
func TestNothingChosen(t *testing.T) {
	w := empty(t)
	before := w.snapshot()
	r, err := phases.Init(t.Context(), w.tree, w.site, judge.Selection{}, at(now))
	require.NoError(t, err)
	assert.False(t, r.Changed)
	assert.Empty(t, r.Rows)
	w.unchanged(before)
}

// Two nodes: what is theirs lies in folders of their own, what is shared once,
// and one node can be made without the other.
func TestTwoNodes(t *testing.T) {
	c := cluster()
	c.Nodes = append(c.Nodes, certs.Node{Name: "cp-2", AdvertiseAddress: c.Nodes[0].AdvertiseAddress.Next(), BindPort: 6443})
	w := empty(t)
	w.tree = treeOf(t, c)
	_, err := phases.Init(t.Context(), w.tree, w.site, judge.Selection{{Role: "ca"}: true, {Role: "apiserver", Instance: "cp-2"}: true}, at(now))
	require.NoError(t, err)
	_, err = w.init(at(now))
	require.NoError(t, err)
	w.tidy()
	w.settled()
	of := func(node string) *certificate {
		s, ok := w.tree.Row(certs.ID{Role: "apiserver", Instance: node})
		require.True(t, ok)
		return w.chain(s)[0]
	}
	one, two := of("cp-1"), of("cp-2")
	assert.NotEqual(t, one.PublicKey, two.PublicKey)
	assert.Contains(t, two.DNSNames, "cp-2")
	assert.NotContains(t, two.DNSNames, "cp-1")
}
