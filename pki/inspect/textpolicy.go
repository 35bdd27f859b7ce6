package inspect

import (
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// The qualifiers of a policy that RFC 5280 section 4.2.1.4 defines.
const qualifierCPS, qualifierNotice = "1.3.6.1.5.5.7.2.1", "1.3.6.1.5.5.7.2.2"

func policiesText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	var out []string
	for !body.Empty() {
		var info, qualifiers cryptobyte.String
		var has bool
		if !body.ReadASN1(&info, cbasn1.SEQUENCE) {
			return nil, false
		}
		oid, ok := readOID(&info, cbasn1.OBJECT_IDENTIFIER)
		if !ok || !info.ReadOptionalASN1(&qualifiers, &has, cbasn1.SEQUENCE) || !info.Empty() {
			return nil, false
		}
		out = append(out, "Policy: "+openssl.ObjectName(oid))
		for !qualifiers.Empty() {
			var q cryptobyte.String
			if !qualifiers.ReadASN1(&q, cbasn1.SEQUENCE) {
				return nil, false
			}
			lines, ok := qualifierText(q)
			if !ok {
				return nil, false
			}
			out = append(out, lines...)
		}
	}
	return out, true
}

func qualifierText(q cryptobyte.String) ([]string, bool) {
	oid, ok := readOID(&q, cbasn1.OBJECT_IDENTIFIER)
	if !ok {
		return nil, false
	}
	switch oid {
	case qualifierCPS:
		var uri cryptobyte.String
		ok := q.ReadASN1(&uri, cbasn1.IA5String)
		return []string{"  CPS: " + printable(string(uri))}, ok
	case qualifierNotice:
		lines, ok := noticeText(q)
		return append([]string{"  User Notice:"}, lines...), ok
	}
	return []string{"    Unknown Qualifier: " + openssl.ObjectName(oid)}, true
}

func noticeText(q cryptobyte.String) ([]string, bool) {
	var notice, ref, numbers, text cryptobyte.String
	var has bool
	var tag cbasn1.Tag
	if !q.ReadASN1(&notice, cbasn1.SEQUENCE) || !notice.ReadOptionalASN1(&ref, &has, cbasn1.SEQUENCE) {
		return nil, false
	}
	var out []string
	if has {
		if !ref.ReadAnyASN1(&text, &tag) || !ref.ReadASN1(&numbers, cbasn1.SEQUENCE) {
			return nil, false
		}
		out = append(out, "    Organization: "+printable(string(text)))
		var list []string
		for !numbers.Empty() {
			n := new(big.Int)
			if !numbers.ReadASN1Integer(n) {
				return nil, false
			}
			list = append(list, numberText(n))
		}
		label := "Number: "
		if len(list) > 1 {
			label = "Numbers: "
		}
		out = append(out, "    "+label+strings.Join(list, ", "))
	}
	if !notice.Empty() {
		if !notice.ReadAnyASN1(&text, &tag) || !notice.Empty() {
			return nil, false
		}
		out = append(out, "    Explicit Text: "+printable(string(text)))
	}
	return out, true
}

func policyMappingsText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	var out []string
	for !body.Empty() {
		var pair cryptobyte.String
		if !body.ReadASN1(&pair, cbasn1.SEQUENCE) {
			return nil, false
		}
		from, ok := readOID(&pair, cbasn1.OBJECT_IDENTIFIER)
		to, okTo := readOID(&pair, cbasn1.OBJECT_IDENTIFIER)
		if !ok || !okTo || !pair.Empty() {
			return nil, false
		}
		out = append(out, openssl.ObjectName(from)+":"+openssl.ObjectName(to))
	}
	return one(out), len(out) > 0
}

func policyConstraintsText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	var out []string
	for i, label := range []string{"Require Explicit Policy:", "Inhibit Policy Mapping:"} {
		var n int64
		tag := cbasn1.Tag(i).ContextSpecific()
		if !body.PeekASN1Tag(tag) {
			continue
		}
		if !body.ReadASN1Int64WithTag(&n, tag) {
			return nil, false
		}
		out = append(out, fmt.Sprintf("%s%d", label, n))
	}
	return one(out), len(out) > 0 && body.Empty()
}
