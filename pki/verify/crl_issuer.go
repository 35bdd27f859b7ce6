package verify

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
		if r.mayBeNamed(c, l.authorityKey) {
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
