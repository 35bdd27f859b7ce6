package verify

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"iter"
	"math/big"
)

// This file gives out what certificates and CRLs hold beside what validation asks for, to be shown.

// Algorithm is an AlgorithmIdentifier.
type Algorithm struct {
	OID        string  // with dots
	Parameters Element // no Raw where there are none
}

func (a *algorithm) shown() Algorithm { return Algorithm{dottedOID(a.oid), Element{a.params}} }

// Extension is one extension of a certificate, a request, a CRL or an entry of a CRL.
type Extension struct {
	OID      string // with dots
	Critical bool
	Value    []byte // what the extension's OCTET STRING holds
}

func shownExtensions(list []extension) []Extension {
	var out []Extension
	for _, x := range list {
		out = append(out, Extension{dottedOID(x.oid), x.critical, x.value})
	}
	return out
}

// SignatureAlgorithms returns both mentions of the algorithm: in the signed part, and beside the signature.
func (c *Certificate) SignatureAlgorithms() (inner, outer Algorithm) {
	return c.innerAlg.shown(), c.outerAlg.shown()
}

// Signature returns the octets of the signature.
func (c *Certificate) Signature() []byte { return c.signature }

// Validity returns notBefore and notAfter as they are encoded.
func (c *Certificate) Validity() (notBefore, notAfter Element) {
	return Element{c.notBefore}, Element{c.notAfter}
}

// PublicKeyInfo returns the encoded SubjectPublicKeyInfo.
func (c *Certificate) PublicKeyInfo() []byte { return c.spki }

// UniqueIDs returns issuerUniqueID and subjectUniqueID (RFC 5280 section 4.1.2.8); nil where there is none.
func (c *Certificate) UniqueIDs() (issuer, subject []byte) { return c.uniqueIDs[0], c.uniqueIDs[1] }

// Extensions returns the extensions in their order, of whatever version the certificate is.
func (c *Certificate) Extensions() []Extension { return shownExtensions(c.exts) }

// TrustSettings are the settings behind a certificate in a TRUSTED CERTIFICATE block (`openssl x509 -trustout`).
type TrustSettings struct {
	Uses, Rejected []string // extended key usages with dots; nil: no list
	Alias, KeyID   []byte   // nil: none
}

// TrustSettings returns the settings that the certificate came with; nil if there are none.
func (c *Certificate) TrustSettings() *TrustSettings {
	if c.aux == nil {
		return nil
	}
	dotted := func(list []string, is bool) []string {
		var out []string
		if is {
			out = []string{}
		}
		for _, oid := range list {
			out = append(out, dottedOID(oid))
		}
		return out
	}
	return &TrustSettings{dotted(c.aux.trust, c.aux.hasTrust), dotted(c.aux.reject, c.aux.hasReject), c.aux.alias, c.aux.keyID}
}

// Version returns the number that the list states: 0 is v1, 1 is v2.
func (l *CRL) Version() int { return int(l.version) }

// SignatureAlgorithm returns the algorithm beside the signature.
func (l *CRL) SignatureAlgorithm() Algorithm { return l.outerAlg.shown() }

// Signature returns the octets of the signature.
func (l *CRL) Signature() []byte { return l.signature }

// Updates returns thisUpdate and nextUpdate as they are encoded; next has no Raw where there is none.
func (l *CRL) Updates() (this, next Element) { return Element{l.thisUpdate}, Element{l.nextUpdate} }

// Extensions returns the extensions of the list.
func (l *CRL) Extensions() []Extension { return shownExtensions(l.exts) }

// Entry is one revoked certificate of a CRL.
type Entry struct {
	Serial     *big.Int
	Date       Element
	Extensions []Extension
}

// Entries goes through the revoked certificates in the list's order.
func (l *CRL) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for r := l.entries; len(r) > 0; { // ParseCRL has read them all
			entry, _ := r.sequence()
			serial, _ := entry.next(classUniversal, tagInteger)
			date, _ := entry.any()
			exts, _ := entryExtensions(nil, entry)
			if !yield(Entry{bigInt(serial.body), Element{date}, shownExtensions(exts)}) {
				return
			}
		}
	}
}

// IssuedBy reports whether the key of ca signed the list, and ca's key usage allows that. Names and dates are not
// looked at.
func (l *CRL) IssuedBy(ca *Certificate) bool {
	key := ca.publicKey()
	if key == nil || !ca.allowsUsage(kuCRLSign) {
		return false
	}
	ok, _ := l.signedBy(key)
	return ok
}

// PublicKey decodes a SubjectPublicKeyInfo of RSA, ECDSA on P-224 to P-521 or Ed25519. Of another type that openssl
// decodes it returns the name, as explanations have it; neither for a key that is none.
func PublicKey(spki []byte) (pub crypto.PublicKey, other string) {
	key, err := parsePublicKey(spki)
	switch {
	case err != nil:
		return nil, ""
	case key.kind == keyRSAPSS: // crypto/x509 has none, and writes it as a plain one
		return nil, "RSASSA-PSS"
	case key.unsupported != "":
		return nil, key.unsupported
	case key.ec != nil:
		return key.ec, ""
	case key.kind == keyEd25519:
		return ed25519.PublicKey(key.edwards), ""
	case !key.e.IsInt64():
		return nil, "RSA with an exponent of more than 63 bits"
	}
	return &rsa.PublicKey{N: key.n, E: int(key.e.Int64())}, ""
}

// Text returns the attribute's value in UTF-8; false for what is no character string.
func (a Attribute) Text() (string, bool) {
	text, ok := utf8Text(&element{tag: a.Tag, body: a.Value})
	return string(text), ok
}
