package verify

import "math/big"

// This file computes on elliptic curves over prime fields for signature
// verification on curves that the standard library does not have. All values
// are public, so nothing here needs constant time.

// primeCurve is a curve ready for computing.
type primeCurve struct {
	p, a, b, n *big.Int
	g          point
	named      bool // p is known to be prime
}

// point is in Jacobian coordinates: x/z², y/z³; z = 0 is the point at infinity.
type point struct{ x, y, z *big.Int }

func hexInt(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 16) // from a table of ours
	return n
}

func (c *namedCurve) curve() curve {
	return &primeCurve{
		p: hexInt(c.p), a: hexInt(c.a), b: hexInt(c.b), n: hexInt(c.n),
		g: point{hexInt(c.gx), hexInt(c.gy), big.NewInt(1)}, named: true,
	}
}

func (c *primeCurve) order() *big.Int { return c.n }

func (pt point) infinite() bool { return pt.z.Sign() == 0 }

func infinity() point { return point{big.NewInt(1), big.NewInt(1), new(big.Int)} }

func (c *primeCurve) mul(x, y *big.Int) *big.Int {
	z := new(big.Int).Mul(x, y)
	return z.Mod(z, c.p)
}

func (c *primeCurve) sub(x, y *big.Int) *big.Int {
	z := new(big.Int).Sub(x, y)
	return z.Mod(z, c.p)
}

// right is x³ + ax + b.
func (c *primeCurve) right(x *big.Int) *big.Int {
	z := new(big.Int).Mul(x, x)
	z.Add(z, c.a).Mul(z, x).Add(z, c.b)
	return z.Mod(z, c.p)
}

func (c *primeCurve) contains(x, y *big.Int) bool {
	return x.Cmp(c.p) < 0 && y.Cmp(c.p) < 0 && c.mul(y, y).Cmp(c.right(x)) == 0
}

// point reads an encoded point (SEC 1 section 2.3.4), hybrid form and infinity
// included, as openssl does.
func (c *primeCurve) point(b []byte) (point, bool) {
	if len(b) == 1 && b[0] == 0 {
		return infinity(), true
	}
	size := (c.p.BitLen() + 7) / 8
	if len(b) < 1+size {
		return point{}, false
	}
	x := new(big.Int).SetBytes(b[1 : 1+size])
	odd := uint(b[0] & 1)
	switch form := b[0]; {
	case (form == 2 || form == 3) && len(b) == 1+size:
		if x.Cmp(c.p) >= 0 || !c.named && !c.p.ProbablyPrime(20) { // ModSqrt may not return otherwise
			return point{}, false
		}
		y := new(big.Int).ModSqrt(c.right(x), c.p)
		if y == nil || y.Sign() == 0 && odd == 1 {
			return point{}, false
		}
		if y.Bit(0) != odd {
			y.Sub(c.p, y)
		}
		return point{x, y, big.NewInt(1)}, true
	case (form == 4 || form == 6 || form == 7) && len(b) == 1+2*size:
		y := new(big.Int).SetBytes(b[1+size:])
		if !c.contains(x, y) || form != 4 && y.Bit(0) != odd {
			return point{}, false
		}
		return point{x, y, big.NewInt(1)}, true
	}
	return point{}, false
}

// double is "dbl-2007-bl" of the Explicit-Formulas Database.
func (c *primeCurve) double(p point) point {
	if p.infinite() || p.y.Sign() == 0 {
		return infinity()
	}
	xx, yy, zz := c.mul(p.x, p.x), c.mul(p.y, p.y), c.mul(p.z, p.z)
	yyyy := c.mul(yy, yy)
	s := c.mul(p.x, yy)
	s.Lsh(s, 2)
	m := c.mul(c.a, c.mul(zz, zz))
	m.Add(m, xx).Add(m, xx).Add(m, xx)
	x := c.mul(m, m)
	x.Sub(x, s).Sub(x, s).Mod(x, c.p)
	y := new(big.Int).Mul(m, s.Sub(s, x))
	y.Sub(y, yyyy.Lsh(yyyy, 3)).Mod(y, c.p)
	z := c.mul(p.y, p.z)
	z.Lsh(z, 1).Mod(z, c.p)
	return point{x, y, z}
}

