package certs_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

func newTree(t *testing.T, c certs.Cluster) certs.Tree {
	t.Helper()
	tree, err := certs.New(c)
	require.NoError(t, err)
	return tree
}

func row(t *testing.T, tree certs.Tree, role string) certs.Spec {
	t.Helper()
	s, ok := tree.Row(certs.ID{Role: role})
	require.True(t, ok, role)
	return s
}

func namesOf(rows []certs.Spec) []string {
	var out []string
	for _, s := range rows {
		out = append(out, s.ID.String())
	}
	return out
}

// many is a cluster of n control-plane nodes.
func many(n int) certs.Cluster {
	return with(func(c *certs.Cluster) {
		c.Nodes = nil
		for i := range n {
			a := addr("10.0.0.0").As4()
			a[2], a[3] = byte(i>>8), byte(i)
			c.Nodes = append(c.Nodes, certs.Node{Name: fmt.Sprintf("cp-%d", i), AdvertiseAddress: netip.AddrFrom4(a), BindPort: 6443})
		}
	})
}

// A tree of one node is one unit in the table's order; a tree of several is the shared rows, then each node's.
func TestUnits(t *testing.T) {
	var roles []string
	for _, r := range certs.Roles() {
		if !r.Given {
			roles = append(roles, r.Name)
		}
	}
	one := slices.Collect(newTree(t, plain()).Units())
	require.Len(t, one, 1)
	assert.Empty(t, one[0].Node)
	assert.Equal(t, roles, namesOf(one[0].Rows))

	two := slices.Collect(newTree(t, many(2)).Units())
	require.Len(t, two, 3)
	assert.Equal(t, []string{"", "cp-0", "cp-1"}, []string{two[0].Node, two[1].Node, two[2].Node})
	assert.Equal(t, []string{"ca", "front-proxy-ca", "etcd-ca", "sa"}, namesOf(two[0].Rows))
	assert.Equal(t, []string{
		"apiserver@cp-1", "apiserver-kubelet-client@cp-1", "front-proxy-client@cp-1", "etcd-server@cp-1", "etcd-peer@cp-1", "etcd-healthcheck-client@cp-1",
		"apiserver-etcd-client@cp-1", "admin@cp-1", "super-admin@cp-1", "kubelet@cp-1", "controller-manager@cp-1", "scheduler@cp-1",
	}, namesOf(two[2].Rows))
	for _, s := range two[2].Rows {
		assert.Equal(t, "cp-1", s.Node)
		for _, f := range s.Place.Files() {
			assert.True(t, strings.HasPrefix(f, "cp-1/"), f)
		}
	}
	for range newTree(t, many(2)).Units() {
		break // an iterator that is left early
	}
}

// Row is a look-up by role and instance, and knows no other.
func TestRow(t *testing.T) {
	mixed := with(func(c *certs.Cluster) {
		c.Endpoint.Host = "lb.example.com"
		c.Nodes = append(c.Nodes, certs.Node{Name: "w-1", BindPort: 6443, Roles: certs.WorkerNode})
	})
	for _, tt := range []struct {
		name    string
		cluster certs.Cluster
		id      certs.ID
		ok      bool
	}{
		{"of one", plain(), certs.ID{Role: "apiserver"}, true},
		{"of one by its node", plain(), certs.ID{Role: "apiserver", Instance: "cp-1"}, false},
		{"shared", many(2), certs.ID{Role: "ca"}, true},
		{"shared by a node", many(2), certs.ID{Role: "ca", Instance: "cp-0"}, false},
		{"of a node", many(2), certs.ID{Role: "apiserver", Instance: "cp-1"}, true},
		{"of no node", many(2), certs.ID{Role: "apiserver"}, false},
		{"of a node that there is not", many(2), certs.ID{Role: "apiserver", Instance: "cp-9"}, false},
		{"a role that there is not", plain(), certs.ID{Role: "nobody"}, false},
		{"a printed name is no role", many(2), certs.ID{Role: "apiserver@cp-1"}, false},
		{"a role that the cluster lacks", plain(), certs.ID{Role: "external-etcd-ca"}, false},
		{"a worker's kubelet", mixed, certs.ID{Role: "kubelet", Instance: "w-1"}, true},
		{"a worker's API server", mixed, certs.ID{Role: "apiserver", Instance: "w-1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, ok := newTree(t, tt.cluster).Row(tt.id)
			assert.Equal(t, tt.ok, ok)
			if ok {
				assert.Equal(t, tt.id, s.ID)
			}
		})
	}
	assert.Equal(t, "apiserver", certs.ID{Role: "apiserver"}.String())
	assert.Equal(t, "apiserver@cp-1", certs.ID{Role: "apiserver", Instance: "cp-1"}.String())
}

