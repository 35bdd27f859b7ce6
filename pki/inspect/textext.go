package inspect

import (
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// extensionTexts are the extensions whose contents openssl spells out, as far as certificates of a cluster, of
// kubeadm and of the usual signers have them. Each takes lines without indent out of the value; where it makes the
// reader fail, the octets are written.
var extensionTexts = map[string]func(*verify.Reader) []string{
	"2.5.29.14":               keyIDText,
	"2.5.29.15":               func(r *verify.Reader) []string { return bitText(r, keyUsageNames) },
	"2.5.29.16":               keyPeriodText,
	"2.5.29.17":               altNameText,
	"2.5.29.18":               altNameText,
	"2.5.29.19":               basicConstraintsText,
	"2.5.29.20":               integerText,
	"2.5.29.21":               reasonText,
	"2.5.29.23":               func(r *verify.Reader) []string { return []string{openssl.ObjectName(r.OID())} },
	"2.5.29.27":               integerText,
	"2.5.29.29":               altNameText,
	"2.5.29.30":               nameConstraintsText,
	"2.5.29.32":               policiesText,
	"2.5.29.33":               policyMappingsText,
	"2.5.29.35":               authorityKeyText,
	"2.5.29.36":               policyConstraintsText,
	"2.5.29.37":               extKeyUsageText,
	"2.5.29.54":               integerText,
	"1.3.6.1.5.5.7.1.1":       accessText,
	"1.3.6.1.5.5.7.1.11":      accessText,
	"1.3.6.1.5.5.7.1.24":      featureText,
	"1.3.6.1.4.1.11129.2.4.3": nullText,

	// Netscape's: openssl's own example configuration still writes the comment.
	"2.16.840.1.113730.1.1":  func(r *verify.Reader) []string { return bitText(r, netscapeTypes) },
	"2.16.840.1.113730.1.2":  commentText,
	"2.16.840.1.113730.1.3":  commentText,
	"2.16.840.1.113730.1.4":  commentText,
	"2.16.840.1.113730.1.7":  commentText,
	"2.16.840.1.113730.1.8":  commentText,
	"2.16.840.1.113730.1.12": commentText,
	"2.16.840.1.113730.1.13": commentText,
}

// extensionBlocks are those that openssl does not write line by line: what is behind a name may be on its line, and a
// blank line may follow.
var extensionBlocks = map[string]func(*block, *verify.Reader){
	"2.5.29.24":               (*block).invalidity,
	"2.5.29.28":               (*block).issuingPoint,
	"2.5.29.31":               (*block).distPoints,
	"2.5.29.46":               (*block).distPoints,
	"1.3.6.1.4.1.11129.2.4.2": (*block).timestamps,
	"1.3.6.1.5.5.7.48.1.5":    func(_ *block, r *verify.Reader) { r.Null() }, // OCSP No Check says nothing
}

// block is the text of one extension, from its first line's indent to before the end of its last line.
type block struct {
	strings.Builder
	indent int
}

func (b *block) printf(more int, format string, args ...any) {
	b.WriteString(strings.Repeat(" ", b.indent+more))
	fmt.Fprintf(b, format, args...)
}

func (w *writer) extensions(list []verify.Extension, indent int) {
	for _, x := range list {
		critical := ""
		if x.Critical {
			critical = "critical"
		}
		w.line(indent, "%s: %s", openssl.ObjectName(x.OID), critical)
		w.extension(x, indent+4)
	}
}

func (w *writer) extension(x verify.Extension, indent int) {
	r := verify.NewReader(x.Value)
	if render := extensionBlocks[x.OID]; render != nil {
		b := block{indent: indent}
		if render(&b, r); r.OK() {
			w.WriteString(b.String() + "\n")
			return
		}
	} else if render := extensionTexts[x.OID]; render != nil {
		if lines := render(r); r.OK() {
			for _, l := range lines {
				w.line(indent, "%s", l)
			}
			if len(lines) == 0 {
				w.line(0, "")
			}
			return
		}
	}
	w.line(indent, "%s", rawText(x.Value))
}

// rawText is ASN1_STRING_print's, which keeps line ends.
func rawText(b []byte) string {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = c
		if c > '~' || c < ' ' && c != '\n' && c != '\r' {
			out[i] = '.'
		}
	}
	return string(out)
}

// noValue is what openssl writes of an empty list.
const noValue = "<EMPTY>\n"

func one(parts []string) []string {
	if len(parts) == 0 {
		return []string{noValue}
	}
	return []string{strings.Join(parts, ", ")}
}

func keyIDText(r *verify.Reader) []string {
	return []string{colons(r.String(r.Universal(asn1.TagOctetString)), "%02X")}
}

var keyUsageNames = []string{"Digital Signature", "Non Repudiation", "Key Encipherment", "Data Encipherment",
	"Key Agreement", "Certificate Sign", "CRL Sign", "Encipher Only", "Decipher Only"}

var netscapeTypes = []string{"SSL Client", "SSL Server", "S/MIME", "Object Signing", "Unused", "SSL CA", "S/MIME CA", "Object Signing CA"}

// bitText fails for no bit at all: i2v_ASN1_BIT_STRING has no words for it either.
func bitText(r *verify.Reader, names []string) []string {
	set := bitNames(r.Bits(r.Universal(tagBitString)), names)
	r.Require(len(set) > 0)
	return one(set)
}

