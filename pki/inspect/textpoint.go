package inspect

import (
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

var reasonFlags = []string{"Unused", "Key Compromise", "CA Compromise", "Affiliation Changed", "Superseded",
	"Cessation Of Operation", "Certificate Hold", "Privilege Withdrawn", "AA Compromise"}

// distPoints writes as i2r_crldp does.
func (b *block) distPoints(v cryptobyte.String) bool {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return false
	}
	for first := true; !body.Empty(); first = false {
		if !first {
			b.WriteByte('\n')
		}
		var point, issuer cryptobyte.String
		var hasIssuer bool
		if !body.ReadASN1(&point, cbasn1.SEQUENCE) || !b.pointName(&point) || !b.reasons(&point, 1, "Reasons") ||
			!point.ReadOptionalASN1(&issuer, &hasIssuer, cbasn1.Tag(2).ContextSpecific().Constructed()) || !point.Empty() {
			return false
		}
		if hasIssuer {
			b.printf(0, "CRL Issuer:\n")
			if !b.names(issuer) {
				return false
			}
		}
	}
	return true
}

// pointName writes a DistributionPointName, if the next element is one. Behind full names the line is left open.
func (b *block) pointName(s *cryptobyte.String) bool {
	var name, full, relative cryptobyte.String
	var has, hasFull bool
	if !s.ReadOptionalASN1(&name, &has, cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return false
	}
	if !has {
		return true
	}
	if !name.ReadOptionalASN1(&full, &hasFull, cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return false
	}
	if hasFull {
		b.printf(0, "Full Name:\n")
		return name.Empty() && b.names(full)
	}
	if !name.ReadASN1(&relative, cbasn1.Tag(1).ContextSpecific().Constructed()) || !name.Empty() {
		return false
	}
	var rdn cryptobyte.Builder // a name of this one part
	rdn.AddASN1(cbasn1.SEQUENCE, func(c *cryptobyte.Builder) {
		c.AddASN1(cbasn1.SET, func(c *cryptobyte.Builder) { c.AddBytes(relative) })
	})
	der, err := rdn.Bytes()
	n, ok := verify.ParseName(der)
	if err != nil || !ok {
		return false
	}
	b.printf(0, "Relative Name:\n")
	b.printf(2, "%s\n", printable(openssl.OneLine.Name(n)))
	return true
}

func (b *block) names(body cryptobyte.String) bool {
	names, ok := generalNames(body, constraint)
	for i, n := range names {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.printf(2, "%s", n)
	}
	return ok
}

// reasons writes ReasonFlags, if the next element are some.
func (b *block) reasons(s *cryptobyte.String, number int, label string) bool {
	tag := cbasn1.Tag(number).ContextSpecific()
	if !s.PeekASN1Tag(tag) {
		return true
	}
	var element cryptobyte.String
	if !s.ReadAnyASN1Element(&element, &tag) {
		return false
	}
	set, ok := bitNames(&element, tag, reasonFlags)
	if !ok {
		return false
	}
	b.printf(0, "%s:\n", label)
	b.printf(2, "%s\n", strings.TrimSuffix(set[0], "\n"))
	return true
}

// issuingPoint is of a CRL (RFC 5280 section 5.2.5), written as i2r_idp does.
func (b *block) issuingPoint(v cryptobyte.String) bool {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() || !b.pointName(&body) {
		return false
	}
	flag := func(number int) (set, ok bool) {
		var octet cryptobyte.String
		var has bool
		ok = body.ReadOptionalASN1(&octet, &has, cbasn1.Tag(number).ContextSpecific()) && (!has || len(octet) == 1)
		return ok && has && octet[0] != 0, ok
	}
	user, ok1 := flag(1)
	ca, ok2 := flag(2)
	var some block
	some.indent = b.indent
	okSome := some.reasons(&body, 3, "Only Some Reasons")
	indirect, ok4 := flag(4)
	attributes, ok5 := flag(5)
	if !ok1 || !ok2 || !okSome || !ok4 || !ok5 || !body.Empty() {
		return false
	}
	for _, l := range []struct {
		set  bool
		text string
	}{{user, "Only User Certificates"}, {ca, "Only CA Certificates"}, {indirect, "Indirect CRL"}} {
		if l.set {
			b.printf(0, "%s\n", l.text)
		}
	}
	b.WriteString(some.String())
	if attributes {
		b.printf(0, "Only Attribute Certificates\n")
	}
	if b.Len() == 0 {
		b.printf(0, "<EMPTY>\n")
	}
	return true
}
