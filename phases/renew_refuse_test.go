package phases_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

func TestRenewRefuses(t *testing.T) {
	all := renewal()
	all.All = true
	reuse := renewal()
	reuse.ReuseKey = true
	tests := []struct {
		name  string
		spoil func(w *world)
		o     phases.RenewOptions
		rows  []string
		want  string // %D is the directory
	}{
		{"a missing pair", func(w *world) { w.remove(w.certFile(w.row("apiserver")), w.keyFile(w.row("apiserver"))) }, all, []string{"apiserver", "scheduler"},
			"apiserver: certificate is missing (%D/pki/apiserver.crt)"},
		{"a missing certificate", func(w *world) { w.remove(w.certFile(w.row("apiserver"))) }, all, []string{"apiserver"},
			"apiserver: certificate is missing, its key is there (%D/pki/apiserver.crt)"},
		{"a missing kubeconfig by name", func(w *world) { w.remove(w.certFile(w.row("super-admin"))) }, renewal(), []string{"super-admin"},
			"super-admin: certificate is missing (%D/super-admin.conf)"},
		{"nothing there at all", func(w *world) { w.remove(w.certFile(w.row("super-admin"))) }, all, []string{"super-admin"},
			"super-admin: is not there (%D/super-admin.conf)"},
		{"garbage", func(w *world) { w.write(w.certFile(w.row("apiserver")), []byte("garbage")) }, all, []string{"apiserver"},
			"apiserver: file holds no PEM block (%D/pki/apiserver.crt)"},
		{"a kubeconfig without user", func(w *world) { w.write(w.certFile(w.row("admin")), []byte("kind: Config\napiVersion: v1\n")) }, all, []string{"admin"},
			"admin: current-context is not set (%D/admin.conf)"},
		{"a kubeconfig without certificate", func(w *world) {
			w.conf(w.row("admin"), func(c *kubeconfig.Single) { c.ClientCert, c.ClientKey, c.Token = nil, nil, "t" })
		}, renewal(), []string{"admin"}, "admin: holds no client certificate (%D/admin.conf)"},
		{"an external CA", func(w *world) { w.remove(w.keyFile(w.row("ca"))) }, all, []string{"apiserver", "etcd-peer"},
			"apiserver: cannot be renewed here: its CA is external (%D/pki/ca.crt)"},
		{"an external CA, and nothing there", func(w *world) {
			w.remove(w.keyFile(w.row("ca")), w.certFile(w.row("apiserver")), w.keyFile(w.row("apiserver")))
		}, renewal(), []string{"apiserver"}, "apiserver: certificate is missing (%D/pki/apiserver.crt)"},
		{"a key of an algorithm that is not made here", func(w *world) {
			key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
			require.NoError(w.t, err)
			s := w.row("apiserver")
			w.place(s, key, certify(w.t, template(s), w.bundle("ca")[0], key, w.key(w.row("ca"))))
		}, renewal(), []string{"apiserver"}, "apiserver: its key is ECDSA-P521: no such key is made here (%D/pki/apiserver.crt)"},
		{"no CA", func(w *world) { w.remove(w.certFile(w.row("ca")), w.keyFile(w.row("ca"))) }, renewal(), []string{"apiserver"},
			"apiserver: there is no CA to sign it (%D/pki/ca.crt)"},
		{"a CA with another's key", func(w *world) { w.write(w.keyFile(w.row("ca")), pemOf(w.t, newKey(w.t))) }, all, []string{"apiserver", "scheduler"},
			"ca: key does not match certificate (%D/pki/ca.crt)"},
		{"a link", func(w *world) {
			path := w.certFile(w.row("apiserver"))
			require.NoError(w.t, os.Rename(path, path+".real"))
			require.NoError(w.t, os.Symlink(path+".real", path))
		}, all, []string{"apiserver"}, "apiserver: is a symbolic link, not written through (%D/pki/apiserver.crt)"},
		{"a foreign key to be reused", func(w *world) { w.write(w.keyFile(w.row("apiserver")), pemOf(w.t, newKey(w.t))) }, reuse, []string{"apiserver"},
			"apiserver: key does not match certificate (%D/pki/apiserver.crt)"},
		{"a missing key to be reused", func(w *world) { w.remove(w.keyFile(w.row("apiserver"))) }, reuse, []string{"apiserver"},
			"apiserver: private key is missing (%D/pki/apiserver.key)"},
		{"a subject without name", func(w *world) {
			w.forge(w.row("apiserver"), func(c *x509.Certificate) { c.Subject = pkix.Name{} })
		}, all, []string{"apiserver"}, "apiserver: common name (CN) is empty (%D/pki/apiserver.crt)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := complete(t)
			tt.spoil(w)
			w.neutral(pki.SANs{})
			before := w.snapshot()
			tt.o.Backup = w.dir
			r, err := w.renew(tt.o, tt.rows...)
			var refused *phases.RefusedError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, strings.ReplaceAll(tt.want, "%D", w.dir), refused.Error())
			for _, a := range refused.Plan.Refused() {
				for _, f := range a.Faults {
					assert.NotEmpty(t, f.Hint, f.Text)
					assert.NotContains(t, f.Hint, "` --", "a flag outside of the command that it is for")
				}
			}
			assert.Equal(t, "RenewReport", r.Kind)
			w.unchanged(before)
			_, err = phases.RenewDryRun(w.tree, w.dirs, tt.rows, tt.o)
			assert.EqualError(t, err, refused.Error(), "a dry run says the same")
		})
	}
}

func TestRenewOutlivesNoCA(t *testing.T) {
	w := complete(t)
	key := w.key(w.row("ca"))
	c := template(w.row("ca"))
	c.NotAfter = now.Add(100 * day)
	w.write(w.certFile(w.row("ca")), pki.EncodeCertificates(certify(t, c, nil, key, nil)))
	w.neutral(pki.SANs{})
	before := w.snapshot()
	_, err := w.renew(renewal(), "scheduler")
	var refused *phases.RefusedError
	require.ErrorAs(t, err, &refused)
	f := refused.Plan.Refused()[0].Faults[0]
	assert.Equal(t, "would outlive its CA: valid until 2027-11-24T12:00:00Z, the CA ends 2027-03-04T12:00:00Z", f.Text)
	assert.Equal(t, "give --validity 2400h or less, or replace the CA first", f.Hint)
	w.unchanged(before)
}

func TestRenewPassesOverWhatANodeLacks(t *testing.T) {
	w := complete(t)
	w.remove(w.certFile(w.row("super-admin")))
	for _, name := range []string{"etcd-ca", "etcd-server", "etcd-peer", "etcd-healthcheck-client", "apiserver-etcd-client"} {
		w.remove(w.keyFile(w.row(name)), w.certFile(w.row(name)))
	}
	w.neutral(pki.SANs{})
	o := renewal()
	o.All = true
	r, err := w.renew(o, w.all()...)
	require.NoError(t, err)
	count := map[phases.Verb]int{}
	for _, row := range r.Rows {
		count[row.Verb]++
	}
	assert.Equal(t, map[phases.Verb]int{phases.Renew: 7, phases.Skip: 5}, count)
}
