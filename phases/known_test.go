package phases_test

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// unsaid is a cluster of which nobody said anything of the node, on another host than the directory's.
func unsaid() certs.Cluster {
	c := cluster()
	c.APIServerSANs = pki.SANs{}
	c.Nodes[0].Name, c.Nodes[0].AdvertiseAddress = "", netip.Addr{}
	c.Assumed = certs.NodeName | certs.AdvertiseAddress | certs.BindPort | certs.ServiceCIDRs | certs.DNSDomain
	return c
}

// leadTo makes the kubeconfigs of roles lead to a server.
func leadTo(server string, roles ...string) func(*world) {
	return func(w *world) {
		for _, r := range roles {
			w.conf(w.row(r), func(c *kubeconfig.Single) { c.Server = server })
		}
	}
}

func without(roles ...string) func(*world) {
	return func(w *world) {
		for _, r := range roles {
			w.remove(w.site.Files(w.row(r))...)
		}
	}
}

// called gives the members of etcd a common name that no host has.
func called(cn string) func(*world) {
	return func(w *world) {
		for _, m := range members {
			w.forge(w.row(m), func(c *certificate) { c.Subject.CommonName = cn })
		}
	}
}

// members are etcd's certificates with the names of their host, confs all kubeconfigs.
var (
	members = []string{"etcd-server", "etcd-peer"}
	confs   = []string{"admin", "super-admin", "kubelet", "controller-manager", "scheduler"}
)

