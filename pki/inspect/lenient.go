package inspect

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"net"
	"net/url"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/pkitool/pkitool/pki/verify"
)

// What crypto/x509 refuses as a whole (a serial number below zero, a curve that it has not, a damaged extension, a CRL
// of version 1) is shown all the same, as far as it can be read: why nobody takes a certificate is best seen in it.

type rawCertificate struct {
	Body struct {
		Raw        asn1.RawContent
		Version    int `asn1:"optional,explicit,default:0,tag:0"`
		Serial     *big.Int
		Algorithm  pkix.AlgorithmIdentifier
		Issuer     asn1.RawValue
		Validity   struct{ NotBefore, NotAfter time.Time }
		Subject    asn1.RawValue
		Key        asn1.RawValue
		IssuerID   asn1.BitString   `asn1:"optional,tag:1"`
		SubjectID  asn1.BitString   `asn1:"optional,tag:2"`
		Extensions []pkix.Extension `asn1:"optional,explicit,tag:3"`
	}
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

var errTrailing = errors.New("asn1: data behind the object")

func unmarshal(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		return errTrailing
	}
	return err
}

// lenientCertificate reads a certificate that package verify takes, as openssl does. Its PublicKey is nil where
// crypto/x509 does not read the key.
func lenientCertificate(der []byte) (*x509.Certificate, bool) {
	var raw rawCertificate
	if _, err := verify.ParseCertificate(der); err != nil || unmarshal(der, &raw) != nil {
		return nil, false
	}
	b := raw.Body
	c := &x509.Certificate{
		Raw: der, RawTBSCertificate: b.Raw, RawIssuer: b.Issuer.FullBytes, RawSubject: b.Subject.FullBytes,
		RawSubjectPublicKeyInfo: b.Key.FullBytes, Version: b.Version + 1, SerialNumber: b.Serial,
		NotBefore: b.Validity.NotBefore, NotAfter: b.Validity.NotAfter, Extensions: b.Extensions, Signature: raw.Signature.RightAlign(),
		Issuer: plainName(b.Issuer.FullBytes), Subject: plainName(b.Subject.FullBytes),
	}
	c.PublicKey = publicKeyOf(c.RawSubjectPublicKeyInfo)
	c.ExtKeyUsage = usagesOf(c.Extensions)
	for _, e := range c.Extensions {
		switch e.Id.String() {
		case "2.5.29.15":
			var bits asn1.BitString
			if unmarshal(e.Value, &bits) == nil {
				for i := range keyUsageNames {
					c.KeyUsage |= x509.KeyUsage(bits.At(i) << i)
				}
			}
		case "2.5.29.17":
			c.DNSNames, c.EmailAddresses, c.IPAddresses, c.URIs = plainNames(e.Value)
		case "2.5.29.19":
			lines, ok := basicConstraintsText(e.Value)
			c.IsCA = ok && lines[0] != "CA:FALSE"
		}
	}
	return c, true
}

// publicKeyOf is nil for what nothing here can read: beside an error crypto/x509 may well return a nil pointer of a type.
func publicKeyOf(spki []byte) crypto.PublicKey {
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil
	}
	return pub
}

func plainName(der []byte) pkix.Name {
	var rdns pkix.RDNSequence
	var n pkix.Name
	if unmarshal(der, &rdns) == nil {
		n.FillFromRDNSequence(&rdns)
	}
	return n
}

// plainNames are the subject alternative names of the usual kinds that are well formed.
func plainNames(value []byte) (dns, emails []string, ips []net.IP, uris []*url.URL) {
	var body cryptobyte.String
	s := cryptobyte.String(value)
	if !s.ReadASN1(&body, cbasn1.SEQUENCE) {
		return
	}
	for !body.Empty() {
		var name cryptobyte.String
		var tag cbasn1.Tag
		if !body.ReadAnyASN1(&name, &tag) {
			return
		}
		switch tag {
		case cbasn1.Tag(1).ContextSpecific():
			emails = append(emails, string(name))
		case cbasn1.Tag(2).ContextSpecific():
			dns = append(dns, string(name))
		case cbasn1.Tag(6).ContextSpecific():
			u, err := url.Parse(string(name))
			if err != nil {
				u = &url.URL{Opaque: string(name)} // written as it is
			}
			uris = append(uris, u)
		case cbasn1.Tag(7).ContextSpecific():
			if len(name) == net.IPv4len || len(name) == net.IPv6len {
				ips = append(ips, net.IP(name))
			}
		}
	}
	return
}

