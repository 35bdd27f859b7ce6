package inspect

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// Description is what an object says of itself, in the words of this field. Its JSON is an interface: fields are added,
// never renamed.
type Description struct {
	Kind  Kind   `json:"kind"`
	Where string `json:"where,omitempty"` // where in the file
	// Role is what the object is for, from its CA flag and extended key usages; "" where nothing says it.
	Role    string `json:"role,omitempty"`
	Subject string `json:"subject,omitempty"`
	// User and Groups are who the API server takes a client with this certificate for: CN and every O, to the character.
	User   string   `json:"user,omitempty"`
	Groups []string `json:"groups,omitempty"`
	Names  []string `json:"names,omitempty"` // typed: DNS:, IP:, URI:, email:; openssl's words for other types
	Issuer string   `json:"issuer,omitempty"`
	Serial string   `json:"serialNumber,omitempty"` // hexadecimal

	// The times are nil where there are none, and where they cannot be read.
	NotBefore  *time.Time `json:"notBefore,omitempty"`
	NotAfter   *time.Time `json:"notAfter,omitempty"`
	ThisUpdate *time.Time `json:"thisUpdate,omitempty"` // of a CRL
	NextUpdate *time.Time `json:"nextUpdate,omitempty"`
	CRLNumber  string     `json:"crlNumber,omitempty"` // decimal
	Revoked    *int       `json:"revoked,omitempty"`   // how many certificates a CRL revokes

	Key          string   `json:"key,omitempty"` // as KeyAlgorithm: RSA-2048; the name of a type that is not supported
	Encrypted    bool     `json:"encrypted,omitempty"`
	Usages       []string `json:"usages,omitempty"`
	Extended     []string `json:"extendedUsages,omitempty"`
	Signature    string   `json:"signatureAlgorithm,omitempty"`
	SelfSigned   bool     `json:"selfSigned,omitempty"`         // the object's own key signed it
	Unchecked    bool     `json:"signatureUnchecked,omitempty"` // a request's, of an algorithm or by a key that is not supported
	SHA256       string   `json:"sha256,omitempty"`             // of the encoding, hexadecimal
	PublicSHA256 string   `json:"publicKeySHA256,omitempty"`
}

// Describe says what the object is.
func (o Object) Describe() Description {
	d := Description{Kind: o.Kind, Where: o.Where, Encrypted: o.Encrypted}
	if o.keyInfo != nil {
		d.PublicSHA256 = sum(o.keyInfo)
		if _, d.Key = verify.PublicKey(o.keyInfo); d.Key == "" {
			d.Key = "cannot be decoded"
		}
	}
	if o.Public != nil {
		d.Key = pki.DescribeKey(o.Public)
		if der, err := x509.MarshalPKIXPublicKey(o.Public); err == nil {
			d.PublicSHA256 = sum(der)
		}
	}
	switch {
	case o.Certificate != nil:
		d.certificate(o.Certificate)
	case o.Request != nil:
		d.request(o.Request)
	case o.CRL != nil:
		d.crl(o.CRL)
	}
	return d
}

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func (d *Description) certificate(c *verify.Certificate) {
	_, outer := c.SignatureAlgorithms()
	d.Issuer = nameText(c.Issuer())
	d.Serial = fmt.Sprintf("%x", c.Serial())
	d.NotBefore, d.NotAfter = moment(c.NotBefore()), moment(c.NotAfter())
	d.Signature, d.SHA256 = openssl.ObjectName(outer.OID), sum(c.Raw)
	d.SelfSigned = signedItself(c)
	d.subject(c.Subject(), c.Extensions())
	if d.Role == roleCA && d.SelfSigned {
		d.Role = "root CA"
	}
}

func moment(t time.Time, ok bool) *time.Time {
	if !ok {
		return nil
	}
	return &t
}

func (d *Description) request(q *verify.Request) {
	d.Signature, d.SHA256 = openssl.ObjectName(q.SignatureAlgorithm().OID), sum(q.Raw)
	err := q.CheckSignature()
	d.SelfSigned, d.Unchecked = err == nil, errors.Is(err, verify.ErrRequestUnchecked)
	list, _ := q.Extensions()
	d.subject(q.Subject(), list)
}

func (d *Description) crl(l *verify.CRL) {
	d.Issuer = nameText(l.Issuer())
	d.ThisUpdate, d.NextUpdate = moment(l.ThisUpdate()), moment(l.NextUpdate())
	if n := l.Number(); n != nil {
		d.CRLNumber = n.String()
	}
	n := l.Len()
	d.Revoked = &n
	d.Signature, d.SHA256 = openssl.ObjectName(l.SignatureAlgorithm().OID), sum(l.Raw)
}

// subject says for whom and for what a certificate is, or is asked for.
func (d *Description) subject(n verify.Name, list []verify.Extension) {
	d.Subject = nameText(n)
	ca := false
	var usages []string
	for _, x := range list {
		r := verify.NewReader(x.Value)
		switch x.OID {
		case oidKeyUsage:
			d.Usages = bitNames(r.Bits(r.Universal(tagBitString)), keyUsageNames)
		case oidAltNames:
			d.Names = names(r)
		case oidBasicConstraints:
			is, _ := basicConstraints(r)
			ca = is && r.OK()
		case oidExtKeyUsage:
			usages = oids(r)
			for _, oid := range usages {
				d.Extended = append(d.Extended, openssl.ObjectName(oid))
			}
		}
	}
	has := func(oid string) bool { return slices.Contains(usages, oid) }
	d.Role = role(ca, has)
	if ca || len(usages) > 0 && !has(oidClientAuth) && !has(oidAnyUsage) {
		return // the API server takes it for nobody
	}
	subject := subjectOf(n)
	d.User = subject.CommonName
	d.Groups = subject.Organization
}

func names(r *verify.Reader) []string {
	var out []string
	for _, n := range r.List().GeneralNames() {
		text, _ := nameWords(n, altName)
		if a, ok := netip.AddrFromSlice(n.Value); ok && n.Kind == verify.IPName {
			text = "IP:" + a.String()
		}
		out = append(out, text)
	}
	return out
}

const roleCA = "CA"

// role says what a certificate is good for in a cluster.
func role(ca bool, has func(usage string) bool) string {
	switch {
	case ca:
		return roleCA
	case has(oidAnyUsage):
		return "any purpose"
	case has(oidServerAuth) && has(oidClientAuth):
		return "server and client"
	case has(oidServerAuth):
		return "server"
	case has(oidClientAuth):
		return "client"
	}
	return ""
}
