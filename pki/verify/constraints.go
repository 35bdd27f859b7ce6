package verify

import "bytes"

const (
	// maxNameComparisons bounds names times constraints of two certificates
	// (NAME_CHECK_MAX).
	maxNameComparisons = 1 << 20
	// maxAllComparisons bounds their sum over all pairs of a chain. It is ours:
	// in a chain of 100 certificates openssl would compare for minutes.
	maxAllComparisons = 1 << 27
)

// nameConstraints is a NameConstraints extension (RFC 5280 section 4.2.1.10).
type nameConstraints struct{ permitted, excluded []subtree }

// subtree is a GeneralSubtree.
type subtree struct {
	base    generalName
	limited bool // has a minimum other than 0 or a maximum: not supported
}

func (n *nameConstraints) size() int { return len(n.permitted) + len(n.excluded) }

// nameCount is the number of names that constraints are compared with.
func (c *Certificate) nameCount() int { return c.subject.count + len(c.altNames) }

// parseNameConstraints reads SEQUENCE { [0] permitted, [1] excluded }.
func parseNameConstraints(value []byte) (*nameConstraints, bool) {
	top := reader(value)
	r, ok := top.sequence()
	if !ok {
		return nil, false
	}
	c := new(nameConstraints)
	for tag, list := range []*[]subtree{&c.permitted, &c.excluded} {
		if !r.peek(classContext, tag) {
			continue
		}
		e, ok := r.any()
		if !ok {
			return nil, false
		}
		for trees := reader(e.body); len(trees) > 0; {
			t, ok := trees.subtree()
			if !ok {
				return nil, false
			}
			*list = append(*list, t)
		}
	}
	if len(r) != 0 {
		return nil, false
	}
	return c, true
}

func (r *reader) subtree() (t subtree, ok bool) {
	seq, ok := r.sequence()
	if !ok {
		return t, false
	}
	if t.base, ok = seq.generalName(); !ok {
		return t, false
	}
	for tag := range 2 { // minimum, maximum
		if !seq.peek(classContext, tag) {
			continue
		}
		e, ok := seq.any()
		if !ok || !integerContents(&e) {
			return t, false
		}
		t.limited = t.limited || tag == 1 || len(e.body) > 1 || e.body[0] != 0
	}
	return t, len(seq) == 0
}

// checkNameConstraints holds every certificate against the constraints of those
// above it, the anchor included, from the top down (openssl's
// check_name_constraints). Self-issued certificates pass, except the target.
func (v *verifier) checkNameConstraints() outcome {
	comparisons := 0
	for i := len(v.chain) - 1; i >= 0; i-- {
		c := v.chain[i]
		if i != 0 && c.selfIssued {
			continue
		}
		for j := len(v.chain) - 1; j > i; j-- {
			constraints := v.chain[j].constraints
			if constraints == nil {
				continue
			}
			m := nameMatcher{constraints: constraints}
			code := ErrUnspecified
			if comparisons += c.nameCount() * constraints.size(); comparisons <= maxAllComparisons {
				code = m.certificate(c)
			}
			if code == OK && i == 0 && !c.hasName(nameDNS) {
				code = m.commonNames(c)
			}
			if code == ErrOutOfMem {
				return v.breakOff("a common name of " + c.subject.String() + " is no text that the constraints of " + v.chain[j].subject.String() + " could be held against")
			}
			if code != OK {
				d := Detail{What: "name under the constraints of " + v.chain[j].subject.String()}
				if m.name != nil { // nil: there are too many to compare at all
					d.Had = []string{m.name.String()}
				}
				if !v.find(code, i, c, d) {
					return stop
				}
			}
		}
	}
	return proceed
}

// hasName reports whether SAN has a name of that kind.
func (c *Certificate) hasName(kind int8) bool {
	for i := range c.altNames {
		if c.altNames[i].kind == kind {
			return true
		}
	}
	return false
}

// nameMatcher holds names against one NameConstraints. It remembers the last
// name, which is the one that failed.
type nameMatcher struct {
	constraints *nameConstraints
	name        *generalName
}

