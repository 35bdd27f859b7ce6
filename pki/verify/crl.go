package verify

import (
	"errors"
	"hash/maphash"
	"math/big"
	"sync"
	"sync/atomic"
	"time"
)

// Content octets of the extensions of a CRL and of its entries (RFC 5280 section 5).
const (
	oidCRLNumber                = "\x55\x1d\x14"
	oidCRLReason                = "\x55\x1d\x15"
	oidDeltaCRLIndicator        = "\x55\x1d\x1b"
	oidIssuingDistributionPoint = "\x55\x1d\x1c"
	oidCertificateIssuer        = "\x55\x1d\x1d"
)

// removeFromCRL is the CRLReason that takes a certificate off again (RFC 5280 section 5.3.1).
const removeFromCRL = 8

// CRL is a certificate revocation list as openssl reads it. It does not change after ParseCRL and
// may be used by many at once. As with a certificate, broken contents of extensions do not keep it
// from existing: openssl 3.0 takes them for absent.
type CRL struct {
	Raw []byte // the list itself, without what may follow it

	rawTBS     []byte // signed octets as received
	version    int64  // 0 is v1, -1 is beyond all numbers
	innerAlg   algorithm
	outerAlg   algorithm
	issuer     Name
	thisUpdate element
	nextUpdate element // valid only if hasNext
	hasNext    bool
	signature  []byte
	sigUnused  int
	exts       []extension

	idp          *issuingPoint
	authorityKey *authorityKeyID
	number       []byte // INTEGER contents, nil: none
	baseNumber   []byte // of a delta CRL: the number of the list that it completes

	unhandledCritical bool // some critical extension, of the list or of an entry, is none that openssl knows
	freshest          bool // has freshestCRL: there are delta CRLs

	entries reader          // contents of revokedCertificates
	spots   []crlSpot       // the entries in order
	issuers [][]generalName // the certificateIssuer extensions in order
	once    sync.Once       // guards the three below
	seed    maphash.Seed
	index   map[uint64]int32 // hash of a serial number -> its first entry
	next    []int32          // entry -> the next one whose serial number has the same hash, or -1

	proof atomic.Pointer[crlProof] // the signature check made last
}

// crlProof spares many targets of one issuer the signature check of a long list. One is enough: a
// list has one issuer, and no number of keys can make it grow.
type crlProof struct {
	key         *publicKey
	ok          bool
	unsupported string
}

// crlSpot is where an entry lies and what of it a look-up needs: 16 octets, as lists of 100,000
// entries are not rare.
type crlSpot struct {
	serial uint32 // offset in entries of the serial number's contents
	size   uint32 // and their length
	issuer int32  // index in issuers of the certificateIssuer that holds here, -1: the CRL's issuer
	remove bool   // the reason is removeFromCRL
}

var errCRL = errors.New("not a certificate revocation list")

// ParseCRL reads the CRL at the front of der; what follows it is ignored, as openssl does. It fails
// only on what openssl fails on: a broken structure, an integer with padding, a time or a name
// attribute of a wrong type. der must not change afterwards.
func ParseCRL(der []byte) (*CRL, error) {
	outer, _, ok := readElement(der)
	if !ok || !outer.is(classUniversal, tagSequence) || !outer.constructed {
		return nil, errCRL
	}
	l := &CRL{Raw: outer.raw}
	body := reader(outer.body)
	tbs, ok := body.next(classUniversal, tagSequence)
	if !ok || !tbs.constructed || !l.parseTBS(reader(tbs.body)) {
		return nil, errCRL
	}
	l.rawTBS = tbs.raw
	if l.outerAlg, ok = body.algorithm(); !ok {
		return nil, errCRL
	}
	sig, ok := body.next(classUniversal, tagBitString)
	if ok {
		l.signature, l.sigUnused, ok = bitString(&sig)
	}
	if !ok || len(body) != 0 {
		return nil, errCRL
	}
	l.findProperties()
	if !l.parseEntries() {
		return nil, errCRL
	}
	return l, nil
}

// parseTBS reads the contents of a TBSCertList (RFC 5280 section 5.1) up to the entries, which
// parseEntries reads once the issuer is known.
func (l *CRL) parseTBS(r reader) (ok bool) {
	if r.peek(classUniversal, tagInteger) {
		e, ok := r.any()
		if !ok || !integerContents(&e) {
			return false
		}
		if l.version, ok = int64Contents(e.body); !ok {
			l.version = -1
		}
	}
	if l.innerAlg, ok = r.algorithm(); !ok {
		return false
	}
	if l.issuer, ok = parseName(&r); !ok {
		return false
	}
	if l.thisUpdate, ok = r.any(); !ok || !isTime(&l.thisUpdate) {
		return false
	}
	if r.peek(classUniversal, tagUTCTime) || r.peek(classUniversal, tagGeneralizedTime) {
		if l.nextUpdate, ok = r.any(); !ok || !isTime(&l.nextUpdate) {
			return false
		}
		l.hasNext = true
	}
	if r.peek(classUniversal, tagSequence) {
		if l.entries, ok = r.sequenceOf(); !ok {
			return false
		}
	}
	l.exts, ok = r.explicitExtensions(0)
	return ok && len(r) == 0
}

