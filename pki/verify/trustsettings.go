package verify

import (
	"errors"
	"slices"
)

// trustSettings is what follows the certificate in a TRUSTED CERTIFICATE block
// (X509_CERT_AUX). Uses are object identifiers of extended key usages.
type trustSettings struct {
	trust     []string
	reject    []string
	hasTrust  bool // a list is there, an empty one too
	hasReject bool

	alias, keyID []byte // for who shows them; nil: none
}

var errTrustSettings = errors.New("malformed trust settings after the certificate")

// parseTrustSettings reads SEQUENCE { trust SEQUENCE OF OID OPTIONAL, reject [0]
// SEQUENCE OF OID OPTIONAL, alias UTF8String OPTIONAL, keyid OCTET STRING
// OPTIONAL, other [1] SEQUENCE OF AlgorithmIdentifier OPTIONAL }.
func parseTrustSettings(b []byte) (*trustSettings, error) {
	top := reader(b)
	r, ok := top.sequence()
	if !ok {
		return nil, errTrustSettings
	}
	s := new(trustSettings)
	if r.peek(classUniversal, tagSequence) {
		e, _ := r.any()
		s.hasTrust = true
		if s.trust, ok = oidList(reader(e.body)); !ok || e.raw == nil {
			return nil, errTrustSettings
		}
	}
	if r.peek(classContext, 0) {
		e, _ := r.any()
		s.hasReject = true
		if s.reject, ok = oidList(reader(e.body)); !ok || e.raw == nil {
			return nil, errTrustSettings
		}
	}
	for i, text := range []*[]byte{&s.alias, &s.keyID} {
		if !r.peek(classUniversal, []int{tagUTF8String, tagOctetString}[i]) {
			continue
		}
		e, ok := r.any()
		if !ok || !validString(&e) {
			return nil, errTrustSettings
		}
		*text, _ = nonNil(stringContents(&e))
	}
	if r.peek(classContext, 1) {
		e, _ := r.any()
		for list := reader(e.body); len(list) > 0 || e.raw == nil; {
			if _, ok := list.algorithm(); !ok {
				return nil, errTrustSettings
			}
		}
	}
	if len(r) != 0 {
		return nil, errTrustSettings
	}
	return s, nil
}

func oidList(r reader) ([]string, bool) {
	var out []string
	for len(r) > 0 {
		oid, ok := r.oid()
		if !ok {
			return nil, false
		}
		out = append(out, oid)
	}
	return out, true
}

// trustID is what a certificate is to be trusted for (X509_TRUST_*).
type trustID int

const (
	trustDefault    trustID = iota
	trustCompat             // self-signed is trusted, settings play no part
	trustClientAuth         // and so on: the extended key usage that the settings must name
	trustServerAuth
	trustEmail
	trustTimeStamping
)

// trustUses are the extended key usages that stand for the trust; "" for compat.
var trustUses = [...]string{
	trustDefault:      oidAnyExtKeyUsage,
	trustCompat:       "",
	trustClientAuth:   oidClientAuth,
	trustServerAuth:   oidServerAuth,
	trustEmail:        oidEmailProtection,
	trustTimeStamping: oidTimeStamping,
}

// trustVerdict is what the settings of a certificate say of a use.
type trustVerdict int

const (
	undecided trustVerdict = iota
	trusted
	rejected
)

// trustFor decides whether c is trusted for id. With plain, a self-signed
// certificate without settings is trusted; without, it is undecided.
func (c *Certificate) trustFor(id trustID, plain bool) trustVerdict {
	compat := undecided
	if plain && c.selfSigned && !c.invalid {
		compat = trusted
	}
	if c.aux == nil || id == trustCompat {
		return compat
	}
	names := func(uses []string) bool {
		return slices.ContainsFunc(uses, func(use string) bool {
			return use == trustUses[id] || use == oidAnyExtKeyUsage
		})
	}
	switch {
	case c.aux.hasReject && names(c.aux.reject):
		return rejected
	case c.aux.hasTrust && names(c.aux.trust):
		return trusted
	case c.aux.hasTrust: // a list that does not name the use speaks against it
		return rejected
	}
	return compat
}
