package verify

// This file counts security in bits, for -auth_level.

// curveSecurity goes by the bits of the group's order, of which P-224 has the fewest.
func curveSecurity(order int) int {
	switch {
	case order >= 512:
		return 256
	case order >= 384:
		return 192
	case order >= 256:
		return 128
	}
	return 112
}

// Numbers with 18 bits behind the point, for modulusSecurity.
const (
	fixedOne    = 1 << 18
	fixedLn2    = 0x02c5c8 // ln 2
	fixedLog2E  = 0x05c551 // log₂ e
	fixed1Dot92 = 0x07b126 // 1.923
	fixed4Dot69 = 0x12c28f // 4.690
)

// statedStrengths are the figures of NIST, by the bits of the modulus.
var statedStrengths = map[int]int{2048: 112, 3072: 128, 4096: 152, 6144: 176, 7680: 192, 8192: 200, 15360: 256}

// modulusSecurity is the strength of an RSA modulus of n bits: the figures that
// NIST states, and between them the estimate of SP 800-56B revision 2 appendix
// D, in the fixed-point steps that openssl takes, since rounding shows.
func modulusSecurity(n int) int {
	if bits, ok := statedStrengths[n]; ok {
		return bits
	}
	limit := 1200
	switch {
	case n >= 687737:
		return limit
	case n < 8:
		return 0
	case n <= 7680:
		limit = 192
	case n <= 15360:
		limit = 256
	}
	x := uint64(n) * fixedLn2
	ln := fixedLog(x)
	root := fixedCubeRoot(fixedMul(fixedMul(x, ln), ln))
	y := uint16((fixedMul(fixed1Dot92, root) - fixed4Dot69) / fixedLn2)
	return min(int((y+4)&^7), limit)
}

func fixedMul(a, b uint64) uint64 { return a * b / fixedOne }

// fixedLog is the natural logarithm of a number above 1.
func fixedLog(v uint64) uint64 {
	var r uint64
	for v >= 2*fixedOne {
		v >>= 1
		r += fixedOne
	}
	for i := uint64(fixedOne / 2); i != 0; i /= 2 {
		if v = fixedMul(v, v); v >= 2*fixedOne {
			v >>= 1
			r += i
		}
	}
	return r * fixedOne / fixedLog2E
}

// fixedCubeRoot finds the root digit by digit.
func fixedCubeRoot(x uint64) uint64 {
	var r uint64
	for s := 63; s >= 0; s -= 3 {
		r <<= 1
		if b := 3*r*(r+1) + 1; x>>s >= b {
			x -= b << s
			r++
		}
	}
	return r << 12 // the cube root of one's 18 bits is 6; 18 are wanted
}