// certificate checks the subject as a directory name, the e-mail addresses in
// it, and SAN, in this order.
func (m *nameMatcher) certificate(c *Certificate) Code {
	if names := c.nameCount(); names > 0 && m.constraints.size() > maxNameComparisons/names {
		return ErrUnspecified
	}
	if !c.subject.Empty() {
		if code := m.match(&generalName{kind: nameDirectory, nameParts: &nameParts{directory: c.subject}}); code != OK {
			return code
		}
	}
	code := OK
	c.subject.attributes(func(a attribute) bool {
		if a.oid != oidEmailAddress {
			return true
		}
		text, _ := stringContents(&a.value)
		if a.value.tag != tagIA5String {
			m.name = &generalName{kind: nameEmail, value: text}
			code = ErrUnsupportedNameSyntax
			return false
		}
		code = m.match(&generalName{kind: nameEmail, value: text})
		return code == OK
	})
	for i := 0; i < len(c.altNames) && code == OK; i++ {
		code = m.match(&c.altNames[i])
	}
	return code
}

// commonNames checks the target's common names that look like host names. One that is no text is what openssl calls
// out of memory.
func (m *nameMatcher) commonNames(c *Certificate) Code {
	code := OK
	c.subject.attributes(func(a attribute) bool {
		if a.oid != oidCommonName {
			return true
		}
		text, ok := utf8Text(&a.value)
		if !ok { // a BIT STRING or a SEQUENCE, say: a name may hold such
			m.name, code = &generalName{kind: nameDNS}, ErrOutOfMem
			return false
		}
		text = bytes.TrimRight(text, "\x00")
		name := &generalName{kind: nameDNS, value: text}
		switch {
		case bytes.IndexByte(text, 0) >= 0:
			m.name, code = name, ErrUnsupportedNameSyntax
		case looksLikeHost(text):
			code = m.match(name)
		}
		return code == OK
	})
	return code
}

// looksLikeHost reports whether a common name is taken for a host name: labels
// of letters, digits and underscores, with hyphens inside, at least two of them.
func looksLikeHost(b []byte) bool {
	dots := false
	for i, c := range b {
		if isLetter(c) || isDigit(c) || c == '_' {
			continue
		}
		if i == 0 || i == len(b)-1 {
			return false
		}
		switch {
		case c == '-':
		case c == '.' && b[i+1] != '.' && b[i+1] != '-' && b[i-1] != '-':
			dots = true
		default:
			return false
		}
	}
	return dots
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// effectiveKind treats an internationalised mailbox as an e-mail address
// (RFC 8398 section 6).
func (g *generalName) effectiveKind() int8 {
	if g.kind == nameOther && g.otherType == oidSmtpUTF8Mailbox {
		return nameEmail
	}
	return g.kind
}

// applies reports whether t speaks of names like g.
func (t *subtree) applies(g *generalName, kind int8) bool {
	return t.base.kind == kind && (kind != nameOther || t.base.otherType == g.otherType)
}

// match holds one name against the permitted and the excluded subtrees of its
// kind: if there are permitted ones, one of them must fit, and no excluded one
// may.
func (m *nameMatcher) match(g *generalName) Code {
	m.name = g
	kind := g.effectiveKind()
	any, fits := false, false
	for i := range m.constraints.permitted {
		t := &m.constraints.permitted[i]
		if !t.applies(g, kind) {
			continue
		}
		if t.limited {
			return ErrSubtreeMinMax
		}
		if fits {
			continue
		}
		any = true
		switch code := t.base.covers(g); code {
		case OK:
			fits = true
		case ErrPermittedViolation:
		default:
			return code
		}
	}
	if any && !fits {
		return ErrPermittedViolation
	}
	for i := range m.constraints.excluded {
		t := &m.constraints.excluded[i]
		if !t.applies(g, kind) {
			continue
		}
		if t.limited {
			return ErrSubtreeMinMax
		}
		switch code := t.base.covers(g); code {
		case OK:
			return ErrExcludedViolation
		case ErrPermittedViolation:
		default:
			return code
		}
	}
	return OK
}

// covers compares a name with a subtree's base: OK, ErrPermittedViolation if it
// lies outside, or what is wrong with either.
func (base *generalName) covers(g *generalName) Code {
	switch g.kind {
	case nameOther:
		if base.kind == nameEmail {
			return coversMailbox(base.value, g)
		}
		return ErrUnsupportedConstraintType
	case nameDirectory:
		return inside(len(base.directory.canon) <= len(g.directory.canon) &&
			g.directory.canon[:len(base.directory.canon)] == base.directory.canon)
	case nameDNS:
		return coversDNS(base.value, g.value)
	case nameEmail:
		return coversEmail(base.value, g.value)
	case nameURI:
		return coversURI(base.value, g.value)
	case nameIP:
		return coversIP(base.value, g.value)
	}
	return ErrUnsupportedConstraintType
}

func inside(ok bool) Code {
	if ok {
		return OK
	}
	return ErrPermittedViolation
}
