package verify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki/verify"
)

// FuzzParseRequest: what is read is read again from the request's own octets; and what crypto/x509 takes with a good
// signature, this package takes with a good signature or says that it does not know it, never that it is wrong.
func FuzzParseRequest(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(f, err)
	seeds := 0
	for _, r := range []*x509.CertificateRequest{
		{Subject: pkix.Name{CommonName: "bob"}}, {DNSNames: []string{"a.b"}}, {Subject: pkix.Name{Organization: []string{"a", "b"}}, ExtraExtensions: []pkix.Extension{{Id: []int{1, 2, 3}, Value: []byte{5, 0}}}},
	} {
		der, err := x509.CreateCertificateRequest(rand.Reader, r, key)
		require.NoError(f, err)
		f.Add(der)
		seeds++
	}
	require.Equal(f, 3, seeds)
	f.Fuzz(func(t *testing.T, der []byte) {
		defer fuzzbound.Hold(t, len(der))()
		var q *verify.Request
		var err error
		fuzzbound.Within(t, len(der), func() { q, err = verify.ParseRequest(der) })
		if err != nil {
			return
		}
		again, err := verify.ParseRequest(q.Raw)
		require.NoError(t, err)
		require.True(t, q.Subject().Equal(again.Subject()))
		require.Equal(t, q.Attributes(), again.Attributes())
		q.Extensions()
		q.Hash()
		_ = q.CheckSignature()
		if theirs, err := x509.ParseCertificateRequest(q.Raw); err == nil && theirs.CheckSignature() == nil {
			assert.NotErrorIs(t, q.CheckSignature(), verify.ErrRequestSignature)
		}
	})
}

// FuzzParseTrustedCertificate: the certificate in front is the one that is read without what follows it.
func FuzzParseTrustedCertificate(f *testing.F) {
	seeds := [][]byte{aRoot(), append(aRoot(), forgeSeq(forgeSeq())...), append(aLeaf(), forgeSeq(forgeTLV(0xa0), forgeTLV(0x0c, []byte("alias")))...)}
	require.NotEmpty(f, seeds)
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		defer fuzzbound.Hold(t, len(der))()
		var c *verify.Certificate
		var err error
		fuzzbound.Within(t, len(der), func() { c, err = verify.ParseTrustedCertificate(der) })
		if err != nil {
			return
		}
		plain, err := verify.ParseCertificate(c.Raw)
		require.NoError(t, err)
		require.True(t, c.Equal(plain))
		verify.Verify(plain, verify.NewTrustedList([]*verify.Certificate{c}), nil, nil, verify.NewOptions(askedTime))
	})
}

// FuzzParseIP: every address that net/netip writes is read as that address.
func FuzzParseIP(f *testing.F) {
	seeds := []string{"192.0.2.1", "::1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0", "+1.02. 3.4", "1.2.3.4 x", ":::", "1::2::3", "", "::"}
	require.NotEmpty(f, seeds)
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		defer fuzzbound.Hold(t, len(text))()
		got, ok := verify.ParseIP(text)
		require.True(t, !ok || got.IsValid() && got.Zone() == "")
		want, err := netip.ParseAddr(text)
		if err != nil || want.Zone() != "" || want.String() != text || want.Is4In6() {
			return
		}
		require.True(t, ok, text)
		require.Equal(t, want, got)
	})
}