func bitNames(octets []byte, names []string) []string {
	var set []string
	for i, name := range names {
		if i/8 < len(octets) && octets[i/8]&(0x80>>(i%8)) != 0 {
			set = append(set, name)
		}
	}
	return set
}

func basicConstraintsText(r *verify.Reader) []string {
	ca, path := basicConstraints(r)
	text := "CA:FALSE"
	if ca {
		text = "CA:TRUE"
	}
	if path != nil {
		text += ", pathlen:" + numberText(path)
	}
	return []string{text}
}

// basicConstraints takes a BasicConstraints; path is nil where there is no limit.
func basicConstraints(r *verify.Reader) (ca bool, path *big.Int) {
	s := r.Sequence()
	if s.AtUniversal(asn1.TagBoolean) {
		ca = s.Bool(s.Any())
	}
	if s.AtUniversal(asn1.TagInteger) {
		path = s.Int()
	}
	s.End()
	return ca, path
}

// numberText is i2s_ASN1_INTEGER's: decimal below 128 bits, else hexadecimal.
func numberText(n *big.Int) string {
	if n.BitLen() < 128 {
		return n.String()
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	return fmt.Sprintf("%s0x%X", sign, new(big.Int).Abs(n).Bytes())
}

func integerText(r *verify.Reader) []string { return []string{numberText(r.Int())} }

// crlReasons are the names of RFC 5280 section 5.3.1, as openssl has them.
var crlReasons = map[string]string{"0": "Unspecified", "1": "Key Compromise", "2": "CA Compromise", "3": "Affiliation Changed",
	"4": "Superseded", "5": "Cessation Of Operation", "6": "Certificate Hold", "8": "Remove From CRL", "9": "Privilege Withdrawn", "10": "AA Compromise"}

func reasonText(r *verify.Reader) []string {
	n := numberText(r.Integer(r.Universal(asn1.TagEnum)))
	if text, ok := crlReasons[n]; ok {
		return []string{text}
	}
	return []string{n}
}

func extKeyUsageText(r *verify.Reader) []string {
	var names []string
	for _, oid := range oids(r) {
		names = append(names, openssl.ObjectName(oid))
	}
	r.Require(len(names) > 0)
	return one(names)
}

// oids takes a SEQUENCE OF OBJECT IDENTIFIER.
func oids(r *verify.Reader) []string {
	var out []string
	for list := r.List(); list.More(); {
		out = append(out, list.OID())
	}
	return out
}

func authorityKeyText(r *verify.Reader) []string {
	s := r.Sequence()
	s.Require(s.More()) // i2v_AUTHORITY_KEYID has no words for none of the three
	var id, rest []string
	if s.AtContext(0) {
		id = []string{colons(s.String(s.Any()), "%02X")}
	}
	if s.AtContext(1) {
		rest = append(rest, generalNames(s.ImplicitList(1), altName)...)
	}
	if s.AtContext(2) {
		rest = append(rest, "serial:"+colons(magnitude(s.Integer(s.Any())), "%02X"))
	}
	s.End()
	if len(id) > 0 && len(rest) > 0 {
		id[0] = "keyid:" + id[0]
	}
	if out := append(id, rest...); len(out) > 0 {
		return out
	}
	return one(nil)
}

// magnitude are the octets of a number as openssl holds them: one at least, and no sign.
func magnitude(n *big.Int) []byte { return n.FillBytes(make([]byte, max((n.BitLen()+7)/8, 1))) }

func accessText(r *verify.Reader) []string {
	var out []string
	for list := r.List(); list.More(); {
		d := list.Sequence()
		method := openssl.ObjectName(d.OID())
		out = append(out, method+" - "+generalName(d, altName))
		d.End()
	}
	if len(out) == 0 {
		return one(nil)
	}
	return out
}

func commentText(r *verify.Reader) []string {
	return []string{cText(r.String(r.Universal(asn1.TagIA5String)))}
}

// featureText is of the TLS feature extension (RFC 7633), "must staple".
func featureText(r *verify.Reader) []string {
	names := map[string]string{"5": "status_request", "17": "status_request_v2"}
	var out []string
	for list := r.List(); list.More(); {
		text := list.Int().String()
		if name, ok := names[text]; ok {
			text = name
		}
		out = append(out, text)
	}
	return []string{strings.Join(out, ", ")}
}

func nullText(r *verify.Reader) []string {
	r.Null()
	return []string{"NULL"}
}

// invalidity writes the octets behind a date that is none, as openssl does where it fails in the middle.
func (b *block) invalidity(r *verify.Reader) {
	value := r.Rest()
	e := r.Universal(asn1.TagGeneralizedTime)
	b.printf(0, "%s", timeText(e))
	if _, ok := e.Time(); !ok {
		b.printf(0, "%s", rawText(value))
	}
}

// keyPeriodText is of the private key usage period (RFC 3280 section 4.2.1.4).
func keyPeriodText(r *verify.Reader) []string {
	s := r.Sequence()
	var out []string
	for tag, label := range []string{"Not Before: ", "Not After: "} {
		if s.AtContext(tag) {
			out = append(out, label+timeText(s.Any().As(asn1.TagGeneralizedTime)))
		}
	}
	s.End()
	return []string{strings.Join(out, ", ")}
}
