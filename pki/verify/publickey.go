package verify

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"math/big"
)

// keyKind is a kind of public key as openssl tells them apart.
type keyKind int

const (
	keyNone keyKind = iota
	keyRSA
	keyRSAPSS
	keyDSA
	keyDH
	keyEC
	keySM2
	keyX25519
	keyX448
	keyEd25519
	keyEd448
)

// publicKey is a subject public key that could be decoded.
type publicKey struct {
	kind keyKind
	bits int // security in bits, as openssl's levels count it

	n, e   *big.Int       // RSA
	std    *rsa.PublicKey // the same, where crypto/rsa takes it
	limits *pssParams     // what an RSASSA-PSS key restricts its signatures to; nil: nothing

	ec       *ecdsa.PublicKey // the NIST curves from P-224 up
	curve    curve            // any other curve, or an odd form of point
	q        point
	explicit bool   // the curve is spelt out instead of named
	named    string // the named curve's contents octets

	dsa *dsaParams // DSA
	y   *big.Int

	edwards []byte // Ed25519, Ed448
}

var errPublicKey = errors.New("public key cannot be decoded")

// publicKey decodes the certificate's key, once. It returns nil for a key that
// openssl does not know or cannot decode.
func (c *Certificate) publicKey() *publicKey {
	c.keyOnce.Do(func() { c.key, c.keyErr = parsePublicKey(c.spki) })
	return c.key
}

// parsePublicKey decodes a SubjectPublicKeyInfo. Bytes after the key inside the
// BIT STRING are ignored where openssl does.
func parsePublicKey(spki []byte) (*publicKey, error) {
	if !streamable(spki) {
		return nil, errPublicKey
	}
	top := reader(spki)
	r, ok := top.sequence()
	if !ok {
		return nil, errPublicKey
	}
	alg, ok := r.algorithm()
	if !ok {
		return nil, errPublicKey
	}
	e, ok := r.next(classUniversal, tagBitString)
	if !ok {
		return nil, errPublicKey
	}
	bits, _, ok := bitString(&e)
	if !ok {
		return nil, errPublicKey
	}
	key := new(publicKey)
	switch alg.oid {
	case oidRSA, "\x55\x08\x01\x01": // the second is X.500's own, of 1988
		key.kind, ok = keyRSA, key.parseRSA(bits)
	case oidRSASSAPSS:
		key.kind, ok = keyRSAPSS, key.parseRSA(bits) && key.parseLimits(&alg)
	case oidEC:
		ok = key.parseEC(&alg, bits)
	case oidEd25519:
		ok = key.parseEdwards(keyEd25519, &alg, bits, ed25519.PublicKeySize, 128)
	case oidEd448:
		ok = key.parseEdwards(keyEd448, &alg, bits, 57, 224)
	case oidX25519:
		ok = key.parseEdwards(keyX25519, &alg, bits, 32, 128)
	case oidX448:
		ok = key.parseEdwards(keyX448, &alg, bits, 56, 224)
	case oidDSA, "\x2a\x86\x48\xce\x38\x04\x03", "\x2b\x0e\x03\x02\x0c", "\x2b\x0e\x03\x02\x0d", "\x2b\x0e\x03\x02\x1b":
		// openssl takes OIW's numbers and those of the signatures for the same
		ok = key.parseDSA(&alg, bits)
	case oidDH, oidDHX:
		ok = key.parseDH(&alg, bits)
	default:
		ok = false
	}
	if !ok {
		return nil, errPublicKey
	}
	return key, nil
}

func (k *publicKey) parseRSA(bits []byte) bool {
	top := reader(bits)
	r, ok := top.sequence()
	if !ok {
		return false
	}
	for _, n := range []**big.Int{&k.n, &k.e} {
		e, ok := r.next(classUniversal, tagInteger)
		if !ok || e.constructed {
			return false
		}
		*n = unsignedInt(e.body)
	}
	if len(r) != 0 {
		return false
	}
	k.bits = modulusSecurity(k.n.BitLen())
	if e := k.e; k.n.BitLen() >= 1024 && k.n.BitLen() <= maxRSABits && k.n.Bit(0) == 1 &&
		e.IsInt64() && e.Int64() > 1 && e.Int64() < 1<<31 && e.Bit(0) == 1 {
		k.std = &rsa.PublicKey{N: k.n, E: int(e.Int64())}
	}
	return true
}

