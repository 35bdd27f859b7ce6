package judge

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"slices"
	"strconv"
	"strings"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
)

// leaf judges a row that a CA signs: a pair, or a kubeconfig.
func (j Judgement) leaf(c *Case) {
	h := c.Held
	c.unread()
	c.rights()
	switch {
	case h.Conf.Path != "":
		if h.Conf.Exists {
			j.conf(c)
		}
	case h.Cert.Exists:
		if !h.Key.There() {
			c.add(finding.New(finding.KeyMissing), h.Key.Path)
		}
		j.certificate(c, h.Cert.Path, h.Key.Path)
	case h.Key.Exists:
		c.add(j.key(h), h.Key.Path)
	}
	if c.Spec.Given {
		j.given(c)
	}
}

// given judges the presence and the mode of files that somebody else makes.
func (j Judgement) given(c *Case) {
	h := c.Held
	switch {
	case !h.Cert.There():
		c.add(finding.New(finding.CertificateMissing), h.Cert.Path)
	case !h.Key.There() && !c.Has(finding.KeyMissing):
		c.add(finding.New(finding.KeyMissing), h.Key.Path)
	case h.Key.Exists && h.Key.Mode.Perm()&0o077 != 0:
		c.add(finding.New(finding.KeyModeLoose, finding.Mode(h.Key.Mode)), h.Key.Path)
	}
}

// certificate judges the certificate and the key of a row by what its consumers
// need: pair, issuer, subject, names, usages, dates.
func (j Judgement) certificate(c *Case, certPath, keyPath string) {
	h, s := c.Held, c.Spec
	c.add(j.key(h), keyPath)
	if h.ChainErr != nil {
		c.add(h.ChainErr, certPath)
		return
	}
	leaf := h.Chain[0]
	add := func(f *finding.Finding) { c.add(f, certPath) }
	judged := allButKey
	switch {
	case h.Signer == nil:
		judged = Certificate
	case !pki.SameKey(leaf.PublicKey, h.Signer.Public()):
		add(finding.New(finding.KeyMismatch))
		judged = Certificate
	}
	var trust *Trust
	if c.CA != nil && len(c.CA.Bundle) > 0 {
		trust = &Trust{Path: c.CA.Path, Bundle: c.CA.Bundle, Pool: c.CA.Pool()}
	}
	for _, f := range judged(h.Chain, trust, Purpose{s.Kind.ExtKeyUsage(), s.Identity}, j.Now) {
		add(&f)
	}
	if !s.Given {
		j.identity(c, certPath)
	}
	j.names(c, certPath)
}

// identity compares the subject with the row's.
func (j Judgement) identity(c *Case, path string) {
	s := c.Spec
	leaf := c.Held.Chain[0]
	got := pki.CertificateSubject(leaf)
	if n := len([]rune(got.CommonName)); n > 64 {
		c.add(finding.New(finding.CommonNameLong, strconv.Itoa(n)), path)
	}
	switch s.Match(got) {
	case certs.Older:
		groups := strings.Join(got.Organization, ", ")
		if groups == "" {
			groups = "none"
		}
		c.add(finding.New(finding.GroupsOlder, groups), path)
	case certs.Other:
		switch {
		case s.Identity && got.CommonName == "" && c.Has(finding.CommonNameMissing):
		case s.Identity || certs.Reserved(got) != "":
			c.add(finding.New(finding.SubjectDiffers, finding.Quote(got.String())).Want(finding.Quote(s.Subject.String())), path)
		default:
			c.add(finding.New(finding.SubjectOtherName, finding.Quote(got.String())).Want(finding.Quote(s.Subject.String())), path)
		}
	}
}

// names compares the names with the row's: those that somebody asked for must be there, those that every such
// certificate should have are a warning, those of a default are worth a notice.
func (j Judgement) names(c *Case, path string) {
	s := c.Spec
	if s.SANs.Empty() || c.Has(finding.NamesNone) {
		return
	}
	has := pki.SANsOf(c.Held.Chain[0])
	missing := s.SANs.Minus(has)
	asked := missing.Minus(missing.Minus(s.Asked)).Minus(s.Optional)
	usual := missing.Minus(asked).Minus(s.Optional)
	if !asked.Empty() {
		c.add(finding.New(finding.NamesMissing).Want(asked.Strings()...), path)
	}
	if !usual.Empty() {
		c.add(finding.New(finding.NamesUsualMissing).Want(usual.Strings()...), path)
	}
	if left := missing.Minus(asked).Minus(usual); !left.Empty() {
		c.add(finding.New(finding.NamesLeftOut).Want(left.Strings()...), path)
	}
	if more := has.Minus(s.SANs); !more.Empty() {
		c.add(finding.New(finding.NamesMore, more.Strings()...), path)
	}
}

