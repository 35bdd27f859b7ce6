package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func madeRequest(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "web"}, DNSNames: []string{"a.example"}}, key)
	require.NoError(t, err)
	return der
}

func TestParseRequest(t *testing.T) {
	der := madeRequest(t)
	q, err := ParseRequest(append(der, 5, 0))
	require.NoError(t, err)
	assert.Equal(t, der, q.Raw, "what follows is no part of it")
	assert.Equal(t, "CN=web", q.Subject().String())
	assert.Equal(t, 0, q.Version())
	assert.Equal(t, "SHA-256", q.Hash())
	assert.Equal(t, "1.2.840.10045.4.3.2", q.SignatureAlgorithm().OID)
	require.Len(t, q.Attributes(), 1)
	list, ok := q.Extensions()
	require.True(t, ok)
	require.Len(t, list, 1)
	assert.Equal(t, "2.5.29.17", list[0].OID)
	pub, other := PublicKey(q.PublicKeyInfo())
	assert.Empty(t, other)
	assert.IsType(t, &ecdsa.PublicKey{}, pub)
	assert.NoError(t, q.CheckSignature())

	q.signature = append([]byte(nil), q.signature...)
	q.signature[len(q.signature)-1] ^= 1
	assert.ErrorIs(t, q.CheckSignature(), ErrRequestSignature)
	q.algorithm.oid = "\x2a\x03"
	assert.ErrorIs(t, q.CheckSignature(), ErrRequestUnchecked)
	assert.Empty(t, q.Hash())
}

// TestParseRequestRefuses: every way to cut a request short, and every change of the type of an element that counts.
func TestParseRequestRefuses(t *testing.T) {
	der := madeRequest(t)
	for n := range der {
		_, err := ParseRequest(der[:n])
		assert.EqualError(t, err, "not a certificate request", "%d octets", n)
	}
	for _, at := range []int{0, 3, 6, 9} { // the request, its signed part, version and name
		odd := append([]byte(nil), der...)
		odd[at] ^= 0x40
		_, err := ParseRequest(odd)
		assert.Error(t, err, "octet %d", at)
	}
}
