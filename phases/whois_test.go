package phases_test

import (
	"crypto/x509"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/pki"
)

// TestDescribeKubeconfigFinds holds what the certificates and keys of a
// kubeconfig can be wrong in to its id and its sentence.
func TestDescribeKubeconfigFinds(t *testing.T) {
	w := complete(t)
	admin := w.row("admin")
	unreadable := errors.New("permission denied")
	leaf := func(c *kubeconfig.Single, change func(*x509.Certificate)) {
		cert := w.forge(admin, change)
		c.ClientCert, c.ClientKey = pki.EncodeCertificates(cert), w.entry(admin).User.ClientKey
	}
	broken := []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	for _, c := range []struct {
		name   string
		change func(*kubeconfig.Single)
		want   []string // id and sentence; hint
	}{
		{"nothing", func(*kubeconfig.Single) {}, nil},
		{"CA out of reach", func(c *kubeconfig.Single) { c.CA, c.CAFile = nil, "/away" },
			[]string{`ca-unreadable: cluster "kubernetes": certificate-authority: permission denied`, ""}},
		{"CA broken", func(c *kubeconfig.Single) { c.CA = []byte("x") },
			[]string{`ca-broken: cluster "kubernetes": certificate authority: file holds no PEM block`, ""}},
		{"CA that is none", func(c *kubeconfig.Single) { c.CA = w.entry(admin).User.ClientCert },
			[]string{`ca-unfit: cluster "kubernetes": certificate authority: certificate is not a CA`, "take the cluster's CA certificate (ca.crt) anew"}},
		{"certificate out of reach", func(c *kubeconfig.Single) { c.ClientCert, c.ClientCertFile = nil, "/away" },
			[]string{`client-certificate-unreadable: user "kubernetes-admin": client-certificate: permission denied`, ""}},
		{"certificate broken", func(c *kubeconfig.Single) { c.ClientCert = broken },
			[]string{`client-certificate-broken: user "kubernetes-admin": client certificate: certificate 1 cannot be read: malformed certificate`, ""}},
		{"expired", func(c *kubeconfig.Single) { leaf(c, func(x *x509.Certificate) { x.NotAfter = now }) },
			[]string{`client-certificate-expired: user "kubernetes-admin": client certificate has expired on 2026-11-24T12:00:00Z`, "have it renewed"}},
		{"too early", func(c *kubeconfig.Single) { leaf(c, func(x *x509.Certificate) { x.NotBefore = now.Add(day) }) },
			[]string{`client-certificate-not-yet-valid: user "kubernetes-admin": client certificate is not valid before 2026-11-25T12:00:00Z`, "check the clock of this host"}},
		{"for servers", func(c *kubeconfig.Single) {
			leaf(c, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
		}, []string{`client-certificate-usage: user "kubernetes-admin": client certificate lacks the usage clientAuth`, ""}},
		{"for anything", func(c *kubeconfig.Single) {
			leaf(c, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })
		}, nil},
		{"without usages", func(c *kubeconfig.Single) { leaf(c, func(x *x509.Certificate) { x.ExtKeyUsage = nil }) }, nil},
		{"key out of reach", func(c *kubeconfig.Single) { c.ClientKey, c.ClientKeyFile = nil, "/away" },
			[]string{`client-key-unreadable: user "kubernetes-admin": client-key: permission denied`, ""}},
		{"key broken", func(c *kubeconfig.Single) { c.ClientKey = []byte("x") },
			[]string{`client-key-broken: user "kubernetes-admin": client key: file holds no PEM block`, ""}},
		{"another key", func(c *kubeconfig.Single) { c.ClientKey = pemOf(t, newKey(t)) },
			[]string{`client-key-mismatch: user "kubernetes-admin": client key does not match the client certificate`, "take both from one place"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			single := w.entry(admin).Single()
			c.change(&single)
			data, err := single.Render()
			require.NoError(t, err)
			r, err := phases.DescribeKubeconfig("admin.conf", data, func(string) ([]byte, error) { return nil, unreadable }, now)
			require.NoError(t, err)
			var got []string
			for _, f := range r.Findings {
				got = append(got, string(f.ID)+": "+f.Text(), f.Remedy(finding.Check))
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.want != nil, r.Bad())
		})
	}
}
