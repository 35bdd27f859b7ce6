package certs_test

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

const day = 24 * time.Hour

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func ranges(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// plain is a cluster as kubeadm's defaults make it.
func plain() certs.Cluster {
	return certs.Cluster{
		Name: "kubernetes", ServiceCIDRs: ranges("10.96.0.0/12"), DNSDomain: "cluster.local",
		Nodes:        []certs.Node{{Name: "cp-1", AdvertiseAddress: addr("192.0.2.10"), BindPort: 6443}},
		KeyAlgorithm: pki.RSA2048, Validity: 365 * day, CAValidity: 3650 * day,
	}
}

func with(change func(*certs.Cluster)) certs.Cluster {
	c := plain()
	change(&c)
	return c
}

func sans(t *testing.T, names ...string) pki.SANs {
	t.Helper()
	s, err := pki.ParseSANs(names)
	require.NoError(t, err)
	return s
}

// show writes a tree as text: everything that a row says.
func show(tree certs.Tree) string {
	var b strings.Builder
	for s := range tree.Rows() {
		fmt.Fprintf(&b, "%s\n", path.Join(s.Phase(), s.ID.String()))
		line := func(name, value string) {
			if value != "" {
				fmt.Fprintf(&b, "  %-8s %s\n", name, value)
			}
		}
		line("kind", s.Kind.String())
		line("issuer", s.Issuer.String())
		line("node", s.Node)
		if s.Kind != certs.KeyPair && !s.Given {
			line("subject", s.Subject.String())
		}
		line("names", s.SANs.String())
		line("files", strings.Join(s.Place.Files(), " "))
		line("server", s.Place.Server)
		line("cluster", s.Place.Cluster)
		line("key", string(s.KeyAlgorithm))
		if s.Validity > 0 {
			line("valid", s.Validity.String())
		}
		if s.Given {
			line("given", "judged, never written")
		}
		line("used by", strings.Join(s.UsedBy, ", "))
	}
	return b.String()
}

// TestGolden holds the whole table of some clusters to testdata/golden. Set
// UPDATE_GOLDEN to write them anew, and read what changed.
func TestGolden(t *testing.T) {
	clusters := map[string]certs.Cluster{
		"tree_default": plain(),
		"tree_dual_stack": with(func(c *certs.Cluster) {
			c.Name, c.DNSDomain = "prod", "k8s.example"
			c.ServiceCIDRs = ranges("fd00:10:96::/112", "10.96.3.4/16") // any address of a range names it
			c.Endpoint = certs.Endpoint{Host: "lb.example.com", Port: 8443}
			c.APIServerSANs = sans(t, "api.example.com", "*.api.example.com", "198.51.100.20", "cp-1", "192.0.2.10")
			c.EtcdServerSANs, c.EtcdPeerSANs = sans(t, "etcd.example.com"), sans(t, "peer.example.com", "192.0.2.77")
			c.KeyAlgorithm, c.SAKeyAlgorithm, c.Validity, c.CAValidity = pki.ECDSAP256, pki.RSA2048, 90*day, 1825*day
		}),
		"tree_ipv6": with(func(c *certs.Cluster) {
			c.ServiceCIDRs = ranges("fd00::/108")
			c.Endpoint = certs.Endpoint{Host: "2001:db8::1"}
			c.Nodes[0].AdvertiseAddress, c.Nodes[0].BindPort = addr("2001:db8::10"), 7443
			c.KeyAlgorithm = pki.Ed25519
		}),
		"tree_ip_node": with(func(c *certs.Cluster) { c.Nodes[0].Name = "10.1.1.1" }),
		"tree_external_etcd": with(func(c *certs.Cluster) {
			c.ExternalEtcd = &certs.ExternalEtcd{Endpoints: []string{"https://10.0.0.5:2379"}, CAFile: "/etcd/ca.crt", CertFile: "/etcd/client.crt", KeyFile: "/etcd/client.key"}
		}),
		"tree_two_nodes": with(func(c *certs.Cluster) {
			c.Nodes = append(c.Nodes, certs.Node{Name: "cp-2", AdvertiseAddress: addr("192.0.2.11"), BindPort: 6443})
		}),
		"tree_joined": with(func(c *certs.Cluster) { c.Joins, c.Nodes[0].Roles = true, certs.JoinedNode }),
		"tree_worker": with(func(c *certs.Cluster) {
			c.Joins, c.Endpoint = true, certs.Endpoint{Host: "lb.example.com"}
			c.Nodes[0] = certs.Node{Name: "worker-1", BindPort: 6443, Roles: certs.WorkerNode}
		}),
	}
	for name, c := range clusters {
		t.Run(name, func(t *testing.T) {
			tree, err := certs.New(c)
			require.NoError(t, err)
			file := filepath.Join("..", "testdata", "golden", name+".txt")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				require.NoError(t, os.WriteFile(file, []byte(show(tree)), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), show(tree))
			consistent(t, tree)
		})
	}
	files, err := filepath.Glob("../testdata/golden/tree_*.txt")
	require.NoError(t, err)
	assert.Len(t, files, len(clusters), "a golden file without a cluster")
}

// A node of which neither name nor address is known has its rows all the same.
func TestUnknownNode(t *testing.T) {
	tree, err := certs.New(with(func(c *certs.Cluster) { c.Nodes[0] = certs.Node{BindPort: 6443} }))
	require.NoError(t, err)
	assert.Len(t, slices.Collect(tree.Rows()), 16)
	lacks := map[string]certs.Facts{}
	for s := range tree.Rows() {
		if s.Lacks != 0 {
			lacks[s.Name] = s.Lacks
		}
	}
	both := certs.NodeName | certs.AdvertiseAddress
	assert.Equal(t, map[string]certs.Facts{
		"apiserver": both, "etcd-server": both, "etcd-peer": both, "kubelet": both,
		"admin": certs.AdvertiseAddress, "super-admin": certs.AdvertiseAddress, "controller-manager": certs.AdvertiseAddress, "scheduler": certs.AdvertiseAddress,
	}, lacks)
}

// consistent asserts what every tree must be: issuers before what they issue,
// no row, no path and no file twice, a document and a consumer for every row.
func consistent(t *testing.T, tree certs.Tree) {
	t.Helper()
	rows, files := map[certs.ID]certs.Kind{}, map[string]string{}
	for s := range tree.Rows() {
		assert.NotContains(t, rows, s.ID)
		if s.Issuer.Role != "" {
			kind, ok := rows[s.Issuer]
			assert.True(t, ok && kind == certs.CA, "%s comes before its issuer", s.ID)
		}
		assert.Equal(t, s.Issuer.Role == "", s.Kind == certs.CA || s.Kind == certs.KeyPair, s.ID)
		rows[s.ID] = s.Kind
		require.NotEmpty(t, s.Place.Files(), s.ID)
		for _, f := range s.Place.Files() {
			at := fmt.Sprint(s.Place.Root, f)
			assert.NotContains(t, files, at, s.ID)
			files[at] = s.Name
			assert.True(t, s.Given || !path.IsAbs(f), f)
			assert.Equal(t, path.Clean(f), f)
		}
		assert.NotEmpty(t, s.Doc, s.ID)
		assert.NotEmpty(t, s.UsedBy, s.ID)
		assert.Equal(t, s.Place.Kubeconfig != "", s.Place.Server != "", s.ID)
		assert.Equal(t, s.Place.Kubeconfig != "", s.Place.Root == certs.KubeconfigDir, s.ID)
		row, ok := tree.Row(s.ID)
		assert.True(t, ok)
		row.Role, s.Role = nil, nil // functions do not compare
		assert.Equal(t, s, row)
	}
	for s := range tree.Rows() {
		if s.Kind == certs.KeyPair || s.Given {
			continue
		}
		assert.NoError(t, s.Subject.Check())
		assert.Positive(t, s.Validity)
		assert.Equal(t, s.Subject.CommonName, s.User())
		tmpl := s.Template()
		assert.Equal(t, s.Kind == certs.CA, tmpl.CA)
		assert.Equal(t, s.Kind.ExtKeyUsage(), tmpl.ExtKeyUsage)
		assert.Equal(t, pki.Join(s.SANs), s.SANs, "sorted, and nothing twice")
		assert.Empty(t, s.Optional.Minus(s.SANs).Strings())
		assert.Empty(t, s.Asked.Minus(s.SANs).Strings())
	}
}

func TestKinds(t *testing.T) {
	server, client := x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	for _, tt := range []struct {
		kind certs.Kind
		name string
		want []x509.ExtKeyUsage
	}{
		{certs.CA, "ca", nil}, {certs.Serving, "serving", []x509.ExtKeyUsage{server}}, {certs.Client, "client", []x509.ExtKeyUsage{client}},
		{certs.Peer, "peer", []x509.ExtKeyUsage{server, client}}, {certs.KeyPair, "key-pair", nil},
	} {
		assert.Equal(t, tt.name, tt.kind.String())
		assert.Equal(t, tt.want, tt.kind.ExtKeyUsage())
	}
}

// The roles that a caller gets are its own.
func TestTreeIsAValue(t *testing.T) {
	tree := newTree(t, plain())
	certs.Roles()[0].Name = "spoilt"
	assert.Equal(t, "ca", row(t, tree, "ca").Name)
	for range tree.Rows() {
		break // an iterator that is left early
	}
	assert.Equal(t, pki.RSA2048, tree.Cluster().SAKeyAlgorithm, "as kubeadm, the cluster's algorithm")
	ed := newTree(t, with(func(c *certs.Cluster) { c.KeyAlgorithm = pki.Ed25519 }))
	assert.Equal(t, pki.RSA2048, ed.Cluster().SAKeyAlgorithm, "no component signs tokens with Ed25519")
}

// Every fault of a cluster, with its whole sentence, and all of them at once.
func TestNewErrors(t *testing.T) {
	const labels = " is not a DNS name: labels hold lower-case letters, digits and inner hyphens, 1 to 63 characters"
	node := func(change func(*certs.Node)) func(*certs.Cluster) {
		return func(c *certs.Cluster) { change(&c.Nodes[0]) }
	}
	tests := []struct {
		name   string
		change func(*certs.Cluster)
		err    string
	}{
		{"no name", func(c *certs.Cluster) { c.Name = "" }, `cluster name: "" is empty or has a control character`},
		{"control character", func(c *certs.Cluster) { c.Name = "a\nb" }, `cluster name: "a\nb" is empty or has a control character`},
		{"endpoint", func(c *certs.Cluster) { c.Endpoint.Host = "LB" }, `control plane endpoint: "LB"` + labels},
		{"endpoint with a zone", func(c *certs.Cluster) { c.Endpoint.Host = "fe80::1%eth0" }, `control plane endpoint: "fe80::1%eth0"` + labels},
		{"no ranges", func(c *certs.Cluster) { c.ServiceCIDRs = nil }, "service CIDRs: there must be one, or two of different families, not 0"},
		{"three ranges", func(c *certs.Cluster) { c.ServiceCIDRs = ranges("10.0.0.0/16", "fd00::/112", "10.1.0.0/16") }, "service CIDRs: there must be one, or two of different families, not 3"},
		{"same family", func(c *certs.Cluster) { c.ServiceCIDRs = ranges("10.0.0.0/16", "10.1.0.0/16") }, "service CIDRs: 10.0.0.0/16 and 10.1.0.0/16 are of the same family"},
		{"too small", func(c *certs.Cluster) { c.ServiceCIDRs = ranges("10.0.0.0/29") }, "service CIDRs: 10.0.0.0/29 must have 4 to 20 bits for hosts, it has 3"},
		{"too large", func(c *certs.Cluster) { c.ServiceCIDRs = ranges("fd00::/64") }, "service CIDRs: fd00::/64 must have 4 to 20 bits for hosts, it has 64"},
		{"zero range", func(c *certs.Cluster) { c.ServiceCIDRs = make([]netip.Prefix, 1) }, "service CIDRs: a range is not valid"},
		{"no domain", func(c *certs.Cluster) { c.DNSDomain = "" }, `DNS domain: "" is not a DNS name: it must have 1 to 253 characters`},
		{"no algorithm", func(c *certs.Cluster) { c.KeyAlgorithm, c.SAKeyAlgorithm = "", pki.RSA2048 },
			`unknown key algorithm "": must be one of RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384, Ed25519`},
		{"service-account algorithm", func(c *certs.Cluster) { c.SAKeyAlgorithm = pki.Ed25519 }, "service-account key algorithm: no Kubernetes component signs tokens with Ed25519"},
		{"zero validity", func(c *certs.Cluster) { c.Validity = 0 }, "validity: must be longer than zero, for certificates (0s) and for CAs (87600h0m0s)"},
		{"negative CA validity", func(c *certs.Cluster) { c.CAValidity = -time.Hour }, "validity: must be longer than zero, for certificates (8760h0m0s) and for CAs (-1h0m0s)"},
		{"outlives", func(c *certs.Cluster) { c.CAValidity = time.Hour }, "validity: certificates (8760h0m0s) would outlive their CA (1h0m0s)"},
		{"no nodes", func(c *certs.Cluster) { c.Nodes = nil }, "nodes: there must be one at least"},
		{"node name", node(func(n *certs.Node) { n.Name = "CP_1" }), `node name: "CP_1"` + labels},
		{"no name of one node of two", func(c *certs.Cluster) { c.Nodes = append(c.Nodes, certs.Node{BindPort: 6443}) }, `node name: "" is not a DNS name: it must have 1 to 253 characters`},
		{"any address", node(func(n *certs.Node) { n.AdvertiseAddress = addr("::") }), `advertise address of node "cp-1": "::" is not an address of one host`},
		{"multicast", node(func(n *certs.Node) { n.AdvertiseAddress = addr("224.0.0.1") }), `advertise address of node "cp-1": "224.0.0.1" is not an address of one host`},
		{"zone", node(func(n *certs.Node) { n.AdvertiseAddress = addr("fe80::1%eth0") }), `advertise address of node "cp-1": "fe80::1%eth0" is not an address of one host`},
		{"no port", node(func(n *certs.Node) { n.BindPort = 0 }), `bind port of node "cp-1": must be 1 to 65535`},
		{"twice", func(c *certs.Cluster) { c.Nodes = append(c.Nodes, c.Nodes[0]) }, `node name: "cp-1" is another node's too`},
		{"node name", node(func(n *certs.Node) { n.Name = strings.Repeat("a.", 127) }), `node name: "` + strings.Repeat("a.", 127) + `" is not a DNS name: it must have 1 to 253 characters`},
		{"several", func(c *certs.Cluster) { c.Name, c.DNSDomain, c.Nodes[0].BindPort = "", "A", 0 },
			"cluster name: \"\" is empty or has a control character\nDNS domain: \"A\"" + labels + "\nbind port of node \"cp-1\": must be 1 to 65535"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := certs.New(with(tt.change))
			assert.EqualError(t, err, tt.err)
		})
	}
}
