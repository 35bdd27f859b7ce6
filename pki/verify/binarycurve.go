package verify

import "math/big"

// binaryCurve is y² + xy = x³ + ax² + b over a binary field. A point's
// coordinates are the polynomials' bits as numbers, z is 1 or, for the point at
// infinity, 0.
type binaryCurve struct {
	f    *binaryField
	a, b polynomial
	n    *big.Int
	g    point
}

// affine is a point in coordinates of the field; nil is infinity.
type affine struct{ x, y polynomial }

func (c *binaryNamedCurve) curve() curve {
	f := newBinaryField(hexInt(c.poly))
	return &binaryCurve{
		f: f, a: f.element(hexInt(c.a).Bytes()), b: f.element(hexInt(c.b).Bytes()), n: hexInt(c.n),
		g: point{hexInt(c.gx), hexInt(c.gy), big.NewInt(1)},
	}
}

func (c *binaryCurve) order() *big.Int { return c.n }

func (c *binaryCurve) contains(x, y polynomial) bool {
	f := c.f
	left := f.mul(y, f.add(y, x))
	right := f.add(f.mul(f.square(x), f.add(x, c.a)), c.b)
	return left.equal(right)
}

// point reads an encoded point (SEC 1 section 2.3.4), hybrid form and infinity
// included.
func (c *binaryCurve) point(b []byte) (point, bool) {
	if len(b) == 1 && b[0] == 0 {
		return infinity(), true
	}
	f := c.f
	size := (f.m + 7) / 8
	if len(b) < 1+size || !f.fits(b[1:1+size]) {
		return point{}, false
	}
	x := f.element(b[1 : 1+size])
	odd := b[0]&1 == 1
	switch form := b[0]; {
	case (form == 2 || form == 3) && len(b) == 1+size:
		y, ok := c.decompress(x, odd)
		return point{x.integer(), y.integer(), big.NewInt(1)}, ok
	case (form == 4 || form == 6 || form == 7) && len(b) == 1+2*size:
		if !f.fits(b[1+size:]) {
			return point{}, false
		}
		y := f.element(b[1+size:])
		if !c.contains(x, y) || form != 4 && c.yBit(x, y) != odd {
			return point{}, false
		}
		return point{x.integer(), y.integer(), big.NewInt(1)}, true
	}
	return point{}, false
}

// yBit is the bit by which a compressed point tells y from x + y.
func (c *binaryCurve) yBit(x, y polynomial) bool {
	return !x.isZero() && c.f.mul(y, c.f.inverse(x))[0]&1 == 1
}

func (c *binaryCurve) decompress(x polynomial, odd bool) (polynomial, bool) {
	f := c.f
	if x.isZero() {
		y := c.b
		for range f.m - 1 { // the square root of b
			y = f.square(y)
		}
		return y, !odd
	}
	inverse := f.inverse(x)
	z, ok := f.quadratic(f.add(f.add(x, c.a), f.mul(c.b, f.square(inverse))))
	if !ok {
		return z, false
	}
	if z[0]&1 == 1 != odd {
		z = f.add(z, f.one())
	}
	return f.mul(x, z), true
}

func (c *binaryCurve) affine(p point) *affine {
	if p.infinite() {
		return nil
	}
	return &affine{c.f.element(p.x.Bytes()), c.f.element(p.y.Bytes())}
}

func (c *binaryCurve) add(p, q *affine) *affine {
	f := c.f
	switch {
	case p == nil:
		return q
	case q == nil:
		return p
	case p.x.equal(q.x) && p.y.equal(q.y):
		return c.double(p)
	case p.x.equal(q.x):
		return nil
	}
	l := f.mul(f.add(p.y, q.y), f.inverse(f.add(p.x, q.x)))
	x := f.add(f.add(f.add(f.square(l), l), f.add(p.x, q.x)), c.a)
	return &affine{x, f.add(f.add(f.mul(l, f.add(p.x, x)), x), p.y)}
}

func (c *binaryCurve) double(p *affine) *affine {
	f := c.f
	if p == nil || p.x.isZero() {
		return nil
	}
	l := f.add(p.x, f.mul(p.y, f.inverse(p.x)))
	x := f.add(f.add(f.square(l), l), c.a)
	return &affine{x, f.add(f.square(p.x), f.mul(f.add(l, f.one()), x))}
}

// projective is a point in López and Dahab's coordinates: x/z, y/z². With z = 0
// it is infinity.
type projective struct{ x, y, z polynomial }

func (c *binaryCurve) doubleProjective(p projective) projective {
	f := c.f
	xx, zz := f.square(p.x), f.square(p.z)
	bz := f.mul(c.b, f.square(zz))
	z := f.mul(xx, zz)
	x := f.add(f.square(xx), bz)
	y := f.add(f.mul(bz, z), f.mul(x, f.add(f.add(f.mul(c.a, z), f.square(p.y)), bz)))
	return projective{x, y, z}
}

// addAffine is algorithm 3.25 of Hankerson, Menezes and Vanstone's guide.
func (c *binaryCurve) addAffine(p projective, q *affine) projective {
	f := c.f
	switch {
	case q == nil:
		return p
	case p.z.isZero():
		return projective{q.x, q.y, f.one()}
	}
	zz := f.square(p.z)
	u := f.add(p.y, f.mul(q.y, zz))
	v := f.add(p.x, f.mul(q.x, p.z))
	if v.isZero() {
		if u.isZero() {
			return c.doubleProjective(p)
		}
		return projective{f.one(), f.one(), f.zero()}
	}
	w := f.mul(p.z, v)
	z, uw := f.square(w), f.mul(u, w)
	x := f.add(f.add(f.square(u), uw), f.mul(f.square(v), f.add(w, f.mul(c.a, zz))))
	y := f.add(f.mul(f.add(f.mul(q.x, z), x), f.add(uw, z)), f.mul(f.add(q.x, q.y), f.square(z)))
	return projective{x, y, z}
}

func (c *binaryCurve) verify(q point, digest []byte, r, s *big.Int) bool {
	u, v, ok := ecdsaScalars(c.n, digest, r, s)
	if !ok {
		return false
	}
	f := c.f
	g, key := c.affine(c.g), c.affine(q)
	both := c.add(g, key)
	sum := projective{f.one(), f.one(), f.zero()}
	for i := max(u.BitLen(), v.BitLen()) - 1; i >= 0; i-- {
		sum = c.doubleProjective(sum)
		switch u.Bit(i) | v.Bit(i)<<1 {
		case 1:
			sum = c.addAffine(sum, g)
		case 2:
			sum = c.addAffine(sum, key)
		case 3:
			sum = c.addAffine(sum, both)
		}
	}
	if sum.z.isZero() {
		return false
	}
	x := f.mul(sum.x, f.inverse(sum.z)).integer()
	return x.Mod(x, c.n).Cmp(r) == 0
}
