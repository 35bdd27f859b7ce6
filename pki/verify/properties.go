package verify

// Key usage bits as openssl holds them: the first octet of the BIT STRING, the
// second shifted above it.
const (
	kuDigitalSignature = 0x80
	kuNonRepudiation   = 0x40
	kuKeyEncipherment  = 0x20
	kuKeyAgreement     = 0x08
	kuKeyCertSign      = 0x04
	kuCRLSign          = 0x02
)

// Extended key usages that a purpose may ask for.
const (
	xkuServerAuth = 1 << iota
	xkuClientAuth
	xkuEmail
	xkuCodeSigning
	xkuSGC
	xkuOCSPSigning
	xkuTimeStamping
	xkuDVCS
	xkuAny
)

// Netscape certificate types.
const (
	nsClient  = 0x80
	nsServer  = 0x40
	nsEmail   = 0x20
	nsSSLCA   = 0x04
	nsEmailCA = 0x02
	nsAnyCA   = 0x07
)

// properties are what a certificate's extensions say, found out when it is
// read. A malformed or repeated extension among the known ones makes the whole
// certificate invalid: it is nobody's issuer and nobody issued it.
type properties struct {
	invalid bool
	unfinished

	hasBasicConstraints bool
	ca                  bool
	pathLen             int64 // -1: no limit

	hasKeyUsage    bool
	keyUsage       uint16
	hasExtKeyUsage bool
	extKeyUsage    uint16
	hasNSCertType  bool
	nsCertType     uint8

	subjectKeyID []byte // nil: none
	authorityKey *authorityKeyID
	altNames     []generalName
	hasAltNames  bool
	constraints  *nameConstraints
	crlPoints    []distPoint

	selfIssued bool
	selfSigned bool

	unhandledCritical bool // some critical extension is none that openssl knows
	bconsCritical     bool // this and the next two go unseen behind the first unhandled one, as in openssl
	altNamesCritical  bool
	hasFreshestCRL    bool
}

// authorityKeyID is an AuthorityKeyIdentifier.
type authorityKeyID struct {
	keyID     []byte // nil: none
	serial    []byte // nil: none
	issuer    Name   // the first directoryName of authorityCertIssuer
	hasIssuer bool
}

// findProperties fills c.properties, in openssl's order.
func (c *Certificate) findProperties() {
	c.pathLen = -1
	c.use(oidBasicConstraints, c.readBasicConstraints)
	c.use(oidKeyUsage, c.readKeyUsage)
	c.use(oidExtKeyUsage, c.readExtKeyUsage)
	c.use(oidNetscapeCertType, c.readNSCertType)
	c.use(oidSubjectKeyID, func(value []byte) (ok bool) {
		c.subjectKeyID, ok = octetString(value)
		return ok
	})
	c.use(oidAuthorityKeyID, func(value []byte) (ok bool) {
		c.authorityKey, ok = parseAuthorityKeyID(value)
		return ok
	})
	if c.issuer.Equal(c.subject) {
		c.selfIssued = true
		c.selfSigned = c.matchesAuthorityKey(c.authorityKey) == OK && c.signatureFits(c)
	}
	c.use(oidSubjectAltName, func(value []byte) (ok bool) {
		c.altNames, ok = generalNamesExtension(value)
		c.hasAltNames = ok
		return ok
	})
	c.use(oidNameConstraints, func(value []byte) (ok bool) {
		c.constraints, ok = parseNameConstraints(value)
		return ok
	})
	c.use(oidCRLDistributionPoints, c.readPoints)
	if c.finished() {
		c.scanCritical()
	}
}

// use hands the extension's value to read, if there is one. A second one of
// the same type, or read's no, make c invalid.
func (c *Certificate) use(oid string, read func(value []byte) bool) {
	x, count := c.extension(oid)
	if count > 1 || count == 1 && !read(x.value) {
		c.invalid = true
	}
}

func (c *Certificate) readBasicConstraints(value []byte) bool {
	top := reader(value)
	r, ok := top.sequence()
	if !ok {
		return false
	}
	ca, length, ok := false, int64(-1), true
	if r.peek(classUniversal, tagBoolean) {
		var e element
		if e, ok = r.any(); !ok || e.constructed || len(e.body) != 1 {
			return false
		}
		ca = e.body[0] != 0
	}
	if r.peek(classUniversal, tagInteger) {
		if length, ok = r.pathLength(tagInteger, classUniversal); !ok {
			return false
		}
	}
	if len(r) != 0 {
		return false
	}
	c.hasBasicConstraints, c.ca, c.pathLen = true, ca, max(length, -1)
	return length != negativeLength
}

// negativeLength is what pathLength gives for a length below zero.
const negativeLength = -2

// pathLength takes a path length. One beyond 64 bits is none, as for openssl.
func (r *reader) pathLength(tag int, class uint8) (int64, bool) {
	e, ok := r.next(class, tag)
	if !ok || !integerContents(&e) {
		return 0, false
	}
	if e.body[0]&0x80 != 0 {
		return negativeLength, true
	}
	n, ok := int64Contents(e.body)
	if !ok {
		n = -1
	}
	return n, true
}

