package verify

import "bytes"

// This file reads BER as openssl's template decoder does. cryptobyte reads DER
// only; `openssl verify` accepts indefinite and over-long lengths, long tag
// forms and strings in pieces, and certificates with them verify.

// Universal tags that occur in certificates (X.680 section 8.6).
const (
	tagBoolean         = 1
	tagInteger         = 2
	tagBitString       = 3
	tagOctetString     = 4
	tagNull            = 5
	tagOID             = 6
	tagEnumerated      = 10
	tagUTF8String      = 12
	tagSequence        = 16
	tagSet             = 17
	tagNumericString   = 18
	tagPrintableString = 19
	tagT61String       = 20
	tagVideotexString  = 21
	tagIA5String       = 22
	tagUTCTime         = 23
	tagGeneralizedTime = 24
	tagVisibleString   = 26
	tagUniversalString = 28
	tagBMPString       = 30
)

const (
	classUniversal = 0
	classContext   = 2
)

// maxStringNesting is how deep a string in pieces may be nested, openssl's
// ASN1_MAX_STRING_NEST.
const maxStringNesting = 5

// element is one tag-length-value.
type element struct {
	class       uint8 // 0 universal, 1 application, 2 context-specific, 3 private
	constructed bool
	indefinite  bool
	tag         int
	raw         []byte // from the tag to the end, the end-of-contents octets included
	body        []byte // the contents, without end-of-contents octets
}

func (e *element) is(class uint8, tag int) bool { return e.class == class && e.tag == tag }

// header is what stands in front of an element's contents.
type header struct {
	class       uint8
	constructed bool
	indefinite  bool
	tag         int
	size        int // octets of the header itself
	length      int // octets of the contents, 0 if indefinite
}

// readHeader reads tag and length in front of b. It fails where they are
// broken, or where the contents would go beyond b.
func readHeader(b []byte) (h header, ok bool) {
	h, ok = parseHeader(b)
	return h, ok && h.length <= len(b)-h.size
}

// parseHeader is readHeader without a look at the contents.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < 2 {
		return h, false
	}
	h.class, h.constructed, h.tag = b[0]>>6, b[0]&0x20 != 0, int(b[0]&0x1f)
	i := 1
	if h.tag == 0x1f {
		h.tag = 0
		for {
			if i+1 >= len(b) || h.tag > 1<<24-1 {
				return h, false
			}
			h.tag = h.tag<<7 | int(b[i]&0x7f)
			i++
			if b[i-1]&0x80 == 0 {
				break
			}
		}
	}
	first := b[i]
	i++
	switch {
	case first < 0x80:
		h.length = int(first)
	case first == 0x80:
		h.indefinite = true
	default:
		n := int(first & 0x7f)
		if len(b)-i < n+1 { // one more than the length octets, as openssl asks
			return h, false
		}
		for ; n > 0; n-- {
			if h.length > 1<<38 { // beyond any input; keeps the shift below from overflowing
				return h, false
			}
			h.length = h.length<<8 | int(b[i])
			i++
		}
	}
	h.size = i
	return h, !h.indefinite || h.constructed
}

// readElement reads the element in front of b and returns what follows it.
// End-of-contents octets are none: where they belong they are not seen here.
func readElement(b []byte) (e element, rest []byte, ok bool) {
	h, ok := readHeader(b)
	if !ok || b[0] == 0 && b[1] == 0 {
		return e, nil, false
	}
	e = element{class: h.class, constructed: h.constructed, indefinite: h.indefinite, tag: h.tag}
	if !h.indefinite {
		end := h.size + h.length
		e.raw, e.body = b[:end:end], b[h.size:end:end]
		return e, b[end:], true
	}
	n, ok := contentsLength(b[h.size:])
	if !ok {
		return e, nil, false
	}
	end := h.size + n
	e.raw, e.body = b[:end+2:end+2], b[h.size:end:end]
	return e, b[end+2:], true
}