// TestKnown: what the files say of their node comes before what this host would say of itself, and nothing is guessed.
func TestKnown(t *testing.T) {
	const name, address, port, endpoint, sans = certs.NodeName, certs.AdvertiseAddress, certs.BindPort, certs.ControlPlaneEndpoint, certs.APIServerSANs
	type says map[certs.Facts]string // values and "<" and the file; or "?" and why there is none
	all := says{name: "cp-1 < kubelet.conf", address: "192.0.2.10 < pki/etcd/peer.crt", port: "6443 < admin.conf"}
	but := func(change says) says {
		out := says{}
		for _, m := range []says{all, change} {
			for k, v := range m {
				if out[k] = v; v == "" {
					delete(out, k)
				}
			}
		}
		return out
	}
	const noAddress = "? kubelet.conf is of the node cp-1, this host is vm"
	for _, tt := range []struct {
		name  string
		hosts string // "name address"; "": another host
		do    []func(*world)
		want  says
	}{
		{"nothing there", "", []func(*world){without(members...), without(confs...), without("apiserver")}, says{}},
		{"all there, another host", "", nil, all},
		{"all there, its own host", "CP-1 192.0.2.10", nil, but(says{name: "", address: ""})},
		{"its own host with another default route", "cp-1 198.51.100.9", nil, but(says{name: ""})},
		{"apiserver lost", "", []func(*world){without("apiserver")}, all},
		{"etcd lost", "", []func(*world){without(members...)}, but(says{address: "192.0.2.10 < pki/apiserver.crt"})},
		{"kubeconfigs lost", "", []func(*world){without(confs...)}, but(says{name: "cp-1 < pki/etcd/server.crt", port: ""})},
		{"a kubelet's own certificate that cannot be read", "", []func(*world){func(w *world) {
			text := string(w.read(w.certFile(w.row("kubelet"))))
			text = lineOf(text, "client-certificate-data: ", "client-certificate: /nonexistent/current.pem")
			w.write(w.certFile(w.row("kubelet")), []byte(lineOf(text, "client-key-data: ", "client-key: /nonexistent/current.pem")))
		}}, all},
		{"no certificate of a server, another host", "", []func(*world){without(members...), without("apiserver")}, but(says{
			address: noAddress, port: "", endpoint: "192.0.2.10:6443 < admin.conf"})},
		{"no certificate of a server, its own host", "cp-1 198.51.100.9", []func(*world){without(members...), without("apiserver")},
			says{endpoint: "192.0.2.10:6443 < admin.conf"}},
		{"no certificate of a server, its own address", "vm 192.0.2.10", []func(*world){without(members...), without("apiserver")}, but(says{address: ""})},
		{"no word of the node", "", []func(*world){without(members...), without("apiserver", "kubelet")},
			says{address: "? admin.conf leads to 192.0.2.10, this host has 198.51.100.9", endpoint: "192.0.2.10:6443 < admin.conf"}},
		{"only a load balancer's name", "", []func(*world){without(members...), without("apiserver", "kubelet"), leadTo("https://LB.example.com", "admin", "super-admin", "controller-manager", "scheduler")},
			says{endpoint: "lb.example.com:443 < admin.conf"}},
		{"a load balancer and the node", "", []func(*world){leadTo("https://lb.example.com:6443", "admin", "super-admin")},
			but(says{endpoint: "lb.example.com:6443 < admin.conf", port: "6443 < kubelet.conf"})},
		{"a proxy on each node", "", []func(*world){leadTo("https://127.0.0.1:6444", "kubelet"), leadTo("https://localhost:6444", "scheduler")},
			but(says{sans: "127.0.0.1,localhost < kubelet.conf"})},
		{"several endpoints", "", []func(*world){leadTo("https://a.example.com:6443", "kubelet"), leadTo("https://[2001:DB8::0]:6443", "scheduler")},
			but(says{sans: "a.example.com,2001:db8:: < kubelet.conf"})},
		{"two ports", "", []func(*world){leadTo("https://192.0.2.10:7443", "kubelet")}, but(says{port: ""})},
		{"members with more addresses", "", []func(*world){func(w *world) {
			w.forge(w.row("etcd-server"), func(c *certificate) {
				c.IPAddresses = append([]net.IP{{198, 51, 100, 1}, {198, 51, 100, 2}}, c.IPAddresses...)
			})
			w.forge(w.row("etcd-peer"), func(c *certificate) { c.IPAddresses = append([]net.IP{{198, 51, 100, 2}}, c.IPAddresses...) })
		}}, but(says{address: "192.0.2.10 < pki/etcd/peer.crt"})},
		{"members with several addresses, and no other word", "", []func(*world){without(confs...), without("apiserver"), func(w *world) {
			for _, m := range members {
				w.forge(w.row(m), func(c *certificate) { c.IPAddresses = append(c.IPAddresses, net.IP{198, 51, 100, 2}) })
			}
		}}, says{name: "cp-1 < pki/etcd/server.crt", address: "? pki/etcd/peer.crt has 192.0.2.10, 198.51.100.2"}},
		{"members of two nodes", "", []func(*world){without(confs...), func(w *world) {
			w.forge(w.row("etcd-peer"), func(c *certificate) { c.Subject.CommonName, c.DNSNames = "cp-2", []string{"cp-2", "localhost"} })
		}}, says{name: "? pki/etcd/server.crt is of the node cp-1, pki/etcd/peer.crt of cp-2", address: "192.0.2.10 < pki/etcd/peer.crt"}},
		{"members called etcd", "cp-1 198.51.100.9", []func(*world){without(confs...), called("etcd")}, says{address: "192.0.2.10 < pki/etcd/peer.crt"}},
		{"members called etcd, another host", "vm 192.0.2.10", []func(*world){without(confs...), called("etcd")},
			says{name: "? pki/etcd/peer.crt does not have this host's name, vm"}},
		{"another CA's files", "", []func(*world){func(w *world) {
			other := complete(w.t)
			for _, r := range append(append([]string{"apiserver"}, members...), confs...) {
				for _, f := range w.site.Files(w.row(r)) {
					w.write(f, other.read(filepath.Join(other.dir, strings.TrimPrefix(f, w.dir))))
				}
			}
			for _, ca := range []string{"ca", "etcd-ca"} {
				s := w.row(ca)
				key := newKey(w.t)
				w.place(s, key, certify(w.t, template(s), nil, key, nil))
			}
		}}, says{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := complete(t)
			for _, do := range tt.do {
				do(w)
			}
			host := func() (string, netip.Addr) { return "vm", netip.MustParseAddr("198.51.100.9") }
			if n, a, ok := strings.Cut(tt.hosts, " "); ok {
				host = func() (string, netip.Addr) { return n, netip.MustParseAddr(a) }
			}
			got := says{}
			for fact, f := range judge.Known(treeOf(t, unsaid()), w.site, host, nil) {
				text := "? " + f.Unclear
				if f.Unclear == "" {
					text = strings.Join(f.Values, ",") + " < " + f.Path
				}
				got[fact] = strings.ReplaceAll(text, w.dir+"/", "")
			}
			assert.Equal(t, tt.want, got)
		})
	}
	t.Run("what was told already", func(t *testing.T) {
		w := complete(t)
		told := map[certs.Facts]certs.Found{address: {Values: []string{"203.0.113.1"}, Path: "pod.yaml"}}
		got := judge.Known(treeOf(t, unsaid()), w.site, func() (string, netip.Addr) { return "cp-1", netip.Addr{} }, told)
		assert.Equal(t, told[address], got[address])
		assert.Equal(t, []string{"192.0.2.10:6443"}, got[endpoint].Values, "no kubeconfig leads to the node")
		assert.Len(t, told, 1, "the argument is the caller's")
	})
}