// Which rows a node has, by what it takes part in.
func TestScopes(t *testing.T) {
	etcd := []string{"etcd-server", "etcd-peer", "etcd-healthcheck-client"}
	external := certs.ExternalEtcd{Endpoints: []string{"https://10.0.0.5:2379"}}
	all := namesOf(slices.Collect(newTree(t, plain()).Rows()))
	without := func(names ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(n string) bool { return slices.Contains(names, n) })
	}
	for _, tt := range []struct {
		name   string
		change func(*certs.Cluster)
		want   []string
	}{
		{"first", func(*certs.Cluster) {}, all},
		{"first, said", func(c *certs.Cluster) { c.Nodes[0].Roles = certs.FirstNode }, all},
		{"joined", func(c *certs.Cluster) { c.Nodes[0].Roles = certs.JoinedNode }, without("super-admin")},
		{"without etcd", func(c *certs.Cluster) { c.Nodes[0].Roles = certs.FirstNode &^ certs.EtcdMember }, without(etcd...)},
		{"worker", func(c *certs.Cluster) { c.Nodes[0].Roles = certs.WorkerNode }, []string{"ca", "kubelet"}},
		{"etcd alone", func(c *certs.Cluster) { c.Nodes[0].Roles = certs.EtcdMember }, append([]string{"etcd-ca"}, etcd...)},
		{"external etcd", func(c *certs.Cluster) { c.ExternalEtcd = &external }, without(append(etcd, "etcd-ca", "apiserver-etcd-client")...)},
		{"external etcd, its CA", func(c *certs.Cluster) {
			e := external
			e.CAFile = "/etcd/ca.pem"
			c.ExternalEtcd = &e
		}, slices.Insert(without(append(etcd, "etcd-ca", "apiserver-etcd-client")...), 5, "external-etcd-ca")},
		{"external etcd of a worker", func(c *certs.Cluster) {
			c.ExternalEtcd, c.Nodes[0].Roles = &certs.ExternalEtcd{CAFile: "/ca", CertFile: "/c", KeyFile: "/k"}, certs.WorkerNode
		}, []string{"ca", "kubelet"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree := newTree(t, with(tt.change))
			assert.Equal(t, tt.want, namesOf(slices.Collect(tree.Rows())))
		})
	}
}