// contentsLength finds the end-of-contents octets that close an indefinite
// length. It counts instead of recursing, so that nesting costs nothing.
func contentsLength(b []byte) (int, bool) {
	open := 1
	for i := 0; i < len(b); {
		if len(b)-i >= 2 && b[i] == 0 && b[i+1] == 0 {
			if open--; open == 0 {
				return i, true
			}
			i += 2
			continue
		}
		h, ok := readHeader(b[i:])
		if !ok {
			return 0, false
		}
		i += h.size
		if h.indefinite {
			open++
		} else {
			i += h.length
		}
	}
	return 0, false
}

// reader takes elements from the front of a SEQUENCE's contents.
type reader []byte

// any takes the next element, whatever it is.
func (r *reader) any() (e element, ok bool) {
	e, rest, ok := readElement(*r)
	if ok {
		*r = rest
	}
	return e, ok
}

// next takes the next element, which must have that class and tag.
func (r *reader) next(class uint8, tag int) (e element, ok bool) {
	e, rest, ok := readElement(*r)
	if !ok || !e.is(class, tag) {
		return e, false
	}
	*r = rest
	return e, true
}

// peek reports whether the next element has that class and tag. A broken
// header is nobody's: the caller then fails on what it expects next.
func (r reader) peek(class uint8, tag int) bool {
	if len(r) < 2 {
		return false
	}
	if tag < 0x1f && r[0]&0x1f != 0x1f { // the usual case, without reading the length
		return r[0]>>6 == class && int(r[0]&0x1f) == tag
	}
	h, ok := readHeader(r)
	return ok && h.class == class && h.tag == tag
}

// sequence takes a SEQUENCE and returns a reader of its contents.
func (r *reader) sequence() (reader, bool) {
	e, ok := r.next(classUniversal, tagSequence)
	return reader(e.body), ok && e.constructed
}

// sequenceOf is sequence without a look at the constructed bit, which openssl
// does not look at in SEQUENCE OF and SET OF.
func (r *reader) sequenceOf() (reader, bool) {
	e, ok := r.next(classUniversal, tagSequence)
	return reader(e.body), ok
}

// explicit takes an explicitly tagged element and returns a reader of what is
// inside; the caller checks that nothing is left over.
func (r *reader) explicit(tag int) (reader, bool) {
	e, ok := r.next(classContext, tag)
	return reader(e.body), ok && e.constructed
}

// oid takes an OBJECT IDENTIFIER and returns its contents octets.
func (r *reader) oid() (string, bool) {
	e, ok := r.next(classUniversal, tagOID)
	if !ok || !oidContents(&e) {
		return "", false
	}
	return string(e.body), true
}

func oidContents(e *element) bool {
	b := e.body
	if e.constructed || len(b) == 0 || b[len(b)-1]&0x80 != 0 {
		return false
	}
	for i, c := range b { // no padding in front of an arc (X.690 section 8.19.2)
		if c == 0x80 && (i == 0 || b[i-1]&0x80 == 0) {
			return false
		}
	}
	return true
}

// integerContents reports whether e holds a well-formed INTEGER: at least one
// octet and no padding.
func integerContents(e *element) bool {
	b := e.body
	if e.constructed || len(b) == 0 {
		return false
	}
	return len(b) == 1 || !(b[0] == 0 && b[1]&0x80 == 0 || b[0] == 0xff && b[1]&0x80 != 0)
}

// bitString returns the octets of a BIT STRING and the number of unused bits.
// Unused bits are set to zero, as openssl does, in a copy if need be.
func bitString(e *element) (octets []byte, unused int, ok bool) {
	b, ok := stringContents(e)
	if !ok || len(b) == 0 || b[0] > 7 {
		return nil, 0, false
	}
	octets, unused = b[1:], int(b[0])
	if n := len(octets); n > 0 && octets[n-1]&(1<<unused-1) != 0 {
		octets = bytes.Clone(octets)
		octets[n-1] &^= 1<<unused - 1
	}
	return octets, unused, true
}