// findProperties reads the extensions of the list. openssl 3.0 marks a CRL with a malformed or
// repeated one as invalid and then never asks: the extension counts as absent.
func (l *CRL) findProperties() {
	if x := l.extension(oidIssuingDistributionPoint); x != nil {
		l.idp = parseIssuingPoint(x.value, l.issuer)
	}
	if x := l.extension(oidAuthorityKeyID); x != nil {
		if a, ok := parseAuthorityKeyID(x.value); ok {
			l.authorityKey = a
		}
	}
	l.number = l.integer(oidCRLNumber)
	l.baseNumber = l.integer(oidDeltaCRLIndicator)
	for i := range l.exts {
		x := &l.exts[i]
		if x.oid == oidFreshestCRL {
			l.freshest = true
		}
		if !x.critical {
			continue
		}
		switch x.oid {
		case oidIssuingDistributionPoint, oidAuthorityKeyID, oidDeltaCRLIndicator:
			continue
		}
		l.unhandledCritical = true
		return // what follows is not looked at, freshestCRL neither
	}
}

// extension returns the extension of that type if there is exactly one.
func (l *CRL) extension(oid string) *extension {
	x, _ := onlyExtension(l.exts, oid)
	return x
}

func (l *CRL) integer(oid string) []byte {
	x := l.extension(oid)
	if x == nil {
		return nil
	}
	r := reader(x.value)
	e, ok := r.next(classUniversal, tagInteger)
	if !ok || !integerContents(&e) {
		return nil
	}
	return e.body
}

// Issuer returns the issuer's name.
func (l *CRL) Issuer() Name { return l.issuer }

// ThisUpdate returns when the list was made, in UTC; false says that the field is no time (error 15).
func (l *CRL) ThisUpdate() (time.Time, bool) { return readTime(&l.thisUpdate, true) }

// NextUpdate returns the moment from which on the list has expired, in UTC; false says that there
// is none, or that the field is no time (error 16).
func (l *CRL) NextUpdate() (time.Time, bool) {
	if !l.hasNext {
		return time.Time{}, false
	}
	return readTime(&l.nextUpdate, true)
}

// Number returns the cRLNumber; nil if the list has none.
func (l *CRL) Number() *big.Int {
	if l.number == nil {
		return nil
	}
	return bigInt(l.number)
}

// IsDelta reports whether the list only completes another one (RFC 5280 section 5.2.4).
func (l *CRL) IsDelta() bool { return l.baseNumber != nil }

// Len returns the number of entries.
func (l *CRL) Len() int { return len(l.spots) }

// issuingPoint is an IssuingDistributionPoint (RFC 5280 section 5.2.5).
type issuingPoint struct {
	point       distPoint // only its name
	onlyUser    bool
	onlyCA      bool
	onlyAttr    bool
	indirect    bool
	someReasons bool
	reasons     uint16 // allReasons unless someReasons
}

// contradictory reports whether the point excludes every certificate.
func (p *issuingPoint) contradictory() bool {
	n := 0
	for _, only := range []bool{p.onlyUser, p.onlyCA, p.onlyAttr} {
		if only {
			n++
		}
	}
	return n > 1
}

// parseIssuingPoint reads the extension; nil if it is malformed. A name in it may be relative to
// the CRL's issuer.
func parseIssuingPoint(value []byte, issuer Name) *issuingPoint {
	top := reader(value)
	r, ok := top.sequence()
	if !ok {
		return nil
	}
	p := &issuingPoint{reasons: allReasons}
	if r.peek(classContext, 0) {
		inner, ok := r.explicit(0)
		if !ok {
			return nil
		}
		if !p.point.parseName(&inner) || len(inner) != 0 {
			return nil
		}
	}
	if !r.flag(1, &p.onlyUser) || !r.flag(2, &p.onlyCA) {
		return nil
	}
	if r.peek(classContext, 3) {
		e, ok := r.any()
		if !ok {
			return nil
		}
		octets, _, ok := bitString(&e)
		if !ok {
			return nil
		}
		p.someReasons = true
		if len(octets) > 0 {
			p.reasons = usageBits(octets) & allReasons
		}
	}
	if !r.flag(4, &p.indirect) || !r.flag(5, &p.onlyAttr) || len(r) != 0 {
		return nil
	}
	p.point.completeName(issuer) // a name that cannot be made is none that a certificate could name
	return p
}

// flag takes an implicitly tagged BOOLEAN, false if it is not there.
func (r *reader) flag(tag int, value *bool) bool {
	if !r.peek(classContext, tag) {
		return true
	}
	e, ok := r.any()
	if !ok || e.constructed || len(e.body) != 1 {
		return false
	}
	*value = e.body[0] != 0
	return true
}
