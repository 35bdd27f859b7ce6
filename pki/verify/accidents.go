package verify

import "slices"

// This file holds what imitates accidents of openssl: answers that no rule asks for, and that depend on what openssl
// has done before it. They are kept because the verdict is to be openssl's; nothing but this file knows how.

// unfinished is a certificate of which openssl stops reading the extensions: where it cannot make a name of the
// relative name of a distribution point. It says so by an error, the first time that it is asked whether the
// certificate is valid, and marks it as read all the same.
type unfinished struct{ interrupted bool }

// finished reports whether openssl has read what stands behind the distribution points.
func (u unfinished) finished() bool { return !u.interrupted }

// readPoints takes the distribution points, and reports whether they are well-formed.
func (c *Certificate) readPoints(value []byte) bool {
	var fault distPointFault
	c.crlPoints, fault = parseDistPoints(value, c.issuer)
	c.interrupted = fault == pointsNameless
	return fault != pointsInvalid
}

// readByPath are the unfinished certificates that a validation has asked about. In openssl that holds for all targets
// of a run; here each target is the first.
type readByPath struct{ met map[*Certificate]bool }

// readInStore are the unfinished certificates that openssl has read before any validation, because it compared them
// with others of the same subject when it put them into its store.
type readInStore struct{ compared map[*Certificate]bool }

// compare notes that openssl has read c when it put it, or another, into a store.
func (t *Trust) compare(c *Certificate) {
	if !t.store || !c.interrupted {
		return
	}
	if t.compared == nil {
		t.compared = make(map[*Certificate]bool)
	}
	t.compared[c] = true
}

// valid reports whether c is valid, as openssl answers that: of an unfinished one it says no to whoever asks first.
func (v *verifier) valid(c *Certificate) bool {
	if c.invalid || !c.interrupted {
		return !c.invalid
	}
	top := v
	for top.parent != nil {
		top = top.parent
	}
	if top.met[c] || top.trust.compared[c] {
		return true
	}
	if top.met == nil {
		top.met = make(map[*Certificate]bool)
	}
	top.met[c] = true
	return false
}

// readBoth asks for the validity of two certificates, the one of which has the other's issuer's name, in openssl's
// order.
func (v *verifier) readBoth(subject, issuer *Certificate) bool {
	if !issuer.interrupted && !subject.interrupted {
		return true
	}
	return issuer.subject.Equal(subject.issuer) && v.valid(issuer) && v.valid(subject)
}

// readAlike asks for the validity of what openssl compares c with when it looks for c itself among the trusted.
func (v *verifier) readAlike(c *Certificate) {
	for _, known := range v.trust.named(c.subject) {
		v.valid(known)
		v.valid(c)
	}
}

// selfSigned is what openssl's X509_self_signed says: only of a certificate
// that is valid and has a key.
func (v *verifier) selfSigned(c *Certificate) bool {
	if c.interrupted && (c.publicKey() == nil || !v.valid(c)) {
		return false
	}
	return c.selfSigned && !c.invalid
}

// Memory is what openssl remembers from one target of a run to the next: which of the untrusted
// certificates it has read the extensions of. Only a check of extended CRLs depends on it. A Memory
// is for one validation after the other.
type Memory struct{ read map[*Certificate]bool }

// NewMemory is the memory of a run that has not begun.
func NewMemory() *Memory { return &Memory{make(map[*Certificate]bool)} }

// remember notes what was read: what ended before its CRLs were looked at has been built all the same.
func (v *verifier) remember() {
	if v.opts.Memory != nil && v.opts.CRLCheck {
		v.markRead(v.opts.Memory.read)
	}
}

// recall returns the certificates that openssl has read by the time at which it checks CRLs.
func (v *verifier) recall() map[*Certificate]bool {
	read := make(map[*Certificate]bool)
	if v.opts.Memory != nil {
		read = v.opts.Memory.read
	}
	if v.parent != nil {
		v.parent.markRead(read)
	}
	v.markRead(read)
	return read
}

// mayBeNamed is matchesAuthorityKey for a CRL's issuer that is not on the path: of one that openssl has not read it
// knows no key identifier.
func (r *revocation) mayBeNamed(c *Certificate, key *authorityKeyID) bool {
	if key != nil && !r.read[c] {
		key = &authorityKeyID{serial: key.serial, issuer: key.issuer, hasIssuer: key.hasIssuer}
	}
	return c.matchesAuthorityKey(key) == OK
}

// maySignCRL asks a CRL's issuer for its key usage, which openssl does not know of one that it has not read.
func (r *revocation) maySignCRL(issuer *Certificate, onPath bool) bool {
	return !onPath && !r.read[issuer] || issuer.allowsUsage(kuCRLSign)
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
