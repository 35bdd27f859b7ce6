package phases_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// The files of an external etcd are judged where the configuration names them, told of, and never written: whatever is
// wrong with them stops nothing.
func TestExternalEtcd(t *testing.T) {
	c := cluster()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	c.ExternalEtcd = &certs.ExternalEtcd{Endpoints: []string{"https://10.0.0.5:2379"}, CAFile: path("ca.crt"), CertFile: path("client.crt"), KeyFile: path("client.key")}
	w := &world{t: t, dir: dir, site: siteIn(dir), tree: treeOf(t, c)}
	chosen := []string{"external-etcd-ca", "external-etcd-client"}
	caKey, key := newKey(t), newKey(t)
	caSpec, spec := w.row(chosen[0]), w.row(chosen[1])
	caSpec.Subject.CommonName, spec.Subject.CommonName = "their-ca", "their-client"
	ca := certify(t, template(caSpec), nil, caKey, nil)
	leaf := func(change func(*x509.Certificate)) func() {
		return func() {
			x := template(spec)
			change(x)
			w.write(path("client.crt"), pki.EncodeCertificates(certify(t, x, ca, key, caKey)))
		}
	}
	const theirs, there = "the file belongs to whoever runs etcd: tell them", "the configuration names it: put it there"
	for _, tt := range []struct {
		name   string
		change func()
		want   []string // the findings, and the hint of each
	}{
		{"nothing", func() {}, []string{"external-etcd-ca: certificate is missing (" + path("ca.crt") + ")", there, "external-etcd-client: certificate is missing (" + path("client.crt") + ")", there}},
		{"a CA", func() { w.write(path("ca.crt"), pki.EncodeCertificates(ca)) }, []string{"external-etcd-client: certificate is missing (" + path("client.crt") + ")", there}},
		{"a certificate", leaf(func(*x509.Certificate) {}), []string{"external-etcd-client: private key is missing (" + path("client.key") + ")", there}},
		{"another's key", func() { w.write(path("client.key"), pemOf(t, newKey(t))) }, []string{"external-etcd-client: key does not match certificate (" + path("client.crt") + ")", theirs}},
		{"the key", func() { w.write(path("client.key"), pemOf(t, key)) }, nil},
		{"longer than its CA", leaf(func(x *x509.Certificate) { x.NotAfter = ca.NotAfter.Add(day) }),
			[]string{"external-etcd-client: certificate outlives its CA: valid until 2036-05-30T12:00:00Z, the CA ends 2036-05-29T12:00:00Z (" + path("client.crt") + ")", ""}},
		{"expired", leaf(expiredCert), []string{"external-etcd-client: certificate has expired on 2026-11-24T11:59:59Z (" + path("client.crt") + ")", theirs}},
		{"a key for others to read", func() { leaf(func(*x509.Certificate) {})(); require.NoError(t, os.Chmod(path("client.key"), 0o640)) },
			[]string{"external-etcd-client: private key can be read by others: mode 0640 (" + path("client.key") + ")", theirs}},
		{"nonsense", func() { w.write(path("client.key"), []byte("x")) }, []string{"external-etcd-client: file holds no PEM block (" + path("client.key") + ")", theirs}},
		{"a directory", func() { w.remove(path("client.crt")); require.NoError(t, os.Mkdir(path("client.crt"), 0o755)) },
			[]string{"external-etcd-client: is a directory (" + path("client.crt") + ")", "", "external-etcd-client: file holds no PEM block (" + path("client.key") + ")", theirs}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change()
			before := w.snapshot()
			for _, o := range []phases.Options{at(now), reissue()} {
				r, err := w.init(o, chosen...)
				require.NoError(t, err)
				w.unchanged(before)
				var got []string
				for _, row := range r.Rows {
					for _, f := range row.Findings {
						got = append(got, f.Row+": "+f.Text+" ("+f.Path+")", f.Hint)
					}
				}
				if tt.name != "a directory" { // what of it is told of is the judge's business
					assert.Equal(t, tt.want, got)
				}
			}
		})
	}
	// Whatever is wrong with them, the rest of the PKI is made.
	_, err := w.init(at(now))
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(w.site.Cert, "apiserver.crt"))
}
