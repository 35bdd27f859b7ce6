package verify

// distPoint is one DistributionPoint (RFC 5280 section 4.2.1.13), in a
// certificate or, without reasons and issuer, in a CRL's
// issuingDistributionPoint.
type distPoint struct {
	hasName   bool
	fullName  []generalName // the name, if it is a full one
	relative  bool          // the name is relative to the CRL issuer's ...
	fragment  []byte        // ... by these attributes ...
	name      Name          // ... and this is the whole ...
	completed bool          // ... if it was ever made
	reasons   uint16        // all bits, if the point names none
	crlIssuer []generalName
}

// allReasons are the bits of ReasonFlags that count, all but "unused".
const allReasons = 0x807f

// maxRelativeNames bounds the octets of names that relative ones are completed
// to, over all points of one extension. It is ours: openssl copies the issuer's
// name for each, without end.
const maxRelativeNames = 16 << 20

// distPointFault says what is wrong with a list of points, which openssl uses all the same where it
// comes to that: with the point at fault, and those behind it left as they are before anybody has
// looked at them, for no reason at all and without their relative names.
type distPointFault int

const (
	pointsFine     distPointFault = iota
	pointsInvalid                 // malformed, or a point has neither a name nor an issuer
	pointsNameless                // a relative name makes no name: openssl stops reading the certificate there
)

// parseDistPoints reads a cRLDistributionPoints extension; issuer is that of
// the certificate, for relative names.
func parseDistPoints(value []byte, issuer Name) (points []distPoint, fault distPointFault) {
	top := reader(value)
	list, ok := top.sequenceOf()
	if !ok {
		return nil, pointsInvalid
	}
	for len(list) > 0 {
		r, ok := list.sequence()
		if !ok {
			return nil, pointsInvalid
		}
		p, ok := parseDistPoint(r)
		if !ok {
			return nil, pointsInvalid
		}
		points = append(points, p)
	}
	completed := 0
	for i := range points {
		p := &points[i]
		untouched := points[i+1:]
		switch {
		case !p.hasName && len(p.crlIssuer) == 0:
			fault, untouched = pointsInvalid, points[i:]
		case !p.completeName(p.namedBy(issuer)):
			fault = pointsNameless
		default:
			if completed += len(p.name.canon); completed > maxRelativeNames {
				return nil, pointsInvalid
			}
			continue
		}
		for j := range untouched {
			untouched[j].reasons = 0
		}
		return points, fault
	}
	return points, pointsFine
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
		for attributes := reader(e.body); len(attributes) > 0; {
			if _, _, ok := attributes.attribute(); !ok {
				return false
			}
		}
		return true
	}
	return false
}

// completeName appends the relative name's attributes to the CRL issuer's name,
// each as an RDN of its own, as openssl does. It fails on one that has no form
// in Unicode.
func (p *distPoint) completeName(issuer Name) bool {
	if !p.relative {
		return true
	}
	canon, count := []byte(issuer.canon), issuer.count
	for attributes := reader(p.fragment); len(attributes) > 0; {
		e, ok := attributes.any()
		if !ok {
			return false
		}
		var n int
		if canon, n, ok = appendCanonicalRDN(canon, e.raw); !ok {
			return false
		}
		count += n
	}
	p.name, p.completed = Name{canon: string(canon), count: count}, true
	return true
}
