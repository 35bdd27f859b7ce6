package verify

import (
	"bytes"
	"slices"
)

// How well a CRL suits a certificate, a sum of openssl's bits: the largest wins.
const (
	crlNoCritical = 0x100 // no unhandled critical extension
	crlScope      = 0x080 // the certificate is in its scope
	crlInTime     = 0x040
	crlIssuerName = 0x020 // its issuer is the certificate's issuer by name
	crlIssuerCert = 0x018 // its issuer's certificate is the certificate's issuer
	crlSamePath   = 0x008 // its issuer's certificate is on the path
	crlKeyID      = 0x004 // an issuer's certificate was found
	crlDeltaTime  = 0x002 // it has a delta CRL that is in time

	crlValid = crlNoCritical | crlInTime | crlScope // from here on it is probably good
)

// crlChoice is the best CRL found for a certificate.
type crlChoice struct {
	list    *CRL
	delta   *CRL
	issuer  *Certificate
	score   int
	reasons uint16 // those covered so far, this list's included
}

// selectCRL looks for the best CRL for the certificate at depth: in the caller's list and, if none
// there is probably good, among the store's of the issuer. A list that is defective in some way is
// still taken if there is no better one: its defect is then reported.
func (r *revocation) selectCRL(depth int) bool {
	choice := crlChoice{reasons: r.choice.reasons}
	if !r.pickCRL(&choice, depth, r.crls) {
		r.pickCRL(&choice, depth, r.trust.crlsBy(r.chain[depth].issuer))
	}
	if choice.list == nil {
		return false
	}
	r.choice = choice
	return true
}

// pickCRL improves choice from lists and reports whether the result is probably good. Of lists equally
// good the newest wins, of those equally old the first; but a first one here wins over an earlier
// pick's. As in openssl, what counts as a new reason depends on the earlier pick.
func (r *revocation) pickCRL(choice *crlChoice, depth int, lists []*CRL) bool {
	var best crlChoice
	bestScore := choice.score
	for _, l := range lists {
		s := r.score(l, depth, choice.reasons)
		if s.score == 0 || s.score < bestScore {
			continue
		}
		if best.list != nil && s.score == bestScore && !l.newer(best.list) {
			continue
		}
		best, bestScore = s, s.score
	}
	if best.list != nil {
		*choice = best
		r.pickDelta(choice, depth, lists)
	}
	return choice.score >= crlValid
}

// crlsBy returns the store's CRLs by that issuer, in order.
func (t *Trust) crlsBy(issuer Name) []*CRL {
	if t.first("CRLs of ", issuer) {
		t.crls = append(slices.Clip(t.crls), t.lists(issuer)...)
	}
	var out []*CRL
	for _, l := range t.crls {
		if l.issuer.Equal(issuer) {
			out = append(out, l)
		}
	}
	return out
}

// newer reports whether l was made after o; times that are none are not after anything.
func (l *CRL) newer(o *CRL) bool {
	a, okA := parseTime(&l.thisUpdate, false)
	b, okB := parseTime(&o.thisUpdate, false)
	return okA && okB && a > b
}

// score judges one list; a score of 0 says that it does not exist for the certificate. reasons are
// those that need no list any more.
func (r *revocation) score(l *CRL, depth int, reasons uint16) crlChoice {
	none := crlChoice{}
	c := r.chain[depth]
	if l.IsDelta() { // never a complete list, as of 3.0.20
		return none
	}
	indirect := false
	if p := l.idp; p != nil {
		if p.contradictory() || !r.opts.ExtendedCRL && (p.indirect || p.someReasons) {
			return none
		}
		if p.someReasons && p.reasons&^reasons == 0 {
			return none
		}
		indirect = p.indirect
	}
	s := crlChoice{list: l, reasons: reasons}
	if l.issuer.Equal(c.issuer) {
		s.score |= crlIssuerName
	} else if !indirect {
		return none
	}
	if !l.unhandledCritical {
		s.score |= crlNoCritical
	}
	if r.inTime(l) {
		s.score |= crlInTime
	}
	r.findIssuer(&s, depth)
	if s.issuer == nil {
		return none
	}
	if covered, ok := l.covers(c, s.score&crlIssuerName != 0, &r.scope); ok {
		if covered&^reasons == 0 {
			return none
		}
		s.reasons |= covered
		s.score |= crlScope
	}
	return s
}

// inTime is judged without a report. A delta CRL in time excuses an expired list, as in openssl
// that of the list chosen before.
func (r *revocation) inTime(l *CRL) bool {
	if r.now.off {
		return true
	}
	if r.now.compare(&l.thisUpdate) >= 0 {
		return false
	}
	if !l.hasNext {
		return true
	}
	switch r.now.compare(&l.nextUpdate) {
	case 0:
		return false
	case -1:
		return r.choice.score&crlDeltaTime != 0
	}
	return true
}

