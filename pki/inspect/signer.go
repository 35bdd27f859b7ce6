package inspect

import (
	"crypto/x509"
	"time"

	"github.com/pkitool/pkitool/pki/verify"
)

// maxTrials bounds how many issuers of the right name are tried: a signature check costs a tenth of a millisecond.
const maxTrials = 64

// Signer finds the CA among candidates that signed the object and may have, whatever the dates: by the path
// validation of package verify, for CRLs by the signature. It returns the index; false if none did.
func (o Object) Signer(candidates []*x509.Certificate) (int, bool) {
	trials := 0
	for i, ca := range candidates {
		if !o.namesIssuer(ca) {
			continue
		}
		if trials++; trials > maxTrials {
			break
		}
		if o.signedBy(ca) {
			return i, true
		}
	}
	return 0, false
}

func (o Object) namesIssuer(ca *x509.Certificate) bool {
	raw := []byte(nil)
	switch {
	case o.Certificate != nil:
		raw = o.Certificate.RawIssuer
	case o.CRL != nil:
		raw = o.CRL.RawIssuer
	default:
		return false
	}
	a, ok := verify.ParseName(raw)
	b, ok2 := verify.ParseName(ca.RawSubject)
	return ok && ok2 && a.Equal(b)
}

func (o Object) signedBy(ca *x509.Certificate) bool {
	if o.CRL != nil {
		return o.CRL.CheckSignatureFrom(ca) == nil
	}
	target, err := verify.ParseCertificate(o.Certificate.Raw)
	if err != nil {
		return false
	}
	issuer, err := verify.ParseCertificate(ca.Raw)
	if err != nil || target.Equal(issuer) {
		return false
	}
	opts := verify.NewOptions(time.Time{})
	opts.PartialChain, opts.NoCheckTime, opts.Purpose, opts.IgnoreCritical = true, true, verify.PurposeNone, true
	r := verify.Verify(target, verify.NewTrustedList([]*verify.Certificate{issuer}), nil, nil, opts)
	return r.OK && len(r.Chain) == 2
}