func (k *publicKey) parseLimits(alg *algorithm) bool {
	if !alg.hasParams {
		return true
	}
	p, ok := parsePSSParams(alg)
	k.limits = p
	return ok && p.known
}

func (k *publicKey) parseEdwards(kind keyKind, alg *algorithm, bits []byte, size, security int) bool {
	k.kind, k.edwards, k.bits = kind, bits, security
	return !alg.hasParams && len(bits) == size
}

func (k *publicKey) parseEC(alg *algorithm, bits []byte) bool {
	k.kind = keyEC
	if !alg.hasParams {
		return false
	}
	if alg.params.is(classUniversal, tagSequence) {
		c, ok := parseCurve(alg.params.raw)
		if !ok {
			return false
		}
		k.explicit, k.curve = true, c
		k.bits = curveSecurity(c.order().BitLen())
		k.q, ok = c.point(bits)
		return ok
	}
	if !alg.params.is(classUniversal, tagOID) {
		return false
	}
	k.named = string(alg.params.body)
	if std := standardCurve(k.named); std != nil && len(bits) > 0 && bits[0] == 4 {
		k.bits = curveSecurity(std.Params().BitSize)
		var err error
		k.ec, err = ecdsa.ParseUncompressedPublicKey(std, bits)
		return err == nil
	}
	if k.curve = curveByOID(k.named); k.curve == nil {
		return false
	}
	if k.named == oidSM2 {
		k.kind = keySM2
	}
	k.bits = curveSecurity(k.curve.order().BitLen())
	var ok bool
	k.q, ok = k.curve.point(bits)
	return ok
}

// standardCurve returns the curves that crypto/ecdsa has.
func standardCurve(oid string) elliptic.Curve {
	switch oid {
	case "\x2a\x86\x48\xce\x3d\x03\x01\x07":
		return elliptic.P256()
	case "\x2b\x81\x04\x00\x22":
		return elliptic.P384()
	case "\x2b\x81\x04\x00\x23":
		return elliptic.P521()
	case "\x2b\x81\x04\x00\x21":
		return elliptic.P224()
	}
	return nil
}

// parseDH accepts a Diffie-Hellman key so far as a certificate may carry one;
// it verifies nothing.
func (k *publicKey) parseDH(alg *algorithm, bits []byte) bool {
	k.kind = keyDH
	if !alg.hasParams || !alg.params.is(classUniversal, tagSequence) {
		return false
	}
	body := reader(bits)
	e, ok := body.next(classUniversal, tagInteger)
	if !ok || !integerContents(&e) {
		return false
	}
	params := reader(alg.params.body)
	if alg.oid == oidDHX {
		return k.parseDHX(params)
	}
	p, okP := params.next(classUniversal, tagInteger)
	_, okG := params.next(classUniversal, tagInteger)
	if len(params) > 0 { // the length of the private number
		if _, ok := params.int32(); !ok {
			return false
		}
	}
	k.bits = ffcSecurity(unsignedInt(p.body).BitLen(), -1)
	return okP && okG && len(params) == 0
}

// parseDHX reads DomainParameters of RFC 3279 section 2.3.3: p, g, q, j
// OPTIONAL, SEQUENCE { seed, counter } OPTIONAL.
func (k *publicKey) parseDHX(params reader) bool {
	p, okP := params.next(classUniversal, tagInteger)
	_, okG := params.next(classUniversal, tagInteger)
	q, okQ := params.next(classUniversal, tagInteger)
	if params.peek(classUniversal, tagInteger) {
		if _, ok := params.any(); !ok {
			return false
		}
	}
	if len(params) > 0 {
		validation, okV := params.sequence()
		seed, okSeed := validation.next(classUniversal, tagBitString)
		_, okCounter := validation.next(classUniversal, tagInteger)
		if _, _, ok := bitString(&seed); !ok || !okV || !okSeed || !okCounter || len(validation) > 0 {
			return false
		}
	}
	k.bits = ffcSecurity(unsignedInt(p.body).BitLen(), unsignedInt(q.body).BitLen())
	return okP && okG && okQ && len(params) == 0
}
