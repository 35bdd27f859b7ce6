package pki

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pkitool/pkitool/finding"
)

// Backdate is how far before "now" a certificate begins to be valid, so that a
// peer whose clock is a little slow accepts it. kubeadm's value.
const Backdate = 5 * time.Minute

// Template is what is asked for: the whole of a certificate but its key, its
// serial number and what its issuer adds. The key usages follow from CA,
// ExtKeyUsage and the type of the key; they are never listed twice.
type Template struct {
	Subject Subject
	SANs    SANs
	// RawSANs, if not nil, is the encoded extension that says SANs, names of other
	// kinds too. It is taken as it is: a renewed certificate keeps its names byte for byte.
	RawSANs []byte
	// CA asks for a certificate authority. PathLen bounds the CAs below it; nil: unbounded.
	CA      bool
	PathLen *int

	ExtKeyUsage        []x509.ExtKeyUsage
	UnknownExtKeyUsage []asn1.ObjectIdentifier

	// NotBefore and NotAfter have a resolution of one second (RFC 5280 4.1.2.5).
	NotBefore, NotAfter time.Time

	// SubjectKeyID is set where a CA is renewed with its old key: its leaves name it by this.
	SubjectKeyID []byte
}

// KeyUsage is the key usage a certificate from this template has for a key.
// CA: digitalSignature, keyCertSign, cRLSign. RSA serving certificates:
// digitalSignature, keyEncipherment. All others: digitalSignature (RFC 8813
// forbids keyEncipherment for ECDSA; a client only ever signs).
func (t Template) KeyUsage(pub crypto.PublicKey) x509.KeyUsage {
	if t.CA {
		return x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	if _, isRSA := pub.(*rsa.PublicKey); isRSA && slices.Contains(t.ExtKeyUsage, x509.ExtKeyUsageServerAuth) {
		return x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	}
	return x509.KeyUsageDigitalSignature
}

// Check says what is wrong with a template by itself, whoever signs it.
func (t Template) Check() error {
	if err := t.Subject.Check(); err != nil {
		return err
	}
	if t.RawSANs == nil {
		if err := t.SANs.check(); err != nil {
			return err
		}
	}
	if !seconds(t.NotAfter).After(seconds(t.NotBefore)) {
		return fmt.Errorf("validity ends (%s) before it begins (%s)", finding.Stamp(t.NotAfter), finding.Stamp(t.NotBefore))
	}
	if t.PathLen != nil && (!t.CA || *t.PathLen < 0) {
		return fmt.Errorf("path length %d: only a CA has one, and it is not negative", *t.PathLen)
	}
	if !t.CA && len(t.ExtKeyUsage)+len(t.UnknownExtKeyUsage) == 0 {
		return errors.New("a certificate that is not a CA needs an extended key usage")
	}
	return nil
}

// certificate is the template in the terms of crypto/x509, which adds the
// serial number (159 random bits), the issuer and the algorithm of the
// signature: SHA-256 for RSA of every size, as kubeadm, the curve's own hash for ECDSA.
func (t Template) certificate(pub crypto.PublicKey) (*x509.Certificate, error) {
	subject, err := t.Subject.encode()
	if err != nil {
		return nil, err
	}
	uris, err := t.SANs.urls()
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{
		RawSubject:            subject,
		DNSNames:              t.SANs.DNS,
		IPAddresses:           t.SANs.netIPs(),
		EmailAddresses:        t.SANs.Emails,
		URIs:                  uris,
		BasicConstraintsValid: true,
		IsCA:                  t.CA,
		MaxPathLen:            pathLenWanted(t),
		MaxPathLenZero:        pathLenWanted(t) == 0,
		KeyUsage:              t.KeyUsage(pub),
		ExtKeyUsage:           t.ExtKeyUsage,
		UnknownExtKeyUsage:    t.UnknownExtKeyUsage,
		NotBefore:             seconds(t.NotBefore),
		NotAfter:              seconds(t.NotAfter),
		SubjectKeyId:          t.SubjectKeyID,
	}
	if t.RawSANs != nil {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: t.RawSANs}}
	}
	if c.SubjectKeyId == nil {
		if c.SubjectKeyId, err = keyID(pub); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// keyID is the identifier of a key: SHA-1 of its bits (RFC 5280 4.2.1.2 method 1), as openssl and every kubeadm
// until Go 1.25 made it. It names a key and protects nothing.
func keyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha1.Sum(info.Key.Bytes)
	return sum[:], nil
}

func seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
