package judge_test

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// TestReadKubeconfig holds what the certificates, keys and tokens of a kubeconfig can be wrong in to id and sentence.
func TestReadKubeconfig(t *testing.T) {
	ca, other := authority(t, "kubernetes", nil), authority(t, "other", nil)
	admin := issued(t, "kubernetes-admin", &ca, nil)
	ended := issued(t, "old", nil, func(c *x509.Certificate) { c.IsCA, c.NotAfter, c.KeyUsage = true, now.Add(-day), x509.KeyUsageCertSign })
	early := issued(t, "new", nil, func(c *x509.Certificate) { c.IsCA, c.NotBefore, c.KeyUsage = true, now.Add(day), x509.KeyUsageCertSign })
	plain := issued(t, "kubernetes-admin", &ca, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil })
	unreadable := &store.Error{Path: "/away", Err: errors.New("permission denied")}
	leaf := func(c *kubeconfig.Single, change func(*x509.Certificate)) {
		p := issued(t, "kubernetes-admin", &ca, change)
		c.ClientCert, c.ClientKey = p.certPEM(), p.keyPEM(t)
	}
	broken := []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	const cluster, user = `cluster "kubernetes": `, `user "kubernetes-admin": `
	for _, tt := range []struct {
		name   string
		change func(*kubeconfig.Single)
		want   []string
	}{
		{"nothing", func(*kubeconfig.Single) {}, nil},
		{"CA out of reach", func(c *kubeconfig.Single) { c.CA, c.CAFile = nil, "/away" }, []string{"named-file-unreadable: " + cluster + "the certificate authority it names cannot be read: permission denied (/away)"}},
		{"CA broken", func(c *kubeconfig.Single) { c.CA = []byte("x") }, []string{"pem-missing: " + cluster + "file holds no PEM block"}},
		{"CA that is none", func(c *kubeconfig.Single) { c.CA = plain.certPEM() }, []string{"not-a-ca: " + cluster + "certificate is not a CA"}},
		{"a server's own certificate", func(c *kubeconfig.Single) { c.CA = admin.certPEM() }, nil},
		{"CA that has ended", func(c *kubeconfig.Single) { c.CA = ended.certPEM() }, []string{"ca-expired: " + cluster + "CA has expired on 2026-11-23T12:00:00Z"}},
		{"CA that begins later", func(c *kubeconfig.Single) { c.CA = early.certPEM() }, []string{"ca-not-yet-valid: " + cluster + "CA is not valid before 2026-11-25T12:00:00Z"}},
		{"one that has ended beside a good one", func(c *kubeconfig.Single) { c.CA = append(ended.certPEM(), other.certPEM()...) }, nil},
		{"one that cannot be read beside a good one", func(c *kubeconfig.Single) { c.CA = append(ca.certPEM(), broken...) },
			[]string{"bundle-part-refused: " + cluster + "certificate 2 cannot be read, so it is not trusted: malformed certificate"}},
		{"certificate out of reach", func(c *kubeconfig.Single) { c.ClientCert, c.ClientCertFile = nil, "/away" }, []string{"named-file-unreadable: " + user + "the client certificate it names cannot be read: permission denied (/away)"}},
		{"certificate broken", func(c *kubeconfig.Single) { c.ClientCert = broken }, []string{"certificate-broken: " + user + "certificate 1 cannot be read: malformed certificate"}},
		{"expired", func(c *kubeconfig.Single) { leaf(c, func(x *x509.Certificate) { x.NotAfter = now.Add(-1) }) }, []string{"certificate-expired: " + user + "certificate has expired on 2026-11-24T11:59:59Z"}},
		{"too early", func(c *kubeconfig.Single) { leaf(c, func(x *x509.Certificate) { x.NotBefore = now.Add(day) }) }, []string{"certificate-not-yet-valid: " + user + "certificate is not valid before 2026-11-25T12:00:00Z"}},
		{"for servers", func(c *kubeconfig.Single) {
			leaf(c, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
		}, []string{"usage-missing: " + user + "certificate lacks the extended key usage clientAuth"}},
		{"for nobody", func(c *kubeconfig.Single) { leaf(c, func(x *x509.Certificate) { x.Subject.CommonName = "" }) },
			[]string{"common-name-missing: " + user + "certificate has no common name: the API server takes its holder for nobody"}},
		{"for anything", func(c *kubeconfig.Single) {
			leaf(c, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })
		}, nil},
		{"key out of reach", func(c *kubeconfig.Single) { c.ClientKey, c.ClientKeyFile = nil, "/away" }, []string{"named-file-unreadable: " + user + "the client key it names cannot be read: permission denied (/away)"}},
		{"key broken", func(c *kubeconfig.Single) { c.ClientKey = []byte("x") }, []string{"pem-missing: " + user + "file holds no PEM block"}},
		{"another key", func(c *kubeconfig.Single) { c.ClientKey = other.keyPEM(t) }, []string{"key-mismatch: " + user + "key does not match certificate"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			single := kubeconfig.Single{Cluster: "kubernetes", Server: "https://192.0.2.10:6443", CA: ca.certPEM(), User: "kubernetes-admin", ClientCert: admin.certPEM(), ClientKey: admin.keyPEM(t)}
			tt.change(&single)
			data, err := single.Render()
			require.NoError(t, err)
			k, err := judge.ReadKubeconfig("admin.conf", data, func(string) ([]byte, error) { return nil, unreadable }, now)
			require.NoError(t, err)
			var got []string
			for _, f := range k.Findings {
				assert.Equal(t, "admin.conf", f.Path)
				got = append(got, string(f.ID)+": "+f.Text())
			}
			assert.Equal(t, tt.want, got)
		})
	}
	_, err := judge.ReadKubeconfig("admin.conf", []byte("{]"), nil, now)
	assert.Error(t, err)
}

