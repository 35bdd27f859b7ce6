package verify

// The kinds of GeneralName are their context-specific tags (RFC 5280 section
// 4.2.1.6).
const (
	nameOther     = 0
	nameEmail     = 1
	nameDNS       = 2
	nameX400      = 3
	nameDirectory = 4
	nameEDIParty  = 5
	nameURI       = 6
	nameIP        = 7
	nameRID       = 8
)

// generalName is one GeneralName. There may be very many, hence the pointer.
type generalName struct {
	kind  int8
	value []byte // e-mail, DNS, URI: the characters; IP: the octets; RID: the OID's contents; X.400: the raw element; EDI: the contents in DER
	*nameParts
}

// nameParts is what only directoryName and otherName have.
type nameParts struct {
	directory Name
	otherType string
	other     element // the value of that type
}

// generalName takes a GeneralName.
func (r *reader) generalName() (g generalName, ok bool) {
	e, ok := r.any()
	if !ok || e.class != classContext {
		return g, false
	}
	g.kind = int8(min(e.tag, nameRID+1))
	switch e.tag {
	case nameEmail, nameDNS, nameURI, nameIP:
		g.value, ok = stringContents(&e)
	case nameDirectory:
		inner := reader(e.body)
		if !e.constructed {
			return g, false
		}
		g.nameParts = new(nameParts)
		if g.directory, ok = parseName(&inner); ok {
			ok = len(inner) == 0
		}
	case nameOther:
		ok = e.constructed && g.parseOther(reader(e.body))
	case nameX400:
		g.value, ok = e.raw, e.constructed
	case nameEDIParty:
		if !e.constructed {
			return g, false
		}
		g.value, ok = ediParty(reader(e.body))
	case nameRID:
		g.value, ok = e.body, oidContents(&e)
	default:
		return g, false
	}
	return g, ok
}

// parseOther reads SEQUENCE { OBJECT IDENTIFIER, [0] EXPLICIT ANY }.
func (g *generalName) parseOther(r reader) bool {
	g.nameParts = new(nameParts)
	var ok bool
	if g.otherType, ok = r.oid(); !ok {
		return false
	}
	inner, ok := r.explicit(0)
	if !ok || len(r) != 0 {
		return false
	}
	g.other, ok = inner.any()
	return ok && len(inner) == 0 && validAny(&g.other)
}

// ediParty reads SEQUENCE { [0] DirectoryString OPTIONAL, [1] DirectoryString }
// and returns its contents in DER.
func ediParty(r reader) (der []byte, ok bool) {
	for tag := range 2 {
		if tag == 0 && !r.peek(classContext, 0) {
			continue
		}
		inner, ok := r.explicit(tag)
		if !ok {
			return nil, false
		}
		e, ok := inner.any()
		if !ok || len(inner) != 0 || e.class != classUniversal || !validString(&e) {
			return nil, false
		}
		switch e.tag {
		case tagUTF8String, tagPrintableString, tagT61String, tagBMPString, tagUniversalString:
		default:
			return nil, false
		}
		der = appendElement(der, byte(0xa0+tag), e.normal())
	}
	return der, len(r) == 0
}

// generalNames reads the contents of a GeneralNames. Other than the type says,
// none is fine.
func generalNames(r reader) ([]generalName, bool) {
	n := 0
	for rest := r; len(rest) > 0; n++ { // one allocation instead of many
		if _, ok := rest.any(); !ok {
			return nil, false
		}
	}
	out := make([]generalName, 0, n)
	for len(r) > 0 {
		g, ok := r.generalName()
		if !ok {
			return nil, false
		}
		out = append(out, g)
	}
	return out, true
}

// generalNamesExtension reads GeneralNames as an extension has them; trailing
// octets are ignored.
func generalNamesExtension(value []byte) ([]generalName, bool) {
	r := reader(value)
	list, ok := r.sequenceOf()
	if !ok {
		return nil, false
	}
	return generalNames(list)
}
