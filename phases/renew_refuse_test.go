package phases_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
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
	all := renewAll()
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
			"apiserver: certificate is missing (%D/pki/apiserver.crt)"},
		{"a missing kubeconfig by name", func(w *world) { w.remove(w.certFile(w.row("super-admin"))) }, renewal(), []string{"super-admin"},
			"super-admin: certificate is missing (%D/super-admin.conf)"},
		{"nothing there at all", func(w *world) { w.remove(w.certFile(w.row("super-admin"))) }, all, []string{"super-admin"},
			"no certificate of a cluster is in this directory (%D/pki)"},
		{"garbage", func(w *world) { w.write(w.certFile(w.row("apiserver")), []byte("garbage")) }, all, []string{"apiserver"},
			"apiserver: file holds no PEM block (%D/pki/apiserver.crt)"},
		{"a kubeconfig without user", func(w *world) { w.write(w.certFile(w.row("admin")), []byte("kind: Config\napiVersion: v1\n")) }, all, []string{"admin"},
			"admin: current-context is not set (%D/admin.conf)"},
		{"a kubeconfig without certificate", func(w *world) {
			w.conf(w.row("admin"), func(c *kubeconfig.Single) { c.ClientCert, c.ClientKey, c.Token = nil, nil, "t" })
		}, renewal(), []string{"admin"}, "admin: holds no client certificate (%D/admin.conf)"},
		{"an external CA", func(w *world) { w.remove(w.keyFile(w.row("ca"))) }, all, []string{"apiserver", "etcd-peer"},
			"apiserver: cannot be signed here: the key of its CA is not here (%D/pki/ca.crt)"},
		{"an external CA, and nothing there", func(w *world) {
			w.remove(w.keyFile(w.row("ca")), w.certFile(w.row("apiserver")), w.keyFile(w.row("apiserver")))
		}, renewal(), []string{"apiserver"}, "apiserver: certificate is missing (%D/pki/apiserver.crt)"},
		{"a key of an algorithm that is not made here", func(w *world) {
			key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
			require.NoError(w.t, err)
			s := w.row("apiserver")
			w.place(s, key, certify(w.t, template(s), w.bundle("ca")[0], key, w.key(w.row("ca"))))
		}, renewal(), []string{"apiserver"}, "apiserver: its key is ECDSA-P521: pkitool makes no such key (%D/pki/apiserver.crt)"},
		{"no CA", func(w *world) { w.remove(w.certFile(w.row("ca")), w.keyFile(w.row("ca"))) }, renewal(), []string{"apiserver"},
			"ca: certificate and key are missing, but a certificate that they signed is there: %D/pki/apiserver.crt (%D/pki/ca.crt)"},
		{"a CA with another's key", func(w *world) { w.write(w.keyFile(w.row("ca")), pemOf(w.t, newKey(w.t))) }, all, []string{"apiserver", "scheduler"},
			"ca: key does not match certificate (%D/pki/ca.crt)"},
		{"a link", func(w *world) {
			path := w.certFile(w.row("apiserver"))
			require.NoError(w.t, os.Rename(path, path+".real"))
			require.NoError(w.t, os.Symlink(path+".real", path))
		}, all, []string{"apiserver"}, "apiserver: is a symbolic link, not written through (%D/pki/apiserver.crt)"},
		{"a foreign key to be reused", func(w *world) { w.write(w.keyFile(w.row("apiserver")), pemOf(w.t, newKey(w.t))) }, reuse, []string{"apiserver"},
			"apiserver: key does not match certificate (%D/pki/apiserver.key)"},
		{"a missing key to be reused", func(w *world) { w.remove(w.keyFile(w.row("apiserver"))) }, reuse, []string{"apiserver"},
			"apiserver: private key is missing (%D/pki/apiserver.key)"},
		{"a certificate of another CA", func(w *world) { strange(w, w.row("apiserver"), "foreign-ca", true) }, all, []string{"apiserver"},
			`apiserver: certificate is signed by another CA: "CN = foreign-ca" (%D/pki/apiserver.crt)`},
		{"a certificate of somebody else", func(w *world) {
			w.forge(w.row("scheduler"), func(c *x509.Certificate) { c.Subject.Organization = []string{"system:masters"} })
		}, all, []string{"scheduler"}, `scheduler: subject is "O = system:masters, CN = system:kube-scheduler", not "CN = system:kube-scheduler" (%D/scheduler.conf)`},
		{"a certificate that is a CA", func(w *world) {
			w.forge(w.row("apiserver"), func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign })
		}, all, []string{"apiserver"}, "apiserver: certificate is a CA: whoever holds its key can sign for anybody (%D/pki/apiserver.crt)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := complete(t)
			tt.spoil(w)
			w.neutral(pki.SANs{})
			before := w.snapshot()
			tt.o.Backup = w.dir
			want := strings.ReplaceAll(tt.want, "%D", w.dir)
			r, err := w.renew(tt.o, tt.rows...)
			w.refused(before, err, want)
			assert.Equal(t, "RenewReport", r.Kind)
			tt.o.DryRun = true
			_, err = w.renew(tt.o, tt.rows...)
			w.refused(before, err, want)
		})
	}
}
