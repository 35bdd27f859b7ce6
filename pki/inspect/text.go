package inspect

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

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
	case o.Public != nil:
		if der, err := x509.MarshalPKIXPublicKey(o.Public); err == nil {
			w.publicKey(der, 0)
		}
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

func (w *writer) certificate(c *x509.Certificate) {
	w.line(0, "Certificate:")
	w.line(4, "Data:")
	w.line(8, "Version: %d (0x%x)", c.Version, c.Version-1)
	w.serial(c.SerialNumber)
	w.signedWith(c.Raw)
	w.line(8, "Issuer: %s", nameText(c.RawIssuer))
	w.line(8, "Validity")
	w.line(12, "Not Before: %s", timeText(c.NotBefore))
	w.line(12, "Not After : %s", timeText(c.NotAfter))
	w.line(8, "Subject: %s", nameText(c.RawSubject))
	w.keyInfo(c.RawSubjectPublicKeyInfo)
	w.uniqueIDs(c.RawTBSCertificate)
	if len(c.Extensions) > 0 {
		w.line(8, "X509v3 extensions:")
		w.extensions(c.Extensions, 12)
	}
	w.signature(c.Raw, c.Signature)
}

func (w *writer) request(r *x509.CertificateRequest) {
	w.line(0, "Certificate Request:")
	w.line(4, "Data:")
	w.line(8, "Version: %d (0x%x)", r.Version+1, r.Version)
	w.line(8, "Subject: %s", nameText(r.RawSubject))
	w.keyInfo(r.RawSubjectPublicKeyInfo)
	w.attributes(r)
	w.signature(r.Raw, r.Signature)
}

func (w *writer) keyInfo(spki []byte) {
	w.line(8, "Subject Public Key Info:")
	w.line(12, "Public Key Algorithm: %s", keyName(spki))
	w.publicKey(spki, 16)
}

// extensionRequests are the attributes that hold requested extensions: PKCS #9's, and Microsoft's.
const extensionRequest, microsoftRequest = "1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14"

// attributes writes what a request carries beside name and key (RFC 2986 section 4.1).
func (w *writer) attributes(r *x509.CertificateRequest) {
	w.line(8, "Attributes:")
	all := requestAttributes(r.RawTBSCertificateRequest)
	if len(all) == 0 {
		w.line(12, "(none)")
	}
	for _, a := range all {
		if a.oid == extensionRequest || a.oid == microsoftRequest {
			continue
		}
		for _, v := range a.values {
			label := openssl.ObjectName(a.oid)
			if width := 25; len(label) < width {
				label += strings.Repeat(" ", width-len(label))
			}
			text := "unable to print attribute"
			switch v.Tag {
			case asn1.TagPrintableString, asn1.TagT61String, asn1.TagIA5String, asn1.TagNumericString, asn1.TagUTF8String:
				text = ":" + printable(string(v.Bytes))
			}
			w.line(12, "%s%s", label, text)
		}
	}
	w.line(12, "Requested Extensions:") // OpenSSL 3.0 says so even where there are none
	w.extensions(r.Extensions, 16)
}

type attribute struct {
	oid    string
	values []asn1.RawValue
}

func requestAttributes(tbs []byte) []attribute {
	var info struct {
		Version    int
		Subject    asn1.RawValue
		Key        asn1.RawValue
		Attributes []asn1.RawValue `asn1:"tag:0,set,optional"`
	}
	if _, err := asn1.Unmarshal(tbs, &info); err != nil {
		return nil
	}
	var out []attribute
	for _, raw := range info.Attributes {
		var a struct {
			ID     asn1.ObjectIdentifier
			Values []asn1.RawValue `asn1:"set"`
		}
		if _, err := asn1.Unmarshal(raw.FullBytes, &a); err == nil {
			out = append(out, attribute{a.ID.String(), a.Values})
		}
	}
	return out
}

func (w *writer) crl(l *x509.RevocationList) {
	w.line(0, "Certificate Revocation List (CRL):")
	version := crlVersion(l.RawTBSRevocationList)
	w.line(8, "Version %d (0x%x)", version+1, version)
	w.signedWith(l.Raw)
	w.line(8, "Issuer: %s", nameText(l.RawIssuer))
	w.line(8, "Last Update: %s", timeText(l.ThisUpdate))
	next := "NONE"
	if !l.NextUpdate.IsZero() {
		next = timeText(l.NextUpdate)
	}
	w.line(8, "Next Update: %s", next)
	if len(l.Extensions) > 0 {
		w.line(8, "CRL extensions:")
		w.extensions(l.Extensions, 12)
	}
	if len(l.RevokedCertificateEntries) == 0 {
		w.line(0, "No Revoked Certificates.")
	} else {
		w.line(0, "Revoked Certificates:")
	}
	for _, e := range l.RevokedCertificateEntries {
		w.line(4, "Serial Number: %s", integerHex(e.SerialNumber))
		w.line(8, "Revocation Date: %s", timeText(e.RevocationTime))
		if len(e.Extensions) > 0 {
			w.line(8, "CRL entry extensions:")
			w.extensions(e.Extensions, 12)
		}
	}
	w.signature(l.Raw, l.Signature)
}

// integerHex is i2a_ASN1_INTEGER's: octets in upper case.
func integerHex(n *big.Int) string {
	text := fmt.Sprintf("%X", n.Bytes())
	if text == "" {
		text = "00"
	}
	if n.Sign() < 0 {
		text = "-" + text
	}
	return text
}

func (w *writer) serial(n *big.Int) {
	sign, negative := "", ""
	if n.Sign() < 0 {
		sign, negative = "-", " (Negative)"
	}
	abs := new(big.Int).Abs(n)
	if abs.IsInt64() {
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

// uniqueIDs writes the two old fields that RFC 5280 section 4.1.2.8 tells nobody to use.
func (w *writer) uniqueIDs(tbs []byte) {
	s := cryptobyte.String(tbs)
	var body cryptobyte.String
	if !s.ReadASN1(&body, cbasn1.SEQUENCE) {
		return
	}
	for !body.Empty() {
		var v cryptobyte.String
		var tag cbasn1.Tag
		if !body.ReadAnyASN1(&v, &tag) {
			return
		}
		label := "Issuer"
		switch {
		case tag == cbasn1.Tag(2).ContextSpecific():
			label = "Subject"
		case tag != cbasn1.Tag(1).ContextSpecific():
			continue
		}
		if len(v) > 1 {
			w.WriteString("        " + label + " Unique ID: ")
			w.dump(v[1:], 12, 18, ":")
		}
	}
}

// dump writes octets in lines of width. lineEnd is what stands between the last octet of a line and its end.
func (w *writer) dump(b []byte, indent, width int, lineEnd string) {
	for len(b) > width {
		w.line(indent, "%s%s", colons(b[:width], "%02x"), lineEnd)
		b = b[width:]
	}
	w.line(indent, "%s", colons(b, "%02x"))
}

// timeText is ASN1_TIME_print's.
func timeText(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006 GMT") }

// nameText is a name in openssl's default style.
func nameText(raw []byte) string {
	n, ok := verify.ParseName(raw)
	if !ok {
		return "<unreadable>"
	}
	return printable(openssl.OneLine.Name(n))
}
