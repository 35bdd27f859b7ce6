package pki_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
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
func pkcs7(t *testing.T, list ...*x509.Certificate) []byte {
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

func TestParsePrivateKey(t *testing.T) {
	ec, other := newKey(t, pki.ECDSAP256).(*ecdsa.PrivateKey), newKey(t, pki.ECDSAP256)
	rsaKey := newKey(t, pki.RSA2048).(*rsa.PrivateKey)
	ed := newKey(t, pki.Ed25519)
	sec1, err := x509.MarshalECPrivateKey(ec)
	require.NoError(t, err)
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		return der
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	params := block("EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7})
	cert := pki.EncodeCertificates(newRoot(t, "a").Certificate())
	plain, err := pki.EncodePrivateKey(ec)
	require.NoError(t, err)
	second, err := pki.EncodePrivateKey(other)
	require.NoError(t, err)
	legacy := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x"),
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}})
	tests := []struct {
		name string
		data []byte
		want crypto.Signer
		err  string
		sign string // why keyutil does not read it
	}{
		{name: "SEC 1", data: plain, want: ec},
		{name: "SEC 1 behind EC PARAMETERS", data: join(params, plain), want: ec},
		{name: "PKCS #8, ECDSA", data: block("PRIVATE KEY", pkcs8(ec)), want: ec},
		{name: "PKCS #8, RSA", data: block("PRIVATE KEY", pkcs8(rsaKey)), want: rsaKey},
		{name: "PKCS #8, Ed25519", data: block("PRIVATE KEY", pkcs8(ed)), want: ed},
		{name: "PKCS #1", data: block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), want: rsaKey},
		{name: "SEC 1 under the wrong label", data: block("PRIVATE KEY", sec1), want: ec, sign: `private key is labelled "PRIVATE KEY", not EC PRIVATE KEY`},
		{name: "PKCS #8 under the wrong label", data: block("RSA PRIVATE KEY", pkcs8(rsaKey)), want: rsaKey, sign: `private key is labelled "RSA PRIVATE KEY", not PRIVATE KEY`},
		{name: "cfssl's label for Ed25519", data: block("Ed25519 PRIVATE KEY", pkcs8(ed)), want: ed, sign: `private key is labelled "Ed25519 PRIVATE KEY", not PRIVATE KEY`},
		{name: "Windows line ends, mark and text", data: crlf(join([]byte("\xef\xbb\xbfkey:\n"), plain)), want: ec},
		{name: "a proxy's file", data: join(cert, plain, block("DH PARAMETERS", []byte{0x30, 0}), cert), want: ec},
		{name: "a mark in front of parameters", data: join([]byte(mark), params, plain), want: ec},
		{name: "a damaged certificate beside", data: join(damage(t, cert), plain), want: ec},

		{name: "empty", data: nil, err: "file is empty"},
		{name: "nonsense", data: []byte("hello"), err: "file holds no PEM block"},
		{name: "DER", data: sec1, err: "file is DER, not PEM"},
		{name: "byte-order mark", data: join([]byte(mark), plain), err: "begins with a byte-order mark, behind which no Kubernetes component finds a PEM block"},
		{name: "UTF-16", data: utf16(plain), err: "file is UTF-16 text"},
		{name: "a certificate only", data: cert, err: `file holds no private key, but a block of type "CERTIFICATE"`},
		{name: "parameters only", data: params, err: `file holds no private key, but a block of type "EC PARAMETERS"`},
		{name: "two keys", data: join(plain, second), err: "file holds more than one private key"},
		{name: "the same key twice", data: join(plain, plain), err: "file holds more than one private key"},
		{name: "a key and a damaged block", data: join(plain, second[:len(second)-30]), err: "PEM is damaged: 1 of 2 blocks can be read"},
		{name: "encrypted PKCS #8", data: block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0}), err: "private key is encrypted"},
		{name: "encrypted in the old way", data: legacy, err: "private key is encrypted"},
		{name: "nonsense in a block", data: block("PRIVATE KEY", []byte("secret words")), err: "private key cannot be read"},
		{name: "torn DER", data: block("EC PRIVATE KEY", sec1[:len(sec1)/2]), err: "private key cannot be read"},
		{name: "a key that only agrees on keys", data: block("PRIVATE KEY", pkcs8(x25519)), err: "private key cannot sign"},
		{name: "huge", data: block("RSA PRIVATE KEY", make([]byte, 17<<10)), err: "private key cannot be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pki.ParsePrivateKey(tt.data)
			signing, signErr := pki.ParseSigningKey(tt.data)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				assert.EqualError(t, signErr, tt.err)
				assert.Nil(t, got)
				assert.Nil(t, signing)
				return
			}
			require.NoError(t, err)
			assert.True(t, tt.want.(interface{ Equal(crypto.PrivateKey) bool }).Equal(got))
			if tt.sign != "" {
				isFinding(t, signErr, finding.KeyMislabelled, tt.sign)
				return
			}
			require.NoError(t, signErr)
			assert.Equal(t, got, signing)
		})
	}
}

