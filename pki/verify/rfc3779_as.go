package verify

import "math/big"

// asRange is an ASIdOrRange of RFC 3779 section 3.2.3.5; a single number is both ends.
type asRange struct {
	low, high *big.Int
	single    bool
}

// asChoice is an ASIdentifierChoice: ranges, or the mark that the issuer's are meant.
type asChoice struct {
	inherit bool
	ranges  []asRange
}

// asIdentifiers is the extension autonomousSysIds of RFC 3779 section 3.2.3: AS numbers and
// routing domain identifiers. An absent choice is nil.
type asIdentifiers struct {
	numbers, domains *asChoice
}

func (a *asIdentifiers) canonical() bool {
	return a.numbers.canonical() && a.domains.canonical()
}

// canonical reports whether the list is sorted, with gaps between the ranges, and not empty:
// RFC 3779 section 3.2.3.4.
func (c *asChoice) canonical() bool {
	if c == nil || c.inherit {
		return true
	}
	if len(c.ranges) == 0 {
		return false
	}
	for i := 1; i < len(c.ranges); i++ {
		a, b := c.ranges[i-1], c.ranges[i]
		if a.low.Cmp(b.low) >= 0 || a.low.Cmp(a.high) > 0 || b.low.Cmp(b.high) > 0 {
			return false
		}
		if new(big.Int).Add(a.high, big.NewInt(1)).Cmp(b.low) >= 0 {
			return false
		}
	}
	last := c.ranges[len(c.ranges)-1]
	return last.single || last.low.Cmp(last.high) <= 0
}

// asContains reports whether every range of child lies in one of parent's. Both are sorted.
func asContains(parent, child []asRange) bool {
	p := 0
	for _, c := range child {
		for p < len(parent) && parent[p].high.Cmp(c.high) < 0 {
			p++
		}
		if p == len(parent) || parent[p].low.Cmp(c.low) > 0 {
			return false
		}
	}
	return true
}

// parseASIdentifiers reads the value of the extension. Octets after it are ignored.
func parseASIdentifiers(value []byte) (*asIdentifiers, bool) {
	top := reader(value)
	body, ok := top.sequence()
	if !ok {
		return nil, false
	}
	ids := new(asIdentifiers)
	if ids.numbers, ok = body.asChoice(0); !ok {
		return nil, false
	}
	if ids.domains, ok = body.asChoice(1); !ok || len(body) != 0 {
		return nil, false
	}
	return ids, true
}

// asChoice takes an ASIdentifierChoice under an explicit tag; nil if there is none.
func (r *reader) asChoice(tag int) (*asChoice, bool) {
	if !r.peek(classContext, tag) {
		return nil, true
	}
	inner, ok := r.explicit(tag)
	if !ok {
		return nil, false
	}
	if inner.peek(classUniversal, tagNull) {
		e, ok := inner.any()
		return &asChoice{inherit: true}, ok && validAny(&e) && len(inner) == 0
	}
	list, ok := inner.sequenceOf()
	if !ok || len(inner) != 0 {
		return nil, false
	}
	choice := new(asChoice)
	for len(list) > 0 {
		a, ok := list.asRange()
		if !ok {
			return nil, false
		}
		choice.ranges = append(choice.ranges, a)
	}
	return choice, true
}

// asRange takes an ASIdOrRange.
func (r *reader) asRange() (a asRange, ok bool) {
	if r.peek(classUniversal, tagInteger) {
		a.low, ok = r.integer()
		a.high, a.single = a.low, true
		return a, ok
	}
	both, ok := r.sequence()
	if !ok {
		return a, false
	}
	if a.low, ok = both.integer(); !ok {
		return a, false
	}
	a.high, ok = both.integer()
	return a, ok && len(both) == 0
}
