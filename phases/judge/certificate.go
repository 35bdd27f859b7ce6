package judge

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/pki"
)

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
	out := allButKey(chain, trust, p, now)
	if f := pki.KeyFault(chain[0].PublicKey); f != nil {
		out = slices.Insert(out, 0, *f)
	}
	return out
}

// allButKey is Certificate, for who has judged the key already: that takes as long as to check a signature.
func allButKey(chain []*x509.Certificate, trust *Trust, p Purpose, now time.Time) []finding.Finding {
	var out []finding.Finding
	c := chain[0]
	add := func(f *finding.Finding) {
		if f != nil {
			out = append(out, *f)
		}
	}
	at := now
	switch {
	case now.After(c.NotAfter):
		add(finding.New(finding.CertificateExpired, finding.Stamp(c.NotAfter)))
		at = c.NotAfter
	case now.Before(c.NotBefore):
		add(finding.New(finding.CertificateNotYetValid, finding.Stamp(c.NotBefore), finding.Stamp(now)))
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
	if slices.ContainsFunc(c.Subject.Names, hasControl) {
		add(finding.New(finding.SubjectControl, finding.Quote(pki.CertificateSubject(c).String())))
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

func hasControl(a pkix.AttributeTypeAndValue) bool {
	text, ok := a.Value.(string)
	return ok && pki.HasControl(text)
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
		add(finding.New(finding.OutlivesCA, finding.Stamp(c.NotAfter)).Want(finding.Stamp(end)))
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
			return finding.New(finding.OtherCASameName, KeyID(c.AuthorityKeyId)).Want(KeyID(p.SubjectKeyId))
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

// Fingerprint is the SHA-256 of a certificate in hex.
func Fingerprint(c *x509.Certificate) string { return fmt.Sprintf("%x", sha256.Sum256(c.Raw)) }

// KeyID is the beginning of a key identifier, which is enough to tell two apart.
func KeyID(id []byte) string {
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
	return Itself(c, now)
}

// Itself is Object, of a certificate that crypto/x509 has read.
func Itself(c *x509.Certificate, now time.Time) []finding.Finding {
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