// What is demanded of a certificate that is there: what somebody gave. A default or a look at the host only fills an
// empty place, and what kubeadm leaves out is nobody's fault.
func TestAssumed(t *testing.T) {
	full := func(assumed certs.Facts) certs.Cluster {
		return with(func(c *certs.Cluster) {
			c.ServiceCIDRs = ranges("10.96.0.0/16", "fd00::/112")
			c.Endpoint.Host = "lb.example.com"
			c.APIServerSANs = sans(t, "api.example.com")
			c.EtcdServerSANs = sans(t, "etcd.example.com")
			c.Assumed = assumed
		})
	}
	everything := certs.NodeName | certs.AdvertiseAddress | certs.ServiceCIDRs | certs.DNSDomain | certs.ControlPlaneEndpoint | certs.APIServerSANs | certs.EtcdServerSANs
	const fixed = "DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc"
	for _, tt := range []struct {
		name, role      string
		assumed         certs.Facts
		optional, asked string
	}{
		{"all given", "apiserver", 0, "IP:fd00::1",
			"DNS:api.example.com, DNS:cp-1, DNS:kubernetes.default.svc.cluster.local, DNS:lb.example.com, IP:10.96.0.1, IP:fd00::1, IP:192.0.2.10"},
		{"host assumed", "apiserver", certs.NodeName | certs.AdvertiseAddress, "DNS:cp-1, IP:fd00::1, IP:192.0.2.10",
			"DNS:api.example.com, DNS:kubernetes.default.svc.cluster.local, DNS:lb.example.com, IP:10.96.0.1, IP:fd00::1"},
		{"nothing given", "apiserver", everything,
			"DNS:api.example.com, DNS:cp-1, DNS:kubernetes.default.svc.cluster.local, DNS:lb.example.com, IP:10.96.0.1, IP:fd00::1, IP:192.0.2.10", ""},
		{"etcd given", "etcd-server", 0, "", "DNS:cp-1, DNS:etcd.example.com, IP:192.0.2.10"},
		{"etcd assumed", "etcd-server", everything, "DNS:cp-1, DNS:etcd.example.com, IP:192.0.2.10", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := row(t, newTree(t, full(tt.assumed)), tt.role)
			assert.Equal(t, tt.optional, strings.Join(s.Optional.Strings(), ", "))
			assert.Equal(t, tt.asked, strings.Join(s.Asked.Strings(), ", "))
			if tt.role == "apiserver" {
				rest := s.SANs.Minus(pki.Join(s.Optional, s.Asked))
				assert.Equal(t, fixed, strings.Join(rest.Strings(), ", "), "what every such certificate has, whoever asks")
			}
		})
	}
	// A name that is given twice, once by a default, is given.
	s := row(t, newTree(t, with(func(c *certs.Cluster) {
		c.Assumed, c.APIServerSANs = certs.NodeName, sans(t, "cp-1")
	})), "apiserver")
	assert.NotContains(t, s.Optional.Strings(), "DNS:cp-1")
	// An address as a node's name is a name that kubeadm does not give: no address.
	s = row(t, newTree(t, with(func(c *certs.Cluster) { c.Nodes[0].Name = "10.1.1.1" })), "etcd-peer")
	assert.Contains(t, s.Optional.Strings(), "IP:10.1.1.1")
}

// Rows say which facts they cannot be made without.
func TestLacks(t *testing.T) {
	worker := func(c *certs.Cluster) { c.Nodes[0] = certs.Node{Name: "w-1", BindPort: 6443, Roles: certs.WorkerNode} }
	assert.Equal(t, certs.ControlPlaneEndpoint, row(t, newTree(t, with(worker)), "kubelet").Lacks, "never its own address")
	for _, role := range []string{"ca", "sa", "front-proxy-client", "apiserver-kubelet-client"} {
		tree := newTree(t, with(func(c *certs.Cluster) { c.Nodes[0] = certs.Node{BindPort: 6443} }))
		assert.Zero(t, row(t, tree, role).Lacks, role)
	}
	lb := newTree(t, with(func(c *certs.Cluster) { c.Nodes[0], c.Endpoint.Host = certs.Node{Name: "cp-1", BindPort: 6443}, "lb" }))
	assert.Zero(t, row(t, lb, "admin").Lacks, "it goes to the endpoint")
	assert.Equal(t, certs.AdvertiseAddress, row(t, lb, "scheduler").Lacks)
}

