package pki

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/pkitool/pkitool/finding"
	"github.com/pkitool/pkitool/internal/hidden"
)

// Authority is a CA one may sign with: the certificate and the key are a pair,
// the certificate is a CA that may sign certificates. NewAuthority and
// SelfSign are the only doors. The key is a crypto.Signer, so it need not be a file.
type Authority struct {
	hidden.Secret
	cert   *x509.Certificate
	bundle []*x509.Certificate
	above  []*x509.Certificate // what follows a leaf in its file
	key    crypto.Signer
}

// NewAuthority finds in bundle the certificate whose key is held and checks
// that it may sign at now. The certificates of a bundle may have any
// order; where several hold the same key (a renewed CA), of those that may sign
// at now the one that is valid longest is taken. Errors are findings without a row: the caller knows the file.
func NewAuthority(bundle []*x509.Certificate, key crypto.Signer, now time.Time) (*Authority, error) {
	if len(bundle) == 0 {
		return nil, finding.New(finding.CAMissing)
	}
	var cert *x509.Certificate
	fault := finding.New(finding.CANoneOfKey)
	for _, c := range bundle {
		switch bad := SigningFault(c, now); {
		case !SameKey(c.PublicKey, key.Public()):
		case bad != nil:
			fault = bad
		case cert == nil || c.NotAfter.After(cert.NotAfter):
			cert = c
		}
	}
	if cert == nil {
		return nil, fault
	}
	return &Authority{cert: cert, bundle: bundle, above: Intermediates(cert, bundle), key: key}, nil
}

// SigningFault says why a certificate may not sign others at now; nil if it may.
func SigningFault(c *x509.Certificate, now time.Time) *finding.Finding {
	switch {
	case !c.BasicConstraintsValid || !c.IsCA:
		return finding.New(finding.NotACA)
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return finding.New(finding.CAMayNotSign)
	case len(c.Subject.Names) == 0: // RFC 5280 section 4.1.2.6: nothing could name it as its issuer
		return finding.New(finding.CAWithoutSubject)
	case !now.Before(c.NotAfter):
		return finding.New(finding.CAExpired, finding.Stamp(c.NotAfter), finding.Stamp(now))
	case now.Before(c.NotBefore):
		return finding.New(finding.CANotYetValid, finding.Stamp(c.NotBefore), finding.Stamp(now))
	}
	return nil
}

// Certificate is the certificate that the authority signs with.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// Bundle are all the certificates of the authority's file, in their order.
func (a *Authority) Bundle() []*x509.Certificate { return a.bundle }

// Window is the validity of a certificate that is issued at now for d: from a
// little before now, but never before the CA's own beginning. A certificate
// that would outlive its CA is an error, finding.WouldOutliveCA.
func (a *Authority) Window(now time.Time, d time.Duration) (notBefore, notAfter time.Time, err error) {
	notBefore, notAfter = Window(now, d)
	if notBefore.Before(a.cert.NotBefore) {
		notBefore = a.cert.NotBefore
	}
	return notBefore, notAfter, a.outlived(notAfter, now)
}

// Window is the validity of a certificate that is made at now for d.
func Window(now time.Time, d time.Duration) (notBefore, notAfter time.Time) {
	return seconds(now.Add(-Backdate)), seconds(now.Add(d))
}

// outlived is an error for a certificate that is valid longer than the CA. It
// names the longest validity from now on, in the largest unit that is not zero.
func (a *Authority) outlived(notAfter, now time.Time) error {
	if !notAfter.After(a.cert.NotAfter) {
		return nil
	}
	unit, letter := time.Hour, "h"
	left := a.cert.NotAfter.Sub(now)
	switch {
	case left < time.Minute:
		unit, letter = time.Second, "s"
	case left < time.Hour:
		unit, letter = time.Minute, "m"
	}
	return finding.New(finding.WouldOutliveCA, finding.Stamp(notAfter), fmt.Sprint(int64(left/unit), letter)).Want(finding.Stamp(a.cert.NotAfter))
}

