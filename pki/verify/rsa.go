package verify

import (
	"bytes"
	"crypto/rsa"
	"encoding/binary"
	"math/big"
)

// openssl's limits of RSA verification, which bound the time a signature takes.
const (
	maxRSABits      = 16384 // OPENSSL_RSA_MAX_MODULUS_BITS
	smallRSABits    = 3072  // up to here the exponent may be as long as the modulus
	maxExponentBits = 64    // above
)

// raw is the RSA public operation: signature to the power of e, modulo n, as
// long as the modulus. It stands beside crypto/rsa because openssl also verifies
// with moduli below 1024 bits, exponents of any size, and PSS with two hashes.
// Only public values are involved.
func (k *publicKey) raw(signature []byte) ([]byte, bool) {
	size := (k.n.BitLen() + 7) / 8
	s := new(big.Int).SetBytes(signature)
	switch {
	case k.n.BitLen() > maxRSABits, k.n.Cmp(k.e) <= 0, k.n.Bit(0) == 0,
		k.n.BitLen() > smallRSABits && k.e.BitLen() > maxExponentBits,
		len(signature) > size, s.Cmp(k.n) >= 0:
		return nil, false
	}
	return s.Exp(s, k.e, k.n).FillBytes(make([]byte, size)), true
}

// verifyPKCS1 checks an RSASSA-PKCS1-v1_5 signature (RFC 8017 section 8.2.2).
func (k *publicKey) verifyPKCS1(hash *hashAlgorithm, digest, signature []byte) bool {
	if k.std != nil && hash.std != 0 {
		return rsa.VerifyPKCS1v15(k.std, hash.std, digest, signature) == nil
	}
	if len(signature) != (k.n.BitLen()+7)/8 {
		return false
	}
	got, ok := k.raw(signature)
	if !ok {
		return false
	}
	want, ok := encodePKCS1(hash, digest, len(got))
	return ok && bytes.Equal(got, want)
}

// encodePKCS1 is EMSA-PKCS1-v1_5 (RFC 8017 section 9.2): the hash's identifier
// has NULL for parameters.
func encodePKCS1(hash *hashAlgorithm, digest []byte, size int) ([]byte, bool) {
	id := appendElement(nil, tagOID, []byte(hash.oid))
	id = append(id, tagNull, 0)
	info := appendElement(nil, 0x30, id)
	info = appendElement(info, tagOctetString, digest)
	info = appendElement(nil, 0x30, info)
	if size < len(info)+11 {
		return nil, false
	}
	out := bytes.Repeat([]byte{0xff}, size)
	out[0], out[1], out[size-len(info)-1] = 0, 1, 0
	copy(out[size-len(info):], info)
	return out, true
}

// pssParams are RSASSA-PSS-params (RFC 8017 appendix A.2.3).
type pssParams struct {
	hash, mask *hashAlgorithm // nil: not for verifying
	known      bool           // openssl has names for both, if not more
	salt       int32          // these two cut to an int, as in openssl
	trailer    int32
}

// parsePSSParams reads the parameters of an algorithm identifier; they must be
// there, though all of them may be defaults.
func parsePSSParams(alg *algorithm) (*pssParams, bool) {
	if !alg.hasParams || !alg.params.is(classUniversal, tagSequence) {
		return nil, false
	}
	sha1 := hashByName("SHA-1")
	p := &pssParams{hash: sha1, mask: sha1, known: true, salt: 20, trailer: 1}
	r := reader(alg.params.body)
	if r.peek(classContext, 0) {
		id, ok := r.explicitAlgorithm(0)
		if !ok {
			return nil, false
		}
		p.hash = hashByOID(id.oid)
		p.known = knownHash(id.oid)
	}
	if r.peek(classContext, 1) {
		id, ok := r.explicitAlgorithm(1)
		if !ok || id.oid != oidMGF1 || !id.params.is(classUniversal, tagSequence) {
			return nil, false
		}
		inner := reader(id.params.raw)
		mask, ok := inner.algorithm()
		if !ok {
			return nil, false
		}
		p.mask = hashByOID(mask.oid)
		p.known = p.known && knownHash(mask.oid)
	}
	for tag, n := range []*int32{2: &p.salt, 3: &p.trailer} {
		if n == nil || !r.peek(classContext, tag) {
			continue
		}
		inner, ok := r.explicit(tag)
		if !ok {
			return nil, false
		}
		e, ok := inner.next(classUniversal, tagInteger)
		if !ok || len(inner) != 0 || !integerContents(&e) {
			return nil, false
		}
		*n = -1
		if long, ok := int64Contents(e.body); ok {
			*n = int32(long)
		}
	}
	return p, len(r) == 0
}

// explicitAlgorithm takes an explicitly tagged AlgorithmIdentifier.
func (r *reader) explicitAlgorithm(tag int) (algorithm, bool) {
	inner, ok := r.explicit(tag)
	if !ok {
		return algorithm{}, false
	}
	a, ok := inner.algorithm()
	return a, ok && len(inner) == 0
}

// allows reports whether a key restricted to p takes a signature with q
// (RFC 4055 section 3.3).
func (p *pssParams) allows(q *pssParams) bool {
	return p == nil || p.hash == q.hash && p.mask == q.mask && p.salt >= 0 && q.salt >= p.salt
}

// verifyPSS checks an RSASSA-PSS signature (RFC 8017 sections 8.1.2 and 9.1.2).
func (k *publicKey) verifyPSS(alg *algorithm, message, signature []byte) bool {
	p, ok := parsePSSParams(alg)
	if !ok || p.hash == nil || p.mask == nil || p.salt < 0 || p.trailer != 1 || !k.limits.allows(p) {
		return false
	}
	em, ok := k.raw(signature)
	if !ok {
		return false
	}
	top := (k.n.BitLen() - 1) % 8 // bits of em's first octet that may be set
	if em[0]>>top != 0 {
		return false
	}
	if top == 0 {
		em = em[1:]
	}
	size := p.hash.size
	if len(em) < size+2 || int(p.salt) > len(em)-size-2 || em[len(em)-1] != 0xbc {
		return false
	}
	db, h := em[:len(em)-size-1], em[len(em)-size-1:len(em)-1]
	p.mask.unmask(db, h)
	if top != 0 {
		db[0] &= 0xff >> (8 - top)
	}
	zeros := len(db) - int(p.salt) - 1
	for _, c := range db[:zeros] {
		if c != 0 {
			return false
		}
	}
	if db[zeros] != 1 {
		return false
	}
	var buf, out [64]byte
	m := append(make([]byte, 8, 8+size+int(p.salt)), p.hash.sum(buf[:0], message)...)
	m = append(m, db[zeros+1:]...)
	return bytes.Equal(h, p.hash.sum(out[:0], m))
}

// unmask applies MGF1 over seed (RFC 8017 appendix B.2.1) to data.
func (hash *hashAlgorithm) unmask(data, seed []byte) {
	in := append([]byte(nil), seed...)
	var out [64]byte
	for counter := uint32(0); len(data) > 0; counter++ {
		mask := hash.sum(out[:0], binary.BigEndian.AppendUint32(in[:len(seed):len(seed)], counter))
		n := min(len(mask), len(data))
		for i := range n {
			data[i] ^= mask[i]
		}
		data = data[n:]
	}
}
