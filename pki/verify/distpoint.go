package verify

// distPoint is one DistributionPoint (RFC 5280 section 4.2.1.13), in a
// certificate or, without reasons and issuer, in a CRL's
// issuingDistributionPoint.
type distPoint struct {
	hasName   bool
	fullName  []generalName // the name, if it is a full one
	relative  bool          // the name is relative to the CRL issuer's ...
	name      Name          // ... and this is the whole
	reasons   uint16        // all bits, if the point names none
	crlIssuer []generalName
}

// allReasons are the bits of ReasonFlags that count, all but "unused".
const allReasons = 0x807f

// maxRelativeNames bounds the octets of names that relative ones are completed
// to, over all points of one extension. It is ours: openssl copies the issuer's
// name for each, without end.
const maxRelativeNames = 16 << 20

// parseDistPoints reads a cRLDistributionPoints extension; issuer is that of
// the certificate, for relative names. A point must have a name or an issuer.
func parseDistPoints(value []byte, issuer Name) ([]distPoint, bool) {
	top := reader(value)
	list, ok := top.sequenceOf()
	if !ok {
		return nil, false
	}
	var out []distPoint
	completed := 0
	for len(list) > 0 {
		r, ok := list.sequence()
		if !ok {
			return nil, false
		}
		p, ok := parseDistPoint(r, issuer)
		if completed += len(p.name.raw); !ok || completed > maxRelativeNames {
			return nil, false
		}
		out = append(out, p)
	}
	return out, true
}

func parseDistPoint(r reader, issuer Name) (p distPoint, ok bool) {
	p.reasons = allReasons
	var fragment []byte
	if r.peek(classContext, 0) {
		inner, ok := r.explicit(0)
		if !ok {
			return p, false
		}
		if fragment, ok = p.parseName(&inner); !ok || len(inner) != 0 {
			return p, false
		}
	}
	if r.peek(classContext, 1) {
		e, ok := r.any()
		if !ok {
			return p, false
		}
		octets, _, ok := bitString(&e)
		if !ok {
			return p, false
		}
		p.reasons = usageBits(octets) & allReasons
	}
	if r.peek(classContext, 2) {
		e, ok := r.any()
		if !ok {
			return p, false
		}
		if p.crlIssuer, ok = generalNames(reader(e.body)); !ok {
			return p, false
		}
	}
	if len(r) != 0 || !p.hasName && len(p.crlIssuer) == 0 {
		return p, false
	}
	for i := range p.crlIssuer {
		if p.crlIssuer[i].kind == nameDirectory {
			issuer = p.crlIssuer[i].directory
			break
		}
	}
	return p, p.completeName(fragment, issuer)
}

// parseName takes a DistributionPointName. Of a relative one it returns the
// RDN's attributes; completeName makes a name of it.
func (p *distPoint) parseName(r *reader) (fragment []byte, ok bool) {
	e, ok := r.any()
	if !ok || e.class != classContext {
		return nil, false
	}
	p.hasName = true
	switch e.tag {
	case 0:
		p.fullName, ok = generalNames(reader(e.body))
		return nil, ok
	case 1:
		p.relative = true
		_, _, ok = appendCanonicalRDN(nil, e.body)
		return e.body, ok
	}
	return nil, false
}

// completeName appends the relative name's RDN to the CRL issuer's name.
func (p *distPoint) completeName(fragment []byte, issuer Name) bool {
	if !p.relative {
		return true
	}
	top := reader(issuer.raw)
	rdns, ok := top.sequenceOf()
	if !ok {
		return false
	}
	body := append([]byte(nil), rdns...)
	body = appendElement(body, 0x31, fragment)
	whole := reader(appendElement(nil, 0x30, body))
	p.name, ok = parseName(&whole)
	return ok
}
