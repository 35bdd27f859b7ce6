package verify

import (
	"bytes"
	"errors"
	"math/big"
	"sync"
	"time"
)

// Certificate is an X.509 certificate as openssl reads it: the parts as
// received, and what validation needs to know of them, found out once. It does
// not change after ParseCertificate and may be used by many at once. Broken
// contents (of an extension, a time, a key) do not keep it from existing; they
// count where a path needs them.
type Certificate struct {
	Raw []byte // the certificate itself, without what may follow it

	rawTBS    []byte // signed octets as received
	version   int64  // 0 is v1, -1 is beyond all numbers
	serial    []byte // INTEGER contents, two's complement
	innerAlg  algorithm
	outerAlg  algorithm
	issuer    Name
	subject   Name
	notBefore element
	notAfter  element
	spki      []byte
	uniqueIDs [2][]byte // issuerUniqueID, subjectUniqueID: nobody asks for them but who shows them; nil: none
	signature []byte
	sigUnused int // unused bits of the signature's BIT STRING; anything but 0 is refused
	exts      []extension

	properties
	aux *trustSettings // nil: none, as in every plain certificate

	keyOnce sync.Once
	key     *publicKey // nil: unknown or undecodable
}

// algorithm is an AlgorithmIdentifier.
type algorithm struct {
	oid       string
	hasParams bool
	params    element
}

// equal compares as X509_ALGOR_cmp does: absent parameters and NULL differ.
func (a *algorithm) equal(b *algorithm) bool {
	return a.oid == b.oid && a.hasParams == b.hasParams && (!a.hasParams || a.params.equal(&b.params))
}

// equal compares two elements that stand where anything may stand as
// ASN1_TYPE_cmp does: what the encoding does not change, nor how many bits of
// the last octet of a BIT STRING count, makes no difference.
func (e *element) equal(o *element) bool {
	if bytes.Equal(e.raw, o.raw) {
		return true
	}
	if e.class != classUniversal || o.class != classUniversal || e.tag != o.tag || e.tag == tagSequence || e.tag == tagSet {
		return false
	}
	return bytes.Equal(e.octets(), o.octets())
}

// extension is one Extension; several of the same type may occur.
type extension struct {
	oid      string
	critical bool
	value    []byte
}

var errCertificate = errors.New("not a certificate")

// ParseCertificate reads the certificate at the front of der; what follows it
// is ignored, as openssl does. It fails only on what openssl fails on: a broken
// structure, an integer with padding, a time or a name attribute of a wrong
// type, a name that has no form in Unicode. der must not change afterwards.
func ParseCertificate(der []byte) (*Certificate, error) {
	c, _, err := parseCertificate(der)
	return c, err
}

// ParseTrustedCertificate reads a certificate with the trust settings that
// follow it in a block labelled TRUSTED CERTIFICATE (`openssl x509 -trustout`).
// No settings are fine, malformed ones are an error.
func ParseTrustedCertificate(der []byte) (*Certificate, error) {
	c, rest, err := parseCertificate(der)
	if err != nil || len(rest) == 0 {
		return c, err
	}
	if c.aux, err = parseTrustSettings(rest); err != nil {
		return nil, err
	}
	return c, nil
}

func parseCertificate(der []byte) (*Certificate, []byte, error) {
	outer, rest, ok := readElement(der)
	if !ok || !outer.is(classUniversal, tagSequence) || !outer.constructed {
		return nil, nil, errCertificate
	}
	c := &Certificate{Raw: outer.raw}
	body := reader(outer.body)
	tbs, ok := body.next(classUniversal, tagSequence)
	if !ok || !tbs.constructed || !c.parseTBS(reader(tbs.body)) {
		return nil, nil, errCertificate
	}
	c.rawTBS = tbs.raw
	if c.outerAlg, ok = body.algorithm(); !ok {
		return nil, nil, errCertificate
	}
	sig, ok := body.next(classUniversal, tagBitString)
	if ok {
		c.signature, c.sigUnused, ok = bitString(&sig)
	}
	if !ok || len(body) != 0 {
		return nil, nil, errCertificate
	}
	c.findProperties()
	return c, rest, nil
}

// parseTBS reads the contents of a TBSCertificate (RFC 5280 section 4.1).
func (c *Certificate) parseTBS(r reader) bool {
	if r.peek(classContext, 0) {
		inner, ok := r.explicit(0)
		if !ok || !c.parseVersion(inner) {
			return false
		}
	}
	serial, ok := r.next(classUniversal, tagInteger)
	if !ok || !integerContents(&serial) {
		return false
	}
	c.serial = serial.body
	if c.innerAlg, ok = r.algorithm(); !ok {
		return false
	}
	if c.issuer, ok = parseName(&r); !ok {
		return false
	}
	validity, ok := r.sequence()
	if !ok {
		return false
	}
	for _, t := range []*element{&c.notBefore, &c.notAfter} {
		if *t, ok = validity.any(); !ok || !isTime(t) {
			return false
		}
	}
	if len(validity) != 0 {
		return false
	}
	if c.subject, ok = parseName(&r); !ok {
		return false
	}
	if c.spki, ok = r.publicKeyInfo(); !ok {
		return false
	}
	for tag := 1; tag <= 2; tag++ {
		if !r.peek(classContext, tag) {
			continue
		}
		id, ok := r.any()
		if !ok {
			return false
		}
		octets, _, ok := bitString(&id)
		if !ok {
			return false
		}
		c.uniqueIDs[tag-1], _ = nonNil(octets, true)
	}
	c.exts, ok = r.explicitExtensions(3)
	return ok && len(r) == 0
}

