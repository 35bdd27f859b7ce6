package verify

import "slices"

// anyPolicyOID is 2.5.29.32.0 as content octets.
const anyPolicyOID = "\x55\x1d\x20\x00"

// policyFacts is what one certificate says about policies.
type policyFacts struct {
	selfIssued bool
	invalid    bool // some extension is malformed, duplicate or contradicts itself: error 42

	asserted bool // certificatePolicies is there and not empty
	policies []*policyData
	any      *policyData

	explicitSkip, mapSkip, anySkip int64 // -1: absent
}

// newPolicyFacts reads c's extensions in openssl's order, which shows: mappings and
// inhibitAnyPolicy are not even looked at where there is no policy, and the first fault ends it.
func newPolicyFacts(c *Certificate) *policyFacts {
	f := &policyFacts{selfIssued: c.selfIssued, explicitSkip: -1, mapSkip: -1, anySkip: -1}
	read := func(oid string, value func(*extension) bool) bool {
		x, count := c.extension(oid)
		return count == 0 || count == 1 && value(x)
	}
	f.invalid = !read(oidPolicyConstraints, f.readConstraints) || !read(oidCertificatePolicies, f.readPolicies)
	if f.invalid || !f.asserted {
		return f
	}
	f.invalid = !read(oidPolicyMappings, f.readMappings) || !read(oidInhibitAnyPolicy, f.readInhibitAny)
	return f
}

func (f *policyFacts) readConstraints(x *extension) bool {
	top := reader(x.value)
	body, ok := top.sequence()
	if !ok || len(body) == 0 {
		return false
	}
	for tag, skip := range []*int64{&f.explicitSkip, &f.mapSkip} {
		if !body.peek(classContext, tag) {
			continue
		}
		if *skip, ok = body.pathLength(tag, classContext); !ok || *skip == negativeLength {
			return false
		}
	}
	return len(body) == 0
}

func (f *policyFacts) readInhibitAny(x *extension) (ok bool) {
	top := reader(x.value)
	f.anySkip, ok = top.pathLength(tagInteger, classUniversal)
	return ok && f.anySkip != negativeLength
}

func (f *policyFacts) readPolicies(x *extension) bool {
	top := reader(x.value)
	list, ok := top.sequenceOf()
	if !ok {
		return false
	}
	seen := make(map[string]bool)
	for len(list) > 0 {
		data, ok := list.policyInformation()
		if !ok || seen[data.policy] {
			return false
		}
		seen[data.policy] = true
		data.critical = x.critical
		if data.policy == anyPolicyOID {
			f.any = data
		} else {
			f.policies = append(f.policies, data)
		}
	}
	f.asserted = len(seen) > 0
	sortPolicies(f.policies, true)
	return true
}

// policyMapping says that the subject's policy to stands for the issuer's policy from.
type policyMapping struct{ from, to string }

func (f *policyFacts) readMappings(x *extension) bool {
	top := reader(x.value)
	list, ok := top.sequenceOf()
	if !ok || len(list) == 0 {
		return false
	}
	var mappings []policyMapping
	for len(list) > 0 {
		m, ok := list.policyMapping()
		if !ok || m.from == anyPolicyOID || m.to == anyPolicyOID {
			return false
		}
		mappings = append(mappings, m)
	}
	f.apply(mappings)
	return true
}

// apply notes the mappings beside the policies that they are of. A policy asserted through
// anyPolicy only becomes one of its own; one not asserted at all is not mapped either.
func (f *policyFacts) apply(mappings []policyMapping) {
	byPolicy := make(map[string]*policyData, len(f.policies))
	for _, data := range f.policies {
		byPolicy[data.policy] = data
	}
	added := false
	for _, m := range mappings {
		added = false
		data := byPolicy[m.from]
		switch {
		case data != nil:
			data.mapped = true
		case f.any == nil:
			continue
		default:
			data = &policyData{policy: m.from, critical: f.any.critical, qualifiers: f.any.qualifiers, mappedAny: true}
			byPolicy[m.from] = data
			f.policies = append(f.policies, data)
			added = true
		}
		data.expect(m.to)
	}
	sortPolicies(f.policies, added)
}

// sortPolicies brings policies into the order in which openssl 3.0 has them. It sorts a list in
// order to search it, and does so before it adds to it: the last one added stays the last.
func sortPolicies(list []*policyData, added bool) {
	if added && len(list) > 0 {
		list = list[:len(list)-1]
	}
	slices.SortFunc(list, func(a, b *policyData) int { return comparePolicies(a.policy, b.policy) })
}

// policyMapping takes one entry of PolicyMappings (RFC 5280 section 4.2.1.5).
func (r *reader) policyMapping() (m policyMapping, ok bool) {
	pair, ok := r.sequence()
	if !ok {
		return m, false
	}
	if m.from, ok = pair.oid(); !ok {
		return m, false
	}
	m.to, ok = pair.oid()
	return m, ok && len(pair) == 0
}

// policyInformation takes a PolicyInformation (RFC 5280 section 4.2.1.4).
func (r *reader) policyInformation() (*policyData, bool) {
	info, ok := r.sequence()
	if !ok {
		return nil, false
	}
	data := new(policyData)
	if data.policy, ok = info.oid(); !ok || len(info) == 0 {
		return data, ok
	}
	quals, ok := info.sequenceOf()
	if !ok || len(info) != 0 {
		return nil, false
	}
	data.qualifiers = &[]PolicyQualifier{}
	for len(quals) > 0 {
		q, ok := quals.policyQualifier()
		if !ok {
			return nil, false
		}
		*data.qualifiers = append(*data.qualifiers, q)
	}
	return data, true
}
