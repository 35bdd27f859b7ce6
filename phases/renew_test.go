package phases_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

func renewal() phases.RenewOptions { return phases.RenewOptions{Options: at(now)} }

// renewAll is `renew all`: what is not there may be passed over.
func renewAll() phases.RenewOptions { return phases.RenewOptions{Options: at(now), All: true} }

// renew renews some roles, or everything that can be.
func (w *world) renew(o phases.RenewOptions, roles ...string) (phases.Report, error) {
	w.t.Helper()
	if len(roles) == 0 {
		roles = phases.RoleNames(phases.Renewable)
	}
	chosen, err := phases.ChooseRenewal(w.tree, roles)
	require.NoError(w.t, err)
	return phases.RenewRows(context.Background(), w.tree, w.site, chosen, o)
}

// neutral gives the world the tree of nobody in particular, as a run without configuration has it: all is assumed.
func (w *world) neutral(extra pki.SANs) *world {
	w.t.Helper()
	c := cluster()
	c.Nodes[0].Name, c.Name, c.APIServerSANs = "node", "other", extra
	c.KeyAlgorithm = pki.RSA2048
	c.Assumed = allFacts &^ certs.APIServerSANs
	w.tree = treeOf(w.t, c)
	return w
}

const allFacts = certs.ClusterName | certs.ControlPlaneEndpoint | certs.ServiceCIDRs | certs.DNSDomain | certs.NodeName | certs.AdvertiseAddress |
	certs.BindPort | certs.APIServerSANs | certs.EtcdServerSANs | certs.EtcdPeerSANs | certs.LeafValidity | certs.NodeRoles

// same asserts that two certificates say the same but for key, dates and serial number.
func same(t *testing.T, old, now *x509.Certificate) {
	t.Helper()
	assert.Equal(t, old.RawSubject, now.RawSubject, "subject, byte for byte")
	assert.Equal(t, ext(old, "2.5.29.17"), ext(now, "2.5.29.17"), "names, byte for byte")
	assert.Equal(t, old.ExtKeyUsage, now.ExtKeyUsage)
	assert.Equal(t, old.UnknownExtKeyUsage, now.UnknownExtKeyUsage)
	assert.Equal(t, pki.DescribeKey(old.PublicKey), pki.DescribeKey(now.PublicKey))
	assert.NotEqual(t, old.SerialNumber, now.SerialNumber)
	assert.True(t, now.NotAfter.After(old.NotAfter), "%v lives longer than %v", now.NotAfter, old.NotAfter)
}

func ext(c *x509.Certificate, oid string) string {
	for _, e := range c.Extensions {
		if e.Id.String() == oid {
			return string(e.Value)
		}
	}
	return ""
}

// renewables are the rows of a world that can be renewed.
func (w *world) renewables() []certs.Spec {
	var out []certs.Spec
	for s := range w.tree.Rows() {
		if phases.Renewable(*s.Role) {
			out = append(out, s)
		}
	}
	return out
}

func TestRenewAllWithoutConfiguration(t *testing.T) {
	w := complete(t)
	planned := w.tree
	old := map[string]*x509.Certificate{}
	for _, s := range w.renewables() {
		old[s.Name] = w.chain(s)[0]
	}
	w.neutral(pki.SANs{})
	o := renewAll()
	o.Backup = w.dir
	r, err := w.renew(o)
	require.NoError(t, err)
	require.Len(t, r.Rows, len(old))
	assert.Len(t, old, 12)
	for _, row := range r.Rows {
		assert.Equal(t, phases.Renew, row.Verb, row.Name)
		assert.Empty(t, row.Notes, row.Name)
		assert.NotEmpty(t, row.Uptake, row.Name)
		assert.Equal(t, old[row.Name].NotAfter, *row.Before, row.Name)
		assert.Equal(t, now.Add(365*day), *row.NotAfter, row.Name)
		same(t, old[row.Name], w.chain(w.row(row.Name))[0])
		assert.False(t, pki.SameKey(old[row.Name].PublicKey, w.chain(w.row(row.Name))[0].PublicKey), "%s: a new key", row.Name)
	}
	// The host was not asked, and the configuration that made it all is still met.
	w.tree = planned
	w.settled()
	// Everything replaced lies in the backup, for nobody else to read.
	files, err := pristine()
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(w.dir, "pkitool-backup-20261124T120000Z"), r.Backup)
	n := 0
	require.NoError(t, filepath.WalkDir(r.Backup, func(path string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		if d.IsDir() {
			assert.Equal(t, os.FileMode(0o700), info.Mode().Perm(), path)
			return nil
		}
		n++
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), path)
		rel, _ := filepath.Rel(r.Backup, path)
		assert.Equal(t, string(files[rel]), string(w.read(path)), rel)
		return nil
	}))
	assert.Equal(t, 7*2+5, n, "seven pairs and five kubeconfigs")
}