// What openssl writes when it is asked for a passphrase is told apart from what is broken.
func TestEncryptedByOpenSSL(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"pkcs8.pem":    {"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes256", "-pass", "pass:secret", "-out", "pkcs8.pem"},
		"ec.pem":       {"ecparam", "-name", "prime256v1", "-genkey", "-out", "ec.pem"},
		"encrypted.ec": {"ec", "-in", "ec.pem", "-aes128", "-passout", "pass:secret", "-out", "encrypted.ec"},
	} {
		if name == "encrypted.ec" {
			openssl(t, dir, "ecparam", "-name", "prime256v1", "-genkey", "-out", "ec.pem")
		}
		openssl(t, dir, args...)
		key, err := pki.ParsePrivateKey(read(t, dir, name))
		if name == "ec.pem" { // with the EC PARAMETERS block that openssl puts first
			require.NoError(t, err)
			assert.Equal(t, "ECDSA-P256", pki.DescribeKey(key.Public()))
			continue
		}
		isFinding(t, err, finding.KeyEncrypted, "private key is encrypted")
	}
	assert.Contains(t, string(read(t, dir, "encrypted.ec")), "Proc-Type: 4,ENCRYPTED")
	assert.Contains(t, string(read(t, dir, "pkcs8.pem")), "ENCRYPTED PRIVATE KEY")
}

func TestParsePublicKeys(t *testing.T) {
	ec, rsaKey := newKey(t, pki.ECDSAP256), newKey(t, pki.RSA2048).(*rsa.PrivateKey)
	pub := func(key crypto.PublicKey) []byte {
		data, err := pki.EncodePublicKey(key)
		require.NoError(t, err)
		return data
	}
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		return block("PRIVATE KEY", der)
	}
	ecFile, err := pki.EncodePrivateKey(ec)
	require.NoError(t, err)
	rsaFile, err := pki.EncodePrivateKey(rsaKey)
	require.NoError(t, err)
	root := newRoot(t, "a").Certificate()
	ed := newKey(t, pki.Ed25519)
	const (
		secret = "file of the public key holds the private key"
		marked = "begins with a byte-order mark, behind which no Kubernetes component finds a PEM block"
	)
	refused := func(n int, why string) string {
		return fmt.Sprintf("public key %d cannot be read, so tokens of its private key are refused: %s", n, why)
	}
	tests := []struct {
		name  string
		data  []byte
		want  []crypto.PublicKey
		notes []string
		err   string
	}{
		{name: "one", data: pub(ec.Public()), want: []crypto.PublicKey{ec.Public()}},
		{name: "two", data: join(pub(&rsaKey.PublicKey), pub(ec.Public())), want: []crypto.PublicKey{&rsaKey.PublicKey, ec.Public()}},
		{name: "a certificate, as cfssl writes service-account.pem", data: pki.EncodeCertificates(root), want: []crypto.PublicKey{root.PublicKey}},
		{name: "a private key, SEC 1", data: ecFile, want: []crypto.PublicKey{ec.Public()}, notes: []string{secret}},
		{name: "a private key, PKCS #1", data: rsaFile, want: []crypto.PublicKey{&rsaKey.PublicKey}, notes: []string{secret}},
		{name: "a private key, PKCS #8", data: pkcs8(rsaKey), want: []crypto.PublicKey{&rsaKey.PublicKey}, notes: []string{secret}},
		{name: "a public key behind parameters", data: join(block("EC PARAMETERS", []byte{5, 0}), pub(ec.Public())), want: []crypto.PublicKey{ec.Public()}},
		{name: "a wrong label", data: bytes.ReplaceAll(pub(ec.Public()), []byte("PUBLIC KEY"), []byte("X")), want: []crypto.PublicKey{ec.Public()}},
		{name: "a key that is damaged beside a good one", data: join(pub(ec.Public()), block("PUBLIC KEY", []byte("x"))), want: []crypto.PublicKey{ec.Public()},
			notes: []string{refused(2, "it is damaged, or no public key")}},
		{name: "a mark in front of the first of two", data: join([]byte(mark), pub(&rsaKey.PublicKey), pub(ec.Public())), want: []crypto.PublicKey{ec.Public()},
			notes: []string{refused(1, "there is a byte-order mark in front of it")}},
		{name: "a private key that is not read here beside a public one", data: join(pub(ec.Public()), pkcs8(ec)), want: []crypto.PublicKey{ec.Public()},
			notes: []string{refused(2, "it is a private key that kube-apiserver does not read here"), secret}},
		{name: "Ed25519 beside ECDSA", data: join(pub(ed.Public()), pub(ec.Public())), want: []crypto.PublicKey{ec.Public()},
			notes: []string{refused(1, "kube-apiserver knows RSA and ECDSA keys only")}},

		{name: "empty", data: nil, err: "file is empty"},
		{name: "DER", data: root.RawSubjectPublicKeyInfo, err: "file is DER, not PEM"},
		{name: "byte-order mark", data: join([]byte(mark), pub(ec.Public())), err: marked},
		{name: "torn", data: pub(ec.Public())[:70], err: "PEM is damaged: 0 of 1 blocks can be read"},
		{name: "parameters", data: block("EC PARAMETERS", []byte{5, 0}), err: `file holds no public key, but a block of type "EC PARAMETERS"`},
		{name: "PKCS #1", data: block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)), err: "public key 1 cannot be read: it is encoded as PKCS #1, which kube-apiserver does not read"},
		{name: "Ed25519", data: pub(ed.Public()), err: "public key 1 cannot be read: kube-apiserver knows RSA and ECDSA keys only"},
		{name: "a private key, ECDSA in PKCS #8", data: pkcs8(ec), err: "public key 1 cannot be read: it is a private key that kube-apiserver does not read here"},
		{name: "nonsense", data: block("PUBLIC KEY", []byte("x")), err: "public key 1 cannot be read: it is damaged, or no public key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, notes, err := pki.ParsePublicKeys(tt.data)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				assert.Empty(t, notes)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.notes, texts(notes))
			require.Len(t, got, len(tt.want))
			for i := range got {
				assert.True(t, pki.SameKey(got[i], tt.want[i]))
			}
		})
	}
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
