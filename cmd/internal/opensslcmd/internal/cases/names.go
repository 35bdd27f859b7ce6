package cases

import (
	"slices"
	"strings"
	"unicode/utf16"
)

// String types of names by tag.
const (
	tagUTF8      = 0x0c
	tagNumeric   = 0x12
	tagPrintable = 0x13
	tagT61       = 0x14
	tagIA5       = 0x16
	tagVisible   = 0x1a
	tagGeneral   = 0x1b
	tagUniversal = 0x1c
	tagBMP       = 0x1e
)

// attr is one attribute; value holds the content octets as they are to be encoded.
type attr struct {
	oid   string
	tag   byte
	value []byte
}

// name is a list of RDNs, each a list of attributes.
type name [][]attr

func (n name) der() []byte {
	var rdns [][]byte
	for _, rdn := range n {
		var attrs [][]byte
		for _, a := range rdn {
			attrs = append(attrs, seq(oid(a.oid), tlv(a.tag, a.value)))
		}
		rdns = append(rdns, set(attrs...))
	}
	return seq(rdns...)
}

// cn is the name with that common name alone.
func cn(s string) name { return name{{text(oidCN, tagUTF8, s)}} }

// text is an attribute with s in the encoding that the tag asks for.
func text(id string, tag byte, s string) attr { return attr{id, tag, encode(tag, s)} }

func encode(tag byte, s string) []byte {
	var out []byte
	switch tag {
	case tagBMP:
		for _, u := range utf16.Encode([]rune(s)) {
			out = append(out, byte(u>>8), byte(u))
		}
	case tagUniversal:
		for _, r := range s {
			out = append(out, byte(r>>24), byte(r>>16), byte(r>>8), byte(r))
		}
	case tagT61:
		for _, r := range s {
			out = append(out, byte(r))
		}
	default:
		return []byte(s)
	}
	return out
}

// clone copies deeply, so that a variant can be changed alone.
func (n name) clone() name {
	out := make(name, len(n))
	for i, rdn := range n {
		out[i] = append([]attr{}, rdn...)
	}
	return out
}

// variant is n written differently: mostly equal in openssl's canonical form, sometimes just not.
func (n name) variant(r *rng) name {
	out := n.clone()
	if slices.ContainsFunc(out, func(rdn []attr) bool { return len(rdn) == 0 }) || len(out) == 0 {
		return cn("x")
	}
	a := &out[r.IntN(len(out))][0]
	s := string(a.value)
	switch r.IntN(12) {
	case 0:
		a.tag = pick[byte](r, tagUTF8, tagPrintable, tagIA5, tagVisible, tagT61)
	case 1:
		a.tag = pick[byte](r, tagBMP, tagUniversal)
		a.value = encode(a.tag, s)
	case 2:
		a.value = []byte(strings.ToUpper(s))
	case 3:
		a.value = []byte("  " + s + " \t")
	case 4:
		a.value = []byte(strings.ReplaceAll(s, " ", " \t  "))
	case 5:
		a.value = []byte(strings.ReplaceAll(s, " ", ""))
	case 6:
		a.tag = pick[byte](r, tagNumeric, tagGeneral)
	case 7:
		a.value = []byte(s + pick(r, "\x00", ".", "\u00a0", "\u2028", "\v", "\f", "\r\n"))
	case 8:
		out = append(out, []attr{text(oidO, tagUTF8, "more")})
	case 9:
		if len(out) > 1 {
			out[0], out[1] = out[1], out[0]
		}
	case 10:
		if len(out) > 1 {
			out = append(name{append(append([]attr{}, out[0]...), out[1]...)}, out[2:]...)
		}
	case 11:
		a.value = []byte(strings.ToTitle(s))
	}
	return out
}

// oddName is a subject with something for the printer, the canonical form or the parser to trip over.
func oddName(r *rng, base string) name {
	one := text(oidCN, tagUTF8, base)
	switch r.IntN(26) {
	case 0:
		return name{}
	case 1:
		return name{{text(oidC, tagPrintable, "DE")}, {text(oidO, tagUTF8, "Größe AG")}, {one}}
	case 2:
		return name{{one, text(oidOU, tagUTF8, "b")}, {text(oidO, tagUTF8, "x")}}
	case 3:
		return name{{text(oidDC, tagIA5, "com")}, {text(oidDC, tagIA5, "example")}, {text(oidUID, tagUTF8, "u1")}, {one}}
	case 4:
		return name{{one}, {text(oidEmailAddress, tagIA5, "a@example.com")}}
	case 5:
		return name{{text(oidCN, tagT61, base+" caf\u00e9")}}
	case 6:
		return name{{text(oidCN, tagBMP, base+" \u20ac")}}
	case 7:
		return name{{text(oidCN, tagUniversal, base+" \U0001f600")}}
	case 8:
		return name{{text(oidCN, tagUTF8, base+` "a,b+c\d<e>f;#g`)}}
	case 9:
		return name{{text(oidCN, tagUTF8, pick(r, "#", " ", "#a", " "+base, base+" ", "a\x00b", "a\nb\x7f", "\x1b[31m"))}}
	case 10:
		return name{{text(oidUnknownAttr, tagUTF8, base), text(oidCN, tagPrintable, "y")}}
	case 11:
		return name{{text(oidCN, tagUTF8, "")}}
	case 12:
		return name{{one}, {}}
	case 13:
		return name{{text(oidSerialNumber, tagPrintable, "42")}, {text(oidSN, tagUTF8, "sn")}, {text("2.5.4.42", tagUTF8, "gn")}, {one}}
	case 14:
		return name{{text(oidCN, tagNumeric, "123")}, {one}}
	case 15:
		return name{{attr{oidCN, tagUTF8, []byte(base + "\xff")}}}
	case 16:
		return name{{attr{oidCN, tagBMP, []byte("abc")}}}
	case 17:
		return name{{attr{oidCN, pick[byte](r, 0x02, 0x04, 0x30, 0x01, 0x05, 0x17, 0x18, 0x0a, 0x19, 0x15), []byte{1}}}}
	case 18:
		return name{{text(oidCN, tagPrintable, base+"_@*")}}
	case 19:
		return name{{one}, {text(oidCN, tagUTF8, "second")}, {text(oidOU, tagUTF8, "\u0130 \u00df")}}
	case 20:
		return name{{text(oidCN, tagUTF8, strings.Repeat("long ", 60)+base)}}
	case 21:
		return name{{text(oidO, tagUTF8, "system:masters")}, {text(oidCN, tagUTF8, "kube-apiserver")}}
	case 22:
		return name{{attr{oidCN, tagBMP, []byte{0xd8, 0x3d, 0xde, 0x00}}}}
	case 23:
		return name{{text("2.5.4.97", tagUTF8, "VAT")}, {text("1.3.6.1.4.1.311.60.2.1.3", tagPrintable, "US")},
			{text("2.5.4.9", tagUTF8, "Street 1")}, {text("2.5.4.17", tagUTF8, "12345")}, {one}}
	case 24:
		return name{{one}, {text(oidL, tagVisible, "a  b")}, {text("2.5.4.8", tagIA5, "\x80\xfe")}}
	}
	return name{{one}, {text("2.5.4.12", tagUTF8, "title")}, {text("2.5.4.13", tagUTF8, "description")}}
}
