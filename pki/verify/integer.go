package verify

import "math/big"

// int64Contents reads the contents of an INTEGER; false: it does not fit.
func int64Contents(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	v := int64(int8(b[0]))
	for _, c := range b[1:] {
		v = v<<8 | int64(c)
	}
	return v, true
}

// bigInt reads the contents of an INTEGER of any length.
func bigInt(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// unsignedInt reads the contents of an INTEGER as an unsigned number, sign bit
// or not: openssl reads the numbers of keys like that.
func unsignedInt(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
