package verify_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"math/big"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pkitool/pkitool/pki/verify"
)

// partial lets any trusted certificate be an anchor: the CAs of these tests are signed by another kind of key.
var partial = []string{"-partial_chain"}

// issuedBy makes a CA with that key and a target that sign signed.
func issuedBy(spki, alg []byte, sign func(tbs []byte) []byte) (ca, leaf []byte) {
	ca = parts{subject: forgeCN("ca"), spki: spki, exts: [][]byte{isCA}}.make()
	var signed []byte
	leaf = parts{
		inner: alg, exts: [][]byte{notCA},
		tbs:    func(tbs []byte) []byte { signed = tbs; return tbs },
		tamper: func([]byte) []byte { return append([]byte{0}, sign(signed)...) },
	}.make()
	return ca, leaf
}

func algorithm(id string, params ...[]byte) []byte {
	return forgeSeq(append([][]byte{forgeOID(id)}, params...)...)
}

func integerOf(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) == 0 || b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return forgeTLV(2, b)
}

func rsaSPKI(n *big.Int, e int64) []byte {
	return forgeSeq(algorithm("1.2.840.113549.1.1.1", []byte{5, 0}), forgeTLV(3, []byte{0}, forgeSeq(integerOf(n), forgeInt(e))))
}

// rsaTestKey is as small as crypto/rsa takes: what is asked here is not about strength.
var rsaTestKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return key
})

var sha256ID = algorithm("2.16.840.1.101.3.4.2.1", []byte{5, 0})

// pkcs1 signs with padding and DigestInfo as given.
func pkcs1(info []byte) []byte {
	s, err := rsa.SignPKCS1v15(nil, rsaTestKey(), 0, info)
	if err != nil {
		panic(err)
	}
	return s
}

// RSA, and the encodings that pass.
func TestRSASignatures(t *testing.T) {
	n := rsaTestKey().N
	withNull := algorithm("1.2.840.113549.1.1.11", []byte{5, 0})
	info := func(id, digest []byte) []byte { return forgeSeq(id, forgeTLV(4, digest)) }
	good := func(tbs []byte) []byte {
		digest := sha256.Sum256(tbs)
		return pkcs1(info(sha256ID, digest[:]))
	}
	var list []asked
	add := func(name string, spki, alg []byte, sign func([]byte) []byte, want string) {
		ca, leaf := issuedBy(spki, alg, sign)
		list = append(list, asked{name: name, args: partial, ca: [][]byte{ca}, target: leaf, want: want})
	}
	add("usual", rsaSPKI(n, 65537), withNull, good, "OK")
	add("parameters absent", rsaSPKI(n, 65537), algorithm("1.2.840.113549.1.1.11"), good, "OK")
	add("key by X.500's number", forgeSeq(algorithm("2.5.8.1.1", []byte{5, 0}), rsaSPKI(n, 65537)[3+15:]), withNull, good, "OK")
	add("DigestInfo without NULL", rsaSPKI(n, 65537), withNull, func(tbs []byte) []byte {
		digest := sha256.Sum256(tbs)
		return pkcs1(info(algorithm("2.16.840.1.101.3.4.2.1"), digest[:]))
	}, "7@0")
	add("SHA-1 by OIW's number", rsaSPKI(n, 65537), algorithm("1.3.14.3.2.29"), func(tbs []byte) []byte {
		digest := sha1.Sum(tbs)
		return pkcs1(info(algorithm("1.3.14.3.2.26", []byte{5, 0}), digest[:]))
	}, "OK")
	add("MD4", rsaSPKI(n, 65537), algorithm("1.2.840.113549.1.1.3", []byte{5, 0}), good, "7@0")
	add("SHA-512/256", rsaSPKI(n, 65537), algorithm("1.2.840.113549.1.1.16", []byte{5, 0}), good, "20@0")
	add("too short", rsaSPKI(n, 65537), withNull, func(tbs []byte) []byte { return good(tbs)[1:] }, "7@0")
	add("too long", rsaSPKI(n, 65537), withNull, func(tbs []byte) []byte { return append([]byte{0}, good(tbs)...) }, "7@0")
	add("beyond the modulus", rsaSPKI(n, 65537), withNull, func([]byte) []byte { return n.Bytes() }, "7@0")
	add("even modulus", rsaSPKI(new(big.Int).Add(n, big.NewInt(1)), 65537), withNull, good, "7@0")
	add("modulus 0", rsaSPKI(new(big.Int), 3), withNull, func([]byte) []byte { return []byte{0} }, "7@0")
	ask(t, append(list, pssQuestions(t)...))
}

