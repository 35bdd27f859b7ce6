package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"math/big"

	"github.com/pkitool/pkitool/pki/verify/internal/objects"
)

// keyKind is a kind of public key as openssl tells them apart where it asks whose signature one may be.
type keyKind int

const (
	keyOther keyKind = iota // signs nothing
	keyRSA
	keyRSAPSS
	keyEC
	keyEd25519
	keyDSA
	keySM2
	keyEd448
)

// publicKey is a subject public key that could be decoded, or one of a type that openssl knows and this package does
// not.
type publicKey struct {
	kind        keyKind
	unsupported string // the type of a key that nothing here computes with; the rest is empty then
	bits        int    // security in bits, as openssl's levels count it

	n, e   *big.Int
	rsa    *rsa.PublicKey // nil: crypto/rsa refuses n or e
	limits *pssParams     // what an RSASSA-PSS key restricts its signatures to; nil: nothing

	ec      *ecdsa.PublicKey
	edwards ed25519.PublicKey
}

var errPublicKey = errors.New("public key cannot be decoded")

// publicKey decodes the certificate's key, once. It returns nil for a key that
// openssl does not know or cannot decode.
func (c *Certificate) publicKey() *publicKey {
	c.keyOnce.Do(func() { c.key, _ = parsePublicKey(c.spki) })
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
		key.kind, key.edwards, key.bits = keyEd25519, bits, 128
		ok = !alg.hasParams && len(bits) == ed25519.PublicKeySize
	default:
		ok = key.name(alg.oid)
	}
	if !ok {
		return nil, errPublicKey
	}
	return key, nil
}

// otherKeys are the types of keys that openssl decodes and this package does not: no Kubernetes component takes them.
// openssl takes the older numbers of DSA for the same.
var otherKeys = [...]struct {
	oid  string
	kind keyKind
	name string
}{
	{oidDSA, keyDSA, "DSA"},
	{"\x2a\x86\x48\xce\x38\x04\x03", keyDSA, "DSA"},
	{"\x2b\x0e\x03\x02\x0c", keyDSA, "DSA"},
	{"\x2b\x0e\x03\x02\x0d", keyDSA, "DSA"},
	{"\x2b\x0e\x03\x02\x1b", keyDSA, "DSA"},
	{"\x2a\x86\x48\x86\xf7\x0d\x01\x03\x01", keyOther, "DH"},
	{"\x2a\x86\x48\xce\x3e\x02\x01", keyOther, "X9.42 DH"},
	{"\x2b\x65\x6e", keyOther, "X25519"},
	{"\x2b\x65\x6f", keyOther, "X448"},
	{oidEd448, keyEd448, "Ed448"},
}

// name takes a key of a type that openssl knows and this package does not.
func (k *publicKey) name(oid string) bool {
	for _, other := range otherKeys {
		if other.oid == oid {
			k.kind, k.unsupported = other.kind, other.name
			return true
		}
	}
	return false
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
		k.rsa = &rsa.PublicKey{N: k.n, E: int(e.Int64())}
	}
	return true
}

func (k *publicKey) parseLimits(alg *algorithm) bool {
	if !alg.hasParams {
		return true
	}
	p, ok := parsePSSParams(alg)
	if k.limits = p; ok && (p.hash == nil || p.mask == nil) {
		k.unsupported = "RSASSA-PSS for other hash functions"
	}
	return ok && p.known
}

func (k *publicKey) parseEC(alg *algorithm, bits []byte) bool {
	k.kind = keyEC
	switch {
	case alg.hasParams && alg.params.is(classUniversal, tagSequence):
		k.unsupported = explicitCurve
		return true
	case !alg.hasParams || !alg.params.is(classUniversal, tagOID):
		return false
	}
	oid := string(alg.params.body)
	curve := standardCurve(oid)
	if curve == nil {
		if oid == oidSM2 {
			k.kind = keySM2
		}
		k.unsupported, _, _ = objects.Names(dottedOID(oid))
		return k.unsupported != ""
	}
	if len(bits) == 1 && bits[0] == 0 {
		k.unsupported = "EC with the point at infinity"
		return true
	}
	k.bits = curveSecurity(curve.Params().BitSize)
	var err error
	k.ec, err = ecdsa.ParseUncompressedPublicKey(curve, uncompressed(curve, bits))
	return err == nil
}

// explicitCurve names a key whose curve is spelt out (RFC 3279 section 2.3.5).
const explicitCurve = "EC with explicit parameters"

// uncompressed is the same point in the form that crypto/ecdsa reads; nil where it is none. openssl also reads the
// compressed and the hybrid form (SEC 1 section 2.3.4, X9.62 section 4.3.6).
func uncompressed(curve elliptic.Curve, point []byte) []byte {
	if len(point) == 0 {
		return nil
	}
	switch point[0] {
	case 2, 3:
		if x, y := elliptic.UnmarshalCompressed(curve, point); x != nil {
			size := (curve.Params().BitSize + 7) / 8
			out := make([]byte, 1+2*size)
			out[0] = 4
			x.FillBytes(out[1 : 1+size])
			y.FillBytes(out[1+size:])
			return out
		}
		return nil
	case 6, 7:
		if point[len(point)-1]&1 != point[0]&1 {
			return nil
		}
		point = bytes.Clone(point)
		point[0] = 4
	}
	return point
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
