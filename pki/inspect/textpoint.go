package inspect

import (
	"strings"

	"github.com/pkitool/pkitool/pki/verify"
)

var reasonFlags = []string{"Unused", "Key Compromise", "CA Compromise", "Affiliation Changed", "Superseded",
	"Cessation Of Operation", "Certificate Hold", "Privilege Withdrawn", "AA Compromise"}

// distPoints writes as i2r_crldp does.
func (b *block) distPoints(r *verify.Reader) {
	list := r.List()
	for first := true; list.More(); first = false {
		if !first {
			b.WriteByte('\n')
		}
		point := list.Sequence()
		b.pointName(point)
		b.reasons(point, 1, "Reasons")
		if point.AtContext(2) {
			b.printf(0, "CRL Issuer:\n")
			b.names(point.ImplicitList(2))
		}
		point.End()
	}
}

// pointName writes a DistributionPointName, if the next element is one. Behind full names the line is left open.
func (b *block) pointName(r *verify.Reader) {
	if !r.AtContext(0) {
		return
	}
	name := r.Explicit(0)
	if name.AtContext(0) {
		b.printf(0, "Full Name:\n")
		b.names(name.ImplicitList(0))
	} else {
		name.Require(name.AtContext(1))
		b.printf(0, "Relative Name:\n")
		b.printf(2, "%s\n", nameText(name.RDN(name.Any())))
	}
	name.End()
}

func (b *block) names(r *verify.Reader) {
	for i, n := range generalNames(r, constraint) {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.printf(2, "%s", n)
	}
}

// reasons writes ReasonFlags, if the next element are some.
func (b *block) reasons(r *verify.Reader, tag int, label string) {
	if !r.AtContext(tag) {
		return
	}
	b.printf(0, "%s:\n", label)
	set := one(bitNames(r.Bits(r.Any()), reasonFlags))
	b.printf(2, "%s\n", strings.TrimSuffix(set[0], "\n"))
}

// issuingPoint writes as i2r_idp does.
func (b *block) issuingPoint(r *verify.Reader) {
	s := r.Sequence()
	b.pointName(s)
	flag := func(tag int) bool { return s.AtContext(tag) && s.Bool(s.Any()) }
	lines := []struct {
		set  bool
		text string
	}{{flag(1), "Only User Certificates"}, {flag(2), "Only CA Certificates"}, {false, "Indirect CRL"}}
	some := block{indent: b.indent}
	some.reasons(s, 3, "Only Some Reasons")
	lines[2].set = flag(4)
	attributes := flag(5)
	s.End()
	for _, l := range lines {
		if l.set {
			b.printf(0, "%s\n", l.text)
		}
	}
	b.WriteString(some.String())
	if attributes {
		b.printf(0, "Only Attribute Certificates\n")
	}
	if b.Len() == 0 {
		b.printf(0, "%s", noValue)
	}
}
