package cases

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"math/big"
)

// composites says how many candidates for its first and for its second prime a key's stream has before them. To look
// for primes takes longer than all the rest of a test.
var composites = map[string][2]int{
	"rsa512/0": {73, 67}, "rsa512/1": {2, 32}, "rsa512/2": {52, 51},
	"rsa1024/0": {271, 277}, "rsa1024/1": {170, 173}, "rsa1024/2": {40, 173},
	"rsa1536/0": {563, 348}, "rsa1536/1": {249, 115}, "rsa1536/2": {30, 39},
	"rsa2048/0": {183, 460}, "rsa2048/1": {30, 18}, "rsa2048/2": {5, 671},
	"rsa3072/0": {489, 17}, "rsa3072/1": {261, 1233}, "rsa3072/2": {1184, 95},
	"pss1024/0": {50, 20}, "pss1024/1": {51, 112}, "pss1024/2": {355, 38},
}

// rsaKey signs with plain arithmetic: crypto/rsa refuses keys below 1024 bits, openssl does not.
func rsaKey(bits int, rand *stream) *key {
	p, q := rand.primes(bits)
	one, e := big.NewInt(1), big.NewInt(65537)
	d := new(big.Int).ModInverse(e, new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)))
	n := new(big.Int).Mul(p, q)
	public := seq(bigInteger(n), bigInteger(e))
	power := crt(p, q, d, bits/8)
	return &key{
		kind: kindRSA, bits: public,
		spki: seq(seq(oid(oidRSA), null()), bitString(0, public)),
		raw: func(h crypto.Hash, message []byte) []byte {
			return power(pkcs1(h, message, bits/8))
		},
		pss: func(h crypto.Hash, message []byte) []byte {
			return power(pssEncode(h, message, n.BitLen()-1))
		},
	}
}

// crt is the private operation by the Chinese remainder theorem; size is the length of its result in octets.
func crt(p, q, d *big.Int, size int) func([]byte) []byte {
	one := big.NewInt(1)
	dp := new(big.Int).Mod(d, new(big.Int).Sub(p, one))
	dq := new(big.Int).Mod(d, new(big.Int).Sub(q, one))
	inverse := new(big.Int).ModInverse(q, p)
	return func(block []byte) []byte {
		m := new(big.Int).SetBytes(block)
		a, b := new(big.Int).Exp(m, dp, p), new(big.Int).Exp(m, dq, q)
		h := new(big.Int).Sub(a, b)
		h.Mul(h, inverse).Mod(h, p)
		return h.Mul(h, q).Add(h, b).FillBytes(make([]byte, size))
	}
}

// pkcs1 is EMSA-PKCS1-v1_5 of RFC 8017 9.2. A modulus too short for the digest gives a block too short to verify.
func pkcs1(h crypto.Hash, message []byte, size int) []byte {
	info := seq(seq(oid(digestOID[h]), null()), octets(digest(h, message)))
	if len(info)+11 > size {
		info = info[:size-11]
	}
	block := bytes.Repeat([]byte{0xff}, size)
	block[0], block[1] = 0, 1
	block[size-len(info)-1] = 0
	copy(block[size-len(info):], info)
	return block
}

// pssEncode is EMSA-PSS of RFC 8017 9.1 with a salt as long as the digest and MGF1 on the same digest.
func pssEncode(h crypto.Hash, message []byte, bits int) []byte {
	sum := digest(h, message)
	salt := bytes.Repeat([]byte{0x5a}, len(sum))
	size := (bits + 7) / 8
	if size < 2*len(sum)+2 {
		return bytes.Repeat([]byte{1}, size)
	}
	inner := digest(h, bytes.Join([][]byte{make([]byte, 8), sum, salt}, nil))
	db := make([]byte, size-len(sum)-1)
	db[len(db)-len(salt)-1] = 1
	copy(db[len(db)-len(salt):], salt)
	for i, m := range mgf1(h, inner, len(db)) {
		db[i] ^= m
	}
	db[0] &= 0xff >> (8*size - bits)
	return bytes.Join([][]byte{db, inner, {0xbc}}, nil)
}

func mgf1(h crypto.Hash, seed []byte, n int) []byte {
	var out []byte
	for i := uint32(0); len(out) < n; i++ {
		out = append(out, digest(h, binary.BigEndian.AppendUint32(bytes.Clone(seed), i))...)
	}
	return out[:n]
}
