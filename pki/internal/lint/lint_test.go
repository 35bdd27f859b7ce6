package lint_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/internal/lint"
)

func certificate(t *testing.T, change func(*x509.Certificate)) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: now, NotAfter: now.Add(time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, DNSNames: []string{"kubernetes"}, SubjectKeyId: []byte{1},
	}
	change(c)
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "ca"}, SubjectKeyId: []byte{2}}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, key.Public(), key)
	require.NoError(t, err)
	return der
}

// The lints find what RFC 5280 and its companions forbid, and let pass what
// only the Web PKI forbids: a private name, a long life.
func TestFaults(t *testing.T) {
	faults, err := lint.Faults(certificate(t, func(c *x509.Certificate) { c.NotAfter = c.NotAfter.AddDate(10, 0, 0) }), true)
	require.NoError(t, err)
	assert.Empty(t, faults)

	// kubeadm's key usage of ECDSA leaves (RFC 8813 3).
	faults, err = lint.Faults(certificate(t, func(c *x509.Certificate) {
		c.KeyUsage |= x509.KeyUsageKeyEncipherment
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}), false)
	require.NoError(t, err)
	require.Len(t, faults, 1)
	assert.Contains(t, faults[0], "e_ecdsa_allowed_ku")

	// A warning is told when it is asked for: kubeadm's leaves have no SKI (RFC 5280 4.2.1.2).
	bare := certificate(t, func(c *x509.Certificate) { c.SubjectKeyId = nil })
	faults, err = lint.Faults(bare, false)
	require.NoError(t, err)
	assert.Empty(t, faults)
	faults, err = lint.Faults(bare, true)
	require.NoError(t, err)
	require.NotEmpty(t, faults)
	assert.Contains(t, faults[0], "subject_key_identifier")

	_, err = lint.Faults([]byte("nonsense"), true)
	assert.Error(t, err)
}
