package inspect_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/internal/fuzzbound"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// made is one object of each kind, by a CA.
type made struct {
	ca, leaf, csr, crl, key, pub []byte // DER
	caKey                        crypto.Signer
}

func makeAll(t testing.TB) made {
	t.Helper()
	key, err := pki.GenerateKey(pki.ECDSAP256)
	require.NoError(t, err)
	leafKey, err := pki.GenerateKey(pki.ECDSAP256)
	require.NoError(t, err)
	m := made{caKey: key}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: now, NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}}
	m.ca, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	ca, err := x509.ParseCertificate(m.ca)
	require.NoError(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "alice", Organization: []string{"dev", "o\x1bps"}},
		NotBefore: now, NotAfter: now.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, DNSNames: []string{"a.b"}}
	m.leaf, err = x509.CreateCertificate(rand.Reader, leaf, ca, leafKey.Public(), key)
	require.NoError(t, err)
	m.csr, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "bob"}}, leafKey)
	require.NoError(t, err)
	m.crl, err = x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(3), ThisUpdate: now, NextUpdate: now.Add(time.Hour)}, ca, key)
	require.NoError(t, err)
	m.key, err = x509.MarshalPKCS8PrivateKey(leafKey)
	require.NoError(t, err)
	m.pub, err = x509.MarshalPKIXPublicKey(leafKey.Public())
	require.NoError(t, err)
	return m
}

