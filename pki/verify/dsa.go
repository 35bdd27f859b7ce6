package verify

import "math/big"

// maxDSABits is the largest modulus that openssl verifies with
// (OPENSSL_DSA_MAX_MODULUS_BITS).
const maxDSABits = 10000

// dsaParams are the domain parameters of a DSA key (RFC 3279 section 2.3.2).
type dsaParams struct{ p, q, g *big.Int }

// parseDSA reads a DSA key, which must have its parameters with it.
func (k *publicKey) parseDSA(alg *algorithm, bits []byte) bool {
	k.kind = keyDSA
	r := reader(bits)
	e, ok := r.next(classUniversal, tagInteger)
	if !ok || !integerContents(&e) || !alg.hasParams || !alg.params.is(classUniversal, tagSequence) {
		return false
	}
	k.y, k.dsa = bigInt(e.body), new(dsaParams)
	params := reader(alg.params.body)
	for _, n := range []**big.Int{&k.dsa.p, &k.dsa.q, &k.dsa.g} {
		e, ok := params.next(classUniversal, tagInteger)
		if !ok || e.constructed {
			return false
		}
		*n = unsignedInt(e.body)
	}
	k.bits = ffcSecurity(k.dsa.p.BitLen(), k.dsa.q.BitLen())
	return len(params) == 0
}

// verify checks a DSA signature (FIPS 186-4 section 4.7).
func (d *dsaParams) verify(y *big.Int, digest []byte, r, s *big.Int) bool {
	if d.p.Sign() == 0 || d.g.Sign() == 0 || d.p.BitLen() > maxDSABits || d.p.Bit(0) == 0 {
		return false
	}
	if n := d.q.BitLen(); n != 160 && n != 224 && n != 256 {
		return false
	}
	u, v, ok := signatureScalars(d.q, digest, r, s, func() *big.Int { return new(big.Int).ModInverse(s, d.q) })
	if !ok {
		return false
	}
	x := new(big.Int).Exp(d.g, u, d.p)
	x.Mul(x, new(big.Int).Exp(y, v, d.p)).Mod(x, d.p).Mod(x, d.q)
	return x.Cmp(r) == 0
}
