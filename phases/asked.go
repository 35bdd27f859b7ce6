package phases

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/pkitool/pkitool/pki"
)

// moreSubject are the attributes of a requested subject but its common name
// and its organizations. Of several common names the last is the user (Go, and
// so the API server, reads it so): the others are more than can be granted.
func moreSubject(name pkix.Name) []string {
	var out []string
	for _, a := range name.Names {
		value, text := a.Value.(string)
		switch id := a.Type.String(); {
		case text && id == "2.5.4.10", text && id == "2.5.4.3" && value == name.CommonName:
		case text && id == "1.2.840.113549.1.9.1": // no name in RFC 4514, but in many a request made by hand
			out = append(out, "emailAddress="+value)
		default:
			out = append(out, pkix.RDNSequence{{a}}.String())
		}
	}
	return out
}

// moreNames are the requested names of the kinds that x509 passes over
// (RFC 5280 4.2.1.6: by their tags).
func moreNames(extension []byte) ([]string, error) {
	var names []asn1.RawValue
	if rest, err := asn1.Unmarshal(extension, &names); err != nil || len(rest) > 0 {
		return nil, errors.New("subject alternative names of the request cannot be read")
	}
	var out []string
	for _, n := range names {
		switch n.Tag {
		case 1, 2, 6, 7: // email, DNS, URI, IP
		case 0:
			out = append(out, "a name of the kind otherName")
		case 4:
			out = append(out, "a name of the kind directoryName")
		case 8:
			out = append(out, "a name of the kind registeredID")
		default:
			out = append(out, fmt.Sprintf("a name of the kind %d", n.Tag))
		}
	}
	return out, nil
}

// validNames puts requested names through the doors that names on a command
// line go through: whoever wrote the request may have written anything.
func validNames(asked pki.SANs) (pki.SANs, []error) {
	var all []pki.SANs
	var faults []error
	for _, text := range asked.Strings() {
		s, err := pki.ParseTypedSAN(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("asks for a name that cannot be granted: %w", err))
		}
		all = append(all, s)
	}
	return pki.Join(all...), faults
}

// keyUsageNames are the key usages of RFC 5280 4.2.1.3 by their bits.
func keyUsageNames() []string {
	return []string{"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}
}

// KeyUsageNames are the key usages of a request in words.
func (c CSR) KeyUsageNames() []string { return usagesIn(c.KeyUsage) }

// authorityUsages are those of a set that only a CA has.
func authorityUsages(u x509.KeyUsage) []string {
	return usagesIn(u & (x509.KeyUsageCertSign | x509.KeyUsageCRLSign))
}

func usagesIn(u x509.KeyUsage) []string {
	var out []string
	for i, name := range keyUsageNames() {
		if u&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}