// pssQuestions are about the parameters of RSASSA-PSS, in signatures and in keys.
func pssQuestions(t *testing.T) []asked {
	key := rsaTestKey()
	hash := func(id string) []byte { return forgeTLV(0xa0, algorithm(id)) }
	mgf := func(id string) []byte { return forgeTLV(0xa1, algorithm("1.2.840.113549.1.1.8", algorithm(id))) }
	salt := func(n int64) []byte { return forgeTLV(0xa2, forgeInt(n)) }
	const sha256OID = "2.16.840.1.101.3.4.2.1"
	sign := func(length int) func([]byte) []byte {
		return func(tbs []byte) []byte {
			digest := sha256.Sum256(tbs)
			s, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: length})
			require.NoError(t, err)
			return s
		}
	}
	sign1 := func(tbs []byte) []byte {
		digest := sha1.Sum(tbs)
		s, err := rsa.SignPSS(rand.Reader, key, crypto.SHA1, digest[:], &rsa.PSSOptions{SaltLength: 20})
		require.NoError(t, err)
		return s
	}
	params := func(fields ...[]byte) []byte { return algorithm("1.2.840.113549.1.1.10", forgeSeq(fields...)) }
	usual := params(hash(sha256OID), mgf(sha256OID), salt(32))
	rsaKey := rsaSPKI(key.N, 65537)
	pssKey := func(fields ...[]byte) []byte {
		return forgeSeq(algorithm("1.2.840.113549.1.1.10", fields...), forgeTLV(3, []byte{0}, forgeSeq(integerOf(key.N), forgeInt(65537))))
	}
	var list []asked
	for _, row := range []struct {
		name      string
		spki, alg []byte
		sign      func([]byte) []byte
		want      string
	}{
		{"usual", rsaKey, usual, sign(32), "OK"},
		{"defaults", rsaKey, params(), sign1, "OK"},
		{"no parameters", rsaKey, algorithm("1.2.840.113549.1.1.10"), sign1, "7@0"},
		{"other salt", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(31)), sign(32), "7@0"},
		{"negative salt", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(-1)), sign(32), "7@0"},
		{"salt beyond the key", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(200)), sign(32), "7@0"},
		{"unknown hash", rsaKey, params(hash("1.2.3"), mgf(sha256OID), salt(32)), sign(32), "7@0"},
		{"trailer 2", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(32), forgeTLV(0xa3, forgeInt(2))), sign(32), "7@0"},
		{"trailer 1", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(32), forgeTLV(0xa3, forgeInt(1))), sign(32), "OK"},
		{"salt of 2^32 more", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(1<<32+32)), sign(32), "OK"},
		{"salt of 2^32 less", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(32-1<<32)), sign(32), "OK"},
		{"salt of 2^31", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(1<<31)), sign(32), "7@0"},
		{"trailer 2^32+1", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(32), forgeTLV(0xa3, forgeInt(1<<32+1))), sign(32), "OK"},
		{"PSS key's salt of 2^32 more", pssKey(forgeSeq(hash(sha256OID), mgf(sha256OID), salt(1<<32+32))), usual, sign(32), "OK"},
		{"PSS key's negative salt", pssKey(forgeSeq(hash(sha256OID), mgf(sha256OID), salt(-1))), usual, sign(32), "7@0"},
		{"PSS key's salt beyond", pssKey(forgeSeq(hash(sha256OID), mgf(sha256OID), salt(128))), params(hash(sha256OID), mgf(sha256OID), salt(200)), sign(32), "7@0"},
		{"PSS key's trailer 2", pssKey(forgeSeq(hash(sha256OID), mgf(sha256OID), salt(32), forgeTLV(0xa3, forgeInt(2)))), usual, sign(32), "OK"},
		{"PSS key's trailer 0", pssKey(forgeSeq(hash(sha256OID), mgf(sha256OID), salt(32), forgeTLV(0xa3, forgeInt(0)))), usual, sign(32), "OK"},
		{"PSS key's huge salt", pssKey(forgeSeq(hash(sha256OID), mgf(sha256OID), forgeTLV(0xa2, forgeTLV(2, []byte{1}, make([]byte, 9))))), usual, sign(32), "7@0"},
		{"PSS key's defaults", pssKey(forgeSeq()), params(), sign1, "OK"},
		{"PSS key's defaults, SHA-256", pssKey(forgeSeq()), usual, sign(32), "7@0"},
		{"PSS key's salt 0", pssKey(forgeSeq(hash(sha256OID), mgf(sha256OID), salt(0))), usual, sign(32), "OK"},
		{"salt 94", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(94)), sign(94), "OK"},
		{"salt 95", rsaKey, params(hash(sha256OID), mgf(sha256OID), salt(95)), sign(94), "7@0"},
		{"PSS key", pssKey(), usual, sign(32), "OK"},
		{"PSS key with NULL", pssKey([]byte{5, 0}), usual, sign(32), "20@0"},
		{"PSS key's limits", pssKey(forgeSeq(hash(sha256OID), mgf(sha256OID), salt(32))), usual, sign(32), "OK"},
		{"PSS key's least salt", pssKey(forgeSeq(hash(sha256OID), mgf(sha256OID), salt(33))), usual, sign(32), "7@0"},
		{"PSS key's other hash", pssKey(forgeSeq(hash("2.16.840.1.101.3.4.2.2"), mgf(sha256OID), salt(32))), usual, sign(32), "7@0"},
		{"PSS key with an unknown hash", pssKey(forgeSeq(hash("1.2.3"))), usual, sign(32), "20@0"},
		{"PSS key signs PKCS #1", pssKey(), algorithm("1.2.840.113549.1.1.11", []byte{5, 0}), sign(32), "20@0"},
	} {
		ca, leaf := issuedBy(row.spki, row.alg, row.sign)
		list = append(list, asked{name: "PSS: " + row.name, args: partial, ca: [][]byte{ca}, target: leaf, want: row.want})
	}
	return list
}

