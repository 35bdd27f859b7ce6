package inspect

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/pkitool/pkitool/pki"
)

// Description is what an object says of itself, in the words of this field. Its JSON is an interface: fields are added,
// never renamed.
type Description struct {
	Kind  Kind   `json:"kind"`
	Where string `json:"where,omitempty"` // where in the file
	// Role is what the object is for, from its CA flag and extended key usages; "" where nothing says it.
	Role    string `json:"role,omitempty"`
	Subject string `json:"subject,omitempty"`
	// User and Groups are who the API server takes a client with this certificate for: CN and every O.
	User   string   `json:"user,omitempty"`
	Groups []string `json:"groups,omitempty"`
	Names  []string `json:"names,omitempty"` // typed: DNS:, IP:, URI:, email:
	Issuer string   `json:"issuer,omitempty"`
	Serial string   `json:"serialNumber,omitempty"` // hexadecimal

	NotBefore  *time.Time `json:"notBefore,omitempty"`
	NotAfter   *time.Time `json:"notAfter,omitempty"`
	ThisUpdate *time.Time `json:"thisUpdate,omitempty"` // of a CRL
	NextUpdate *time.Time `json:"nextUpdate,omitempty"`
	CRLNumber  string     `json:"crlNumber,omitempty"` // decimal
	Revoked    *int       `json:"revoked,omitempty"`   // how many certificates a CRL revokes

	Key          string   `json:"key,omitempty"` // as KeyAlgorithm: RSA-2048; openssl's name for a rare one
	Encrypted    bool     `json:"encrypted,omitempty"`
	Usages       []string `json:"usages,omitempty"`
	Extended     []string `json:"extendedUsages,omitempty"`
	Signature    string   `json:"signatureAlgorithm,omitempty"`
	SelfSigned   bool     `json:"selfSigned,omitempty"`         // the object's own key signed it
	Unchecked    bool     `json:"signatureUnchecked,omitempty"` // a request's, of an algorithm or by a key that is not known here
	SHA256       string   `json:"sha256,omitempty"`             // of the encoding, hexadecimal
	PublicSHA256 string   `json:"publicKeySHA256,omitempty"`
}

// Describe says what the object is.
func (o Object) Describe() Description {
	d := Description{Kind: o.Kind, Where: o.Where, Encrypted: o.Encrypted}
	if o.Public != nil {
		d.Key = pki.DescribeKey(o.Public)
		if der, err := x509.MarshalPKIXPublicKey(o.Public); err == nil {
			d.PublicSHA256 = sum(der)
		}
	}
	switch {
	case o.Certificate != nil:
		d.rareKey(o.Public, o.Certificate.RawSubjectPublicKeyInfo)
		d.certificate(o.Certificate)
	case o.Request != nil:
		d.rareKey(o.Public, o.Request.RawSubjectPublicKeyInfo)
		d.request(o.Request)
	case o.CRL != nil:
		d.crl(o.CRL)
	}
	return d
}

// rareKey names a key that nothing here can read.
func (d *Description) rareKey(pub crypto.PublicKey, spki []byte) {
	if pub == nil {
		d.Key, d.PublicSHA256 = keyName(spki), sum(spki)
	}
}

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func (d *Description) certificate(c *x509.Certificate) {
	d.who(c.Subject, c.RawSubject)
	d.Issuer = nameText(c.RawIssuer)
	d.Names = names(c.DNSNames, c.IPAddresses, c.URIs, c.EmailAddresses)
	d.Serial = fmt.Sprintf("%x", c.SerialNumber)
	d.NotBefore, d.NotAfter = &c.NotBefore, &c.NotAfter
	d.Usages, d.Extended = usages(c.KeyUsage), extended(c.Extensions)
	d.Signature = signatureName(c.Raw)
	d.SHA256 = sum(c.Raw)
	d.SelfSigned = affordable(c.PublicKey) && signedItself(c.Raw)
	d.Role = role(c.IsCA, c.ExtKeyUsage)
	if c.IsCA && d.SelfSigned {
		d.Role = "root CA"
	}
	if c.IsCA || !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) && len(d.Extended) > 0 {
		d.User, d.Groups = "", nil // the API server takes it for nobody
	}
}

