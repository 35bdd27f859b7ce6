package phases_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// fleet is a cluster of n control-plane nodes.
func fleet(t testing.TB, n int) certs.Tree {
	t.Helper()
	c := cluster()
	c.Nodes = nil
	addr := netip.MustParseAddr("10.0.0.1")
	for i := range n {
		c.Nodes = append(c.Nodes, certs.Node{Name: fmt.Sprintf("cp-%d", i), AdvertiseAddress: addr, BindPort: 6443})
		addr = addr.Next()
	}
	return treeOf(t, c)
}

// plans judges a fleet in an empty directory and decides by every policy, with and without a selection.
func plans(t testing.TB, tree certs.Tree, site judge.Site) {
	t.Helper()
	chosen, err := phases.Choose(tree, []string{"certs", "kubeconfig/admin"}, nil)
	require.NoError(t, err)
	j := judge.Judge(tree, judge.Take(tree, site, chosen), chosen, now)
	nodes := len(tree.Cluster().Nodes)
	require.Len(t, phases.DecideInit(j, chosen, at(now)).Actions, 4+nodes*8)
	o := renewAll()
	o.DropSANs = pki.SANs{DNS: []string{"old.example.com"}}
	phases.DecideRenewal(j, chosen, o)
	phases.DecideRequests(j, chosen, at(now))
}

// TestGrowth: work grows in line with the nodes. Allocations are counted, which no slow machine changes: eight times the
// nodes may take hardly more than eight times as many, where a look-up by search would take sixty-four times as many.
func TestGrowth(t *testing.T) {
	site := siteIn(t.TempDir())
	count := func(n int) float64 {
		tree := fleet(t, n)
		return testing.AllocsPerRun(1, func() { plans(t, tree, site) })
	}
	few, many := count(25), count(200)
	assert.Less(t, many/few, 8.8, "%.0f allocations for 25 nodes, %.0f for 200", few, many)
}

// BenchmarkPlan plans 500 and 4,000 nodes: ns/node has to be the same for both.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{500, 4000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			site, tree := siteIn(b.TempDir()), fleet(b, n)
			for b.Loop() {
				plans(b, tree, site)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/node")
		})
	}
}
