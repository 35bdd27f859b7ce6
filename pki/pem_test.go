package pki_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func crlf(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")) }

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

const mark = "\xef\xbb\xbf"

// headed is the PEM of a certificate with headers, as some tools of Windows write it.
func headed(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"friendlyName": "x"}, Bytes: c.Raw})
}

// damage spoils the base64 of a PEM block.
func damage(t *testing.T, data []byte) []byte {
	t.Helper()
	out := bytes.Replace(data, []byte("MIIB"), []byte("M*IB"), 1)
	require.NotEqual(t, data, out)
	return out
}

func utf16(data []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, b := range data {
		out = append(out, b, 0)
	}
	return out
}

func indent(data []byte) []byte {
	return bytes.ReplaceAll(append([]byte("  "), data...), []byte("\n"), []byte("\n  "))
}

func names(list []*x509.Certificate) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.Subject.CommonName)
	}
	return out
}

func texts(list []finding.Finding) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.Text())
	}
	return out
}

// isFinding says that an error is a finding of this id with this text.
func isFinding(t *testing.T, err error, id finding.ID, text string) {
	t.Helper()
	var f *finding.Finding
	require.ErrorAs(t, err, &f)
	assert.Equal(t, id, f.ID)
	assert.EqualError(t, err, text)
}

