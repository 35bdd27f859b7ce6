package pki_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki"
)

// FuzzParseSigned: PEM, DER or PKCS #7, what is read is what crypto/x509 reads, and is read again from what is written.
func FuzzParseSigned(f *testing.F) {
	a, b := newRoot(f, "a").Certificate(), newRoot(f, "b").Certificate()
	p7 := pkcs7(f, b, a)
	seeds := [][]byte{a.Raw, p7, block("PKCS7", p7), block("CMS", p7), join(block("PKCS7", p7), pki.EncodeCertificates(a)), pki.EncodeCertificates(a, b), pkcs7(f), block("X509 CERTIFICATE", a.Raw), {0x30, 0x80}}
	require.NotEmpty(f, seeds)
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		var list []*x509.Certificate
		var err error
		fuzzbound.Within(t, len(data), func() { list, err = pki.ParseSigned(data) })
		if err != nil {
			return
		}
		require.NotEmpty(t, list)
		again, err := pki.ParseSigned(pki.EncodeCertificates(list...))
		require.NoError(t, err)
		require.Equal(t, list, again)
		if there, err := x509.ParseCertificates(data); err == nil { // PKCS #7 may be BER, and is read as the DER that it stands for
			require.Equal(t, there, list)
		}
	})
}

// PKCS #7 comes as BER, too: lengths that are told by an end mark. What is nested without end is not handed to a library
// that copies the rest at every level.
func TestParseSignedBER(t *testing.T) {
	a := newRoot(t, "a").Certificate()
	p7 := pkcs7(t, a)
	require.Equal(t, []byte{0x30, 0x82}, p7[:2])
	ber := append(append([]byte{0x30, 0x80}, p7[4:]...), 0, 0)
	list, err := pki.ParseSigned(ber)
	require.NoError(t, err)
	require.Equal(t, []*x509.Certificate{a}, list)
	for _, bad := range [][]byte{
		bytes.Repeat([]byte{0x30, 0x80}, 30_000), bytes.Repeat([]byte{0x3f, 0x81, 0x01, 0x80}, 15_000), ber[:len(ber)-2], ber[:40],
		{0x30, 0x80, 0x04, 0x80}, {0x30, 0x85, 1, 1, 1, 1, 1}, {0x30, 0x80, 0x1f, 0x81}, {0x30, 0x80, 0x04, 0x05, 0},
	} {
		fuzzbound.Within(t, len(bad), func() {
			_, err := pki.ParseSigned(bad)
			require.Error(t, err)
		})
	}
}

// FuzzParsePrivateKey: what crypto/x509 reads of a key and Kubernetes takes is the same key here; a fault repeats no
// secret; nothing that is no key is taken for one.
func FuzzParsePrivateKey(f *testing.F) {
	seeds := 0
	for _, a := range []pki.KeyAlgorithm{pki.ECDSAP256, pki.ECDSAP384, pki.Ed25519, pki.RSA2048} {
		der, err := x509.MarshalPKCS8PrivateKey(newKey(f, a))
		require.NoError(f, err)
		f.Add("PRIVATE KEY", der)
		f.Add("EC PRIVATE KEY", der)
		f.Add("ENCRYPTED PRIVATE KEY", der)
		seeds++
	}
	require.Equal(f, 4, seeds)
	f.Fuzz(func(t *testing.T, kind string, der []byte) {
		defer fuzzbound.Hold(t, len(kind)+len(der))()
		data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		if data == nil {
			return
		}
		var key crypto.Signer
		var err error
		fuzzbound.Within(t, len(data), func() { key, err = pki.ParsePrivateKey(data) })
		if err != nil {
			require.Less(t, len(err.Error()), 400)
			require.True(t, utf8.ValidString(err.Error()))
			return
		}
		theirs, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			if theirs, err = x509.ParsePKCS1PrivateKey(der); err != nil {
				theirs, err = x509.ParseECPrivateKey(der)
			}
		}
		require.NoError(t, err)
		require.True(t, pki.SameKey(key.Public(), theirs.(crypto.Signer).Public()))
		require.Nil(t, pki.KeyFault(key.Public()))
	})
}

// FuzzSubject: a user and groups that may be issued are in the request as they were given, and come back from it.
func FuzzSubject(f *testing.F) {
	key := newKey(f, pki.Ed25519)
	seeds := []pki.Subject{{CommonName: "alice", Organization: []string{"dev", "ops"}}, {CommonName: "system:node:cp-1", Organization: []string{"system:nodes", "system:nodes"}}, {CommonName: "\u00e9", Organization: []string{"", " "}},
		{CommonName: "a\x00b", Organization: []string{"*", "+"}}, {CommonName: "a,b=c", Organization: []string{"\xff", "\u202e"}}}
	require.NotEmpty(f, seeds)
	for _, s := range seeds {
		f.Add(s.CommonName, s.Organization[0], s.Organization[1])
	}
	f.Fuzz(func(t *testing.T, cn, one, two string) {
		defer fuzzbound.Hold(t, len(cn)+len(one)+len(two))()
		s := pki.Subject{CommonName: cn, Organization: []string{one, two}}
		if s.Check() != nil {
			return
		}
		var der []byte
		var err error
		fuzzbound.Within(t, len(cn)+len(one)+len(two), func() {
			der, err = pki.NewCSR(pki.Template{Subject: s, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, key)
		})
		require.NoError(t, err)
		r, err := x509.ParseCertificateRequest(der)
		require.NoError(t, err)
		back := pki.SubjectOf(r.Subject, r.RawSubject)
		require.True(t, s.Equal(back), "%q came back as %q", s, back)
		require.NoError(t, back.Check())
	})
}
