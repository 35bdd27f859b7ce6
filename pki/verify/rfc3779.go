package verify

// resourceFault is where a chain's RFC 3779 resources are wrong.
type resourceFault struct {
	code  Code // OK: openssl fails without a code
	depth int  // as openssl counts: one more than there are where the anchor inherits
	cert  *Certificate
}

// checkRFC3779 checks that AS numbers and addresses nest, in this order.
func (v *verifier) checkRFC3779() outcome {
	for _, check := range []func([]*Certificate) *resourceFault{checkASIdentifiers, checkAddrBlocks} {
		fault := check(v.chain)
		if fault == nil {
			continue
		}
		if fault.code == OK {
			return v.breakOff("an address family of " + fault.cert.subject.String() + " has a malformed identifier")
		}
		v.find(fault.code, fault.depth, fault.cert, Detail{})
		return stop
	}
	return proceed
}

// checkASIdentifiers walks up from the leaf (RFC 3779 section 3.3): no certificate may list what
// its issuer does not, and the anchor cannot inherit. nil is good.
func checkASIdentifiers(chain []*Certificate) *resourceFault {
	leaf := chain[0].asIdentifiers
	if leaf == nil {
		return nil
	}
	if !leaf.canonical() {
		return &resourceFault{ErrInvalidExtension, 0, chain[0]}
	}
	numbers, domains := leaf.numbers.start(), leaf.domains.start()
	for i, c := range chain[1:] {
		depth, ids := i+1, c.asIdentifiers
		if ids == nil {
			if numbers.ranges != nil || domains.ranges != nil {
				return &resourceFault{ErrUnnestedResource, depth, c}
			}
			continue
		}
		if !ids.canonical() {
			return &resourceFault{ErrInvalidExtension, depth, c}
		}
		if !numbers.climb(ids.numbers) || !domains.climb(ids.domains) {
			return &resourceFault{ErrUnnestedResource, depth, c}
		}
	}
	anchor := chain[len(chain)-1]
	if ids := anchor.asIdentifiers; ids != nil {
		if ids.numbers != nil && ids.numbers.inherit || ids.domains != nil && ids.domains.inherit {
			return &resourceFault{ErrUnnestedResource, len(chain), anchor}
		}
	}
	return nil
}

// asClaim is what the certificates so far claim of their issuers: ranges, to be taken over from the
// next that lists some, or nothing.
type asClaim struct {
	inherit bool
	ranges  []asRange
}

func (c *asChoice) start() asClaim {
	if c == nil {
		return asClaim{}
	}
	return asClaim{c.inherit, c.ranges}
}

// climb takes one more issuer and reports whether it has what is claimed. An issuer's ranges become
// the claim even where nothing was claimed below.
func (a *asClaim) climb(issuer *asChoice) bool {
	switch {
	case issuer == nil:
		return a.ranges == nil
	case issuer.inherit:
		return true
	case !a.inherit && !asContains(issuer.ranges, a.ranges):
		return false
	}
	*a = asClaim{ranges: issuer.ranges}
	return true
}

// checkAddrBlocks is the same for addresses (RFC 3779 section 2.3), family by family.
func checkAddrBlocks(chain []*Certificate) *resourceFault {
	leaf := chain[0].addrBlocks
	if leaf == nil {
		return nil
	}
	if !leaf.canonical() {
		return &resourceFault{ErrInvalidExtension, 0, chain[0]}
	}
	claim := append(addrBlocks{}, leaf...)
	for i, c := range chain[1:] {
		depth := i + 1
		if !c.addrBlocks.canonical() {
			return &resourceFault{ErrInvalidExtension, depth, c}
		}
		if code, ok := claim.climb(c.addrBlocks); !ok {
			return &resourceFault{code, depth, c}
		}
	}
	anchor := chain[len(chain)-1]
	for _, f := range anchor.addrBlocks {
		if !f.sized() {
			return &resourceFault{OK, len(chain), anchor}
		}
		if f.inherit && claim.find(f.family) != nil {
			return &resourceFault{ErrUnnestedResource, len(chain), anchor}
		}
	}
	return nil
}

// climb takes one more issuer, whose blocks may be nil, and replaces the families that it lists. A
// family identifier of a length that RFC 3779 does not know makes openssl fail without a code.
func (b addrBlocks) climb(issuer addrBlocks) (Code, bool) {
	if issuer == nil {
		for _, f := range b {
			if !f.sized() {
				return OK, false
			}
			if !f.inherit {
				return ErrUnnestedResource, false
			}
		}
		return OK, true
	}
	for i, f := range b {
		above := issuer.find(f.family)
		if above == nil {
			if !f.inherit {
				return ErrUnnestedResource, false
			}
			continue
		}
		if !f.sized() {
			return OK, false
		}
		if above.inherit {
			continue
		}
		if !f.inherit && !addrContains(above.ranges, f.ranges, f.addressLength()) {
			return ErrUnnestedResource, false
		}
		b[i] = above
	}
	return OK, true
}
