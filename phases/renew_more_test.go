package phases_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

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
		o.Due, o.DryRun = &c.due, true
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
	o := renewal()
	o.DryRun = true
	r, err := w.renew(o)
	require.NoError(t, err)
	assert.True(t, r.DryRun)
	assert.Equal(t, phases.Renew, r.Rows[0].Verb)
	w.unchanged(before)
}

// A node's name makes a common name longer than RFC 5280 has it: it is renewed, and kept to the letter.
func TestRenewLongNodeName(t *testing.T) {
	w := complete(t)
	c := cluster()
	c.Nodes[0].Name = strings.Repeat("n", 63) + ".example.com"
	w.tree = treeOf(t, c)
	s := w.row("kubelet")
	old := w.forge(s, func(*x509.Certificate) {})
	peer := w.forge(w.row("etcd-peer"), func(*x509.Certificate) {})
	_, err := w.renew(renewal(), "kubelet", "etcd-peer")
	require.NoError(t, err)
	same(t, old, w.chain(s)[0])
	same(t, peer, w.chain(w.row("etcd-peer"))[0])
	// Nobody reads the subject of this one, and it has none at all: the empty place is filled.
	client := w.row("apiserver-etcd-client")
	w.forge(client, func(c *x509.Certificate) { c.Subject.CommonName = "" })
	_, err = w.renew(renewal(), "apiserver-etcd-client")
	require.NoError(t, err)
	assert.Equal(t, client.Subject.CommonName, w.chain(client)[0].Subject.CommonName)
}

// kubeadm writes a node's name that is an address as a DNS name. It is kept to the byte where the names stay; where they
// change, it becomes the address that it is.
func TestRenewAddressAsDNSName(t *testing.T) {
	w := complete(t)
	s := w.row("apiserver")
	plant := func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "192.0.2.77", "my_host") }
	old := w.forge(s, plant)
	w.neutral(pki.SANs{})
	r, err := w.renew(renewal(), "apiserver")
	require.NoError(t, err)
	assert.Empty(t, r.Rows[0].Notes)
	same(t, old, w.chain(s)[0])
	w.neutral(pki.SANs{DNS: []string{"lb.example.com"}})
	r, err = w.renew(renewal(), "apiserver")
	require.NoError(t, err)
	assert.Equal(t, []string{"adds the names DNS:lb.example.com, IP:192.0.2.77", "drops the names DNS:192.0.2.77"}, r.Rows[0].Notes)
	assert.Contains(t, w.chain(s)[0].DNSNames, "my_host")

	w.forge(s, func(c *x509.Certificate) { plant(c); expiredCert(c) })
	_, err = w.init(reissue(), "apiserver")
	require.NoError(t, err)
	assert.Contains(t, pki.SANsOf(w.chain(s)[0]).Strings(), "IP:192.0.2.77")
}

// --reissue mends what is wrong and keeps the rest: groups of an older kubeadm, names that nobody planned, servers.
func TestReissueKeepsFacts(t *testing.T) {
	w := makers["1.28"].build(t, theirs())
	client, server, conf := w.row("apiserver-kubelet-client"), w.row("apiserver"), w.row("controller-manager")
	old := w.entry(conf).Cluster.Server
	w.forge(client, func(c *x509.Certificate) { c.Subject.Organization = masters; expiredCert(c) })
	w.forge(server, func(c *x509.Certificate) {
		c.DNSNames = append(c.DNSNames[1:], "old.example.com") // api.example.com, the first, is gone
		expiredCert(c)
	})
	w.forge(conf, expiredCert)
	_, err := w.init(reissue(), "apiserver-kubelet-client", "apiserver", "controller-manager")
	require.NoError(t, err)
	assert.Equal(t, masters, w.chain(client)[0].Subject.Organization)
	assert.Contains(t, w.chain(server)[0].DNSNames, "old.example.com")
	assert.Contains(t, w.chain(server)[0].DNSNames, server.SANs.DNS[0])
	assert.Equal(t, old, w.entry(conf).Cluster.Server)

	// What somebody else put there is no fact of the row: nothing of it is kept.
	w.forge(client, func(c *x509.Certificate) { c.Subject.CommonName, c.Subject.Organization = "mallory", masters })
	_, err = w.init(reissue(), "apiserver-kubelet-client")
	require.NoError(t, err)
	assert.Equal(t, client.Subject, pki.CertificateSubject(w.chain(client)[0]))
}

// A renewal keeps the algorithm of the key, and the usages that go with it: RSA servers may be sent a key.
func TestRenewRSA(t *testing.T) {
	w := complete(t)
	s := w.row("apiserver")
	key, err := pki.GenerateKey(pki.RSA2048)
	require.NoError(t, err)
	old := certify(t, template(s), w.bundle("ca")[0], key, w.key(w.row("ca")))
	w.place(s, key, old)
	_, err = w.renew(renewal(), "apiserver")
	require.NoError(t, err)
	got := w.chain(s)[0]
	same(t, old, got)
	assert.Equal(t, x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment, got.KeyUsage)
}

func TestRenewPassesOverWhatANodeLacks(t *testing.T) {
	w := complete(t)
	w.remove(w.certFile(w.row("super-admin")))
	for _, name := range []string{"etcd-ca", "etcd-server", "etcd-peer", "etcd-healthcheck-client", "apiserver-etcd-client"} {
		w.remove(w.site.Files(w.row(name))...)
	}
	w.neutral(pki.SANs{})
	r, err := w.renew(renewAll())
	require.NoError(t, err)
	count := map[phases.Verb]int{}
	for _, row := range r.Rows {
		count[row.Verb]++
	}
	assert.Equal(t, map[phases.Verb]int{phases.Renew: 7, phases.Skip: 5}, count)
}

func TestChooseRenewal(t *testing.T) {
	external := cluster()
	external.ExternalEtcd = &certs.ExternalEtcd{Endpoints: []string{"https://etcd.example.com:2379"}}
	two := cluster()
	second := two.Nodes[0]
	second.Name = "cp-2"
	two.Nodes = append(two.Nodes, second)
	for _, c := range []struct {
		cluster certs.Cluster
		names   []string
		want    string
		err     string
	}{
		{cluster(), []string{"apiserver", "admin.conf", "kubelet.conf", "scheduler"}, "apiserver admin kubelet scheduler", ""},
		{two, []string{"apiserver"}, "apiserver@cp-1 apiserver@cp-2", ""},
		{cluster(), []string{"ca"}, "", "ca is a CA: it is replaced by a rotation, not renewed"},
		{cluster(), []string{"sa"}, "", "sa is a key pair: it has no end"},
		{external, []string{"etcd-peer"}, "", "etcd-peer: the configuration's node has none"},
		{cluster(), []string{"apiservr"}, "", `unknown name "apiservr": must be one of all, apiserver, apiserver-kubelet-client, front-proxy-client, etcd-server, etcd-peer, ` +
			`etcd-healthcheck-client, apiserver-etcd-client, admin, super-admin, kubelet, controller-manager, scheduler`},
	} {
		tree := treeOf(t, c.cluster)
		got, err := phases.ChooseRenewal(tree, c.names)
		if c.err != "" {
			assert.EqualError(t, err, c.err)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.want, chosenIn(tree, got))
	}
	all, err := phases.ChooseRenewal(treeOf(t, external), nil)
	require.NoError(t, err)
	assert.Len(t, all, 8, "without etcd's four")
}
