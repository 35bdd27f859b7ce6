package verify

import (
	"math/big"
	"math/bits"
)

// This file computes on elliptic curves over binary fields, as weierstrass.go
// does over prime ones. Nobody issues certificates on them any more, but
// openssl verifies those there are.

// binaryField is GF(2^m) as polynomials modulo poly, 64 coefficients a word.
type binaryField struct {
	m     int
	terms []int // exponents of poly below m
	words int
}

// polynomial has the lowest coefficients first and is as long as its field says.
type polynomial []uint64

func newBinaryField(poly *big.Int) *binaryField {
	f := &binaryField{m: poly.BitLen() - 1}
	f.words = (f.m + 63) / 64
	for i := range f.m {
		if poly.Bit(i) == 1 {
			f.terms = append(f.terms, i)
		}
	}
	return f
}

func (f *binaryField) bits() int { return f.m }

func (f *binaryField) zero() polynomial { return make(polynomial, f.words) }

func (f *binaryField) one() polynomial {
	p := f.zero()
	p[0] = 1
	return p
}

// fits reports whether the encoded polynomial is a reduced one.
func (f *binaryField) fits(b []byte) bool { return new(big.Int).SetBytes(b).BitLen() <= f.m }

// element reads a polynomial, the highest coefficients first, and reduces it.
func (f *binaryField) element(b []byte) polynomial {
	wide := make(polynomial, max(f.words, (len(b)+7)/8))
	for i, c := range b {
		at := len(b) - 1 - i
		wide[at/8] |= uint64(c) << (at % 8 * 8)
	}
	return f.reduce(wide)
}

// reduce brings p below the degree m, in place and a word at a time: x^m is the
// sum of poly's lower terms.
func (f *binaryField) reduce(p polynomial) polynomial {
	last := f.m / 64
	for i := len(p) - 1; i >= last; i-- {
		for { // once more if poly's second term lies close below m
			w := p[i]
			if i == last {
				w &^= 1<<(f.m%64) - 1
			}
			if w == 0 {
				break
			}
			p[i] ^= w
			for _, t := range f.terms {
				p.xorAt(w, i*64-f.m+t)
			}
		}
	}
	return p[:f.words]
}

// xorAt adds w·x^at; with at below 0, the bits of w that would fall off are 0.
func (a polynomial) xorAt(w uint64, at int) {
	if at < 0 {
		a[0] ^= w >> -at
		return
	}
	word, shift := at/64, at%64
	a[word] ^= w << shift
	if high := w >> (64 - shift); high != 0 {
		a[word+1] ^= high
	}
}

func (f *binaryField) add(a, b polynomial) polynomial {
	out := f.zero()
	for i := range out {
		out[i] = a[i] ^ b[i]
	}
	return out
}

// mul multiplies four coefficients at a time.
func (f *binaryField) mul(a, b polynomial) polynomial {
	n := f.words
	var multiples [16]polynomial
	for i := range multiples {
		multiples[i] = make(polynomial, n+1)
		for bit := range 4 {
			if i>>bit&1 == 1 {
				xorShifted(multiples[i], b, uint(bit))
			}
		}
	}
	out := make(polynomial, 2*n+1)
	for shift := 60; shift >= 0; shift -= 4 {
		for i := range n {
			for j, w := range multiples[a[i]>>shift&15] {
				out[i+j] ^= w
			}
		}
		if shift > 0 {
			for i := len(out) - 1; i > 0; i-- {
				out[i] = out[i]<<4 | out[i-1]>>60
			}
			out[0] <<= 4
		}
	}
	return f.reduce(out)
}

// xorShifted adds p·x^shift to out, which has a word more.
func xorShifted(out, p polynomial, shift uint) {
	for i, w := range p {
		out[i] ^= w << shift
		if shift > 0 {
			out[i+1] ^= w >> (64 - shift)
		}
	}
}

func (f *binaryField) square(a polynomial) polynomial {
	out := make(polynomial, 2*f.words)
	for i, w := range a {
		out[2*i], out[2*i+1] = spread(uint32(w)), spread(uint32(w>>32))
	}
	return f.reduce(out)
}

// spread puts a zero between any two bits.
func spread(w uint32) uint64 {
	x := uint64(w)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}

// inverse is a^(2^m-2), by Itoh and Tsujii's chain; of zero it is zero.
func (f *binaryField) inverse(a polynomial) polynomial {
	// power is a^(2^k-1)
	power, k := a, 1
	for i := bits.Len(uint(f.m-1)) - 2; i >= 0; i-- {
		half := power
		for range k {
			half = f.square(half)
		}
		power, k = f.mul(half, power), 2*k
		if (f.m-1)>>i&1 == 1 {
			power, k = f.mul(f.square(power), a), k+1
		}
	}
	return f.square(power)
}

func (a polynomial) isZero() bool {
	for _, w := range a {
		if w != 0 {
			return false
		}
	}
	return true
}

func (a polynomial) equal(b polynomial) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// integer reads the coefficients as the bits of a number.
func (a polynomial) integer() *big.Int {
	out := new(big.Int)
	for i := len(a) - 1; i >= 0; i-- {
		out.Lsh(out, 64).Or(out, new(big.Int).SetUint64(a[i]))
	}
	return out
}

// halfTrace solves z² + z = c in a field of odd degree, if it can be solved.
func (f *binaryField) halfTrace(c polynomial) polynomial {
	z := c
	for range (f.m - 1) / 2 {
		z = f.add(f.square(f.square(z)), c)
	}
	return z
}

// quadratic solves z² + z = c and reports whether there is a solution; the
// other one is 1 more.
func (f *binaryField) quadratic(c polynomial) (polynomial, bool) {
	var z polynomial
	if f.m%2 == 1 {
		z = f.halfTrace(c)
	} else {
		z = f.solveEven(c)
	}
	return z, f.add(f.square(z), z).equal(c)
}

// trace is the sum of a's conjugates, which is 0 or 1.
func (f *binaryField) trace(a polynomial) uint64 {
	sum := a
	for range f.m - 1 {
		a = f.square(a)
		sum = f.add(sum, a)
	}
	return sum[0] & 1
}

// solveEven is the algorithm of IEEE 1363 appendix A.4.7 for fields of even
// degree, with the first power of x of trace 1 where any such element will do.
func (f *binaryField) solveEven(c polynomial) polynomial {
	rho := f.zero()
	for i := range f.m {
		clear(rho)
		rho[i/64] = 1 << (i % 64)
		if f.trace(rho) == 1 {
			break
		}
	}
	z, w := f.zero(), rho
	for range f.m - 1 {
		w2 := f.square(w)
		z = f.add(f.square(z), f.mul(w2, c))
		w = f.add(w2, rho)
	}
	return z
}
