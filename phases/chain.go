package phases

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/pki/verify"
)

// verdict judges a leaf's chain for the role of its row with a CA's file as
// trust: as openssl verify does with -partial_chain, since every consumer in
// Kubernetes takes an intermediate CA in its trust file for an anchor. A peer is judged
// in both of its roles. ok is false if anything is wrong; texts say what.
func verdict(s certs.Spec, chain []*x509.Certificate, ca *authority, now time.Time) (ok bool, texts []string) {
	return verdictFor(s.Kind.ExtKeyUsage(), chain, ca, now)
}

// verdictFor is verdict for usages; ExtKeyUsageAny: for no purpose.
func verdictFor(usages []x509.ExtKeyUsage, chain []*x509.Certificate, ca *authority, now time.Time) (ok bool, texts []string) {
	var parsed []*verify.Certificate
	for _, c := range chain {
		p, err := verify.ParseCertificate(c.Raw)
		if err != nil {
			return false, []string{"certificate cannot be read as openssl reads it: " + err.Error()}
		}
		parsed = append(parsed, p)
	}
	ok = true
	for _, usage := range usages {
		o := verify.NewOptions(now)
		o.PartialChain, o.Purpose = true, verify.PurposeSSLServer
		if usage == x509.ExtKeyUsageClientAuth {
			o.Purpose = verify.PurposeSSLClient
		}
		if usage == x509.ExtKeyUsageAny || slices.Contains(chain[0].ExtKeyUsage, x509.ExtKeyUsageAny) {
			// No wildcard to openssl, but one to every consumer in Kubernetes (Go's TLS).
			o.Purpose = verify.PurposeNone
		}
		r := verify.Verify(parsed[0], ca.trusted(), parsed[1:], nil, o)
		ok = ok && r.OK
		for _, f := range r.Findings {
			texts = append(texts, fmt.Sprintf("does not verify against %s: %s (%s at depth %d)", ca.path, f.Code.Text(), f.Code.Name(), f.Depth))
		}
		if r.Internal {
			texts = append(texts, fmt.Sprintf("does not verify against %s: %s", ca.path, r.Reason))
		}
	}
	return ok, slices.Compact(texts)
}

// trusted is the CA's file as trust for the engine, made once.
func (a *authority) trusted() *verify.Trust {
	a.once.Do(func() {
		var list []*verify.Certificate
		for _, c := range a.bundle {
			if p, err := verify.ParseCertificate(c.Raw); err == nil {
				list = append(list, p)
			}
		}
		a.trust = verify.NewStore(list, nil)
	})
	return a.trust
}

// Fingerprint is the SHA-256 of a certificate in hex.
func Fingerprint(c *x509.Certificate) string { return fmt.Sprintf("%x", sha256.Sum256(c.Raw)) }

// keyFingerprint is the SHA-256 of the first public key (PKIX DER) in hex.
func keyFingerprint(pubs []crypto.PublicKey) string {
	if len(pubs) == 0 {
		return ""
	}
	der, err := x509.MarshalPKIXPublicKey(pubs[0])
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(der))
}
