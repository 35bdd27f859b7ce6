package judge_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/phases/judge"
)

// TestSignatureUnchecked: of a certificate that says that it is signed with MD5 nobody can tell who signed it. No library
// here signs so, and the label is written over another one.
func TestSignatureUnchecked(t *testing.T) {
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	at := time.Now()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: at, NotAfter: at.Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: at, NotAfter: at.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	made := func(c *x509.Certificate, pub any) []byte {
		der, err := x509.CreateCertificate(rand.Reader, c, ca, pub, signer)
		require.NoError(t, err)
		return der
	}
	parsed := func(der []byte) *x509.Certificate {
		c, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		return c
	}
	sha256WithRSA, md5WithRSA := []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"), []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04")
	der := bytes.ReplaceAll(made(leaf, key.Public()), sha256WithRSA, md5WithRSA)
	c := parsed(der)
	require.Equal(t, x509.MD5WithRSA, c.SignatureAlgorithm)
	trust := judge.NewTrust("ca.crt", []*x509.Certificate{parsed(made(ca, signer.Public()))})
	found := judge.Certificate([]*x509.Certificate{c}, trust, judge.Purpose{Usages: leaf.ExtKeyUsage}, at)
	require.Len(t, found, 1)
	assert.Equal(t, finding.SignatureUnchecked, found[0].ID)
	assert.Equal(t, "certificate is signed with MD5-RSA, which shows nothing of who signed it", found[0].Text())
}
