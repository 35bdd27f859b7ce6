package phases_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// maker is how a version of kubeadm made a cluster's PKI: what differs between them.
type maker struct {
	groups     map[string][]string // of the rows whose groups changed
	superAdmin bool
	endpoint   bool // every kubeconfig goes to the cluster's endpoint, those of the components too
	keyID      bool // CAs have a key identifier, and their own name as a DNS name
}

var (
	masters = []string{"system:masters"}
	admins  = []string{"kubeadm:cluster-admins"}

	before129 = map[string][]string{"apiserver-kubelet-client": masters, "apiserver-etcd-client": masters, "etcd-healthcheck-client": masters, "admin": masters}
	since129  = map[string][]string{"apiserver-kubelet-client": admins, "admin": admins, "super-admin": masters}
	since136  = map[string][]string{"admin": admins, "super-admin": masters}
)

var makers = map[string]maker{
	"1.19": {groups: before129, endpoint: true}, // built with Go before 1.15: its CAs last ten years
	"1.22": {groups: before129, endpoint: true, keyID: true},
	"1.28": {groups: before129, endpoint: true, keyID: true},
	"1.29": {groups: since129, superAdmin: true, endpoint: true, keyID: true},
	"1.35": {groups: since129, superAdmin: true, endpoint: true, keyID: true},
	"1.36": {groups: since136, superAdmin: true, keyID: true},
}

// theirs is the configuration that such a cluster has: a control-plane endpoint, a name, everything given.
func theirs() certs.Cluster {
	c := cluster()
	c.Endpoint = certs.Endpoint{Host: "lb.example.com", Port: 6443}
	return c
}

// subject is the subject of a row as kubeadm wrote it.
func (m maker) subject(s certs.Spec) pkix.Name {
	groups, ok := m.groups[s.Name]
	if !ok && s.Name == "kubelet" {
		groups = s.Groups
	}
	return pkix.Name{CommonName: s.Subject.CommonName, Organization: groups}
}

// build makes the files of a tree as kubeadm would have, with the standard library.
func (m maker) build(t testing.TB, c certs.Cluster) *world {
	t.Helper()
	w := empty(t)
	w.tree = treeOf(t, c)
	cas, keys := map[string]*x509.Certificate{}, map[string]crypto.Signer{}
	for s := range w.tree.Rows() {
		key, x := newKey(t), template(s)
		x.KeyUsage |= x509.KeyUsageKeyEncipherment
		switch {
		case s.Given:
		case s.Kind == certs.KeyPair:
			w.write(w.keyFile(s), pemOf(t, key))
			w.write(w.certFile(s), pubOf(t, key))
		case s.Kind == certs.CA:
			ca := withoutKeyID(t, x, key)
			if m.keyID {
				x.DNSNames = []string{s.Subject.CommonName}
				ca = certify(t, x, nil, key, nil)
			}
			w.place(s, key, ca)
			cas[s.Name], keys[s.Name] = ca, key
		case s.Name == "super-admin" && !m.superAdmin:
		default:
			x.Subject = m.subject(s)
			cert := certify(t, x, cas[s.Issuer.Role], key, keys[s.Issuer.Role])
			if isPair(s) {
				w.place(s, key, cert)
				continue
			}
			server := s.Place.Server
			if m.endpoint {
				server = "https://lb.example.com:6443"
			}
			conf, err := kubeconfig.Single{Cluster: "kubernetes", Server: server, CA: pki.EncodeCertificates(cas["ca"]), User: s.Subject.CommonName,
				ClientCert: pki.EncodeCertificates(cert), ClientKey: pemOf(t, key)}.Render()
			require.NoError(t, err)
			w.write(w.certFile(s), conf)
			if s.Name == "kubelet" {
				toKubelets(w, s)
			}
		}
	}
	return w
}

// found is a cluster that others made, and what its owner expects.
type found struct {
	build   func(t *testing.T) *world
	created []string // what init makes
	left    []string // what `renew all` leaves
	// warned are the ids of findings that are worth saying, by row: warnings and above.
	warned []string
	// cut are the rows that are renewed for a shorter time, since their CA ends.
	cut []string
}

