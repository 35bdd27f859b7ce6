package inspect

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"time"

	"github.com/pkitool/pkitool/pki/verify"
)

// maxTrials bounds how many issuers of the right name are tried for one object.
const maxTrials = 16

// maxModulus is the size of RSA key with which signatures are checked, in bits, as openssl has it. A file can hold a
// key that keeps a machine busy for hours.
const maxModulus = 16384

func affordable(pub crypto.PublicKey) bool {
	k, ok := pub.(*rsa.PublicKey)
	return !ok || k.N.BitLen() <= maxModulus
}

// Issuers are CA certificates that may have signed something.
type Issuers struct {
	certs  []*x509.Certificate
	byName map[string][]int
}

// NewIssuers takes the candidates; what it finds are indexes into them.
func NewIssuers(candidates []*x509.Certificate) *Issuers {
	s := &Issuers{certs: candidates, byName: map[string][]int{}}
	for i, c := range candidates {
		if n, ok := verify.ParseName(c.RawSubject); ok {
			s.byName[n.Key()] = append(s.byName[n.Key()], i)
		}
	}
	return s
}

// Of finds the CA that signed a certificate or a CRL and may have, whatever the dates: by the path validation of
// package verify, for a CRL by its signature. It returns the index; false if none did.
func (s *Issuers) Of(o Object) (int, bool) {
	var raw []byte
	switch {
	case o.Certificate != nil:
		raw = o.Certificate.RawIssuer
	case o.CRL != nil:
		raw = o.CRL.RawIssuer
	default:
		return 0, false
	}
	name, ok := verify.ParseName(raw)
	if !ok {
		return 0, false
	}
	named := s.byName[name.Key()]
	for _, i := range named[:min(len(named), maxTrials)] {
		if ca := s.certs[i]; affordable(ca.PublicKey) && o.signedBy(ca) {
			return i, true
		}
	}
	return 0, false
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
	r := verify.Verify(target, verify.NewTrustedList([]*verify.Certificate{issuer}), nil, nil, onlySignatures())
	return r.OK && len(r.Chain) == 2
}

// signedItself reports whether a certificate's own key signed it: by package verify, which knows algorithms that
// crypto/x509 has no longer or never had.
func signedItself(der []byte) bool {
	c, err := verify.ParseCertificate(der)
	if err != nil || !c.SelfSigned() {
		return false
	}
	opts := onlySignatures()
	opts.CheckSSSig = true
	return verify.Verify(c, verify.NewTrustedList([]*verify.Certificate{c}), nil, nil, opts).OK
}

// onlySignatures judges who signed, and neither dates nor purposes.
func onlySignatures() verify.Options {
	opts := verify.NewOptions(time.Time{})
	opts.PartialChain, opts.NoCheckTime, opts.Purpose, opts.IgnoreCritical = true, true, verify.PurposeNone, true
	return opts
}
