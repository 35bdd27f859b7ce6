package verify

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxNameSize is the longest name that openssl reads (X509_NAME_MAX), in octets.
const maxNameSize = 1 << 20

// Name is a distinguished name as it stands in a certificate. Two names are
// compared in the canonical form of openssl: string types do not matter, ASCII
// case does not, nor does white space at the ends or its amount inside.
type Name struct {
	raw   []byte // the whole SEQUENCE as received
	canon string // the canonical RDNs, one after the other
	count int    // number of attributes
}

// Raw returns the encoded name as received.
func (n Name) Raw() []byte { return n.raw }

// Empty reports whether the name has no attribute at all.
func (n Name) Empty() bool { return n.count == 0 }

// Equal compares the canonical forms; two empty names are equal.
func (n Name) Equal(o Name) bool { return n.canon == o.canon }

// Hash returns the number under which c_rehash and `openssl rehash` file a
// certificate of this subject, and a CRL of this issuer: the first four octets
// of the canonical form's SHA-1, the lowest first.
func (n Name) Hash() uint32 {
	sum := sha1.Sum([]byte(n.canon))
	return binary.LittleEndian.Uint32(sum[:4])
}

// attribute is one AttributeTypeAndValue.
type attribute struct {
	rdn   int    // which RDN it belongs to, from 0
	oid   string // contents octets
	value element
}

// attributes calls f for each attribute in encoded order until f returns false.
func (n Name) attributes(f func(attribute) bool) {
	top := reader(n.raw)
	rdns, _ := top.sequenceOf()
	for i := 0; len(rdns) > 0; i++ {
		set, ok := rdns.next(classUniversal, tagSet)
		for r := reader(set.body); ok && len(r) > 0; {
			oid, value, entryOK := r.attribute()
			if !entryOK || !f(attribute{i, string(oid), value}) {
				return
			}
		}
		if !ok {
			return
		}
	}
}

// texts returns the values of the attributes of type oid in UTF-8.
func (n Name) texts(oid string) []string {
	var out []string
	n.attributes(func(a attribute) bool {
		if a.oid == oid {
			if text, ok := utf8Text(&a.value); ok {
				out = append(out, string(text))
			}
		}
		return true
	})
	return out
}

// attribute takes an AttributeTypeAndValue.
func (r *reader) attribute() (oid []byte, value element, ok bool) {
	seq, ok := r.sequence()
	if !ok {
		return nil, value, false
	}
	id, ok := seq.next(classUniversal, tagOID)
	if !ok || !oidContents(&id) {
		return nil, value, false
	}
	value, ok = seq.any()
	if !ok || len(seq) != 0 || value.class != classUniversal || !attributeTag(value.tag) || !validAny(&value) {
		return nil, value, false
	}
	return id.body, value, true
}

// attributeTag reports whether openssl takes a value of this universal type in
// a name (its ASN1_PRINTABLE): the string types, and types unknown to it.
func attributeTag(tag int) bool {
	switch tag {
	case tagBitString, tagUTF8String, tagSequence, tagNumericString, tagPrintableString,
		tagT61String, tagIA5String, tagUniversalString, tagBMPString:
		return true
	case 7, 8, 9, 11, 13, 14, 15, 29:
		return true
	}
	return false
}

// parseName takes a name from r and brings it into canonical form.
func parseName(r *reader) (Name, bool) {
	e, ok := r.next(classUniversal, tagSequence)
	if !ok || len(e.raw) > maxNameSize {
		return Name{}, false
	}
	n := Name{raw: e.raw}
	canon := make([]byte, 0, len(e.raw)+16)
	for rdns := reader(e.body); len(rdns) > 0; {
		set, ok := rdns.next(classUniversal, tagSet)
		if !ok {
			return Name{}, false
		}
		var count int
		if canon, count, ok = appendCanonicalRDN(canon, set.body); !ok {
			return Name{}, false
		}
		n.count += count
	}
	n.canon = string(canon)
	return n, true
}

