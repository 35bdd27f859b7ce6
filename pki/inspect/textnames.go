package inspect

import (
	"bytes"
	"encoding/asn1"
	"fmt"
	"strings"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// nameStyle is where a general name is written: openssl has two manners.
type nameStyle int

const (
	altName    nameStyle = iota // i2v_GENERAL_NAME: DirName:/CN=x
	constraint                  // GENERAL_NAME_print: DirName:CN = x
)

func altNameText(r *verify.Reader) []string { return one(generalNames(r.List(), altName)) }

func generalNames(r *verify.Reader, style nameStyle) []string {
	var out []string
	for r.More() {
		out = append(out, generalName(r, style))
	}
	return out
}

// generalName takes one GeneralName (RFC 5280 section 4.2.1.6).
func generalName(r *verify.Reader, style nameStyle) string {
	n := r.GeneralName()
	text, ok := nameWords(n, style)
	r.Require(ok)
	return text
}

// nameWords are a name in openssl's words; false where it has none.
func nameWords(n verify.GeneralName, style nameStyle) (string, bool) {
	switch n.Kind {
	case verify.EmailName, verify.DNSName, verify.URIName:
		label := map[int]string{verify.EmailName: "email:", verify.DNSName: "DNS:", verify.URIName: "URI:"}[n.Kind]
		if style == constraint {
			return label + rawText(n.Value), true
		}
		// A NUL may be there to look like the end: then all stays raw.
		return label + printable(string(n.Value)), bytes.IndexByte(n.Value, 0) < 0
	case verify.OtherName:
		return otherName(n, style)
	case verify.X400Name:
		return "X400Name:<unsupported>", true
	case verify.DirectoryName:
		if style == constraint {
			return "DirName:" + nameText(n.Directory), true
		}
		return "DirName:" + slashes(n.Directory), true
	case verify.EDIPartyName:
		return "EdiPartyName:<unsupported>", true
	case verify.IPName:
		return "IP Address:" + addressText(n.Value), true
	case verify.RegisteredID:
		return "Registered ID:" + openssl.ObjectName(n.Type), true
	}
	return "", false
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
	return fmt.Sprintf("<invalid length=%d>", len(b))
}

// otherForms are the forms of otherName that openssl knows by a label of its own, and the type of their values.
var otherForms = map[string]struct {
	label string
	tag   int
}{
	"1.3.6.1.4.1.311.20.2.3": {"UPN", asn1.TagUTF8String}, "1.3.6.1.5.5.7.8.9": {"SmtpUTF8Mailbox", asn1.TagUTF8String},
	"1.3.6.1.5.5.7.8.5": {"XmppAddr", asn1.TagUTF8String}, "1.3.6.1.5.5.7.8.8": {"NAIRealm", asn1.TagUTF8String},
	"1.3.6.1.5.5.7.8.7": {"SRVName", asn1.TagIA5String},
}

func otherName(n verify.GeneralName, style nameStyle) (string, bool) {
	form, known := otherForms[n.Type]
	tag, value := n.Other.Universal(), n.Other.Octets()
	fits := tag == form.tag
	if !known {
		form.label = openssl.ObjectName(n.Type)
		fits = tag == asn1.TagUTF8String || tag == asn1.TagIA5String
	}
	switch {
	case style == constraint && known && fits:
		return "othername:" + form.label + ":" + cText(value), true
	case style == constraint:
		return "othername:<unsupported>", true
	case known || fits:
		return "othername: " + form.label + "::" + printable(string(value)), fits && bytes.IndexByte(value, 0) < 0
	}
	return "othername: " + form.label + "::<unsupported>", true
}

// slashes is a name in the form of X509_NAME_oneline.
func slashes(n verify.Name) string {
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
	return out.String()
}

func nameConstraintsText(r *verify.Reader) []string {
	s := r.Sequence()
	var out []string
	for tag, label := range []string{"Permitted:", "Excluded:"} {
		if !s.AtContext(tag) {
			continue
		}
		trees := s.ImplicitList(tag)
		if trees.More() {
			out = append(out, label)
		}
		for trees.More() {
			tree := trees.Sequence()
			out = append(out, "  "+subtreeText(tree.GeneralName()))
			for bound := range 2 {
				if tree.AtContext(bound) {
					tree.Integer(tree.Any())
				}
			}
			tree.End()
		}
	}
	s.End()
	return out
}

func subtreeText(n verify.GeneralName) string {
	if n.Kind != verify.IPName {
		text, _ := nameWords(n, constraint)
		return text
	}
	b, half := n.Value, len(n.Value)
	for _, size := range []int{16, 4} {
		if len(b) >= size {
			half = size
			break
		}
	}
	return "IP:" + addressText(b[:half]) + "/" + addressText(b[half:])
}
