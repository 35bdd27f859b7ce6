package phases_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
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

func renewal() phases.RenewOptions { return phases.RenewOptions{Now: now, CertMode: 0o644} }

func (w *world) renew(o phases.RenewOptions, names ...string) (phases.Report, error) {
	w.t.Helper()
	return phases.RenewRows(context.Background(), w.tree, w.dirs, names, o)
}

// all are the names of everything that can be renewed.
func (w *world) all() []string {
	var out []string
	for _, s := range phases.Renewable(w.tree) {
		out = append(out, s.Name)
	}
	return out
}

// neutral gives the world the tree of nobody in particular, as a run without configuration has it.
func (w *world) neutral(extra pki.SANs) *world {
	w.t.Helper()
	c := cluster()
	c.Nodes[0].Name, c.Name, c.APIServerSANs, c.EtcdServerSANs = "node", "other", extra, pki.SANs{}
	c.KeyAlgorithm = pki.RSA2048
	w.tree = treeOf(w.t, c)
	return w
}

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

func TestRenewAllWithoutConfiguration(t *testing.T) {
	w := complete(t)
	planned := w.tree
	old := map[string]*x509.Certificate{}
	for _, s := range phases.Renewable(w.tree) {
		old[s.Name] = w.chain(s)[0]
	}
	w.neutral(pki.SANs{})
	o := renewal()
	o.All, o.Backup = true, w.dir
	r, err := w.renew(o, w.all()...)
	require.NoError(t, err)
	require.Len(t, r.Rows, len(old))
	assert.Len(t, old, 12)
	for _, row := range r.Rows {
		assert.Equal(t, phases.Renew, row.Verb, row.Name)
		assert.Empty(t, row.Notes, row.Name)
		assert.NotEmpty(t, row.Uptake, row.Name)
		assert.Equal(t, old[row.Name].NotAfter, *row.Before, row.Name)
		assert.Equal(t, now.Add(365*day), *row.NotAfter, row.Name)
		s, _ := w.tree.Row(row.Name)
		same(t, old[row.Name], w.chain(s)[0])
		assert.False(t, pki.SameKey(old[row.Name].PublicKey, w.chain(s)[0].PublicKey), "%s: a new key", row.Name)
	}
	// The host was not asked, and the configuration that made it all is still met.
	w.tree = planned
	w.settled(nil)
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
		c.DNSNames = []string{"z.example.com", "a.example.com", "*.b.example.com"}
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
	require.Len(t, chain, 2, "the root that stood behind it stays")
	assert.True(t, chain[1].Equal(root))
	assert.Equal(t, []string{`drops the certificate "CN = etcd-ca", which is not above its CA`}, r.Rows[0].Notes)
}

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
		assert.Equal(t, len(old.IPAddresses), len(w.chain(s)[0].IPAddresses))
		r, err = w.renew(renewal(), "apiserver")
		require.NoError(t, err)
		assert.Empty(t, r.Rows[0].Notes, "a second time there is nothing to add")
	})
	t.Run("a configuration says them all, but for what it cannot say", func(t *testing.T) {
		w := complete(t)
		s := w.row("apiserver")
		uri, err := url.Parse("spiffe://cluster/apiserver")
		require.NoError(t, err)
		w.forge(s, func(c *x509.Certificate) {
			c.Subject.OrganizationalUnit = []string{"kept"}
			c.DNSNames, c.URIs = []string{"gone.example.com"}, []*url.URL{uri}
		})
		o := renewal()
		o.Configured, o.KeyAlgorithm = true, pki.ECDSAP384
		r, err := w.renew(o, "apiserver")
		require.NoError(t, err)
		got := w.chain(s)[0]
		assert.Equal(t, s.SANs.DNS, got.DNSNames)
		assert.Equal(t, []string{"spiffe://cluster/apiserver"}, pki.SANsOf(got).URIs)
		assert.Equal(t, []string{"kept"}, got.Subject.OrganizationalUnit)
		assert.Equal(t, "ECDSA-P384", pki.DescribeKey(got.PublicKey))
		require.Len(t, r.Rows[0].Notes, 2)
		assert.Equal(t, "drops the names DNS:gone.example.com", r.Rows[0].Notes[1])
		assert.Contains(t, r.Rows[0].Notes[0], "adds the names DNS:api.example.com, ")
	})
	t.Run("a configuration of another node changes the subject, and says so", func(t *testing.T) {
		w := complete(t)
		c := cluster()
		c.Nodes[0].Name = "cp-2"
		w.tree = treeOf(t, c)
		o := renewal()
		o.Configured, o.KeyAlgorithm = true, pki.ECDSAP256
		r, err := w.renew(o, "kubelet")
		require.NoError(t, err)
		assert.Equal(t, []string{`subject was "O = system:nodes, CN = system:node:cp-1", is "O = system:nodes, CN = system:node:cp-2" now`}, r.Rows[0].Notes)
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
	for _, s := range phases.Renewable(w.tree) {
		before[s.Name] = pemOf(t, w.key(s))
	}
	require.NoError(t, os.Chmod(w.keyFile(w.row("apiserver")), 0o644))
	o := renewal()
	o.ReuseKey = true
	r, err := w.renew(o, w.all()...)
	require.NoError(t, err)
	for _, s := range phases.Renewable(w.tree) {
		assert.Equal(t, before[s.Name], pemOf(t, w.key(s)), s.Name)
		assert.Equal(t, now.Add(365*day), w.chain(s)[0].NotAfter, s.Name)
	}
	assert.Equal(t, []string{w.certFile(w.row("apiserver"))}, r.Rows[0].Written)
	assert.Equal(t, []phases.Mode{{Path: w.keyFile(w.row("apiserver")), From: "0644", To: "0600"}}, r.Rows[0].Tightened)
	w.tidy()
}

func TestRenewWhatIsBroken(t *testing.T) {
	t.Run("expired, of another CA, without key", func(t *testing.T) {
		w := complete(t)
		expired, foreign, lone := w.row("apiserver"), w.row("front-proxy-client"), w.row("etcd-peer")
		w.forge(expired, func(c *x509.Certificate) { c.NotAfter = birth.Add(day) })
		key := newKey(t)
		ca := certify(t, template(w.row("ca")), nil, key, nil)
		leaf := newKey(t)
		w.place(foreign, leaf, certify(t, template(foreign), ca, leaf, key))
		w.remove(w.keyFile(lone))
		names := []string{"apiserver", "front-proxy-client", "etcd-peer"}
		planned := w.tree
		r, err := w.neutral(pki.SANs{}).renew(renewal(), names...)
		require.NoError(t, err)
		assert.Equal(t, "expired on 2026-06-02T12:00:00Z", r.Rows[0].Reason)
		assert.Equal(t, "was valid until 2027-06-01T12:00:00Z", r.Rows[1].Reason)
		w.tree = planned
		w.settled(nil)
	})
	t.Run("kubeconfigs of a CA that was swapped, bundles and all", func(t *testing.T) {
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

func TestRenewKeepsTheRestOfAKubeconfig(t *testing.T) {
	w := complete(t)
	s := w.row("kubelet")
	path := w.certFile(s)
	data := strings.Replace(string(w.read(path)), "kind: Config\n", "kind: Config # mine\nextensions:\n- {name: x, extension: {a: 1}}\n", 1)
	data = strings.Replace(data, "contexts:\n", "contexts:\n- name: spare\n  context: {cluster: kubernetes, user: nobody, namespace: x}\n", 1)
	require.Contains(t, data, "spare")
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
		old := w.forge(s, func(c *x509.Certificate) { c.NotAfter = end })
		file := filepath.Join(w.dir, "kubelet-client-current.pem")
		w.write(file, append(pki.EncodeCertificates(old), pemOf(t, w.key(s))...))
		w.conf(s, func(c *kubeconfig.Single) {
			c.ClientCert, c.ClientKey, c.ClientCertFile, c.ClientKeyFile = nil, nil, "kubelet-client-current.pem", "kubelet-client-current.pem"
		})
		return w.neutral(pki.SANs{}), s, file
	}
	all := renewal()
	all.All = true
	t.Run("all leaves it", func(t *testing.T) {
		w, _, _ := plant(t, birth.Add(365*day))
		before := w.snapshot()
		r, err := w.renew(all, "kubelet")
		require.NoError(t, err)
		assert.Equal(t, phases.Keep, r.Rows[0].Verb)
		assert.Equal(t, "names a certificate that its owner renews: kubelet-client-current.pem", r.Rows[0].Reason)
		w.unchanged(before)
	})
	for name, o := range map[string]phases.RenewOptions{"its owner let it expire": all, "it is asked for by name": renewal()} {
		t.Run(name, func(t *testing.T) {
			end := birth.Add(365 * day)
			if o.All {
				end = birth.Add(day)
			}
			w, s, file := plant(t, end)
			before := w.snapshot()
			r, err := w.renew(o, "kubelet")
			require.NoError(t, err)
			assert.Equal(t, []string{"holds its certificate from now on, instead of naming kubelet-client-current.pem"}, r.Rows[0].Notes)
			e := w.entry(s)
			assert.NotEmpty(t, e.User.ClientCert)
			assert.Empty(t, e.User.ClientCertFile)
			assert.Equal(t, before[file], w.snapshot()[file], "the owner's file is the owner's")
		})
	}
}

func TestRenewByThreshold(t *testing.T) {
	// Made for a year on 1 June: on 24 November 189 of 365 days are left, 51.8 %.
	for _, c := range []struct {
		due  phases.Threshold
		verb phases.Verb
	}{
		{phases.Threshold{Left: 188 * day}, phases.Keep},
		{phases.Threshold{Left: 189 * day}, phases.Renew},
		{phases.Threshold{Percent: 51}, phases.Keep},
		{phases.Threshold{Percent: 52}, phases.Renew},
		{phases.Threshold{Percent: 100}, phases.Renew},
	} {
		w := complete(t).neutral(pki.SANs{})
		o := renewal()
		o.Due = &c.due
		r, err := w.renew(o, "scheduler")
		require.NoError(t, err)
		assert.Equal(t, c.verb, r.Rows[0].Verb, "%+v", c.due)
		assert.Equal(t, c.verb == phases.Renew, r.Changed)
	}
	t.Run("a life without end", func(t *testing.T) {
		forever := &x509.Certificate{NotBefore: birth, NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}
		assert.False(t, phases.Threshold{Percent: 99}.Met(forever, now))
		assert.True(t, phases.Threshold{Percent: 100}.Met(forever, now))
	})
}

func TestRenewKeepsTightModesAndBacksUpTwiceInASecond(t *testing.T) {
	w := complete(t).neutral(pki.SANs{})
	path := w.certFile(w.row("apiserver"))
	require.NoError(t, os.Chmod(path, 0o600))
	o := renewal()
	o.Backup = w.dir
	for _, want := range []string{"pkitool-backup-20261124T120000Z", "pkitool-backup-20261124T120000Z-2"} {
		r, err := w.renew(o, "apiserver")
		require.NoError(t, err)
		assert.Equal(t, filepath.Join(w.dir, want), r.Backup)
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
}

func TestRenewDryRunChangesNothing(t *testing.T) {
	w := complete(t).neutral(pki.SANs{})
	before := w.snapshot()
	r, err := phases.RenewDryRun(w.tree, w.dirs, w.all(), renewal())
	require.NoError(t, err)
	assert.True(t, r.DryRun)
	assert.Equal(t, phases.Renew, r.Rows[0].Verb)
	w.unchanged(before)
}

func TestChooseRenewal(t *testing.T) {
	known := treeOf(t, cluster())
	external := cluster()
	external.ExternalEtcd = &certs.ExternalEtcd{Endpoints: []string{"https://etcd.example.com:2379"}}
	three := cluster()
	second := three.Nodes[0]
	second.Name = "cp-2"
	three.Nodes = append(three.Nodes, second)
	for _, c := range []struct {
		cluster certs.Cluster
		names   []string
		want    []string
		err     string
	}{
		{cluster(), []string{"apiserver", "admin.conf", "kubelet.conf", "scheduler"}, []string{"apiserver", "admin", "kubelet", "scheduler"}, ""},
		{three, []string{"apiserver", "kubelet@cp-2"}, []string{"apiserver@cp-1", "apiserver@cp-2", "kubelet@cp-2"}, ""},
		{cluster(), []string{"ca"}, nil, "ca is a CA: it is replaced by a rotation, not renewed"},
		{cluster(), []string{"sa"}, nil, "sa is a key pair: it has no end"},
		{external, []string{"etcd-peer"}, nil, "etcd-peer: the configuration's cluster has none of its own"},
		{cluster(), []string{"apiservr"}, nil, `unknown name "apiservr": must be one of all, apiserver, apiserver-kubelet-client, front-proxy-client, etcd-server, etcd-peer, ` +
			`etcd-healthcheck-client, apiserver-etcd-client, admin, super-admin, kubelet, controller-manager, scheduler`},
	} {
		got, err := phases.ChooseRenewal(treeOf(t, c.cluster), known, c.names)
		if c.err != "" {
			assert.EqualError(t, err, c.err)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
}