func foundClusters() map[string]found {
	out := map[string]found{}
	for version, m := range makers {
		f := found{build: func(t *testing.T) *world { return m.build(t, theirs()) }, left: []string{"kubelet"}}
		if !m.superAdmin {
			f.created, f.left = []string{"super-admin"}, []string{"super-admin", "kubelet"}
		}
		out["kubeadm "+version] = f
	}
	joined := theirs()
	joined.Joins, joined.Nodes[0].Roles = true, certs.JoinedNode
	out["a joined control-plane node"] = found{build: func(t *testing.T) *world { return makers["1.35"].build(t, joined) }, left: []string{"super-admin", "kubelet"}}
	worker := theirs()
	worker.Joins, worker.Nodes[0].Roles = true, certs.WorkerNode
	out["a worker"] = found{left: everything, build: func(t *testing.T) *world {
		w := makers["1.35"].build(t, worker)
		w.remove(w.keyFile(w.row("ca")))
		return w
	}}
	out["etcd elsewhere, of kubespray"] = found{build: kubespray, left: []string{"kubelet", "etcd-server", "etcd-peer", "etcd-healthcheck-client", "apiserver-etcd-client"}}
	out["the hard way"] = found{left: []string{"kubelet"}, build: func(t *testing.T) *world {
		w := makers["1.36"].build(t, theirs())
		sa := w.row("sa")
		x := template(w.row("scheduler"))
		x.Subject = pkix.Name{CommonName: "service-accounts", Organization: []string{"Kubernetes"}, Country: []string{"US"}}
		w.write(w.certFile(sa), pki.EncodeCertificates(certify(t, x, w.bundle("ca")[0], w.key(sa), w.key(w.row("ca")))))
		return w
	}}
	out["a CA that ends before its leaves"] = found{left: []string{"kubelet"}, cut: []string{"front-proxy-client"}, build: func(t *testing.T) *world {
		w := makers["1.36"].build(t, theirs())
		resign(func(c *x509.Certificate) { c.NotAfter = birth.Add(364 * day) })(w, w.row("front-proxy-ca"))
		return w
	}}
	return out
}

var everything = phases.RoleNames(phases.Renewable)

// kubespray is a kubeadm cluster whose pki is a link to ssl, and whose etcd is elsewhere, with kubespray's names: CA and
// certificates are valid for the same number of days, so all of them end after their CA.
func kubespray(t *testing.T) *world {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	c := theirs()
	c.ExternalEtcd = &certs.ExternalEtcd{Endpoints: []string{"https://192.0.2.10:2379"}, CAFile: path("ca.pem"), CertFile: path("node-cp-1.pem"), KeyFile: path("node-cp-1-key.pem")}
	w := makers["1.35"].build(t, c)
	require.NoError(t, os.Rename(w.site.Cert, filepath.Join(w.dir, "ssl")))
	require.NoError(t, os.Symlink("ssl", w.site.Cert))
	x, caKey, key := template(w.row("ca")), newKey(t), newKey(t)
	x.Subject.CommonName = "etcd-ca"
	ca := certify(t, x, nil, caKey, nil)
	leaf := template(w.row("apiserver"))
	leaf.Subject.CommonName, leaf.NotAfter = "etcd-node-cp-1", ca.NotAfter.Add(day) // a node that came a day later
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	w.write(path("ca.pem"), pki.EncodeCertificates(ca))
	w.write(path("node-cp-1.pem"), pki.EncodeCertificates(certify(t, leaf, ca, key, caKey)))
	w.write(path("node-cp-1-key.pem"), pemOf(t, key))
	return w
}

// TestFoundInit: init keeps all that is there, bytes, modes and times, and makes only what is not.
func TestFoundInit(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(foundClusters())) {
		f := foundClusters()[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, o := range []phases.Options{at(now), reissue()} {
				w := f.build(t)
				before := w.snapshot()
				r, err := w.init(o)
				require.NoError(t, err)
				var made, warned, fresh []string
				for _, row := range r.Rows {
					if row.Verb == phases.Create {
						made = append(made, row.Name)
						fresh = append(fresh, row.Files...)
					} else {
						assert.Equal(t, phases.Keep, row.Verb, row.Name)
					}
					for _, x := range row.Findings {
						if x.Severity > finding.Notice {
							warned = append(warned, row.Name+": "+string(x.ID))
						}
					}
				}
				assert.Equal(t, f.created, made)
				assert.Equal(t, f.warned, warned)
				w.unchanged(before, fresh...)
			}
		})
	}
}

