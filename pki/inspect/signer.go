package inspect

import (
	"time"

	"github.com/pkitool/pkitool/pki/verify"
)

// maxTrials bounds how many issuers of the right name are tried for one object.
const maxTrials = 16

// Issuers are CA certificates that may have signed something.
type Issuers struct {
	cas    []Object
	byName map[string][]int
}

// NewIssuers takes the candidates, all certificates; what it finds are indexes into them.
func NewIssuers(candidates []Object) *Issuers {
	s := &Issuers{cas: candidates, byName: map[string][]int{}}
	for i, o := range candidates {
		key := o.Certificate.Subject().Key()
		s.byName[key] = append(s.byName[key], i)
	}
	return s
}

// Of finds the CA that signed a certificate or a CRL and may have, whatever the dates: by the path validation of
// package verify, for a CRL by its signature. It returns the index; false if none did.
func (s *Issuers) Of(o Object) (int, bool) {
	var name verify.Name
	switch {
	case o.Certificate != nil:
		name = o.Certificate.Issuer()
	case o.CRL != nil:
		name = o.CRL.Issuer()
	default:
		return 0, false
	}
	named := s.byName[name.Key()]
	for _, i := range named[:min(len(named), maxTrials)] {
		if o.signedBy(s.cas[i].Certificate) {
			return i, true
		}
	}
	return 0, false
}

func (o Object) signedBy(ca *verify.Certificate) bool {
	if o.CRL != nil {
		return o.CRL.IssuedBy(ca)
	}
	if o.Certificate.Equal(ca) {
		return false
	}
	r := verify.Verify(o.Certificate, verify.NewTrustedList([]*verify.Certificate{ca}), nil, nil, onlySignatures())
	return r.OK && len(r.Chain) == 2
}

// signedItself reports whether a certificate's own key signed it.
func signedItself(c *verify.Certificate) bool {
	if !c.SelfSigned() {
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
