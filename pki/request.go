package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/pkitool/pkitool/pki/internal/cfssl"
)

// NewCSR makes a PKCS #10 request (DER) for what the template asks for, signed by key, and proves it. The usages are
// in it as requested extensions, so that whoever signs it sees what it is for.
func NewCSR(t Template, key crypto.Signer) ([]byte, error) {
	if err := t.Subject.Check(); err != nil {
		return nil, err
	}
	if err := t.SANs.check(); err != nil {
		return nil, err
	}
	subject, err := t.Subject.encode()
	if err != nil {
		return nil, err
	}
	uris, err := t.SANs.urls()
	if err != nil {
		return nil, err
	}
	usages, err := t.usageExtensions(key.Public())
	if err != nil {
		return nil, err
	}
	der, err := cfssl.Request(&x509.CertificateRequest{
		Subject: t.Subject.name(), RawSubject: t.Subject.raw, DNSNames: t.SANs.DNS, IPAddresses: t.SANs.netIPs(),
		EmailAddresses: t.SANs.Emails, URIs: uris, ExtraExtensions: usages,
	}, key)
	if err != nil {
		return nil, err
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("request cannot be read back: %w", err)
	}
	names := SANsOf(&x509.Certificate{DNSNames: r.DNSNames, IPAddresses: r.IPAddresses, URIs: r.URIs, EmailAddresses: r.EmailAddresses})
	if !bytes.Equal(r.RawSubject, subject) || !sameSANs(names, t.SANs) || !SameKey(r.PublicKey, key.Public()) || r.CheckSignature() != nil {
		return nil, errors.New("request is not what was asked for")
	}
	return der, nil
}

// usageExtensions are the key usage and the extended key usages, encoded.
func (t Template) usageExtensions(pub crypto.PublicKey) ([]pkix.Extension, error) {
	// RFC 5280 4.2.1.3: a BIT STRING whose bit 0 is the most significant bit of the first octet, without trailing zeros.
	ku := t.KeyUsage(pub)
	bits := asn1.BitString{Bytes: make([]byte, 1)}
	for i := range 8 {
		if ku&(1<<i) != 0 {
			bits.Bytes[0] |= 0x80 >> i
			bits.BitLength = i + 1
		}
	}
	value, err := asn1.Marshal(bits)
	if err != nil {
		return nil, err
	}
	out := []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: value}}
	var oids []asn1.RawValue
	add := func(oid x509.OID) error {
		der, err := oid.MarshalBinary()
		oids = append(oids, asn1.RawValue{Tag: asn1.TagOID, Bytes: der})
		return err
	}
	for _, u := range t.ExtKeyUsage {
		if u < x509.ExtKeyUsageAny || u > x509.ExtKeyUsageMicrosoftKernelCodeSigning {
			return nil, fmt.Errorf("extended key usage %d is not known", u)
		}
		if err := add(u.OID()); err != nil {
			return nil, err
		}
	}
	for _, u := range t.UnknownExtKeyUsage {
		oid, err := x509.OIDFromASN1OID(u)
		if err != nil {
			return nil, err
		}
		if err := add(oid); err != nil {
			return nil, err
		}
	}
	if len(oids) == 0 {
		return out, nil
	}
	if value, err = asn1.Marshal(oids); err != nil {
		return nil, err
	}
	return append(out, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: value}), nil
}
