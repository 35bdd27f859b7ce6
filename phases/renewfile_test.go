package phases_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// ownFile puts a certificate of a CA of the directory into a file of its own.
func (w *world) ownFile(ca string, change func(*x509.Certificate)) (file string, old *x509.Certificate) {
	w.t.Helper()
	x, key := template(w.row("etcd-peer")), newKey(w.t)
	x.Subject.CommonName = "backup"
	change(x)
	old = certify(w.t, x, w.bundle(ca)[0], key, w.key(w.row(ca)))
	file = filepath.Join(w.dir, "own", "backup.crt")
	w.write(file, pki.EncodeCertificates(old))
	w.write(filepath.Join(w.dir, "own", "backup.key"), pemOf(w.t, key))
	return file, old
}

func (w *world) renewFile(file string, o phases.RenewOptions) (phases.Report, error) {
	w.t.Helper()
	return phases.RenewFile(w.t.Context(), w.tree, w.site, file, o)
}

// A certificate that is no row's, and a user's kubeconfig, are renewed by file: by the CA that signed them, with all
// that they say.
func TestRenewFile(t *testing.T) {
	t.Run("a pair", func(t *testing.T) {
		for _, ca := range []string{"ca", "etcd-ca"} {
			w := complete(t)
			file, old := w.ownFile(ca, func(*x509.Certificate) {})
			o := renewal()
			o.DryRun = true
			before := w.snapshot()
			_, err := w.renewFile(file, o)
			require.NoError(t, err)
			w.unchanged(before)
			o.DryRun, o.Backup = false, t.TempDir()
			r, err := w.renewFile(file, o)
			require.NoError(t, err)
			assert.Equal(t, phases.Renew, r.Rows[0].Verb)
			list, err := pki.ParseCertificates(w.read(file))
			require.NoError(t, err)
			same(t, old, list[0])
			require.NoError(t, list[0].CheckSignatureFrom(w.bundle(ca)[0]))
			assert.FileExists(t, filepath.Join(r.Backup, "own", "backup.crt"))
			w.unchanged(before, file, filepath.Join(w.dir, "own", "backup.key"))
			w.tidy()
		}
	})
	t.Run("a user's kubeconfig", func(t *testing.T) {
		w := complete(t)
		file := filepath.Join(w.dir, "own", "alice.conf")
		key, x := newKey(t), template(w.row("scheduler"))
		x.Subject.CommonName, x.Subject.Organization = "alice", []string{"dev"}
		old := certify(t, x, w.bundle("ca")[0], key, w.key(w.row("ca")))
		conf, err := kubeconfig.Single{Cluster: "c", Server: "https://lb.example.com", CA: pki.EncodeCertificates(w.bundle("ca")...), User: "alice", Namespace: "dev", ClientCert: pki.EncodeCertificates(old), ClientKey: pemOf(t, key)}.Render()
		require.NoError(t, err)
		w.write(file, conf)
		_, err = w.renewFile(file, renewal())
		require.NoError(t, err)
		c, err := kubeconfig.Parse(w.read(file))
		require.NoError(t, err)
		e, err := c.Current()
		require.NoError(t, err)
		list, err := pki.ParseCertificates(e.User.ClientCert)
		require.NoError(t, err)
		same(t, old, list[0])
		assert.Equal(t, "https://lb.example.com", e.Cluster.Server)
		assert.Equal(t, "dev", e.Context.Namespace)
	})
}

func TestRenewFileRefuses(t *testing.T) {
	w := complete(t)
	file, _ := w.ownFile("ca", func(*x509.Certificate) {})
	ownKey := w.read(filepath.Join(w.dir, "own", "backup.key"))
	reuse := renewal()
	reuse.ReuseKey = true
	for _, tt := range []struct {
		name   string
		change func()
		file   string
		o      phases.RenewOptions
		want   string
	}{
		{"nothing there", func() {}, filepath.Join(w.dir, "gone.crt"), renewal(), "gone.crt: certificate is missing (" + w.dir + "/gone.crt)"},
		{"a certificate of nobody here", func() {
			key := newKey(t)
			w.write(filepath.Join(w.dir, "own", "x.crt"), pki.EncodeCertificates(certify(t, template(w.row("etcd-peer")), nil, key, nil)))
		}, filepath.Join(w.dir, "own", "x.crt"), renewal(), `x.crt: certificate is signed by another CA: "CN = cp-1" (` + w.dir + "/own/x.crt)"},
		{"beside a key of its planter", func() {
			w.write(filepath.Join(w.dir, "own", "admin.crt"), pki.EncodeCertificates(w.chain(w.row("admin"))[0]))
			w.write(filepath.Join(w.dir, "own", "admin.key"), pemOf(t, newKey(t)))
		}, filepath.Join(w.dir, "own", "admin.crt"), renewal(), "admin.crt: key does not match certificate (" + w.dir + "/own/admin.key)"},
		{"a copy without its key", func() { w.remove(filepath.Join(w.dir, "own", "admin.key")) }, filepath.Join(w.dir, "own", "admin.crt"), renewal(),
			"admin.crt: private key is missing (" + w.dir + "/own/admin.key)"},
		{"a kubeconfig with a key of its planter", func() {
			conf, err := kubeconfig.Single{Cluster: "c", Server: "https://lb.example.com", CA: pki.EncodeCertificates(w.bundle("ca")...), User: "admin", ClientCert: pki.EncodeCertificates(w.chain(w.row("admin"))[0]), ClientKey: pemOf(t, newKey(t))}.Render()
			require.NoError(t, err)
			w.write(filepath.Join(w.dir, "own", "z.conf"), conf)
		}, filepath.Join(w.dir, "own", "z.conf"), renewal(), "z.conf: key does not match certificate (" + w.dir + "/own/z.conf)"},
		{"garbage", func() { w.write(filepath.Join(w.dir, "own", "y.conf"), []byte("{]")) }, filepath.Join(w.dir, "own", "y.conf"), renewal(),
			"y.conf: not YAML: did not find expected node content (" + w.dir + "/own/y.conf)"},
		{"without its key to be reused", func() { w.remove(filepath.Join(w.dir, "own", "backup.key")) }, file, reuse, "backup.crt: private key is missing (" + w.dir + "/own/backup.key)"},
		{"an external CA", func() {
			w.write(filepath.Join(w.dir, "own", "backup.key"), ownKey)
			w.remove(w.keyFile(w.row("ca")))
		}, file, renewal(), "backup.crt: cannot be signed here: the key of its CA is not here (" + w.certFile(w.row("ca")) + ")"},
		{"a link", func() {
			require.NoError(t, os.Rename(file, file+".real"))
			require.NoError(t, os.Symlink(file+".real", file))
			w.write(w.keyFile(w.row("ca")), pemOf(t, pristineKey(t, w.row("ca"))))
		}, file, renewal(), "backup.crt: is a symbolic link, not written through (" + file + ")"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change()
			before := w.snapshot()
			_, err := w.renewFile(tt.file, tt.o)
			var refusal *phases.RefusedError
			require.ErrorAs(t, err, &refusal)
			assert.EqualError(t, err, tt.want)
			for _, f := range refusal.Findings() {
				assert.NotContains(t, f.Hint, "pkitool", "no command makes it")
			}
			w.unchanged(before)
		})
	}
	_, err := w.renewFile(w.dir, renewal())
	assert.EqualError(t, err, "is a directory ("+w.dir+")")
}
