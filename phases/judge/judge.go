package judge

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/hidden"
	"github.com/pkitool/pkitool/pki"
)

// Case is what the judge says of one row.
type Case struct {
	Spec certs.Spec
	Held *Held
	// Findings are what is wrong, in the order in which it was looked at.
	Findings []finding.Finding
	// CA is, for a CA row, what it can do for others; for all others the CA that signs it. nil for a key pair.
	CA *CA
}

// Errors are the findings of that severity.
func (c Case) Errors() []finding.Finding {
	return slices.DeleteFunc(slices.Clone(c.Findings), func(f finding.Finding) bool { return f.Severity != finding.Error })
}

// Has reports whether the case has a finding of any of the ids.
func (c Case) Has(ids ...finding.ID) bool {
	return slices.ContainsFunc(c.Findings, func(f finding.Finding) bool { return slices.Contains(ids, f.ID) })
}

// CA is what a CA row can do for the rows below it.
type CA struct {
	ID     certs.ID
	Path   string
	Bundle []*x509.Certificate
	// Signer is nil if its key is not here, if it cannot sign, or if nothing is there.
	Signer *pki.Authority
	// External: there is a certificate, and no key. Absent: there is nothing.
	External, Absent bool
	// Fault is why nothing can be signed, or judged, by it; nil: it can, or is external or absent.
	Fault *finding.Finding

	once sync.Once
	pool *x509.CertPool
}

// Pool is the CA's file as trust for crypto/x509, as every consumer makes it.
func (a *CA) Pool() *x509.CertPool {
	a.once.Do(func() { a.pool = poolOf(a.Bundle) })
	return a.pool
}

func poolOf(list []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range list {
		pool.AddCert(c)
	}
	return pool
}

// Judgement has a case for every row that was asked for.
type Judgement struct {
	hidden.Secret
	Site  Site
	Tree  certs.Tree
	Now   time.Time
	cases map[certs.ID]*Case
	inv   Inventory
}

// Judge judges the chosen rows of an inventory, and the CAs that sign them.
func Judge(t certs.Tree, inv Inventory, chosen Selection, now time.Time) Judgement {
	j := Judgement{Site: inv.site, Tree: t, Now: now, cases: map[certs.ID]*Case{}, inv: inv}
	var leaves []*Case
	byKey := map[string]certs.ID{} // the CAs so far, by key
	for s := range t.Rows() {
		h := inv.held[s.ID]
		if h == nil {
			continue
		}
		c := &Case{Spec: s, Held: h}
		switch {
		case s.Kind == certs.CA:
			j.ca(c, inv, byKey)
			j.cases[s.ID] = c
		case chosen.Has(s.ID):
			j.cases[s.ID] = c
			leaves = append(leaves, c)
		}
	}
	AtOnce(len(leaves), func(i int) {
		c := leaves[i]
		if ca := j.cases[c.Spec.Issuer]; ca != nil {
			c.CA = ca.CA
		}
		if c.Spec.Kind == certs.KeyPair {
			j.keyPair(c)
		} else {
			j.leaf(c)
		}
	})
	return j
}

// Alone judges a row that is not in the tree, with the CA that signs it.
func (j Judgement) Alone(s certs.Spec, h *Held, ca *CA) Case {
	c := &Case{Spec: s, Held: h, CA: ca}
	j.leaf(c)
	return *c
}

// Case is the case of a row; ok is false for a row that was not judged.
func (j Judgement) Case(id certs.ID) (Case, bool) {
	c, ok := j.cases[id]
	if !ok {
		return Case{}, false
	}
	return *c, true
}

// Cases are all cases, in the order of the tree.
func (j Judgement) Cases() iter.Seq[Case] {
	return func(yield func(Case) bool) {
		for s := range j.Tree.Rows() {
			if c := j.cases[s.ID]; c != nil && !yield(*c) {
				return
			}
		}
	}
}

// Leading are the kubeconfigs, judged or only looked at, that can be read and trust their row's CA: each leads to a server.
func (j Judgement) Leading() iter.Seq2[certs.Spec, *Held] {
	return func(yield func(certs.Spec, *Held) bool) {
		for s := range j.Tree.Rows() {
			h, ca := cmp.Or(j.inv.held[s.ID], j.inv.beside[s.ID]), j.inv.held[s.Issuer]
			if s.Conf != "" && h != nil && ca != nil && h.Conf.Exists && h.EntryErr == nil && h.trusts(ca.Chain) && !yield(s, h) {
				return
			}
		}
	}
}

// trusts reports whether a kubeconfig trusts any of a CA's certificates.
func (h *Held) trusts(ca []*x509.Certificate) bool {
	return slices.ContainsFunc(ca, func(c *x509.Certificate) bool { return slices.ContainsFunc(h.Bundle, c.Equal) })
}

// add notes a finding about a file of the row.
func (c *Case) add(f *finding.Finding, path string) {
	if f == nil {
		return
	}
	g := *f
	c.Findings = append(c.Findings, *g.At(c.Spec.ID.String(), c.Spec.Phase(), path))
}

// unread notes the files that are there and cannot be read. What is not known is not judged.
func (c *Case) unread() {
	for _, f := range []File{c.Held.Cert, c.Held.Key, c.Held.Conf} {
		if f.Err != nil {
			c.add(Unreadable(f), f.Path)
		}
	}
}

// Unreadable says that a file is there and cannot be read.
func Unreadable(f File) *finding.Finding {
	reason := f.Err
	if inner := errors.Unwrap(f.Err); inner != nil {
		reason = inner // without the path, which the finding has
	}
	return finding.New(finding.FileUnreadable, reason.Error()).At("", "", f.Path)
}