// stringContents returns the octets of a string type, putting pieces together.
func stringContents(e *element) ([]byte, bool) {
	if !e.constructed {
		return e.body, true
	}
	return joinPieces(make([]byte, 0, len(e.body)), e.body, 0)
}

// octets are what openssl holds of a string that it has read: the contents, of a
// BIT STRING the bits alone, of a SEQUENCE all.
func (e *element) octets() (b []byte) {
	switch e.tag {
	case tagSequence:
		return e.raw
	case tagBitString:
		b, _, _ = bitString(e)
	default:
		b, _ = stringContents(e)
	}
	return b
}

// normal is the element with a primitive encoding and a short length, as
// openssl writes a string that it has read; a SEQUENCE it keeps.
func (e *element) normal() []byte {
	switch e.tag {
	case tagSequence:
		return e.raw
	case tagBitString:
		octets, unused, _ := bitString(e)
		return appendElement(nil, tagBitString, append([]byte{byte(unused)}, octets...))
	}
	b, _ := stringContents(e)
	return appendElement(nil, byte(e.tag), b)
}

// joinPieces appends the pieces in b. As in openssl their own tags play no part.
func joinPieces(out, b []byte, depth int) ([]byte, bool) {
	for r := reader(b); len(r) > 0; {
		e, ok := r.any()
		if !ok {
			return nil, false
		}
		if !e.constructed {
			out = append(out, e.body...)
			continue
		}
		if depth >= maxStringNesting {
			return nil, false
		}
		if out, ok = joinPieces(out, e.body, depth+1); !ok {
			return nil, false
		}
	}
	return out, true
}

// validAny reports whether openssl would take e where anything may stand: the
// contents of the universal types are looked at, one level deep.
func validAny(e *element) bool {
	if e.class != classUniversal {
		return true
	}
	switch e.tag {
	case tagSequence, tagSet:
		return e.constructed
	case tagOID:
		return oidContents(e)
	case tagInteger, tagEnumerated:
		return integerContents(e)
	case tagNull:
		return !e.constructed && len(e.body) == 0
	case tagBoolean:
		return !e.constructed && len(e.body) == 1
	case tagBitString:
		_, _, ok := bitString(e)
		return ok
	}
	return validString(e)
}

// validString is validAny for the string types: two of them have characters of
// fixed width.
func validString(e *element) bool {
	b, ok := stringContents(e)
	switch {
	case !ok:
		return false
	case e.tag == tagBMPString:
		return len(b)%2 == 0
	case e.tag == tagUniversalString:
		return len(b)%4 == 0
	}
	return true
}

// streamable reports whether openssl could read the element e from a stream
// (asn1_d2i_read_bio), where it looks at no more than eight octets for a header:
// longer ones, and such that end there, are refused. In an element of indefinite
// length that holds for those inside, too.
func streamable(e []byte) bool {
	const window = 8
	for open := 0; len(e) > 0; {
		h, ok := parseHeader(e[:min(len(e), window)])
		if !ok || h.length > len(e)-h.size {
			return false
		}
		e = e[h.size+h.length:]
		switch {
		case h.indefinite:
			open++
		case open > 0 && h.tag == 0 && h.length == 0:
			open--
		}
		if open == 0 {
			return true
		}
	}
	return false
}

// appendElement appends a DER element with a one-octet tag.
func appendElement(out []byte, tag byte, body []byte) []byte {
	out = appendHeader(out, tag, len(body))
	return append(out, body...)
}

func appendHeader(out []byte, tag byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(out, tag, byte(n))
	case n < 0x100:
		return append(out, tag, 0x81, byte(n))
	case n < 0x10000:
		return append(out, tag, 0x82, byte(n>>8), byte(n))
	case n < 0x1000000:
		return append(out, tag, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, tag, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
