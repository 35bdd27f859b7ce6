package verify_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/pkitool/pkitool/internal/openssltest"
	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// recordedAlgorithms are self-signed certificates that openssl made, one for each way of signing that no library at
// hand signs in.
func recordedAlgorithms(t *testing.T) map[string][]byte {
	files, err := filepath.Glob("testdata/algorithms/*.pem")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	out := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		block, _ := pem.Decode(data)
		require.NotNil(t, block, f)
		out[strings.TrimSuffix(filepath.Base(f), ".pem")] = block.Bytes
	}
	return out
}

// What openssl verifies and the standard library does not is named, and never OK; what both verify is.
func TestRecordedAlgorithms(t *testing.T) {
	unsupported := map[string]string{
		"dsa-sha224":                    "key type DSA",
		"ec-brainpoolP320t1-compressed": "key type brainpoolP320t1",
		"ec-c2pnb208w1-compressed":      "key type c2pnb208w1",
		"ec-prime192v3-uncompressed":    "key type prime192v3",
		"ec-secp256k1-uncompressed":     "key type secp256k1",
		"ec-sect571k1-compressed":       "key type sect571k1",
		"ed448":                         "key type Ed448",
		"pss0-sha384":                   "RSASSA-PSS with SHA-384, MGF1 with SHA-1 and 0 octets of salt",
		"rsa-ripemd160":                 "the hash function RIPEMD-160",
		"rsab-512":                      "an RSA key of 512 bits",
		"rsae-18446744073709551557":     "an RSA key with such an exponent",
		"sm2":                           "key type SM2",
	}
	args := []string{"-check_ss_sig", "-attime", "1800000000"}
	var list []asked
	for name, der := range recordedAlgorithms(t) {
		broken := bytes.Clone(der)
		broken[len(broken)-1] ^= 1
		sound := asked{name: name, args: args, ca: [][]byte{der}, target: der, want: "OK", theirs: "OK"}
		spoilt := asked{name: name + " broken", args: args, ca: [][]byte{broken}, target: broken, want: "7@0", theirs: "7@0"}
		if what := unsupported[name]; what != "" {
			sound.want, spoilt.want = "1@0 "+what+" is not supported", "1@0 "+what+" is not supported"
		}
		list = append(list, sound, spoilt)
	}
	ask(t, list)
}