// lenientRequest reads a request whose key is of a kind that crypto/x509 does not know.
func lenientRequest(der []byte) (*x509.CertificateRequest, bool) {
	var raw struct {
		Body struct {
			Raw        asn1.RawContent
			Version    int
			Subject    asn1.RawValue
			Key        asn1.RawValue
			Attributes []asn1.RawValue `asn1:"tag:0,set,optional"`
		}
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if unmarshal(der, &raw) != nil {
		return nil, false
	}
	b := raw.Body
	if _, ok := verify.ParseName(b.Subject.FullBytes); !ok || keyName(b.Key.FullBytes) == "<unreadable>" {
		return nil, false
	}
	r := &x509.CertificateRequest{
		Raw: der, RawTBSCertificateRequest: b.Raw, RawSubject: b.Subject.FullBytes, RawSubjectPublicKeyInfo: b.Key.FullBytes,
		Version: b.Version, Subject: plainName(b.Subject.FullBytes), Signature: raw.Signature.RightAlign(),
	}
	r.PublicKey = publicKeyOf(r.RawSubjectPublicKeyInfo)
	for _, a := range requestAttributes(b.Raw) {
		if a.oid != extensionRequest || len(a.values) == 0 {
			continue
		}
		if unmarshal(a.values[0].FullBytes, &r.Extensions) != nil {
			return nil, false
		}
	}
	for _, e := range r.Extensions {
		if e.Id.String() == "2.5.29.17" {
			r.DNSNames, r.EmailAddresses, r.IPAddresses, r.URIs = plainNames(e.Value)
		}
	}
	return r, true
}

// lenientCRL reads a CRL of version 1, which `openssl ca -gencrl` makes where no CRL number is configured.
func lenientCRL(der []byte) (*x509.RevocationList, bool) {
	var raw struct {
		Body struct {
			Raw        asn1.RawContent
			Algorithm  pkix.AlgorithmIdentifier
			Issuer     asn1.RawValue
			ThisUpdate time.Time
			NextUpdate time.Time `asn1:"optional"`
			Revoked    []struct {
				Serial *big.Int
				Time   time.Time
			} `asn1:"optional"`
		}
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if unmarshal(der, &raw) != nil {
		return nil, false
	}
	b := raw.Body
	if _, ok := verify.ParseName(b.Issuer.FullBytes); !ok {
		return nil, false
	}
	known := map[string]x509.SignatureAlgorithm{
		"sha256WithRSAEncryption": x509.SHA256WithRSA, "sha384WithRSAEncryption": x509.SHA384WithRSA, "sha512WithRSAEncryption": x509.SHA512WithRSA,
		"ecdsa-with-SHA256": x509.ECDSAWithSHA256, "ecdsa-with-SHA384": x509.ECDSAWithSHA384, "ecdsa-with-SHA512": x509.ECDSAWithSHA512, "ED25519": x509.PureEd25519,
	}
	l := &x509.RevocationList{
		Raw: der, RawTBSRevocationList: b.Raw, RawIssuer: b.Issuer.FullBytes, Issuer: plainName(b.Issuer.FullBytes),
		ThisUpdate: b.ThisUpdate, NextUpdate: b.NextUpdate, Signature: raw.Signature.RightAlign(),
		SignatureAlgorithm: known[signatureName(der)],
	}
	for _, e := range b.Revoked {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: e.Serial, RevocationTime: e.Time})
	}
	return l, true
}

// crlVersion is the number in a CRL's version field; there is none in version 1.
func crlVersion(tbs []byte) int {
	var body struct {
		Version int `asn1:"optional,default:0"`
	}
	if _, err := asn1.Unmarshal(tbs, &body); err != nil {
		return 0
	}
	return body.Version
}