// SelfSign makes a root: a CA signed by its own key. ctx ends the wait for a
// signer that has not been asked yet.
func SelfSign(ctx context.Context, t Template, key crypto.Signer) (*Authority, error) {
	if !t.CA {
		return nil, errors.New("only a CA signs itself")
	}
	if err := t.Check(); err != nil {
		return nil, err
	}
	cert, err := sign(ctx, t, key.Public(), nil, key)
	if err != nil {
		return nil, err
	}
	return &Authority{cert: cert, bundle: []*x509.Certificate{cert}, key: key}, nil
}

// Issue signs a certificate for key. The result is the certificate followed by
// the CA certificates that a peer who only knows the root needs (none, if the
// authority is a root itself): the content of a leaf's file.
func (a *Authority) Issue(ctx context.Context, t Template, key crypto.Signer) ([]*x509.Certificate, error) {
	return a.IssuePublic(ctx, t, key.Public())
}

// IssuePublic is Issue for somebody else's key, of which only the public half is known.
func (a *Authority) IssuePublic(ctx context.Context, t Template, pub crypto.PublicKey) ([]*x509.Certificate, error) {
	if err := a.Check(t); err != nil {
		return nil, err
	}
	cert, err := sign(ctx, t, pub, a.cert, a.key)
	if err != nil {
		return nil, err
	}
	return append([]*x509.Certificate{cert}, a.above...), nil
}

// Check says, without a signature, why Issue would refuse a template; KeyFault says the same of a key.
func (a *Authority) Check(t Template) error {
	if err := t.Check(); err != nil {
		return err
	}
	if err := a.outlived(seconds(t.NotAfter), t.NotBefore.Add(Backdate)); err != nil {
		return err
	}
	if t.CA && a.cert.MaxPathLen == 0 && a.cert.MaxPathLenZero {
		return errors.New("the CA's path length 0 allows no CA below it")
	}
	if t.CA && a.cert.MaxPathLen > 0 && (t.PathLen == nil || *t.PathLen >= a.cert.MaxPathLen) {
		return fmt.Errorf("a CA below this one needs a path length of %d or less", a.cert.MaxPathLen-1)
	}
	subject, err := t.Subject.encode()
	if err == nil && bytes.Equal(subject, a.cert.RawSubject) {
		// openssl takes such a certificate for self-signed, and it gets no AKI.
		err = fmt.Errorf("subject %q is the CA's own subject", t.Subject)
	}
	return err
}

// Intermediates walks from a CA certificate up through bundle and returns the
// certificates on the way that are not self-signed, the given one first: what
// has to follow a leaf so that whoever trusts the root can verify it.
func Intermediates(ca *x509.Certificate, bundle []*x509.Certificate) []*x509.Certificate {
	var chain []*x509.Certificate
	for c := ca; c != nil && !selfIssued(c) && len(chain) <= len(bundle); c = issuerIn(c, bundle) {
		chain = append(chain, c)
	}
	return chain
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

func issuerIn(c *x509.Certificate, bundle []*x509.Certificate) *x509.Certificate {
	for _, p := range bundle {
		if !p.Equal(c) && bytes.Equal(p.RawSubject, c.RawIssuer) && p.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil {
			return p
		}
	}
	return nil
}

// sign signs, then proves: what comes back is read again and compared with the
// template before anybody sees it. parent is nil for a root. A crypto.Signer
// knows no context, so a signer that is already asked is waited for.
func sign(ctx context.Context, t Template, pub crypto.PublicKey, parent *x509.Certificate, key crypto.Signer) (*x509.Certificate, error) {
	if fault := KeyFault(pub); fault != nil && fault.Severity == finding.Error {
		return nil, fault
	}
	c, err := t.certificate(pub)
	if err != nil {
		return nil, err
	}
	if parent != nil && len(parent.SubjectKeyId) == 0 {
		// kubeadm built with Go 1.14 or older made such CAs, for ten years. The
		// standard library would leave the AKI out, which no certificate may lack.
		named := *parent
		if named.SubjectKeyId, err = keyID(parent.PublicKey); err != nil {
			return nil, err
		}
		parent = &named
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, cmp.Or(parent, c), pub, key)
	if err != nil {
		return nil, err
	}
	return prove(der, t, pub, parent)
}
