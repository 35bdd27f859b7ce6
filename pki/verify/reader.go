package verify

import (
	"math/big"
	"time"
)

// Reader takes elements from the front of encoded contents as openssl's decoder does, for who shows what a certificate
// says: the same octets mean the same there and in a validation. The first element that is not what was asked for makes
// the Reader, and all that were made from the same one, fail: nothing is read from then on, and OK says so at the end.
type Reader struct {
	rest   reader
	failed *bool
}

// NewReader reads contents octets, or the elements in der.
func NewReader(der []byte) *Reader { return &Reader{der, new(bool)} }

// OK reports whether everything was what was asked for.
func (r *Reader) OK() bool { return !*r.failed }

// More reports whether there is something left to read.
func (r *Reader) More() bool { return r.OK() && len(r.rest) > 0 }

// Rest is what is left.
func (r *Reader) Rest() []byte { return r.rest }

// Require makes the Reader fail where ok is false.
func (r *Reader) Require(ok bool) { *r.failed = *r.failed || !ok }

// End makes the Reader fail where something is left.
func (r *Reader) End() { r.Require(len(r.rest) == 0) }

// Element is one tag-length-value.
type Element struct{ e element }

// Universal tells the element's tag if it is of the universal class, else -1.
func (e Element) Universal() int { return e.ofClass(classUniversal) }

// Context tells the element's tag if it is context-specific, else -1.
func (e Element) Context() int { return e.ofClass(classContext) }

func (e Element) ofClass(class uint8) int {
	if e.e.raw == nil || e.e.class != class {
		return -1
	}
	return e.e.tag
}

// Raw is the whole element as received.
func (e Element) Raw() []byte { return e.e.raw }

// Octets are the contents of a string type, its pieces put together; of others the contents as they are.
func (e Element) Octets() []byte {
	if b, ok := stringContents(&e.e); ok {
		return b
	}
	return e.e.body
}

// As is the element under another universal tag, for one whose own tag stands in its place.
func (e Element) As(tag int) Element {
	e.e.class, e.e.tag = classUniversal, tag
	return e
}

// Time reads a UTCTime or GeneralizedTime in any form that openssl prints, into UTC.
func (e Element) Time() (time.Time, bool) { return readTime(&e.e, false) }

// AtUniversal reports whether the next element has that universal tag.
func (r *Reader) AtUniversal(tag int) bool { return r.OK() && r.rest.peek(classUniversal, tag) }

// AtContext reports whether the next element has that context-specific tag.
func (r *Reader) AtContext(tag int) bool { return r.OK() && r.rest.peek(classContext, tag) }

// Any takes the next element, whatever it is.
func (r *Reader) Any() Element {
	if !r.OK() {
		return Element{}
	}
	e, ok := r.rest.any()
	r.Require(ok)
	return Element{e}
}

// Universal takes the next element, which must have that universal tag.
func (r *Reader) Universal(tag int) Element {
	r.Require(r.AtUniversal(tag))
	return r.Any()
}

// Inside reads what is in e, which must be constructed.
func (r *Reader) Inside(e Element) *Reader {
	r.Require(e.e.constructed)
	return &Reader{e.e.body, r.failed}
}

// Sequence takes a SEQUENCE and reads what is in it.
func (r *Reader) Sequence() *Reader { return r.Inside(r.Universal(tagSequence)) }

// List is Sequence without a look at the constructed bit, which openssl does not look at in SEQUENCE OF.
func (r *Reader) List() *Reader { return &Reader{r.Universal(tagSequence).e.body, r.failed} }

// Explicit takes an element with that context-specific tag and reads what is in it.
func (r *Reader) Explicit(tag int) *Reader {
	r.Require(r.AtContext(tag))
	return r.Inside(r.Any())
}

// ImplicitList is List with that context-specific tag.
func (r *Reader) ImplicitList(tag int) *Reader {
	r.Require(r.AtContext(tag))
	return &Reader{r.Any().e.body, r.failed}
}

// OID takes an OBJECT IDENTIFIER and returns it with dots.
func (r *Reader) OID() string {
	e := r.Universal(tagOID)
	r.Require(r.OK() && oidContents(&e.e))
	if !r.OK() {
		return ""
	}
	return dottedOID(string(e.e.body))
}

// Integer is the number in e, an INTEGER or ENUMERATED under whatever tag.
func (r *Reader) Integer(e Element) *big.Int {
	r.Require(r.OK() && integerContents(&e.e))
	if !r.OK() {
		return new(big.Int)
	}
	return bigInt(e.e.body)
}

// Int takes an INTEGER.
func (r *Reader) Int() *big.Int { return r.Integer(r.Universal(tagInteger)) }

// Null takes a NULL.
func (r *Reader) Null() {
	e := r.Universal(tagNull)
	r.Require(!e.e.constructed && len(e.e.body) == 0)
}

// Bool is the BOOLEAN in e, under whatever tag: all but 0 is true.
func (r *Reader) Bool(e Element) bool {
	r.Require(!e.e.constructed && len(e.e.body) == 1)
	return r.OK() && e.e.body[0] != 0
}

// Bits are the octets of the BIT STRING in e, under whatever tag, the unused bits zero.
func (r *Reader) Bits(e Element) []byte {
	octets, _, ok := bitString(&e.e)
	r.Require(ok)
	return octets
}

// String are the octets of the string type in e, under whatever tag.
func (r *Reader) String(e Element) []byte {
	octets, ok := stringContents(&e.e)
	r.Require(ok)
	return octets
}

// Algorithm takes an AlgorithmIdentifier.
func (r *Reader) Algorithm() Algorithm {
	if !r.OK() {
		return Algorithm{}
	}
	a, ok := r.rest.algorithm()
	r.Require(ok)
	if !ok {
		return Algorithm{}
	}
	return a.shown()
}

// RDN is the set of attributes in e as a name of this one part.
func (r *Reader) RDN(e Element) Name {
	der := appendElement(nil, 0x30, appendElement(nil, 0x31, e.e.body))
	n, ok := ParseName(der)
	r.Require(ok)
	return n
}

// The kinds of general names (RFC 5280 section 4.2.1.6).
const (
	OtherName     = nameOther
	EmailName     = nameEmail
	DNSName       = nameDNS
	X400Name      = nameX400
	DirectoryName = nameDirectory
	EDIPartyName  = nameEDIParty
	URIName       = nameURI
	IPName        = nameIP
	RegisteredID  = nameRID
)

// GeneralName is one name of a subjectAltName and its kin.
type GeneralName struct {
	Kind      int
	Value     []byte // e-mail, DNS, URI: the characters; IP: the octets
	Directory Name   // of a directoryName
	Type      string // of an otherName and a registeredID, with dots
	Other     Element
}

// GeneralName takes a name.
func (r *Reader) GeneralName() GeneralName {
	if !r.OK() {
		return GeneralName{}
	}
	g, ok := r.rest.generalName()
	r.Require(ok)
	n := GeneralName{Kind: int(g.kind), Value: g.value}
	switch {
	case !ok:
	case g.kind == nameDirectory:
		n.Directory = g.directory
	case g.kind == nameOther:
		n.Type, n.Other = dottedOID(g.otherType), Element{g.other}
	case g.kind == nameRID:
		n.Type = dottedOID(string(g.value))
	}
	return n
}

// GeneralNames takes all names that are left.
func (r *Reader) GeneralNames() []GeneralName {
	var out []GeneralName
	for r.More() {
		out = append(out, r.GeneralName())
	}
	return out
}