func (c *Certificate) readKeyUsage(value []byte) bool {
	octets, ok := bitStringExtension(value)
	if !ok {
		return false
	}
	c.hasKeyUsage, c.keyUsage = true, usageBits(octets)
	return c.keyUsage != 0 // a usage for nothing is an error
}

// usageBits joins the first two octets of a BIT STRING.
func usageBits(octets []byte) (bits uint16) {
	if len(octets) > 0 {
		bits = uint16(octets[0])
	}
	if len(octets) > 1 {
		bits |= uint16(octets[1]) << 8
	}
	return bits
}

func (c *Certificate) readExtKeyUsage(value []byte) bool {
	top := reader(value)
	list, ok := top.sequenceOf()
	if !ok {
		return false
	}
	for len(list) > 0 {
		id, ok := list.next(classUniversal, tagOID)
		if !ok || !oidContents(&id) {
			return false
		}
		c.extKeyUsage |= extKeyUsageBits[string(id.body)]
	}
	c.hasExtKeyUsage = true
	return true
}

// extKeyUsageBits are the uses that a purpose may ask for; of others nothing is noted.
var extKeyUsageBits = map[string]uint16{
	oidServerAuth:      xkuServerAuth,
	oidClientAuth:      xkuClientAuth,
	oidEmailProtection: xkuEmail,
	oidCodeSigning:     xkuCodeSigning,
	oidMicrosoftSGC:    xkuSGC,
	oidNetscapeSGC:     xkuSGC,
	oidOCSPSigning:     xkuOCSPSigning,
	oidTimeStamping:    xkuTimeStamping,
	oidDVCS:            xkuDVCS,
	oidAnyExtKeyUsage:  xkuAny,
}

func (c *Certificate) readNSCertType(value []byte) bool {
	octets, ok := bitStringExtension(value)
	if !ok {
		return false
	}
	c.hasNSCertType = true
	if len(octets) > 0 {
		c.nsCertType = octets[0]
	}
	return true
}

func bitStringExtension(value []byte) ([]byte, bool) {
	r := reader(value)
	e, ok := r.next(classUniversal, tagBitString)
	if !ok {
		return nil, false
	}
	octets, _, ok := bitString(&e)
	return octets, ok
}

// octetString reads an OCTET STRING; the result is never nil where ok.
func octetString(value []byte) ([]byte, bool) {
	r := reader(value)
	e, ok := r.next(classUniversal, tagOctetString)
	if !ok {
		return nil, false
	}
	return nonNil(stringContents(&e))
}

func nonNil(b []byte, ok bool) ([]byte, bool) {
	if ok && b == nil {
		b = []byte{}
	}
	return b, ok
}

// parseAuthorityKeyID reads SEQUENCE { [0] keyIdentifier, [1] authorityCertIssuer,
// [2] authorityCertSerialNumber }, all optional.
func parseAuthorityKeyID(value []byte) (*authorityKeyID, bool) {
	top := reader(value)
	r, ok := top.sequence()
	if !ok {
		return nil, false
	}
	a := new(authorityKeyID)
	if r.peek(classContext, 0) {
		e, ok := r.any()
		if !ok {
			return nil, false
		}
		if a.keyID, ok = nonNil(stringContents(&e)); !ok {
			return nil, false
		}
	}
	if r.peek(classContext, 1) {
		e, ok := r.any()
		if !ok {
			return nil, false
		}
		names, ok := generalNames(reader(e.body))
		if !ok {
			return nil, false
		}
		for i := range names {
			if names[i].kind == nameDirectory {
				a.issuer, a.hasIssuer = names[i].directory, true
				break
			}
		}
	}
	if r.peek(classContext, 2) {
		e, ok := r.any()
		if !ok || !integerContents(&e) {
			return nil, false
		}
		a.serial = e.body
	}
	if len(r) != 0 {
		return nil, false
	}
	return a, true
}

// scanCritical looks for critical extensions that openssl does not handle. It
// stops at the first, so that marks behind it go unseen.
func (c *Certificate) scanCritical() {
	for i := range c.exts {
		x := &c.exts[i]
		if x.oid == oidFreshestCRL {
			c.hasFreshestCRL = true
		}
		if !x.critical {
			continue
		}
		switch x.oid {
		case oidBasicConstraints:
			c.bconsCritical = true
		case oidSubjectAltName:
			c.altNamesCritical = true
		case oidNetscapeCertType, oidKeyUsage, oidCertificatePolicies, oidCRLDistributionPoints,
			oidExtKeyUsage, oidIPAddrBlocks, oidASIdentifiers, oidOCSPNoCheck, oidPolicyConstraints,
			oidProxyCertInfo, oidNameConstraints, oidPolicyMappings, oidInhibitAnyPolicy:
		default:
			c.unhandledCritical = true
			return
		}
	}
}