func TestRenewKeepsOddCertificatesWhole(t *testing.T) {
	w := complete(t)
	s := w.row("apiserver")
	uri, err := url.Parse("spiffe://cluster/apiserver")
	require.NoError(t, err)
	old := w.forge(s, func(c *x509.Certificate) {
		c.Subject = pkix.Name{
			CommonName: "kube-apiserver", Organization: []string{"b", "a"}, OrganizationalUnit: []string{"control plane"}, Country: []string{"CH"},
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, Value: "uid"}},
		}
		c.URIs, c.EmailAddresses = []*url.URL{uri}, []string{"ops@example.com"}
		c.DNSNames = append([]string{"z.example.com", "*.b.example.com"}, c.DNSNames...)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageEmailProtection}
		c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 99999, 1}}
	})
	require.NotEqual(t, ext(old, "2.5.29.17"), "")
	root := w.bundle("ca")[0]
	stranger := w.bundle("etcd-ca")[0]
	w.place(s, w.key(s), old, root, stranger)
	w.neutral(pki.SANs{})
	r, err := w.renew(renewal(), "apiserver")
	require.NoError(t, err)
	chain := w.chain(s)
	same(t, old, chain[0])
	require.Len(t, chain, 2, "the root that was behind it stays")
	assert.True(t, chain[1].Equal(root))
	assert.Equal(t, []string{`drops the certificate "CN = etcd-ca", which is not above its CA`}, r.Rows[0].Notes)
}

// Names are kept; those that somebody gave, and those that every such certificate has, are added; defaults are not.
func TestRenewTakesNames(t *testing.T) {
	extra := pki.SANs{DNS: []string{"lb.example.com", "kubernetes"}}
	t.Run("extra names are added to the old ones", func(t *testing.T) {
		w := complete(t)
		s := w.row("apiserver")
		old := w.chain(s)[0]
		w.neutral(extra)
		r, err := w.renew(renewal(), "apiserver", "etcd-server")
		require.NoError(t, err)
		assert.Equal(t, []string{"adds the names DNS:lb.example.com"}, r.Rows[0].Notes)
		assert.Empty(t, r.Rows[1].Notes)
		assert.Equal(t, append(old.DNSNames, "lb.example.com"), w.chain(s)[0].DNSNames)
		assert.Len(t, w.chain(s)[0].IPAddresses, len(old.IPAddresses))
		r, err = w.renew(renewal(), "apiserver")
		require.NoError(t, err)
		assert.Empty(t, r.Rows[0].Notes, "a second time there is nothing to add")
	})
	t.Run("a configuration adds its names and takes none away", func(t *testing.T) {
		w := complete(t)
		s := w.row("apiserver")
		w.forge(s, func(c *x509.Certificate) {
			c.Subject.OrganizationalUnit = []string{"kept"}
			c.DNSNames = []string{"old.example.com"}
		})
		o := renewal()
		o.KeyAlgorithm = pki.ECDSAP384
		r, err := w.renew(o, "apiserver")
		require.NoError(t, err)
		got := w.chain(s)[0]
		assert.ElementsMatch(t, append([]string{"old.example.com"}, s.Asked.DNS...), got.DNSNames)
		assert.Equal(t, []string{"kept"}, got.Subject.OrganizationalUnit)
		assert.Equal(t, "ECDSA-P384", pki.DescribeKey(got.PublicKey))
		require.Len(t, r.Rows[0].Notes, 1)
		assert.Equal(t, "adds the names "+pki.SANs{DNS: s.Asked.DNS}.String(), r.Rows[0].Notes[0])
	})
	t.Run("a configuration of another node renews nothing of this one", func(t *testing.T) {
		w := complete(t)
		c := cluster()
		c.Nodes[0].Name = "cp-2"
		w.tree = treeOf(t, c)
		before := w.snapshot()
		_, err := w.renew(renewal(), "kubelet")
		w.refused(before, err, `kubelet: subject is "O = system:nodes, CN = system:node:cp-1", not "O = system:nodes, CN = system:node:cp-2" (`+w.dir+`/kubelet.conf)`)
	})
	t.Run("names are taken away by a flag only", func(t *testing.T) {
		w := complete(t)
		s := w.row("apiserver")
		w.forge(s, func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "old.example.com") })
		w.neutral(pki.SANs{})
		o := renewal()
		o.DropSANs = pki.SANs{DNS: []string{"old.example.com", "never.example.com"}}
		r, err := w.renew(o, "apiserver")
		require.NoError(t, err)
		assert.Equal(t, []string{"drops the names DNS:old.example.com"}, r.Rows[0].Notes)
		assert.NotContains(t, w.chain(s)[0].DNSNames, "old.example.com")
		// A kubeconfig of the tree goes to this address: its client would be cut off.
		o.DropSANs = pki.SANs{IPs: w.row("apiserver").SANs.IPs}
		before := w.snapshot()
		_, err = w.renew(o, "apiserver")
		w.refused(before, err, "apiserver: would not cover the server that "+w.dir+"/admin.conf leads to: https://192.0.2.10:6443 ("+w.certFile(s)+")")
		_, err = w.renew(o, "etcd-server")
		require.NoError(t, err, "no kubeconfig goes to etcd")
	})
}