// TestMatch holds every subject that kubeadm 1.22 to 1.36 gave, and some that it never did.
func TestMatch(t *testing.T) {
	const masters, admins = "system:masters", "kubeadm:cluster-admins"
	for _, tt := range []struct {
		role, cn string
		groups   []string
		want     certs.Match
	}{
		{"apiserver-kubelet-client", "kube-apiserver-kubelet-client", nil, certs.Same},                // 1.35.5, 1.36.1
		{"apiserver-kubelet-client", "kube-apiserver-kubelet-client", []string{admins}, certs.Older},  // 1.29 to 1.36.0
		{"apiserver-kubelet-client", "kube-apiserver-kubelet-client", []string{masters}, certs.Older}, // before 1.29
		{"apiserver-kubelet-client", "kube-apiserver-kubelet-client", []string{masters, admins}, certs.Other},
		{"apiserver-kubelet-client", "somebody", []string{masters}, certs.Other},
		{"apiserver-etcd-client", "kube-apiserver-etcd-client", nil, certs.Same},
		{"apiserver-etcd-client", "kube-apiserver-etcd-client", []string{masters}, certs.Older},
		{"apiserver-etcd-client", "kube-apiserver-etcd-client", []string{admins}, certs.Other},
		{"etcd-healthcheck-client", "kube-etcd-healthcheck-client", nil, certs.Same},
		{"etcd-healthcheck-client", "kube-etcd-healthcheck-client", []string{masters}, certs.Older},
		{"front-proxy-client", "front-proxy-client", nil, certs.Same},
		{"front-proxy-client", "front-proxy-client", []string{masters}, certs.Other},
		{"admin", "kubernetes-admin", []string{admins}, certs.Same},
		{"admin", "kubernetes-admin", []string{masters}, certs.Older},
		{"admin", "kubernetes-admin", nil, certs.Other},
		{"super-admin", "kubernetes-super-admin", []string{masters}, certs.Same},
		{"super-admin", "kubernetes-super-admin", []string{admins}, certs.Other},
		{"kubelet", "system:node:cp-1", []string{"system:nodes"}, certs.Same},
		{"kubelet", "system:node:cp-2", []string{"system:nodes"}, certs.Other},
		{"etcd-server", "cp-2", nil, certs.Other},
	} {
		got := pki.Subject{CommonName: tt.cn, Organization: tt.groups}
		assert.Equal(t, tt.want, row(t, newTree(t, plain()), tt.role).Match(got), "%s: %s", tt.role, got)
	}
	// Where nobody gave the node's name, any node's is right, and nothing else.
	assumed := newTree(t, with(func(c *certs.Cluster) { c.Assumed = certs.NodeName }))
	for _, tt := range []struct {
		role, cn string
		groups   []string
		want     certs.Match
	}{
		{"kubelet", "system:node:cp-2", []string{"system:nodes"}, certs.Same},
		{"kubelet", "system:node:", []string{"system:nodes"}, certs.Other},
		{"kubelet", "cp-2", []string{"system:nodes"}, certs.Other},
		{"kubelet", "system:node:CP-2", []string{"system:nodes"}, certs.Other}, // no node has such a name
		{"kubelet", "system:node:cp-2", []string{masters}, certs.Other},
		{"etcd-peer", "cp-2", nil, certs.Same},
		{"etcd-peer", "system:node:cp-2", nil, certs.Other},
		{"apiserver", "cp-2", nil, certs.Other},
	} {
		got := pki.Subject{CommonName: tt.cn, Organization: tt.groups}
		assert.Equal(t, tt.want, row(t, assumed, tt.role).Match(got), "%s: %s", tt.role, got)
	}
}

