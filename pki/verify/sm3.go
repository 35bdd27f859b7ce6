package verify

import (
	"encoding/binary"
	"math/bits"
)

// sumSM3 appends the SM3 digest of data (GB/T 32905-2016, ISO/IEC 10118-3).
func sumSM3(out, data []byte) []byte {
	v := [8]uint32{
		0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
		0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
	}
	tail := len(data) &^ 63
	for i := 0; i < tail; i += 64 {
		compressSM3(&v, data[i:i+64])
	}
	last := append(make([]byte, 0, 128), data[tail:]...)
	last = append(last, 0x80)
	for len(last)%64 != 56 {
		last = append(last, 0)
	}
	last = binary.BigEndian.AppendUint64(last, uint64(len(data))*8)
	for i := 0; i < len(last); i += 64 {
		compressSM3(&v, last[i:i+64])
	}
	for _, x := range v {
		out = binary.BigEndian.AppendUint32(out, x)
	}
	return out
}

func compressSM3(v *[8]uint32, block []byte) {
	var w [68]uint32
	for i := range 16 {
		w[i] = binary.BigEndian.Uint32(block[4*i:])
	}
	for i := 16; i < 68; i++ {
		x := w[i-16] ^ w[i-9] ^ bits.RotateLeft32(w[i-3], 15)
		x ^= bits.RotateLeft32(x, 15) ^ bits.RotateLeft32(x, 23)
		w[i] = x ^ bits.RotateLeft32(w[i-13], 7) ^ w[i-6]
	}
	a, b, c, d, e, f, g, h := v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
	for i := range 64 {
		t, ff, gg := uint32(0x79cc4519), a^b^c, e^f^g
		if i >= 16 {
			t, ff, gg = 0x7a879d8a, a&b|a&c|b&c, e&f|^e&g
		}
		a12 := bits.RotateLeft32(a, 12)
		ss1 := bits.RotateLeft32(a12+e+bits.RotateLeft32(t, i), 7)
		tt1 := ff + d + (ss1 ^ a12) + (w[i] ^ w[i+4])
		tt2 := gg + h + ss1 + w[i]
		d, c, b, a = c, bits.RotateLeft32(b, 9), a, tt1
		h, g, f, e = g, bits.RotateLeft32(f, 19), e, tt2^bits.RotateLeft32(tt2, 9)^bits.RotateLeft32(tt2, 17)
	}
	for i, x := range [8]uint32{a, b, c, d, e, f, g, h} {
		v[i] ^= x
	}
}