// keyPair judges the service-account key pair.
func (j Judgement) keyPair(c *Case) {
	h := c.Held
	c.unread()
	c.rights()
	if h.Key.Exists {
		c.add(j.key(h), h.Key.Path)
		if h.Signer != nil && pki.DescribeKey(h.Signer.Public()) == string(pki.Ed25519) {
			c.add(finding.New(finding.SAKeyUnfit, string(pki.Ed25519)), h.Key.Path)
		}
	}
	if !h.Cert.Exists {
		return
	}
	for _, n := range h.Notes {
		c.add(&n, h.Cert.Path)
	}
	for _, pub := range h.Pubs {
		if h.Signer == nil || !pki.SameKey(pub, h.Signer.Public()) {
			c.add(pki.KeyFault(pub), h.Cert.Path) // whoever computes its private key signs tokens for everybody
		}
	}
	switch {
	case h.ChainErr != nil:
		c.add(h.ChainErr, h.Cert.Path)
	case !h.Key.There():
		c.add(finding.New(finding.SAKeyMissing, h.Cert.Path), h.Key.Path)
	case h.Signer != nil && !slices.ContainsFunc(h.Pubs, func(p crypto.PublicKey) bool { return pki.SameKey(p, h.Signer.Public()) }):
		c.add(finding.New(finding.SAPublicOther), h.Cert.Path)
	}
}

// conf judges an existing kubeconfig: whom it trusts and where it goes, and who it is.
func (j Judgement) conf(c *Case) {
	h, s, path := c.Held, c.Spec, c.Held.Conf.Path
	if h.EntryErr != nil {
		c.add(h.EntryErr, path)
		return
	}
	j.confTrust(c)
	if got := strings.TrimSuffix(h.Entry.Cluster.Server, "/"); !s.MayServe(got) {
		c.add(finding.New(finding.ServerDiffers, got).Want(s.Place.Server), path)
	}
	for _, f := range unusable(h) {
		c.add(&f, path)
	}
	if h.ChainErr == nil && len(h.Chain) == 0 {
		c.add(finding.New(finding.ClientCertMissing), path)
		return
	}
	before := len(c.Findings)
	if h.ChainErr == nil && h.Signer == nil && h.KeyErr == nil {
		c.add(finding.New(finding.KeyMissing), path)
	}
	j.certificate(c, path, path)
	if !h.Elsewhere() {
		return
	}
	// A file that the kubelet replaces by itself is the kubelet's: what is wrong with it is told, and stops nothing.
	for i := range c.Findings[before:] {
		f := &c.Findings[before+i]
		f.Severity = min(f.Severity, finding.Warning)
	}
	c.add(finding.New(finding.FilesElsewhere, h.Entry.User.ClientCertFile), path)
}

// confTrust compares the CA certificates of a kubeconfig with the CA's file. Order has no meaning; each certificate
// has: the one that is missing is the one whose servers this client would not know.
func (j Judgement) confTrust(c *Case) {
	h, path := c.Held, c.Held.Conf.Path
	if h.BundleErr != nil {
		f := *h.BundleErr
		if f.Entry == "" {
			f.Entry = "certificate authority"
		}
		c.add(&f, path)
		return
	}
	if len(h.Bundle) == 0 {
		c.add(finding.New(finding.TrustMissing), path)
		return
	}
	if c.CA == nil || len(c.CA.Bundle) == 0 {
		return
	}
	has := func(list []*x509.Certificate, x *x509.Certificate) bool { return slices.ContainsFunc(list, x.Equal) }
	more := slices.DeleteFunc(slices.Clone(h.Bundle), func(x *x509.Certificate) bool { return has(c.CA.Bundle, x) })
	missing := slices.DeleteFunc(slices.Clone(c.CA.Bundle), func(x *x509.Certificate) bool { return has(h.Bundle, x) })
	short := func(x *x509.Certificate) string { return Fingerprint(x)[:16] }
	switch {
	case len(more) == len(h.Bundle) && !slices.ContainsFunc(h.Bundle, func(x *x509.Certificate) bool { return j.earlier(x, c.CA.Bundle) }):
		c.add(Namesake(h.Bundle, c.CA.Bundle), path)
		if !c.Has(finding.TrustNamesake) {
			c.add(finding.New(finding.TrustOther, short(more[0])).Want(c.CA.Path), path)
		}
	case len(missing) > 0:
		c.add(finding.New(finding.TrustPartial, short(missing[0])).Want(c.CA.Path), path)
	case len(more) > 0:
		c.add(finding.New(finding.TrustMore, short(more[0])).Want(c.CA.Path), path)
	}
}

// earlier reports whether a certificate is another one of a CA here, for the same name and key, and still good: what that
// CA signs verifies against it.
func (j Judgement) earlier(x *x509.Certificate, ours []*x509.Certificate) bool {
	return j.anchors(x) == nil && slices.ContainsFunc(ours, func(y *x509.Certificate) bool {
		return bytes.Equal(x.RawSubject, y.RawSubject) && pki.SameKey(x.PublicKey, y.PublicKey)
	})
}

// Namesake says that CAs have the name of one of ours, and another key.
func Namesake(theirs, ours []*x509.Certificate) *finding.Finding {
	for _, x := range theirs {
		for _, y := range ours {
			if bytes.Equal(x.RawSubject, y.RawSubject) && !pki.SameKey(x.PublicKey, y.PublicKey) {
				return finding.New(finding.TrustNamesake, KeyID(x.SubjectKeyId)).Want(KeyID(y.SubjectKeyId))
			}
		}
	}
	return nil
}

// unusable are the errors for which client-go refuses the entry of the current context, or reads it in another way than
// it looks. What is judged here in other words is left out.
func unusable(h *Held) []finding.Finding {
	return slices.DeleteFunc(h.Config.Check(), func(f finding.Finding) bool {
		ours := f.Kind == "cluster" && f.Name == h.Entry.Cluster.Name || f.Kind == "user" && f.Name == h.Entry.User.Name
		return !ours || f.Severity != finding.Error
	})
}
