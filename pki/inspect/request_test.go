package inspect_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/inspect"
)

// tlv is an element with a short or a two-octet length.
func tlv(tag byte, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	switch {
	case len(body) < 0x80:
		return slices.Concat([]byte{tag, byte(len(body))}, body)
	case len(body) >= 1<<16:
		return slices.Concat([]byte{tag, 0x83, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body)
	}
	return slices.Concat([]byte{tag, 0x82, byte(len(body) >> 8), byte(len(body))}, body)
}

func seq(parts ...[]byte) []byte { return tlv(0x30, parts...) }

func oid(t testing.TB, numbers ...int) []byte {
	der, err := asn1.Marshal(asn1.ObjectIdentifier(numbers))
	require.NoError(t, err)
	return der
}

// writtenRequest is a request made by hand: parts is what is behind the public key.
type writtenRequest struct {
	key       *ecdsa.PrivateKey
	subject   []byte
	spki      []byte
	parts     [][]byte
	algorithm []byte
	hash      crypto.Hash
}

func write(t testing.TB, parts ...[]byte) writtenRequest {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	subject, err := asn1.Marshal(pkix.Name{CommonName: "web"}.ToRDNSequence())
	require.NoError(t, err)
	return writtenRequest{key, subject, spki, parts, seq(oid(t, 1, 2, 840, 10045, 4, 3, 2)), crypto.SHA256}
}

func (w writtenRequest) der(t testing.TB) []byte {
	t.Helper()
	info := seq(append([][]byte{{2, 1, 0}, w.subject, w.spki}, w.parts...)...)
	digest := sha256.Sum256(info)
	sum := digest[:]
	if w.hash == crypto.SHA1 {
		short := sha1.Sum(info)
		sum = short[:]
	}
	signature, err := ecdsa.SignASN1(rand.Reader, w.key, sum)
	require.NoError(t, err)
	return seq(info, w.algorithm, tlv(3, []byte{0}, signature))
}

// asks is an attribute with extensions: PKCS #9's, or Microsoft's.
func asks(t testing.TB, microsoft bool, extensions ...[]byte) []byte {
	id := oid(t, 1, 2, 840, 113549, 1, 9, 14)
	if microsoft {
		id = oid(t, 1, 3, 6, 1, 4, 1, 311, 2, 1, 14)
	}
	return seq(id, tlv(0x31, seq(extensions...)))
}

func extension(t testing.TB, value []byte, numbers ...int) []byte {
	return seq(oid(t, numbers...), tlv(4, value))
}

func attributes(list ...[]byte) []byte { return tlv(0xa0, list...) }

// TestReadRequest: what is asked for is found wherever it may be.
func TestReadRequest(t *testing.T) {
	toBeCA := extension(t, seq([]byte{1, 1, 0xff}), 2, 5, 29, 19)
	named := extension(t, seq(tlv(0x82, []byte("one.example")), tlv(0x87, []byte{192, 0, 2, 7}), tlv(0x81, []byte("a@b.example")),
		tlv(0x86, []byte("spiffe://a/b")), tlv(0x88, []byte{0x2a, 3}), tlv(0xa4, seq())), 2, 5, 29, 17)
	used := extension(t, seq(oid(t, 1, 3, 6, 1, 5, 5, 7, 3, 1), oid(t, 1, 2, 3, 4)), 2, 5, 29, 37)
	signing := extension(t, []byte{3, 3, 7, 0x84, 0x80}, 2, 5, 29, 15)
	other := extension(t, []byte{5, 0}, 1, 2, 3, 4, 5)
	identifier := extension(t, []byte{4, 1, 1}, 2, 5, 29, 14)
	challenge := seq(oid(t, 1, 2, 840, 113549, 1, 9, 7), tlv(0x31, tlv(0x13, []byte("secret"))))
	for _, c := range []struct {
		name  string
		parts [][]byte
		want  inspect.Request
	}{
		{"no attributes", nil, inspect.Request{}},
		{"empty attributes", [][]byte{attributes()}, inspect.Request{}},
		{"a challenge password", [][]byte{attributes(challenge)}, inspect.Request{Beside: []string{"the attribute challengePassword"}}},
		{"another attribute", [][]byte{attributes(seq(oid(t, 1, 2, 3, 4), tlv(0x31)))}, inspect.Request{Beside: []string{"the attribute 1.2.3.4"}}},
		{"PKCS #9", [][]byte{attributes(challenge, asks(t, false, toBeCA, identifier))}, inspect.Request{CA: true, Beside: []string{"the attribute challengePassword", "a subject key identifier"}}},
		{"a second value of the attribute", [][]byte{attributes(seq(oid(t, 1, 2, 840, 113549, 1, 9, 14), tlv(0x31, seq(used), seq(toBeCA))))},
			inspect.Request{CA: true, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, UnknownUsages: []string{"1.2.3.4"}}},
		{"the attribute twice", [][]byte{attributes(asks(t, false, used), asks(t, false, toBeCA))},
			inspect.Request{CA: true, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, UnknownUsages: []string{"1.2.3.4"}}},
		{"no CA with a path length", [][]byte{attributes(asks(t, false, extension(t, seq([]byte{2, 1, 3}), 2, 5, 29, 19)))}, inspect.Request{MoreExtensions: []string{"a path length without being a CA"}}},
		{"usage bits that there are not", [][]byte{attributes(asks(t, false, extension(t, []byte{3, 4, 7, 0x80, 0x60, 0x80}, 2, 5, 29, 15)))},
			inspect.Request{KeyUsage: x509.KeyUsageDigitalSignature, MoreExtensions: []string{"the key usage bit 9", "the key usage bit 10", "the key usage bit 16"}}},
		{"Microsoft's", [][]byte{attributes(asks(t, true, toBeCA))}, inspect.Request{CA: true}},
		{"both", [][]byte{attributes(asks(t, false, used), asks(t, true, toBeCA, signing))}, inspect.Request{CA: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageDecipherOnly,
			Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, UnknownUsages: []string{"1.2.3.4"}}},
		{"the same twice", [][]byte{attributes(asks(t, false, toBeCA), asks(t, true, toBeCA))}, inspect.Request{CA: true}},
		{"names and more", [][]byte{attributes(asks(t, true, named, other))}, inspect.Request{
			SANs: pki.SANs{DNS: []string{"one.example"}, URIs: []string{"spiffe://a/b"}, Emails: []string{"a@b.example"}}, MoreNames: []string{"a name of the kind registeredID", "a name of the kind directoryName"},
			MoreExtensions: []string{"the extension 1.2.3.4.5"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := write(t, c.parts...)
			got, err := inspect.ReadRequest(w.der(t))
			require.NoError(t, err)
			assert.Equal(t, "CN = web", got.Subject.String())
			assert.True(t, pki.SameKey(w.key.Public(), got.Public))
			if c.want.SANs.DNS != nil {
				assert.Equal(t, "192.0.2.7", got.SANs.IPs[0].String())
			}
			got.Subject, got.Public, got.SANs.IPs = pki.Subject{}, nil, nil
			assert.Equal(t, c.want, got)
		})
	}
}

// TestReadRequestSubjects: the name is read whatever its string type; of several common names the last is the user.
func TestReadRequestSubjects(t *testing.T) {
	attribute := func(number int, tag byte, value string) []byte {
		return tlv(0x31, seq(oid(t, 2, 5, 4, number), tlv(tag, []byte(value))))
	}
	for _, c := range []struct {
		subject []byte
		user    string
		groups  []string
		more    []string
	}{
		{seq(attribute(3, 0x1e, "\x00w\x00e\x00b")), "web", nil, nil},
		{seq(attribute(10, 0x0c, "dev"), attribute(3, 0x14, "w\xe9b"), attribute(3, 0x13, "alice"), attribute(11, 0x16, "y")), "alice", []string{"dev"}, []string{"CN=wéb", "OU=y"}},
		{seq(attribute(10, 0x03, "\x00dev")), "", nil, []string{"O=#030400646576"}},
		{seq(), "", nil, nil},
	} {
		w := write(t)
		w.subject = c.subject
		got, err := inspect.ReadRequest(w.der(t))
		require.NoError(t, err)
		assert.Equal(t, c.user, got.Subject.CommonName)
		assert.Equal(t, c.groups, got.Subject.Organization)
		assert.Equal(t, c.more, got.MoreSubject)
	}
}

// TestReadRequestRefuses holds every fault to its sentence: what asks for something in a way that cannot be read is
// not read as if it asked for nothing.
func TestReadRequestRefuses(t *testing.T) {
	m := makeAll(t)
	with := func(value []byte, numbers ...int) []byte {
		return write(t, attributes(asks(t, false, extension(t, value, numbers...)))).der(t)
	}
	signed := func(change func(*writtenRequest)) []byte {
		w := write(t)
		change(&w)
		return w.der(t)
	}
	forged := write(t).der(t)
	forged[len(forged)-1] ^= 1
	small, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537})
	require.NoError(t, err)
	both := attributes(asks(t, false, extension(t, seq([]byte{1, 1, 0xff}), 2, 5, 29, 19)), asks(t, true, extension(t, seq(), 2, 5, 29, 19)))
	for _, c := range []struct {
		name string
		data []byte
		id   finding.ID
		want string
	}{
		{"empty", nil, finding.FileEmpty, "file is empty"},
		{"text", []byte("hello"), finding.FileOtherForm, "file holds neither PEM nor DER"},
		{"a certificate", block("CERTIFICATE", m.leaf), finding.RequestNone, "file holds no certificate request, but a certificate"},
		{"two", append(block("CERTIFICATE REQUEST", m.csr), block("CERTIFICATE REQUEST", m.csr)...), finding.RequestSeveral, "file holds more than one certificate request"},
		{"too large", write(t, attributes(asks(t, false, extension(t, make([]byte, 64<<10), 1, 2, 3, 4)))).der(t), finding.RequestTooLarge, "certificate request is larger than 64 KiB"},
		{"damaged", block("CERTIFICATE REQUEST", m.csr[:20]), finding.ObjectBroken, "line 1: certificate request cannot be read: the DER in it is damaged, or of another kind"},
		{"broken constraints", with([]byte{0x30, 3, 1, 1}, 2, 5, 29, 19), finding.RequestPartBroken, "basic constraints of the request cannot be read"},
		{"more behind constraints", with([]byte{0x30, 0, 5, 0}, 2, 5, 29, 19), finding.RequestPartBroken, "basic constraints of the request cannot be read"},
		{"broken usages", with([]byte{0x30, 1}, 2, 5, 29, 37), finding.RequestPartBroken, "extended key usage of the request cannot be read"},
		{"more behind usages", with([]byte{0x30, 0, 5, 0}, 2, 5, 29, 37), finding.RequestPartBroken, "extended key usage of the request cannot be read"},
		{"broken key usage", with([]byte{3, 0}, 2, 5, 29, 15), finding.RequestPartBroken, "key usage of the request cannot be read"},
		{"an address of three octets", with(seq(tlv(0x87, []byte{1, 2, 3})), 2, 5, 29, 17), finding.RequestPartBroken, "subject alternative names of the request cannot be read"},
		{"no extensions in the attribute", write(t, attributes(seq(oid(t, 1, 2, 840, 113549, 1, 9, 14), tlv(0x31, []byte{5, 0})))).der(t), finding.RequestPartBroken, "list of extensions of the request cannot be read"},
		{"contradictory", write(t, both).der(t), finding.RequestContradictory, "request asks twice for the extension X509v3 Basic Constraints, with different values"},
		{"forged", forged, finding.RequestSignatureWrong, "certificate request is not signed by its own key"},
		{"SHA-1", signed(func(w *writtenRequest) { w.hash, w.algorithm = crypto.SHA1, seq(oid(t, 1, 2, 840, 10045, 4, 1)) }), finding.RequestSignatureWeak,
			"certificate request is signed with SHA-1, which proves nothing any more"},
		{"PSS with SHA-1", signed(func(w *writtenRequest) { w.algorithm = seq(oid(t, 1, 2, 840, 113549, 1, 1, 10), seq()) }), finding.RequestSignatureWeak,
			"certificate request is signed with SHA-1, which proves nothing any more"},
		{"of no known algorithm", signed(func(w *writtenRequest) { w.algorithm = seq(oid(t, 1, 2, 3, 4)) }), finding.RequestSignatureUnsupported,
			"certificate request is signed with an algorithm that is not supported: 1.2.3.4"},
		{"a small key", signed(func(w *writtenRequest) { w.spki = small }), finding.RequestKeyUnfit, "RSA key of 1024 bits: 2048 to 8192 are accepted"},
		{"a key of another type", signed(func(w *writtenRequest) { w.spki = seq(seq(oid(t, 1, 3, 101, 110)), tlv(3, make([]byte, 33))) }), finding.RequestKeyUnfit, "key of type X25519 is not accepted"},
		{"a key of no known type", signed(func(w *writtenRequest) { w.spki = seq(seq(oid(t, 1, 2, 3)), []byte{3, 1, 0}) }), finding.RequestKeyUnfit, "key cannot be decoded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := inspect.ReadRequest(c.data)
			var f *finding.Finding
			require.ErrorAs(t, err, &f)
			assert.Equal(t, c.id, f.ID)
			assert.EqualError(t, f, c.want)
		})
	}
}

// TestReadRequestBesideItsKey: openssl writes both into one file where it is told to.
func TestReadRequestBesideItsKey(t *testing.T) {
	m := makeAll(t)
	r, err := inspect.ReadRequest(append(block("PRIVATE KEY", m.key), block("NEW CERTIFICATE REQUEST", m.csr)...))
	require.NoError(t, err)
	assert.Equal(t, "bob", r.Subject.CommonName)
}
