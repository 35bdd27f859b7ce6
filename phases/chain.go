package phases

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/pkitool/pkitool/certs"
)

// verdict judges a leaf's chain for the role of its row, with bundle as trust:
// what is wrong beyond what the judge already says in its own words.
func verdict(s certs.Spec, chain, bundle []*x509.Certificate, now time.Time) []string {
	roots, inter := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range bundle {
		roots.AddCert(c)
	}
	for _, c := range chain[1:] {
		inter.AddCert(c)
	}
	var out []string
	for _, u := range s.Kind.ExtKeyUsage() {
		if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: inter, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{u}}); err != nil {
			out = append(out, err.Error())
		}
	}
	return out
}

// fingerprint is the SHA-256 of a certificate in hex.
func fingerprint(c *x509.Certificate) string { return fmt.Sprintf("%x", sha256.Sum256(c.Raw)) }

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
