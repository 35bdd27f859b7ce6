package inspect

import (
	"encoding/asn1"
	"strings"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// The qualifiers of a policy that RFC 5280 section 4.2.1.4 defines.
const qualifierCPS, qualifierNotice = "1.3.6.1.5.5.7.2.1", "1.3.6.1.5.5.7.2.2"

func policiesText(r *verify.Reader) []string {
	var out []string
	for list := r.List(); list.More(); {
		info := list.Sequence()
		out = append(out, "Policy: "+openssl.ObjectName(info.OID()))
		if info.More() {
			qualifiers := info.List()
			if !qualifiers.More() {
				out[len(out)-1] += "\n"
			}
			for qualifiers.More() {
				out = append(out, qualifierText(qualifiers.Sequence())...)
			}
		}
		info.End()
	}
	return out
}

func qualifierText(q *verify.Reader) []string {
	oid := q.OID()
	var out []string
	switch oid {
	case qualifierCPS:
		out = []string{"  CPS: " + cText(q.String(q.Universal(asn1.TagIA5String)))}
	case qualifierNotice:
		out = noticeText(q.Sequence())
	default:
		q.Any()
		out = []string{"    Unknown Qualifier: " + openssl.ObjectName(oid)}
	}
	q.End()
	return out
}

// displayText takes a DisplayText.
func displayText(r *verify.Reader) string {
	e := r.Any()
	switch e.Universal() {
	case asn1.TagUTF8String, asn1.TagIA5String, asn1.TagBMPString, tagVisibleString:
	default:
		r.Require(false)
	}
	return cText(r.String(e))
}

const tagVisibleString = 26

func noticeText(notice *verify.Reader) []string {
	out := []string{"  User Notice:"}
	if notice.AtUniversal(asn1.TagSequence) {
		ref := notice.Sequence()
		out = append(out, "    Organization: "+displayText(ref))
		var list []string
		for numbers := ref.List(); numbers.More(); {
			list = append(list, numberText(numbers.Int()))
		}
		ref.End()
		label := "Number: "
		if len(list) > 1 {
			label = "Numbers: "
		}
		out = append(out, "    "+label+strings.Join(list, ", "))
	}
	if notice.More() {
		out = append(out, "    Explicit Text: "+displayText(notice))
	}
	notice.End()
	if len(out) == 1 {
		out[0] += "\n"
	}
	return out
}

func policyMappingsText(r *verify.Reader) []string {
	var out []string
	for list := r.List(); list.More(); {
		pair := list.Sequence()
		from := openssl.ObjectName(pair.OID())
		out = append(out, from+":"+openssl.ObjectName(pair.OID()))
		pair.End()
	}
	r.Require(len(out) > 0)
	return one(out)
}

func policyConstraintsText(r *verify.Reader) []string {
	s := r.Sequence()
	var out []string
	for tag, label := range []string{"Require Explicit Policy:", "Inhibit Policy Mapping:"} {
		if s.AtContext(tag) {
			out = append(out, label+numberText(s.Integer(s.Any())))
		}
	}
	s.End()
	s.Require(len(out) > 0)
	return one(out)
}