func (c *Certificate) parseVersion(inner reader) bool {
	e, ok := inner.next(classUniversal, tagInteger)
	if !ok || len(inner) != 0 || !integerContents(&e) {
		return false
	}
	c.version, ok = int64Contents(e.body)
	if !ok {
		c.version = -1
	}
	return true
}

// publicKeyInfo takes a SubjectPublicKeyInfo, whole; the key in it may be anything.
func (r *reader) publicKeyInfo() ([]byte, bool) {
	e, ok := r.next(classUniversal, tagSequence)
	if !ok || !e.constructed {
		return nil, false
	}
	body := reader(e.body)
	if _, ok = body.algorithm(); !ok {
		return nil, false
	}
	bits, ok := body.next(classUniversal, tagBitString)
	if !ok || len(body) != 0 {
		return nil, false
	}
	_, _, ok = bitString(&bits)
	return e.raw, ok
}

// algorithm takes an AlgorithmIdentifier.
func (r *reader) algorithm() (a algorithm, ok bool) {
	seq, ok := r.sequence()
	if !ok {
		return a, false
	}
	id, ok := seq.next(classUniversal, tagOID)
	if !ok || !oidContents(&id) {
		return a, false
	}
	a.oid = internOID(id.body)
	if len(seq) == 0 {
		return a, true
	}
	a.hasParams = true
	a.params, ok = seq.any()
	return a, ok && len(seq) == 0 && validAny(&a.params)
}

// explicitExtensions takes Extensions under that explicit tag, if they are there.
func (r *reader) explicitExtensions(tag int) ([]extension, bool) {
	if !r.peek(classContext, tag) {
		return nil, true
	}
	inner, ok := r.explicit(tag)
	if !ok {
		return nil, false
	}
	list, ok := inner.sequenceOf()
	if !ok || len(inner) != 0 {
		return nil, false
	}
	return appendExtensions(make([]extension, 0, 10), list)
}

// appendExtensions reads the contents of Extensions, in a certificate, a CRL or
// a CRL entry.
func appendExtensions(out []extension, list reader) ([]extension, bool) {
	for len(list) > 0 {
		seq, ok := list.sequence()
		if !ok {
			return nil, false
		}
		id, ok := seq.next(classUniversal, tagOID)
		if !ok || !oidContents(&id) {
			return nil, false
		}
		x := extension{oid: internOID(id.body)}
		if seq.peek(classUniversal, tagBoolean) {
			e, ok := seq.any()
			if !ok || e.constructed || len(e.body) != 1 {
				return nil, false
			}
			x.critical = e.body[0] != 0
		}
		value, ok := seq.next(classUniversal, tagOctetString)
		if !ok || len(seq) != 0 {
			return nil, false
		}
		if x.value, ok = stringContents(&value); !ok {
			return nil, false
		}
		out = append(out, x)
	}
	return out, true
}

// extension returns the extension of that type; count is how many there are.
func (c *Certificate) extension(oid string) (x *extension, count int) {
	for i := range c.exts {
		if c.exts[i].oid == oid {
			if count == 0 {
				x = &c.exts[i]
			}
			count++
		}
	}
	return x, count
}

// Issuer returns the issuer's name.
func (c *Certificate) Issuer() Name { return c.issuer }

// Subject returns the subject's name.
func (c *Certificate) Subject() Name { return c.subject }

// Version returns the number that the certificate states: 0 is v1, 2 is v3.
func (c *Certificate) Version() int { return int(c.version) }

// Serial returns the serial number, which may be negative and of any length.
func (c *Certificate) Serial() *big.Int { return bigInt(c.serial) }

// NotBefore returns the first moment of validity, in UTC; false says that the
// field is no time (error 13).
func (c *Certificate) NotBefore() (time.Time, bool) { return readTime(&c.notBefore, true) }

// NotAfter returns the moment from which on the certificate has expired, in
// UTC; false says that the field is no time (error 14).
func (c *Certificate) NotAfter() (time.Time, bool) { return readTime(&c.notAfter, true) }

// IsCA reports whether basicConstraints says cA.
func (c *Certificate) IsCA() bool { return c.ca }

// SelfSigned reports whether openssl takes c for self-signed: issuer and
// subject are the same, the key identifiers do not contradict, the signature
// algorithm fits the key. The signature itself is not looked at.
func (c *Certificate) SelfSigned() bool { return c.selfSigned }

// Equal reports whether both are the same certificate, octet by octet.
func (c *Certificate) Equal(o *Certificate) bool {
	return c == o || bytes.Equal(c.signature, o.signature) && c.sigUnused == o.sigUnused &&
		bytes.Equal(c.rawTBS, o.rawTBS) && c.outerAlg.equal(&o.outerAlg) &&
		bytes.Equal(c.outerAlg.params.normal(), o.outerAlg.params.normal())
}