// A leaf's file is read as crypto/tls reads it: the same certificates, or an error here where a component would serve
// half of what is meant.
func TestParseCertificates(t *testing.T) {
	a, b := newRoot(t, "a"), newRoot(t, "b")
	pa, pb := pki.EncodeCertificates(a.Certificate()), pki.EncodeCertificates(b.Certificate())
	key, err := pki.EncodePrivateKey(newKey(t, pki.ECDSAP256))
	require.NoError(t, err)
	params := block("DH PARAMETERS", []byte{0x30, 0})
	const noPEM, marked = "file holds no PEM block", "begins with a byte-order mark, behind which no Kubernetes component finds a PEM block"
	tests := []struct {
		name string
		data []byte
		want []string
		id   finding.ID
		err  string
	}{
		{name: "one", data: pa, want: []string{"a"}},
		{name: "two, in their order", data: join(pb, pa), want: []string{"b", "a"}},
		{name: "the same twice", data: join(pa, pa), want: []string{"a", "a"}},
		{name: "Windows line ends", data: crlf(join(pa, pb)), want: []string{"a", "b"}},
		{name: "text around", data: join([]byte("Certificate:\n    Data: ...\n"), pa, []byte("# next\n"), pb, []byte("end")), want: []string{"a", "b"}},
		{name: "no newline at the end", data: bytes.TrimSpace(pa), want: []string{"a"}},
		{name: "a key and parameters beside", data: join(key, params, pa), want: []string{"a"}},
		{name: "a damaged key beside", data: join(key[:len(key)-30], []byte("\n"), pa), want: []string{"a"}},
		{name: "bag attributes of openssl pkcs12", data: join([]byte("Bag Attributes\n    friendlyName: x\nsubject=CN = a\n\nissuer=CN = a\n\n"), pa), want: []string{"a"}},
		{name: "PEM headers", data: headed(a.Certificate()), want: []string{"a"}},
		{name: "a certificate that is commented out", data: join([]byte("# -----BEGIN CERTIFICATE-----\n# MII\n"), pa), want: []string{"a"}},
		{name: "text behind a byte-order mark", data: join([]byte(mark+"# ours\n"), pa), want: []string{"a"}},
		{name: "a byte-order mark in front of a key", data: join([]byte(mark), key, pa), want: []string{"a"}},

		{name: "byte-order mark", data: join([]byte(mark), pa), id: finding.ByteOrderMark, err: marked},
		{name: "byte-order mark and white space", data: join([]byte(mark+" "), pa), id: finding.ByteOrderMark, err: marked},
		{name: "byte-order mark in front of two", data: join([]byte(mark), pa, pb), id: finding.ByteOrderMark, err: marked},
		{name: "empty", data: nil, id: finding.FileEmpty, err: "file is empty"},
		{name: "white space", data: []byte(" \r\n\t"), id: finding.FileEmpty, err: "file is empty"},
		{name: "a mark and nothing", data: []byte(mark), id: finding.FileEmpty, err: "file is empty"},
		{name: "nonsense", data: []byte("hello"), id: finding.PEMMissing, err: noPEM},
		{name: "DER", data: a.Certificate().Raw, id: finding.DERInsteadOfPEM, err: "file is DER, not PEM"},
		{name: "UTF-16", data: utf16(pa), id: finding.UTF16, err: "file is UTF-16 text"},
		{name: "indented", data: indent(pa), id: finding.PEMDamaged, err: "PEM is damaged: 0 of 1 blocks can be read"},
		{name: "line ends of an old Macintosh", data: bytes.ReplaceAll(pa, []byte("\n"), []byte("\r")), id: finding.PEMDamaged, err: "PEM is damaged: 0 of 1 blocks can be read"},
		{name: "a key", data: key, id: finding.CertificateNone, err: `file holds no certificate, but a block of type "EC PRIVATE KEY"`},
		{name: "a damaged key", data: key[:len(key)-30], id: finding.CertificateNone, err: `file holds no certificate, but a block of type "EC PRIVATE KEY"`},
		{name: "a type that writes on the terminal", data: block("X\x1b[2JY", nil), id: finding.CertificateNone, err: `file holds no certificate, but a block of type "X\x1b[2JY"`},
		{name: "a long type", data: block(strings.Repeat("x", 90), nil), id: finding.CertificateNone, err: `file holds no certificate, but a block of type "` + strings.Repeat("x", 40) + `..."`},
		{name: "a damaged block in a bundle", data: join(pa, damage(t, pb), pa), id: finding.PEMDamaged, err: "PEM is damaged: 2 of 3 blocks can be read"},
		{name: "torn", data: pa[:len(pa)-30], id: finding.PEMDamaged, err: "PEM is damaged: 0 of 1 blocks can be read"},
		{name: "torn in the first line", data: pa[:20], id: finding.PEMDamaged, err: "PEM is damaged: 0 of 1 blocks can be read"},
		{name: "a block that is no certificate", data: join(pa, block("CERTIFICATE", []byte("nonsense"))), id: finding.CertificateBroken, err: "certificate 2 cannot be read: malformed certificate"},
		{name: "a certificate with something behind it", data: block("CERTIFICATE", append(slices.Clone(a.Certificate().Raw), 0)), id: finding.CertificateBroken, err: "certificate 1 cannot be read: trailing data"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pki.ParseCertificates(tt.data)
			if tt.err != "" {
				isFinding(t, err, tt.id, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, names(got))
			_, err = tls.X509KeyPair(tt.data, key)
			assert.ErrorContains(t, err, "does not match", "crypto/tls reads the certificate too")
			again, err := pki.ParseCertificates(pki.EncodeCertificates(got...))
			require.NoError(t, err)
			assert.Equal(t, got, again)
		})
	}
}

