package audit

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"

	"github.com/pkitool/pkitool/finding"
)

var basicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}

// strict tells what RFC 5280 demands of a certificate and lacks in this one, where Go does not mind and
// X509_V_FLAG_X509_STRICT of openssl does, which Python sets since 3.13. issuer may be nil: a CA without a key identifier
// has none to be named by, and is told of itself.
func strict(x, issuer *x509.Certificate) *finding.Finding {
	var lacks []string
	self := bytes.Equal(x.RawSubject, x.RawIssuer)
	if len(x.AuthorityKeyId) == 0 && !self && (issuer == nil || len(issuer.SubjectKeyId) > 0) {
		lacks = append(lacks, "it has no authority key identifier (4.2.1.1)")
	}
	if x.IsCA && x.Version == 3 {
		if len(x.SubjectKeyId) == 0 {
			lacks = append(lacks, "it is a CA without subject key identifier (4.2.1.2)")
		}
		if x.KeyUsage == 0 {
			lacks = append(lacks, "it is a CA without key usage (4.2.1.3)")
		}
		for _, e := range x.Extensions {
			if e.Id.Equal(basicConstraints) && !e.Critical {
				lacks = append(lacks, "its basic constraints are not critical (4.2.1.9)")
			}
		}
	}
	if len(x.SerialNumber.Bytes()) > 20 {
		lacks = append(lacks, "its serial number is longer than 20 octets (4.1.2.2)")
	}
	if len(lacks) == 0 {
		return nil
	}
	return finding.New(finding.StrictRefused, lacks...)
}
