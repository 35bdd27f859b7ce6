package verify

import (
	"strconv"
	"time"
)

// checkRevocation checks the target or, if asked, the whole chain with its anchor against CRLs
// (RFC 5280 section 6.3, as openssl does it). On the path of a CRL's own issuer the target's
// revocation is not asked for: either all of the path's or none's.
func (v *verifier) checkRevocation() outcome {
	last := 0
	switch {
	case !v.opts.CRLCheck:
		return proceed
	case v.opts.CRLCheckAll:
		last = len(v.chain) - 1
	case v.parent != nil:
		return proceed
	}
	r := revocation{verifier: v, read: v.recall()}
	for depth := 0; depth <= last; depth++ {
		if !r.checkCertificate(depth) {
			return stop
		}
	}
	return proceed
}

// revocation is the check of one chain.
type revocation struct {
	*verifier
	choice crlChoice             // for the certificate that is looked at
	scope  scopeWork             // of all certificates and lists together: points, and issuers off the path
	read   map[*Certificate]bool // see recall

	bySubject map[string][]*Certificate // of the untrusted, once they were asked for
}

// findAt reports an error of the certificate at depth.
func (r *revocation) findAt(depth int, code Code, detail Detail) bool {
	return r.find(code, depth, r.chain[depth], detail)
}

// checkCertificate goes through CRLs until every reason for a revocation is covered.
func (r *revocation) checkCertificate(depth int) bool {
	r.choice = crlChoice{}
	for r.choice.reasons != allReasons {
		covered := r.choice.reasons
		if !r.selectCRL(depth) {
			return r.findAt(depth, ErrUnableToGetCRL, Detail{What: "CRL", Wanted: r.chain[depth].issuer.String()})
		}
		if !r.checkList(depth, r.choice.list) {
			return false
		}
		removed := false
		if delta := r.choice.delta; delta != nil {
			if !r.checkList(depth, delta) {
				return false
			}
			var ok bool
			if removed, ok = r.checkEntry(depth, delta); !ok {
				return false
			}
		}
		if !removed { // what a delta CRL takes off need not be looked up in the complete one
			if _, ok := r.checkEntry(depth, r.choice.list); !ok {
				return false
			}
		}
		if r.choice.reasons == covered {
			return r.findAt(depth, ErrUnableToGetCRL, Detail{What: "CRL for the remaining reasons", Wanted: r.chain[depth].issuer.String()})
		}
	}
	return true
}

// checkList judges the list itself. That there is an issuer, and that the issuing distribution
// point is no contradiction (errors 33 and 41), selectCRL has seen to.
func (r *revocation) checkList(depth int, l *CRL) bool {
	issuer, score := r.choice.issuer, r.choice.score
	if !l.IsDelta() && !r.checkIssuer(depth, issuer, score) { // of a delta CRL it is the complete one's
		return false
	}
	if score&crlInTime == 0 && !r.checkUpdates(depth, l) {
		return false
	}
	key := issuer.publicKey()
	if key == nil {
		return r.findAt(depth, ErrUnableToDecodeIssuerPublicKey, Detail{What: "public key", Wanted: issuer.subject.String()})
	}
	ok, unsupported := l.signedBy(key)
	if unsupported != "" {
		return r.refuse(ErrUnspecified, depth, r.chain[depth], unsupported)
	}
	return ok || r.findAt(depth, ErrCRLSignatureFailure, Detail{What: "signature", Wanted: "one made with the key of " + issuer.subject.String()})
}

func (r *revocation) checkIssuer(depth int, issuer *Certificate, score int) bool {
	name := issuer.subject.String()
	onPath := score&crlSamePath != 0
	if !r.maySignCRL(issuer, onPath) &&
		!r.findAt(depth, ErrKeyUsageNoCRLSign, Detail{What: "key usage of " + name, Wanted: "cRLSign"}) {
		return false
	}
	if score&crlScope == 0 && !r.findAt(depth, ErrDifferentCRLScope, Detail{What: "scope of the CRL by " + name}) {
		return false
	}
	return onPath || r.otherPath(issuer) ||
		r.findAt(depth, ErrCRLPathValidationError, Detail{What: "path of the CRL issuer", Wanted: name})
}

// otherPath validates a CRL issuer that is not on the path. Its own path must end in the same
// anchor (RFC 5280 section 6.3.3 (f)). What is found there is reported but does not make this path
// fail: only that there is none does. There is no third path.
func (r *revocation) otherPath(issuer *Certificate) bool {
	if r.parent != nil {
		return false
	}
	other := &verifier{
		trust: r.trust.storeOnly(), untrusted: r.untrusted, crls: r.crls, opts: r.opts, trustID: r.trustID,
		now: r.now, parent: r.verifier, report: r.report,
	}
	reason := r.report.Reason
	end := other.run(issuer)
	r.report.Reason = reason // an internal error there is an ordinary one here
	other.markRead(r.read)
	return end == proceed && other.chain[len(other.chain)-1].Equal(r.chain[len(r.chain)-1])
}

// signedBy checks the signature. The algorithm stands twice in a CRL; as of 3.0.20 both must be the
// same.
func (l *CRL) signedBy(key *publicKey) (ok bool, unsupported string) {
	if proof := l.proof.Load(); proof != nil && proof.key == key {
		return proof.ok, proof.unsupported
	}
	if l.innerAlg.equal(&l.outerAlg) {
		ok, unsupported = key.verifySignature(&l.outerAlg, l.rawTBS, l.signature, l.sigUnused)
	}
	l.proof.Store(&crlProof{key, ok, unsupported})
	return ok, unsupported
}

// checkUpdates is inTime with reports.
func (r *revocation) checkUpdates(depth int, l *CRL) bool {
	if r.now.off {
		return true
	}
	now := strconv.FormatInt(r.now.seconds, 10)
	switch r.now.compare(&l.thisUpdate) {
	case 0:
		if !r.findAt(depth, ErrErrorInCRLLastUpdateField, Detail{What: "thisUpdate"}) {
			return false
		}
	case 1:
		if !r.findAt(depth, ErrCRLNotYetValid, Detail{What: "thisUpdate", Wanted: now}) {
			return false
		}
	}
	if !l.hasNext {
		return true
	}
	switch r.now.compare(&l.nextUpdate) {
	case 0:
		return r.findAt(depth, ErrErrorInCRLNextUpdateField, Detail{What: "nextUpdate"})
	case -1:
		return r.choice.score&crlDeltaTime != 0 ||
			r.findAt(depth, ErrCRLHasExpired, Detail{What: "nextUpdate", Wanted: now})
	}
	return true
}

// checkEntry looks the certificate up. removed says that the list takes it off again. A critical
// extension that is not understood may change what an entry means: it counts before the entry.
func (r *revocation) checkEntry(depth int, l *CRL) (removed, ok bool) {
	if !r.opts.IgnoreCritical && l.unhandledCritical &&
		!r.findAt(depth, ErrUnhandledCriticalCRLExtension, Detail{What: "CRL", Wanted: l.issuer.String()}) {
		return false, false
	}
	c := r.chain[depth]
	entry := l.find(c)
	switch {
	case entry == nil:
		return false, true
	case entry.remove:
		return true, true
	}
	detail := Detail{What: "revocation date", Wanted: c.Serial().Text(16)}
	if date, ok := l.revoked(entry); ok {
		detail.Had = []string{date.Format(time.RFC3339)}
	}
	return false, r.findAt(depth, ErrCertRevoked, detail)
}