func (c *primeCurve) add(p, q point) point {
	switch {
	case p.infinite():
		return q
	case q.infinite():
		return p
	}
	zz1, zz2 := c.mul(p.z, p.z), c.mul(q.z, q.z)
	u1, u2 := c.mul(p.x, zz2), c.mul(q.x, zz1)
	s1, s2 := c.mul(p.y, c.mul(q.z, zz2)), c.mul(q.y, c.mul(p.z, zz1))
	h, r := c.sub(u2, u1), c.sub(s2, s1)
	if h.Sign() == 0 {
		if r.Sign() == 0 {
			return c.double(p)
		}
		return infinity()
	}
	hh := c.mul(h, h)
	hhh, v := c.mul(h, hh), c.mul(u1, hh)
	x := c.mul(r, r)
	x.Sub(x, hhh).Sub(x, v).Sub(x, v).Mod(x, c.p)
	y := new(big.Int).Mul(r, new(big.Int).Sub(v, x))
	y.Sub(y, s1.Mul(s1, hhh)).Mod(y, c.p)
	return point{x, y, c.mul(h, c.mul(p.z, q.z))}
}

// combine is u·g + v·q.
func (c *primeCurve) combine(u, v *big.Int, q point) point {
	both := c.add(c.g, q)
	sum := infinity()
	for i := max(u.BitLen(), v.BitLen()) - 1; i >= 0; i-- {
		sum = c.double(sum)
		switch u.Bit(i) | v.Bit(i)<<1 {
		case 1:
			sum = c.add(sum, c.g)
		case 2:
			sum = c.add(sum, q)
		case 3:
			sum = c.add(sum, both)
		}
	}
	return sum
}

// verify checks an ECDSA signature (r, s) over digest by the key q
// (FIPS 186-5 section 6.4.2).
func (c *primeCurve) verify(q point, digest []byte, r, s *big.Int) bool {
	u, v, ok := ecdsaScalars(c.n, digest, r, s)
	if !ok {
		return false
	}
	sum := c.combine(u, v, q)
	if sum.infinite() {
		return false
	}
	inverse := new(big.Int).ModInverse(sum.z, c.p)
	if inverse == nil {
		return false
	}
	x := c.mul(sum.x, c.mul(inverse, inverse))
	return x.Mod(x, c.n).Cmp(r) == 0
}

// ecdsaScalars returns digest/s and r/s modulo n. openssl inverts as if n were
// prime, which the order of a curve that is spelt out need not be.
func ecdsaScalars(n *big.Int, digest []byte, r, s *big.Int) (u, v *big.Int, ok bool) {
	return signatureScalars(n, digest, r, s, func() *big.Int {
		if n.Bit(0) == 0 {
			return nil
		}
		return new(big.Int).Exp(s, new(big.Int).Sub(n, big.NewInt(2)), n)
	})
}

func signatureScalars(n *big.Int, digest []byte, r, s *big.Int, inverse func() *big.Int) (u, v *big.Int, ok bool) {
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(n) >= 0 || s.Cmp(n) >= 0 {
		return nil, nil, false
	}
	w := inverse()
	if w == nil {
		return nil, nil, false
	}
	u = leftmostBits(digest, n.BitLen())
	u.Mul(u, w).Mod(u, n)
	v = w.Mul(w, r)
	return u, v.Mod(v, n), true
}

// leftmostBits is the number in the first bits of digest.
func leftmostBits(digest []byte, bits int) *big.Int {
	if n := (bits + 7) / 8; len(digest) > n {
		digest = digest[:n]
	}
	e := new(big.Int).SetBytes(digest)
	if extra := len(digest)*8 - bits; extra > 0 {
		e.Rsh(e, uint(extra))
	}
	return e
}
