package pki

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
)

// knownExtensions are the only extensions that a certificate of ours has.
var knownExtensions = []string{"2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.35", "2.5.29.37"}

// prove reads a signed certificate back and compares it, field by field, with
// what was asked for. parent is nil for a root, and has a key identifier otherwise. A difference
// is a fault of the signing engine, never of the user. The signature is not verified a second time:
// crypto/x509 did so, with the parent's key, before it gave the certificate out.
func prove(der []byte, t Template, pub crypto.PublicKey, parent *x509.Certificate) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("signed certificate cannot be read back: %w", err)
	}
	issuer := cmp.Or(parent, c)
	wrong := t.Differences(c)
	must := func(what string, ok bool) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	must("issuer", bytes.Equal(c.RawIssuer, issuer.RawSubject))
	must("public key", SameKey(c.PublicKey, pub))
	must("validity", c.NotBefore.Equal(seconds(t.NotBefore)) && c.NotAfter.Equal(seconds(t.NotAfter)))
	must("authority key identifier", parent == nil || bytes.Equal(c.AuthorityKeyId, parent.SubjectKeyId))
	if len(wrong) > 0 {
		return nil, fmt.Errorf("signed certificate is not what was asked for: %s", strings.Join(wrong, ", "))
	}
	return c, nil
}

// Differences names what a certificate has other than asked for by a template, whoever signed it, for which key and
// until when.
func (t Template) Differences(c *x509.Certificate) []string {
	var wrong []string
	must := func(what string, ok bool) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	subject, err := t.Subject.encode()
	must("version", c.Version == 3)
	must("serial number", c.SerialNumber.Sign() > 0 && c.SerialNumber.BitLen() <= 159)
	must("subject", err == nil && bytes.Equal(c.RawSubject, subject))
	must("subject alternative names", sameSANs(SANsOf(c), t.SANs))
	must("encoded names", t.RawSANs == nil || bytes.Equal(RawSANs(c), t.RawSANs))
	must("key usage", c.KeyUsage == t.KeyUsage(c.PublicKey))
	must("extended key usage", slices.Equal(c.ExtKeyUsage, t.ExtKeyUsage) && slices.EqualFunc(c.UnknownExtKeyUsage, t.UnknownExtKeyUsage, asn1.ObjectIdentifier.Equal))
	must("basic constraints", c.BasicConstraintsValid && c.IsCA == t.CA && critical(c, "2.5.29.19") && pathLenOf(c) == pathLenWanted(t))
	must("subject key identifier", len(c.SubjectKeyId) > 0 && (t.SubjectKeyID == nil || bytes.Equal(c.SubjectKeyId, t.SubjectKeyID)))
	for _, oid := range ForeignExtensions(c) {
		must("unasked extension "+oid.String(), false)
	}
	return wrong
}

func sameSANs(a, b SANs) bool {
	return slices.Equal(a.DNS, b.DNS) && slices.Equal(a.IPs, b.IPs) && slices.Equal(a.URIs, b.URIs) && slices.Equal(a.Emails, b.Emails)
}

func critical(c *x509.Certificate, oid string) bool {
	return slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Critical && e.Id.String() == oid })
}

// ForeignExtensions are the extensions of a certificate that none of ours has.
func ForeignExtensions(c *x509.Certificate) []asn1.ObjectIdentifier {
	var out []asn1.ObjectIdentifier
	for _, e := range c.Extensions {
		if !slices.Contains(knownExtensions, e.Id.String()) {
			out = append(out, e.Id)
		}
	}
	return out
}

func pathLenOf(c *x509.Certificate) int {
	if !c.IsCA || (c.MaxPathLen == 0 && !c.MaxPathLenZero) {
		return -1
	}
	return c.MaxPathLen
}

func pathLenWanted(t Template) int {
	if t.PathLen == nil {
		return -1
	}
	return *t.PathLen
}