func (d *Description) request(r *x509.CertificateRequest) {
	d.who(r.Subject, r.RawSubject)
	d.Names = names(r.DNSNames, r.IPAddresses, r.URIs, r.EmailAddresses)
	d.Signature = signatureName(r.Raw)
	d.SHA256 = sum(r.Raw)
	d.Extended = extended(r.Extensions)
	err := x509.ErrUnsupportedAlgorithm
	if r.PublicKey != nil && affordable(r.PublicKey) {
		err = r.CheckSignature()
	}
	var broken x509.InsecureAlgorithmError
	d.SelfSigned, d.Unchecked = err == nil, errors.Is(err, x509.ErrUnsupportedAlgorithm) || errors.As(err, &broken)
	c := x509.Certificate{}
	for _, e := range r.Extensions {
		switch e.Id.String() {
		case "2.5.29.15":
			if lines, ok := keyUsageText(e.Value); ok {
				d.Usages = lines
			}
		case "2.5.29.19":
			lines, ok := basicConstraintsText(e.Value)
			c.IsCA = ok && lines[0] != "CA:FALSE"
		}
	}
	d.Role = role(c.IsCA, usagesOf(r.Extensions))
}

func (d *Description) crl(l *x509.RevocationList) {
	d.Issuer = nameText(l.RawIssuer)
	d.ThisUpdate = &l.ThisUpdate
	if !l.NextUpdate.IsZero() {
		d.NextUpdate = &l.NextUpdate
	}
	if l.Number != nil {
		d.CRLNumber = l.Number.String()
	}
	n := len(l.RevokedCertificateEntries)
	d.Revoked = &n
	d.Signature = signatureName(l.Raw)
	d.SHA256 = sum(l.Raw)
}

func (d *Description) who(n pkix.Name, raw []byte) {
	d.Subject = nameText(raw)
	d.User = printable(n.CommonName)
	for _, g := range n.Organization {
		d.Groups = append(d.Groups, printable(g))
	}
}

func names(dns []string, ips []net.IP, uris []*url.URL, emails []string) []string {
	var out []string
	for _, n := range dns {
		out = append(out, "DNS:"+printable(n))
	}
	for _, n := range ips {
		out = append(out, "IP:"+n.String())
	}
	for _, n := range uris {
		out = append(out, "URI:"+printable(n.String()))
	}
	for _, n := range emails {
		out = append(out, "email:"+printable(n))
	}
	return out
}

// role says what a certificate is good for in a cluster.
func role(ca bool, eku []x509.ExtKeyUsage) string {
	server := slices.Contains(eku, x509.ExtKeyUsageServerAuth)
	client := slices.Contains(eku, x509.ExtKeyUsageClientAuth)
	switch {
	case ca:
		return "CA"
	case slices.Contains(eku, x509.ExtKeyUsageAny):
		return "any purpose"
	case server && client:
		return "server and client"
	case server:
		return "server"
	case client:
		return "client"
	}
	return ""
}

func usagesOf(list []pkix.Extension) []x509.ExtKeyUsage {
	var out []x509.ExtKeyUsage
	for _, u := range extended(list) {
		switch u {
		case "TLS Web Server Authentication":
			out = append(out, x509.ExtKeyUsageServerAuth)
		case "TLS Web Client Authentication":
			out = append(out, x509.ExtKeyUsageClientAuth)
		case "Any Extended Key Usage":
			out = append(out, x509.ExtKeyUsageAny)
		}
	}
	return out
}

func usages(u x509.KeyUsage) []string {
	var out []string
	for i, name := range keyUsageNames {
		if u&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

func extended(list []pkix.Extension) []string {
	for _, e := range list {
		if e.Id.String() == "2.5.29.37" {
			if names, ok := extKeyUsages(e.Value); ok {
				return names
			}
		}
	}
	return nil
}