// maxScopeWork bounds what the comparisons of distribution points, and of lists with issuers off the path, may cost
// along one path. It is ours: openssl compares each name of a certificate with each name of each list, without end.
// Beyond it nothing is the same, so the list does not count.
const maxScopeWork = 1 << 24

// scopeWork is what has been spent of maxScopeWork.
type scopeWork int

// spend counts one comparison of so many octets, and reports whether there is anything left.
func (w *scopeWork) spend(octets int) bool {
	*w += scopeWork(1 + octets>>6)
	return *w <= maxScopeWork
}

// covers reports whether c is one that the list speaks about, and for which reasons of revocation
// (RFC 5280 section 6.3.3 (b)). byIssuer says that the list is by c's issuer.
func (l *CRL) covers(c *Certificate, byIssuer bool, work *scopeWork) (uint16, bool) {
	idp := l.idp
	if idp == nil {
		idp = &issuingPoint{reasons: allReasons}
	}
	if idp.onlyAttr || idp.onlyUser && c.ca || idp.onlyCA && !c.ca {
		return 0, false
	}
	for i := range c.crlPoints {
		if !work.spend(0) {
			return 0, false
		}
		p := &c.crlPoints[i]
		ours := byIssuer
		if p.crlIssuer != nil {
			ours = work.directory(p.crlIssuer, l.issuer)
		}
		if ours && p.names(&idp.point, work) {
			return idp.reasons & p.reasons, true
		}
	}
	return idp.reasons, byIssuer && !idp.point.hasName
}

// names reports whether two distribution points may be the same: they have a name in common, or
// one has none. A relative name that was never completed is none that another could have.
func (p *distPoint) names(o *distPoint, work *scopeWork) bool {
	switch {
	case !p.hasName || !o.hasName:
		return true
	case p.relative && !p.completed, o.relative && !o.completed:
		return false
	case p.relative && o.relative:
		return work.spend(len(p.name.canon)) && p.name.Equal(o.name)
	case p.relative:
		return work.directory(o.fullName, p.name)
	case o.relative:
		return work.directory(p.fullName, o.name)
	}
	for i := range p.fullName {
		for j := range o.fullName {
			if !work.spend(p.fullName[i].size()) {
				return false
			}
			if p.fullName[i].equal(&o.fullName[j]) {
				return true
			}
		}
	}
	return false
}

// directory is hasDirectoryName, counted.
func (w *scopeWork) directory(names []generalName, name Name) bool {
	return w.spend(len(names)*(64+len(name.canon))) && hasDirectoryName(names, name)
}

// size is about how many octets equal compares.
func (g *generalName) size() int {
	switch g.kind {
	case nameDirectory:
		return len(g.directory.canon)
	case nameOther:
		return len(g.other.raw)
	}
	return len(g.value)
}

// equal compares as openssl's GENERAL_NAME_cmp: directory names in canonical form, all else by its
// contents, an X.400 address as it is encoded.
func (g *generalName) equal(o *generalName) bool {
	if g.kind != o.kind {
		return false
	}
	switch g.kind {
	case nameDirectory:
		return g.directory.Equal(o.directory)
	case nameOther:
		return g.otherType == o.otherType && g.other.equal(&o.other)
	}
	return bytes.Equal(g.value, o.value)
}

// pickDelta finds the first delta CRL for the list chosen, if deltas are asked for and either side
// says that there are any.
func (r *revocation) pickDelta(choice *crlChoice, depth int, lists []*CRL) {
	if !r.opts.UseDeltas || !r.chain[depth].hasFreshestCRL && !choice.list.freshest {
		return
	}
	for _, l := range lists {
		if l.completes(choice.list) {
			choice.delta = l
			if r.inTime(l) {
				choice.score |= crlDeltaTime
			}
			return
		}
	}
}

// completes reports whether l is a delta CRL for base: by the same issuer with the same key
// identifier and distribution point, made from base or an earlier list, and newer than base.
func (l *CRL) completes(base *CRL) bool {
	return l.baseNumber != nil && l.number != nil && base.number != nil &&
		l.issuer.Equal(base.issuer) &&
		sameExtension(l.exts, base.exts, oidAuthorityKeyID) &&
		sameExtension(l.exts, base.exts, oidIssuingDistributionPoint) &&
		bigInt(l.baseNumber).Cmp(bigInt(base.number)) <= 0 &&
		bigInt(l.number).Cmp(bigInt(base.number)) > 0
}

// sameExtension reports whether both have the extension once with the same value, or neither.
func sameExtension(a, b []extension, oid string) bool {
	x, okX := onlyExtension(a, oid)
	y, okY := onlyExtension(b, oid)
	if !okX || !okY || (x == nil) != (y == nil) {
		return false
	}
	return x == nil || bytes.Equal(x.value, y.value)
}
