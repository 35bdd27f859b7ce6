package verify

// distPoint is one DistributionPoint (RFC 5280 section 4.2.1.13), in a
// certificate or, without reasons and issuer, in a CRL's
// issuingDistributionPoint.
type distPoint struct {
	hasName   bool
	fullName  []generalName // the name, if it is a full one
	relative  bool          // the name is relative to the CRL issuer's ...
	fragment  []byte        // ... by these attributes ...
	name      Name          // ... and this is the whole, or none if it was never made
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
// the certificate, for relative names. A point must have a name or an issuer:
// one without makes the certificate invalid, but where that does not matter (an
// anchor) openssl goes on to use the list, with this point and those behind it
// left for no reason at all.
func parseDistPoints(value []byte, issuer Name) (points []distPoint, ok bool) {
	top := reader(value)
	list, ok := top.sequenceOf()
	if !ok {
		return nil, false
	}
	for len(list) > 0 {
		r, ok := list.sequence()
		if !ok {
			return nil, false
		}
		p, ok := parseDistPoint(r)
		if !ok {
			return nil, false
		}
		points = append(points, p)
	}
	completed := 0
	for i := range points {
		p := &points[i]
		if !p.hasName && len(p.crlIssuer) == 0 {
			for j := range points[i:] {
				points[i+j].reasons = 0
			}
			return points, false
		}
		if !p.completeName(p.namedBy(issuer)) {
			return nil, false
		}
		if completed += len(p.name.raw); completed > maxRelativeNames {
			return nil, false
		}
	}
	return points, true
}

// namedBy is the name that a relative one belongs to: the point's CRL issuer,
// else the certificate's issuer.
func (p *distPoint) namedBy(issuer Name) Name {
	for i := range p.crlIssuer {
		if p.crlIssuer[i].kind == nameDirectory {
			return p.crlIssuer[i].directory
		}
	}
	return issuer
}

func parseDistPoint(r reader) (p distPoint, ok bool) {
	p.reasons = allReasons
	if r.peek(classContext, 0) {
		inner, ok := r.explicit(0)
		if !ok {
			return p, false
		}
		if !p.parseName(&inner) || len(inner) != 0 {
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
	return p, len(r) == 0
}

// parseName takes a DistributionPointName. Of a relative one it keeps the
// RDN's attributes; completeName makes a name of them.
func (p *distPoint) parseName(r *reader) (ok bool) {
	e, ok := r.any()
	if !ok || e.class != classContext {
		return false
	}
	p.hasName = true
	switch e.tag {
	case 0:
		p.fullName, ok = generalNames(reader(e.body))
		return ok
	case 1:
		p.relative, p.fragment = true, e.body
		_, _, ok = appendCanonicalRDN(nil, e.body)
		return ok
	}
	return false
}

// completeName appends the relative name's RDN to the CRL issuer's name.
func (p *distPoint) completeName(issuer Name) bool {
	if !p.relative {
		return true
	}
	top := reader(issuer.raw)
	rdns, ok := top.sequenceOf()
	if !ok {
		return false
	}
	body := append([]byte(nil), rdns...)
	body = appendElement(body, 0x31, p.fragment)
	whole := reader(appendElement(nil, 0x30, body))
	p.name, ok = parseName(&whole)
	return ok
}
