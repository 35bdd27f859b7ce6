package pki_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki"
)

// TestRawSANs: names are taken over byte for byte, or the proof fails.
func TestRawSANs(t *testing.T) {
	key, err := pki.GenerateKey(pki.ECDSAP256)
	require.NoError(t, err)
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	root, err := pki.SelfSign(t.Context(), pki.Template{Subject: pki.Subject{CommonName: "ca"}, CA: true, NotBefore: at, NotAfter: at.Add(time.Hour)}, key)
	require.NoError(t, err)
	leaf, err := pki.GenerateKey(pki.ECDSAP256)
	require.NoError(t, err)
	encode := func(names ...asn1.RawValue) []byte {
		der, err := asn1.Marshal(names)
		require.NoError(t, err)
		return der
	}
	dns := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte("b.example.com")}
	ip := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 7, Bytes: []byte{192, 0, 2, 1}}
	rid := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 8, Bytes: []byte{42, 3, 4}}
	raw := encode(ip, rid, dns)
	sans, err := pki.ParseSANs([]string{"b.example.com", "192.0.2.1"})
	require.NoError(t, err)
	template := pki.Template{
		Subject: pki.Subject{CommonName: "x"}, SANs: sans, RawSANs: raw, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: at, NotAfter: at.Add(time.Minute),
	}
	chain, err := root.Issue(t.Context(), template, leaf)
	require.NoError(t, err)
	got := chain[0].Extensions[0:0:0]
	for _, e := range chain[0].Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			got = append(got, e)
		}
	}
	assert.Equal(t, []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: raw}}, got)

	template.RawSANs = encode(dns)
	_, err = root.Issue(t.Context(), template, leaf)
	assert.EqualError(t, err, "signed certificate is not what was asked for: subject alternative names", "the two ways of saying it must agree")
}