// unsupportedQuestions are about what is made here; openssl's answer stands beside ours.
func TestUnsupported(t *testing.T) {
	n := rsaTestKey().N
	small := new(big.Int).SetBit(new(big.Int).Rsh(n, 512), 0, 1)
	sha256RSA := algorithm("1.2.840.113549.1.1.11", []byte{5, 0})
	digestInfo := func(tbs []byte) []byte {
		digest := sha256.Sum256(tbs)
		return forgeSeq(sha256ID, forgeTLV(4, digest[:]))
	}
	identity := func(n *big.Int) func(tbs []byte) []byte { // by the exponent 1
		return func(tbs []byte) []byte {
			size, info := (n.BitLen()+7)/8, digestInfo(tbs)
			block := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-len(info)-3)...)
			return append(append(block, 0), info...)
		}
	}
	pss := func(tbs []byte) []byte {
		digest := sha256.Sum256(tbs)
		s, err := rsa.SignPSS(rand.Reader, rsaTestKey(), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
		require.NoError(t, err)
		return s
	}
	const sha256OID = "2.16.840.1.101.3.4.2.1"
	twoHashes := algorithm("1.2.840.113549.1.1.10", forgeSeq(forgeTLV(0xa0, algorithm(sha256OID)), forgeTLV(0xa2, forgeInt(32))))
	var list []asked
	signed := func(name string, spki, alg []byte, sign func([]byte) []byte, want, theirs string) {
		ca, leaf := issuedBy(spki, alg, sign)
		list = append(list, asked{name: name, args: partial, ca: [][]byte{ca}, target: leaf, want: want, theirs: theirs})
	}
	signed("RSA of 512 bits", rsaSPKI(small, 1), sha256RSA, identity(small), "1@0 an RSA key of 512 bits is not supported", "OK")
	signed("RSA, exponent 1", rsaSPKI(n, 1), sha256RSA, identity(n), "1@0 an RSA key with such an exponent is not supported", "OK")
	signed("PSS with two hash functions", rsaSPKI(n, 65537), twoHashes, pss, "1@0 RSASSA-PSS with SHA-256, MGF1 with SHA-1 and 32 octets of salt is not supported", "7@0")

	key := func(name string, spki []byte, want string) {
		list = append(list,
			asked{name: name, ca: [][]byte{aRoot()}, target: parts{spki: spki, exts: [][]byte{notCA}}.make(), want: want, theirs: "OK"},
			asked{name: name + ", not asked for strength", args: []string{"-auth_level", "1"}, ca: [][]byte{aRoot()}, target: parts{spki: spki, exts: [][]byte{notCA}}.make(), want: want, theirs: "OK"})
	}
	key("infinity", forgeSeq(algorithm("1.2.840.10045.2.1", forgeOID("1.2.840.10045.3.1.7")), forgeBits(0, 0)), "1@0 key type EC with the point at infinity is not supported")
	key("X25519", forgeSeq(algorithm("1.3.101.110"), forgeBits(0, make([]byte, 32)...)), "1@0 key type X25519 is not supported")
	key("X448", forgeSeq(algorithm("1.3.101.111"), forgeBits(0, make([]byte, 56)...)), "1@0 key type X448 is not supported")
	key("DSA", forgeSeq(algorithm("1.2.840.10040.4.1", forgeSeq(integerOf(n), integerOf(n), forgeInt(2))), forgeTLV(3, []byte{0}, forgeInt(5))), "1@0 key type DSA is not supported")
	key("DH", forgeSeq(algorithm("1.2.840.113549.1.3.1", forgeSeq(integerOf(n), forgeInt(2))), forgeTLV(3, []byte{0}, forgeInt(5))), "1@0 key type DH is not supported")
	const resources = " is not supported"
	list = append(list, asked{name: "explicit parameters", ca: [][]byte{aRoot()}, target: parts{spki: (&forgedCert{key: leafKey, spelt: true}).spki(), exts: [][]byte{notCA}}.make(), want: "94@0 key type EC with explicit parameters is not supported", theirs: "94@0"})

	addresses := ext("1.3.6.1.5.5.7.1.7", true, forgeSeq(forgeSeq(forgeTLV(4, []byte{0, 1}), []byte{5, 0})))
	numbers := ext("1.3.6.1.5.5.7.1.8", false, forgeSeq(forgeTLV(0xa0, []byte{5, 0})))
	proxy := ext("1.3.6.1.5.5.7.1.14", true, forgeSeq(forgeSeq(forgeOID("1.3.6.1.5.5.7.21.1"))))
	list = append(list,
		asked{name: "addresses of the anchor alone", ca: [][]byte{aRoot(addresses)}, target: aLeaf(), want: "45@1 RFC 3779 extension sbgp-ipAddrBlock" + resources, theirs: "OK"},
		asked{name: "addresses", ca: [][]byte{aRoot()}, target: aLeaf(addresses), want: "45@0 RFC 3779 extension sbgp-ipAddrBlock" + resources, theirs: "OK"},
		asked{name: "AS numbers", ca: [][]byte{aRoot()}, target: aLeaf(numbers), want: "45@0 RFC 3779 extension sbgp-autonomousSysNum" + resources, theirs: "OK"},
		asked{name: "both, twice", ca: [][]byte{aRoot(numbers)}, target: aLeaf(numbers, addresses), theirs: "46@2",
			want: "45@0 RFC 3779 extension sbgp-ipAddrBlock is not supported 45@0 RFC 3779 extension sbgp-autonomousSysNum is not supported 45@1 RFC 3779 extension sbgp-autonomousSysNum is not supported"},
		asked{name: "proxy", ca: [][]byte{aRoot()}, target: aLeaf(proxy), want: "40@0 proxy certificate (RFC 3820) is not supported", theirs: "40@0"},
		asked{name: "no issuer", ca: [][]byte{anIntermediate()}, target: aLeaf(addresses), want: "20@0 45@0 RFC 3779 extension sbgp-ipAddrBlock is not supported", theirs: "20@0"},
		asked{name: "a CA as a proxy, and a key that is none", trusted: [][]byte{aRoot(proxy)}, target: parts{spki: forgeSeq(algorithm("1.2.3"), forgeBits(0, 1))}.make(),
			want: "40@1 proxy certificate (RFC 3820) is not supported", theirs: "20@0"},
	)
	ask(t, list)
}