// A kubeconfig may lead where any version of kubeadm let it lead, and anywhere if nobody gave where.
func TestMayServe(t *testing.T) {
	lb := func(assumed certs.Facts) certs.Cluster {
		return with(func(c *certs.Cluster) { c.Endpoint, c.Assumed = certs.Endpoint{Host: "lb.example.com"}, assumed })
	}
	const cluster, local = "https://lb.example.com:6443", "https://192.0.2.10:6443"
	for _, tt := range []struct {
		name         string
		c            certs.Cluster
		role, server string
		want         bool
	}{
		{"its own", lb(0), "admin", cluster, true},
		{"the node's", lb(0), "admin", local, false},
		{"a component's own", lb(0), "scheduler", local, true},
		{"a component's before 1.36", lb(0), "scheduler", cluster, true},
		{"a kubelet's before 1.36", lb(0), "kubelet", cluster, true},
		{"another", lb(0), "scheduler", "https://192.0.2.11:6443", false},
		{"another port", lb(0), "admin", "https://lb.example.com:7443", false},
		{"a port that nobody gave", lb(certs.BindPort), "admin", "https://LB.example.com:7443", true},
		{"another host on such a port", lb(certs.BindPort), "admin", "https://other.example.com:6443", false},
		{"another scheme", lb(certs.BindPort), "admin", "http://lb.example.com:6443", false},
		{"no URL", lb(certs.BindPort), "admin", "https://%zz", false},
		{"an endpoint's port is given", with(func(c *certs.Cluster) {
			c.Endpoint, c.Assumed = certs.Endpoint{Host: "lb.example.com", Port: 443}, certs.BindPort
		}), "admin", "https://lb.example.com:6443", false},
		{"an address that nobody gave", with(func(c *certs.Cluster) { c.Assumed = certs.AdvertiseAddress }), "admin", "https://10.9.9.9:1", true},
		{"a worker's", with(func(c *certs.Cluster) {
			c.Endpoint.Host, c.Nodes[0].Roles = "lb.example.com", certs.WorkerNode
		}), "kubelet", local, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, row(t, newTree(t, tt.c), tt.role).MayServe(tt.server))
		})
	}
}

// Only a name that a node forces may be longer than RFC 5280 allows, and up to what Kubernetes lets a node have.
func TestLongName(t *testing.T) {
	label := strings.Repeat("a", 61)
	name := strings.Join([]string{label, label, label, label}, ".")
	require.Len(t, name, 247)
	tree := newTree(t, with(func(c *certs.Cluster) { c.Nodes[0].Name = name }))
	var long []string
	for s := range tree.Rows() {
		assert.True(t, s.Kind == certs.KeyPair || s.Subject.Check() == nil, s.ID)
		assert.Equal(t, s.LongName(), s.Subject.Long, s.ID)
		if s.LongName() {
			long = append(long, s.Name)
		}
	}
	assert.Equal(t, []string{"etcd-server", "etcd-peer", "kubelet"}, long)
}

func TestReserved(t *testing.T) {
	const bypass = "group system:masters bypasses RBAC and cannot be revoked"
	for _, tt := range []struct {
		cn   string
		orgs []string
		want string
	}{
		{"alice", nil, ""},
		{"alice", []string{"dev", "kubeadm:cluster-admins"}, ""},
		{"alice", []string{"system:masters"}, bypass},
		{"system:admin", []string{"dev", "system:masters"}, bypass},
		{"alice", []string{"system:nodes"}, "groups that begin with system: are Kubernetes' own: system:nodes"},
		{"system:node:a", nil, "names that begin with system: are Kubernetes' own: system:node:a"},
	} {
		assert.Equal(t, tt.want, certs.Reserved(pki.Subject{CommonName: tt.cn, Organization: tt.orgs}))
	}
}

// A tree of 4,000 nodes has its rows made once each: work grows in line with the nodes.
func TestGrowth(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: makes 48,000 rows")
	}
	for _, n := range []int{2, 4000} {
		tree := newTree(t, many(n))
		rows := 0
		for range tree.Rows() {
			rows++
		}
		assert.Equal(t, 4+12*n, rows)
	}
	// What a row costs does not depend on how many there are.
	cost := func(n int) float64 {
		tree := newTree(t, many(n))
		id := certs.ID{Role: "apiserver", Instance: fmt.Sprintf("cp-%d", n-1)}
		return testing.AllocsPerRun(1, func() { _, _ = tree.Row(id) })
	}
	assert.InDelta(t, cost(2), cost(4000), 8)
	all := func(n int) float64 {
		tree := newTree(t, many(n))
		return testing.AllocsPerRun(1, func() {
			for range tree.Rows() {
			}
		}) / float64(n)
	}
	assert.InEpsilon(t, all(50), all(800), 0.2, "allocations a node")
}