// A token file is judged as client-go reads it; a token that is given beside it hides it until the file can be read.
func TestReadKubeconfigToken(t *testing.T) {
	base := "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\nclusters:\n- name: c\n  cluster: {server: https://192.0.2.10:6443, certificate-authority-data: " +
		"}\nusers:\n- name: u\n  user: {tokenFile: /run/token}\n"
	for content, want := range map[string]string{
		"abc\n": "", "": `user "u": tokenFile holds no token`, "a\nb\n": `user "u": token contains a line break, so no request can be sent`,
	} {
		k, err := judge.ReadKubeconfig("a.conf", []byte(base), func(string) ([]byte, error) { return []byte(content), nil }, now)
		require.NoError(t, err)
		var got []string
		for _, f := range k.Findings {
			if f.Kind == "user" {
				got = append(got, f.Text())
			}
		}
		if want == "" {
			assert.Empty(t, got)
		} else {
			assert.Equal(t, []string{want}, got, "%q", content)
		}
	}
}

// A file that a kubeconfig names is relative to the kubeconfig.
func TestNamedCertificates(t *testing.T) {
	dir := t.TempDir()
	ca := authority(t, "kubernetes", nil)
	write(t, filepath.Join(dir, "x", "ca.crt"), ca.certPEM())
	conf := filepath.Join(dir, "admin.conf")
	list, f := judge.NamedCertificates(conf, nil, "x/ca.crt", "certificate authority")
	require.Nil(t, f)
	assert.Len(t, list, 1)
	list, f = judge.NamedCertificates(conf, ca.certPEM(), "x/gone.crt", "certificate authority")
	require.Nil(t, f, "the data counts")
	assert.Len(t, list, 1)
	_, f = judge.NamedCertificates(conf, nil, "gone.crt", "certificate authority")
	require.NotNil(t, f)
	assert.Equal(t, "the certificate authority it names is missing ("+dir+"/gone.crt)", f.Text())
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	_, f = judge.NamedCertificates(conf, nil, "folder", "client certificate")
	require.NotNil(t, f)
	assert.Equal(t, "the client certificate it names cannot be read: is a directory ("+dir+"/folder)", f.Text())
	list, f = judge.NamedCertificates(conf, nil, "", "client certificate")
	assert.Nil(t, f)
	assert.Empty(t, list)
	_, f = judge.NamedCertificates(conf, pki.EncodeCertificates(), "", "client certificate")
	assert.Nil(t, f)
}
