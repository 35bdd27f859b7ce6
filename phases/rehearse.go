package phases

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
)

// forbidden says why a certificate, if this CA signed it, would be refused: the CA's own certificate, or one above it,
// limits names, usages or the length of the chain. kubeadm signs it and leaves the fault to be found in a running
// cluster. The answer comes from a rehearsal with keys that are thrown away, as boulder's linter does, and only where
// there is a limit at all: the CA's own key signs once, what is written.
func forbidden(t pki.Template, ca *judge.CA, now time.Time) string {
	if !slices.ContainsFunc(ca.Bundle, limited) {
		return ""
	}
	text, err := rehearse(t, ca, now)
	if err != nil {
		return err.Error()
	}
	return text
}

// rehearse makes the chain of a certificate anew with one throw-away key, each CA with the limits of the real one, and
// has crypto/x509 judge it.
func rehearse(t pki.Template, ca *judge.CA, now time.Time) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	path := pathTo(ca)
	roots := x509.NewCertPool()
	var parent *x509.Certificate
	for _, real := range slices.Backward(path) {
		again, err := imitate(real, parent, key)
		if err != nil {
			return "", err
		}
		roots.AddCert(again) // every certificate of the file is an anchor
		parent = again
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: t.Subject.CommonName}, NotBefore: parent.NotBefore, NotAfter: parent.NotAfter,
		DNSNames: t.SANs.DNS, EmailAddresses: t.SANs.Emails, ExtKeyUsage: t.ExtKeyUsage, BasicConstraintsValid: true, IsCA: t.CA,
	}
	for _, ip := range t.SANs.IPs {
		leaf.IPAddresses = append(leaf.IPAddresses, ip.AsSlice())
	}
	for _, text := range t.SANs.URIs {
		u, err := url.Parse(text)
		if err != nil {
			return "", err
		}
		leaf.URIs = append(leaf.URIs, u)
	}
	made, err := certify(leaf, parent, key)
	if err != nil {
		return "", err
	}
	usages := t.ExtKeyUsage
	if t.CA {
		usages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} // a CA is for whatever is below it
	}
	for _, usage := range usages {
		if _, err := made.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			return "does not verify against " + ca.Path + ": " + strings.TrimPrefix(err.Error(), "x509: "), nil
		}
	}
	return "", nil
}

// pathTo is the CA that signs, and what is above it in its file.
func pathTo(ca *judge.CA) []*x509.Certificate {
	path := []*x509.Certificate{ca.Signer.Certificate()}
	for len(path) < maxPath {
		last := path[len(path)-1]
		i := slices.IndexFunc(ca.Bundle, func(p *x509.Certificate) bool { return !p.Equal(last) && judge.SignedBy(last, p) })
		if i < 0 {
			break
		}
		path = append(path, ca.Bundle[i])
	}
	return path
}

// imitate is a CA certificate with the subject and the limits of a real one, for another key.
func imitate(real, parent *x509.Certificate, key crypto.Signer) (*x509.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), RawSubject: real.RawSubject, NotBefore: real.NotBefore, NotAfter: real.NotAfter,
		BasicConstraintsValid: real.BasicConstraintsValid, IsCA: real.IsCA, MaxPathLen: real.MaxPathLen, MaxPathLenZero: real.MaxPathLenZero,
		KeyUsage: real.KeyUsage, ExtKeyUsage: real.ExtKeyUsage, UnknownExtKeyUsage: real.UnknownExtKeyUsage,
	}
	for _, e := range real.Extensions {
		unknown := slices.ContainsFunc(real.UnhandledCriticalExtensions, e.Id.Equal)
		if unknown || e.Id.String() == "2.5.29.30" {
			t.ExtraExtensions = append(t.ExtraExtensions, e)
		}
	}
	if parent == nil {
		parent = t
	}
	return certify(t, parent, key)
}

func certify(t, parent *x509.Certificate, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
