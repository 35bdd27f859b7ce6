package inspect

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// extensionTexts are the extensions whose contents openssl spells out, as far as certificates of a cluster, of
// kubeadm and of the usual signers have them: lines without indent, false for a content that is not theirs.
var extensionTexts = map[string]func(cryptobyte.String) ([]string, bool){
	"2.5.29.14":          keyIDText,
	"2.5.29.15":          keyUsageText,
	"2.5.29.17":          altNameText,
	"2.5.29.18":          altNameText,
	"2.5.29.19":          basicConstraintsText,
	"2.5.29.20":          integerText,
	"2.5.29.21":          reasonText,
	"2.5.29.27":          integerText,
	"2.5.29.30":          nameConstraintsText,
	"2.5.29.32":          policiesText,
	"2.5.29.35":          authorityKeyText,
	"2.5.29.37":          extKeyUsageText,
	"2.5.29.54":          integerText,
	"2.5.29.33":          policyMappingsText,
	"2.5.29.36":          policyConstraintsText,
	"2.5.29.16":          keyPeriodText,
	"1.3.6.1.5.5.7.1.1":  accessText,
	"1.3.6.1.5.5.7.1.11": accessText,
	"1.3.6.1.5.5.7.1.24": featureText,

	"1.3.6.1.4.1.11129.2.4.3": nullText,

	// Of entries in CRLs.
	"2.5.29.23": holdText,
	"2.5.29.24": invalidityText,
	"2.5.29.29": altNameText,

	// Netscape's: openssl's own example configuration still writes the comment.
	"2.16.840.1.113730.1.1":  netscapeTypeText,
	"2.16.840.1.113730.1.2":  commentText,
	"2.16.840.1.113730.1.3":  commentText,
	"2.16.840.1.113730.1.4":  commentText,
	"2.16.840.1.113730.1.7":  commentText,
	"2.16.840.1.113730.1.8":  commentText,
	"2.16.840.1.113730.1.12": commentText,
	"2.16.840.1.113730.1.13": commentText,
}

