package inspect

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/verify"
	"github.com/pkitool/pkitool/pki/verify/openssl"
)

// The extensions and extended key usages that a cluster's certificates have (RFC 5280 section 4.2).
const (
	oidSubjectKeyID     = "2.5.29.14"
	oidKeyUsage         = "2.5.29.15"
	oidAltNames         = "2.5.29.17"
	oidBasicConstraints = "2.5.29.19"
	oidExtKeyUsage      = "2.5.29.37"
	oidAnyUsage         = "2.5.29.37.0"
	oidServerAuth       = "1.3.6.1.5.5.7.3.1"
	oidClientAuth       = "1.3.6.1.5.5.7.3.2"

	oidCommonName   = "2.5.4.3"
	oidOrganization = "2.5.4.10"

	tagBitString = asn1.TagBitString
)

// Request is what a certificate request asks for. Its own key has signed it.
type Request struct {
	Subject pki.Subject
	SANs    pki.SANs // as they are asked for: who grants them checks them
	// Usages and UnknownUsages are the extended key usages asked for, CA whether to be a CA.
	Usages        []x509.ExtKeyUsage
	UnknownUsages []string // by number
	CA            bool
	// KeyUsage is asked for as well; what is granted follows from the profile and the key.
	KeyUsage x509.KeyUsage
	Public   crypto.PublicKey
	// MoreSubject, MoreNames and MoreExtensions are what is asked for beyond all this, in words: attributes of the
	// subject but CN and O, names of other kinds, extensions. There is no way to grant them.
	MoreSubject, MoreNames, MoreExtensions []string
	// Beside is what asks for nothing that a certificate of ours could have, in words: attributes such as a challenge
	// password, and a subject key identifier, which is made from the key.
	Beside []string
}

// maxRequest bounds a request, in bytes of DER: a TLS handshake carries no larger certificate.
const maxRequest = 64 << 10

// ReadRequest reads the one certificate request of a file, PEM or DER, and checks that it is signed by its own key,
// which must be one that Kubernetes components take. What is asked for in a way that cannot be read is an error, and so
// is what is asked for twice in different ways; errors are findings.
func ReadRequest(data []byte) (Request, error) {
	q, err := requestIn(data)
	if err != nil {
		return Request{}, err
	}
	if len(q.Raw) > maxRequest {
		return Request{}, finding.New(finding.RequestTooLarge)
	}
	if err := checkSigned(q); err != nil {
		return Request{}, err
	}
	r := Request{Subject: subjectOf(q.Subject()), MoreSubject: moreSubject(q.Subject())}
	r.Public, _ = verify.PublicKey(q.PublicKeyInfo())
	for _, a := range q.Attributes() {
		if a.OID != verify.ExtensionRequest && a.OID != verify.MicrosoftExtensionRequest {
			r.Beside = append(r.Beside, "the attribute "+openssl.ObjectName(a.OID))
		}
	}
	list, ok := q.Extensions()
	if !ok {
		return Request{}, finding.New(finding.RequestPartBroken, "list of extensions")
	}
	seen := map[string]verify.Extension{}
	for _, x := range list {
		if before, again := seen[x.OID]; again {
			if x.Critical != before.Critical || !bytes.Equal(x.Value, before.Value) {
				return Request{}, finding.New(finding.RequestContradictory, openssl.ObjectName(x.OID))
			}
			continue
		}
		seen[x.OID] = x
		if what, ok := r.extension(x); !ok {
			return Request{}, finding.New(finding.RequestPartBroken, what)
		}
	}
	return r, nil
}

// requestIn finds the request in a file: beside it there may be its key.
func requestIn(data []byte) (*verify.Request, error) {
	objects, faults := Parse(data)
	var found *verify.Request
	for _, o := range objects {
		switch {
		case o.Request != nil && found != nil:
			return nil, finding.New(finding.RequestSeveral)
		case o.Request != nil:
			found = o.Request
		}
	}
	switch {
	case len(faults) > 0:
		return nil, faults[0]
	case found == nil:
		return nil, finding.New(finding.RequestNone, string(objects[0].Kind))
	}
	return found, nil
}

// checkSigned asks for a key that Kubernetes components take, and for a signature by it that proves something.
func checkSigned(q *verify.Request) error {
	switch hash := q.Hash(); hash {
	case "MD2", "MD4", "MD5", "MDC-2", "RIPEMD-160", "SHA-0", "SHA-1":
		return finding.New(finding.RequestSignatureWeak, hash)
	}
	pub, other := verify.PublicKey(q.PublicKeyInfo())
	switch {
	case other != "":
		return finding.New(finding.RequestKeyUnfit, fmt.Sprintf("key of type %s is not accepted", other))
	case pub == nil:
		return finding.New(finding.RequestKeyUnfit, "key cannot be decoded")
	}
	if fault := pki.KeyFault(pub); fault != nil {
		return finding.New(finding.RequestKeyUnfit, fault.Text())
	}
	switch err := q.CheckSignature(); {
	case errors.Is(err, verify.ErrRequestUnchecked):
		return finding.New(finding.RequestSignatureUnsupported, openssl.ObjectName(q.SignatureAlgorithm().OID))
	case err != nil:
		return finding.New(finding.RequestSignatureWrong)
	}
	return nil
}

