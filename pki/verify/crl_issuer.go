package verify

import "slices"

// findIssuer finds the certificate that the list must be signed with: the next one in the chain (of
// the last, itself), else one above with the list's issuer as subject, else, for an indirect CRL,
// one among the untrusted. It must agree with the list's authority key identifier.
func (r *revocation) findIssuer(s *crlChoice, depth int) {
	l := s.list
	above := min(depth+1, len(r.chain)-1)
	if s.score&crlIssuerName != 0 && r.chain[above].matchesAuthorityKey(l.authorityKey) == OK {
		s.issuer = r.chain[above]
		s.score |= crlKeyID | crlIssuerCert
		return
	}
	for _, c := range r.chain[above+1:] {
		if c.subject.Equal(l.issuer) && c.matchesAuthorityKey(l.authorityKey) == OK {
			s.issuer = c
			s.score |= crlKeyID | crlSamePath
			return
		}
	}
	if !r.opts.ExtendedCRL {
		return
	}
	for _, c := range r.untrustedNamed(l.issuer) { // those of the path, too
		if !r.scope.spend(0) {
			return
		}
		key := l.authorityKey
		if key != nil && !r.read[c] {
			key = &authorityKeyID{serial: key.serial, issuer: key.issuer, hasIssuer: key.hasIssuer}
		}
		if c.matchesAuthorityKey(key) == OK {
			s.issuer = c
			s.score |= crlKeyID
			return
		}
	}
}

// untrustedNamed returns the untrusted certificates with that subject, in order.
func (r *revocation) untrustedNamed(subject Name) []*Certificate {
	if r.bySubject == nil {
		r.bySubject = make(map[string][]*Certificate, len(r.untrusted))
		for _, c := range r.untrusted {
			r.bySubject[c.subject.canon] = append(r.bySubject[c.subject.canon], c)
		}
	}
	return r.bySubject[subject.canon]
}

// markRead notes in read which of the untrusted certificates openssl has read the extensions of by
// the time that v's chain stands: those that by name might have been an issuer. Of a CRL issuer not
// met until then neither the subject key identifier nor the key usage counts. What was read stays so
// for the targets that follow: see Memory.
func (v *verifier) markRead(read map[*Certificate]bool) {
	leaf := v.chain[0]
	read[leaf] = true
	pool := slices.Clone(v.untrusted)
	picked := max(v.numUntrusted, 1) // certificates of the chain that were picked, the leaf included
	accepted := v.numUntrusted == 0 && !v.selfSigned(leaf)
	if accepted { // the leaf itself is trusted, which is asked for last
		picked = len(v.chain)
	}
	for k := range picked {
		visit := pool
		if k+1 < picked {
			next := slices.Index(pool, v.chain[k+1])
			if next < 0 {
				return
			}
			if v.now.within(pool[next]) {
				visit = pool[:next+1]
			}
			pool = slices.Delete(slices.Clone(pool), next, next+1)
		} else if !accepted || v.selfSigned(v.chain[k]) {
			return // the trusted have its issuer, or it needs none
		}
		for _, c := range visit {
			if c.subject.Equal(v.chain[k].issuer) {
				read[c] = true
			}
		}
	}
}