// TestFoundRenew: `renew all` without a configuration makes every leaf anew, with subject, groups, names, usages and
// servers as they were, and leaves what its owner renews. A file of three lines changes nothing about that.
func TestFoundRenew(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(foundClusters())) {
		f := foundClusters()[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := f.build(t)
			planned := w.tree
			old, servers := map[string]*x509.Certificate{}, map[string]string{}
			for _, s := range w.renewables() {
				if _, err := os.Stat(w.certFile(s)); err == nil && !slices.Contains(f.left, s.Name) {
					old[s.Name] = w.chain(s)[0]
					if isConf(s) {
						servers[s.Name] = w.entry(s).Cluster.Server
					}
				}
			}
			before := w.snapshot()
			w.neutral(pki.SANs{})
			r, err := w.renew(renewAll())
			require.NoError(t, err)
			var left, written []string
			for _, row := range r.Rows {
				written = append(written, row.Written...)
				if row.Verb != phases.Renew {
					left = append(left, row.Name)
					continue
				}
				s := w.row(row.Name)
				if slices.Contains(f.cut, row.Name) {
					assert.Equal(t, []string{"ends with its CA, on " + w.bundle(s.Issuer.Role)[0].NotAfter.Format(time.RFC3339)}, row.Notes)
					delete(old, row.Name)
					continue
				}
				assert.Empty(t, row.Notes, row.Name)
				same(t, old[row.Name], w.chain(s)[0])
				if isConf(s) {
					assert.Equal(t, servers[row.Name], w.entry(s).Cluster.Server)
				}
				delete(old, row.Name)
			}
			assert.ElementsMatch(t, f.left, left)
			assert.Empty(t, old, "not renewed")
			for i, path := range written { // behind a link, too
				if real, err := filepath.EvalSymlinks(path); err == nil {
					written[i] = real
				}
			}
			w.unchanged(before, written...)
			// The configuration of the cluster is still met.
			w.tree = planned
			r, err = w.init(at(now))
			require.NoError(t, err)
			for _, row := range r.Rows {
				assert.True(t, row.Verb == phases.Keep || slices.Contains(f.created, row.Name), row.Name)
			}
		})
	}
}

// TestFoundExpiry: nothing is amiss, with the node's configuration and without.
func TestFoundExpiry(t *testing.T) {
	for name, f := range foundClusters() {
		t.Run(name, func(t *testing.T) {
			w := f.build(t)
			assert.Empty(t, w.findings(w.expiry(phases.ExpiryOptions{Now: now})))
			before := w.snapshot()
			w.neutral(pki.SANs{})
			assert.Empty(t, w.findings(w.expiry(phases.ExpiryOptions{Now: now})))
			w.unchanged(before)
			// What has really ended is still found.
			kubelet := w.row("kubelet")
			w.forgeBy(kubelet, expiredCert)
			assert.Equal(t, []string{"kubelet.conf: certificate has expired on 2026-11-24T11:59:59Z (kubelet.conf)"}, w.findings(w.expiry(phases.ExpiryOptions{Now: now})))
		})
	}
}

// forgeBy puts a certificate of any CA into a kubeconfig: who signed it is no business of its end.
func (w *world) forgeBy(s certs.Spec, change func(*x509.Certificate)) {
	w.t.Helper()
	c, key := template(s), newKey(w.t)
	change(c)
	cert := pki.EncodeCertificates(certify(w.t, c, nil, key, nil))
	w.conf(s, func(k *kubeconfig.Single) {
		k.ClientCertFile, k.ClientKeyFile, k.ClientCert, k.ClientKey = "", "", cert, pemOf(w.t, key)
	})
}

// A file that says next to nothing changes next to nothing: only its validity has effect.
func TestRenewWithAConfigurationOfThreeLines(t *testing.T) {
	w := makers["1.28"].build(t, theirs())
	old := map[string]*x509.Certificate{}
	for _, name := range []string{"apiserver", "etcd-server", "admin"} {
		old[name] = w.chain(w.row(name))[0]
	}
	c := cluster()
	c.Nodes[0].Name, c.Nodes[0].AdvertiseAddress, c.APIServerSANs = "this-host", netip.MustParseAddr("198.51.100.7"), pki.SANs{}
	c.Assumed = allFacts &^ certs.LeafValidity
	c.Validity = 5 * 365 * day
	w.tree = treeOf(t, c)
	r, err := w.renew(renewal(), "apiserver", "etcd-server", "admin")
	require.NoError(t, err)
	for _, row := range r.Rows {
		assert.Empty(t, row.Notes, row.Name)
		same(t, old[row.Name], w.chain(w.row(row.Name))[0])
		assert.Equal(t, now.Add(5*365*day), *row.NotAfter, row.Name)
	}
	assert.Equal(t, "https://lb.example.com:6443", w.entry(w.row("admin")).Cluster.Server)
	assert.True(t, strings.HasPrefix(rowOf(t, r, "apiserver").SANs[0], "DNS:"))
}
