package inspect

import (
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"

	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// Text writes the object as OpenSSL 3.0 does with -noout -text (-text_pub for keys). What would reach the terminal
// as a control character is a dot here.
func (o Object) Text() string {
	var w writer
	switch {
	case o.Certificate != nil:
		w.certificate(o.Certificate)
	case o.Request != nil:
		w.request(o.Request)
	case o.CRL != nil:
		w.crl(o.CRL)
	case o.keyInfo != nil:
		w.publicKey(o.keyInfo, 0, 0)
	default:
		w.line(0, "Encrypted private key")
	}
	return w.String()
}

type writer struct{ strings.Builder }

func (w *writer) line(indent int, format string, args ...any) {
	w.WriteString(strings.Repeat(" ", indent))
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

func (w *writer) certificate(c *verify.Certificate) {
	inner, outer := c.SignatureAlgorithms()
	notBefore, notAfter := c.Validity()
	w.line(0, "Certificate:")
	w.line(4, "Data:")
	w.version("Version: ", "Unknown", c.Version(), 2)
	w.serial(c.Serial())
	w.signedWith(inner)
	w.line(8, "Issuer: %s", nameText(c.Issuer()))
	w.line(8, "Validity")
	w.line(12, "Not Before: %s", timeText(notBefore))
	w.line(12, "Not After : %s", timeText(notAfter))
	w.line(8, "Subject: %s", nameText(c.Subject()))
	w.subjectKey(c.PublicKeyInfo())
	issuer, subject := c.UniqueIDs()
	w.uniqueID("Issuer", issuer)
	w.uniqueID("Subject", subject)
	if list := c.Extensions(); len(list) > 0 {
		w.line(8, "X509v3 extensions:")
		w.extensions(list, 12)
	}
	w.signature(outer, c.Signature())
	if s := c.TrustSettings(); s != nil {
		w.trust(s)
	}
}

// version writes a version's number, and the bare one where it is beyond the last that there is.
func (w *writer) version(label, unknown string, n, last int) {
	if n >= 0 && n <= last {
		w.line(8, "%s%d (0x%x)", label, n+1, n)
	} else {
		w.line(8, "%s%s (%d)", label, unknown, n)
	}
}

func (w *writer) trust(s *verify.TrustSettings) {
	for _, uses := range []struct {
		label string
		list  []string
	}{{"Trusted", s.Uses}, {"Rejected", s.Rejected}} {
		if uses.list == nil {
			w.line(0, "No %s Uses.", uses.label)
			continue
		}
		var names []string
		for _, oid := range uses.list {
			names = append(names, openssl.ObjectName(oid))
		}
		w.line(0, "%s Uses:\n  %s", uses.label, strings.Join(names, ", "))
	}
	if s.Alias != nil {
		w.line(0, "Alias: %s", cText(s.Alias))
	}
	if s.KeyID != nil {
		w.line(0, "Key Id: %s", colons(s.KeyID, "%02X"))
	}
}

func (w *writer) request(q *verify.Request) {
	w.line(0, "Certificate Request:")
	w.line(4, "Data:")
	w.version("Version: ", "Unknown", q.Version(), 0)
	w.line(8, "Subject: %s", nameText(q.Subject()))
	w.subjectKey(q.PublicKeyInfo())
	w.attributes(q)
	w.signature(q.SignatureAlgorithm(), q.Signature())
}

func holdsExtensions(a verify.RequestAttribute) bool {
	return a.OID == verify.ExtensionRequest || a.OID == verify.MicrosoftExtensionRequest
}

// attributes writes what a request carries beside name and key (RFC 2986 section 4.1). Of several attributes with
// extensions openssl writes the first; a signer may look at any of them.
func (w *writer) attributes(q *verify.Request) {
	w.line(8, "Attributes:")
	if all := q.Attributes(); all != nil && len(all) == 0 {
		w.line(12, "(none)")
	}
	for _, a := range q.Attributes() {
		if holdsExtensions(a) {
			continue
		}
		label := strings.Repeat(" ", 12) + fmt.Sprintf("%-25s", openssl.ObjectName(a.OID))
		for _, v := range a.Values {
			text := "unable to print attribute"
			switch v.Universal() {
			case asn1.TagPrintableString, asn1.TagT61String, asn1.TagIA5String, asn1.TagNumericString, asn1.TagUTF8String:
				text = printable(string(v.Octets()))
			}
			w.line(0, "%s:%s", label, text)
			label = strings.Repeat(" ", 25)
		}
	}
	if list, ok := q.Extensions(); ok {
		w.line(12, "Requested Extensions:") // OpenSSL 3.0 says so even where there are none
		w.extensions(list, 16)
	}
}

func (w *writer) crl(l *verify.CRL) {
	this, next := l.Updates()
	w.line(0, "Certificate Revocation List (CRL):")
	w.version("Version ", "unknown", l.Version(), 1)
	w.signedWith(l.SignatureAlgorithm())
	w.line(8, "Issuer: %s", nameText(l.Issuer()))
	w.line(8, "Last Update: %s", timeText(this))
	until := "NONE"
	if next.Raw() != nil {
		until = timeText(next)
	}
	w.line(8, "Next Update: %s", until)
	if list := l.Extensions(); len(list) > 0 {
		w.line(8, "CRL extensions:")
		w.extensions(list, 12)
	}
	if l.Len() == 0 {
		w.line(0, "No Revoked Certificates.")
	} else {
		w.line(0, "Revoked Certificates:")
	}
	for e := range l.Entries() {
		w.line(4, "Serial Number: %s", integerHex(e.Serial))
		w.line(8, "Revocation Date: %s", timeText(e.Date))
		if len(e.Extensions) > 0 {
			w.line(8, "CRL entry extensions:")
			w.extensions(e.Extensions, 12)
		}
	}
	w.signature(l.SignatureAlgorithm(), l.Signature())
}

// integerHex is i2a_ASN1_INTEGER's: octets in upper case.
func integerHex(n *big.Int) string {
	text := fmt.Sprintf("%X", magnitude(n))
	if n.Sign() < 0 {
		text = "-" + text
	}
	return text
}

func (w *writer) serial(n *big.Int) {
	abs, sign, negative := new(big.Int).Abs(n), "", ""
	if n.Sign() < 0 {
		sign, negative = "-", " (Negative)"
	}
	if n.IsInt64() && n.Int64() != -1 { // -1 is what openssl takes for a failure
		w.line(8, "Serial Number: %s%d (%s0x%x)", sign, abs, sign, abs)
		return
	}
	w.line(8, "Serial Number:")
	w.line(12, "%s%s", negative, colons(abs.Bytes(), "%02x"))
}

func colons(b []byte, format string) string {
	var out strings.Builder
	for i, octet := range b {
		if i > 0 {
			out.WriteByte(':')
		}
		fmt.Fprintf(&out, format, octet)
	}
	return out.String()
}

// uniqueID writes one of the two old fields that RFC 5280 section 4.1.2.8 tells nobody to use.
func (w *writer) uniqueID(label string, id []byte) {
	if id != nil {
		w.WriteString("        " + label + " Unique ID: ")
		w.dump(id, 12, signaturePerLine)
	}
}

// dump writes octets in lines of width.
func (w *writer) dump(b []byte, indent, width int) {
	for len(b) > width {
		w.line(indent, "%s:", colons(b[:width], "%02x"))
		b = b[width:]
	}
	if len(b) == 0 {
		indent = 0
	}
	w.line(indent, "%s", colons(b, "%02x"))
}

// timeText is ASN1_TIME_print's.
func timeText(e verify.Element) string {
	t, ok := e.Time()
	if !ok {
		return "Bad time value"
	}
	octets, fraction, zone := string(e.Octets()), "", ""
	if e.Universal() == asn1.TagGeneralizedTime && len(octets) > 15 && octets[14] == '.' {
		fraction = octets[14 : len(octets)-len(strings.TrimLeft(octets[15:], "0123456789"))]
	}
	if strings.HasSuffix(octets, "Z") {
		zone = " GMT"
	}
	return t.Format("Jan _2 15:04:05") + fraction + fmt.Sprintf(" %d", t.Year()) + zone
}

// nameText is a name in openssl's default style.
func nameText(n verify.Name) string { return printable(openssl.OneLine.Name(n)) }

// cText is text that openssl takes to end at its first zero octet.
func cText(b []byte) string {
	text, _, _ := strings.Cut(string(b), "\x00")
	return printable(text)
}
