package pki_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"

	"github.com/pkitool/pkitool/pki"
)

// BenchmarkIssue is one certificate: ours beside crypto/x509 alone, which is the limit.
func BenchmarkIssue(b *testing.B) {
	for _, a := range []pki.KeyAlgorithm{pki.ECDSAP256, pki.RSA2048} {
		root, key := newRoot(b, "root"), newKey(b, a)
		if a == pki.RSA2048 {
			root, _ = pki.SelfSign(b.Context(), caTemplate("root"), key)
		}
		tmpl := withSANs(leafTemplate("kube-apiserver", serverAuth), manySANs)
		b.Run(string(a), func(b *testing.B) {
			for b.Loop() {
				if _, err := root.Issue(b.Context(), tmpl, key); err != nil {
					b.Fatal(err)
				}
			}
		})
		var signer crypto.Signer = key
		if a == pki.ECDSAP256 {
			signer = newKey(b, a)
		}
		ca := spoil(b, &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, Subject: pkix.Name{CommonName: "root"}, NotBefore: now, NotAfter: now.Add(hour)},
			&x509.Certificate{Subject: pkix.Name{CommonName: "root"}}, signer.Public(), signer)
		bare := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kube-apiserver"}, NotBefore: now, NotAfter: now.Add(hour), DNSNames: manySANs.DNS,
			IPAddresses: []net.IP{net.IPv4(10, 96, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: tmpl.ExtKeyUsage, BasicConstraintsValid: true}
		b.Run(string(a)+"/bare", func(b *testing.B) {
			for b.Loop() {
				if _, err := x509.CreateCertificate(rand.Reader, bare, ca, key.Public(), signer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