// A trust file is read as each of its readers does. Beside it stand their own loops, so far as they are not in the
// standard library: what they take is what we give.
func TestParseTrust(t *testing.T) {
	a, b := newRoot(t, "a").Certificate(), newRoot(t, "b").Certificate()
	pa, pb := pki.EncodeCertificates(a), pki.EncodeCertificates(b)
	bad := block("CERTIFICATE", []byte("nonsense"))
	key, err := pki.EncodePrivateKey(newKey(t, pki.ECDSAP256))
	require.NoError(t, err)
	const (
		headers = "certificate 1 has PEM headers: Kubernetes components do not read a CA certificate with headers"
		broken1 = "certificate 1 cannot be read: malformed certificate"
		broken2 = "certificate 2 cannot be read: malformed certificate"
		etcdKey = `certificate 2 cannot be read: etcd takes every block for a certificate, and this one is of type "EC PRIVATE KEY"`
		marked  = "begins with a byte-order mark, behind which no Kubernetes component finds a PEM block"
	)
	type want struct {
		names, notes []string
		err          string
	}
	one := want{names: []string{"a"}}
	both := want{names: []string{"a", "b"}}
	note := func(name string, texts ...string) want { return want{names: []string{name}, notes: texts} }
	tests := []struct {
		name                 string
		data                 []byte
		client, server, etcd want
	}{
		{"one", pa, one, one, one},
		{"two", join(pa, pb), both, both, both},
		{"text and Windows line ends", crlf(join([]byte("# ours\n"), pa, []byte("text\n"), pb)), both, both, both},
		{"one with headers", headed(a), want{err: headers}, want{err: headers}, one},
		{"one with headers beside a good one", join(headed(a), pb), note("b", "certificate 1 cannot be read, so it is not trusted: it has PEM headers"),
			note("b", "certificate 1 cannot be read, so it is not trusted: it has PEM headers"), both},
		{"one that cannot be parsed", bad, want{err: broken1}, want{err: broken1}, want{err: broken1}},
		{"one that cannot be parsed beside a good one", join(pa, bad), note("a", "certificate 2 cannot be read, so it is not trusted: malformed certificate"), want{err: broken2}, want{err: broken2}},
		{"a damaged one beside a good one", join(damage(t, pa), pb), note("b", "certificate 1 cannot be read, so it is not trusted: its PEM is damaged"),
			note("b", "certificate 1 cannot be read, so it is not trusted: its PEM is damaged"), note("b", "certificate 1 cannot be read, so it is not trusted: its PEM is damaged")},
		{"a mark in front of the first", join([]byte(mark), pa, pb), note("b", "certificate 1 cannot be read, so it is not trusted: there is a byte-order mark in front of it"),
			note("b", "certificate 1 cannot be read, so it is not trusted: there is a byte-order mark in front of it"), note("b", "certificate 1 cannot be read, so it is not trusted: there is a byte-order mark in front of it")},
		{"a mark in front of the only one", join([]byte(mark), pa), want{err: marked}, want{err: marked}, want{err: marked}},
		{"a key beside", join(pa, key), one, one, want{err: etcdKey}},
		{"a key", key, want{err: `file holds no certificate, but a block of type "EC PRIVATE KEY"`}, want{err: `file holds no certificate, but a block of type "EC PRIVATE KEY"`},
			want{err: strings.Replace(etcdKey, "2", "1", 1)}},
		{"empty", nil, want{err: "file is empty"}, want{err: "file is empty"}, want{err: "file is empty"}},
	}
	for _, tt := range tests {
		for by, want := range map[pki.TrustReader]want{pki.ClientTrust: tt.client, pki.ServerTrust: tt.server, pki.EtcdTrust: tt.etcd} {
			t.Run(fmt.Sprint(tt.name, "/", by), func(t *testing.T) {
				got, notes, err := pki.ParseTrust(tt.data, by)
				assert.ElementsMatch(t, reads(by, tt.data), got, "what the reader itself takes")
				if want.err != "" {
					assert.EqualError(t, err, want.err)
					assert.Empty(t, notes)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, want.names, names(got))
				assert.Equal(t, want.notes, texts(notes))
			})
		}
	}
}

// reads is what the readers do: client-go v0.34 util/cert/pem.go, etcd v3.6 client/pkg/tlsutil, crypto/x509's CertPool.
func reads(by pki.TrustReader, data []byte) (out []*x509.Certificate) {
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			return out
		}
		if by != pki.EtcdTrust && (b.Type != "CERTIFICATE" || len(b.Headers) != 0) {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		switch {
		case err == nil:
			out = append(out, c)
		case by != pki.ClientTrust:
			return nil
		}
	}
}

