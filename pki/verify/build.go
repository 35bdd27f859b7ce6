package verify

import "slices"

// buildChain finds a path from the target to an anchor (openssl's build_chain).
// There is one candidate for every place and no second try: a trusted issuer is
// preferred to an untrusted one, and whether its signature holds is asked later.
func (v *verifier) buildChain() outcome {
	b := builder{verifier: v, limit: v.opts.Depth + 1, untrustedToo: len(v.untrusted) > 0}
	verdict, end := b.search()
	if end != proceed {
		return end
	}
	if verdict == undecided && len(v.chain) <= b.limit && len(v.chain) == v.numUntrusted {
		verdict, end = v.trustLeaf()
	}
	switch {
	case end != proceed:
		return end
	case verdict == trusted:
		return proceed
	case verdict == rejected:
		return stop
	}
	return b.fail()
}

// builder is the search for a path.
type builder struct {
	*verifier
	pool         []*Certificate // untrusted certificates that are not in the chain yet; nil: not asked for so far
	limit        int            // certificates a chain may have below its anchor
	untrustedToo bool           // untrusted issuers are still looked for
}

// search extends the chain until trust is decided or there is no issuer left.
func (b *builder) search() (trustVerdict, outcome) {
	for {
		last := b.chain[len(b.chain)-1]
		var issuer *Certificate
		if len(b.chain) <= b.limit {
			issuer = b.trustedIssuer(last)
		}
		if issuer != nil {
			verdict, extended, end := b.extend(last, issuer)
			if end != proceed || verdict != undecided {
				return verdict, end
			}
			if extended {
				continue
			}
		}
		if !b.untrustedToo {
			return undecided, proceed
		}
		if b.selfSigned(last) || len(b.chain) > b.limit || !b.extendUntrusted(last) {
			b.untrustedToo = false
			continue
		}
	}
}

// extendUntrusted takes an issuer of last from the untrusted certificates, each
// of which serves once.
func (b *builder) extendUntrusted(last *Certificate) bool {
	if b.pool == nil {
		b.pool = slices.Clone(b.verifier.untrusted)
	}
	issuer := b.pick(b.pool, last, true)
	if issuer == nil {
		return false
	}
	at := slices.Index(b.pool, issuer)
	b.pool = slices.Delete(b.pool, at, at+1)
	b.chain = append(b.chain, issuer)
	b.numUntrusted++
	return true
}

// keyless reports whether X509_self_signed fails on c: an internal error where
// openssl asks for it after it has found a trusted issuer.
func (c *Certificate) keyless() bool { return c.invalid || c.publicKey() == nil }

// extend puts the trusted issuer of last onto the chain. A self-signed last is
// replaced by its trusted copy; one that only looks like its issuer is none.
// extended says that the search goes on from the new end.
func (b *builder) extend(last, issuer *Certificate) (verdict trustVerdict, extended bool, end outcome) {
	if last.keyless() {
		b.chain = append(b.chain, issuer) // to be looked at, too
		return undecided, false, b.breakOff("the public key of " + last.subject.String() + " cannot be decoded")
	}
	n := len(b.chain)
	if b.selfSigned(last) {
		if !last.Equal(issuer) {
			return undecided, false, proceed
		}
		n--
		b.numUntrusted = n
		b.chain[n] = issuer
	} else {
		b.chain = append(b.chain, issuer)
		if issuer.keyless() {
			return undecided, false, b.breakOff("the public key of " + issuer.subject.String() + " cannot be decoded")
		}
	}
	b.untrustedToo = false
	verdict, end = b.trustAnchor(n)
	return verdict, verdict == undecided && !b.selfSigned(issuer), end
}

// trustAnchor asks whether the certificate at depth n, just put there from the
// trusted ones, ends the chain.
func (v *verifier) trustAnchor(n int) (trustVerdict, outcome) {
	switch verdict := v.chain[n].trustFor(v.trustID, true); {
	case verdict == rejected:
		if !v.find(ErrCertRejected, n, v.chain[n], Detail{}) {
			return rejected, proceed
		}
		return undecided, proceed
	case verdict == trusted, v.opts.PartialChain:
		return trusted, proceed
	}
	return undecided, proceed
}

// trustLeaf is the last resort with -partial_chain: the target itself is among
// the trusted.
func (v *verifier) trustLeaf() (trustVerdict, outcome) {
	if !v.opts.PartialChain {
		return undecided, proceed
	}
	v.readAlike(v.chain[0])
	own := v.trust.exact(v.chain[0])
	if own == nil {
		return undecided, proceed
	}
	if own.trustFor(v.trustID, true) == rejected {
		if !v.find(ErrCertRejected, 0, v.chain[0], Detail{}) {
			return rejected, proceed
		}
		return undecided, proceed
	}
	v.chain[0], v.numUntrusted = own, 0
	return trusted, proceed
}

// fail reports why there is no chain.
func (b *builder) fail() outcome {
	depth := len(b.chain) - 1
	last := b.chain[depth]
	code := ErrUnableToGetIssuerCertLocally
	selfSigned := len(b.chain) <= b.limit && b.selfSigned(last)
	detail := Detail{What: "issuer", Wanted: last.issuer.String()}
	switch {
	case len(b.chain) > b.limit:
		code, detail = ErrCertChainTooLong, Detail{}
	case selfSigned && depth == 0:
		code = ErrDepthZeroSelfSignedCert
	case selfSigned:
		code = ErrSelfSignedCertInChain
	case b.numUntrusted < len(b.chain):
		code = ErrUnableToGetIssuerCert
	}
	if code == ErrUnableToGetIssuerCertLocally || code == ErrUnableToGetIssuerCert {
		detail.Had = b.nearMisses(last)
	}
	if !b.find(code, depth, last, detail) {
		return stop
	}
	return proceed
}

// trustedIssuer picks the issuer of c among the trusted certificates. There, a
// certificate may be picked that is in the chain already. In a store, the first
// of the name is asked before all of them are.
func (v *verifier) trustedIssuer(c *Certificate) *Certificate {
	named := v.trust.named(c.issuer)
	if v.trust.store && len(named) > 0 && v.likelyIssued(c, named[0]) && v.now.within(named[0]) {
		return named[0]
	}
	return v.pick(named, c, false)
}

// pick returns the first likely issuer of c in the list that is valid now; if
// none is, the one that expires last. With once, those in the chain already are
// passed over, except that a self-issued target may be its own issuer.
func (v *verifier) pick(list []*Certificate, c *Certificate, once bool) *Certificate {
	var best *Certificate
	once = once && !(c.selfIssued && len(v.chain) == 1)
	for _, candidate := range list {
		if !v.likelyIssued(c, candidate) || once && v.inChain(candidate) {
			continue
		}
		if v.now.within(candidate) {
			return candidate
		}
		if best == nil || expiresLater(candidate, best) {
			best = candidate
		}
	}
	return best
}

func (v *verifier) inChain(c *Certificate) bool {
	return slices.ContainsFunc(v.chain, c.Equal)
}