// extensionBlocks are those that openssl does not write line by line: what is
// behind a name may stand on its line, and a blank line may follow.
var extensionBlocks = map[string]func(*block, cryptobyte.String) bool{
	"2.5.29.28":               (*block).issuingPoint,
	"2.5.29.31":               (*block).distPoints,
	"2.5.29.46":               (*block).distPoints,
	"1.3.6.1.4.1.11129.2.4.2": (*block).timestamps,
	"1.3.6.1.5.5.7.48.1.5":    func(*block, cryptobyte.String) bool { return true }, // OCSP No Check says nothing
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

func (w *writer) extensions(list []pkix.Extension, indent int) {
	for _, e := range list {
		critical := ""
		if e.Critical {
			critical = "critical"
		}
		oid := e.Id.String()
		w.line(indent, "%s: %s", openssl.ObjectName(oid), critical)
		if render := extensionBlocks[oid]; render != nil {
			if b := (block{indent: indent + 4}); render(&b, e.Value) {
				w.WriteString(b.String() + "\n")
				continue
			}
		}
		if text := extensionTexts[oid]; text != nil {
			if lines, ok := text(e.Value); ok {
				for _, l := range lines {
					w.line(indent+4, "%s", l)
				}
				continue
			}
		}
		w.line(indent+4, "%s", rawText(e.Value))
	}
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

func one(parts []string) []string {
	if len(parts) == 0 {
		return []string{"<EMPTY>\n"}
	}
	return []string{strings.Join(parts, ", ")}
}

func keyIDText(v cryptobyte.String) ([]string, bool) {
	var id cryptobyte.String
	ok := v.ReadASN1(&id, cbasn1.OCTET_STRING) && v.Empty()
	return []string{colons(id, "%02X")}, ok
}

var keyUsageNames = []string{"Digital Signature", "Non Repudiation", "Key Encipherment", "Data Encipherment",
	"Key Agreement", "Certificate Sign", "CRL Sign", "Encipher Only", "Decipher Only"}

func keyUsageText(v cryptobyte.String) ([]string, bool) {
	return bitValues(&v, keyUsageNames)
}

// bitValues is false for no bit at all: i2v_ASN1_BIT_STRING has no words for it either.
func bitValues(v *cryptobyte.String, names []string) ([]string, bool) {
	set, ok := bitNames(v, cbasn1.BIT_STRING, names)
	return set, ok && set[0] != one(nil)[0]
}

func bitNames(v *cryptobyte.String, tag cbasn1.Tag, names []string) ([]string, bool) {
	var body cryptobyte.String
	var unused uint8
	if !v.ReadASN1(&body, tag) || !body.ReadUint8(&unused) || unused > 7 {
		return nil, false
	}
	bits := asn1.BitString{Bytes: body, BitLength: max(len(body)*8-int(unused), 0)}
	var set []string
	for i, name := range names {
		if bits.At(i) == 1 {
			set = append(set, name)
		}
	}
	return one(set), v.Empty()
}

func basicConstraintsText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	var ca bool
	path := big.NewInt(-1)
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	if body.PeekASN1Tag(cbasn1.BOOLEAN) && !body.ReadASN1Boolean(&ca) {
		return nil, false
	}
	hasPath := body.PeekASN1Tag(cbasn1.INTEGER)
	if hasPath && !body.ReadASN1Integer(path) || !body.Empty() {
		return nil, false
	}
	text := "CA:FALSE"
	if ca {
		text = "CA:TRUE"
	}
	if hasPath {
		text += ", pathlen:" + numberText(path)
	}
	return []string{text}, true
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

func integerText(v cryptobyte.String) ([]string, bool) {
	n := new(big.Int)
	if !v.ReadASN1Integer(n) || !v.Empty() {
		return nil, false
	}
	return []string{numberText(n)}, true
}

// crlReasons are the names of RFC 5280 section 5.3.1, as openssl has them.
var crlReasons = map[int]string{0: "Unspecified", 1: "Key Compromise", 2: "CA Compromise", 3: "Affiliation Changed", 4: "Superseded",
	5: "Cessation Of Operation", 6: "Certificate Hold", 8: "Remove From CRL", 9: "Privilege Withdrawn", 10: "AA Compromise"}

func reasonText(v cryptobyte.String) ([]string, bool) {
	var n int
	if !v.ReadASN1Enum(&n) || !v.Empty() {
		return nil, false
	}
	if text, ok := crlReasons[n]; ok {
		return []string{text}, true
	}
	return []string{fmt.Sprint(n)}, true
}

func extKeyUsageText(v cryptobyte.String) ([]string, bool) {
	names, ok := extKeyUsages(v)
	return one(names), ok && len(names) > 0
}

func extKeyUsages(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	var names []string
	for !body.Empty() {
		oid, ok := readOID(&body, cbasn1.OBJECT_IDENTIFIER)
		if !ok {
			return nil, false
		}
		names = append(names, openssl.ObjectName(oid))
	}
	return names, true
}

func readOID(s *cryptobyte.String, tag cbasn1.Tag) (string, bool) {
	var body cryptobyte.String
	if !s.ReadASN1(&body, tag) || len(body) > 127 {
		return "", false
	}
	var oid asn1.ObjectIdentifier
	whole := append([]byte{asn1.TagOID, byte(len(body))}, body...)
	if _, err := asn1.Unmarshal(whole, &oid); err != nil {
		return "", false
	}
	return oid.String(), true
}

func authorityKeyText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	var id, issuer, serial cryptobyte.String
	var hasID, hasIssuer, hasSerial bool
	ok := body.ReadOptionalASN1(&id, &hasID, cbasn1.Tag(0).ContextSpecific()) &&
		body.ReadOptionalASN1(&issuer, &hasIssuer, cbasn1.Tag(1).ContextSpecific().Constructed()) &&
		body.ReadOptionalASN1(&serial, &hasSerial, cbasn1.Tag(2).ContextSpecific()) && body.Empty()
	if !ok {
		return nil, false
	}
	var out []string
	if hasID {
		text := colons(id, "%02X")
		if hasIssuer || hasSerial {
			text = "keyid:" + text
		}
		out = append(out, text)
	}
	if hasIssuer {
		names, ok := generalNames(issuer, altName)
		if !ok {
			return nil, false
		}
		out = append(out, names...)
	}
	if hasSerial {
		out = append(out, "serial:"+colons(serialOctets(serial), "%02X"))
	}
	if len(out) == 0 {
		return one(nil), true
	}
	return out, true
}

// serialOctets drops the zero that only says that the number is positive.
func serialOctets(b []byte) []byte {
	if len(b) > 1 && b[0] == 0 {
		return b[1:]
	}
	return b
}

func accessText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	var out []string
	for !body.Empty() {
		var d cryptobyte.String
		if !body.ReadASN1(&d, cbasn1.SEQUENCE) {
			return nil, false
		}
		method, ok := readOID(&d, cbasn1.OBJECT_IDENTIFIER)
		if !ok {
			return nil, false
		}
		names, ok := generalNames(d, altName)
		if !ok || len(names) != 1 {
			return nil, false
		}
		out = append(out, openssl.ObjectName(method)+" - "+names[0])
	}
	if len(out) == 0 {
		return one(nil), true
	}
	return out, true
}

