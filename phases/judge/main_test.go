package judge_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

const day = 24 * time.Hour

var (
	birth = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	now   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

// pair is a certificate and its key.
type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (p pair) certPEM() []byte { return pki.EncodeCertificates(p.cert) }

func (p pair) keyPEM(t testing.TB) []byte {
	t.Helper()
	data, err := pki.EncodePrivateKey(p.key)
	require.NoError(t, err)
	return data
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// issued makes a certificate: a server and client of names enough, unless change says otherwise. by nil: it signs itself.
func issued(t testing.TB, cn string, by *pair, change func(*x509.Certificate)) pair {
	t.Helper()
	key := newKey(t)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: cn}, NotBefore: birth, NotAfter: birth.Add(365 * day),
		DNSNames: []string{"a.example.com"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 10)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	require.NoError(t, err)
	out, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return pair{out, key}
}

// authority makes a CA.
func authority(t testing.TB, cn string, by *pair) pair {
	t.Helper()
	return issued(t, cn, by, func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.ExtKeyUsage, c.NotAfter = true, x509.KeyUsageCertSign, nil, birth.Add(3650*day)
		c.DNSNames, c.IPAddresses = nil, nil
	})
}

func tree(t testing.TB, change func(*certs.Cluster)) certs.Tree {
	t.Helper()
	c := certs.Cluster{
		Name: "kubernetes", ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")}, DNSDomain: "cluster.local",
		Nodes:        []certs.Node{{Name: "cp-1", AdvertiseAddress: netip.MustParseAddr("192.0.2.10"), BindPort: 6443}},
		KeyAlgorithm: pki.ECDSAP256, Validity: 365 * day, CAValidity: 3650 * day,
	}
	if change != nil {
		change(&c)
	}
	out, err := certs.New(c)
	require.NoError(t, err)
	return out
}

func siteIn(dir string) judge.Site {
	return judge.Site{Dirs: judge.Dirs{Cert: filepath.Join(dir, "pki"), Kubeconfig: dir}}
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, data, 0o600))
}
