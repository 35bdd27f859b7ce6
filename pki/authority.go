package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/pkitool/pkitool/pki/internal/sign"
)

// Authority is a CA one may sign with: the certificate and the key are a pair,
// the certificate is a CA that may sign certificates. NewAuthority and
// SelfSign are the only doors. The key is a crypto.Signer, so it need not be a file.
type Authority struct {
	cert   *x509.Certificate
	bundle []*x509.Certificate
	key    crypto.Signer
}

// NewAuthority finds in bundle the certificate whose key is held and checks
// that it may sign at now. The certificates of a bundle may stand in any
// order; where several hold the same key (a renewed CA), of those that may sign
// at now the one that is valid longest is taken. Errors are sentences without a subject: the caller knows the file.
func NewAuthority(bundle []*x509.Certificate, key crypto.Signer, now time.Time) (*Authority, error) {
	if len(bundle) == 0 {
		return nil, errors.New("no CA certificate")
	}
	var cert *x509.Certificate
	fault := "key does not match certificate"
	for _, c := range bundle {
		switch bad := SigningFault(c, now); {
		case !SameKey(c.PublicKey, key.Public()):
		case bad == "" && (cert == nil || c.NotAfter.After(cert.NotAfter)):
			cert = c
		case bad != "":
			fault = bad
		}
	}
	if cert == nil {
		return nil, errors.New(fault)
	}
	return &Authority{cert: cert, bundle: bundle, key: key}, nil
}

// SigningFault says why a certificate may not sign others at now, or "".
func SigningFault(c *x509.Certificate, now time.Time) string {
	switch {
	case !c.BasicConstraintsValid || !c.IsCA:
		return "certificate is not a CA"
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return "certificate may not sign certificates (its key usage lacks keyCertSign)"
	case len(c.Subject.Names) == 0: // RFC 5280 section 4.1.2.6: nothing could name it as its issuer
		return "certificate has no subject, so it cannot be named as an issuer"
	case !now.Before(c.NotAfter):
		return "certificate has expired on " + stamp(c.NotAfter)
	case now.Before(c.NotBefore):
		return "certificate is not valid before " + stamp(c.NotBefore)
	}
	return ""
}

// SelfSign makes a root: a CA signed by its own key.
func SelfSign(t Template, key crypto.Signer) (*Authority, error) {
	if !t.CA {
		return nil, errors.New("only a CA signs itself")
	}
	cert, err := issue(t, key.Public(), key, nil, key)
	if err != nil {
		return nil, err
	}
	return &Authority{cert: cert, bundle: []*x509.Certificate{cert}, key: key}, nil
}

// Certificate is the certificate that the authority signs with.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// Bundle are all the certificates of the authority's file, as they stand there.
func (a *Authority) Bundle() []*x509.Certificate { return a.bundle }

// Window is the validity of a certificate that is issued at now for d: from a
// little before now, but never before the CA's own beginning. A certificate
// that would outlive its CA is an error, an *OutliveError.
func (a *Authority) Window(now time.Time, d time.Duration) (notBefore, notAfter time.Time, err error) {
	notBefore, notAfter = Window(now, d)
	if notBefore.Before(a.cert.NotBefore) {
		notBefore = a.cert.NotBefore
	}
	if notAfter.After(a.cert.NotAfter) {
		return notBefore, notAfter, &OutliveError{NotAfter: notAfter, CANotAfter: a.cert.NotAfter, Now: now}
	}
	return notBefore, notAfter, nil
}

// Window is the validity of a certificate that is made at now for d.
func Window(now time.Time, d time.Duration) (notBefore, notAfter time.Time) {
	return seconds(now.Add(-Backdate)), seconds(now.Add(d))
}

// OutliveError says that a certificate would be valid longer than its CA.
type OutliveError struct{ NotAfter, CANotAfter, Now time.Time }

func (e *OutliveError) Error() string {
	return fmt.Sprintf("would outlive its CA: valid until %s, the CA ends %s", stamp(e.NotAfter), stamp(e.CANotAfter))
}

// Hint says how long the certificate may live.
func (e *OutliveError) Hint() string {
	left := e.CANotAfter.Sub(e.Now).Truncate(time.Hour)
	if left <= 0 {
		return "the CA ends within the hour: replace the CA first"
	}
	return fmt.Sprintf("give --validity %s or less, or replace the CA first", hours(left))
}

func hours(d time.Duration) string { return fmt.Sprintf("%dh", int64(d/time.Hour)) }

// Issue signs a certificate for key. The result is the certificate followed by
// the CA certificates that a peer who only knows the root needs (none, if the
// authority is a root itself): the content of a leaf's file.
func (a *Authority) Issue(t Template, key crypto.Signer) ([]*x509.Certificate, error) {
	return a.issue(t, key.Public(), key)
}

// IssuePublic is Issue for somebody else's key, of which only the public half is known.
func (a *Authority) IssuePublic(t Template, pub crypto.PublicKey) ([]*x509.Certificate, error) {
	return a.issue(t, pub, nil)
}

func (a *Authority) issue(t Template, pub crypto.PublicKey, key crypto.Signer) ([]*x509.Certificate, error) {
	if seconds(t.NotAfter).After(a.cert.NotAfter) {
		return nil, &OutliveError{NotAfter: t.NotAfter, CANotAfter: a.cert.NotAfter, Now: t.NotBefore.Add(Backdate)}
	}
	if t.CA && a.cert.MaxPathLen == 0 && a.cert.MaxPathLenZero {
		return nil, errors.New("the CA's path length 0 allows no CA below it")
	}
	if t.CA && a.cert.MaxPathLen > 0 && (t.PathLen == nil || *t.PathLen >= a.cert.MaxPathLen) {
		return nil, fmt.Errorf("a CA below this one needs a path length of %d or less", a.cert.MaxPathLen-1)
	}
	cert, err := issue(t, pub, key, a.cert, a.key)
	if err != nil {
		return nil, err
	}
	return append([]*x509.Certificate{cert}, Intermediates(a.cert, a.bundle)...), nil
}

// Intermediates walks from a CA certificate up through bundle and returns the
// certificates on the way that are not self-signed, the given one first: what
// has to stand behind a leaf so that whoever trusts the root can verify it.
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

// issue signs, then proves: what comes back from the engine is read again and
// compared with the template before anybody sees it.
func issue(t Template, pub crypto.PublicKey, key crypto.Signer, parent *x509.Certificate, parentKey crypto.Signer) (*x509.Certificate, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if fault := KeyFault(pub); fault != "" {
		return nil, errors.New(fault)
	}
	r, err := t.request(pub)
	if err != nil {
		return nil, err
	}
	subject, err := t.Subject.encode()
	if err != nil {
		return nil, err
	}
	if parent != nil && bytes.Equal(subject, parent.RawSubject) {
		// openssl takes such a certificate for self-signed, and it gets no AKI.
		return nil, fmt.Errorf("subject %q is the CA's own subject", t.Subject)
	}
	der, err := sign.Certificate(r, pub, key, parent, parentKey)
	if err != nil {
		return nil, err
	}
	return prove(der, t, subject, pub, parent)
}
