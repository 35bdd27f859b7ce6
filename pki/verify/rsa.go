package verify

import (
	"crypto/rsa"
	"fmt"
)

// openssl's limits of RSA verification, which bound the time a signature takes.
const (
	maxRSABits      = 16384 // OPENSSL_RSA_MAX_MODULUS_BITS
	smallRSABits    = 3072  // up to here the exponent may be as long as the modulus
	maxExponentBits = 64    // above
)

// refusedRSA says why crypto/rsa does not compute with the key. Where openssl does not either, it is for no reason.
func (k *publicKey) refusedRSA() string {
	n := k.n.BitLen()
	switch {
	case n > maxRSABits, k.n.Cmp(k.e) <= 0, k.n.Bit(0) == 0, n > smallRSABits && k.e.BitLen() > maxExponentBits:
		return ""
	case n < 1024:
		return fmt.Sprintf("an RSA key of %d bits", n)
	}
	return "an RSA key with such an exponent"
}

// whole is the signature with the zeros in front that openssl does without.
func (k *publicKey) whole(signature []byte) []byte {
	if missing := k.rsa.Size() - len(signature); missing > 0 {
		return append(make([]byte, missing), signature...)
	}
	return signature
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
		p.known = named(id.oid)
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
		p.known = p.known && named(mask.oid)
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

// verifyPSS checks an RSASSA-PSS signature (RFC 8017 section 8.1.2). crypto/rsa knows one hash function for both
// purposes, and takes a salt of no length for one of any.
func (k *publicKey) verifyPSS(alg *algorithm, message, signature []byte) (ok bool, unsupported string) {
	p, ok := parsePSSParams(alg)
	switch {
	case !ok || p.hash == nil || p.mask == nil || p.salt < 0 || p.trailer != 1 || !k.limits.allows(p):
		return false, ""
	case k.rsa == nil:
		return false, k.refusedRSA()
	case p.hash.std == 0 || p.hash != p.mask || p.salt == 0:
		return false, fmt.Sprintf("RSASSA-PSS with %s, MGF1 with %s and %d octets of salt", p.hash.name, p.mask.name, p.salt)
	}
	o := rsa.PSSOptions{SaltLength: int(p.salt)}
	return rsa.VerifyPSS(k.rsa, p.hash.std, p.hash.sum(message), k.whole(signature), &o) == nil, ""
}