// What a signer sends back, in all forms that are known.
func TestParseSigned(t *testing.T) {
	a, b := newRoot(t, "a").Certificate(), newRoot(t, "b").Certificate()
	pa := pki.EncodeCertificates(a)
	key, err := pki.EncodePrivateKey(newKey(t, pki.ECDSAP256))
	require.NoError(t, err)
	p7 := pkcs7(t, b, a)
	var outer asn1.RawValue
	_, err = asn1.Unmarshal(p7, &outer)
	require.NoError(t, err)
	tests := []struct {
		name string
		data []byte
		want []string
		id   finding.ID
		err  string
	}{
		{name: "PEM", data: pa, want: []string{"a"}},
		{name: "bag attributes, Windows line ends, byte-order mark", data: join([]byte(mark), crlf(join([]byte("Bag Attributes\n    friendlyName: x\n"), pa))), want: []string{"a"}},
		{name: "byte-order mark", data: join([]byte(mark), pa), want: []string{"a"}},
		{name: "headers", data: headed(a), want: []string{"a"}},
		{name: "a key beside", data: join(key, pa), want: []string{"a"}},
		{name: "DER", data: a.Raw, want: []string{"a"}},
		{name: "two in DER", data: join(a.Raw, b.Raw), want: []string{"a", "b"}},
		{name: "PKCS #7 in DER", data: p7, want: []string{"b", "a"}},
		{name: "PKCS #7 in BER", data: join([]byte{0x30, 0x80}, outer.Bytes, []byte{0, 0}), want: []string{"b", "a"}},
		{name: "PKCS #7 in PEM", data: block("PKCS7", p7), want: []string{"b", "a"}},
		{name: "PKCS #7 in PEM, with openssl's other label", data: block("PKCS #7 SIGNED DATA", p7), want: []string{"b", "a"}},
		{name: "PKCS #7 as a Windows CA labels it", data: crlf(block("CERTIFICATE", p7)), want: []string{"b", "a"}},
		{name: "PKCS #7 and PEM", data: join(block("PKCS7", p7), pa), want: []string{"b", "a", "a"}},

		{name: "empty", data: nil, id: finding.FileEmpty, err: "file is empty"},
		{name: "nonsense", data: []byte("hello"), id: finding.PEMMissing, err: "file holds no PEM block"},
		{name: "DER of something else", data: []byte{0x30, 0}, id: finding.CertificateBroken, err: "certificate 1 cannot be read: malformed tbs certificate"},
		{name: "PKCS #7 without certificates", data: block("PKCS7", pkcs7(t)), id: finding.CertificateBroken, err: "certificate 1 cannot be read: malformed tbs certificate"},
		{name: "levels without end", data: bytes.Repeat([]byte{0x30, 0x80}, 2<<20), id: finding.CertificateBroken, err: "certificate 1 cannot be read: malformed certificate"},
		{name: "as many levels as are read", data: bytes.Repeat([]byte{0x30, 0x80}, 32<<10), id: finding.CertificateBroken, err: "certificate 1 cannot be read: malformed certificate"},
		{name: "a damaged one", data: join(pa, damage(t, pa)), id: finding.PEMDamaged, err: "PEM is damaged: 1 of 2 blocks can be read"},
		{name: "a block with nothing in it", data: block("CERTIFICATE", nil), id: finding.CertificateBroken, err: "certificate 1 cannot be read: it is empty"},
		{name: "a key", data: key, id: finding.CertificateNone, err: `file holds no certificate, but a block of type "EC PRIVATE KEY"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pki.ParseSigned(tt.data)
			if tt.err != "" {
				isFinding(t, err, tt.id, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, names(got))
		})
	}
}

// PKCS #7 as openssl writes it, with an empty list of CRLs.
func TestParseSignedByOpenSSL(t *testing.T) {
	dir := t.TempDir()
	a, b := newRoot(t, "a").Certificate(), newRoot(t, "b").Certificate()
	write(t, dir, "both.pem", pki.EncodeCertificates(b, a))
	for _, form := range []string{"PEM", "DER"} {
		openssl(t, dir, "crl2pkcs7", "-nocrl", "-certfile", "both.pem", "-outform", form, "-out", "both.p7b")
		got, err := pki.ParseSigned(read(t, dir, "both.p7b"))
		require.NoError(t, err, form)
		assert.ElementsMatch(t, []string{"a", "b"}, names(got), form)
	}
}

// pkcs7 is a message as Java's keytool and Windows write it: without a list of CRLs.
func pkcs7(t testing.TB, list ...*x509.Certificate) []byte {
	t.Helper()
	type content struct {
		Type asn1.ObjectIdentifier
	}
	type signed struct {
		Version int
		Digests []asn1.RawValue `asn1:"set"`
		Content content
		Certs   asn1.RawValue
		Signers []asn1.RawValue `asn1:"set"`
	}
	var raw []byte
	for _, c := range list {
		raw = append(raw, c.Raw...)
	}
	der, err := asn1.Marshal(struct {
		Type asn1.ObjectIdentifier
		Body signed `asn1:"explicit,tag:0"`
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}, signed{Version: 1, Content: content{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}},
		Certs: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: raw}}})
	require.NoError(t, err)
	return der
}

// A file of 4 MiB, whatever is in it, is judged in no time and no space to speak of.
func TestParseHuge(t *testing.T) {
	for name, data := range map[string][]byte{
		"begins":    bytes.Repeat([]byte("-----BEGIN CERTIFICATE-----\n"), 4<<20/28),
		"one line":  bytes.Repeat([]byte("-----BEGIN "), 4<<20/11),
		"indented":  bytes.Repeat([]byte(" -----BEGIN \n"), 4<<20/13),
		"dashes":    bytes.Repeat([]byte("-"), 4<<20),
		"one block": block("CERTIFICATE", make([]byte, 3<<20)),
		"zeros":     make([]byte, 4<<20),
	} {
		_, err := pki.ParseCertificates(data)
		assert.Error(t, err, name)
		_, err = pki.ParsePrivateKey(data)
		assert.Error(t, err, name)
		_, _, err = pki.ParsePublicKeys(data)
		assert.Error(t, err, name)
		_, _, err = pki.ParseTrust(data, pki.ServerTrust)
		assert.Error(t, err, name)
		_, err = pki.ParseSigned(data)
		assert.Error(t, err, name)
	}
}

// FuzzParsePEM: no input makes a reader panic; what was read, written and read
// again is the same; and no error about a private key repeats a secret.
func FuzzParsePEM(f *testing.F) {
	root := newRoot(f, "a")
	key, err := pki.EncodePrivateKey(newKey(f, pki.Ed25519))
	require.NoError(f, err)
	pub, err := pki.EncodePublicKey(root.Certificate().PublicKey)
	require.NoError(f, err)
	seeds := [][]byte{key, pub, pki.EncodeCertificates(root.Certificate()), crlf(key), join(key, key), []byte("-----BEGIN "), block("ENCRYPTED PRIVATE KEY", nil),
		join([]byte(mark), pub, key), headed(root.Certificate()), join(headed(root.Certificate()), block("CERTIFICATE", nil))}
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		if list, err := pki.ParseCertificates(data); err == nil {
			require.NotEmpty(t, list)
			again, err := pki.ParseCertificates(pki.EncodeCertificates(list...))
			require.NoError(t, err)
			require.Equal(t, list, again)
		}
		if key, err := pki.ParsePrivateKey(data); err == nil {
			out, err := pki.EncodePrivateKey(key)
			require.NoError(t, err)
			again, err := pki.ParsePrivateKey(out)
			require.NoError(t, err)
			require.True(t, pki.SameKey(key.Public(), again.Public()))
		} else {
			require.Less(t, len(err.Error()), 400)
		}
		if keys, _, err := pki.ParsePublicKeys(data); err == nil {
			require.NotEmpty(t, keys)
		}
		for _, by := range []pki.TrustReader{pki.ClientTrust, pki.ServerTrust, pki.EtcdTrust} {
			list, _, err := pki.ParseTrust(data, by)
			require.ElementsMatch(t, reads(by, data), list)
			require.Equal(t, err == nil, len(list) > 0)
		}
		if list, err := pki.ParseSigned(data); err == nil {
			require.NotEmpty(t, list)
		}
	})
}
