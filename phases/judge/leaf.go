package judge

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
)

// leaf judges a row that a CA signs: a pair, or a kubeconfig.
func (j Judgement) leaf(c *Case) {
	h := c.Held
	c.unread()
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
		c.add(finding.New(finding.KeyModeLoose, mode(h.Key.Mode)), h.Key.Path)
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
	if h.Signer != nil && !pki.SameKey(leaf.PublicKey, h.Signer.Public()) {
		add(finding.New(finding.KeyMismatch))
	}
	var trust *Trust
	if c.CA != nil && len(c.CA.Bundle) > 0 {
		trust = &Trust{Path: c.CA.Path, Bundle: c.CA.Bundle, Pool: c.CA.Pool()}
	}
	for _, f := range Certificate(h.Chain, trust, Purpose{s.Kind.ExtKeyUsage(), s.Identity}, j.Now) {
		if f.ID != finding.KeyUnfit || !c.Has(finding.KeyUnfit) { // told of the private key already
			add(&f)
		}
	}
	if !s.Given {
		j.identity(c, certPath)
	}
	j.names(c, certPath)
}

// Trust is a set of anchors, and the file that it comes from.
type Trust struct {
	Path   string
	Bundle []*x509.Certificate
	Pool   *x509.CertPool
}

// NewTrust makes anchors of the certificates of a file.
func NewTrust(path string, bundle []*x509.Certificate) *Trust {
	return &Trust{Path: path, Bundle: bundle, Pool: poolOf(bundle)}
}

// Purpose is what a certificate is for: its extended key usages, and whether the API server knows its holder by the subject.
type Purpose struct {
	Usages   []x509.ExtKeyUsage
	Identity bool
}

// Certificate judges a certificate, with those behind it in its file, for a purpose, as Go's crypto/tls and so every
// Kubernetes component does: key, signature, chain, usages, dates. trust nil: the chain is not judged.
func Certificate(chain []*x509.Certificate, trust *Trust, p Purpose, now time.Time) []finding.Finding {
	var out []finding.Finding
	c := chain[0]
	add := func(f *finding.Finding) {
		if f != nil {
			out = append(out, *f)
		}
	}
	add(pki.KeyFault(c.PublicKey))
	at := now
	switch {
	case now.After(c.NotAfter):
		add(finding.New(finding.CertificateExpired, stamp(c.NotAfter)))
		at = c.NotAfter
	case now.Before(c.NotBefore):
		add(finding.New(finding.CertificateNotYetValid, stamp(c.NotBefore)))
		at = c.NotBefore
	}
	var have []x509.ExtKeyUsage
	for _, want := range p.Usages {
		if Allows(c, want) {
			have = append(have, want)
		} else {
			add(finding.New(finding.UsageMissing).Want(want.String()))
		}
	}
	if c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		add(finding.New(finding.SignatureUsageMissing))
	}
	if slices.Contains(p.Usages, x509.ExtKeyUsageServerAuth) && len(c.DNSNames)+len(c.IPAddresses) == 0 {
		add(finding.New(finding.NamesNone))
	}
	if p.Identity && c.Subject.CommonName == "" {
		add(finding.New(finding.CommonNameMissing))
	}
	switch {
	case trust != nil:
		chained(chain, trust, have, at, add)
	case weak(c.SignatureAlgorithm) && !bytes.Equal(c.RawSubject, c.RawIssuer):
		add(finding.New(finding.SignatureWeak, c.SignatureAlgorithm.String()))
	}
	return out
}

