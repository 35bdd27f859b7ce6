package phases_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
)

// openssl runs the installed one; CI must have it.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI needs openssl")
		}
		t.Skip("SKIPPED: openssl is not installed")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	require.NoError(t, err, "openssl %v: %s", args, out)
	return string(out)
}

// TestRenewOpenSSLMade renews what openssl made of names that we never write:
// in another order, of other kinds, in other string types.
func TestRenewOpenSSLMade(t *testing.T) {
	for _, c := range []struct{ name, subject, extensions string }{
		{"addresses first", "/O=x/O=y/CN=kube-apiserver", "subjectAltName=IP:192.0.2.10,DNS:b,IP:10.96.0.1,DNS:a\nextendedKeyUsage=serverAuth"},
		{"names of other kinds", "/CN=kube-apiserver/emailAddress=ops@example.com/serialNumber=7",
			"subjectAltName=RID:1.2.3.4,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:host@example.com,DNS:kubernetes,dirName:dn\nextendedKeyUsage=serverAuth,1.2.3.4.5\n[dn]\nCN=inside"},
		{"a subject of many values", "/DC=com/DC=example/OU=a+OU=b/CN=kube-apiserver", "subjectAltName=DNS:Kubernetes.Default,URI:https://[2001:db8::1]/x?y=%20z\nextendedKeyUsage=serverAuth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := complete(t)
			s := w.row("apiserver")
			dir := t.TempDir()
			path := func(name string) string { return filepath.Join(dir, name) }
			require.NoError(t, os.WriteFile(path("ext"), []byte("[e]\n"+c.extensions+"\n"), 0o600))
			openssl(t, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-keyout", path("key"), "-out", path("csr"), "-subj", c.subject, "-multivalue-rdn")
			openssl(t, "x509", "-req", "-in", path("csr"), "-CA", w.certFile(w.row("ca")), "-CAkey", w.keyFile(w.row("ca")), "-CAcreateserial", "-CAserial", path("srl"),
				"-days", "10", "-extfile", path("ext"), "-extensions", "e", "-out", path("crt"))
			w.write(w.certFile(s), w.read(path("crt")))
			w.write(w.keyFile(s), w.read(path("key")))
			old := w.chain(s)[0]
			o := renewal()
			o.Now = old.NotBefore
			r, err := w.neutral(pki.SANs{}).renew(o, "apiserver")
			require.NoError(t, err)
			assert.Empty(t, r.Rows[0].Notes)
			same(t, old, w.chain(s)[0])
			for _, what := range []string{"-subject", "-ext=subjectAltName", "-ext=extendedKeyUsage"} {
				show := func(file string) string {
					args := []string{"x509", "-noout", "-in", file, what}
					if what != "-subject" {
						args = []string{"x509", "-noout", "-in", file, "-ext", what[5:]}
					}
					return openssl(t, args...)
				}
				assert.Equal(t, show(path("crt")), show(w.certFile(s)), "openssl reads the same")
			}
			openssl(t, "verify", "-x509_strict", "-purpose", "sslserver", "-attime", "1800000000", "-CAfile", w.certFile(w.row("ca")), w.certFile(s))
		})
	}
}