// ca judges a CA row, and what it can do for others.
func (j Judgement) ca(c *Case, inv Inventory, byKey map[string]certs.ID) {
	h := c.Held
	c.CA = &CA{ID: c.Spec.ID, Path: h.Cert.Path, Bundle: h.Chain}
	c.unread()
	c.rights()
	defer func() {
		for _, f := range c.Findings {
			if f.Severity == finding.Error && f.ID != finding.CAShared && c.CA.Fault == nil {
				c.CA.Fault = &f
			}
		}
	}()
	switch {
	case h.Cert.Err != nil:
	case h.Cert.Exists:
		j.caCertificate(c, byKey)
	default:
		c.CA.Absent = !h.Key.Exists
		j.caMissing(c, inv)
	}
}

// caMissing judges a CA row without its certificate. With nothing below it that is no fault: it is made.
func (j Judgement) caMissing(c *Case, inv Inventory) {
	h := c.Held
	if h.Key.Exists {
		c.add(j.key(h), h.Key.Path)
	}
	issued := inv.issued(j.Tree, c.Spec.ID)
	switch {
	case issued != "" && h.Key.Exists:
		c.add(finding.New(finding.CALostWithIssued, issued), h.Cert.Path)
	case issued != "" && !c.Spec.Given:
		c.add(finding.New(finding.CAMissingWithIssued, issued), h.Cert.Path)
	case c.Spec.Given:
		c.add(finding.New(finding.CertificateMissing), h.Cert.Path)
	}
}

// issued finds a file below a CA row, among those that were looked at.
func (inv Inventory) issued(t certs.Tree, ca certs.ID) string {
	for s := range t.Rows() {
		if h := inv.held[s.ID]; h != nil && s.Issuer == ca && !s.Given && (h.Cert.There() || h.Conf.There()) {
			files := inv.site.Files(s)
			return files[len(files)-1]
		}
	}
	return ""
}

// caCertificate judges a CA row whose certificate is there.
func (j Judgement) caCertificate(c *Case, byKey map[string]certs.ID) {
	h, ca := c.Held, c.CA
	if h.ChainErr != nil {
		c.add(h.ChainErr, h.Cert.Path)
		return
	}
	for _, n := range h.Notes {
		c.add(&n, h.Cert.Path)
	}
	own := h.own()
	id := string(own.RawSubjectPublicKeyInfo)
	if twin, ok := byKey[id]; ok {
		c.add(finding.New(finding.CAShared, twin.String()), h.Cert.Path)
	} else {
		byKey[id] = c.Spec.ID
	}
	j.bundle(c)
	if h.Signer == nil && h.KeyErr == nil && h.Key.Err == nil {
		ca.External = true
		if !slices.ContainsFunc(h.Chain, func(x *x509.Certificate) bool { return j.anchors(x) == nil }) {
			c.add(j.anchors(own), h.Cert.Path)
			return
		}
		if !c.Spec.Given {
			c.add(finding.New(finding.CAKeyElsewhere), h.Cert.Path)
		}
		return
	}
	bad := j.key(h)
	c.add(bad, h.Key.Path)
	if bad != nil && bad.Severity == finding.Error {
		return
	}
	if h.Signer == nil {
		return // there, and unreadable: told already
	}
	signer, err := pki.NewAuthority(h.Chain, h.Signer, j.Now)
	if err != nil {
		c.add(finding.Of(err, finding.CANoneOfKey), h.Cert.Path)
		return
	}
	ca.Signer = signer
}

// anchors says why a certificate of a trust file is no anchor for anybody, or nil. Go takes a version 1
// certificate for a CA there.
func (j Judgement) anchors(c *x509.Certificate) *finding.Finding {
	f := pki.SigningFault(c, j.Now)
	if f != nil && f.ID == finding.NotACA && c.Version == 1 {
		return nil
	}
	return f
}

// bundle notes what else is in a CA's file: harmless beside a good certificate, and worth knowing.
func (j Judgement) bundle(c *Case) {
	for i, x := range c.Held.Chain {
		switch {
		case len(c.Held.Chain) > 1 && j.Now.After(x.NotAfter):
			c.add(finding.New(finding.CAPartExpired, strconv.Itoa(i+1), finding.Stamp(x.NotAfter)), c.Held.Cert.Path)
		case x.Version == 1:
			c.add(finding.New(finding.CAVersion1), c.Held.Cert.Path)
		}
		if c.Held.Signer == nil || !pki.SameKey(x.PublicKey, c.Held.Signer.Public()) { // of the key that is here j.key tells
			c.add(pki.KeyFault(x.PublicKey), c.Held.Cert.Path)
		}
	}
}

// own is the certificate of a CA's bundle that the row is about: the one whose
// key is here, else the first below a root. Several CAs may well lie in files
// that end, or begin, with one corporate root.
func (h *Held) own() *x509.Certificate {
	for _, c := range h.Chain {
		if h.Signer != nil && pki.SameKey(c.PublicKey, h.Signer.Public()) {
			return c
		}
	}
	for _, c := range h.Chain {
		if !bytes.Equal(c.RawSubject, c.RawIssuer) {
			return c
		}
	}
	return h.Chain[0]
}

// key judges the private key of a row; one that is not there, or cannot be read as a file, is no finding of this.
func (j Judgement) key(h *Held) *finding.Finding {
	switch {
	case h.KeyErr != nil:
		return h.KeyErr
	case h.Signer != nil:
		return pki.KeyFault(h.Signer.Public())
	}
	return nil
}
