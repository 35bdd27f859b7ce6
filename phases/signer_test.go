package phases_test

import (
	"crypto"
	"crypto/x509"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// elsewhere takes the keys of the CAs out of the directory and names signers for them, which count.
func (w *world) elsewhere(cas ...string) *atomic.Int32 {
	w.t.Helper()
	n := &atomic.Int32{}
	w.site.Signers = map[certs.ID]crypto.Signer{}
	for _, name := range cas {
		s := w.row(name)
		w.site.Signers[s.ID] = counting{w.key(s), n}
		w.remove(w.keyFile(s))
	}
	return n
}

// A CA's key need not be a file. It signs once for each certificate, and never in a dry run, in a decision, in a refusal
// or in the proof.
func TestSignersOfCAs(t *testing.T) {
	leaves := int32(12)
	all := []string{"ca", "front-proxy-ca", "etcd-ca"}
	dry := at(now)
	dry.DryRun = true

	t.Run("init", func(t *testing.T) {
		w := complete(t)
		n := w.elsewhere(all...)
		for _, s := range w.renewables() {
			w.remove(w.site.Files(s)...)
		}
		before := w.snapshot()
		r, err := w.init(dry)
		require.NoError(t, err)
		assert.Equal(t, phases.Create, rowOf(t, r, "apiserver").Verb)
		w.unchanged(before)
		assert.Zero(t, n.Load())
		_, err = w.init(at(now))
		require.NoError(t, err)
		assert.Equal(t, leaves, n.Load())
		w.settled()
		assert.Equal(t, leaves, n.Load())
		assert.NoFileExists(t, w.keyFile(w.row("ca")))
		w.site.Signers = nil
		w.settled() // what the signers made is right without them
	})
	t.Run("a CA that is made with a signer", func(t *testing.T) {
		w := empty(t)
		n := &atomic.Int32{}
		ca := w.row("ca")
		w.site.Signers = map[certs.ID]crypto.Signer{ca.ID: counting{newKey(t), n}}
		_, err := w.init(at(now), "ca", "scheduler")
		require.NoError(t, err)
		assert.Equal(t, int32(2), n.Load(), "itself, and the leaf")
		assert.NoFileExists(t, w.keyFile(ca))
		require.NoError(t, w.chain(w.row("scheduler"))[0].CheckSignatureFrom(w.bundle("ca")[0]))
	})
	t.Run("init --reissue", func(t *testing.T) {
		w := complete(t)
		w.forge(w.row("apiserver"), expiredCert)
		n := w.elsewhere(all...)
		_, err := w.init(reissue())
		require.NoError(t, err)
		assert.Equal(t, int32(1), n.Load())
	})
	t.Run("renew", func(t *testing.T) {
		w := complete(t)
		n := w.elsewhere(all...)
		o := renewAll()
		o.DryRun = true
		_, err := w.renew(o)
		require.NoError(t, err)
		assert.Zero(t, n.Load())
		_, err = w.renew(renewAll())
		require.NoError(t, err)
		assert.Equal(t, leaves, n.Load())
		w.settled()
	})
	t.Run("issue and users", func(t *testing.T) {
		w := complete(t)
		n := w.elsewhere(all...)
		client := pki.Template{Subject: pki.Subject{CommonName: "x"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		_, err := phases.Issue(t.Context(), w.tree, w.site, now, issueOf("ca", client))
		require.NoError(t, err)
		assert.Equal(t, int32(1), n.Load())
		user := phases.UserRequest{Subject: client.Subject, Validity: day, KeyAlgorithm: pki.ECDSAP256, Server: "https://192.0.2.10:6443", Cluster: "c", Context: "c"}
		_, err = phases.Users(t.Context(), w.tree, w.site, now, []phases.UserRequest{user, user})
		require.NoError(t, err)
		assert.Equal(t, int32(3), n.Load())
		user.Token = "t"
		_, err = phases.Users(t.Context(), w.tree, w.site, now, []phases.UserRequest{user})
		require.NoError(t, err)
		assert.Equal(t, int32(3), n.Load(), "a token needs no signature")
	})
	t.Run("a file", func(t *testing.T) {
		w := complete(t)
		n := w.elsewhere(all...)
		o := renewal()
		r, err := phases.RenewFile(t.Context(), w.tree, w.site, w.certFile(w.row("admin")), o)
		require.NoError(t, err)
		assert.Equal(t, phases.Renew, r.Rows[0].Verb)
		assert.Equal(t, int32(1), n.Load())
	})
	t.Run("a limited CA is rehearsed with other keys", func(t *testing.T) {
		w := complete(t)
		resign(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })(w, w.row("ca"))
		n := w.elsewhere(all...)
		o := renewal()
		before := w.snapshot()
		_, err := w.renew(o, "apiserver", "scheduler")
		require.Error(t, err)
		w.unchanged(before)
		assert.Zero(t, n.Load())
		_, err = w.renew(o, "apiserver")
		require.NoError(t, err)
		assert.Equal(t, int32(1), n.Load())
	})
}

// A signer that fails is an error that names the row, and nothing is changed.
func TestSignerThatFails(t *testing.T) {
	w := complete(t)
	w.elsewhere("ca")
	id := certs.ID{Role: "ca"}
	w.site.Signers[id] = failing{w.site.Signers[id]}
	before := w.snapshot()
	o := renewal()
	o.Backup = w.dir
	_, err := w.renew(o, "apiserver")
	assert.ErrorContains(t, err, "apiserver: ")
	assert.ErrorIs(t, err, assert.AnError)
	w.unchanged(before)
}
