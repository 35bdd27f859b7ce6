package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	zx509 "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// lints are the RFC sources of zlint. The rules of the Web PKI forbid what
// Kubernetes needs (private names, long lives). They judge here and not in the program, whose start they would double.
var lints = sync.OnceValues(func() (lint.Registry, error) {
	return lint.GlobalRegistry().Filter(lint.FilterOptions{
		IncludeSources: lint.SourceList{lint.RFC3279, lint.RFC5280, lint.RFC5480, lint.RFC5891, lint.RFC6960, lint.RFC6962, lint.RFC8813},
	})
})

// faults are the lints that a certificate (DER) fails, errors and warnings, as "name: detail".
func faults(t testing.TB, der []byte) []string {
	t.Helper()
	reg, err := lints()
	require.NoError(t, err)
	c, err := zx509.ParseCertificate(der)
	require.NoError(t, err)
	var out []string
	for name, r := range zlint.LintCertificateEx(c, reg).Results {
		if r.Status >= lint.Warn {
			out = append(out, strings.TrimSuffix(fmt.Sprintf("%s: %s", name, r.Details), ": "))
		}
	}
	slices.Sort(out)
	return out
}

// The lints find what RFC 5280 and its companions forbid, and let pass what
// only the Web PKI forbids: a private name, a long life.
func TestFaults(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "ca"}, SubjectKeyId: []byte{2}}
	of := func(change func(*x509.Certificate)) []string {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: now, NotAfter: now.AddDate(10, 0, 0), BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{clientAuth}, DNSNames: []string{"kubernetes"}, SubjectKeyId: []byte{1},
		}
		change(c)
		return faults(t, spoil(t, c, ca, key.Public(), key).Raw)
	}
	assert.Empty(t, of(func(*x509.Certificate) {}))
	// kubeadm's key usage of ECDSA leaves (RFC 8813 3), and its leaves without SKI (RFC 5280 4.2.1.2).
	bad := of(func(c *x509.Certificate) {
		c.KeyUsage |= x509.KeyUsageKeyEncipherment
		c.ExtKeyUsage = []x509.ExtKeyUsage{serverAuth}
	})
	require.Len(t, bad, 1)
	assert.Contains(t, bad[0], "e_ecdsa_allowed_ku")
	bad = of(func(c *x509.Certificate) { c.SubjectKeyId = nil })
	require.NotEmpty(t, bad)
	assert.Contains(t, bad[0], "subject_key_identifier")
}
