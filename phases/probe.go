package phases

import (
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"slices"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki"
)

// forbidden says why a certificate for the row, if this CA signed it, would
// not stand: the CA's own certificate, or one above it, limits names, usages or
// the length of the chain. kubeadm signs it and leaves the fault to be found in
// a running cluster. The answer comes from a certificate made to be thrown
// away, and only where there is a limit at all.
func (d *decider) forbidden(s certs.Spec, ca *authority) string {
	if !slices.ContainsFunc(ca.bundle, limited) {
		return ""
	}
	return d.unfit(s, s.Template(), ca)
}

// unfit is forbidden for a template that need not be the row's own, and whatever the CA.
func (d *decider) unfit(s certs.Spec, t pki.Template, ca *authority) string {
	t.NotBefore, t.NotAfter = ca.signer.Certificate().NotBefore, ca.signer.Certificate().NotAfter
	key, err := pki.GenerateKey(pki.ECDSAP256)
	if err != nil {
		return err.Error()
	}
	chain, err := ca.signer.Issue(context.Background(), t, key)
	if err != nil {
		return err.Error()
	}
	if _, texts := verdict(s, chain, ca, d.now); len(texts) > 0 {
		return "its CA cannot sign it: a certificate would not stand, it " + texts[0]
	}
	return ""
}

// certify signs for a key, or for a public one where the key is somebody else's.
// Unlike a row of the table, what is signed here is judged by nobody afterwards:
// so a certificate that would not stand is an error here.
func (a *authority) certify(t pki.Template, key crypto.Signer, pub crypto.PublicKey, now time.Time) (chain []*x509.Certificate, err error) {
	if key != nil {
		pub = key.Public()
	}
	if pki.SameKey(pub, a.signer.Certificate().PublicKey) {
		return nil, errors.New("key is the CA's own: whoever serves or logs in with it could sign as the CA")
	}
	if key != nil {
		chain, err = a.signer.Issue(context.Background(), t, key)
	} else {
		chain, err = a.signer.IssuePublic(context.Background(), t, pub)
	}
	if err != nil || !slices.ContainsFunc(a.bundle, limited) {
		return chain, err
	}
	usages := t.ExtKeyUsage
	if t.CA {
		usages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} // a CA is for whatever is below it
	}
	if _, texts := verdictFor(usages, chain, a, now); len(texts) > 0 {
		return nil, errors.New("the CA cannot sign this: the certificate would not stand, it " + texts[0])
	}
	return chain, nil
}

// limited reports whether a CA certificate allows less than every certificate
// below it: name constraints, extended usages, an extension that nobody knows.
func limited(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage)+len(c.UnhandledCriticalExtensions) > 0 ||
		slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.String() == "2.5.29.30" })
}
