package cases

import (
	"bytes"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// The encoder is our own and has no opinion: a generator of hostile input must be able to write what a
// careful encoder refuses.

func tlv(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out := []byte{tag}
	switch n := len(body); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	case n < 0x10000:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, body...)
}

func seq(parts ...[]byte) []byte    { return tlv(0x30, parts...) }
func set(parts ...[]byte) []byte    { return tlv(0x31, parts...) }
func octets(parts ...[]byte) []byte { return tlv(0x04, parts...) }
func null() []byte                  { return []byte{5, 0} }
func utf8String(s string) []byte    { return tlv(0x0c, []byte(s)) }
func ia5String(s string) []byte     { return tlv(0x16, []byte(s)) }

// cons is a constructed, prim a primitive context-specific element.
func cons(n byte, parts ...[]byte) []byte { return tlv(0xa0|n, parts...) }
func prim(n byte, parts ...[]byte) []byte { return tlv(0x80|n, parts...) }

func bitString(unused byte, b []byte) []byte { return tlv(3, []byte{unused}, b) }

func boolean(b byte) []byte { return []byte{1, 1, b} }

func integer(n int64) []byte { return bigInteger(big.NewInt(n)) }

func bigInteger(n *big.Int) []byte { return tlv(2, integerOctets(n)) }

// integerOctets is the shortest two's complement form.
func integerOctets(n *big.Int) []byte {
	if n.Sign() >= 0 {
		b := n.Bytes()
		if len(b) == 0 || b[0]&0x80 != 0 {
			b = append([]byte{0}, b...)
		}
		return b
	}
	size := (new(big.Int).Not(n).BitLen())/8 + 1
	return new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size))).Bytes()
}

func oid(dotted string) []byte { return tlv(6, oidOctets(dotted)) }

func oidOctets(dotted string) []byte {
	var arcs []uint64
	for s := range strings.SplitSeq(dotted, ".") {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			panic("object identifier " + dotted)
		}
		arcs = append(arcs, n)
	}
	out := base128(arcs[0]*40 + arcs[1])
	for _, a := range arcs[2:] {
		out = append(out, base128(a)...)
	}
	return out
}

func base128(n uint64) []byte {
	out := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		out = append(out, byte(n&0x7f)|0x80)
	}
	slices.Reverse(out)
	return out
}

// namedBits is a BIT STRING whose bit i (most significant first) is set for each i in bits, in DER: no trailing
// zero bits.
func namedBits(bits ...int) []byte {
	if len(bits) == 0 {
		return bitString(0, nil)
	}
	top := slices.Max(bits)
	b := make([]byte, top/8+1)
	for _, i := range bits {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return bitString(byte(7-top%8), b)
}
