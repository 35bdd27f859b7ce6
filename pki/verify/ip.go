package verify

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// ParseIP reads an address in the forms that openssl's -verify_ip takes, which
// are not those of net/netip: a dotted quad of decimal numbers with signs,
// leading zeros and blanks, or IPv6 groups with at most one "::", which stands
// for at least one group, optionally with a dotted quad at the end.
func ParseIP(text string) (netip.Addr, bool) {
	if strings.Contains(text, ":") {
		return parseIPv6(text)
	}
	quad, ok := parseQuad(text)
	return netip.AddrFrom4(quad), ok
}

// parseQuad is scanf("%d.%d.%d.%d"), followed by nothing or by a blank and
// anything.
func parseQuad(text string) (out [4]byte, ok bool) {
	for i := range out {
		if i > 0 {
			if text == "" || text[0] != '.' {
				return out, false
			}
			text = text[1:]
		}
		for text != "" && isSpace(text[0]) {
			text = text[1:]
		}
		negative := false
		if text != "" && (text[0] == '+' || text[0] == '-') {
			negative = text[0] == '-'
			text = text[1:]
		}
		if text == "" || !isDigit(text[0]) {
			return out, false
		}
		n := int64(0)
		for text != "" && isDigit(text[0]) {
			if n > (math.MaxInt64-9)/10 {
				return out, false // scanf makes -1 or, below zero, 0 of it; nobody means either
			}
			n = n*10 + int64(text[0]-'0')
			text = text[1:]
		}
		if negative {
			n = -n
		}
		if n = int64(int32(n)); n < 0 || n > 255 { // scanf cuts to an int
			return out, false
		}
		out[i] = byte(n)
	}
	return out, text == "" || isSpace(text[0])
}

// parseIPv6 collects the octets of the groups and where the gap is.
func parseIPv6(text string) (netip.Addr, bool) {
	var octets []byte
	gap, empty := -1, 0
	groups := strings.Split(text, ":")
	for i, g := range groups {
		last := i == len(groups)-1
		switch {
		case len(octets) >= 16:
			return netip.Addr{}, false
		case g == "":
			if gap < 0 {
				gap = len(octets)
			} else if gap != len(octets) {
				return netip.Addr{}, false
			}
			empty++
		case len(g) > 4:
			quad, ok := parseQuad(g)
			if !last || !ok || len(octets) > 12 {
				return netip.Addr{}, false
			}
			octets = append(octets, quad[:]...)
		default:
			n, err := strconv.ParseUint(g, 16, 16)
			if err != nil {
				return netip.Addr{}, false
			}
			octets = append(octets, byte(n>>8), byte(n))
		}
	}
	if gap < 0 {
		addr, ok := netip.AddrFromSlice(octets)
		return addr, ok && len(octets) == 16
	}
	if len(octets) >= 16 || !plausibleGap(empty, gap, len(octets)) {
		return netip.Addr{}, false
	}
	var out [16]byte
	copy(out[:], octets[:gap])
	copy(out[16-(len(octets)-gap):], octets[gap:])
	return netip.AddrFrom16(out), true
}

// plausibleGap reports whether that many empty groups make one "::": three are
// the address of all zeros, two a gap at either end, one a gap in the middle.
func plausibleGap(empty, gap, total int) bool {
	switch empty {
	case 3:
		return total == 0
	case 2:
		return gap == 0 || gap == total
	case 1:
		return gap != 0 && gap != total
	}
	return false
}