// chained judges the way from a certificate to an anchor.
func chained(chain []*x509.Certificate, trust *Trust, usages []x509.ExtKeyUsage, at time.Time, add func(*finding.Finding)) {
	c := chain[0]
	// One look at each signature is enough: who signed is asked only where no chain was found, and the usages are compared
	// along the chains that were.
	paths, err := c.Verify(x509.VerifyOptions{
		Roots: trust.Pool, Intermediates: poolOf(chain[1:]), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		if f := signature(c, trust, chain[1:]); f != nil {
			add(f)
			return
		}
	}
	if mayIssue(c) && !slices.ContainsFunc(trust.Bundle, c.Equal) {
		add(finding.New(finding.LeafIsCA))
	}
	if end := outlives(c, trust.Bundle); !end.IsZero() {
		add(finding.New(finding.OutlivesCA, stamp(c.NotAfter)).Want(stamp(end)))
		if at.After(end) {
			return // the CA has ended: that is its own finding
		}
	}
	if err != nil {
		add(finding.New(finding.ChainRefused, strings.TrimPrefix(err.Error(), "x509: ")).Want(trust.Path))
		return
	}
	for _, usage := range usages {
		if !slices.ContainsFunc(paths, func(path []*x509.Certificate) bool { return allAllow(path, usage) }) {
			add(finding.New(finding.ChainRefused, "certificate specifies an incompatible key usage").Want(trust.Path))
			return
		}
	}
}

// allAllow reports whether a usage is allowed along a whole chain, as crypto/x509 asks.
func allAllow(path []*x509.Certificate, usage x509.ExtKeyUsage) bool {
	return !slices.ContainsFunc(path, func(c *x509.Certificate) bool { return !Allows(c, usage) })
}

// signature finds who signed c: a certificate of the anchors, one behind it in its file that an anchor has signed in
// turn, or itself where it is an anchor. nil: one of them did.
func signature(c *x509.Certificate, trust *Trust, behind []*x509.Certificate) *finding.Finding {
	if slices.ContainsFunc(trust.Bundle, c.Equal) {
		return nil // a pinned certificate: Go asks no further
	}
	for i, p := range slices.Concat(trust.Bundle, behind) {
		if !bytes.Equal(p.RawSubject, c.RawIssuer) {
			continue
		}
		err := p.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
		switch at := i - len(trust.Bundle); {
		case errors.As(err, new(x509.InsecureAlgorithmError)):
			return finding.New(finding.SignatureUnchecked, c.SignatureAlgorithm.String())
		case err == nil && weak(c.SignatureAlgorithm):
			return finding.New(finding.SignatureWeak, c.SignatureAlgorithm.String())
		case err != nil:
		case at < 0:
			return nil
		default:
			return signature(p, trust, slices.Concat(behind[:at], behind[at+1:]))
		}
	}
	for _, p := range trust.Bundle {
		if bytes.Equal(p.RawSubject, c.RawIssuer) {
			return finding.New(finding.OtherCASameName, keyID(c.AuthorityKeyId)).Want(keyID(p.SubjectKeyId))
		}
	}
	return finding.New(finding.OtherCA, finding.Quote(pki.SubjectOf(c.Issuer, c.RawIssuer).String()))
}

// weak are the algorithms that [x509.Certificate.CheckSignature] takes, and the building of a chain does not.
func weak(a x509.SignatureAlgorithm) bool { return a == x509.SHA1WithRSA || a == x509.ECDSAWithSHA1 }

// mayIssue reports whether a certificate may sign others. What signed it makes
// it part of every chain to the same root, so a leaf that may is a second key of the CA.
func mayIssue(c *x509.Certificate) bool {
	return c.BasicConstraintsValid && c.IsCA && (c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageCertSign != 0)
}

// outlives gives the end of the CA that signed c, if c is valid longer, and else the zero time. A CA that was renewed
// with its old key has several certificates in the bundle: the last end counts.
func outlives(c *x509.Certificate, bundle []*x509.Certificate) time.Time {
	var end time.Time
	if !slices.ContainsFunc(bundle, func(p *x509.Certificate) bool { return c.NotAfter.After(p.NotAfter) }) {
		return end // whichever signed it: no signature need be looked at
	}
	for _, p := range bundle {
		if p.NotAfter.After(end) && SignedBy(c, p) {
			end = p.NotAfter
		}
	}
	if c.NotAfter.After(end) {
		return end // zero if none signed it: an intermediate in the leaf's own file did
	}
	return time.Time{}
}

// SignedBy reports whether p signed c.
func SignedBy(c, p *x509.Certificate) bool {
	return bytes.Equal(p.RawSubject, c.RawIssuer) && p.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// Allows reports whether a certificate is good for an extended key usage. An absent extension allows everything.
func Allows(c *x509.Certificate, want x509.ExtKeyUsage) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 || slices.Contains(c.ExtKeyUsage, want) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
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
	case len(more) == len(h.Bundle):
		c.add(finding.New(finding.TrustOther, short(more[0])).Want(c.CA.Path), path)
	case len(missing) > 0:
		c.add(finding.New(finding.TrustPartial, short(missing[0])).Want(c.CA.Path), path)
	case len(more) > 0:
		c.add(finding.New(finding.TrustMore, short(more[0])).Want(c.CA.Path), path)
	}
}

// unusable are the errors for which client-go refuses the entry of the current context, or reads it in another way than
// it looks. What is judged here in other words is left out.
func unusable(h *Held) []finding.Finding {
	return slices.DeleteFunc(h.Config.Check(), func(f finding.Finding) bool {
		ours := f.Kind == "cluster" && f.Name == h.Entry.Cluster.Name || f.Kind == "user" && f.Name == h.Entry.User.Name
		return !ours || f.Severity != finding.Error
	})
}

// Fingerprint is the SHA-256 of a certificate in hex.
func Fingerprint(c *x509.Certificate) string { return fmt.Sprintf("%x", sha256.Sum256(c.Raw)) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func number(i int) string { return strconv.Itoa(i + 1) }

func mode(m fs.FileMode) string { return fmt.Sprintf("%04o", m.Perm()) }

func keyID(id []byte) string {
	if len(id) == 0 {
		return "(none)"
	}
	return fmt.Sprintf("%x", id[:min(len(id), 8)])
}

// Object judges a certificate by itself, for what it says that it is for: no chain and no row is looked at. der is its
// encoding: what crypto/x509 does not read no Kubernetes component reads.
func Object(der []byte, now time.Time) []finding.Finding {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return []finding.Finding{*finding.New(finding.CertificateBroken, "1", strings.TrimPrefix(err.Error(), "x509: "))}
	}
	if c.IsCA || c.Version == 1 {
		if f := anchor(c, now); f != nil {
			return []finding.Finding{*f}
		}
		return nil
	}
	var p Purpose
	for _, usage := range certs.Peer.ExtKeyUsage() {
		if slices.Contains(c.ExtKeyUsage, usage) {
			p.Usages = append(p.Usages, usage)
		}
	}
	p.Identity = slices.Equal(p.Usages, certs.Client.ExtKeyUsage())
	return Certificate([]*x509.Certificate{c}, nil, p, now)
}
