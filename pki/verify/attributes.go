package verify

// Attribute is one AttributeTypeAndValue of a name, for printing.
type Attribute struct {
	RDN   int    // which relative distinguished name it belongs to, from 0
	Type  string // dotted
	Tag   int    // universal tag number of the value
	Value []byte // contents octets; of a SEQUENCE the whole element, of a BIT STRING the bits alone
	DER   []byte // the value's whole element, in DER
}

// Attributes returns the attributes in encoded order.
func (n Name) Attributes() []Attribute {
	var out []Attribute
	n.attributes(func(a attribute) bool {
		out = append(out, Attribute{
			RDN: a.rdn, Type: dottedOID(a.oid), Tag: a.value.tag, Value: a.value.octets(), DER: a.value.normal(),
		})
		return true
	})
	return out
}

// Key is equal for two names if, and only if, Equal says that they are: it can stand for a name in a map. It is no
// text.
func (n Name) Key() string { return n.canon }
