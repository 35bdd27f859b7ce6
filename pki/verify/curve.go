package verify

import "math/big"

// curve is an elliptic curve that crypto/ecdsa does not have, over a prime or a
// binary field.
type curve interface {
	// point decodes an encoded point and checks that it lies on the curve.
	point(encoded []byte) (point, bool)
	// verify checks the ECDSA signature (r, s) over digest by the key q.
	verify(q point, digest []byte, r, s *big.Int) bool
	// order is the number of points that the base point generates.
	order() *big.Int
}

const oidSM2 = "\x2a\x81\x1c\xcf\x55\x01\x82\x2d"

// curveByOID returns nil for a curve that openssl does not know.
func curveByOID(oid string) curve {
	for i := range primeCurves {
		if primeCurves[i].oid == oid {
			return primeCurves[i].curve()
		}
	}
	for i := range binaryCurves {
		if binaryCurves[i].oid == oid {
			return binaryCurves[i].curve()
		}
	}
	return nil
}

// maxFieldBits is the largest field that openssl computes in
// (OPENSSL_ECC_MAX_FIELD_BITS).
const maxFieldBits = 661

const (
	oidPrimeField  = "\x2a\x86\x48\xce\x3d\x01\x01"
	oidBinaryField = "\x2a\x86\x48\xce\x3d\x01\x02"
	oidTrinomial   = "\x2a\x86\x48\xce\x3d\x01\x02\x03\x02"
	oidPentanomial = "\x2a\x86\x48\xce\x3d\x01\x02\x03\x03"
)

// parseCurve reads a curve that is spelt out (ECParameters of RFC 3279 section
// 2.3.5): SEQUENCE { version, fieldID, curve, base, order, cofactor OPTIONAL },
// curve being SEQUENCE { a, b, seed OPTIONAL }.
func parseCurve(der []byte) (curve, bool) {
	top := reader(der)
	r, ok := top.sequence()
	if !ok {
		return nil, false
	}
	if _, ok = r.int32(); !ok { // the version: any number does
		return nil, false
	}
	field, ok := r.sequence()
	if !ok {
		return nil, false
	}
	coefficients, ok := r.sequence()
	if !ok {
		return nil, false
	}
	a, okA := coefficients.octets()
	b, okB := coefficients.octets()
	okSeed := len(coefficients) == 0
	if !okSeed {
		seed, ok := coefficients.next(classUniversal, tagBitString)
		octets, _, okBits := bitString(&seed)
		okSeed = ok && okBits && len(octets) > 0 && len(coefficients) == 0
	}
	base, okBase := r.octets()
	n, okN := r.integer()
	if !okA || !okB || !okSeed || !okBase || !okN || n.Sign() <= 0 {
		return nil, false
	}
	if len(r) > 0 {
		if cofactor, ok := r.integer(); !ok || cofactor.Sign() < 0 || len(r) > 0 {
			return nil, false
		}
	}
	return newCurve(field, a, b, base, n)
}

// newCurve makes the curve over the field that a field identifier describes.
func newCurve(field reader, a, b, base []byte, n *big.Int) (curve, bool) {
	fieldType, ok := field.oid()
	switch {
	case !ok:
		return nil, false
	case fieldType == oidPrimeField:
		p, ok := field.integer()
		if !ok || len(field) > 0 || p.Sign() <= 0 || p.BitLen() > maxFieldBits || p.BitLen() <= 2 || p.Bit(0) == 0 || n.BitLen() > p.BitLen()+1 {
			return nil, false
		}
		c := &primeCurve{p: p, a: unsignedInt(a), b: unsignedInt(b), n: n}
		c.a.Mod(c.a, p)
		c.b.Mod(c.b, p)
		c.g, ok = c.point(base)
		return c, ok && !c.g.infinite()
	case fieldType == oidBinaryField:
		f, ok := parseBinaryField(&field)
		if !ok || len(field) > 0 || n.BitLen() > f.bits()+1 {
			return nil, false
		}
		c := &binaryCurve{f: f, a: f.element(a), b: f.element(b), n: n}
		c.g, ok = c.point(base)
		return c, ok && !c.g.infinite()
	}
	return nil, false
}

// int32 takes an INTEGER as openssl's type of that size does: an empty one is 0.
func (r *reader) int32() (int32, bool) {
	e, ok := r.next(classUniversal, tagInteger)
	if !ok || e.constructed {
		return 0, false
	}
	if len(e.body) == 0 {
		return 0, true
	}
	n, ok := int64Contents(e.body)
	return int32(n), ok && integerContents(&e) && n == int64(int32(n))
}

// integer takes an INTEGER.
func (r *reader) integer() (*big.Int, bool) {
	e, ok := r.next(classUniversal, tagInteger)
	if !ok || !integerContents(&e) {
		return nil, false
	}
	return bigInt(e.body), true
}

// octets takes an OCTET STRING.
func (r *reader) octets() ([]byte, bool) {
	e, ok := r.next(classUniversal, tagOctetString)
	if !ok {
		return nil, false
	}
	return stringContents(&e)
}

// parseBinaryField reads what follows the type in a Characteristic-two field
// identifier: SEQUENCE { m, basis, parameters }, for the two polynomial bases.
func parseBinaryField(field *reader) (*binaryField, bool) {
	r, ok := field.sequence()
	if !ok {
		return nil, false
	}
	exponents := make([]int, 0, 5)
	take := func(from *reader) bool {
		n, ok := from.integer()
		if !ok || !n.IsInt64() || n.Int64() <= 0 || n.Int64() > maxFieldBits {
			return false
		}
		exponents = append(exponents, int(n.Int64()))
		return true
	}
	if !take(&r) {
		return nil, false
	}
	basis, ok := r.oid()
	switch {
	case ok && basis == oidTrinomial:
		if !take(&r) || len(r) > 0 || exponents[0] <= exponents[1] {
			return nil, false
		}
	case ok && basis == oidPentanomial:
		k, ok := r.sequence()
		if !ok || !take(&k) || !take(&k) || !take(&k) || len(k) > 0 || len(r) > 0 {
			return nil, false
		}
		if e := exponents; e[0] <= e[3] || e[3] <= e[2] || e[2] <= e[1] {
			return nil, false
		}
	default:
		return nil, false
	}
	poly := big.NewInt(1)
	for _, e := range exponents {
		poly.SetBit(poly, e, 1)
	}
	return newBinaryField(poly), true
}
