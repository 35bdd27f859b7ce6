package verify

import (
	"bytes"
	"math"
	"unicode/utf8"
)

// Limits of openssl's conversion of a domain to Unicode.
const (
	maxDomain = 254 // octets of the result
	maxLabel  = 512 // characters of a decoded label
)

// unicodeDomain converts the labels of a domain that begin with xn-- to Unicode
// (RFC 3492); others stay as they are. The result may have limit octets.
func unicodeDomain(domain []byte, limit int) ([]byte, bool) {
	var out []byte
	for i, label := range bytes.Split(domain, []byte{'.'}) {
		if i > 0 {
			out = append(out, '.')
		}
		if !bytes.HasPrefix(label, []byte("xn--")) {
			out = append(out, label...)
			continue
		}
		runes, ok := decodePunycode(label[4:])
		if !ok {
			return nil, false
		}
		for _, r := range runes {
			if r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
				return nil, false
			}
			out = utf8.AppendRune(out, rune(r))
		}
	}
	return out, len(out) <= limit
}

// decodePunycode decodes one label without its prefix (RFC 3492 section 6.2).
func decodePunycode(b []byte) ([]uint32, bool) {
	const base, tMin, tMax, skew, damp = 36, 1, 26, 38, 700
	var out []uint32
	if i := bytes.LastIndexByte(b, '-'); i > 0 {
		for _, c := range b[:i] {
			if c >= 0x80 {
				return nil, false
			}
			out = append(out, uint32(c))
		}
		b = b[i+1:]
	}
	n, index, bias, first := uint32(128), uint32(0), uint32(72), true
	for len(b) > 0 {
		old, weight := index, uint32(1)
		for k := uint32(base); ; k += base {
			if len(b) == 0 {
				return nil, false
			}
			digit, ok := punycodeDigit(b[0])
			b = b[1:]
			if !ok || digit > (math.MaxUint32-index)/weight {
				return nil, false
			}
			index += digit * weight
			t := min(max(k, bias+tMin)-bias, tMax)
			if digit < t {
				break
			}
			if weight > math.MaxUint32/(base-t) {
				return nil, false
			}
			weight *= base - t
		}
		length := uint32(len(out) + 1)
		delta := (index - old) / 2
		if first {
			delta, first = (index-old)/damp, false
		}
		delta += delta / length
		k := uint32(0)
		for ; delta > (base-tMin)*tMax/2; k += base {
			delta /= base - tMin
		}
		bias = k + (base-tMin+1)*delta/(delta+skew)
		if index/length > math.MaxUint32-n || len(out) >= maxLabel {
			return nil, false
		}
		n += index / length
		index %= length
		out = append(out, 0)
		copy(out[index+1:], out[index:])
		out[index] = n
		index++
	}
	return out, true
}

func punycodeDigit(c byte) (uint32, bool) {
	switch {
	case isLetter(c):
		return uint32(lower(c) - 'a'), true
	case isDigit(c):
		return uint32(c-'0') + 26, true
	}
	return 0, false
}
