package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/verify"
)

// serving is an anchor and a certificate as a Kubernetes API server has it.
func serving(tb testing.TB, key func() crypto.Signer) (anchor, leaf []byte) {
	tb.Helper()
	caKey, leafKey := key(), key()
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"},
		NotBefore: now, NotAfter: now.AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, SubjectKeyId: []byte{1, 2, 3},
	}
	anchor, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	require.NoError(tb, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1 << 60), Subject: pkix.Name{CommonName: "kube-apiserver"},
		NotBefore: now, NotAfter: now.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		DNSNames:    []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "node-1"},
		IPAddresses: []net.IP{net.IPv4(10, 96, 0, 1).To4(), net.IPv4(192, 168, 1, 10).To4()},
	}
	leaf, err = x509.CreateCertificate(rand.Reader, tmpl, ca, leafKey.Public(), caKey)
	require.NoError(tb, err)
	return anchor, leaf
}

func benchKeys(tb testing.TB) map[string]func() crypto.Signer {
	return map[string]func() crypto.Signer{
		"ECDSA-P256": func() crypto.Signer {
			k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			require.NoError(tb, err)
			return k
		},
		"RSA-2048": func() crypto.Signer {
			k, err := rsa.GenerateKey(rand.Reader, 2048)
			require.NoError(tb, err)
			return k
		},
	}
}

// BenchmarkVerify is one target of many: read it, verify it against an anchor
// that was read before. "bare" is what cannot be less: the standard library's
// parser and one signature check.
func BenchmarkVerify(b *testing.B) {
	for name, key := range benchKeys(b) {
		ca, der := serving(b, key)
		b.Run(name+"/verify", func(b *testing.B) {
			anchor, err := verify.ParseCertificate(ca)
			require.NoError(b, err)
			trust := verify.NewStore([]*verify.Certificate{anchor}, nil)
			opts := verify.NewOptions(time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC))
			b.ReportAllocs()
			for b.Loop() {
				c, err := verify.ParseCertificate(der)
				if err != nil || !verify.Verify(c, trust, nil, nil, opts).OK {
					b.Fatal("does not verify")
				}
			}
		})
		b.Run(name+"/parse", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verify.ParseCertificate(der); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/bare", func(b *testing.B) {
			anchor, err := x509.ParseCertificate(ca)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				c, err := x509.ParseCertificate(der)
				if err != nil || anchor.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
					b.Fatal("does not verify")
				}
			}
		})
	}
}
