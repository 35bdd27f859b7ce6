package verify

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// addrRange is an IPAddressOrRange of RFC 3779 section 2.2.3.7 as its two encoded ends; a prefix
// has twice the same. Ends are expanded only where they are compared: an address of a wrong
// length is an error there, not in the encoding.
type addrRange struct {
	low, high addrBits
	prefix    bool
}

// addrBits is a BIT STRING that holds the leading bits of an address.
type addrBits struct {
	octets []byte
	unused int // bits of the last octet that do not count
}

// expand fills the bits that are not there with fill's and reports false if there are more than
// length octets.
func (b addrBits) expand(length int, fill byte) ([]byte, bool) {
	if len(b.octets) > length {
		return nil, false
	}
	out := bytes.Repeat([]byte{fill}, length)
	copy(out, b.octets)
	if n := len(b.octets); n > 0 && b.unused > 0 {
		mask := byte(1)<<b.unused - 1
		out[n-1] = out[n-1]&^mask | fill&mask
	}
	return out, true
}

func (r addrRange) ends(length int) (low, high []byte, ok bool) {
	low, okLow := r.low.expand(length, 0x00)
	high, okHigh := r.high.expand(length, 0xff)
	return low, high, okLow && okHigh
}

// addrFamily is an IPAddressFamily: its two octets of AFI with an optional one of SAFI, and
// either ranges or the mark that the issuer's are meant.
type addrFamily struct {
	family  []byte
	inherit bool
	ranges  []addrRange
}

// addressLength is the number of octets of an address: 4 for IPv4, 16 for IPv6. Of any other
// family nothing can be said, so that no range of it is ever contained in another.
func (f *addrFamily) addressLength() int {
	if len(f.family) < 2 {
		return 0
	}
	switch binary.BigEndian.Uint16(f.family) {
	case 1:
		return 4
	case 2:
		return 16
	}
	return 0
}

func (f *addrFamily) sized() bool { return len(f.family) == 2 || len(f.family) == 3 }

// addrBlocks is the extension ipAddrBlocks of RFC 3779 section 2.2.3.
type addrBlocks []*addrFamily

// find returns the family with that identifier, or nil; b must be canonical.
func (b addrBlocks) find(family []byte) *addrFamily {
	i, ok := slices.BinarySearchFunc(b, family, func(f *addrFamily, family []byte) int {
		return bytes.Compare(f.family, family)
	})
	if !ok {
		return nil
	}
	return b[i]
}

// canonical reports whether b has the one form that RFC 3779 section 2.2.3.6 allows: families
// and ranges sorted, nothing adjacent, no range that is a prefix.
func (b addrBlocks) canonical() bool {
	for i := 1; i < len(b); i++ {
		if !b[i-1].sized() || !b[i].sized() || bytes.Compare(b[i-1].family, b[i].family) >= 0 {
			return false
		}
	}
	for _, f := range b {
		if !f.inherit && !f.canonical() {
			return false
		}
	}
	return true
}

func (f *addrFamily) canonical() bool {
	if !f.sized() || len(f.ranges) == 0 {
		return false
	}
	length := f.addressLength()
	for i := 1; i < len(f.ranges); i++ {
		a, b := f.ranges[i-1], f.ranges[i]
		aLow, aHigh, okA := a.ends(length)
		bLow, bHigh, okB := b.ends(length)
		if !okA || !okB {
			return false
		}
		if bytes.Compare(aLow, bLow) >= 0 || bytes.Compare(aLow, aHigh) > 0 || bytes.Compare(bLow, bHigh) > 0 {
			return false
		}
		if bytes.Compare(aHigh, before(bLow)) >= 0 {
			return false
		}
		if !a.prefix && isPrefix(aLow, aHigh) {
			return false
		}
	}
	last := f.ranges[len(f.ranges)-1]
	if last.prefix {
		return true
	}
	low, high, ok := last.ends(length)
	return ok && bytes.Compare(low, high) <= 0 && !isPrefix(low, high)
}

// before is the address below a; that of zero is the highest.
func before(a []byte) []byte {
	a = slices.Clone(a)
	for i := len(a) - 1; i >= 0; i-- {
		a[i]--
		if a[i] != 0xff {
			break
		}
	}
	return a
}

// isPrefix reports whether the range from low to high (low <= high) is all that begins with some
// prefix: then the ends are equal up to one bit, and from there on zeros and ones.
func isPrefix(low, high []byte) bool {
	i := 0
	for i < len(low) && low[i] == high[i] {
		i++
	}
	if i == len(low) {
		return true
	}
	differ := low[i] ^ high[i]
	if differ&(differ+1) != 0 || low[i]&differ != 0 {
		return false
	}
	for i++; i < len(low); i++ {
		if low[i] != 0x00 || high[i] != 0xff {
			return false
		}
	}
	return true
}

// addrContains reports whether every range of child lies in one of parent's. Both are sorted.
func addrContains(parent, child []addrRange, length int) bool {
	p := 0
	for _, c := range child {
		cLow, cHigh, ok := c.ends(length)
		if !ok {
			return false
		}
		for ; ; p++ {
			if p == len(parent) {
				return false
			}
			pLow, pHigh, ok := parent[p].ends(length)
			if !ok {
				return false
			}
			if bytes.Compare(pHigh, cHigh) < 0 {
				continue
			}
			if bytes.Compare(pLow, cLow) > 0 {
				return false
			}
			break
		}
	}
	return true
}

// parseAddrBlocks reads the value of the extension. Octets after it are ignored.
func parseAddrBlocks(value []byte) (addrBlocks, bool) {
	top := reader(value)
	families, ok := top.sequenceOf()
	if !ok {
		return nil, false
	}
	blocks := addrBlocks{} // not nil: an empty extension is one
	for len(families) > 0 {
		f, ok := families.addrFamily()
		if !ok {
			return nil, false
		}
		blocks = append(blocks, f)
	}
	return blocks, true
}

// addrFamily takes an IPAddressFamily.
func (r *reader) addrFamily() (*addrFamily, bool) {
	body, ok := r.sequence()
	if !ok {
		return nil, false
	}
	id, ok := body.next(classUniversal, tagOctetString)
	if !ok {
		return nil, false
	}
	f := new(addrFamily)
	if f.family, ok = stringContents(&id); !ok {
		return nil, false
	}
	if body.peek(classUniversal, tagNull) {
		f.inherit = true
		e, ok := body.any()
		return f, ok && validAny(&e) && len(body) == 0
	}
	list, ok := body.sequenceOf()
	if !ok || len(body) != 0 {
		return nil, false
	}
	for len(list) > 0 {
		a, ok := list.addrRange()
		if !ok {
			return nil, false
		}
		f.ranges = append(f.ranges, a)
	}
	return f, true
}

// addrRange takes an IPAddressOrRange.
func (r *reader) addrRange() (a addrRange, ok bool) {
	if r.peek(classUniversal, tagBitString) {
		a.low, ok = r.addrBits()
		a.high, a.prefix = a.low, true
		return a, ok
	}
	both, ok := r.sequence()
	if !ok {
		return a, false
	}
	if a.low, ok = both.addrBits(); !ok {
		return a, false
	}
	a.high, ok = both.addrBits()
	return a, ok && len(both) == 0
}

// addrBits takes a BIT STRING.
func (r *reader) addrBits() (b addrBits, ok bool) {
	e, ok := r.next(classUniversal, tagBitString)
	if !ok {
		return b, false
	}
	b.octets, b.unused, ok = bitString(&e)
	return b, ok
}
