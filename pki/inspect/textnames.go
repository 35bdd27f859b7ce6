package inspect

import (
	"bytes"
	"encoding/asn1"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// nameStyle is where a general name is written: openssl has two manners for a directory name.
type nameStyle int

const (
	altName    nameStyle = iota // i2v_GENERAL_NAME: DirName:/CN=x
	constraint                  // GENERAL_NAME_print: DirName:CN = x
)

func altNameText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	names, ok := generalNames(body, altName)
	return one(names), ok
}

func generalNames(body cryptobyte.String, style nameStyle) ([]string, bool) {
	var out []string
	for !body.Empty() {
		text, ok := generalName(&body, style)
		if !ok {
			return nil, false
		}
		out = append(out, text)
	}
	return out, true
}

// generalName takes one GeneralName (RFC 5280 section 4.2.1.6).
func generalName(s *cryptobyte.String, style nameStyle) (string, bool) {
	var body cryptobyte.String
	var tag cbasn1.Tag
	if !s.ReadAnyASN1(&body, &tag) {
		return "", false
	}
	const classBits = 0xc0
	if tag&classBits != 0x80 {
		return "", false
	}
	kind := tag & 0x1f
	if (kind == 1 || kind == 2 || kind == 6) && bytes.IndexByte(body, 0) >= 0 {
		return "", false // a NUL may be there to look like the end: then all stays raw
	}
	switch kind {
	case 0:
		return otherName(body)
	case 1:
		return "email:" + printable(string(body)), true
	case 2:
		return "DNS:" + printable(string(body)), true
	case 3:
		return "X400Name:<unsupported>", true
	case 4:
		return directoryName(body, style)
	case 5:
		return "EdiPartyName:<unsupported>", true
	case 6:
		return "URI:" + printable(string(body)), true
	case 7:
		return "IP Address:" + addressText(body), true
	case 8:
		oid, ok := oidContents(body)
		return "Registered ID:" + openssl.ObjectName(oid), ok
	}
	return "", false
}

func oidContents(body []byte) (string, bool) {
	if len(body) > 127 {
		return "", false
	}
	s := cryptobyte.String(append([]byte{asn1.TagOID, byte(len(body))}, body...))
	return readOID(&s, cbasn1.OBJECT_IDENTIFIER)
}

func addressText(b []byte) string {
	switch len(b) {
	case 4:
		return fmt.Sprintf("%d.%d.%d.%d", b[0], b[1], b[2], b[3])
	case 16:
		var groups []string
		for i := 0; i < 16; i += 2 {
			groups = append(groups, fmt.Sprintf("%X", int(b[i])<<8|int(b[i+1])))
		}
		return strings.Join(groups, ":")
	}
	return "<invalid>"
}

// otherLabels are the forms of otherName that openssl knows by a label of its own.
var otherLabels = map[string]string{
	"1.3.6.1.4.1.311.20.2.3": "UPN", "1.3.6.1.5.5.7.8.9": "SmtpUTF8Mailbox", "1.3.6.1.5.5.7.8.5": "XmppAddr",
	"1.3.6.1.5.5.7.8.7": "SRVName", "1.3.6.1.5.5.7.8.8": "NAIRealm",
}

func otherName(body cryptobyte.String) (string, bool) {
	oid, ok := readOID(&body, cbasn1.OBJECT_IDENTIFIER)
	var wrapped, value cryptobyte.String
	var tag cbasn1.Tag
	if !ok || !body.ReadASN1(&wrapped, cbasn1.Tag(0).ContextSpecific().Constructed()) || !wrapped.ReadAnyASN1(&value, &tag) {
		return "", false
	}
	label, known := otherLabels[oid]
	if !known {
		label = openssl.ObjectName(oid)
	}
	text := "<unsupported>"
	if tag == cbasn1.UTF8String || tag == cbasn1.IA5String {
		text = printable(string(value))
	}
	return "othername: " + label + "::" + text, true
}

func directoryName(der []byte, style nameStyle) (string, bool) {
	n, ok := verify.ParseName(der)
	if !ok {
		return "", false
	}
	if style == constraint {
		return "DirName:" + printable(openssl.OneLine.Name(n)), true
	}
	// X509_NAME_oneline's form, with slashes.
	var out strings.Builder
	rdn := -1
	for _, a := range n.Attributes() {
		separator := "/"
		if a.RDN == rdn {
			separator = "+"
		}
		rdn = a.RDN
		out.WriteString(separator + openssl.ObjectShortName(a.Type) + "=")
		for _, c := range a.Value {
			switch {
			case c < ' ' || c > '~':
				fmt.Fprintf(&out, `\x%02X`, c)
			case c == '/' || c == '+':
				out.WriteByte('\\')
				out.WriteByte(c)
			default:
				out.WriteByte(c)
			}
		}
	}
	return "DirName:" + out.String(), true
}

func nameConstraintsText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	var out []string
	for i, label := range []string{"Permitted:", "Excluded:"} {
		var trees cryptobyte.String
		var has bool
		if !body.ReadOptionalASN1(&trees, &has, cbasn1.Tag(i).ContextSpecific().Constructed()) {
			return nil, false
		}
		if !trees.Empty() {
			out = append(out, label)
		}
		for !trees.Empty() {
			var tree cryptobyte.String
			if !trees.ReadASN1(&tree, cbasn1.SEQUENCE) {
				return nil, false
			}
			text, ok := subtreeText(tree)
			if !ok {
				return nil, false
			}
			out = append(out, "  "+text)
		}
	}
	return out, body.Empty()
}

func subtreeText(tree cryptobyte.String) (string, bool) {
	ip := cbasn1.Tag(7).ContextSpecific()
	if !tree.PeekASN1Tag(ip) {
		return generalName(&tree, constraint)
	}
	var b cryptobyte.String
	if !tree.ReadASN1(&b, ip) {
		return "", false
	}
	if len(b) != 8 && len(b) != 32 {
		return "IP Address:<invalid>", true
	}
	return "IP:" + addressText(b[:len(b)/2]) + "/" + addressText(b[len(b)/2:]), true
}