// Of every curve that openssl lists the key is read or named.
func TestEveryCurve(t *testing.T) {
	listed, err := exec.Command(openssltest.Path(t), "ecparam", "-list_curves").Output()
	require.NoError(t, err)
	read, named := 0, 0
	for line := range strings.Lines(string(listed)) {
		name, _, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || strings.Contains(name, " ") || strings.HasPrefix(line, "\t") {
			continue
		}
		id, ok := openssl.ObjectID(name)
		if !ok {
			continue // Oakley's have no number
		}
		spki := forgeSeq(algorithm("1.2.840.10045.2.1", forgeOID(id)), forgeBits(0, 4, 1, 2, 3))
		got := asked{ca: [][]byte{aRoot()}, target: parts{spki: spki, exts: [][]byte{notCA}}.make()}.ours(t)
		switch name {
		case "secp224r1", "prime256v1", "secp384r1", "secp521r1":
			read++
			assert.Equal(t, "internal", got, name) // it is no point
		default:
			named++
			assert.Equal(t, "1@0 key type "+name+" is not supported", got)
		}
	}
	assert.Equal(t, 4, read)
	assert.Greater(t, named, 70)
}

// The curves that are kept, with points in all forms.
func TestKeptCurves(t *testing.T) {
	var list []asked
	for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		for i := range 3 { // with both signs, most likely
			key := forgeKey(curve)
			sign := func(tbs []byte) []byte {
				digest := sha256.Sum256(tbs)
				s, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
				require.NoError(t, err)
				return s
			}
			spki, size := forgeSPKI(key), (curve.Params().BitSize+7)/8
			point := spki[len(spki)-1-2*size:]
			id := curveID(spki)
			odd := point[len(point)-1] & 1
			for form, point := range [][]byte{point, append([]byte{2 | odd}, point[1:1+size]...), append([]byte{6 | odd}, point[1:]...)} {
				ca, leaf := issuedBy(forgeSeq(id, forgeBits(0, point...)), ecdsaSHA256, sign)
				list = append(list, asked{name: fmt.Sprint(curve.Params().Name, form, i), args: partial, ca: [][]byte{ca}, target: leaf, want: "OK"})
			}
		}
	}
	ask(t, list)
}

// curveID is the AlgorithmIdentifier in a SubjectPublicKeyInfo.
func curveID(spki []byte) []byte {
	in := cryptobyte.String(spki)
	var key, id cryptobyte.String
	if !in.ReadASN1(&key, asn1.SEQUENCE) || !key.ReadASN1Element(&id, asn1.SEQUENCE) {
		panic("no key")
	}
	return id
}

// A revocation list that is signed in such a way is not taken for a good one.
func TestUnsupportedCRL(t *testing.T) {
	sha256RSA, ripemd := algorithm("1.2.840.113549.1.1.11", []byte{5, 0}), algorithm("1.3.36.3.3.1.2", []byte{5, 0})
	ca, leaf := issuedBy(rsaSPKI(rsaTestKey().N, 65537), sha256RSA, func(tbs []byte) []byte {
		digest := sha256.Sum256(tbs)
		return pkcs1(forgeSeq(sha256ID, forgeTLV(4, digest[:])))
	})
	list := forgeSeq(forgeSeq(forgeInt(1), ripemd, forgeCN("ca"), utcTime("260101000000Z"), utcTime("300101000000Z")), ripemd, forgeBits(0, 1))
	anchor, err := verify.ParseCertificate(ca)
	require.NoError(t, err)
	target, err := verify.ParseCertificate(leaf)
	require.NoError(t, err)
	crl, err := verify.ParseCRL(list)
	require.NoError(t, err)
	o := verify.NewOptions(askedTime)
	o.PartialChain, o.CRLCheck = true, true
	for range 2 { // the second time it is known
		r := verify.Verify(target, verify.NewStore([]*verify.Certificate{anchor}, nil), nil, []*verify.CRL{crl}, o)
		assert.False(t, r.OK)
		assert.True(t, r.Unsupported)
		require.Len(t, r.Findings, 1)
		assert.Equal(t, verify.ErrUnspecified, r.Findings[0].Code)
		assert.Equal(t, "the hash function RIPEMD-160 is not supported", r.Findings[0].Unsupported)
	}
}
