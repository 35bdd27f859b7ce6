package verify

import (
	"math/big"
	"strings"
)

// Content octets of the two qualifier types of RFC 5280 section 4.2.1.4.
const (
	qualifierCPS    = "\x2b\x06\x01\x05\x05\x07\x02\x01" // 1.3.6.1.5.5.7.2.1
	qualifierNotice = "\x2b\x06\x01\x05\x05\x07\x02\x02" // 1.3.6.1.5.5.7.2.2
)

// PolicyQualifier is a policyQualifierInfo of RFC 5280 section 4.2.1.4. Of a type other than the
// two that are known only ID is set.
type PolicyQualifier struct {
	ID     string      `json:"id"`               // dotted object identifier
	CPS    *string     `json:"cps,omitempty"`    // the URI of a certification practice statement
	Notice *UserNotice `json:"notice,omitempty"` // what relying parties are to be shown
}

// UserNotice is the content of a userNotice qualifier. Texts are the bytes as encoded.
type UserNotice struct {
	Reference *NoticeReference `json:"reference,omitempty"`
	Text      *string          `json:"text,omitempty"`
}

// NoticeReference points at numbered notices of an organization.
type NoticeReference struct {
	Organization string     `json:"organization"`
	Numbers      []*big.Int `json:"numbers"`
}

// policyQualifier takes a PolicyQualifierInfo.
func (r *reader) policyQualifier() (q PolicyQualifier, ok bool) {
	info, ok := r.sequence()
	if !ok {
		return q, false
	}
	id, ok := info.oid()
	if !ok {
		return q, false
	}
	q.ID = dottedOID(id)
	switch id {
	case qualifierCPS:
		e, ok := info.next(classUniversal, tagIA5String)
		if !ok {
			return q, false
		}
		uri, ok := stringContents(&e)
		q.CPS = new(string(uri))
		return q, ok && len(info) == 0
	case qualifierNotice:
		q.Notice, ok = info.userNotice()
		return q, ok && len(info) == 0
	}
	e, ok := info.any()
	return q, ok && len(info) == 0 && validAny(&e)
}

// userNotice takes a UserNotice.
func (r *reader) userNotice() (*UserNotice, bool) {
	body, ok := r.sequence()
	if !ok {
		return nil, false
	}
	notice := new(UserNotice)
	if body.peek(classUniversal, tagSequence) {
		if notice.Reference, ok = body.noticeReference(); !ok {
			return nil, false
		}
	}
	if len(body) > 0 {
		text, ok := body.displayText()
		if !ok {
			return nil, false
		}
		notice.Text = &text
	}
	return notice, len(body) == 0
}

func (r *reader) noticeReference() (*NoticeReference, bool) {
	body, ok := r.sequence()
	if !ok {
		return nil, false
	}
	ref := new(NoticeReference)
	if ref.Organization, ok = body.displayText(); !ok {
		return nil, false
	}
	numbers, ok := body.sequenceOf()
	if !ok || len(body) != 0 {
		return nil, false
	}
	for len(numbers) > 0 {
		e, ok := numbers.next(classUniversal, tagInteger)
		if !ok || !integerContents(&e) {
			return nil, false
		}
		ref.Numbers = append(ref.Numbers, bigInt(e.body))
	}
	return ref, true
}

// displayText takes a DisplayText, a choice of four string types.
func (r *reader) displayText() (string, bool) {
	e, ok := r.any()
	if !ok || e.class != classUniversal || !validString(&e) {
		return "", false
	}
	switch e.tag {
	case tagIA5String, tagVisibleString, tagBMPString, tagUTF8String:
		text, ok := stringContents(&e)
		return string(text), ok
	}
	return "", false
}

// dottedOID renders the content octets of a valid object identifier. Arcs may be of any size.
func dottedOID(content string) string {
	var out strings.Builder
	for start, i := 0, 0; i < len(content); i++ {
		if content[i]&0x80 != 0 {
			continue
		}
		arc := base128(content[start : i+1])
		if start == 0 {
			// The first two arcs share one number (X.690 section 8.19.4).
			root := int64(2)
			if arc.Cmp(big.NewInt(80)) < 0 {
				root = arc.Int64() / 40
			}
			out.WriteString(big.NewInt(root).String())
			arc.Sub(arc, big.NewInt(40*root))
		}
		out.WriteString("." + arc.String())
		start = i + 1
	}
	return out.String()
}

// oidOctets is the reverse of dottedOID; false if dotted is no object identifier.
func oidOctets(dotted string) (string, bool) {
	arcs := strings.Split(dotted, ".")
	if len(arcs) < 2 {
		return "", false
	}
	numbers := make([]*big.Int, len(arcs))
	for i, a := range arcs {
		n, ok := new(big.Int).SetString(a, 10)
		if !ok || n.Sign() < 0 || a[0] == '+' {
			return "", false
		}
		numbers[i] = n
	}
	first, second := numbers[0], numbers[1]
	if first.Cmp(big.NewInt(2)) > 0 || first.Int64() < 2 && second.Cmp(big.NewInt(39)) > 0 {
		return "", false
	}
	second.Add(second, big.NewInt(40*first.Int64()))
	var out []byte
	for _, n := range numbers[1:] {
		for shift := max(n.BitLen()-1, 0) / 7 * 7; shift >= 0; shift -= 7 {
			rest := new(big.Int).Rsh(n, uint(shift))
			septet := byte(rest.And(rest, big.NewInt(0x7f)).Uint64())
			if shift > 0 {
				septet |= 0x80
			}
			out = append(out, septet)
		}
	}
	return string(out), true
}

// base128 is the number whose septets, high ones first, are the low bits of s. It packs them into
// octets first, so that the time stays linear in a hostile number's length.
func base128(s string) *big.Int {
	octets := make([]byte, len(s))
	at, bits, acc := len(octets), 0, uint(0)
	for i := len(s) - 1; i >= 0; i-- {
		acc |= uint(s[i]&0x7f) << bits
		for bits += 7; bits >= 8; bits -= 8 {
			at--
			octets[at] = byte(acc)
			acc >>= 8
		}
	}
	if bits > 0 {
		at--
		octets[at] = byte(acc)
	}
	return new(big.Int).SetBytes(octets[at:])
}
