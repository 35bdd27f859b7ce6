package verify

// readProxyCertInfo reads proxyCertInfo (RFC 3820 section 3.8). A proxy that is a CA or that has
// names of its own is none.
func (c *Certificate) readProxyCertInfo(value []byte) bool {
	top := reader(value)
	r, ok := top.sequence()
	if !ok {
		return false
	}
	length := int64(-1)
	if r.peek(classUniversal, tagInteger) {
		e, ok := r.any()
		if !ok || !integerContents(&e) {
			return false
		}
		if n, ok := int64Contents(e.body); ok {
			length = n
		}
	}
	policy, ok := r.sequence()
	if !ok || len(r) != 0 {
		return false
	}
	if _, ok := policy.oid(); !ok {
		return false
	}
	if len(policy) > 0 {
		e, ok := policy.next(classUniversal, tagOctetString)
		if !ok || len(policy) != 0 {
			return false
		}
		if _, ok := stringContents(&e); !ok {
			return false
		}
	}
	c.proxy, c.proxyPathLen = true, length
	_, subjectNames := c.extension(oidSubjectAltName)
	_, issuerNames := c.extension(oidIssuerAltName)
	return !c.ca && subjectNames == 0 && issuerNames == 0
}

// checkProxyPath compares the proxy certificates below that at depth i with its path length
// (RFC 3820 section 4.1.3 (b)) and counts it. Beyond 32 bits that goes wrong in openssl's way.
func (v *verifier) checkProxyPath(i int, below *int32) bool {
	if limit := v.chain[i].proxyPathLen; limit != -1 {
		if !v.check(int64(*below) > limit, ErrProxyPathLengthExceeded, i) {
			return false
		}
		*below = int32(limit)
	}
	*below++
	return true
}

// checkProxyName asks for a proxy's subject to be its issuer's and one common name.
func (v *verifier) checkProxyName(i int) bool {
	c := v.chain[i]
	return !c.proxy || c.proxyNameFits() ||
		v.find(ErrProxySubjectNameViolation, i, c, Detail{What: "subject", Wanted: c.issuer.String() + " and one CN"})
}

// proxyNameFits reports whether the subject of a proxy certificate is its issuer's with one common
// name behind it (RFC 3820 section 3.4).
func (c *Certificate) proxyNameFits() bool {
	if c.subject.count < 2 || c.subject.count != c.issuer.count+1 {
		return false
	}
	var last, before attribute
	c.subject.attributes(func(a attribute) bool {
		before, last = last, a
		return true
	})
	if last.rdn == before.rdn || last.oid != oidCommonName {
		return false
	}
	return c.issuer.canon+canonicalAttribute(&last) == c.subject.canon
}

// canonicalAttribute is the canonical form of an RDN with that one attribute.
func canonicalAttribute(a *attribute) string {
	pair := appendElement(nil, tagOID, []byte(a.oid))
	pair = append(pair, a.value.raw...)
	canon, _, _ := appendCanonicalRDN(nil, appendElement(nil, 0x30, pair))
	return string(canon)
}