func commentText(v cryptobyte.String) ([]string, bool) {
	var text cryptobyte.String
	ok := v.ReadASN1(&text, cbasn1.IA5String) && v.Empty()
	return []string{printable(string(text))}, ok
}

// featureText is of the TLS feature extension (RFC 7633), "must staple".
func featureText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	var out []string
	for !body.Empty() {
		n := new(big.Int)
		if !body.ReadASN1Integer(n) {
			return nil, false
		}
		switch text := n.String(); text {
		case "5":
			out = append(out, "status_request")
		case "17":
			out = append(out, "status_request_v2")
		default:
			out = append(out, text)
		}
	}
	return []string{strings.Join(out, ", ")}, true
}

func nullText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	ok := v.ReadASN1(&body, cbasn1.NULL) && v.Empty()
	return []string{"NULL"}, ok
}

var netscapeTypes = []string{"SSL Client", "SSL Server", "S/MIME", "Object Signing", "Unused", "SSL CA", "S/MIME CA", "Object Signing CA"}

func netscapeTypeText(v cryptobyte.String) ([]string, bool) {
	return bitValues(&v, netscapeTypes)
}

func holdText(v cryptobyte.String) ([]string, bool) {
	oid, ok := readOID(&v, cbasn1.OBJECT_IDENTIFIER)
	return []string{openssl.ObjectName(oid)}, ok && v.Empty()
}

func invalidityText(v cryptobyte.String) ([]string, bool) {
	var t time.Time
	ok := v.ReadASN1GeneralizedTime(&t) && v.Empty()
	return []string{timeText(t)}, ok
}

// keyPeriodText is of the private key usage period (RFC 3280 section 4.2.1.4).
func keyPeriodText(v cryptobyte.String) ([]string, bool) {
	var body cryptobyte.String
	if !v.ReadASN1(&body, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, false
	}
	var out []string
	for i, label := range []string{"Not Before: ", "Not After: "} {
		var value cryptobyte.String
		var has bool
		if !body.ReadOptionalASN1(&value, &has, cbasn1.Tag(i).ContextSpecific()) {
			return nil, false
		}
		if !has {
			continue
		}
		t, err := time.Parse("20060102150405Z", string(value))
		if err != nil {
			return nil, false
		}
		out = append(out, label+timeText(t))
	}
	return []string{strings.Join(out, ", ")}, body.Empty()
}