// extension takes one extension that is asked for; false where it cannot be read, and what it is.
func (r *Request) extension(x verify.Extension) (what string, ok bool) {
	in := verify.NewReader(x.Value)
	switch x.OID {
	case oidBasicConstraints:
		what = "basic constraints"
		ca, path := basicConstraints(in)
		if r.CA = ca; path != nil && !ca {
			r.MoreExtensions = append(r.MoreExtensions, "a path length without being a CA")
		}
	case oidExtKeyUsage:
		what = "extended key usage"
		for _, oid := range oids(in) {
			if u, known := usageOf(oid); known {
				r.Usages = append(r.Usages, u)
			} else {
				r.UnknownUsages = append(r.UnknownUsages, oid)
			}
		}
	case oidKeyUsage:
		what = "key usage"
		for i, octet := range in.Bits(in.Universal(tagBitString)) {
			for bit := range 8 {
				switch at := 8*i + bit; {
				case octet&(0x80>>bit) == 0:
				case at < len(usageNames):
					r.KeyUsage |= 1 << at
				default:
					r.MoreExtensions = append(r.MoreExtensions, fmt.Sprintf("the key usage bit %d", at))
				}
			}
		}
	case oidAltNames:
		what = "subject alternative names"
		for _, n := range in.List().GeneralNames() {
			in.Require(r.name(n))
		}
	case oidSubjectKeyID:
		r.Beside = append(r.Beside, "a subject key identifier")
		return "", true
	default:
		r.MoreExtensions = append(r.MoreExtensions, "the extension "+x.OID)
		return "", true
	}
	in.End()
	return what, in.OK()
}

func (r *Request) name(n verify.GeneralName) bool {
	switch n.Kind {
	case verify.DNSName:
		r.SANs.DNS = append(r.SANs.DNS, string(n.Value))
	case verify.EmailName:
		r.SANs.Emails = append(r.SANs.Emails, string(n.Value))
	case verify.URIName:
		r.SANs.URIs = append(r.SANs.URIs, string(n.Value))
	case verify.IPName:
		a, ok := netip.AddrFromSlice(n.Value)
		r.SANs.IPs = append(r.SANs.IPs, a.Unmap())
		return ok
	default:
		kind := map[int]string{verify.OtherName: "otherName", verify.X400Name: "x400Address", verify.DirectoryName: "directoryName",
			verify.EDIPartyName: "ediPartyName", verify.RegisteredID: "registeredID"}[n.Kind]
		r.MoreNames = append(r.MoreNames, "a name of the kind "+kind)
	}
	return true
}

// subjectOf is a name as the API server reads it: of several common names the last is the user.
func subjectOf(n verify.Name) pki.Subject {
	var name pkix.Name
	for _, a := range n.Attributes() {
		text, ok := a.Text()
		switch {
		case ok && a.Type == oidCommonName:
			name.CommonName = text
		case ok && a.Type == oidOrganization:
			name.Organization = append(name.Organization, text)
		}
	}
	return pki.SubjectOf(name, n.Raw())
}

// moreSubject are the attributes of a requested subject but its common name and its organizations. Of several common
// names the others are more than can be granted.
func moreSubject(n verify.Name) []string {
	user := subjectOf(n).CommonName
	var out []string
	for _, a := range n.Attributes() {
		text, ok := a.Text()
		switch {
		case ok && a.Type == oidOrganization, ok && a.Type == oidCommonName && text == user:
			continue
		case !ok:
			text = "#" + hex.EncodeToString(a.DER)
		}
		out = append(out, openssl.ObjectShortName(a.Type)+"="+text)
	}
	return out
}

// usageOf is an extended key usage by its number, if crypto/x509 has a name for it.
func usageOf(oid string) (x509.ExtKeyUsage, bool) {
	for u := x509.ExtKeyUsageAny; u <= x509.ExtKeyUsageMicrosoftKernelCodeSigning; u++ {
		if u.OID().String() == oid {
			return u, true
		}
	}
	return 0, false
}

// UsageNames are the extended key usages of a request in words, or in numbers where there are none.
func (r Request) UsageNames() []string {
	var out []string
	for _, u := range r.Usages {
		out = append(out, u.String())
	}
	return append(out, r.UnknownUsages...)
}

// usageNames are the key usages of RFC 5280 section 4.2.1.3 by their bits.
var usageNames = []string{"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}

// KeyUsageNames are the key usages of a request in words.
func (r Request) KeyUsageNames() []string { return usagesIn(r.KeyUsage) }

// AuthorityUsages are those that only a CA has.
func (r Request) AuthorityUsages() []string {
	return usagesIn(r.KeyUsage & (x509.KeyUsageCertSign | x509.KeyUsageCRLSign))
}

func usagesIn(u x509.KeyUsage) []string {
	var out []string
	for i, name := range usageNames {
		if u&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}