func block(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func (m made) pem() []byte {
	return bytes.Join([][]byte{block("CERTIFICATE", m.ca), block("CERTIFICATE", m.leaf), block("CERTIFICATE REQUEST", m.csr),
		block("X509 CRL", m.crl), block("PRIVATE KEY", m.key), block("PUBLIC KEY", m.pub)}, []byte("some words\r\n"))
}

var allKinds = []inspect.Kind{inspect.KindCertificate, inspect.KindCertificate, inspect.KindRequest, inspect.KindCRL, inspect.KindPrivateKey, inspect.KindPublicKey}

func TestParseTakesEveryKind(t *testing.T) {
	m := makeAll(t)
	der := bytes.Join([][]byte{m.ca, m.leaf, m.csr, m.crl, m.key, m.pub}, nil)
	for name, data := range map[string][]byte{"PEM": m.pem(), "DER": der} {
		objects, faults := inspect.Parse(data)
		require.Empty(t, faults, name)
		var kinds []inspect.Kind
		for _, o := range objects {
			kinds = append(kinds, o.Kind)
			assert.NotEmpty(t, o.Where, name)
			assert.NotContains(t, o.Text(), "PRIVATE")
		}
		assert.Equal(t, allKinds, kinds, name)
	}
}

func TestParseFaults(t *testing.T) {
	m := makeAll(t)
	good := block("CERTIFICATE", m.leaf)
	lines := bytes.Count(good, []byte("\n"))
	damaged := bytes.Replace(good, []byte("\n"), []byte("\n!!"), 2)
	for _, c := range []struct {
		name   string
		data   []byte
		faults []string
		good   int
	}{
		{"nothing", nil, []string{"file is empty"}, 0},
		{"blanks", []byte(" \n"), []string{"file is empty"}, 0},
		{"text", []byte("hello"), []string{"file holds neither PEM nor DER"}, 0},
		{"PKCS #7 of something else", block("PKCS7", m.leaf), []string{"line 1: PKCS #7 file cannot be read: the DER in it is damaged, or of another kind"}, 0},
		{"parameters only", block("EC PARAMETERS", []byte{5, 0}), []string{"file holds no certificate, request, key or CRL"}, 0},
		{"second damaged", append(bytes.Clone(good), damaged...), []string{"line " + itoa(lines+1) + ": PEM block is damaged"}, 1},
		{"first damaged", append(bytes.Clone(damaged), good...), []string{"line 1: PEM block is damaged"}, 1},
		{"another type", block("X\x1b[31m", []byte{1}), []string{`line 1: block of type "X.[31m" cannot be shown`}, 0},
		{"no certificate", block("CERTIFICATE", []byte{1}), []string{"line 1: certificate cannot be read: the DER in it is damaged, or of another kind"}, 0},
		{"no request", block("CERTIFICATE REQUEST", m.leaf), []string{"line 1: certificate request cannot be read: the DER in it is damaged, or of another kind"}, 0},
		{"no private key", block("PRIVATE KEY", m.leaf), []string{"line 1: private key cannot be read"}, 0},
		{"DER of another kind", []byte{0x30, 3, 2, 1, 5}, []string{"offset 0: DER holds no certificate, request, key or CRL that can be read"}, 0},
		{"DER cut off", m.leaf[:40], []string{"offset 0: DER is damaged"}, 0},
		{"DER and more", append(bytes.Clone(m.leaf), 0x30, 0x82), []string{"offset " + itoa(len(m.leaf)) + ": DER is damaged"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects, faults := inspect.Parse(c.data)
			var texts []string
			for _, f := range faults {
				texts = append(texts, f.Error())
			}
			assert.Equal(t, c.faults, texts)
			assert.Len(t, objects, c.good)
		})
	}
}

func itoa(n int) string { return big.NewInt(int64(n)).String() }

func TestParseStopsAtABound(t *testing.T) {
	objects, faults := inspect.Parse(bytes.Repeat([]byte("-----BEGIN X-----\n"), 10000))
	assert.Empty(t, objects)
	require.Len(t, faults, 4097)
	assert.EqualError(t, faults[4096], "line 4097: file holds more than 4096 objects: the rest is not read")
}

func TestDescribe(t *testing.T) {
	objects, faults := inspect.Parse(makeAll(t).pem())
	require.Empty(t, faults)
	ca, leaf, csr, crl := objects[0].Describe(), objects[1].Describe(), objects[2].Describe(), objects[3].Describe()
	assert.Equal(t, "root CA", ca.Role)
	assert.True(t, ca.SelfSigned)
	assert.Empty(t, ca.User)
	assert.Equal(t, "client", leaf.Role)
	assert.Equal(t, "alice", leaf.User)
	assert.Equal(t, []string{"dev", "o\x1bps"}, leaf.Groups, "as it is: who prints it keeps it from acting on a terminal")
	assert.Equal(t, []string{"DNS:a.b"}, leaf.Names)
	assert.False(t, leaf.SelfSigned)
	assert.Equal(t, "ECDSA-P256", leaf.Key)
	assert.True(t, csr.SelfSigned)
	assert.Equal(t, "bob", csr.User)
	assert.Equal(t, 0, *crl.Revoked)
	assert.Equal(t, leaf.PublicSHA256, objects[4].Describe().PublicSHA256)
}

func TestIssuers(t *testing.T) {
	m, other := makeAll(t), makeAll(t)
	objects, _ := inspect.Parse(m.pem())
	foreign, _ := inspect.Parse(other.pem())
	require.Len(t, objects, 6)
	require.Len(t, foreign, 6)
	issuers := inspect.NewIssuers([]inspect.Object{foreign[0], objects[0]})
	for _, i := range []int{1, 3} {
		at, ok := issuers.Of(objects[i])
		assert.True(t, ok)
		assert.Equal(t, 1, at, "the other CA has the same name, and is not the one")
	}
	for _, i := range []int{2, 4, 5} {
		_, ok := issuers.Of(objects[i])
		assert.False(t, ok)
	}
	_, ok := inspect.NewIssuers([]inspect.Object{foreign[0]}).Of(objects[1])
	assert.False(t, ok)
}

// FuzzParse: whatever the file, reading, describing and writing it end, and no octet of what is written as text could act
// on a terminal or is of a private key. (The user is for programs, to the character: who shows it makes it harmless.)
func FuzzParse(f *testing.F) {
	m := makeAll(f)
	for _, seed := range [][]byte{m.pem(), m.ca, m.leaf, m.csr, m.crl, m.key, m.pub} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzbound.Hold(t, len(data))()
		objects, faults := inspect.Parse(data)
		if len(objects)+len(faults) == 0 && !bytes.Contains(data, []byte(" PARAMETERS")) {
			t.Fatal("neither an object nor a fault")
		}
		var cas []inspect.Object
		for _, o := range objects {
			if o.Certificate != nil {
				cas = append(cas, o)
			}
		}
		issuers := inspect.NewIssuers(cas)
		for _, o := range objects {
			d := o.Describe()
			issuers.Of(o)
			if text := o.Text() + d.Subject; strings.ContainsAny(text, "\x1b\x07\x00\x7f") {
				t.Fatalf("a control character in %q", text)
			}
		}
	})
}
