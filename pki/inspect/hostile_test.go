package inspect_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
)

// hugeKey is a root with a modulus of a million bits, and a signature as long:
// checking it would take minutes.
func hugeKey(t *testing.T) []byte {
	t.Helper()
	signer, err := pki.GenerateKey(pki.RSA2048)
	require.NoError(t, err)
	n := new(big.Int).Lsh(big.NewInt(1), 1<<20)
	n.Sub(n, big.NewInt(1))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "huge"}, NotBefore: now, NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &rsa.PublicKey{N: n, E: 1<<31 - 1}, signer)
	require.NoError(t, err)
	var parts struct {
		TBS       asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	_, err = asn1.Unmarshal(der, &parts)
	require.NoError(t, err)
	long := bytes.Repeat([]byte{0x5a}, n.BitLen()/8)
	parts.Signature = asn1.BitString{Bytes: long, BitLength: 8 * len(long)}
	der, err = asn1.Marshal(parts)
	require.NoError(t, err)
	return der
}

func TestHugeKeysAreNotTried(t *testing.T) {
	objects, faults := inspect.Parse(hugeKey(t))
	require.Empty(t, faults)
	require.Len(t, objects, 1)
	d := objects[0].Describe()
	assert.False(t, d.SelfSigned)
	assert.Equal(t, "RSA-1048576", d.Key)
	assert.NotEmpty(t, objects[0].Text())
	_, ok := inspect.NewIssuers([]inspect.Object{objects[0], objects[0]}).Of(objects[0])
	assert.False(t, ok)
}

func TestEncryptedKeysSayNothing(t *testing.T) {
	for _, b := range []*pem.Block{
		{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{0x30, 0}},
		{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte{1}},
	} {
		objects, faults := inspect.Parse(pem.EncodeToMemory(b))
		require.Empty(t, faults)
		require.Len(t, objects, 1)
		assert.Equal(t, inspect.Description{Kind: inspect.KindPrivateKey, Encrypted: true}, objects[0].Describe())
		assert.Equal(t, "Encrypted private key\n", objects[0].Text())
	}
}

// TestTrustedCertificates: openssl's own label, with settings behind the certificate.
func TestTrustedCertificates(t *testing.T) {
	m := makeAll(t)
	objects, faults := inspect.Parse(block("TRUSTED CERTIFICATE", append(bytes.Clone(m.ca), 0x30, 0)))
	require.Empty(t, faults)
	require.Len(t, objects, 1)
	assert.Equal(t, m.ca, objects[0].Certificate.Raw)
}
