package kubeconfig

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/internal/yamlsize"
)

// Law: after an edit the entry says what was asked for and every other entry what it said; the same edit again changes
// nothing.
func FuzzEdit(f *testing.F) {
	all := seeds(f)
	require.NotEmpty(f, all)
	for _, s := range all {
		f.Add(s, "https://192.0.2.10:6443", []byte("ca"), []byte("cert"))
	}
	f.Fuzz(func(t *testing.T, data []byte, server string, ca, cert []byte) {
		defer fuzzbound.Hold(t, len(data)+len(server)+len(ca)+len(cert))()
		before, err := Parse(data)
		if err != nil {
			return
		}
		e := Edit{Server: server, CA: ca, ClientCert: cert}
		out, err := e.Apply(data)
		if err != nil {
			return
		}
		again, err := e.Apply(out)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
		after, err := Parse(out)
		require.NoError(t, err)
		require.Len(t, after.Clusters, len(before.Clusters))
		require.Len(t, after.Users, len(before.Users))
		require.Equal(t, withoutLines(before).Contexts, withoutLines(after).Contexts)
		if server == "" && len(ca)+len(cert) == 0 {
			require.True(t, bytes.Equal(data, out))
			return
		}
		now, err := after.Current()
		require.NoError(t, err)
		if server != "" {
			require.Equal(t, server, now.Cluster.Server)
		}
		if len(ca) > 0 {
			require.Equal(t, ca, now.Cluster.CA)
			require.Empty(t, now.Cluster.CAFile)
		}
		if len(cert) > 0 {
			require.Equal(t, cert, now.User.ClientCert)
		}
		for i, c := range withoutLines(before).Clusters {
			if c.Name != now.Cluster.Name {
				require.Equal(t, c, withoutLines(after).Clusters[i])
			}
		}
		for i, u := range withoutLines(before).Users {
			if u.Name != now.User.Name || len(cert) == 0 {
				require.Equal(t, u, withoutLines(after).Users[i])
			}
		}
	})
}

// Law: the marks of a text bound the nodes that the parser makes of it, but for one of each document.
func FuzzMarks(f *testing.F) {
	all := seeds(f)
	require.NotEmpty(f, all)
	for _, s := range append(all, []byte("- - - a"), []byte("? ? a"), []byte("[a,[b],{c: d}]"), []byte("a:\n - b\r- c"), []byte("-\ta")) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		dec := yaml.NewDecoder(bytes.NewReader(data))
		nodes := 0
		for {
			doc, err := next(dec)
			if err != nil || doc == nil {
				break
			}
			nodes += nodesIn(doc) - 2 // the document itself, and its one node
		}
		require.LessOrEqual(t, nodes, 2*yamlsize.Marks(data)+2)
	})
}

func nodesIn(n *yaml.Node) int {
	all := 1
	for _, c := range n.Content {
		all += nodesIn(c)
	}
	return all
}