func TestRenewMendsUsages(t *testing.T) {
	w := complete(t)
	server, scheduler := w.row("etcd-server"), w.row("scheduler")
	w.forge(server, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	w.forge(scheduler, func(c *x509.Certificate) { c.ExtKeyUsage = nil })
	w.neutral(pki.SANs{})
	r, err := w.renew(renewal(), "etcd-server", "scheduler")
	require.NoError(t, err)
	assert.Equal(t, []string{"adds the usage clientAuth"}, r.Rows[0].Notes)
	assert.Equal(t, server.Kind.ExtKeyUsage(), w.chain(server)[0].ExtKeyUsage)
	assert.Equal(t, scheduler.Kind.ExtKeyUsage(), w.chain(scheduler)[0].ExtKeyUsage, "none at all allowed everything")
}

func TestRenewReusesKeys(t *testing.T) {
	w := complete(t).neutral(pki.SANs{})
	before := map[string][]byte{}
	for _, s := range w.renewables() {
		before[s.Name] = pemOf(t, w.key(s))
	}
	require.NoError(t, os.Chmod(w.keyFile(w.row("apiserver")), 0o644))
	o := renewal()
	o.ReuseKey, o.Backup = true, t.TempDir()
	r, err := w.renew(o)
	require.NoError(t, err)
	for _, s := range w.renewables() {
		assert.Equal(t, before[s.Name], pemOf(t, w.key(s)), s.Name)
		assert.Equal(t, now.Add(365*day), w.chain(s)[0].NotAfter, s.Name)
	}
	assert.Equal(t, []string{w.certFile(w.row("apiserver"))}, r.Rows[0].Written)
	assert.Equal(t, []phases.Mode{{Path: w.keyFile(w.row("apiserver")), From: "0644", To: "0600"}}, r.Rows[0].Tightened)
	assert.FileExists(t, filepath.Join(r.Backup, "pki", "apiserver.key"), "a pair is restored as a pair")
	w.tidy()
}

// What is broken and the row's own is renewed; a CA that was swapped goes into kubeconfigs, bundle and all.
func TestRenewWhatIsBroken(t *testing.T) {
	t.Run("expired, without key", func(t *testing.T) {
		w := complete(t)
		expired, lone := w.row("apiserver"), w.row("etcd-peer")
		w.forge(expired, func(c *x509.Certificate) { c.NotAfter = birth.Add(day) })
		w.remove(w.keyFile(lone))
		planned := w.tree
		r, err := w.neutral(pki.SANs{}).renew(renewal(), "apiserver", "etcd-peer")
		require.NoError(t, err)
		assert.Equal(t, "expired on 2026-06-02T12:00:00Z", r.Rows[0].Reason)
		assert.Equal(t, "was valid until 2027-06-01T12:00:00Z", r.Rows[1].Reason)
		w.tree = planned
		w.settled()
	})
	t.Run("a new CA beside the old one", func(t *testing.T) {
		w := complete(t)
		s := w.row("scheduler")
		key := newKey(t)
		c := template(w.row("ca"))
		c.Subject.CommonName = "kubernetes 2"
		ca := certify(t, c, nil, key, nil)
		both := pki.EncodeCertificates(ca, w.bundle("ca")[0])
		w.write(w.certFile(w.row("ca")), both)
		w.write(w.keyFile(w.row("ca")), pemOf(t, key))
		_, err := w.neutral(pki.SANs{}).renew(renewal(), "scheduler")
		require.NoError(t, err)
		assert.Equal(t, string(both), string(w.entry(s).Cluster.CA), "the whole bundle")
		require.NoError(t, w.chain(s)[0].CheckSignatureFrom(ca))
	})
}

func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func TestRenewKeepsTheRestOfAKubeconfig(t *testing.T) {
	w := complete(t)
	s := w.row("kubelet")
	path := w.certFile(s)
	data := strings.Replace(string(w.read(path)), "kind: Config\n", "kind: Config # mine\nextensions:\n- {name: x, extension: {a: 1}}\n", 1)
	data = strings.Replace(data, "contexts:\n", "contexts:\n- name: spare\n  context: {cluster: kubernetes, user: nobody, namespace: x}\n", 1)
	data = strings.Replace(data, "https://192.0.2.10:6443", "https://lb.example.com:6443", 1)
	w.write(path, []byte(data))
	old := w.entry(s)
	_, err := w.neutral(pki.SANs{}).renew(renewal(), "kubelet")
	require.NoError(t, err)
	got := w.entry(s)
	assert.NotEqual(t, old.User.ClientCert, got.User.ClientCert)
	assert.NotEqual(t, old.User.ClientKey, got.User.ClientKey)
	secret := func(e kubeconfig.Entry, text string) string {
		for _, d := range [][]byte{e.User.ClientCert, e.User.ClientKey} {
			text = strings.Replace(text, b64(d), "...", 1)
		}
		return text
	}
	assert.Equal(t, secret(old, data), secret(got, string(w.read(path))))
}

func TestRenewOfACertificateThatItsOwnerRenews(t *testing.T) {
	plant := func(t *testing.T, end time.Time) (*world, certs.Spec, string) {
		w := complete(t)
		s := w.row("kubelet")
		w.forge(s, func(c *x509.Certificate) { c.NotAfter = end })
		toKubelets(w, s)
		return w.neutral(pki.SANs{}), s, filepath.Join(w.dir, "kubelet-client-current.pem")
	}
	t.Run("all leaves it", func(t *testing.T) {
		w, _, file := plant(t, birth.Add(365*day))
		before := w.snapshot()
		r, err := w.renew(renewAll(), "kubelet")
		require.NoError(t, err)
		assert.Equal(t, phases.Keep, r.Rows[0].Verb)
		assert.Equal(t, "names a certificate that its owner renews: "+file, r.Rows[0].Reason)
		w.unchanged(before)
	})
	for name, o := range map[string]phases.RenewOptions{"its owner let it expire": renewAll(), "it is asked for by name": renewal()} {
		t.Run(name, func(t *testing.T) {
			end := birth.Add(365 * day)
			if o.All {
				end = birth.Add(day)
			}
			w, s, file := plant(t, end)
			before := w.snapshot()
			r, err := w.renew(o, "kubelet")
			require.NoError(t, err)
			assert.Equal(t, []string{"holds its certificate from now on, instead of naming " + file}, r.Rows[0].Notes)
			e := w.entry(s)
			assert.NotEmpty(t, e.User.ClientCert)
			assert.Empty(t, e.User.ClientCertFile)
			assert.Equal(t, before[file], w.snapshot()[file], "the owner's file is the owner's")
		})
	}
}

// TestReissueCoversWhatWasCovered: a certificate of another CA is made anew without its names, and that may cut a
// kubeconfig off that stays: then nothing is done.
func TestReissueCoversWhatWasCovered(t *testing.T) {
	w := complete(t)
	s := w.row("apiserver")
	strange(w, s, "foreign-ca", false)
	old := w.chain(s)[0]
	strangeNames := old.DNSNames
	w.conf(w.row("admin"), func(c *kubeconfig.Single) { c.Server = "https://" + strangeNames[0] + ":6443" })
	w.neutral(pki.SANs{}) // nobody gives the node's name or address
	before := w.snapshot()
	_, err := w.init(reissue(), "apiserver", "admin")
	w.refused(before, err, "apiserver: would not cover the server that "+w.dir+"/admin.conf leads to: https://"+strangeNames[0]+":6443 ("+w.certFile(s)+")")
}
