package pki

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/pkitool/pkitool/pki/internal/sign"
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
	// Renews is the certificate in whose place this one comes: rules of RFC 5280 that
	// it breaks (a URI whose host is no domain, say) may be broken again, no others.
	Renews *x509.Certificate
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

// check says what is wrong with a template by itself.
func (t Template) check() error {
	if err := t.Subject.Check(); err != nil {
		return err
	}
	if !seconds(t.NotAfter).After(seconds(t.NotBefore)) {
		return fmt.Errorf("validity ends (%s) before it begins (%s)", stamp(t.NotAfter), stamp(t.NotBefore))
	}
	if t.PathLen != nil && (!t.CA || *t.PathLen < 0) {
		return fmt.Errorf("path length %d: only a CA has one, and it is not negative", *t.PathLen)
	}
	if !t.CA && len(t.ExtKeyUsage)+len(t.UnknownExtKeyUsage) == 0 {
		return fmt.Errorf("a certificate that is not a CA needs an extended key usage")
	}
	return nil
}

// request is the template in the signing engine's terms.
func (t Template) request(pub crypto.PublicKey) (sign.Request, error) {
	r := sign.Request{
		Subject:            t.Subject.name(),
		RawSubject:         t.Subject.raw,
		DNSNames:           t.SANs.DNS,
		EmailAddresses:     t.SANs.Emails,
		RawSANs:            t.RawSANs,
		CA:                 t.CA,
		MaxPathLen:         -1,
		KeyUsage:           t.KeyUsage(pub),
		ExtKeyUsage:        t.ExtKeyUsage,
		UnknownExtKeyUsage: t.UnknownExtKeyUsage,
		NotBefore:          seconds(t.NotBefore),
		NotAfter:           seconds(t.NotAfter),
		SubjectKeyID:       t.SubjectKeyID,
	}
	if t.PathLen != nil {
		r.MaxPathLen = *t.PathLen
	}
	for _, ip := range t.SANs.IPs {
		r.IPAddresses = append(r.IPAddresses, net.IP(ip.AsSlice()))
	}
	for _, s := range t.SANs.URIs {
		u, err := url.Parse(s)
		if err != nil {
			return sign.Request{}, err
		}
		r.URIs = append(r.URIs, u)
	}
	return r, nil
}

// NewCSR makes a PKCS #10 request (DER) for what the template asks for, signed
// by key. The usages stand in it as requested extensions.
func NewCSR(t Template, key crypto.Signer) ([]byte, error) {
	if err := t.Subject.Check(); err != nil {
		return nil, err
	}
	r, err := t.request(key.Public())
	if err != nil {
		return nil, err
	}
	return sign.CSR(r, key)
}

func seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func marshalName(n pkix.RDNSequence) ([]byte, error) { return asn1.Marshal(n) }