// The other kinds of key.
func TestOtherSignatures(t *testing.T) {
	var list []asked
	add := func(name string, spki, alg []byte, sign func([]byte) []byte, want string) {
		ca, leaf := issuedBy(spki, alg, sign)
		list = append(list, asked{name: name, args: partial, ca: [][]byte{ca}, target: leaf, want: want})
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	edSPKI := forgeSeq(algorithm("1.3.101.112"), forgeBits(0, public...))
	edSign := func(tbs []byte) []byte { return ed25519.Sign(private, tbs) }
	add("Ed25519", edSPKI, algorithm("1.3.101.112"), edSign, "OK")
	add("Ed25519 wrong", edSPKI, algorithm("1.3.101.112"), func(tbs []byte) []byte { return edSign(tbs[1:]) }, "7@0")
	add("Ed25519 short", edSPKI, algorithm("1.3.101.112"), func(tbs []byte) []byte { return edSign(tbs)[:63] }, "7@0")
	add("Ed25519 key with NULL", forgeSeq(algorithm("1.3.101.112", []byte{5, 0}), forgeBits(0, public...)), algorithm("1.3.101.112"), edSign, "20@0")
	withNull := algorithm("1.3.101.112", []byte{5, 0})
	add("Ed25519 signature with NULL", edSPKI, withNull, edSign, "OK")
	ecSPKI := forgeSPKI(caKey)
	ecSign := func(tbs []byte) []byte {
		digest := sha256.Sum256(tbs)
		s, err := caKey.Sign(rand.Reader, digest[:], crypto.SHA256)
		require.NoError(t, err)
		return s
	}
	add("ECDSA", ecSPKI, ecdsaSHA256, ecSign, "OK")
	add("ECDSA specified", ecSPKI, algorithm("1.2.840.10045.4.3"), ecSign, "OK")
	add("ECDSA with SHA-3", ecSPKI, algorithm("2.16.840.1.101.3.4.3.10"), ecSign, "20@0")
	add("ECDSA with more behind", ecSPKI, ecdsaSHA256, func(tbs []byte) []byte { return append(ecSign(tbs), 0) }, "7@0")
	add("ECDSA padded", ecSPKI, ecdsaSHA256, func(tbs []byte) []byte {
		s := ecSign(tbs)
		return forgeSeq(append([]byte{2, s[3] + 1, 0}, s[4:]...))
	}, "7@0")
	add("ECDSA of zeros", ecSPKI, ecdsaSHA256, func([]byte) []byte { return forgeSeq(forgeInt(0), forgeInt(0)) }, "7@0")
	hybrid := bytes.Clone(ecSPKI)
	at := len(hybrid) - 65
	hybrid[at] = 6 | hybrid[len(hybrid)-1]&1
	add("hybrid point", hybrid, ecdsaSHA256, ecSign, "OK")
	wrong := bytes.Clone(hybrid)
	wrong[at] ^= 1
	add("hybrid point of the other half", wrong, ecdsaSHA256, ecSign, "20@0")
	compressed := forgeSeq(hybrid[2:2+21], forgeTLV(3, []byte{0, 2 | hybrid[len(hybrid)-1]&1}, hybrid[at+1:at+33]))
	add("compressed point", compressed, ecdsaSHA256, ecSign, "OK")
	add("compressed point off the curve", forgeSeq(hybrid[2:2+21], forgeTLV(3, []byte{0, 2}, bytes.Repeat([]byte{0xff}, 32))), ecdsaSHA256, ecSign, "20@0")
	list = append(list, asked{name: "unused bits", ca: [][]byte{aRoot()}, target: parts{tamper: func(s []byte) []byte { s[0] = 1; s[len(s)-1] &= 0xfe; return s }}.make(), want: "7@0"})
	ask(t, list)
}

// Levels count the bits of keys and of signatures.
func TestSecurityLevels(t *testing.T) {
	n1 := rsaTestKey().N
	n0 := new(big.Int).Rsh(n1, 24)
	weakLeaf := parts{spki: rsaSPKI(n1, 65537), exts: [][]byte{notCA}}.make()
	sha1Leaf := parts{inner: algorithm("1.2.840.10045.4.1"), exts: [][]byte{notCA}}.make()
	specified := parts{inner: algorithm("1.2.840.10045.4.3"), exts: [][]byte{notCA}}.make()
	sha1Root := parts{subject: forgeCN("ca"), spki: forgeSPKI(caKey), inner: algorithm("1.2.840.10045.4.1"), exts: [][]byte{isCA}}.make()
	level := func(n int) []string { return []string{"-auth_level", fmt.Sprint(n)} }
	ca := [][]byte{aRoot()}
	ask(t, []asked{
		{name: "off", ca: ca, target: weakLeaf, want: "OK"},
		{name: "off by 0", args: level(0), ca: ca, target: weakLeaf, want: "OK"},
		{name: "1024 bits at 1", args: level(1), ca: ca, target: weakLeaf, want: "OK"},
		{name: "1024 bits at 2", args: level(2), ca: ca, target: weakLeaf, want: "66@0"},
		{name: "1000 bits at 1", args: level(1), ca: ca, target: parts{spki: rsaSPKI(n0, 65537)}.make(), want: "OK"},
		{name: "P-256 at 3", args: level(3), ca: ca, target: aLeaf(), want: "OK"},
		{name: "P-256 at 4", args: level(4), ca: ca, target: aLeaf(), want: "66@0"},
		{name: "beyond 5", args: level(99), ca: ca, target: aLeaf(), want: "66@0"},
		{name: "SHA-1 at 1", args: level(1), ca: ca, target: sha1Leaf, want: "68@0"},
		{name: "hash not named", args: level(1), ca: ca, target: specified, want: "68@0"},
		{name: "anchor's own signature", args: level(1), ca: [][]byte{sha1Root}, target: aLeaf(), want: "OK"},
		{name: "undecodable key", args: level(1), ca: ca, target: parts{spki: forgeSeq(algorithm("1.2.3"), forgeBits(0, 1))}.make(), want: "66@0"},
	})
}

// One set of anchors serves many at once.
func TestVerifyAtOnce(t *testing.T) {
	parse := func(der []byte) *verify.Certificate {
		c, err := verify.ParseCertificate(der)
		require.NoError(t, err)
		return c
	}
	trust := verify.NewStore([]*verify.Certificate{parse(aRoot())}, nil)
	inter, target := []*verify.Certificate{parse(anIntermediate())}, parse(under())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				assert.True(t, verify.Verify(target, trust, inter, nil, verify.NewOptions(askedTime)).OK)
			}
		})
	}
	group.Wait()
}
