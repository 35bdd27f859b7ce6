package phases_test

import (
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/audit"
	"github.com/pkitool/pkitool/pki"
)

// worth are the findings above notices.
func (w *world) worth(list []finding.Shown) []string {
	var out []string
	for _, f := range list {
		if f.Severity > finding.Notice {
			out = append(out, w.line(f))
		}
	}
	return out
}

// noFault asserts that an audit has nothing to say of a directory: with its own configuration, and without any.
func (w *world) noFault(allowed ...string) {
	w.t.Helper()
	d := w.audit(audit.Options{})
	assert.ElementsMatch(w.t, allowed, w.worth(d.Findings), "with its configuration")
	assert.Greater(w.t, d.Certificates, 1)
	planned := w.tree
	w.unconfigured()
	assert.ElementsMatch(w.t, allowed, w.worth(w.audit(audit.Options{}).Findings), "without any")
	w.tree = planned
}

// TestAuditOfFoundClusters: directories of others have no error and no warning.
func TestAuditOfFoundClusters(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(foundClusters())) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := foundClusters()[name].build(t)
			before := w.snapshot()
			var ends []string
			if name == "a CA that ends before its leaves" {
				ends = []string{"warning ca-ends-first: front-proxy-ca: CA ends on 2027-05-31T12:00:00Z: a certificate renewed today for 365d would end after it (pki/front-proxy-ca.crt)"}
			}
			w.noFault(ends...)
			w.unchanged(before)
		})
	}
}

// TestAuditOfOurDirectories: what pkitool makes has no error and no warning, whatever it was asked for.
func TestAuditOfOurDirectories(t *testing.T) {
	made := func(change func(*certs.Cluster)) func(t testing.TB) *world {
		return func(t testing.TB) *world {
			c := cluster()
			change(&c)
			w := empty(t)
			w.tree = treeOf(t, c)
			_, err := w.init(at(birth))
			require.NoError(t, err)
			return w
		}
	}
	// joined is a node that has the shared files of another one.
	joined := func(roles certs.Scope, shared ...string) func(t testing.TB) *world {
		return func(t testing.TB) *world {
			files, err := pristine()
			require.NoError(t, err)
			c := cluster()
			c.Nodes[0] = certs.Node{Name: "n-2", AdvertiseAddress: netip.MustParseAddr("192.0.2.11"), BindPort: 6443, Roles: roles}
			c.Joins, c.Endpoint = true, certs.Endpoint{Host: "192.0.2.10", Port: 6443}
			w := empty(t)
			w.tree = treeOf(t, c)
			for _, f := range shared {
				w.write(filepath.Join(w.site.Cert, f), files[filepath.Join("pki", f)])
			}
			_, err = w.init(at(birth))
			require.NoError(t, err)
			return w
		}
	}
	cases := map[string]func(t testing.TB) *world{
		"one node": complete,
		"IPv6": made(func(c *certs.Cluster) {
			c.ServiceCIDRs = []netip.Prefix{netip.MustParsePrefix("fd00:10::/112")}
			c.Nodes[0].AdvertiseAddress = netip.MustParseAddr("2001:db8::10")
		}),
		"dual stack": made(func(c *certs.Cluster) {
			c.ServiceCIDRs = append(c.ServiceCIDRs, netip.MustParsePrefix("fd00:10::/112"))
		}),
		"control-plane endpoint":      made(func(c *certs.Cluster) { c.Endpoint = certs.Endpoint{Host: "lb.example.com", Port: 8443} }),
		"another service range":       made(func(c *certs.Cluster) { c.ServiceCIDRs = []netip.Prefix{netip.MustParsePrefix("172.20.0.0/16")} }),
		"another domain":              made(func(c *certs.Cluster) { c.DNSDomain = "k8s.example.com" }),
		"another cluster name":        made(func(c *certs.Cluster) { c.Name = "prod" }),
		"another port":                made(func(c *certs.Cluster) { c.Nodes[0].BindPort = 8443 }),
		"a node with an address name": made(func(c *certs.Cluster) { c.Nodes[0].Name = "192.0.2.10" }),
		"joined control plane":        joined(certs.JoinedNode, "ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "etcd/ca.crt", "etcd/ca.key", "sa.key", "sa.pub"),
		"worker":                      joined(certs.WorkerNode, "ca.crt", "ca.key"),
		"etcd member":                 joined(certs.EtcdMember, "etcd/ca.crt", "etcd/ca.key"),
		"renewed": func(t testing.TB) *world {
			w := complete(t)
			_, err := w.renew(renewAll())
			require.NoError(t, err)
			return w
		},
		"certificates of mode 0600": func(t testing.TB) *world {
			w := empty(t)
			o := at(birth)
			o.CertMode = 0o600
			_, err := w.init(o)
			require.NoError(t, err)
			return w
		},
		"external CA": func(t testing.TB) *world {
			w := complete(t)
			for s := range w.tree.Rows() {
				if s.Kind == certs.CA {
					w.remove(w.keyFile(s))
				}
			}
			return w
		},
	}
	for _, a := range pki.KeyAlgorithms() {
		cases[string(a)] = func(t testing.TB) *world { // a CA and one row of each kind: large RSA keys take a second each
			w := complete(t)
			for _, name := range []string{"front-proxy-ca", "front-proxy-client", "etcd-peer", "admin", "sa"} {
				w.remove(w.site.Files(w.row(name))...)
			}
			c := cluster()
			c.KeyAlgorithm = a
			w.tree = treeOf(t, c)
			_, err := w.init(at(birth))
			require.NoError(t, err)
			return w
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := cases[name](t)
			if name == "worker" { // its CA's key was needed to sign for it only
				w.remove(w.keyFile(w.row("ca")))
			}
			before := w.snapshot()
			w.noFault()
			w.unchanged(before)
		})
	}
}

// TestAuditOfAFleet: many nodes in one directory have nothing wrong, and a fault of one is told of that one.
func TestAuditOfAFleet(t *testing.T) {
	c := cluster()
	c.Endpoint = certs.Endpoint{Host: "lb.example.com", Port: 6443}
	c.Nodes = nil
	for i := range 6 {
		n := certs.Node{Name: "n-" + strconv.Itoa(i), AdvertiseAddress: netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}), BindPort: 6443, Roles: certs.JoinedNode}
		switch {
		case i == 0:
			n.Roles = certs.FirstNode
		case i > 2:
			n.Roles = certs.WorkerNode
		}
		c.Nodes = append(c.Nodes, n)
	}
	w := empty(t)
	w.tree = treeOf(t, c)
	_, err := w.init(at(birth))
	require.NoError(t, err)
	d := w.audit(audit.Options{})
	assert.Empty(t, w.worth(d.Findings))
	assert.Greater(t, d.Certificates, 30)
	s, ok := w.tree.Row(certs.ID{Role: "kubelet", Instance: "n-4"})
	require.True(t, ok)
	w.remove(w.certFile(s))
	assert.Equal(t, []string{"error certificate-missing: kubelet@n-4: certificate is missing (" + w.below(w.certFile(s)) + ")"}, w.worth(w.audit(audit.Options{}).Findings))
}
