package phases_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
)

// tbs is RFC 5280's TBSCertificate as it was encoded.
type tbs struct {
	Version    int `asn1:"optional,explicit,default:0,tag:0"`
	Serial     asn1.RawValue
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     asn1.RawValue
	Validity   asn1.RawValue
	Subject    asn1.RawValue
	Key        asn1.RawValue
	Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
}

// rewrite changes the body of a certificate of the standard library in a way that the library does not, and has it
// signed again by an ECDSA key.
func rewrite(t testing.TB, c *x509.Certificate, key crypto.Signer, change func(*tbs)) *x509.Certificate {
	t.Helper()
	var body tbs
	_, err := asn1.Unmarshal(c.RawTBSCertificate, &body)
	require.NoError(t, err)
	change(&body)
	der, err := asn1.Marshal(body)
	require.NoError(t, err)
	sum := sha256.Sum256(der)
	sig, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	require.NoError(t, err)
	all, err := asn1.Marshal(struct {
		Body      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: der}, body.Algorithm, asn1.BitString{Bytes: sig, BitLength: 8 * len(sig)}})
	require.NoError(t, err)
	out, err := x509.ParseCertificate(all)
	require.NoError(t, err)
	return out
}

// version1 is a root as it was made before there were extensions.
func version1(t testing.TB, c *x509.Certificate, key crypto.Signer) *x509.Certificate {
	return rewrite(t, c, key, func(b *tbs) { b.Version, b.Extensions = 0, nil })
}

// withoutKeyID is a root without a subject key identifier: of kubeadm when it was built with Go before 1.15.
func withoutKeyID(t testing.TB, c *x509.Certificate, key crypto.Signer) *x509.Certificate {
	return rewrite(t, certify(t, c, nil, key, nil), key, func(b *tbs) {
		b.Extensions = slices.DeleteFunc(b.Extensions, func(e pkix.Extension) bool { return e.Id.String() == "2.5.29.14" })
	})
}

func pubOf(t testing.TB, keys ...crypto.Signer) []byte {
	t.Helper()
	var out []byte
	for _, k := range keys {
		data, err := pki.EncodePublicKey(k.Public())
		require.NoError(t, err)
		out = append(out, data...)
	}
	return out
}