// appendCanonicalRDN appends the canonical form of one RDN, a SET in DER order,
// and returns the number of its attributes. An RDN without any vanishes.
func appendCanonicalRDN(canon, body []byte) ([]byte, int, bool) {
	var scratch [256]byte
	var entries [][]byte
	size := 0
	for r := reader(body); len(r) > 0; {
		oid, value, ok := r.attribute()
		if !ok {
			return nil, 0, false
		}
		text, tag, ok := canonicalValue(scratch[:0], &value)
		if !ok {
			return nil, 0, false
		}
		length := elementSize(len(oid)) + elementSize(len(text))
		if tag < 0 {
			length = elementSize(len(oid)) + len(text)
		}
		only := len(entries) == 0 && len(r) == 0
		var entry []byte
		if only { // the usual case: straight into the result
			entry = appendHeader(canon, 0x31, elementSize(length))
		}
		entry = appendHeader(entry, 0x30, length)
		entry = appendElement(entry, tagOID, oid)
		if tag < 0 {
			entry = append(entry, text...)
		} else {
			entry = appendElement(entry, byte(tag), text)
		}
		if only {
			return entry, 1, true
		}
		entries = append(entries, entry)
		size += len(entry)
	}
	if len(entries) == 0 {
		return canon, 0, true
	}
	slices.SortStableFunc(entries, bytes.Compare)
	canon = appendHeader(canon, 0x31, size)
	for _, entry := range entries {
		canon = append(canon, entry...)
	}
	return canon, len(entries), true
}

// elementSize is the size of a DER element with n octets of contents.
func elementSize(n int) int {
	var h [8]byte
	return len(appendHeader(h[:0], 0, n)) + n
}

// canonicalValue returns an attribute's value in canonical form and its tag;
// tag -1 says that text is the whole element. It appends to scratch if that is
// of use.
func canonicalValue(scratch []byte, value *element) (text []byte, tag int, ok bool) {
	switch value.tag {
	case tagUTF8String, tagBMPString, tagUniversalString, tagPrintableString, tagT61String,
		tagIA5String, tagVisibleString:
		text, ok = utf8Text(value)
		return appendFolded(scratch, text), tagUTF8String, ok
	case tagSequence:
		return value.raw, -1, true
	case tagBitString:
		octets, unused, ok := bitString(value)
		return append(append(scratch, byte(unused)), octets...), tagBitString, ok
	}
	text, ok = stringContents(value)
	return text, value.tag, ok
}

// appendFolded appends text with ASCII letters in lower case, runs of white
// space as one space, none at the ends.
func appendFolded(out, text []byte) []byte {
	text = bytes.Trim(text, " \t\n\v\f\r")
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case isSpace(c):
			out = append(out, ' ')
			for isSpace(text[i+1]) { // the last one is none
				i++
			}
		case 'A' <= c && c <= 'Z':
			out = append(out, c+'a'-'A')
		default:
			out = append(out, c)
		}
	}
	return out
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// utf8Text converts a character string to UTF-8 as ASN1_STRING_to_UTF8 does;
// it fails on types that are none and on characters that do not exist. T61 is
// read as Latin-1.
func utf8Text(e *element) ([]byte, bool) {
	b, ok := stringContents(e)
	if !ok {
		return nil, false
	}
	width := 0
	switch e.tag {
	case tagUTF8String:
		return b, utf8.Valid(b)
	case tagNumericString, tagPrintableString, tagT61String, tagIA5String, tagUTCTime,
		tagGeneralizedTime, tagVisibleString:
		if isASCII(b) {
			return b, true
		}
		width = 1
	case tagBMPString:
		width = 2
	case tagUniversalString:
		width = 4
	}
	if width == 0 || len(b)%width != 0 {
		return nil, false
	}
	out := make([]byte, 0, len(b)+len(b)/2)
	for ; len(b) > 0; b = b[width:] {
		var r uint32
		for _, c := range b[:width] {
			r = r<<8 | uint32(c)
		}
		if r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
			return nil, false
		}
		out = utf8.AppendRune(out, rune(r))
	}
	return out, true
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// String returns the name for a sentence: "CN=x, O=y", the best known types by
// their short names, others dotted, what cannot be printed escaped. Openssl's own
// renderings are in package verify/openssl.
func (n Name) String() string {
	var out strings.Builder
	rdn := 0
	n.attributes(func(a attribute) bool {
		switch {
		case out.Len() == 0:
		case a.rdn == rdn:
			out.WriteString("+")
		default:
			out.WriteString(", ")
		}
		rdn = a.rdn
		out.WriteString(attributeName(a.oid))
		out.WriteByte('=')
		if text, ok := utf8Text(&a.value); ok {
			quoted := strconv.QuoteToGraphic(string(text))
			out.WriteString(quoted[1 : len(quoted)-1])
		} else {
			fmt.Fprintf(&out, "#%x", a.value.raw)
		}
		return true
	})
	return out.String()
}

// bestKnown are the attribute types that a sentence calls by their short names.
var bestKnown = map[string]string{
	oidCommonName: "CN", "\x55\x04\x0a": "O", "\x55\x04\x0b": "OU", "\x55\x04\x06": "C", "\x55\x04\x08": "ST",
	"\x55\x04\x07": "L", oidEmailAddress: "emailAddress",
}

func attributeName(oid string) string {
	if short, ok := bestKnown[oid]; ok {
		return short
	}
	return dottedOID(oid)
}