func lineOf(text, from, to string) string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if i := strings.Index(l, from); i >= 0 {
			l = l[:i] + to
		}
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}

// TestNewServerIsCovered: where the old certificate is lost, and the address of the new one is a guess, a kubeconfig of
// the same CA that would not reach it stops the run. What somebody gave is made, and said.
func TestNewServerIsCovered(t *testing.T) {
	elsewhere := unsaid()
	elsewhere.Nodes[0].Name, elsewhere.Nodes[0].AdvertiseAddress = "vm", netip.MustParseAddr("198.51.100.9")
	for _, plant := range []struct {
		name string
		do   func(*world, certs.Spec)
	}{
		{"gone", func(w *world, s certs.Spec) { w.remove(w.site.Files(s)...) }},
		{"without its key", func(w *world, s certs.Spec) { w.remove(w.certFile(s)) }},
		{"garbage", func(w *world, s certs.Spec) { w.write(w.certFile(s), []byte("x")) }},
	} {
		t.Run(plant.name, func(t *testing.T) {
			w := complete(t)
			s := w.row("apiserver")
			plant.do(w, s)
			before := w.snapshot()
			w.tree = treeOf(t, elsewhere)
			_, err := w.init(reissue(), "apiserver")
			w.refused(before, err, "apiserver: would not cover the server that "+w.dir+"/admin.conf leads to: https://192.0.2.10:6443 ("+w.certFile(s)+")")

			given := elsewhere
			given.Assumed &^= certs.AdvertiseAddress
			w.tree = treeOf(t, given)
			r, err := w.init(reissue(), "apiserver")
			require.NoError(t, err)
			assert.Contains(t, r.Rows[0].Notes, "does not cover https://192.0.2.10:6443, to which "+w.dir+"/admin.conf leads")
		})
	}
	t.Run("a name that the client asks for instead", func(t *testing.T) {
		w := complete(t)
		for _, c := range confs {
			w.conf(w.row(c), func(c *kubeconfig.Single) { c.TLSServerName = "kubernetes.default" })
		}
		w.remove(w.site.Files(w.row("apiserver"))...)
		w.tree = treeOf(t, elsewhere)
		r, err := w.init(reissue(), "apiserver")
		require.NoError(t, err)
		assert.Equal(t, []string{"the service address and the DNS domain are kubeadm's defaults: if the cluster has others, give --service-cidr and --service-dns-domain"}, r.Rows[0].Notes)
	})
	t.Run("etcd has no kubeconfigs", func(t *testing.T) {
		w := complete(t)
		w.remove(w.site.Files(w.row("etcd-server"))...)
		w.tree = treeOf(t, elsewhere)
		_, err := w.init(reissue(), "etcd-server")
		require.NoError(t, err)
	})
}
